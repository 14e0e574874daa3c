import { instanceNamespace, routerNamespace } from '../kernel/resources.js';
import { isId } from '../model/ids.js';
import type { Snapshot } from '../model/snapshot.js';
import { isVpcPresent } from './presence.js';

export { affectedUnits } from './affected.js';

/**
 * Units that have something to do on this host: those that shall exist, and those whose end has to be confirmed (interfaces being
 * detached, instances being stopped or terminated).
 */
export function* allUnits(snapshot: Snapshot, hostId: string): Iterable<string> {
  const vpcIds = new Set<string>();
  for (const instance of snapshot.by('instance', 'hostId', hostId)) {
    const isActive = instance.state !== 'stopped' && instance.state !== 'terminated';
    if (isActive) yield instance.instanceId;
    for (const { networkInterfaceId, attachment } of snapshot.by('networkInterface', 'instanceId', instance.instanceId))
      if (isActive || attachment?.status === 'detaching') yield networkInterfaceId;
    vpcIds.add(instance.vpcId);
  }
  for (const vpcId of vpcIds) if (isVpcPresent(snapshot, hostId, vpcId)) yield vpcId;
}

/** Units without which the unit's objects can't be made. */
export function unitNeeds(snapshot: Snapshot, unit: string): string[] {
  const eni = snapshot.get('networkInterface', unit);
  return eni?.attachment ? [eni.vpcId, eni.attachment.instanceId] : [];
}

/** Namespaces that the unit's objects are in. */
export function unitNamespaces(snapshot: Snapshot, unit: string): string[] {
  if (isId('vpc', unit)) return [routerNamespace(unit)];
  if (isId('instance', unit)) return [instanceNamespace(unit)];
  const eni = snapshot.get('networkInterface', unit);
  return eni?.attachment ? [routerNamespace(eni.vpcId), instanceNamespace(eni.attachment.instanceId)] : [];
}
