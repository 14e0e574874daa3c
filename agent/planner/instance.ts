import type { KernelObject } from '../kernel/port.js';
import { instanceNamespace, SYSCTLS } from '../kernel/resources.js';
import { isForeign } from '../model/instance.js';
import type { Snapshot } from '../model/snapshot.js';
import { instanceFilter } from './instance-filter.js';
import type { PlanSettings } from './plan.js';
import { presentInstance } from './presence.js';

/**
 * An instance's namespace, with or without interfaces, and the filter of its macvlan interfaces. What is on its devices belongs to the
 * interfaces. Somebody else's gets the name and no settings; nothing while it is not there.
 */
export function planInstance(snapshot: Snapshot, { hostId, holders }: PlanSettings, instanceId: string): KernelObject[] {
  const instance = presentInstance(snapshot, hostId, instanceId);
  const holder = holders?.get(instanceId);
  if (!instance || (isForeign(instance) && !holder)) return [];
  const netns = instanceNamespace(instance.instanceId);
  const filter = instanceFilter(snapshot, hostId, instanceId);
  return [
    ...(isForeign(instance) ? [{ kind: 'netns', netns, holder } as const] : ownNamespace(netns)),
    ...(filter ? [{ kind: 'nft', netns, ...filter } as const] : []),
  ];
}

function ownNamespace(netns: string): KernelObject[] {
  const sysctls = Object.entries(SYSCTLS.instance).map(([path, value]): KernelObject => ({ kind: 'sysctl', netns, path, value }));
  return [{ kind: 'netns', netns }, ...sysctls];
}
