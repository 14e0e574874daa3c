import { z } from 'zod';
import { cidr, overlaps } from '../model/address.js';
import { apiError, invalidValue } from '../model/errors.js';
import { mintId } from '../model/ids.js';
import { type Vpc, vpcRanges } from '../model/vpc.js';
import { isOpen, type VpcPeeringConnection } from '../model/vpc-peering-connection.js';
import { idempotent } from './client-token.js';
import { command } from './command.js';
import type { Draft } from './draft.js';
import { clientToken, tags, vpcId, vpcPeeringConnectionId } from './fields.js';
import { required } from './lookup.js';
import { checkTags } from './tags.js';

export const createVpcPeeringConnection = idempotent(
  'createVpcPeeringConnection',
  command({
    summary: 'Ask for a peering connection between two VPCs whose ranges do not overlap; the other side accepts it.',
    input: z.strictObject({
      vpcId: vpcId.describe('The VPC that asks.'),
      peerVpcId: vpcId.describe('The VPC that is asked.'),
      tags,
      clientToken,
    }),
    run: (draft, input, context) => {
      const requester = required(draft, 'vpc', input.vpcId);
      const accepter = required(draft, 'vpc', input.peerVpcId);
      checkPeers(draft, requester, accepter);
      const vpcPeeringConnectionId = mintId('vpcPeeringConnection', context.randomHex);
      draft.put('vpcPeeringConnection', {
        vpcPeeringConnectionId,
        requesterVpcId: requester.vpcId,
        accepterVpcId: accepter.vpcId,
        status: 'pending-acceptance',
        createTime: context.now,
        ownerId: context.ownerId,
        tags: checkTags(input.tags),
      });
      return { vpcPeeringConnectionId };
    },
  }),
);

export const acceptVpcPeeringConnection = command({
  summary: 'Accept a peering connection. Both sides need routes to use it.',
  input: z.strictObject({ vpcPeeringConnectionId }),
  run: (draft, { vpcPeeringConnectionId }) => {
    const connection = inStatus(draft, vpcPeeringConnectionId, ['pending-acceptance'], 'accepted');
    draft.put('vpcPeeringConnection', { ...connection, status: 'active' });
    return {};
  },
});

export const rejectVpcPeeringConnection = command({
  summary: 'Refuse a peering connection that was asked for.',
  input: z.strictObject({ vpcPeeringConnectionId }),
  run: (draft, { vpcPeeringConnectionId }, context) => {
    const connection = inStatus(draft, vpcPeeringConnectionId, ['pending-acceptance'], 'rejected');
    draft.put('vpcPeeringConnection', { ...connection, status: 'rejected', endTime: context.now });
    return {};
  },
});

export const deleteVpcPeeringConnection = command({
  summary: 'Delete a peering connection, from either side. Routes to it become blackholes.',
  input: z.strictObject({ vpcPeeringConnectionId }),
  run: (draft, { vpcPeeringConnectionId }, context) => {
    const connection = inStatus(draft, vpcPeeringConnectionId, ['pending-acceptance', 'active'], 'deleted');
    draft.put('vpcPeeringConnection', { ...connection, status: 'deleted', endTime: context.now });
    return {};
  },
});

function inStatus(draft: Draft, id: string, wanted: readonly VpcPeeringConnection['status'][], verb: string): VpcPeeringConnection {
  const connection = required(draft, 'vpcPeeringConnection', id);
  if (!wanted.includes(connection.status))
    throw apiError('InvalidStateTransition', { reason: `${id} cannot be ${verb}: it is ${connection.status}, not ${wanted.join(' or ')}` });
  return connection;
}

function checkPeers(draft: Draft, requester: Vpc, accepter: Vpc): void {
  if (requester.vpcId === accepter.vpcId) throw invalidValue(`The requester and the accepter VPC are the same: ${requester.vpcId}`);
  const other = draft
    .by('vpcPeeringConnection', 'vpcId', requester.vpcId)
    .find((one) => isOpen(one) && (one.requesterVpcId === accepter.vpcId || one.accepterVpcId === accepter.vpcId));
  if (other)
    throw apiError('VpcPeeringConnectionAlreadyExists', {
      reason: `${requester.vpcId} and ${accepter.vpcId} have a VPC peering connection already: ${other.vpcPeeringConnectionId}, ${other.status}`,
    });
  for (const mine of vpcRanges(requester).map(cidr))
    for (const theirs of vpcRanges(accepter).map(cidr))
      if (overlaps(mine, theirs))
        throw invalidValue(
          `VPCs with overlapping CIDRs cannot be peered: ${mine.text} of ${requester.vpcId} and ${theirs.text} of ${accepter.vpcId}`,
        );
}
