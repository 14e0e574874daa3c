import { z } from 'zod';
import { cidr, cidrSize, contains, Ipv4, toBigInt } from '../model/address.js';
import type { ElasticIp } from '../model/elastic-ip.js';
import { apiError, invalidValue } from '../model/errors.js';
import { idSchema, mintId } from '../model/ids.js';
import { type NetworkInterface, primaryAddress } from '../model/network-interface.js';
import { idempotent } from './client-token.js';
import { type CommandContext, command } from './command.js';
import type { Draft } from './draft.js';
import { allocationId, clientToken, instanceId, networkInterfaceId, tags } from './fields.js';
import { onlyInterface } from './instances.js';
import { checkInternetGateway } from './internet-gateways.js';
import { notFound, required, requiredInstance } from './lookup.js';
import { dissociate, newAssociation, publicAddressOf, publicIpHolder, regainAutomatic, takePublicIp } from './public-addresses.js';
import { checkTags } from './tags.js';

export const allocateAddress = idempotent(
  'allocateAddress',
  command({
    summary: "Allocate an elastic address from the lab's public pool.",
    input: z.strictObject({
      publicIp: Ipv4.optional().describe('Which; default: the lowest free one.'),
      tags,
      clientToken,
    }),
    run: (draft, input, context) => {
      const publicIp = input.publicIp === undefined ? takePublicIp(draft, context) : checkPublicIp(draft, input.publicIp, context);
      const allocationId = mintId('elasticIp', context.randomHex);
      draft.put('elasticIp', { allocationId, publicIp, kind: 'elastic', ownerId: context.ownerId, tags: checkTags(input.tags) });
      return { allocationId };
    },
  }),
);

export const associateAddress = command({
  summary: 'Associate an elastic address with a private address of an interface; live. Its VPC needs an internet gateway.',
  input: z.strictObject({
    allocationId,
    networkInterfaceId: networkInterfaceId.optional(),
    instanceId: instanceId.optional().describe('Or the instance, when it has one interface.'),
    privateIpAddress: Ipv4.optional().describe('One of the interface; default: its primary one.'),
    allowReassociation: z
      .boolean()
      .optional()
      .describe('false: refuse when the elastic address, or the private one, is associated already. Default true.'),
  }),
  run: (draft, input, context) => {
    const address = elastic(draft, input.allocationId, 'associated by a call');
    const eni = targetInterface(draft, input.networkInterfaceId, input.instanceId);
    const privateIpAddress = input.privateIpAddress ?? primaryAddress(eni);
    if (!eni.privateIpAddresses.includes(privateIpAddress))
      throw invalidValue(`The private IP address ${privateIpAddress} is not assigned to ${eni.networkInterfaceId}`);
    checkInternetGateway(draft, eni.vpcId);
    const current = address.association;
    if (current?.networkInterfaceId === eni.networkInterfaceId && current.privateIpAddress === privateIpAddress)
      return { associationId: current.associationId };
    const occupant = publicAddressOf(draft, eni.networkInterfaceId, privateIpAddress);
    if (input.allowReassociation === false) checkUnassociated(address, occupant);
    if (current) checkNotServed(draft, address);
    if (occupant) dissociate(draft, occupant);
    const association = newAssociation(eni, privateIpAddress, context);
    draft.put('elasticIp', { ...address, association });
    if (current) regainAutomatic(draft, current.networkInterfaceId, context);
    return { associationId: association.associationId };
  },
});

export const disassociateAddress = command({
  summary: 'Take an elastic address off its interface; it stays allocated.',
  input: z.strictObject({ associationId: idSchema('elasticIpAssociation').describe('The association.') }),
  run: (draft, { associationId }, context) => {
    const [found] = draft.by('elasticIp', 'associationId', associationId);
    if (!found?.association) throw notFound('elasticIpAssociation', associationId);
    const address = elastic(draft, found.allocationId, 'disassociated by a call');
    checkNotServed(draft, address);
    dissociate(draft, address);
    regainAutomatic(draft, found.association.networkInterfaceId, context);
    return {};
  },
});

export const releaseAddress = command({
  summary: 'Give an elastic address that is not associated back to the pool.',
  input: z.strictObject({ allocationId }),
  run: (draft, { allocationId }) => {
    const address = elastic(draft, allocationId, 'released by a call');
    if (address.association)
      throw apiError('InvalidIPAddress.InUse', { address: address.publicIp, id: address.association.networkInterfaceId });
    draft.delete('elasticIp', allocationId);
    return {};
  },
});

/**
 * An elastic address that is free to be used.
 * @throws {ApiError} InvalidAllocationID.NotFound, OperationNotPermitted, Resource.AlreadyAssociated
 */
export function unassociatedAddress(draft: Draft, allocationId: string): ElasticIp {
  const address = elastic(draft, allocationId, 'given to a NAT gateway');
  checkUnassociated(address, undefined);
  return address;
}

function elastic(draft: Draft, allocationId: string, verb: string): ElasticIp {
  const address = required(draft, 'elasticIp', allocationId);
  if (address.kind === 'automatic')
    throw apiError('OperationNotPermitted', {
      reason: `${address.publicIp} came automatically with its instance and cannot be ${verb}; allocate an elastic address`,
    });
  return address;
}

function targetInterface(draft: Draft, networkInterfaceId: string | undefined, instanceId: string | undefined): NetworkInterface {
  if (networkInterfaceId !== undefined && instanceId !== undefined)
    throw apiError('InvalidParameterCombination', { reason: 'Give either networkInterfaceId or instanceId' });
  if (networkInterfaceId === undefined && instanceId === undefined) throw apiError('MissingParameter', { name: 'networkInterfaceId' });
  const eni =
    instanceId === undefined
      ? required(draft, 'networkInterface', networkInterfaceId ?? '')
      : onlyInterface(draft, requiredInstance(draft, instanceId).instanceId);
  if (eni.requesterManaged)
    throw apiError('OperationNotPermitted', {
      reason: `${eni.networkInterfaceId} is managed by ${eni.requesterId}; its addresses are not yours to change`,
    });
  return eni;
}

function checkUnassociated(address: ElasticIp, occupant: ElasticIp | undefined): void {
  if (address.association)
    throw apiError('Resource.AlreadyAssociated', {
      reason: `resource ${address.allocationId} is already associated with ${address.association.networkInterfaceId}; disassociate it first`,
    });
  if (occupant?.association && occupant.kind === 'elastic')
    throw apiError('Resource.AlreadyAssociated', {
      reason: `resource ${occupant.association.networkInterfaceId} is already associated with ${occupant.publicIp} at ${occupant.association.privateIpAddress}`,
    });
}

/** A NAT gateway keeps its address for life. */
function checkNotServed(draft: Draft, { publicIp, association }: ElasticIp): void {
  const eni = draft.get('networkInterface', association?.networkInterfaceId ?? '');
  if (eni?.requesterManaged)
    throw apiError('OperationNotPermitted', { reason: `${publicIp} belongs to ${eni.requesterId}; delete that to get the address back` });
}

function checkPublicIp(draft: Draft, publicIp: string, { publicPool }: CommandContext): string {
  const pool = cidr(publicPool);
  const offset = toBigInt(publicIp) - pool.base;
  if (!contains(pool, publicIp) || offset === 0n || offset === cidrSize(pool) - 1n)
    throw invalidValue(
      `Value (${publicIp}) for parameter publicIp is invalid: it is not in the public pool ${publicPool} (without first and last)`,
    );
  const holder = publicIpHolder(draft, publicIp);
  if (holder) throw apiError('InvalidIPAddress.InUse', { address: publicIp, id: holder });
  return publicIp;
}
