import { type Cidr, cidr, containsCidr, parseCidr } from '../model/address.js';
import { invalidValue } from '../model/errors.js';

/**
 * A range as a caller wrote it.
 * @throws {ApiError} InvalidParameterValue: no range, of the other family, or with host bits set (the message tells the range meant).
 */
export function parseRange(text: string, field: string, family?: 4 | 6): Cidr {
  const range = parseCidr(text);
  const example = family === 6 ? 'fd00:1234:5678:9a00::/56' : '10.0.0.0/16';
  if (!range)
    throw invalidValue(`Value (${text}) for parameter ${field} is invalid. This is not a valid CIDR block; write one like ${example}`);
  if (family && range.family !== family)
    throw invalidValue(`Value (${text}) for parameter ${field} is invalid: an IPv${family} range is needed, like ${example}`);
  if (!range.canonical)
    throw invalidValue(`Value (${text}) for parameter ${field} is invalid: it has host bits set; did you mean ${range.text}?`);
  return range;
}

/** Ranges that no VPC can use: this network, loopback, link-local, multicast and reserved. */
const UNUSABLE = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3', '::/8', 'fe80::/10', 'ff00::/8', 'fd00:ec2::/32'].map(cidr);

/** The unusable range that this one lies in or covers; a default route's range is not meant by this. */
export function unusableRange(range: Cidr): Cidr | undefined {
  return UNUSABLE.find((unusable) => containsCidr(unusable, range) || (range.prefixLength > 8 && containsCidr(range, unusable)));
}
