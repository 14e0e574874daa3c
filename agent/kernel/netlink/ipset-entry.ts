import { isIP } from 'node:net';
import { KernelError } from '../errors.js';
import { addressBytes, addressText, align4, attribute, be32, nested, text, u8 } from './attributes.js';

/** Members of ipsets as attributes and as text (`port.ts` says which text). Numbers from linux/netfilter/ipset/ip_set.h. Pure. */

const NET_BYTE_ORDER = 0x4000;
const TYPE_MASK = 0x3fff;
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
  const family = isIP(base);
  if (family !== 4 && family !== 6) {
    if (/^[\w.-]{1,31}$/.test(entry)) return { set: entry };
    throw new KernelError(`no entry of a set: ${entry}`, { kind: 'invalid' });
  }
  const bits = family === 4 ? 32 : 128;
  const valid = more.length === 0 && rest.length === 0 && (device === undefined || /^[^\s/]{1,15}$/.test(device));
  if (!valid || (length !== undefined && (!/^\d{1,3}$/.test(length) || Number(length) > bits)))
    throw new KernelError(`no entry of a set: ${entry}`, { kind: 'invalid' });
  return {
    address: { family, text: base },
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

/** The members in a listing, canonical. By hand in one pass, as a full comparison reads thousands of them. */
export function decodeEntries(listing: Buffer, keep: (entry: string, counters: EntryCounters | undefined) => void): void {
  for (let at = 0; at + 4 <= listing.length; ) {
    const length = listing.readUInt16LE(at);
    if (length < 4 || at + length > listing.length) return;
    decodeEntry(listing, at + 4, at + length, keep);
    at += align4(length);
  }
}

function decodeEntry(data: Buffer, start: number, end: number, keep: (entry: string, counters: EntryCounters | undefined) => void): void {
  let range = '';
  let bits = 0;
  let prefixLength: number | undefined;
  let flags = 0;
  // Alone, text is a set's name; with an address it is a device's.
  let name: string | undefined;
  let packets: number | undefined;
  let bytes = 0;
  for (let at = start; at + 4 <= end; ) {
    const length = data.readUInt16LE(at);
    if (length < 4 || at + length > end) break;
    const value = at + 4;
    switch (data.readUInt16LE(at + 2) & TYPE_MASK) {
      case DATA_ATTRIBUTE.ip:
        // Nested: the address has a header of its own.
        bits = (length - 8) * 8;
        range = addressText(data, value + 4, length - 8);
        break;
      case DATA_ATTRIBUTE.cidr:
        prefixLength = data.readUInt8(value);
        break;
      case DATA_ATTRIBUTE.flags:
        flags = data.readUInt32BE(value);
        break;
      case DATA_ATTRIBUTE.name:
      case DATA_ATTRIBUTE.iface:
        name = data.toString('utf8', value, at + length - 1);
        break;
      case DATA_ATTRIBUTE.packets:
        packets = number64(data, value);
        break;
      case DATA_ATTRIBUTE.bytes:
        bytes = number64(data, value);
        break;
    }
    at += align4(length);
  }
  if (prefixLength !== undefined && prefixLength !== bits) range += `/${prefixLength}`;
  if (name !== undefined) range += range === '' ? name : `,${name}`;
  if (flags & DATA_FLAG.nomatch) range += NOMATCH;
  keep(range, packets === undefined ? undefined : { packets, bytes });
}

/** 64 bits in network byte order; exact up to 2^53. */
const number64 = (data: Buffer, at: number): number => data.readUInt32BE(at) * 0x1_0000_0000 + data.readUInt32BE(at + 4);
