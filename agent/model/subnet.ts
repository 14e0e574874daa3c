import { cidr, cidrSize, nthAddress, toBigInt } from './address.js';
import type { SubnetId, VpcId } from './ids.js';
import type { Noun } from './tags.js';

export interface Subnet extends Noun {
  readonly subnetId: SubnetId;
  readonly vpcId: VpcId;
  readonly availabilityZone: string;
  readonly cidrBlock: string;
  readonly ipv6?: { readonly associationId: string; readonly cidrBlock: string };
  readonly mapPublicIpOnLaunch: boolean;
  readonly assignIpv6AddressOnCreation: boolean;
  readonly defaultForAz: boolean;
  /** Interfaces are macvlan devices on a device of the host. Absent: they are veth pairs to the router. */
  readonly parent?: SubnetParent;
}

export interface SubnetParent {
  /** A device in the host's own namespace; no two subnets have the same. */
  readonly device: string;
  /** Whether the host has a device of its own on it, with the subnet's base plus three, and so reaches the interfaces. */
  readonly hostAccess: boolean;
  /** Of the router's device in the subnet: it has no groups, and the subnet's network ACL. */
  readonly combinationIndex: number;
}

/** First host address: the router's address in the subnet (VPC base plus one of the subnet's own range). */
export function gatewayAddress(cidrBlock: string): string {
  return nthAddress(cidr(cidrBlock), 1);
}

/** The host's own address in a subnet that is on a device of the host: one that the cloud keeps for future use. */
export function hostAddress(cidrBlock: string): string {
  return nthAddress(cidr(cidrBlock), 3);
}

/** How many addresses of an IPv4 subnet can be given to interfaces: all but the first four and the last. */
export function usableAddressCount(cidrBlock: string): number {
  return Number(cidrSize(cidr(cidrBlock))) - 5;
}

/**
 * Whether the cloud keeps an address of the subnet for itself: the first four and, in IPv4, the last.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
 */
export function isReservedAddress(cidrBlock: string, address: string): boolean {
  const range = cidr(cidrBlock);
  const offset = toBigInt(address) - range.base;
  return offset < 4n || offset === cidrSize(range) - 1n;
}
