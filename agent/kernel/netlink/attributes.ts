import ipaddr from 'ipaddr.js';

/** Netlink attributes (rtnetlink(7)): length, type, value, padded to four bytes. Host byte order is little-endian on all that enid runs on. */

const NESTED = 0x8000;
const TYPE_MASK = 0x3fff;

export const align4 = (length: number): number => (length + 3) & ~3;

/** The parts one after the other from `offset` of a buffer that is padded to four bytes with zeros. What is before them is left to be written. */
export function joined(offset: number, parts: readonly Buffer[]): { readonly bytes: Buffer; readonly length: number } {
  let length = offset;
  for (const part of parts) length += part.length;
  const bytes = Buffer.allocUnsafe(align4(length));
  let at = offset;
  for (const part of parts) at += part.copy(bytes, at);
  bytes.fill(0, length);
  return { bytes, length };
}

export function attribute(type: number, ...value: Buffer[]): Buffer {
  const { bytes, length } = joined(4, value);
  bytes.writeUInt16LE(length, 0);
  bytes.writeUInt16LE(type, 2);
  return bytes;
}

export const nested = (type: number, ...children: Buffer[]): Buffer => attribute(type | NESTED, ...children);
/** Text with its terminating zero. */
export const text = (type: number, value: string): Buffer => attribute(type, Buffer.from(`${value}\0`));
export const flag = (type: number): Buffer => attribute(type);

export const u8 = (type: number, value: number): Buffer => attribute(type, Buffer.from([value]));
export function u32(type: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value >>> 0);
  return attribute(type, bytes);
}
/** In network byte order. */
export function be32(type: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value >>> 0);
  return attribute(type, bytes);
}
/** An IPv4 or IPv6 address, a MAC. */
export const address = (type: number, value: string): Buffer => attribute(type, addressBytes(value));
export const mac = (type: number, value: string): Buffer => attribute(type, macBytes(value));

/**
 * The attributes from `offset` of a message's body to its end, by type; of a repeated type the last. Only places are noted: a full
 * comparison reads thousands of messages with dozens of attributes each, of which few are asked for, and views of a buffer are dear.
 */
export class Attributes {
  readonly #body: Buffer;
  /** Type, start and end of each. */
  readonly #places: number[] = [];

  constructor(body: Buffer, offset = 0) {
    this.#body = body;
    for (let at = offset; at + 4 <= body.length; ) {
      const length = body.readUInt16LE(at);
      if (length < 4 || at + length > body.length) return;
      this.#places.push(body.readUInt16LE(at + 2) & TYPE_MASK, at + 4, at + length);
      at += align4(length);
    }
  }

  /** A view of the value: copy what is kept. */
  get(type: number): Buffer | undefined {
    const at = this.#place(type);
    return at < 0 ? undefined : this.#body.subarray(this.#places[at + 1], this.#places[at + 2]);
  }

  has(type: number): boolean {
    return this.#place(type) >= 0;
  }

  /** 32 bits in host byte order. */
  u32(type: number): number | undefined {
    const at = this.#place(type);
    return at < 0 ? undefined : this.#body.readUInt32LE(this.#places[at + 1]);
  }

  types(): number[] {
    return this.#places.filter((_value, index) => index % 3 === 0);
  }

  #place(type: number): number {
    let at = this.#places.length - 3;
    while (at >= 0 && this.#places[at] !== type) at -= 3;
    return at;
  }
}

export const attributesOf = (body: Buffer, offset = 0): Attributes => new Attributes(body, offset);

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
export function macText(value: Buffer): string {
  const digits = value.toString('hex');
  let written = digits.slice(0, 2);
  for (let at = 2; at < digits.length; at += 2) written += `:${digits.slice(at, at + 2)}`;
  return written;
}
