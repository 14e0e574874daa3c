import { z } from 'zod';
import { Ipv4, Ipv6, MacAddress } from '../model/address.js';
import { apiError, invalidValue } from '../model/errors.js';
import { mintId } from '../model/ids.js';
import { MAX_ADDRESSES_PER_INTERFACE } from '../model/instance-types.js';
import type { NetworkInterface } from '../model/network-interface.js';
import type { Subnet } from '../model/subnet.js';
import { checkAddressLimit } from './address-limits.js';
import { combinationIndex } from './combinations.js';
import type { CommandContext } from './command.js';
import type { Draft } from './draft.js';
import { count, description, groupId } from './fields.js';
import { checkFree, freeAddresses } from './ipam.js';
import { checkMac, newMac } from './mac.js';
import { groupsFor } from './security-groups.js';
import { checkTags } from './tags.js';

/** What a new interface shall be like, from a create call or from an instance's launch. */

export const groupIds = z.array(groupId).describe("Security groups, in order. Default: the VPC's default group.");

const PrivateIpAddress = z.union([
  Ipv4,
  z.strictObject({ privateIpAddress: Ipv4, primary: z.boolean().optional().describe('Whether it is the primary address.') }),
]);

export const interfaceFields = {
  description: description.optional(),
  privateIpAddress: Ipv4.optional().describe('The primary address. Default: the lowest free one.'),
  privateIpAddresses: z
    .array(PrivateIpAddress)
    .max(MAX_ADDRESSES_PER_INTERFACE)
    .optional()
    .describe('Addresses; without privateIpAddress the one marked primary, or else the first, is the primary one.'),
  secondaryPrivateIpAddressCount: count(MAX_ADDRESSES_PER_INTERFACE - 1)
    .optional()
    .describe('How many secondary addresses to choose.'),
  ipv6Addresses: z.array(Ipv6).max(MAX_ADDRESSES_PER_INTERFACE).optional().describe('IPv6 addresses.'),
  ipv6AddressCount: count(MAX_ADDRESSES_PER_INTERFACE).optional().describe('How many IPv6 addresses to choose.'),
  groupIds: groupIds.optional(),
  macAddress: MacAddress.optional().describe('Locally administered unicast address, unused. Default: a generated one.'),
  sourceDestCheck: z.boolean().optional().describe('Drop what is not from or for the interface itself. Default true.'),
};

const InterfaceSpec = z.object(interfaceFields);
export type InterfaceSpec = z.output<typeof InterfaceSpec> & { readonly tags?: Readonly<Record<string, string>> | undefined };

/** Marks an interface that a service of the cloud makes for itself. */
export interface Requester {
  readonly interfaceType: NetworkInterface['interfaceType'];
  readonly requesterId: string;
}

/**
 * Makes the record of a new, unattached interface and puts it. All its addresses are free ones of the subnet. One that a service makes
 * for itself has no security groups.
 */
export function putNewInterface(
  draft: Draft,
  subnet: Subnet,
  spec: InterfaceSpec,
  context: CommandContext,
  requester?: Requester,
): NetworkInterface {
  const groups = requester ? [] : groupsFor(draft, subnet.vpcId, spec.groupIds, context);
  const privateIpAddresses = ipv4Addresses(draft, subnet, spec);
  const ipv6Addresses = ipv6AddressesOf(draft, subnet, spec);
  if (spec.macAddress !== undefined) checkMac(draft, spec.macAddress);
  const eni: NetworkInterface = {
    networkInterfaceId: mintId('networkInterface', context.randomHex),
    subnetId: subnet.subnetId,
    vpcId: subnet.vpcId,
    availabilityZone: subnet.availabilityZone,
    ownerId: context.ownerId,
    tags: checkTags(spec.tags),
    description: spec.description ?? '',
    interfaceType: requester?.interfaceType ?? 'interface',
    requesterManaged: requester !== undefined,
    ...(requester && { requesterId: requester.requesterId }),
    macAddress: spec.macAddress ?? newMac(draft, context),
    sourceDestCheck: spec.sourceDestCheck ?? true,
    groupIds: groups,
    combinationIndex: combinationIndex(draft, subnet, groups),
    privateIpAddresses,
    ipv6Addresses,
    createTime: context.now,
  };
  checkAddressLimit(draft, eni);
  return draft.put('networkInterface', eni);
}

function namedAddresses(spec: InterfaceSpec): { primary?: string; secondary: string[] } {
  const listed = (spec.privateIpAddresses ?? []).map((item) => (typeof item === 'string' ? { privateIpAddress: item } : item));
  const marked = listed.filter((item) => 'primary' in item && item.primary === true).map((item) => item.privateIpAddress);
  if (marked.length > 1 || (marked.length === 1 && spec.privateIpAddress !== undefined))
    throw apiError('InvalidParameterCombination', { reason: 'Only one primary private IP address can be specified' });
  const all = listed.map((item) => item.privateIpAddress);
  const primary = spec.privateIpAddress ?? marked[0] ?? all[0];
  if (primary === undefined) return { secondary: [] };
  const secondary = spec.privateIpAddress === undefined ? all.filter((address) => address !== primary) : all;
  const named = [primary, ...secondary];
  if (new Set(named).size !== named.length || (spec.privateIpAddress === undefined && new Set(all).size !== all.length))
    throw invalidValue('A private IP address is given twice; name each once');
  return { primary, secondary };
}

function ipv4Addresses(draft: Draft, subnet: Subnet, spec: InterfaceSpec): string[] {
  if (spec.secondaryPrivateIpAddressCount !== undefined && spec.privateIpAddresses !== undefined)
    throw apiError('InvalidParameterCombination', { reason: 'Give either privateIpAddresses or secondaryPrivateIpAddressCount' });
  const { primary, secondary } = namedAddresses(spec);
  for (const address of primary === undefined ? [] : [primary, ...secondary]) checkFree(draft, subnet, address);
  const first = primary === undefined ? freeAddresses(draft, subnet, 4, 1) : [primary];
  const chosen = freeAddresses(draft, subnet, 4, spec.secondaryPrivateIpAddressCount ?? 0, [...first, ...secondary]);
  return [...first, ...secondary, ...chosen];
}

function ipv6AddressesOf(draft: Draft, subnet: Subnet, spec: InterfaceSpec): string[] {
  if (spec.ipv6Addresses !== undefined && spec.ipv6AddressCount !== undefined)
    throw apiError('InvalidParameterCombination', { reason: 'Give either ipv6Addresses or ipv6AddressCount' });
  if (spec.ipv6Addresses) {
    if (new Set(spec.ipv6Addresses).size !== spec.ipv6Addresses.length)
      throw invalidValue('An IPv6 address is given twice; name each once');
    for (const address of spec.ipv6Addresses) checkFree(draft, subnet, address);
    return [...spec.ipv6Addresses];
  }
  const wanted = spec.ipv6AddressCount ?? (subnet.assignIpv6AddressOnCreation ? 1 : 0);
  return wanted > 0 ? freeAddresses(draft, subnet, 6, wanted) : [];
}
