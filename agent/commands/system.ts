import { z } from 'zod';
import { RECORD_KINDS } from '../model/snapshot.js';
import { isExpired } from './client-token.js';
import { forgetUnusedCombinations } from './combinations.js';
import { command } from './command.js';
import { attachmentId, instanceId, networkInterfaceId } from './fields.js';
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
    const { attachment: _gone, ...rest } = eni;
    draft.put('networkInterface', rest);
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
    for (const { attachment, ...eni } of interfacesOf(draft, instanceId)) {
      if (attachment.deleteOnTermination) removeInterface(draft, eni);
      else draft.put('networkInterface', eni);
    }
    draft.put('instance', { ...instance, state: 'terminated', terminationTime: context.now });
    return {};
  },
});

/** Terminated instances are listed this long. */
const TERMINATED_LIFETIME_MS = 60 * 60 * 1000;

export const forgetExpired = command({
  summary:
    'Forget instances that were terminated an hour ago, client tokens of a day ago, and combinations of groups that no interface uses.',
  input: z.strictObject({}),
  run: (draft, _input, context) => {
    const isOld = (time: string | undefined) => time !== undefined && Date.parse(context.now) - Date.parse(time) > TERMINATED_LIFETIME_MS;
    for (const { instanceId, state, terminationTime } of draft.all('instance'))
      if (state === 'terminated' && isOld(terminationTime)) draft.delete('instance', instanceId);
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
