import ipaddr from 'ipaddr.js';

/** Netlink attributes (rtnetlink(7)): length, type, value, padded to four bytes. Host byte order is little-endian on all that enid runs on. */

const NESTED = 0x8000;
const TYPE_MASK = 0x3fff;

export const align4 = (length: number): number => (length + 3) & ~3;

export function attribute(type: number, value: Buffer): Buffer {
  const length = 4 + value.length;
  const bytes = Buffer.alloc(align4(length));
  bytes.writeUInt16LE(length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, 4);
  return bytes;
}

export const nested = (type: number, ...children: Buffer[]): Buffer => attribute(type | NESTED, Buffer.concat(children));
/** Text with its terminating zero. */
export const text = (type: number, value: string): Buffer => attribute(type, Buffer.from(`${value}\0`));
export const flag = (type: number): Buffer => attribute(type, Buffer.alloc(0));

export const u8 = (type: number, value: number): Buffer => attribute(type, Buffer.from([value]));
export function u32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return attribute(type, bytes);
}
/** In network byte order. */
export function be32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return attribute(type, bytes);
}
/** An IPv4 or IPv6 address, a MAC. */
export const address = (type: number, value: string): Buffer => attribute(type, addressBytes(value));
export const mac = (type: number, value: string): Buffer => attribute(type, macBytes(value));

/** Attributes from `offset` of a message's body to its end, in order. The values are views: copy what is kept. */
export function* eachAttribute(body: Buffer, offset = 0): Generator<{ readonly type: number; readonly value: Buffer }> {
  let at = offset;
  while (at + 4 <= body.length) {
    const length = body.readUInt16LE(at);
    if (length < 4 || at + length > body.length) return;
    yield { type: body.readUInt16LE(at + 2) & TYPE_MASK, value: body.subarray(at + 4, at + length) };
    at += align4(length);
  }
}

/** The same by type; of a repeated type the last. */
export function attributesOf(body: Buffer, offset = 0): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (const { type, value } of eachAttribute(body, offset)) found.set(type, value);
  return found;
}

/** Text of a value, without the terminating zero. */
export function textOf(value: Buffer): string {
  const end = value.indexOf(0);
  return value.toString('utf8', 0, end < 0 ? value.length : end);
}

export function addressBytes(value: string): Buffer {
  if (!value.includes(':')) return Buffer.from(value.split('.').map(Number));
  return Buffer.from(ipaddr.parse(value).toByteArray());
}

/** Canonical text (RFC 5952 for IPv6) of the 4 or 16 bytes from `at`. By hand, as full listings turn thousands into text. */
export function addressText(bytes: Buffer, at = 0, length = bytes.length): string {
  if (length === 4) return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  const groups: number[] = [];
  for (let offset = at; offset < at + length; offset += 2) groups.push(bytes.readUInt16BE(offset));
  const { start, end } = longestZeroRun(groups);
  if (end - start < 2) return hexGroups(groups, 0, groups.length);
  return `${hexGroups(groups, 0, start)}::${hexGroups(groups, end, groups.length)}`;
}

/** The first of the longest runs. */
function longestZeroRun(groups: readonly number[]): { start: number; end: number } {
  let longest = { start: 0, end: 0 };
  let start = 0;
  for (let end = 0; end <= groups.length; end++) {
    if (groups[end] === 0) continue;
    if (end - start > longest.end - longest.start) longest = { start, end };
    start = end + 1;
  }
  return longest;
}

function hexGroups(groups: readonly number[], start: number, end: number): string {
  let written = '';
  for (let index = start; index < end; index++) written += `${index > start ? ':' : ''}${groups[index]?.toString(16)}`;
  return written;
}

export const macBytes = (value: string): Buffer => Buffer.from(value.replaceAll(':', ''), 'hex');
export const macText = (value: Buffer): string => value.toString('hex').replace(/..(?=.)/g, '$&:');
