import { z } from 'zod';
import { apiError, invalidValue } from '../model/errors.js';
import type { NetworkInterface } from '../model/network-interface.js';
import { idempotent } from './client-token.js';
import { combinationIndex } from './combinations.js';
import { command } from './command.js';
import type { Draft } from './draft.js';
import { attachmentId, clientToken, deleteOnTermination, description, networkInterfaceId, subnetId, tags } from './fields.js';
import { groupIds, interfaceFields, putNewInterface } from './interface-spec.js';
import { required } from './lookup.js';
import { dissociateInterface } from './public-addresses.js';
import { groupsFor } from './security-groups.js';

export const createNetworkInterface = idempotent(
  'createNetworkInterface',
  command({
    summary: 'Create a network interface in a subnet.',
    input: z.strictObject({ subnetId, ...interfaceFields, tags, clientToken }),
    run: (draft, { subnetId, clientToken: _token, ...spec }, context) => {
      const eni = putNewInterface(draft, required(draft, 'subnet', subnetId), spec, context);
      return { networkInterfaceId: eni.networkInterfaceId };
    },
  }),
);

export const modifyNetworkInterface = command({
  summary: 'Change attributes of a network interface, attached or not; they take effect at once.',
  input: z.strictObject({
    networkInterfaceId,
    description: description.optional(),
    groupIds: groupIds.optional(),
    sourceDestCheck: z.boolean().optional().describe('Drop what is not from or for the interface itself.'),
    attachmentId: attachmentId.optional().describe('Refuse the change when this is not the current attachment.'),
    deleteOnTermination: deleteOnTermination.optional(),
  }),
  run: (draft, input, context) => {
    const eni = required(draft, 'networkInterface', input.networkInterfaceId);
    if (eni.requesterManaged)
      throw apiError('OperationNotPermitted', {
        reason: `${eni.networkInterfaceId} is managed by ${eni.requesterId}; it is not yours to change`,
      });
    const attachment = changedAttachment(eni, input.attachmentId, input.deleteOnTermination);
    const groups = input.groupIds === undefined ? eni.groupIds : groupsFor(draft, eni.vpcId, input.groupIds, context);
    draft.put('networkInterface', {
      ...eni,
      description: input.description ?? eni.description,
      sourceDestCheck: input.sourceDestCheck ?? eni.sourceDestCheck,
      groupIds: groups,
      combinationIndex: combinationIndex(draft, eni, groups),
      ...(attachment && { attachment }),
    });
    return {};
  },
});

export const deleteNetworkInterface = command({
  summary: 'Delete a network interface that is not attached. Routes to it become blackholes.',
  input: z.strictObject({ networkInterfaceId }),
  run: (draft, { networkInterfaceId }) => {
    const eni = required(draft, 'networkInterface', networkInterfaceId);
    if (eni.attachment)
      throw apiError('InvalidNetworkInterface.InUse', {
        reason: `Network interface '${networkInterfaceId}' is currently in use by ${eni.attachment.instanceId}; detach it first`,
      });
    if (eni.requesterManaged)
      throw apiError('OperationNotPermitted', { reason: `${networkInterfaceId} is managed by ${eni.requesterId}; delete that instead` });
    removeInterface(draft, eni);
    return {};
  },
});

/** Takes an interface out of the model and its public addresses off it. */
export function removeInterface(draft: Draft, eni: NetworkInterface): void {
  dissociateInterface(draft, eni.networkInterfaceId);
  draft.delete('networkInterface', eni.networkInterfaceId);
}

function changedAttachment(eni: NetworkInterface, attachmentId: string | undefined, deleteOnTermination: boolean | undefined) {
  if (attachmentId !== undefined && eni.attachment?.attachmentId !== attachmentId)
    throw apiError('InvalidAttachmentID.NotFound', { id: attachmentId });
  if (deleteOnTermination === undefined) return undefined;
  if (!eni.attachment) throw invalidValue(`${eni.networkInterfaceId} is not attached: deleteOnTermination belongs to an attachment`);
  return { ...eni.attachment, deleteOnTermination };
}
