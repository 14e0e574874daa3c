import { attributesOf, textOf } from './attributes.js';
import { NETLINK, NetlinkSocket } from './socket.js';

/** Names of nft tables, without the tool (linux/netfilter/nf_tables.h): most namespaces have none, and that is soon found out. */

const GET_TABLE = (10 << 8) | 1;
const HEADER = 4;
const TABLE_NAME = 1;
const FAMILY: Readonly<Record<string, number>> = { inet: 1, netdev: 5 };

/** Names of a namespace's tables of a family; none on a kernel without nftables. The socket is not kept: instances are many. */
export function nftTables(netns: string, family: 'inet' | 'netdev'): string[] {
  const socket = new NetlinkSocket(NETLINK.netfilter, { netns });
  try {
    return socket
      .dump(GET_TABLE, Buffer.from([FAMILY[family] ?? 0, 0, 0, 0]))
      .filter(({ body }) => body[0] === FAMILY[family])
      .map(({ body }) => textOf(attributesOf(body, HEADER).get(TABLE_NAME) ?? Buffer.alloc(0)));
  } catch {
    return [];
  } finally {
    socket.close();
  }
}
