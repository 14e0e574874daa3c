import { z } from 'zod';
import { apiError } from '../model/errors.js';
import { CONTAINER_REFERENCE, MAX_PID, NETNS_NAME } from '../model/guest.js';
import { type Instance, type InstanceHolder, isLive } from '../model/instance.js';
import type { Draft } from './draft.js';

/** Fields by which a request names the namespace that is to become an instance: one of them. */
export const guestFields = {
  containerId: z
    .string()
    .regex(CONTAINER_REFERENCE, 'must be the id or the name of a container')
    .optional()
    .describe('A running container: its id, the beginning of that, or its name.'),
  netns: z
    .string()
    .regex(NETNS_NAME, 'must be a name under /run/netns')
    .optional()
    .describe('A network namespace, by its name under /run/netns.'),
  pid: z.number().int('must be a whole number').min(1, 'must be 1 or more').max(MAX_PID).optional().describe('A process in the namespace.'),
};
const Reference = z.object(guestFields);
export type GuestReference = z.output<typeof Reference>;

/** A namespace that somebody else made, as it was found when the request came. */
export interface Guest {
  readonly holder: InstanceHolder;
  /** How its owner calls it, for sentences: `container web`. */
  readonly title: string;
  /** Devices that it has. */
  readonly devices: readonly string[];
  readonly hasDefaultRoute: boolean;
}

/** @throws {ApiError} MissingParameter, InvalidParameterCombination */
export function checkReference({ containerId, netns, pid }: GuestReference): void {
  const given = [containerId, netns, pid].filter((value) => value !== undefined);
  if (given.length === 0) throw apiError('MissingParameter', { name: 'containerId, netns or pid' });
  if (given.length > 1) throw apiError('InvalidParameterCombination', { reason: 'Give one of containerId, netns and pid' });
}

/** The reference in a command's input, where it has the shape of one; whether it names anything is seen when it is looked up. */
export function referenceIn(input: unknown): GuestReference | undefined {
  const parsed = Reference.safeParse(input);
  return parsed.success && Object.values(parsed.data).some((value) => value !== undefined) ? parsed.data : undefined;
}

export const guestKey = ({ containerId, netns, pid }: GuestReference): string => JSON.stringify([containerId, netns, pid]);

/** One namespace is one instance. @throws {ApiError} Resource.AlreadyAssociated */
export function checkUnregistered(draft: Draft, { holder, title }: Guest, hostId: string): void {
  const key = holderKey(holder);
  const other = draft.by('instance', 'hostId', hostId).find((instance) => isLive(instance) && holderKey(instance.holder) === key);
  if (other) throw alreadyRegistered(title, other.instanceId);
}

export function alreadyRegistered(title: string, instanceId: string) {
  return apiError('Resource.AlreadyAssociated', {
    reason: `The ${title} is registered as ${instanceId} already; attach interfaces to that, or terminate it first (which leaves the ${title} alone)`,
  });
}

function holderKey(holder: Instance['holder']): string {
  if (holder.kind === 'namespace') return `namespace ${holder.name}`;
  if (holder.kind === 'container') return `container ${holder.containerId}`;
  if (holder.kind === 'process') return `process ${holder.pid} ${holder.startTime} ${holder.bootId}`;
  return '';
}

/** @throws {ApiError} IncorrectState when the guest has what the interfaces need for themselves. */
export function checkRoom({ title, devices, hasDefaultRoute }: Guest, deviceIndexes: readonly number[]): void {
  const remedy = 'give another deviceIndex, such as 1 (without a default route of its own), or make the guest without a network';
  const taken = deviceIndexes.map((index) => `eth${index}`).find((name) => devices.includes(name));
  if (taken !== undefined) throw apiError('IncorrectState', { reason: `The ${title} has a device ${taken} of its own; ${remedy}` });
  if (hasDefaultRoute && deviceIndexes.includes(0))
    throw apiError('IncorrectState', {
      reason: `The ${title} has a default route of its own, and an interface at device index 0 brings one; ${remedy}`,
    });
}
