import type { Instance } from '../model/instance.js';
import type { Attachment, NetworkInterface } from '../model/network-interface.js';
import type { Snapshot } from '../model/snapshot.js';

/**
 * Which units shall exist on a host. An instance: while it is to run there. A network interface: while it is attached, and not being
 * detached, to such an instance. A VPC: while it has such an interface; its namespace comes with the first and goes with the last.
 */

export interface PresentInterface {
  readonly eni: NetworkInterface;
  readonly attachment: Attachment;
  readonly instance: Instance;
}

export function presentInstance(snapshot: Snapshot, hostId: string, instanceId: string): Instance | undefined {
  const instance = snapshot.get('instance', instanceId);
  return instance?.state === 'running' && instance.hostId === hostId ? instance : undefined;
}

export function presentInterface(snapshot: Snapshot, hostId: string, networkInterfaceId: string): PresentInterface | undefined {
  const eni = snapshot.get('networkInterface', networkInterfaceId);
  if (eni?.attachment?.status !== 'attached') return undefined;
  const instance = presentInstance(snapshot, hostId, eni.attachment.instanceId);
  return instance && { eni, attachment: eni.attachment, instance };
}

export function isVpcPresent(snapshot: Snapshot, hostId: string, vpcId: string): boolean {
  return snapshot
    .by('instance', 'vpcId', vpcId)
    .some((instance) => instance.state === 'running' && instance.hostId === hostId && hasInterface(snapshot, instance));
}

function hasInterface(snapshot: Snapshot, { instanceId }: Instance): boolean {
  return snapshot.by('networkInterface', 'instanceId', instanceId).some((eni) => eni.attachment?.status === 'attached');
}
