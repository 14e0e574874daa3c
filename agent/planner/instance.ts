import type { KernelObject } from '../kernel/port.js';
import { instanceNamespace, SYSCTLS } from '../kernel/resources.js';
import type { Snapshot } from '../model/snapshot.js';
import { instanceFilter } from './instance-filter.js';
import type { PlanSettings } from './plan.js';
import { presentInstance } from './presence.js';

/** An instance's namespace, with or without interfaces, and the filter of its macvlan interfaces. What is on its devices belongs to the interfaces. */
export function planInstance(snapshot: Snapshot, { hostId }: PlanSettings, instanceId: string): KernelObject[] {
  const instance = presentInstance(snapshot, hostId, instanceId);
  if (!instance) return [];
  const netns = instanceNamespace(instance.instanceId);
  const filter = instanceFilter(snapshot, hostId, instanceId);
  return [
    { kind: 'netns', netns },
    ...Object.entries(SYSCTLS.instance).map(([path, value]): KernelObject => ({ kind: 'sysctl', netns, path, value })),
    ...(filter ? [{ kind: 'nft', netns, ...filter } as const] : []),
  ];
}
