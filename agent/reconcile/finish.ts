import type { NatGateway } from '../model/gateway.js';
import type { InstanceId } from '../model/ids.js';
import type { NetworkInterface } from '../model/network-interface.js';
import type { Snapshot } from '../model/snapshot.js';

/** A system command that records what the kernel has completed. */
export type FinishCall =
  | { readonly command: 'finishDetach'; readonly input: { readonly networkInterfaceId: string; readonly attachmentId: string } }
  | { readonly command: 'finishNatGateway'; readonly input: { readonly natGatewayId: string } }
  | { readonly command: 'finishStop' | 'finishTerminate'; readonly input: { readonly instanceId: string } };

/** Detachments, stops, terminations and deletions of NAT gateways among `units` of which the kernel holds nothing any more. */
export function finishCalls(snapshot: Snapshot, hostId: string, units: Iterable<string>, isGone: (unit: string) => boolean): FinishCall[] {
  const calls = new Map<string, FinishCall>();
  const considerInstance = (instanceId: InstanceId) => {
    const instance = snapshot.get('instance', instanceId);
    if (instance?.hostId !== hostId || (instance.state !== 'stopping' && instance.state !== 'shutting-down')) return;
    const attached = snapshot.by('networkInterface', 'instanceId', instanceId);
    if (!isGone(instanceId) || !attached.every((eni) => isGone(eni.networkInterfaceId))) return;
    calls.set(instanceId, { command: instance.state === 'stopping' ? 'finishStop' : 'finishTerminate', input: { instanceId } });
  };
  const considerInterface = ({ networkInterfaceId, attachment }: NetworkInterface) => {
    if (!attachment) return;
    if (attachment.status === 'detaching' && isGone(networkInterfaceId)) {
      const { attachmentId } = attachment;
      calls.set(networkInterfaceId, { command: 'finishDetach', input: { networkInterfaceId, attachmentId } });
    }
    considerInstance(attachment.instanceId);
  };
  const considerNatGateway = ({ natGatewayId, networkInterfaceId, state, hostId: at }: NatGateway) => {
    if (at !== hostId || state !== 'deleting' || !isGone(natGatewayId) || !isGone(networkInterfaceId)) return;
    calls.set(natGatewayId, { command: 'finishNatGateway', input: { natGatewayId } });
  };
  for (const unit of units) {
    const instance = snapshot.get('instance', unit);
    if (instance) considerInstance(instance.instanceId);
    const eni = snapshot.get('networkInterface', unit);
    if (eni) considerInterface(eni);
    for (const gateway of [snapshot.get('natGateway', unit), ...snapshot.by('natGateway', 'networkInterfaceId', unit)])
      if (gateway) considerNatGateway(gateway);
  }
  // A terminating instance takes its detaching interfaces with it: finish those first.
  return [...calls.values()].sort((a, b) => Number(a.command !== 'finishDetach') - Number(b.command !== 'finishDetach'));
}
