import type { KernelObject } from '../kernel/port.js';
import { instanceNamespace, SYSCTLS } from '../kernel/resources.js';
import { isForeign } from '../model/instance.js';
import type { Snapshot } from '../model/snapshot.js';
import type { PlanSettings } from './plan.js';
import { presentInstance } from './presence.js';

/**
 * An instance's namespace, with or without interfaces. What is on its devices belongs to the interfaces. Somebody else's gets the name
 * and no settings; nothing while it is not there.
 */
export function planInstance(snapshot: Snapshot, { hostId, holders }: PlanSettings, instanceId: string): KernelObject[] {
  const instance = presentInstance(snapshot, hostId, instanceId);
  if (!instance) return [];
  const netns = instanceNamespace(instance.instanceId);
  if (isForeign(instance)) {
    const holder = holders?.get(instanceId);
    return holder ? [{ kind: 'netns', netns, holder }] : [];
  }
  return [
    { kind: 'netns', netns },
    ...Object.entries(SYSCTLS.instance).map(([path, value]): KernelObject => ({ kind: 'sysctl', netns, path, value })),
  ];
}
