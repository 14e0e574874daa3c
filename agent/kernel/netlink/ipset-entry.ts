import { parseAddress } from '../../model/address.js';
import { KernelError } from '../errors.js';
import { addressBytes, addressText, attribute, attributesOf, be32, nested, text, textOf, u8 } from './attributes.js';

/** Members of ipsets as attributes and as text (`port.ts` says which text). Numbers from linux/netfilter/ipset/ip_set.h. Pure. */

const NET_BYTE_ORDER = 0x4000;
/** 32 bits in network byte order, and marked so: ipset refuses it otherwise. */
export const net32 = (type: number, value: number): Buffer => be32(type | NET_BYTE_ORDER, value);

/** Attributes within `DATA`, of sets and of members. */
export const DATA_ATTRIBUTE = {
  ip: 1,
  cidr: 3,
  /** Of a message that changes one of several members. */
  flags: 8,
  hashSize: 18,
  maxElements: 19,
  size: 23,
  references: 25,
  name: 18,
  iface: 23,
  bytes: 24,
  packets: 25,
} as const;

export const DATA_FLAG = { nomatch: 1 << 2, counters: 1 << 3 } as const;

const IP_ADDRESS = { 4: 1, 6: 2 } as const;
/** How an entry that exempts what it names is written; never ours. */
const NOMATCH = ' nomatch';

/** A member: an address, a range, either with a device, or a set's name. */
interface Entry {
  readonly address?: { readonly family: 4 | 6; readonly text: string };
  readonly prefixLength?: number;
  readonly device?: string;
  readonly set?: string;
}

function parseEntry(entry: string): Entry {
  const [range = '', device, ...more] = (entry.endsWith(NOMATCH) ? entry.slice(0, -NOMATCH.length) : entry).split(',');
  const [base = '', length, ...rest] = range.split('/');
  const parsed = parseAddress(base);
  if (!parsed) {
    if (/^[\w.-]{1,31}$/.test(entry)) return { set: entry };
    throw new KernelError(`no entry of a set: ${entry}`, { kind: 'invalid' });
  }
  const bits = parsed.family === 4 ? 32 : 128;
  const valid = more.length === 0 && rest.length === 0 && (device === undefined || /^[^\s/]{1,15}$/.test(device));
  if (!valid || (length !== undefined && (!/^\d{1,3}$/.test(length) || Number(length) > bits)))
    throw new KernelError(`no entry of a set: ${entry}`, { kind: 'invalid' });
  return {
    address: parsed,
    ...(length !== undefined && { prefixLength: Number(length) }),
    ...(device !== undefined && { device }),
  };
}

/** Whether the entry is a set's name, which only a `list:set` takes. */
export const isSetName = (entry: string): boolean => parseEntry(entry).set !== undefined;

/** The `DATA` content that names an entry. @throws {KernelError} invalid when the text is none. */
export function encodeEntry(entry: string): Buffer[] {
  const { address, prefixLength, device, set } = parseEntry(entry);
  if (set !== undefined || address === undefined) return [text(DATA_ATTRIBUTE.name, set ?? '')];
  const bytes = attribute(IP_ADDRESS[address.family] | NET_BYTE_ORDER, addressBytes(address.text));
  return [
    nested(DATA_ATTRIBUTE.ip, bytes),
    ...(prefixLength === undefined ? [] : [u8(DATA_ATTRIBUTE.cidr, prefixLength)]),
    ...(device === undefined ? [] : [text(DATA_ATTRIBUTE.iface, device)]),
  ];
}

export interface EntryCounters {
  readonly packets: number;
  readonly bytes: number;
}

export interface ListedEntry {
  readonly entry: string;
  /** Absent when the set keeps none. */
  readonly counters?: EntryCounters;
}

/** A listed member, canonical. */
export function decodeEntry(data: Buffer): ListedEntry {
  const found = attributesOf(data);
  const packets = found.get(DATA_ATTRIBUTE.packets);
  const bytes = found.get(DATA_ATTRIBUTE.bytes);
  const entry = entryText(found);
  return packets && bytes
    ? { entry, counters: { packets: Number(packets.readBigUInt64BE()), bytes: Number(bytes.readBigUInt64BE()) } }
    : { entry };
}

function entryText(found: Map<number, Buffer>): string {
  const ip = found.get(DATA_ATTRIBUTE.ip);
  if (!ip) {
    const name = found.get(DATA_ATTRIBUTE.name);
    return name ? textOf(name) : '?';
  }
  const [bytes] = attributesOf(ip).values();
  const prefixLength = found.get(DATA_ATTRIBUTE.cidr)?.readUInt8();
  const device = found.get(DATA_ATTRIBUTE.iface);
  const flags = found.get(DATA_ATTRIBUTE.flags)?.readUInt32BE() ?? 0;
  const isHost = prefixLength === undefined || prefixLength === (bytes?.length ?? 0) * 8;
  return [
    bytes ? addressText(bytes) : '?',
    isHost ? '' : `/${prefixLength}`,
    device ? `,${textOf(device)}` : '',
    flags & DATA_FLAG.nomatch ? NOMATCH : '',
  ].join('');
}
