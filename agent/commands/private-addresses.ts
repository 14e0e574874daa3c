import { z } from 'zod';
import { Ipv4, Ipv6 } from '../model/address.js';
import { apiError, invalidValue } from '../model/errors.js';
import { MAX_ADDRESSES_PER_INTERFACE } from '../model/instance-types.js';
import { type NetworkInterface, primaryAddress } from '../model/network-interface.js';
import type { Subnet } from '../model/subnet.js';
import { checkAddressLimit } from './address-limits.js';
import { command } from './command.js';
import type { Draft } from './draft.js';
import { count, networkInterfaceId } from './fields.js';
import { checkFree, checkInSubnet, freeAddresses, holderOf } from './ipam.js';
import { required } from './lookup.js';
import { dissociateInterface, publicAddressOf } from './public-addresses.js';

const some = <T extends z.ZodType>(item: T) => z.array(item).min(1, 'must hold at least one address').max(MAX_ADDRESSES_PER_INTERFACE);

export const assignPrivateIpAddresses = command({
  summary: 'Give a network interface secondary private addresses; live.',
  input: z.strictObject({
    networkInterfaceId,
    privateIpAddresses: some(Ipv4).optional().describe('Which.'),
    secondaryPrivateIpAddressCount: count(MAX_ADDRESSES_PER_INTERFACE - 1)
      .optional()
      .describe('Or how many to choose.'),
    allowReassignment: z
      .boolean()
      .optional()
      .describe('Take addresses away from interfaces that have them as secondary ones. Default false.'),
  }),
  run: (draft, input) => {
    const { eni, subnet } = subject(draft, input.networkInterfaceId);
    const wanted = oneOf(
      'privateIpAddresses',
      input.privateIpAddresses,
      'secondaryPrivateIpAddressCount',
      input.secondaryPrivateIpAddressCount,
    );
    const addresses = typeof wanted === 'number' ? freeAddresses(draft, subnet, 4, wanted) : [...new Set(wanted)];
    const added = addresses.filter((address) => !eni.privateIpAddresses.includes(address));
    takeOver(draft, subnet, added, eni, input.allowReassignment ?? false);
    update(draft, { ...eni, privateIpAddresses: [...eni.privateIpAddresses, ...added] });
    return { networkInterfaceId: eni.networkInterfaceId, assignedPrivateIpAddresses: addresses };
  },
});

export const unassignPrivateIpAddresses = command({
  summary: 'Take secondary private addresses away from a network interface; live.',
  input: z.strictObject({ networkInterfaceId, privateIpAddresses: some(Ipv4).describe('Which.') }),
  run: (draft, { networkInterfaceId, privateIpAddresses }) => {
    const { eni } = subject(draft, networkInterfaceId);
    if (privateIpAddresses.includes(primaryAddress(eni)))
      throw invalidValue(`${primaryAddress(eni)} is the primary address of ${networkInterfaceId}; it stays for the life of the interface`);
    checkHeld(eni, eni.privateIpAddresses, privateIpAddresses);
    update(draft, { ...eni, privateIpAddresses: eni.privateIpAddresses.filter((address) => !privateIpAddresses.includes(address)) });
    dissociateInterface(draft, networkInterfaceId, privateIpAddresses);
    return {};
  },
});

export const assignIpv6Addresses = command({
  summary: 'Give a network interface IPv6 addresses; live.',
  input: z.strictObject({
    networkInterfaceId,
    ipv6Addresses: some(Ipv6).optional().describe('Which.'),
    ipv6AddressCount: count(MAX_ADDRESSES_PER_INTERFACE).optional().describe('Or how many to choose.'),
  }),
  run: (draft, input) => {
    const { eni, subnet } = subject(draft, input.networkInterfaceId);
    const wanted = oneOf('ipv6Addresses', input.ipv6Addresses, 'ipv6AddressCount', input.ipv6AddressCount);
    const addresses = typeof wanted === 'number' ? freeAddresses(draft, subnet, 6, wanted) : [...new Set(wanted)];
    const added = addresses.filter((address) => !eni.ipv6Addresses.includes(address));
    for (const address of added) checkFree(draft, subnet, address);
    update(draft, { ...eni, ipv6Addresses: [...eni.ipv6Addresses, ...added] });
    return { networkInterfaceId: eni.networkInterfaceId, assignedIpv6Addresses: addresses };
  },
});

export const unassignIpv6Addresses = command({
  summary: 'Take IPv6 addresses away from a network interface; live.',
  input: z.strictObject({ networkInterfaceId, ipv6Addresses: some(Ipv6).describe('Which.') }),
  run: (draft, { networkInterfaceId, ipv6Addresses }) => {
    const { eni } = subject(draft, networkInterfaceId);
    checkHeld(eni, eni.ipv6Addresses, ipv6Addresses);
    update(draft, { ...eni, ipv6Addresses: eni.ipv6Addresses.filter((address) => !ipv6Addresses.includes(address)) });
    return {};
  },
});

function subject(draft: Draft, networkInterfaceId: string): { eni: NetworkInterface; subnet: Subnet } {
  const eni = required(draft, 'networkInterface', networkInterfaceId);
  if (eni.requesterManaged)
    throw apiError('OperationNotPermitted', {
      reason: `${networkInterfaceId} is managed by ${eni.requesterId}; its addresses are not yours to change`,
    });
  return { eni, subnet: required(draft, 'subnet', eni.subnetId) };
}

function oneOf<A, B>(nameA: string, a: A | undefined, nameB: string, b: B | undefined): A | B {
  if (a !== undefined && b !== undefined) throw apiError('InvalidParameterCombination', { reason: `Give either ${nameA} or ${nameB}` });
  const given = a ?? b;
  if (given === undefined) throw apiError('MissingParameter', { name: `${nameA} or ${nameB}` });
  return given;
}

/**
 * Makes addresses free for an interface, by taking them from those that have them as secondary ones when that is allowed. Their elastic
 * addresses come along.
 */
function takeOver(
  draft: Draft,
  subnet: Subnet,
  addresses: readonly string[],
  { networkInterfaceId }: NetworkInterface,
  allowed: boolean,
): void {
  const held: string[] = [];
  for (const address of addresses) {
    checkInSubnet(subnet, address);
    const holder = holderOf(draft, subnet, address);
    if (!holder) continue;
    if (!allowed) held.push(address);
    else if (address === primaryAddress(holder))
      throw invalidValue(`${address} is the primary address of ${holder.networkInterfaceId}; only secondary addresses move`);
    else if (holder.requesterManaged)
      throw invalidValue(`${address} belongs to ${holder.networkInterfaceId}, which ${holder.requesterId} manages`);
    else {
      draft.put('networkInterface', { ...holder, privateIpAddresses: holder.privateIpAddresses.filter((other) => other !== address) });
      const elastic = publicAddressOf(draft, holder.networkInterfaceId, address);
      if (elastic?.association) draft.put('elasticIp', { ...elastic, association: { ...elastic.association, networkInterfaceId } });
    }
  }
  if (held.length > 0) throw invalidValue(`[${held.join(', ')}] assigned, but move is not allowed; set allowReassignment to move`);
}

function checkHeld(eni: NetworkInterface, held: readonly string[], addresses: readonly string[]): void {
  const foreign = addresses.filter((address) => !held.includes(address));
  if (foreign.length > 0) throw invalidValue(`Some of [${foreign.join(', ')}] are not assigned to interface ${eni.networkInterfaceId}`);
}

function update(draft: Draft, eni: NetworkInterface): void {
  checkAddressLimit(draft, eni);
  draft.put('networkInterface', eni);
}
