import { isIP } from 'node:net';
import { FAMILIES } from '../../model/address.js';
import { KernelError, toKernelError, unlessGone } from '../errors.js';
import type { Family, ObjectSpecs } from '../port.js';
import { NFT_TABLE, setFamily } from '../resources.js';
import { type Attributes, addressText, align4, attribute, attributesOf, be32, nested, text, textOf } from './attributes.js';
import {
  CREATE,
  DATA_VALUE,
  ELEMENT,
  elementLists,
  elementsMessage,
  FAMILY_NUMBER,
  HEADER_BYTES,
  header,
  LIST,
  NFT,
  nftMessage,
  transact,
  valueBytes,
} from './nft-message.js';
import type { NetlinkSocket } from './socket.js';

/**
 * The sets of a router's packet filter, through a NETLINK_NETFILTER socket in its namespace: they are in the tables `ip enid` and `ip6 enid`,
 * beside the rules that ask them (linux/netfilter/nf_tables.h).
 */

export type SetSpec = Omit<ObjectSpecs['set'], 'netns'>;
export type MemberSpec = Omit<ObjectSpecs['member'], 'netns'>;
type SetType = SetSpec['type'];
type Outcome = KernelError | null;

const SET = {
  table: 1,
  name: 2,
  flags: 3,
  keyType: 4,
  keyLength: 5,
  description: 9,
  id: 10,
  userdata: 13,
  expression: 17,
  expressions: 18,
} as const;
const DESCRIPTION_SIZE = 1;
const EXPRESSION = { element: 1, name: 1, data: 2 } as const;
const COUNTER_PACKETS = 2;
const TABLE_NAME = 1;
const SET_FLAG = { anonymous: 0x1, timeout: 0x10, eval: 0x20 } as const;
/** Names and indexes of devices are in host byte order to `nft list`; the kernel does not look at it (libnftnl: type 0, four bytes, 1). */
const IN_HOST_ORDER = Buffer.from([0, 4, 1, 0, 0, 0]);
/** Sources that a set which rules fill can hold at a time. */
const DYNAMIC_SIZE = 65_535;

/** Types in nft's words, and by their numbers (libnftables: 7 ipv4_addr, 8 ipv6_addr, 20 iface_index, 41 ifname; joined with six bits each). */
const KEYS: Readonly<
  Record<Family, Readonly<Record<SetType, { readonly words: string; readonly number: number; readonly bytes: number }>>>
> = {
  4: {
    address: { words: 'ipv4_addr', number: 7, bytes: 4 },
    'address,device': { words: 'ipv4_addr . ifname', number: (7 << 6) | 41, bytes: 20 },
    device: { words: 'ifname', number: 41, bytes: 16 },
    'device index': { words: 'iface_index', number: 20, bytes: 4 },
  },
  6: {
    address: { words: 'ipv6_addr', number: 8, bytes: 16 },
    'address,device': { words: 'ipv6_addr . ifname', number: (8 << 6) | 41, bytes: 32 },
    device: { words: 'ifname', number: 41, bytes: 16 },
    'device index': { words: 'iface_index', number: 20, bytes: 4 },
  },
};
const SET_TYPES = Object.keys(KEYS[4]) as SetType[];
const familyNumber = (family: Family): number => FAMILY_NUMBER[family === 4 ? 'ip' : 'ip6'];

export interface ListedSet {
  readonly spec: SetSpec;
  /** Members by canonical text, with the packets that each has counted in a set that counts. */
  readonly members: ReadonlyMap<string, number | undefined>;
}

/**
 * Afterwards the sets exist, each as specified. One that was there as another is empty afterwards, and if rules asked it, none are left of its family:
 * `disturbed`. Per set `null` or why not.
 */
export function ensureSets(
  socket: NetlinkSocket,
  specs: readonly SetSpec[],
): { readonly outcomes: Outcome[]; readonly disturbed: boolean } {
  const present = new Map(FAMILIES.flatMap((family) => headers(socket, family)).map((spec) => [spec.name, spec]));
  const odd = specs.filter((spec) => present.has(spec.name) && !isSame(spec, present.get(spec.name)));
  const disturbed = odd.length > 0;
  // Of sets that rules ask nothing can be changed. Without rules nothing passes: that is the chains' policy.
  const clear = [...new Set(odd.map(({ family }) => family))].map((family) => flushMessage(family));
  const replace = () => [...clear, ...odd.map(destroyMessage), ...odd.map(createMessage)];
  const outcomes = together(
    socket,
    specs.map((spec) => ({ spec, messages: present.has(spec.name) ? [] : [tableMessage(spec.family), createMessage(spec)] })),
    ({ spec }) => `create set ${spec.name}`,
  );
  const replaced = disturbed ? attempt(() => transact(socket, replace()), 'replace sets') : null;
  return { outcomes: outcomes.map((error, place) => error ?? (odd.includes(specs[place] as SetSpec) ? replaced : null)), disturbed };
}

/** Afterwards no set has any of the names. `busy` while rules ask it. */
export function destroySets(socket: NetlinkSocket, specs: readonly SetSpec[]): Outcome[] {
  const items = specs.map((spec) => ({ spec, messages: [destroyMessage(spec)] }));
  return unlessGone(together(socket, items, ({ spec }) => `destroy set ${spec.name}`));
}

/** Afterwards the entries are in their sets. Those that were there keep their counters. Per entry `null` or why not: `not-found` without the set. */
export function addMembers(socket: NetlinkSocket, members: readonly MemberSpec[]): Outcome[] {
  return changeMembers(socket, NFT.newElements, members, 'add to set');
}

/** Afterwards the entries are in no set of the given names. */
export function deleteMembers(socket: NetlinkSocket, members: readonly MemberSpec[]): Outcome[] {
  return unlessGone(changeMembers(socket, NFT.deleteElements, members, 'delete from set'));
}

/** All in one transaction; if that is refused, each by itself, to tell which cannot be. */
function changeMembers(socket: NetlinkSocket, type: number, members: readonly MemberSpec[], what: string): Outcome[] {
  const bySet = new Map<string, string[]>();
  for (const { set, entry } of members) {
    const entries = bySet.get(set);
    if (entries) entries.push(entry);
    else bySet.set(set, [entry]);
  }
  try {
    transact(
      socket,
      [...bySet].flatMap(([set, entries]) => membersMessages(type, set, entries)),
    );
    return members.map(() => null);
  } catch {
    return members.map(({ set, entry }) =>
      attempt(() => transact(socket, membersMessages(type, set, [entry])), `${what} ${set}: ${entry}`),
    );
  }
}

/** The sets of the namespace, or the named ones of them that exist. Those that rules fill are listed without members. */
export function listSets(socket: NetlinkSocket, names?: readonly string[]): ListedSet[] {
  const wanted = names && new Set(names);
  return FAMILIES.flatMap((family) => headers(socket, family))
    .filter(({ name }) => wanted?.has(name) ?? true)
    .map((spec) => ({ spec, members: spec.dynamic ? new Map() : membersOf(socket, spec) }));
}

/** Sets of types that are not ours are left out. */
function headers(socket: NetlinkSocket, family: Family): SetSpec[] {
  return dump(socket, NFT.getSet, family, text(SET.table, NFT_TABLE)).flatMap((attributes) => specOf(attributes, family) ?? []);
}

function specOf(attributes: Attributes, family: Family): SetSpec | undefined {
  const number = attributes.get(SET.keyType)?.readUInt32BE();
  const flags = attributes.get(SET.flags)?.readUInt32BE() ?? 0;
  const type = SET_TYPES.find((each) => KEYS[family][each].number === number);
  // Anonymous ones are part of a rule.
  if (type === undefined || flags & SET_FLAG.anonymous || textOf(attributes.get(SET.table) ?? Buffer.alloc(0)) !== NFT_TABLE)
    return undefined;
  return {
    name: textOf(attributes.get(SET.name) ?? Buffer.alloc(0)),
    family,
    type,
    counters: attributes.has(SET.expression) || attributes.has(SET.expressions),
    ...dynamicOf(flags),
  };
}

const isSame = (a: SetSpec, b: SetSpec | undefined): boolean =>
  a.family === b?.family && a.type === b.type && a.counters === b.counters && a.dynamic === b.dynamic;

function flagsOf(dynamic: SetSpec['dynamic']): number {
  if (dynamic === undefined) return 0;
  // The kernel keeps no counts of connections in a set whose elements have a time.
  return dynamic === 'temporary' ? SET_FLAG.eval | SET_FLAG.timeout : SET_FLAG.eval;
}

function dynamicOf(flags: number): Pick<SetSpec, 'dynamic'> {
  if (flags === 0) return {};
  // Sets with other flags are none of ours by these names either.
  return { dynamic: flags === SET_FLAG.eval ? 'permanent' : 'temporary' };
}

function membersOf(socket: NetlinkSocket, { name, family, type }: SetSpec): Map<string, number | undefined> {
  const members = new Map<string, number | undefined>();
  for (const attributes of dump(socket, NFT.getElements, family, text(LIST.table, NFT_TABLE), text(LIST.set, name))) {
    const listing = attributes.get(LIST.elements);
    if (listing) eachAttribute(listing, (element) => keep(members, attributesOf(element), family, type));
  }
  return members;
}

function keep(members: Map<string, number | undefined>, element: Attributes, family: Family, type: SetType): void {
  const key = element.get(ELEMENT.key);
  const value = key && attributesOf(key).get(DATA_VALUE);
  if (value) members.set(keyText(value, family, type), countOf(element));
}

function keyText(value: Buffer, family: Family, type: SetType): string {
  if (type === 'device') return textOf(value);
  const length = family === 4 ? 4 : 16;
  const address = addressText(value, 0, length);
  return type === 'address' ? address : `${address},${textOf(value.subarray(length))}`;
}

function countOf(element: Attributes): number | undefined {
  const several = element.get(ELEMENT.expressions);
  const expression = element.get(ELEMENT.expression) ?? (several && attributesOf(several).get(EXPRESSION.element));
  const data = expression && attributesOf(expression).get(EXPRESSION.data);
  const packets = data && attributesOf(data).get(COUNTER_PACKETS);
  return packets && packets.readUInt32BE(0) * 0x1_0000_0000 + packets.readUInt32BE(4);
}

/** The values of a list whose attributes have one type. */
function eachAttribute(list: Buffer, act: (value: Buffer) => void): void {
  for (let at = 0; at + 4 <= list.length; ) {
    const length = list.readUInt16LE(at);
    if (length < 4 || at + length > list.length) return;
    act(list.subarray(at + 4, at + length));
    at += align4(length);
  }
}

/** Nothing, where there is no such table or set. */
function dump(socket: NetlinkSocket, type: number, family: Family, ...attributes: readonly Buffer[]): Attributes[] {
  try {
    return socket
      .dump(type, Buffer.concat([header(familyNumber(family)), ...attributes]))
      .map((reply) => attributesOf(reply.body, HEADER_BYTES));
  } catch (error) {
    const known = toKernelError(error);
    if (known.kind === 'not-found') return [];
    throw known.during('list sets');
  }
}

const tableMessage = (family: Family): Buffer => nftMessage(NFT.newTable, familyNumber(family), CREATE, text(TABLE_NAME, NFT_TABLE));
const flushMessage = (family: Family): Buffer => nftMessage(NFT.deleteRule, familyNumber(family), 0, text(TABLE_NAME, NFT_TABLE));
const destroyMessage = ({ family, name }: SetSpec): Buffer =>
  nftMessage(NFT.deleteSet, familyNumber(family), 0, text(SET.table, NFT_TABLE), text(SET.name, name));

/** An id tells the sets of one transaction apart. */
let lastId = 0;

function createMessage({ name, family, type, counters, dynamic }: SetSpec): Buffer {
  const { number, bytes } = KEYS[family][type];
  lastId = (lastId % 0x7fff_ffff) + 1;
  return nftMessage(
    NFT.newSet,
    familyNumber(family),
    CREATE,
    text(SET.table, NFT_TABLE),
    text(SET.name, name),
    be32(SET.flags, flagsOf(dynamic)),
    be32(SET.keyType, number),
    be32(SET.keyLength, bytes),
    be32(SET.id, lastId),
    ...(type.startsWith('device') ? [attribute(SET.userdata, IN_HOST_ORDER)] : []),
    ...(dynamic ? [nested(SET.description, be32(DESCRIPTION_SIZE, DYNAMIC_SIZE))] : []),
    ...(counters ? [nested(SET.expression, text(EXPRESSION.name, 'counter'), nested(EXPRESSION.data))] : []),
  );
}

function membersMessages(type: number, set: string, entries: readonly string[]): Buffer[] {
  const family = setFamily(set);
  const lists = elementLists(entries.map((entry) => ({ key: keyBytes(entry, family) })));
  return lists.map((list) => elementsMessage(type, familyNumber(family), NFT_TABLE, set, list));
}

/** An entry says by itself of which type it is. */
function keyBytes(entry: string, family: Family): Buffer {
  const [first = '', device] = entry.split(',');
  const isAddress = /[.:]/.test(first);
  if (isAddress ? isIP(first) !== family : device !== undefined || !/^[^\s/]{1,15}$/.test(first))
    throw new KernelError(`no entry of an IPv${family} set: ${entry}`, { kind: 'invalid' });
  if (device !== undefined) return valueBytes(KEYS[family]['address,device'].words, `${first} . ${device}`);
  return valueBytes(KEYS[family][isAddress ? 'address' : 'device'].words, first);
}

/** The items' messages in one transaction; if that is refused, each item by itself. */
function together<T extends { readonly messages: readonly Buffer[] }>(
  socket: NetlinkSocket,
  items: readonly T[],
  words: (item: T) => string,
): Outcome[] {
  try {
    transact(
      socket,
      items.flatMap(({ messages }) => messages),
    );
    return items.map(() => null);
  } catch {
    return items.map((item) => attempt(() => transact(socket, item.messages), words(item)));
  }
}

function attempt(act: () => void, what: string): Outcome {
  try {
    act();
    return null;
  } catch (error) {
    return toKernelError(error).during(what);
  }
}
