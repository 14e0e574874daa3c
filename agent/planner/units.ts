import { HOST_NAMESPACE, INTERNET_NAMESPACE, instanceNamespace, routerNamespace } from '../kernel/resources.js';
import { isId, type VpcId } from '../model/ids.js';
import type { Snapshot } from '../model/snapshot.js';
import { parentedSubnets } from './macvlan.js';
import { metadataUnit, metadataVpcId } from './metadata.js';
import { gatewaysOf, INTERNET_UNIT, isGatewayPresent, isInternetPresent, isVpcPresent, linkedVpcs } from './presence.js';
import { resolverUnit, resolverVpcId } from './resolver.js';
import { tunnelNeeds, tunnelUnits } from './vpn.js';

export { affectedUnits } from './affected.js';

/**
 * Units that have something to do on this host: those that shall exist, and those whose end has to be confirmed (interfaces being
 * detached, instances being stopped or terminated, NAT gateways being deleted).
 */
export function* allUnits(snapshot: Snapshot, hostId: string): Iterable<string> {
  const vpcIds = new Set<VpcId>();
  for (const instance of snapshot.by('instance', 'hostId', hostId)) {
    const isActive = instance.state !== 'stopped' && instance.state !== 'terminated';
    if (isActive) yield instance.instanceId;
    for (const { networkInterfaceId, attachment } of snapshot.by('networkInterface', 'instanceId', instance.instanceId))
      if (isActive || attachment?.status === 'detaching') yield networkInterfaceId;
    vpcIds.add(instance.vpcId);
  }
  for (const { natGatewayId, networkInterfaceId, state, vpcId } of snapshot.by('natGateway', 'hostId', hostId)) {
    if (state === 'deleted') continue;
    yield natGatewayId;
    yield networkInterfaceId;
    vpcIds.add(vpcId);
  }
  const gateways = new Set<string>();
  for (const vpcId of vpcIds) {
    if (!isVpcPresent(snapshot, hostId, vpcId)) continue;
    yield vpcId;
    yield resolverUnit(vpcId);
    yield metadataUnit(vpcId);
    for (const { subnetId } of parentedSubnets(snapshot, vpcId)) yield subnetId;
    for (const id of gatewaysOf(snapshot, vpcId)) if (isGatewayPresent(snapshot, hostId, id)) gateways.add(id);
  }
  for (const id of [...gateways]) for (const unit of tunnelUnits(snapshot, id)) gateways.add(unit);
  yield* gateways;
  if (isInternetPresent(snapshot, hostId)) yield INTERNET_UNIT;
}

/** Units without which the unit's objects can't be made. */
export function unitNeeds(snapshot: Snapshot, unit: string): string[] {
  const eni = snapshot.get('networkInterface', unit);
  if (eni) {
    const needs = withHolder(snapshot, eni.networkInterfaceId, eni.vpcId);
    return snapshot.get('subnet', eni.subnetId)?.parent ? [...needs, eni.subnetId] : needs;
  }
  const subnet = snapshot.get('subnet', unit);
  if (subnet) return [subnet.vpcId];
  if (isId('internetGateway', unit) || isId('egressOnlyInternetGateway', unit)) return [...linkedVpcs(snapshot, unit), INTERNET_UNIT];
  if (isId('vpcPeeringConnection', unit)) return [...linkedVpcs(snapshot, unit)];
  if (isId('vpnGateway', unit)) return [...linkedVpcs(snapshot, unit), INTERNET_UNIT];
  if (isId('customerGateway', unit)) return [INTERNET_UNIT];
  const described = metadataVpcId(unit);
  if (described) return [described];
  const resolved = resolverVpcId(unit);
  return resolved ? [resolved, INTERNET_UNIT] : tunnelNeeds(snapshot, unit);
}

/** Namespaces that the unit's objects are in. */
export function unitNamespaces(snapshot: Snapshot, unit: string): string[] {
  if (isId('vpc', unit)) return [routerNamespace(unit)];
  if (isId('instance', unit)) return [instanceNamespace(unit)];
  if (isId('natGateway', unit)) return [unit];
  if (unit === INTERNET_UNIT) return [INTERNET_NAMESPACE, HOST_NAMESPACE];
  if (unit === HOST_NAMESPACE) return onHostDevices(snapshot);
  const subnet = snapshot.get('subnet', unit);
  if (subnet) return [routerNamespace(subnet.vpcId), HOST_NAMESPACE];
  const described = metadataVpcId(unit);
  if (described) return [routerNamespace(described)];
  const resolved = resolverVpcId(unit);
  if (resolved) return [routerNamespace(resolved), INTERNET_NAMESPACE];
  const eni = snapshot.get('networkInterface', unit);
  if (eni) {
    const places = withHolder(snapshot, eni.networkInterfaceId, routerNamespace(eni.vpcId));
    return snapshot.get('subnet', eni.subnetId)?.parent ? [...places, HOST_NAMESPACE] : places;
  }
  const gateway = [unit, ...linkedVpcs(snapshot, unit)];
  if (isId('internetGateway', unit) || isId('egressOnlyInternetGateway', unit)) return [...gateway, INTERNET_NAMESPACE];
  if (isId('vpnGateway', unit) || isId('customerGateway', unit)) return [...gateway, INTERNET_NAMESPACE];
  if (isId('vpcPeeringConnection', unit)) return gateway;
  // A tunnel's gateways are named as their namespaces.
  return tunnelNeeds(snapshot, unit);
}

/** Namespaces with devices that are on the host's. */
function onHostDevices(snapshot: Snapshot): string[] {
  const subnets = snapshot.all('subnet').filter(({ parent }) => parent !== undefined);
  return subnets.flatMap(({ subnetId, vpcId }) => [
    routerNamespace(vpcId),
    ...snapshot.by('networkInterface', 'subnetId', subnetId).flatMap(({ attachment }) => attachment?.instanceId ?? []),
  ]);
}

/** A VPC and the instance or NAT gateway that the interface is in, each a unit and the name of its namespace; nothing while it is in none. */
function withHolder(snapshot: Snapshot, networkInterfaceId: string, vpcId: string): string[] {
  const instanceId = snapshot.get('networkInterface', networkInterfaceId)?.attachment?.instanceId;
  if (instanceId) return [vpcId, instanceId];
  return snapshot.by('natGateway', 'networkInterfaceId', networkInterfaceId).flatMap(({ natGatewayId }) => [vpcId, natGatewayId]);
}
