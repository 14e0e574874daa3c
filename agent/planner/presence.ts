import { instanceNamespace } from '../kernel/resources.js';
import { type AttachmentId, isId } from '../model/ids.js';
import type { Instance } from '../model/instance.js';
import type { NetworkInterface } from '../model/network-interface.js';
import type { Snapshot } from '../model/snapshot.js';

/**
 * Which units shall exist on a host. An instance: while it is to run there. A NAT gateway: while it is available there. A network
 * interface: while it is attached, and not being detached, to such an instance, or is such a gateway's. A VPC: while it has such an
 * interface; its namespace comes with the first and goes with the last. Other gateways: while they are attached to such a VPC. The
 * internet: while somebody has a way to it.
 */

/** Unit and namespace of the lab's internet. */
export const INTERNET_UNIT = 'internet';

export interface PresentInterface {
  readonly eni: NetworkInterface;
  /** Names the device ends. */
  readonly attachmentId: AttachmentId;
  readonly deviceIndex: number;
  /** The instance or NAT gateway that has it. */
  readonly holder: { readonly unit: string; readonly netns: string; readonly sourceBasedRouting: boolean };
}

export function presentInstance(snapshot: Snapshot, hostId: string, instanceId: string): Instance | undefined {
  const instance = snapshot.get('instance', instanceId);
  return instance?.state === 'running' && instance.hostId === hostId ? instance : undefined;
}

export function presentInterface(snapshot: Snapshot, hostId: string, networkInterfaceId: string): PresentInterface | undefined {
  const eni = snapshot.get('networkInterface', networkInterfaceId);
  if (!eni) return undefined;
  if (eni.interfaceType === 'nat_gateway') return presentNatInterface(snapshot, hostId, eni);
  if (eni.attachment?.status !== 'attached') return undefined;
  const { attachmentId, deviceIndex, instanceId } = eni.attachment;
  const instance = presentInstance(snapshot, hostId, instanceId);
  if (!instance) return undefined;
  const { sourceBasedRouting } = instance;
  return {
    eni,
    attachmentId,
    deviceIndex,
    holder: { unit: instanceId, netns: instanceNamespace(instance.instanceId), sourceBasedRouting },
  };
}

function presentNatInterface(snapshot: Snapshot, hostId: string, eni: NetworkInterface): PresentInterface | undefined {
  const gateway = snapshot
    .by('natGateway', 'networkInterfaceId', eni.networkInterfaceId)
    .find(({ natGatewayId }) => isNatGatewayPresent(snapshot, hostId, natGatewayId));
  if (!gateway) return undefined;
  const { natGatewayId, attachmentId } = gateway;
  return { eni, attachmentId, deviceIndex: 0, holder: { unit: natGatewayId, netns: natGatewayId, sourceBasedRouting: false } };
}

export function isNatGatewayPresent(snapshot: Snapshot, hostId: string, natGatewayId: string): boolean {
  const gateway = snapshot.get('natGateway', natGatewayId);
  return gateway?.state === 'available' && gateway.hostId === hostId;
}

export function isVpcPresent(snapshot: Snapshot, hostId: string, vpcId: string): boolean {
  return (
    snapshot
      .by('instance', 'vpcId', vpcId)
      .some((instance) => instance.state === 'running' && instance.hostId === hostId && hasInterface(snapshot, instance)) ||
    snapshot.by('natGateway', 'vpcId', vpcId).some((gateway) => gateway.state === 'available' && gateway.hostId === hostId)
  );
}

function hasInterface(snapshot: Snapshot, { instanceId }: Instance): boolean {
  return snapshot.by('networkInterface', 'instanceId', instanceId).some((eni) => eni.attachment?.status === 'attached');
}

/** VPCs whose routers the gateway is linked with, by its record; none when it is out of service. */
export function linkedVpcs(snapshot: Snapshot, gatewayId: string): readonly string[] {
  const peering = snapshot.get('vpcPeeringConnection', gatewayId);
  if (peering) return peering.status === 'active' ? [peering.requesterVpcId, peering.accepterVpcId] : [];
  const gateway =
    snapshot.get('internetGateway', gatewayId) ??
    snapshot.get('egressOnlyInternetGateway', gatewayId) ??
    snapshot.get('vpnGateway', gatewayId);
  return gateway?.vpcId ? [gateway.vpcId] : [];
}

/** Whether a gateway other than a NAT gateway shall exist on the host. */
export function isGatewayPresent(snapshot: Snapshot, hostId: string, gatewayId: string): boolean {
  const vpcIds = linkedVpcs(snapshot, gatewayId);
  return vpcIds.length > 0 && vpcIds.every((vpcId) => isVpcPresent(snapshot, hostId, vpcId));
}

/** Whether packets of a VPC's route whose target the unit is have somewhere to go on this host. */
export function isTargetPresent(snapshot: Snapshot, hostId: string, vpcId: string, unit: string): boolean {
  if (isId('networkInterface', unit)) return presentInterface(snapshot, hostId, unit) !== undefined;
  return linkedVpcs(snapshot, unit).includes(vpcId) && isGatewayPresent(snapshot, hostId, unit);
}

/** Gateways linked with a VPC's router, other than NAT gateways, present or not. */
export function gatewaysOf(snapshot: Snapshot, vpcId: string): string[] {
  return [
    ...snapshot.by('internetGateway', 'vpcId', vpcId).map((gateway) => gateway.internetGatewayId),
    ...snapshot.by('egressOnlyInternetGateway', 'vpcId', vpcId).map((gateway) => gateway.egressOnlyInternetGatewayId),
    ...snapshot.by('vpnGateway', 'vpcId', vpcId).map((gateway) => gateway.vpnGatewayId),
    ...snapshot.by('vpcPeeringConnection', 'vpcId', vpcId).map((peering) => peering.vpcPeeringConnectionId),
  ];
}

export function isInternetPresent(snapshot: Snapshot, hostId: string): boolean {
  return (
    snapshot.all('vpnConnection').length > 0 ||
    [
      ...snapshot.all('internetGateway').map((gateway) => gateway.internetGatewayId),
      ...snapshot.all('egressOnlyInternetGateway').map((gateway) => gateway.egressOnlyInternetGatewayId),
    ].some((id) => isGatewayPresent(snapshot, hostId, id))
  );
}
