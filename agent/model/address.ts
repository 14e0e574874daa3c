import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** Addresses and ranges are canonical strings in the model; these functions are the only arithmetic on them. */

export type Family = 4 | 6;
export const FAMILIES: readonly Family[] = [4, 6];

export interface Cidr {
  readonly family: Family;
  /** Canonical text, e.g. `10.0.0.0/16`. */
  readonly text: string;
  /** First address of the range. */
  readonly base: bigint;
  readonly prefixLength: number;
}

const BITS: Record<Family, number> = { 4: 32, 6: 128 };

export function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4;
}

/** The address as a number. @throws {TypeError} when the text is no address. */
export function toBigInt(address: string): bigint {
  let value = 0n;
  for (const byte of ipaddr.parse(address).toByteArray()) value = (value << 8n) | BigInt(byte);
  return value;
}

/** Canonical text of a number: dotted quad, or RFC 5952 for IPv6. */
export function fromBigInt(family: Family, value: bigint): string {
  const bytes: number[] = [];
  for (let shift = BITS[family] - 8; shift >= 0; shift -= 8) bytes.push(Number((value >> BigInt(shift)) & 0xffn));
  return ipaddr.fromByteArray(bytes).toString();
}

/** Four numbers up to 255 without leading zeros. */
const DOTTED_QUAD = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** Strict dotted quad without leading zeros, or any IPv6 text; `undefined` for all else. */
export function parseAddress(text: string): { family: Family; text: string } | undefined {
  if (DOTTED_QUAD.test(text)) return { family: 4, text };
  if (text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text))
    return { family: 6, text: ipaddr.IPv6.parse(text).toString() };
  return undefined;
}

/** A range with any host bits cleared; `canonical` tells whether there were none. `undefined` when it is no range. */
export function parseCidr(text: string): (Cidr & { readonly canonical: boolean }) | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? '' : text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (!address || !/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > BITS[address.family]) return undefined;
  const prefixLength = Number(length);
  const value = toBigInt(address.text);
  const hostBits = BigInt(BITS[address.family] - prefixLength);
  const base = (value >> hostBits) << hostBits;
  return {
    family: address.family,
    base,
    prefixLength,
    text: `${fromBigInt(address.family, base)}/${prefixLength}`,
    canonical: base === value,
  };
}

/** The range of a text that is known to be one. @throws {TypeError} otherwise. */
export function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (!parsed) throw new TypeError(`not a range: ${text}`);
  return parsed;
}

export function cidrSize(range: Cidr): bigint {
  return 1n << BigInt(BITS[range.family] - range.prefixLength);
}

export function contains(range: Cidr, address: string): boolean {
  if (familyOf(address) !== range.family) return false;
  const value = toBigInt(address);
  return value >= range.base && value < range.base + cidrSize(range);
}

export function containsCidr(outer: Cidr, inner: Cidr): boolean {
  return (
    outer.family === inner.family &&
    outer.prefixLength <= inner.prefixLength &&
    inner.base >= outer.base &&
    inner.base < outer.base + cidrSize(outer)
  );
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  return containsCidr(a, b) || containsCidr(b, a);
}

/** The address `offset` places after the first of the range. */
export function nthAddress(range: Cidr, offset: number | bigint): string {
  return fromBigInt(range.family, range.base + BigInt(offset));
}

/** Single-host range of an address: `/32` or `/128`. */
export function hostCidr(address: string): string {
  return `${address}/${BITS[familyOf(address)]}`;
}

export const Ipv4 = z.string().refine((v) => parseAddress(v)?.family === 4, { message: 'must be an IPv4 address' });
export const Ipv6 = z
  .string()
  .refine((v) => parseAddress(v)?.family === 6, { message: 'must be an IPv6 address' })
  .transform((v) => parseAddress(v)?.text ?? v);
export const MacAddress = z
  .string()
  .transform((v) => v.toLowerCase().replaceAll('-', ':'))
  .refine((v) => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(v), { message: 'must be six hex pairs, like 02:12:34:56:78:9a' });
