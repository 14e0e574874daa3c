import type { NatGateway } from '../../model/gateway.js';
import type { Instance } from '../../model/instance.js';
import type { NetworkInterface } from '../../model/network-interface.js';
import type { ViewContext } from './view.js';

export { publicDnsName } from '../../planner/names.js';

/** The cloud's status words, from what is wanted and what this host has made of it. Pure. */

export type AttachmentStatus = 'attaching' | 'attached' | 'detaching';
export type InterfaceStatus = 'available' | 'attaching' | 'in-use' | 'detaching';
export type InstanceState = 'pending' | Instance['state'];
type Context = Pick<ViewContext, 'snapshot' | 'status'>;

/** An interface of an instance that does not run has no device, and is attached nevertheless. */
export function attachmentStatus(eni: NetworkInterface, { snapshot, status }: Context): AttachmentStatus | undefined {
  if (!eni.attachment) return undefined;
  if (eni.attachment.status === 'detaching') return 'detaching';
  if (snapshot.get('instance', eni.attachment.instanceId)?.state !== 'running') return 'attached';
  return status.condition(eni.networkInterfaceId)?.realised ? 'attached' : 'attaching';
}

export function interfaceStatus(eni: NetworkInterface, context: Context): InterfaceStatus {
  const status = attachmentStatus(eni, context);
  if (status === undefined) return eni.requesterManaged ? 'in-use' : 'available';
  return status === 'attached' ? 'in-use' : status;
}

/** `pending` until the namespace and the primary interface, if it has one, are there; an interface plugged in later does not make it pending again. */
export function instanceState(instance: Instance, context: Context): InstanceState {
  if (instance.state !== 'running') return instance.state;
  const primary = context.snapshot
    .by('networkInterface', 'instanceId', instance.instanceId)
    .find((eni) => eni.attachment?.deviceIndex === 0);
  const isUp = context.status.condition(instance.instanceId)?.realised && (!primary || interfaceStatus(primary, context) !== 'attaching');
  return isUp ? 'running' : 'pending';
}

/** `pending` until this host has realised it. */
export function natGatewayState({ natGatewayId, state }: NatGateway, { status }: Context): 'pending' | NatGateway['state'] {
  return state === 'available' && !status.condition(natGatewayId)?.realised ? 'pending' : state;
}

/** @see https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html */
export function privateDnsName(address: string, region: string): string {
  return `ip-${address.replaceAll('.', '-')}.${region === 'us-east-1' ? 'ec2' : `${region}.compute`}.internal`;
}
