import { z } from 'zod';
import { RECORD_KINDS } from '../model/snapshot.js';
import { isExpired } from './client-token.js';
import { forgetUnusedCombinations } from './combinations.js';
import { command } from './command.js';
import { attachmentId, instanceId, natGatewayId, networkInterfaceId } from './fields.js';
import { interfacesOf } from './lookup.js';
import { removeInterface } from './network-interfaces.js';

/**
 * Commands of the agent itself: they record what the kernel has completed. Each finds nothing to do, and does nothing,
 * when the state has moved on since it was called for.
 */

export const finishDetach = command({
  summary: 'Record that a detaching interface has no device any more.',
  input: z.strictObject({ networkInterfaceId, attachmentId }),
  run: (draft, input) => {
    const eni = draft.get('networkInterface', input.networkInterfaceId);
    if (eni?.attachment?.attachmentId !== input.attachmentId || eni.attachment.status !== 'detaching') return {};
    const { attachment, ...rest } = eni;
    draft.put('networkInterface', { ...rest, pastAttachment: attachment });
    return {};
  },
});

export const finishStop = command({
  summary: 'Record that nothing of a stopping instance runs any more.',
  input: z.strictObject({ instanceId }),
  run: (draft, { instanceId }) => {
    const instance = draft.get('instance', instanceId);
    if (instance?.state === 'stopping') draft.put('instance', { ...instance, state: 'stopped' });
    return {};
  },
});

export const finishTerminate = command({
  summary: 'Record that nothing of a terminating instance is left: its interfaces are deleted, or available again.',
  input: z.strictObject({ instanceId }),
  run: (draft, { instanceId }, context) => {
    const instance = draft.get('instance', instanceId);
    if (instance?.state !== 'shutting-down') return {};
    for (const { attachment, automaticPublicIp: _, ...eni } of interfacesOf(draft, instanceId)) {
      if (attachment.deleteOnTermination) removeInterface(draft, eni);
      else draft.put('networkInterface', { ...eni, pastAttachment: attachment });
    }
    draft.put('instance', { ...instance, state: 'terminated', terminationTime: context.now });
    return {};
  },
});

export const finishNatGateway = command({
  summary: 'Record that nothing of a deleting NAT gateway is left: its interface goes, its elastic address is free.',
  input: z.strictObject({ natGatewayId }),
  run: (draft, { natGatewayId }) => {
    const gateway = draft.get('natGateway', natGatewayId);
    if (gateway?.state !== 'deleting') return {};
    const eni = draft.get('networkInterface', gateway.networkInterfaceId);
    if (eni) removeInterface(draft, eni);
    draft.put('natGateway', { ...gateway, state: 'deleted' });
    return {};
  },
});

/** Terminated instances and deleted NAT gateways are listed this long. */
const TERMINATED_LIFETIME_MS = 60 * 60 * 1000;
/** Rejected and deleted peering connections. */
const PEERING_LIFETIME_MS = 2 * TERMINATED_LIFETIME_MS;

export const forgetExpired = command({
  summary:
    'Forget what ended long enough ago: instances and NAT gateways, peering connections, client tokens, unused combinations of groups.',
  input: z.strictObject({}),
  run: (draft, _input, context) => {
    const isOld = (time: string | undefined, lifetimeMs = TERMINATED_LIFETIME_MS) =>
      time !== undefined && Date.parse(context.now) - Date.parse(time) > lifetimeMs;
    for (const { instanceId, state, terminationTime } of draft.all('instance'))
      if (state === 'terminated' && isOld(terminationTime)) draft.delete('instance', instanceId);
    for (const { natGatewayId, state, deleteTime } of draft.all('natGateway'))
      if (state === 'deleted' && isOld(deleteTime)) draft.delete('natGateway', natGatewayId);
    for (const { vpcPeeringConnectionId, endTime } of draft.all('vpcPeeringConnection'))
      if (isOld(endTime, PEERING_LIFETIME_MS)) draft.delete('vpcPeeringConnection', vpcPeeringConnectionId);
    for (const { tokenId, createTime } of draft.all('clientToken'))
      if (isExpired(createTime, context.now)) draft.delete('clientToken', tokenId);
    forgetUnusedCombinations(draft);
    return {};
  },
});

export const reset = command({
  summary: 'Forget everything.',
  input: z.strictObject({}),
  run: (draft) => {
    for (const { kind, id } of RECORD_KINDS.flatMap((kind) => draft.ids(kind).map((id) => ({ kind, id })))) draft.delete(kind, id);
    return {};
  },
});
