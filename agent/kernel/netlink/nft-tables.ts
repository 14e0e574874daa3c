import { attributesOf, text, textOf } from './attributes.js';
import { FAMILY_NUMBER, FAMILY_UNSPECIFIED, HEADER_BYTES, header, NFT, type NftFamily, nftMessage, transact } from './nft-message.js';
import { NETLINK, NetlinkSocket } from './socket.js';

/** Tables, chains and rules of nft, without the tool (linux/netfilter/nf_tables.h): most namespaces have none, and that is soon found out. */

const TABLE_NAME = 1;
const CHAIN = { table: 1, name: 3, hook: 4, policy: 5 } as const;
const HOOK = { number: 1, priority: 2 } as const;
const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;
const POLICY_DROP = 0;
const RULE = { table: 1, chain: 2, userdata: 7 } as const;
/** Of the list in a rule's userdata (libnftnl): type and length in a byte each. */
const USERDATA_COMMENT = 0;

/** Names of a namespace's tables of a family; none on a kernel without nftables. The socket is not kept: instances are many. */
export function nftTables(netns: string, family: 'inet' | 'netdev'): string[] {
  const socket = new NetlinkSocket(NETLINK.netfilter, { netns });
  try {
    return listTables(socket).flatMap((table) => (table.family === FAMILY_NUMBER[family] ? [table.name] : []));
  } catch {
    return [];
  } finally {
    socket.close();
  }
}

export interface ListedTable {
  readonly family: number;
  readonly name: string;
}

export function listTables(socket: NetlinkSocket): ListedTable[] {
  return socket.dump(NFT.getTable, header(FAMILY_UNSPECIFIED)).map(({ body }) => ({
    family: body[0] ?? 0,
    name: textOf(attributesOf(body, HEADER_BYTES).get(TABLE_NAME) ?? Buffer.alloc(0)),
  }));
}

/** Afterwards the tables are gone, with all that is in them. */
export function deleteTables(socket: NetlinkSocket, tables: readonly ListedTable[]): void {
  transact(
    socket,
    tables.map(({ family, name }) => nftMessage(NFT.deleteTable, family, 0, text(TABLE_NAME, name))),
  );
}

export interface ListedChain {
  readonly name: string;
  /** Of a chain that the kernel calls: `<hook> <priority> <policy>`. */
  readonly hook: string;
  /** Comments of its rules, in order; empty text for a rule without. */
  readonly comments: readonly string[];
}

/** The chains of a table. */
export function listChains(socket: NetlinkSocket, family: NftFamily, table: string): ListedChain[] {
  const number = FAMILY_NUMBER[family];
  const comments = new Map<string, string[]>();
  for (const { body } of socket.dump(NFT.getRule, Buffer.concat([header(number), text(RULE.table, table)]))) {
    const attributes = attributesOf(body, HEADER_BYTES);
    const chain = textOf(attributes.get(RULE.chain) ?? Buffer.alloc(0));
    const list = comments.get(chain) ?? [];
    comments.set(chain, list);
    list.push(commentIn(attributes.get(RULE.userdata)));
  }
  return socket.dump(NFT.getChain, header(number)).flatMap(({ body }) => {
    const attributes = attributesOf(body, HEADER_BYTES);
    const name = textOf(attributes.get(CHAIN.name) ?? Buffer.alloc(0));
    if (textOf(attributes.get(CHAIN.table) ?? Buffer.alloc(0)) !== table) return [];
    return [{ name, hook: hookText(attributes.get(CHAIN.hook), attributes.get(CHAIN.policy)), comments: comments.get(name) ?? [] }];
  });
}

function hookText(hook: Buffer | undefined, policy: Buffer | undefined): string {
  if (!hook) return '';
  const attributes = attributesOf(hook);
  const name = HOOKS[attributes.get(HOOK.number)?.readUInt32BE() ?? -1] ?? 'unknown';
  return `${name} ${attributes.get(HOOK.priority)?.readInt32BE() ?? 0} ${policy?.readUInt32BE() === POLICY_DROP ? 'drop' : 'accept'}`;
}

function commentIn(userdata: Buffer | undefined): string {
  for (let at = 0; userdata && at + 2 <= userdata.length; ) {
    const [type, length = 0] = userdata.subarray(at, at + 2);
    if (type === USERDATA_COMMENT) return textOf(userdata.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return '';
}
