import { fromBigInt } from '../model/address.js';

const PREFIX = 0xfe80n << 112n;
/** fffe in the middle, and the universal/local bit the other way round. */
const INSERTED = 0xfffen << 24n;
const FLIPPED = 0x02n << 56n;

/** The link-local address that Linux gives a device by its MAC: modified EUI-64 (RFC 4291, appendix A). */
export function linkLocalAddress(mac: string): string {
  const value = BigInt(`0x${mac.replaceAll(':', '')}`);
  const upper = (value >> 24n) << 40n;
  const lower = value & 0xffffffn;
  return fromBigInt(6, PREFIX | ((upper | INSERTED | lower) ^ FLIPPED));
}
