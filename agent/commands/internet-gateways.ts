import { z } from 'zod';
import { apiError, invalidValue } from '../model/errors.js';
import { mintId } from '../model/ids.js';
import { idempotent } from './client-token.js';
import { command } from './command.js';
import type { Draft } from './draft.js';
import { clientToken, egressOnlyInternetGatewayId, internetGatewayId, tags, vpcId } from './fields.js';
import { required } from './lookup.js';
import { checkTags } from './tags.js';

export const createInternetGateway = idempotent(
  'createInternetGateway',
  command({
    summary: 'Create an internet gateway, attached to nothing yet.',
    input: z.strictObject({ tags, clientToken }),
    run: (draft, input, context) => {
      const internetGatewayId = mintId('internetGateway', context.randomHex);
      draft.put('internetGateway', { internetGatewayId, ownerId: context.ownerId, tags: checkTags(input.tags) });
      return { internetGatewayId };
    },
  }),
);

export const attachInternetGateway = command({
  summary: 'Attach an internet gateway to a VPC that has none. Routes decide what goes through it.',
  input: z.strictObject({ internetGatewayId, vpcId }),
  run: (draft, input) => {
    const gateway = required(draft, 'internetGateway', input.internetGatewayId);
    const vpc = required(draft, 'vpc', input.vpcId);
    if (gateway.vpcId)
      throw apiError('Resource.AlreadyAssociated', {
        reason: `resource ${gateway.internetGatewayId} is already attached to network ${gateway.vpcId}`,
      });
    const [other] = draft.by('internetGateway', 'vpcId', vpc.vpcId);
    if (other) throw invalidValue(`Network ${vpc.vpcId} already has an internet gateway attached: ${other.internetGatewayId}`);
    draft.put('internetGateway', { ...gateway, vpcId: vpc.vpcId });
    return {};
  },
});

export const detachInternetGateway = command({
  summary: 'Detach an internet gateway from its VPC. Routes to it become blackholes.',
  input: z.strictObject({ internetGatewayId, vpcId: vpcId.optional().describe('Refuse when it is attached to another VPC.') }),
  run: (draft, input) => {
    const { vpcId, ...gateway } = required(draft, 'internetGateway', input.internetGatewayId);
    if (vpcId === undefined || (input.vpcId !== undefined && input.vpcId !== vpcId))
      throw apiError('Gateway.NotAttached', {
        reason: `resource ${gateway.internetGatewayId} is not attached to ${input.vpcId === undefined ? 'any network' : `network ${input.vpcId}`}`,
      });
    const mapped = draft.by('elasticIp', 'vpcId', vpcId).map((address) => address.publicIp);
    if (mapped.length > 0)
      throw apiError('DependencyViolation', {
        reason: `Network ${vpcId} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway: ${mapped.sort().slice(0, 5).join(', ')}`,
      });
    draft.put('internetGateway', gateway);
    return {};
  },
});

export const deleteInternetGateway = command({
  summary: 'Delete an internet gateway that is not attached.',
  input: z.strictObject({ internetGatewayId }),
  run: (draft, { internetGatewayId }) => {
    const { vpcId } = required(draft, 'internetGateway', internetGatewayId);
    if (vpcId)
      throw apiError('DependencyViolation', {
        reason: `The internetGateway '${internetGatewayId}' has dependencies and cannot be deleted: it is attached to ${vpcId}`,
      });
    draft.delete('internetGateway', internetGatewayId);
    return {};
  },
});

export const createEgressOnlyInternetGateway = idempotent(
  'createEgressOnlyInternetGateway',
  command({
    summary: 'Create an egress-only internet gateway in a VPC: IPv6 connections from inside only.',
    input: z.strictObject({ vpcId, tags, clientToken }),
    run: (draft, input, context) => {
      const { vpcId } = required(draft, 'vpc', input.vpcId);
      const egressOnlyInternetGatewayId = mintId('egressOnlyInternetGateway', context.randomHex);
      draft.put('egressOnlyInternetGateway', {
        egressOnlyInternetGatewayId,
        vpcId,
        ownerId: context.ownerId,
        tags: checkTags(input.tags),
      });
      return { egressOnlyInternetGatewayId };
    },
  }),
);

export const deleteEgressOnlyInternetGateway = command({
  summary: 'Delete an egress-only internet gateway. Routes to it become blackholes.',
  input: z.strictObject({ egressOnlyInternetGatewayId }),
  run: (draft, input) => {
    required(draft, 'egressOnlyInternetGateway', input.egressOnlyInternetGatewayId);
    draft.delete('egressOnlyInternetGateway', input.egressOnlyInternetGatewayId);
    return {};
  },
});

/** That public addresses can be used in a VPC. @throws {ApiError} Gateway.NotAttached */
export function checkInternetGateway(draft: Draft, vpcId: string): void {
  if (draft.count('internetGateway', 'vpcId', vpcId) === 0)
    throw apiError('Gateway.NotAttached', { reason: `Network ${vpcId} is not attached to any internet gateway` });
}
