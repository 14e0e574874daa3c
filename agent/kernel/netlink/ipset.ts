import { type KernelError, toKernelError } from '../errors.js';
import type { Family, ObjectSpecs } from '../port.js';
import { type Attributes, attributesOf, nested, text, textOf, u8 } from './attributes.js';
import { DATA_ATTRIBUTE, DATA_FLAG, decodeEntries, type EntryCounters, encodeEntry, isSetName, net32 } from './ipset-entry.js';
import { explain, IPSET_ERROR, ipsetErrorOf } from './ipset-error.js';
import { FLAG, message, type NetlinkSocket } from './socket.js';

/** Ipsets of a namespace, through a NETLINK_NETFILTER socket in it. Numbers from linux/netfilter/ipset/ip_set.h. */

const SUBSYSTEM = 6 << 8;
const COMMAND = { create: 2, destroy: 3, rename: 5, swap: 6, list: 7, add: 9, delete: 10, type: 13 } as const;
const ATTRIBUTE = { protocol: 1, name: 2, typeOrName2: 3, revision: 4, family: 5, flags: 6, data: 7, members: 8 } as const;
/** The oldest that kernels answer to, and all that is needed. */
const PROTOCOL_VERSION = 6;
const LIST_HEADERS_ONLY = 1 << 2;
const AF_UNSPEC = 0;
const AF_INET = 2;
const AF_INET6 = 10;

/** First size of a hash; it grows with its content. Small, because most sets of a VPC are. */
const HASH_SIZE = 64;
/** The kernel takes no more entries into one set. */
const MAX_ELEMENTS = 1 << 20;
/** The same of a set of sets. */
const LIST_SIZE = 1024;

export type SetType = ObjectSpecs['set']['type'];
export type SetSpec = Omit<ObjectSpecs['set'], 'netns'>;
export type MemberSpec = Omit<ObjectSpecs['member'], 'netns'>;

export interface ListedSet {
  readonly spec: SetSpec;
  /** How many rules and sets of sets use it. */
  readonly references: number;
  /** Members by canonical text; their counters when the set keeps them. Empty when only headers were asked for. */
  readonly members: ReadonlyMap<string, EntryCounters | undefined>;
}

/**
 * Afterwards the sets exist as specified; one that differs is replaced and keeps the members that the new one can hold.
 * Per set `null` or why not: `unsupported` for a type that this kernel lacks, `busy` when rules use a set of another type.
 */
export function ensureSets(socket: NetlinkSocket, specs: readonly SetSpec[]): (KernelError | null)[] {
  const build = (spec: SetSpec) => createMessage(socket, spec);
  return sendEach(socket, specs, build, (error, spec) => {
    if (error.errno === 'EEXIST') return attempt(() => correctSet(socket, spec));
    return explain(error).during(`create set ${spec.name}`);
  });
}

/** Afterwards no set has any of the names. `busy` while rules or a set of sets use it. */
export function destroySets(socket: NetlinkSocket, names: readonly string[]): (KernelError | null)[] {
  return sendEach(socket, names, destroyMessage, (error, name) =>
    error.errno === 'ENOENT' ? null : explain(error).during(`destroy set ${name}`),
  );
}

/**
 * Afterwards the entries are in their sets. Those that were there keep their counters.
 * Per entry `null` or why not: `not-found` without the set, `no-space` when it is full (see SAME_PREFIX_DEVICE_LIMIT).
 */
export function addMembers(socket: NetlinkSocket, members: readonly MemberSpec[]): (KernelError | null)[] {
  // EXCL: without it an entry that is there would be written anew, its counters at zero.
  const build = (member: MemberSpec) => memberMessage(COMMAND.add, FLAG.excl, member);
  return sendEach(socket, members, build, (error, { set, entry }) => {
    if (ipsetErrorOf(error) === IPSET_ERROR.exists) return null;
    return explain(error, isSetName(entry) ? 'list' : 'hash').during(`add ${entry} to set ${set}`);
  });
}

/** Afterwards the entries are in no set of the given names. */
export function deleteMembers(socket: NetlinkSocket, members: readonly MemberSpec[]): (KernelError | null)[] {
  const build = (member: MemberSpec) => memberMessage(COMMAND.delete, 0, member);
  return sendEach(socket, members, build, (error, { set, entry }) => {
    const code = ipsetErrorOf(error);
    if (error.errno === 'ENOENT' || code === IPSET_ERROR.exists) return null;
    const list = isSetName(entry);
    if (list && (code === IPSET_ERROR.listNoSuchSet || code === IPSET_ERROR.listNotMember)) return null;
    return explain(error, list ? 'list' : 'hash').during(`delete ${entry} from set ${set}`);
  });
}

/** The sets of the namespace, or the named one if it exists. Sets of types that are not ours are left out. */
export function listSets(socket: NetlinkSocket, options: { name?: string; headersOnly?: boolean } = {}): ListedSet[] {
  const request = body(
    ...(options.name === undefined ? [] : [text(ATTRIBUTE.name, options.name)]),
    ...(options.headersOnly ? [net32(ATTRIBUTE.flags, LIST_HEADERS_ONLY)] : []),
  );
  const found = new Map<string, { spec: SetSpec; references: number; members: Map<string, EntryCounters | undefined> }>();
  for (const reply of dump(socket, request)) {
    const attributes = attributesOf(reply, 4);
    const name = textOf(attributes.get(ATTRIBUTE.name) ?? Buffer.alloc(0));
    // A large set comes in several messages, of which only the first has the header.
    const set = found.get(name) ?? headerOf(name, attributes);
    if (!set) continue;
    found.set(name, set);
    const listing = attributes.get(ATTRIBUTE.members);
    if (listing) decodeEntries(listing, (entry, counters) => set.members.set(entry, counters));
  }
  return [...found.values()];
}

/**
 * Newest revision of a set type that the kernel has for a family; loads the module that offers it.
 * @throws {KernelError} unsupported when there is none.
 */
export function setTypeRevision(socket: NetlinkSocket, type: SetType, family: Family): number {
  const known = revisions.get(socket) ?? new Map<string, number>();
  revisions.set(socket, known);
  const key = `${type} ${family}`;
  let revision = known.get(key);
  if (revision !== undefined) return revision;
  try {
    const [reply] = socket.request(
      message(SUBSYSTEM | COMMAND.type, 0, body(text(ATTRIBUTE.typeOrName2, type), u8(ATTRIBUTE.family, familyNumber(type, family)))),
    );
    revision =
      attributesOf(reply?.body ?? Buffer.alloc(0), 4)
        .get(ATTRIBUTE.revision)
        ?.readUInt8() ?? 0;
  } catch (error) {
    throw explain(toKernelError(error)).during(`set type ${type}`);
  }
  known.set(key, revision);
  return revision;
}
const revisions = new WeakMap<NetlinkSocket, Map<string, number>>();

const body = (...attributes: Buffer[]): Buffer =>
  Buffer.concat([Buffer.from([AF_INET, 0, 0, 0]), u8(ATTRIBUTE.protocol, PROTOCOL_VERSION), ...attributes]);

function createMessage(socket: NetlinkSocket, { name, type, family, counters }: SetSpec): Buffer {
  const sizes =
    type === 'list:set'
      ? [net32(DATA_ATTRIBUTE.size, LIST_SIZE)]
      : [net32(DATA_ATTRIBUTE.hashSize, HASH_SIZE), net32(DATA_ATTRIBUTE.maxElements, MAX_ELEMENTS)];
  return message(
    SUBSYSTEM | COMMAND.create,
    FLAG.create | FLAG.excl,
    body(
      text(ATTRIBUTE.name, name),
      text(ATTRIBUTE.typeOrName2, type),
      u8(ATTRIBUTE.revision, setTypeRevision(socket, type, family)),
      u8(ATTRIBUTE.family, familyNumber(type, family)),
      nested(ATTRIBUTE.data, ...sizes, ...(counters ? [net32(DATA_ATTRIBUTE.flags, DATA_FLAG.counters)] : [])),
    ),
  );
}

const destroyMessage = (name: string): Buffer => message(SUBSYSTEM | COMMAND.destroy, 0, body(text(ATTRIBUTE.name, name)));
const pairMessage = (command: number, name: string, other: string): Buffer =>
  message(SUBSYSTEM | command, 0, body(text(ATTRIBUTE.name, name), text(ATTRIBUTE.typeOrName2, other)));
const memberMessage = (command: number, flags: number, { set, entry }: MemberSpec): Buffer =>
  message(SUBSYSTEM | command, flags, body(text(ATTRIBUTE.name, set), nested(ATTRIBUTE.data, ...encodeEntry(entry))));

/** `list:set` has no family: it holds sets of both. */
function familyNumber(type: SetType, family: Family): number {
  if (type === 'list:set') return AF_UNSPEC;
  return family === 4 ? AF_INET : AF_INET6;
}

/** Makes an existing set as specified; does nothing when it is. */
function correctSet(socket: NetlinkSocket, spec: SetSpec): null {
  const { name, type, family, counters } = spec;
  const [existing] = listSets(socket, { name });
  if (existing?.spec.type === type && existing.spec.counters === counters && (type === 'list:set' || existing.spec.family === family))
    return null;
  // Rules hold on to the set and not to its name, so the new one is filled aside and takes its place at once.
  const aside = `${name}~`;
  const [stale] = destroySets(socket, [aside]);
  const [error] = stale ? [stale] : socket.batch([createMessage(socket, { ...spec, name: aside })]);
  if (error) throw explain(error).during(`replace set ${name}`);
  addMembers(
    socket,
    [...(existing?.members.keys() ?? [])].map((entry) => ({ set: aside, entry })),
  );
  const [swapped] = socket.batch([pairMessage(COMMAND.swap, aside, name)]);
  if (!swapped) {
    destroySets(socket, [aside]);
    return null;
  }
  // Sets of two types cannot change places.
  const [destroyed] = destroySets(socket, [name]);
  const [renamed] = destroyed ? [destroyed] : socket.batch([pairMessage(COMMAND.rename, aside, name)]);
  if (!renamed) return null;
  destroySets(socket, [aside]);
  throw explain(renamed).during(`replace set ${name} by one of another type`);
}

/** The datagrams' content of a listing; nothing when the set that was asked for does not exist. */
function dump(socket: NetlinkSocket, request: Buffer): Buffer[] {
  try {
    return socket.dump(SUBSYSTEM | COMMAND.list, request).map((reply) => reply.body);
  } catch (error) {
    const known = toKernelError(error);
    if (known.errno === 'ENOENT') return [];
    throw explain(known).during('list sets');
  }
}

const OUR_TYPES: ReadonlySet<string> = new Set<SetType>(['hash:ip', 'hash:net', 'hash:net,iface', 'list:set']);

function headerOf(name: string, attributes: Attributes) {
  const type = textOf(attributes.get(ATTRIBUTE.typeOrName2) ?? Buffer.alloc(0)) as SetType;
  if (!OUR_TYPES.has(type)) return undefined;
  const data = attributesOf(attributes.get(ATTRIBUTE.data) ?? Buffer.alloc(0));
  const family: Family = attributes.get(ATTRIBUTE.family)?.readUInt8() === AF_INET6 ? 6 : 4;
  const counters = ((data.get(DATA_ATTRIBUTE.flags)?.readUInt32BE() ?? 0) & DATA_FLAG.counters) !== 0;
  const references = data.get(DATA_ATTRIBUTE.references)?.readUInt32BE() ?? 0;
  return { spec: { name, type, family, counters }, references, members: new Map<string, EntryCounters | undefined>() };
}

/** Sends one message per item, all together; what cannot be built fails alone. `judge` makes the result of a refused one. */
function sendEach<T>(
  socket: NetlinkSocket,
  items: readonly T[],
  build: (item: T) => Buffer,
  judge: (error: KernelError, item: T) => KernelError | null,
): (KernelError | null)[] {
  const built = items.map((item) => ({ item, result: attempt(() => build(item)) }));
  const answers = socket.batch(built.flatMap(({ result }) => (Buffer.isBuffer(result) ? [result] : [])))[Symbol.iterator]();
  const errors = built.map(({ result }) => (Buffer.isBuffer(result) ? (answers.next().value ?? null) : result));
  return built.map(({ item, result }, index) => {
    const error = errors[index] ?? null;
    return error === null || error === result ? error : judge(error, item);
  });
}

function attempt<T>(action: () => T): T | KernelError {
  try {
    return action();
  } catch (error) {
    return toKernelError(error);
  }
}
