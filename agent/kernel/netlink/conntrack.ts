import { address, addressText, attribute, attributesOf, nested, u32 } from './attributes.js';
import { message, type NetlinkSocket } from './socket.js';

/** Tracked IPv4 flows of a namespace, through a NETLINK_NETFILTER socket in it (linux/netfilter/nfnetlink_conntrack.h). */

const SUBSYSTEM = 1 << 8;
const COMMAND = { get: 1, delete: 2 } as const;
const ATTRIBUTE = { original: 1, reply: 2, id: 12, filter: 25 } as const;
const TUPLE_IP = 1;
const IP = { source: 1, destination: 2 } as const;
const FILTER = { original: 1, reply: 2 } as const;
/** Which part of a tuple a filter looks at: nfct_filter_dump of libnetfilter_conntrack. */
const LOOKS_AT = { source: 1, destination: 2 } as const;
const FAMILY_IPV4 = 2;

export interface Flow {
  readonly original: { readonly source: string; readonly destination: string };
  /** Where answers come from and go to: differs from the original, turned round, when addresses are translated. */
  readonly reply: { readonly source: string; readonly destination: string };
  /** The request that ends it. */
  readonly deletion: Buffer;
}

/** One end of a flow's packets. */
export interface End {
  readonly end: 'source' | 'destination';
  readonly address: string;
}

const header = (): Buffer => Buffer.from([FAMILY_IPV4, 0, 0, 0]);
const deletion = (...attributes: Buffer[]): Buffer => message(SUBSYSTEM | COMMAND.delete, 0, header(), ...attributes);

export function listFlows(socket: NetlinkSocket): Flow[] {
  return socket.dump(SUBSYSTEM | COMMAND.get, header()).flatMap(({ body }): Flow[] => {
    const found = attributesOf(body, 4);
    const [original, reply, id] = [found.get(ATTRIBUTE.original), found.get(ATTRIBUTE.reply), found.get(ATTRIBUTE.id)];
    const [forth, back] = [original && endsOf(original), reply && endsOf(reply)];
    if (!original || !forth || !back) return [];
    const identity = [nested(ATTRIBUTE.original, original), ...(id ? [attribute(ATTRIBUTE.id, id)] : [])];
    return [{ original: forth, reply: back, deletion: deletion(...identity) }];
  });
}

/**
 * The request that ends all flows with these two addresses. The kernel goes through its table a hundred times as fast as for a list, and
 * without holding packets up. An older one, which cannot do that, misses the rest of the tuple and refuses with EINVAL.
 */
export function deletionOf(original: End, reply: End): Buffer {
  return deletion(
    tupleOf(ATTRIBUTE.original, original),
    tupleOf(ATTRIBUTE.reply, reply),
    nested(ATTRIBUTE.filter, u32(FILTER.original, LOOKS_AT[original.end]), u32(FILTER.reply, LOOKS_AT[reply.end])),
  );
}

const tupleOf = (type: number, { end, address: value }: End): Buffer => nested(type, nested(TUPLE_IP, address(IP[end], value)));

function endsOf(tuple: Buffer): Flow['original'] | undefined {
  const ip = attributesOf(attributesOf(tuple).get(TUPLE_IP) ?? Buffer.alloc(0));
  const [source, destination] = [ip.get(IP.source), ip.get(IP.destination)];
  return source && destination && { source: addressText(source), destination: addressText(destination) };
}
