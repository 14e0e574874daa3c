import { z } from 'zod';
import type { Instance } from '../model/instance.js';
import { command } from './command.js';
import { instanceId } from './fields.js';
import { startAgain } from './instances.js';
import { releaseAutomatic } from './public-addresses.js';

/**
 * Commands of the agent itself: they record what became of guests that others start and stop. Each finds nothing to do, and does
 * nothing, when the state has moved on since it was called for.
 */

/** As the cloud calls a shutdown from inside. */
const BY_GUEST = 'Client.InstanceInitiatedShutdown';

/** Whether it stopped because its guest did: then it starts with it. */
export function stoppedWithGuest({ state, stateReason }: Instance): boolean {
  return state === 'stopped' && stateReason?.code === BY_GUEST;
}

const stopping = (instance: Instance, reason: string, state: 'stopping' | 'shutting-down'): Instance => ({
  ...instance,
  state,
  stateReason: { code: BY_GUEST, message: `${BY_GUEST}: ${reason}` },
});

const Reason = z.string().max(1000).describe('In words.');

export const guestStopped = command({
  summary: 'Record that the guest of an instance does not run any more: the instance stops, or ends, as its shutdown behaviour says.',
  input: z.strictObject({ instanceId, reason: Reason }),
  run: (draft, { instanceId, reason }) => {
    const instance = draft.get('instance', instanceId);
    if (instance?.state !== 'running') return {};
    draft.put('instance', stopping(instance, reason, instance.shutdownBehavior === 'terminate' ? 'shutting-down' : 'stopping'));
    releaseAutomatic(draft, instanceId);
    return {};
  },
});

export const guestStarted = command({
  summary: 'Record that the guest of an instance that stopped with it runs again.',
  input: z.strictObject({ instanceId }),
  run: (draft, { instanceId }, context) => {
    const instance = draft.get('instance', instanceId);
    if (instance && stoppedWithGuest(instance)) startAgain(draft, instance, context);
    return {};
  },
});

export const guestGone = command({
  summary: 'Record that the guest of an instance is gone for good: the instance ends.',
  input: z.strictObject({ instanceId, reason: Reason }),
  run: (draft, { instanceId, reason }) => {
    const instance = draft.get('instance', instanceId);
    if (!instance || instance.state === 'terminated' || instance.state === 'shutting-down') return {};
    draft.put('instance', stopping(instance, reason, 'shutting-down'));
    releaseAutomatic(draft, instanceId);
    return {};
  },
});
