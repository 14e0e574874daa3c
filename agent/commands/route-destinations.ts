import { type Cidr, cidr, containsCidr } from '../model/address.js';
import { invalidValue } from '../model/errors.js';

/** Ranges within which no route can lead: link-local (the metadata service among it), multicast, loopback. */
const NOT_ROUTABLE = ['169.254.0.0/16', '224.0.0.0/4', '127.0.0.0/8', 'fe80::/10', 'fd00:ec2::/32', 'ff00::/8', '::1/128'].map(cidr);

/** @throws {ApiError} InvalidParameterValue for a destination within a reserved range. */
export function checkNotReserved(range: Cidr): void {
  const reserved = NOT_ROUTABLE.find((other) => containsCidr(other, range));
  if (reserved) throw invalidValue(`The destination ${range.text} lies within ${reserved.text}, which cannot be routed`);
}
