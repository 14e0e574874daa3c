import { cidr, cidrSize, nthAddress } from '../model/address.js';
import type { ElasticIp, ElasticIpAssociation } from '../model/elastic-ip.js';
import { apiError } from '../model/errors.js';
import { mintId } from '../model/ids.js';
import { type NetworkInterface, primaryAddress } from '../model/network-interface.js';
import type { CommandContext } from './command.js';
import type { Draft } from './draft.js';
import { interfacesOf } from './lookup.js';

/** Public addresses and what they are associated with: what several nouns' commands need. */

/** Lowest address of the pool that nothing has. */
function freePublicIp(draft: Draft, { publicPool }: CommandContext): string | undefined {
  const pool = cidr(publicPool);
  const last = cidrSize(pool) - 1n;
  for (let offset = 1n; offset < last; offset++) {
    const address = nthAddress(pool, offset);
    if (!publicIpHolder(draft, address)) return address;
  }
  return undefined;
}

/** @throws {ApiError} InsufficientAddressCapacity */
export function takePublicIp(draft: Draft, context: CommandContext): string {
  const address = freePublicIp(draft, context);
  if (address === undefined)
    throw apiError('InsufficientAddressCapacity', {
      reason: `Every address of the public pool ${context.publicPool} is in use; release one`,
    });
  return address;
}

/** Id of what has a public address. */
export function publicIpHolder(draft: Draft, address: string): string | undefined {
  return (
    draft.by('elasticIp', 'publicIp', address)[0]?.allocationId ??
    draft.by('vpnConnection', 'outsideIpAddress', address)[0]?.vpnConnectionId
  );
}

/** The public address of one of an interface's private ones. */
export function publicAddressOf(draft: Draft, networkInterfaceId: string, privateIpAddress: string): ElasticIp | undefined {
  return draft
    .by('elasticIp', 'networkInterfaceId', networkInterfaceId)
    .find(({ association }) => association?.privateIpAddress === privateIpAddress);
}

export function newAssociation(eni: NetworkInterface, privateIpAddress: string, context: CommandContext): ElasticIpAssociation {
  const { networkInterfaceId, vpcId } = eni;
  return { associationId: mintId('elasticIpAssociation', context.randomHex), networkInterfaceId, privateIpAddress, vpcId };
}

/** Takes a public address off whatever it is associated with: an elastic one stays allocated, an automatic one is gone. */
export function dissociate(draft: Draft, address: ElasticIp): void {
  const { association: _association, ...rest } = address;
  if (address.kind === 'automatic') draft.delete('elasticIp', address.allocationId);
  else draft.put('elasticIp', rest);
}

/** The same for all public addresses of an interface, or those of some private ones. */
export function dissociateInterface(draft: Draft, networkInterfaceId: string, privateIpAddresses?: readonly string[]): void {
  for (const address of draft.by('elasticIp', 'networkInterfaceId', networkInterfaceId))
    if (!privateIpAddresses || privateIpAddresses.includes(address.association?.privateIpAddress ?? '')) dissociate(draft, address);
}

/**
 * Gives an interface that is to have one an automatic public address for its primary one, unless that has a public address. As in the
 * cloud, an instance with several interfaces gets none.
 * @throws {ApiError} InsufficientAddressCapacity
 */
export function giveAutomatic(draft: Draft, eni: NetworkInterface, context: CommandContext): void {
  if (!awaitsAutomatic(draft, eni)) return;
  draft.put('elasticIp', {
    allocationId: mintId('elasticIp', context.randomHex),
    publicIp: takePublicIp(draft, context),
    kind: 'automatic',
    ownerId: context.ownerId,
    tags: {},
    association: newAssociation(eni, primaryAddress(eni), context),
  });
}

/** The same where it is no fault when the pool is used up. */
export function regainAutomatic(draft: Draft, networkInterfaceId: string, context: CommandContext): void {
  const eni = draft.get('networkInterface', networkInterfaceId);
  if (eni && freePublicIp(draft, context) !== undefined) giveAutomatic(draft, eni, context);
}

/** At the end of an instance's run. */
export function releaseAutomatic(draft: Draft, instanceId: string): void {
  for (const { networkInterfaceId } of interfacesOf(draft, instanceId))
    for (const address of draft.by('elasticIp', 'networkInterfaceId', networkInterfaceId))
      if (address.kind === 'automatic') dissociate(draft, address);
}

function awaitsAutomatic(draft: Draft, eni: NetworkInterface): boolean {
  const { attachment } = eni;
  if (!eni.automaticPublicIp || attachment?.deviceIndex !== 0) return false;
  if (draft.get('instance', attachment.instanceId)?.state !== 'running') return false;
  return interfacesOf(draft, attachment.instanceId).length === 1 && !publicAddressOf(draft, eni.networkInterfaceId, primaryAddress(eni));
}
