import { cidr, cidrSize, contains, familyOf, fromBigInt, nthAddress } from '../model/address.js';
import { apiError, invalidValue } from '../model/errors.js';
import { isReservedAddress, type Subnet } from '../model/subnet.js';
import type { Draft } from './draft.js';

/**
 * Choice of private addresses: always the lowest free ones of the subnet, so the same state gives the same answer.
 * Nothing is noted down here; an address is taken when a record with it is put.
 */

/** @throws {ApiError} InsufficientFreeAddressesInSubnet */
export function freeAddresses(draft: Draft, subnet: Subnet, family: 4 | 6, count: number, except: readonly string[] = []): string[] {
  const range = rangeOf(subnet, family);
  const last = range.base + cidrSize(range) - (family === 4 ? 2n : 1n);
  const avoid = new Set(except);
  const found: string[] = [];
  let from = range.base + 4n;
  while (found.length < count) {
    const free = draft.state.addressUse.firstFree(subnet.vpcId, family, from, last);
    if (free === undefined)
      throw apiError('InsufficientFreeAddressesInSubnet', {
        reason: `${subnet.subnetId} has not enough free addresses: ${count} asked for, ${found.length} left`,
      });
    const address = fromBigInt(family, free);
    if (!avoid.has(address)) found.push(address);
    from = free + 1n;
  }
  return found;
}

/** Addresses of the subnet that interfaces may still get; IPv4. */
export function availableAddressCount(state: Draft['state'], subnet: Pick<Subnet, 'vpcId' | 'cidrBlock'>): number {
  const range = cidr(subnet.cidrBlock);
  const first = range.base + 4n;
  const last = range.base + cidrSize(range) - 2n;
  return Number(last - first + 1n) - state.addressUse.countIpv4(subnet.vpcId, first, last);
}

/**
 * That an address lies in the subnet and is not one of its reserved ones.
 * @throws {ApiError} InvalidParameterValue
 */
export function checkInSubnet(subnet: Subnet, address: string): void {
  const { text } = rangeOf(subnet, familyOf(address));
  if (!contains(cidr(text), address))
    throw invalidValue(`Address ${address} does not fall within the subnet's address range ${text}; choose one that does`);
  if (isReservedAddress(text, address))
    throw invalidValue(
      `Address ${address} is in subnet's reserved address range: choose one from ${nthAddress(cidr(text), 4)} on, but not the last`,
    );
}

/** Id of the interface that holds the address in the subnet's VPC. */
export function holderOf(draft: Draft, subnet: Subnet, address: string) {
  return draft.by('networkInterface', 'address', `${subnet.vpcId} ${address}`)[0];
}

/** @throws {ApiError} InvalidIPAddress.InUse, and those of `checkInSubnet`. */
export function checkFree(draft: Draft, subnet: Subnet, address: string): void {
  checkInSubnet(subnet, address);
  const holder = holderOf(draft, subnet, address);
  if (holder) throw apiError('InvalidIPAddress.InUse', { address, id: holder.networkInterfaceId });
}

function rangeOf(subnet: Subnet, family: 4 | 6) {
  if (family === 4) return cidr(subnet.cidrBlock);
  if (!subnet.ipv6) throw invalidValue(`${subnet.subnetId} has no IPv6 range; give it one, or leave IPv6 addresses out`);
  return cidr(subnet.ipv6.cidrBlock);
}
