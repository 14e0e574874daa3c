import type { ElasticIp } from '../model/elastic-ip.js';
import type { NatGateway } from '../model/gateway.js';
import type { Instance } from '../model/instance.js';
import type { NetworkAcl } from '../model/network-acl.js';
import type { NetworkInterface } from '../model/network-interface.js';
import type { RouteTable } from '../model/route-table.js';
import type { PrefixList, SecurityGroup } from '../model/security-group.js';
import type { RecordKind, Records, Snapshot } from '../model/snapshot.js';
import type { Subnet } from '../model/subnet.js';
import { type Vpc, vpcRanges } from '../model/vpc.js';
import type { VpnConnection } from '../model/vpn.js';
import type { CommitEvent } from '../store/store.js';
import { parentedSubnets, presentInterfacesOf } from './macvlan.js';
import { metadataUnit } from './metadata.js';
import { gatewaysOf, INTERNET_UNIT, isInternetPresent, isVpcPresent, linkedVpcs, presentInstance, presentInterface } from './presence.js';
import { affectedResolvers, resolverUnit } from './resolver.js';
import { vpcRouting } from './routing.js';
import { tunnelUnits } from './vpn.js';

/**
 * Units that a commit makes plan differently on this host, or whose end it leaves to be confirmed. Costs what changed, not what there
 * is, except that a VPC's first or last interface is looked for among its instances.
 */
export function affectedUnits(event: CommitEvent, hostId: string): Set<string> {
  const effects = new Effects(event, hostId);
  for (const change of event.changes) effects.consider(change.kind, change.id);
  return new Set([...effects.units(), ...affectedResolvers(event, hostId)]);
}

type Versions<K extends RecordKind> = readonly [before: Records[K] | undefined, after: Records[K] | undefined];

class Effects {
  private readonly before: Snapshot;
  private readonly after: Snapshot;
  private readonly affected = new Set<string>();
  /** VPCs whose router plans differently, if it exists. */
  private readonly routers = new Set<string>();
  /** VPCs that may have got their first interface, or lost their last. */
  private readonly populations = new Set<string>();
  private readonly routings = new Set<string>();
  /** VPCs in which subnets on devices of the host, and what filters their interfaces in instances, may plan differently. */
  private readonly parented = new Set<string>();

  constructor(
    event: CommitEvent,
    private readonly hostId: string,
  ) {
    this.before = event.before;
    this.after = event.after;
  }

  consider<K extends RecordKind>(kind: K, id: string): void {
    this.effectOf[kind]([this.before.get(kind, id), this.after.get(kind, id)], id);
  }

  private readonly effectOf: { readonly [K in RecordKind]: (versions: Versions<K>, id: string) => void } = {
    vpc: (versions) => this.vpc(versions),
    subnet: (versions) => this.subnet(versions),
    routeTable: (versions) => this.routeTable(versions),
    securityGroup: (versions) => this.securityGroup(versions),
    groupCombination: (versions) => this.groupCombination(versions),
    prefixList: (versions, id) => this.prefixList(id, versions),
    networkInterface: (versions, id) => this.networkInterface(id, versions),
    instance: (versions, id) => this.instance(id, versions),
    networkAcl: (versions) => this.networkAcl(versions),
    internetGateway: (_versions, id) => this.gateway(id),
    egressOnlyInternetGateway: (_versions, id) => this.gateway(id),
    natGateway: (versions, id) => this.natGateway(id, versions),
    elasticIp: (versions) => this.elasticIp(versions),
    vpcPeeringConnection: (_versions, id) => this.gateway(id),
    vpnGateway: (_versions, id) => this.gateway(id),
    // Its address is for life.
    customerGateway: () => {},
    vpnConnection: (versions) => this.vpnConnection(versions),
    dhcpOptions: () => {},
    keyPair: () => {},
    clientToken: () => {},
  };

  units(): Set<string> {
    for (const vpcId of this.routings) this.compareRouting(vpcId);
    for (const vpcId of new Set([...this.routers, ...this.populations])) {
      const was = isVpcPresent(this.before, this.hostId, vpcId);
      const is = isVpcPresent(this.after, this.hostId, vpcId);
      if (was !== is || (is && this.routers.has(vpcId))) this.affected.add(vpcId);
      if (was === is) continue;
      this.affected.add(resolverUnit(vpcId));
      this.affected.add(metadataUnit(vpcId));
      this.addGateways(vpcId);
    }
    for (const vpcId of new Set([...this.routers, ...this.populations, ...this.parented])) this.addParented(vpcId);
    // Whether the internet is there depends on gateways and VPCs: it is looked at with them.
    if (isInternetPresent(this.before, this.hostId) !== isInternetPresent(this.after, this.hostId)) {
      this.affected.add(INTERNET_UNIT);
      for (const { vpcId } of this.after.all('vpc'))
        if (isVpcPresent(this.after, this.hostId, vpcId)) this.affected.add(resolverUnit(vpcId));
    }
    return this.affected;
  }

  /** Instances with interfaces in these subnets have filters of their own, which name members of groups anywhere in the VPC. */
  private addParented(vpcId: string): void {
    for (const snapshot of [this.before, this.after])
      for (const { subnetId } of parentedSubnets(snapshot, vpcId)) {
        this.affected.add(subnetId);
        for (const { holder } of presentInterfacesOf(snapshot, this.hostId, subnetId)) this.affected.add(holder.unit);
      }
  }

  /** Gateways of a VPC: those that it had and those that it has. A peering's other router may have a route less or more. */
  private addGateways(vpcId: string): void {
    for (const snapshot of [this.before, this.after])
      for (const id of gatewaysOf(snapshot, vpcId)) {
        this.affected.add(id);
        this.addTunnels(id);
        for (const other of linkedVpcs(snapshot, id))
          if (other !== vpcId && isVpcPresent(this.after, this.hostId, other)) this.affected.add(other);
      }
  }

  /** Routers have the routes to gateways that are not there. */
  private gateway(id: string): void {
    const [was, is] = [linkedVpcs(this.before, id), linkedVpcs(this.after, id)];
    if (was.join() === is.join()) return;
    this.affected.add(id);
    this.addTunnels(id);
    for (const vpcId of [...was, ...is]) this.routers.add(vpcId);
  }

  private addTunnels(vpnGatewayId: string): void {
    for (const snapshot of [this.before, this.after]) for (const unit of tunnelUnits(snapshot, vpnGatewayId)) this.affected.add(unit);
  }

  /** Its routes are the gateway's, and by propagation those of route tables. */
  private vpnConnection(versions: Versions<'vpnConnection'>): void {
    if (!differ(versions, ({ routes }: VpnConnection) => routes)) return;
    for (const [snapshot, connection] of [[this.before, versions[0]] as const, [this.after, versions[1]] as const]) {
      if (!connection) continue;
      this.affected.add(connection.vpnGatewayId);
      this.addTunnels(connection.vpnGatewayId);
      for (const vpcId of linkedVpcs(snapshot, connection.vpnGatewayId)) this.routers.add(vpcId);
    }
  }

  private elasticIp(versions: Versions<'elasticIp'>): void {
    if (!differ(versions, ({ publicIp, association }: ElasticIp) => [publicIp, association?.privateIpAddress, association?.vpcId])) return;
    for (const [snapshot, address] of [[this.before, versions[0]] as const, [this.after, versions[1]] as const]) {
      if (!address?.association) continue;
      for (const { internetGatewayId } of snapshot.by('internetGateway', 'vpcId', address.association.vpcId))
        this.affected.add(internetGatewayId);
    }
  }

  private groupCombination(versions: Versions<'groupCombination'>): void {
    this.addRouters(versions);
    this.peerMembers(versions);
  }

  /** Members of groups that rules of a peer name are planned by the peering connection, and those that filters inside instances name by these. */
  private peerMembers(versions: readonly ({ readonly vpcId: string } | undefined)[]): void {
    for (const vpcId of new Set(versions.flatMap((record) => record?.vpcId ?? []))) {
      this.parented.add(vpcId);
      for (const { vpcPeeringConnectionId } of this.after.by('vpcPeeringConnection', 'vpcId', vpcId)) {
        this.affected.add(vpcPeeringConnectionId);
        for (const other of linkedVpcs(this.after, vpcPeeringConnectionId)) this.parented.add(other);
      }
    }
  }

  private addRouters(versions: readonly ({ readonly vpcId: string } | undefined)[]): void {
    for (const record of versions) if (record) this.routers.add(record.vpcId);
  }

  private vpc(versions: Versions<'vpc'>): void {
    const [, after] = versions;
    // What instances know of names: written to their files when they are looked at.
    if (after && differ(versions, ({ dhcpOptionsId, enableDnsSupport }: Vpc) => [dhcpOptionsId, enableDnsSupport]))
      for (const { instanceId } of this.after.by('instance', 'vpcId', after.vpcId))
        if (presentInstance(this.after, this.hostId, instanceId)) this.affected.add(instanceId);
    if (!differ(versions, (vpc: Vpc) => vpcRanges(vpc))) return;
    this.addRouters(versions);
    if (after && differ(versions, (vpc: Vpc) => [vpc.ipv6?.cidrBlock]) && isVpcPresent(this.after, this.hostId, after.vpcId))
      this.affected.add(metadataUnit(after.vpcId));
    for (const vpc of versions) if (vpc) this.addGateways(vpc.vpcId);
  }

  private subnet(versions: Versions<'subnet'>): void {
    if (differ(versions, ({ parent }: Subnet) => [parent]))
      for (const subnet of versions)
        if (subnet) {
          this.parented.add(subnet.vpcId);
          this.addSubnetInterfaces(subnet.subnetId);
        }
    if (!differ(versions, ({ cidrBlock, ipv6 }: Subnet) => [cidrBlock, ipv6?.cidrBlock])) return;
    this.addRouters(versions);
    if (differ(versions, ({ ipv6 }: Subnet) => [ipv6?.cidrBlock]))
      for (const subnet of versions) if (subnet) this.addGateways(subnet.vpcId);
    const [before, after] = versions;
    if (before && after && before.cidrBlock !== after.cidrBlock) this.addSubnetInterfaces(after.subnetId);
  }

  private routeTable(versions: Versions<'routeTable'>): void {
    if (differ(versions, ({ index, routes, propagatingGatewayIds }: RouteTable) => [index, routes, propagatingGatewayIds]))
      this.addRouters(versions);
    const routing = ({ index, main, routes, associations, propagatingGatewayIds }: RouteTable) => [
      [index, main, propagatingGatewayIds],
      routes,
      associations,
    ];
    if (differ(versions, routing)) for (const table of versions) if (table) this.routings.add(table.vpcId);
  }

  private securityGroup(versions: Versions<'securityGroup'>): void {
    if (!differ(versions, permissions)) return;
    this.peerMembers(versions);
    for (const snapshot of [this.before, this.after])
      for (const group of versions) {
        if (!group) continue;
        const { groupId, vpcId } = group;
        if (snapshot.by('groupCombination', 'vpcId', vpcId).some(({ groupIds }) => groupIds.includes(groupId))) this.routers.add(vpcId);
      }
  }

  private prefixList(id: string, versions: Versions<'prefixList'>): void {
    if (!differ(versions, ({ family, entries }: PrefixList) => [family, entries.map((entry) => entry.cidr)])) return;
    for (const snapshot of [this.before, this.after]) {
      this.addRouters(snapshot.by('securityGroup', 'peerId', id));
      for (const table of snapshot.by('routeTable', 'refersTo', id)) {
        this.routers.add(table.vpcId);
        this.routings.add(table.vpcId);
      }
    }
  }

  private networkInterface(id: string, versions: Versions<'networkInterface'>): void {
    if (!differ(versions, plannedFields)) return;
    this.peerMembers(versions);
    for (const [snapshot, eni] of [[this.before, versions[0]] as const, [this.after, versions[1]] as const]) {
      // A NAT gateway's has no attachment.
      if (eni?.interfaceType === 'nat_gateway' && presentInterface(snapshot, this.hostId, id)) this.affected.add(id);
      const owner = eni?.attachment && snapshot.get('instance', eni.attachment.instanceId);
      if (!eni || owner?.hostId !== this.hostId) continue;
      this.affected.add(id);
      // Which interface of the instance is the first with IPv6 may have changed.
      if (eni.ipv6Addresses.length > 0) this.addInstanceInterfaces(snapshot, owner.instanceId, (other) => other.ipv6Addresses.length > 0);
    }
    this.presenceChange(id);
  }

  private instance(id: string, versions: Versions<'instance'>): void {
    if (!versions.some((instance) => instance?.hostId === this.hostId)) return;
    const runs = ({ state, hostId, bootSerial, userData }: Instance) => [state, hostId, bootSerial, userData];
    if (differ(versions, runs)) this.affected.add(id);
    if (!differ(versions, ({ state, hostId, sourceBasedRouting }: Instance) => [state, hostId, sourceBasedRouting])) return;
    for (const snapshot of [this.before, this.after]) this.addInstanceInterfaces(snapshot, id);
    const was = presentInstance(this.before, this.hostId, id);
    const is = presentInstance(this.after, this.hostId, id);
    if (Boolean(was) === Boolean(is)) return;
    for (const snapshot of [this.before, this.after])
      for (const eni of snapshot.by('networkInterface', 'instanceId', id)) {
        this.presenceChange(eni.networkInterfaceId);
        this.peerMembers([eni]);
      }
  }

  private networkAcl(versions: Versions<'networkAcl'>): void {
    if (differ(versions, ({ associations, entries }: NetworkAcl) => [associations, entries])) this.addRouters(versions);
  }

  private natGateway(id: string, versions: Versions<'natGateway'>): void {
    if (!versions.some((gateway) => gateway?.hostId === this.hostId)) return;
    if (!differ(versions, ({ state, hostId }: NatGateway) => [state, hostId])) return;
    this.affected.add(id);
    for (const gateway of versions) {
      if (!gateway) continue;
      const { networkInterfaceId, vpcId } = gateway;
      this.affected.add(networkInterfaceId);
      this.populations.add(vpcId);
      // Its interface takes the routes, or leaves them to the router.
      this.routers.add(vpcId);
    }
  }

  /** The router has the routes to interfaces that are not there, and is there itself while it has an interface. */
  private presenceChange(networkInterfaceId: string): void {
    const was = presentInterface(this.before, this.hostId, networkInterfaceId);
    const is = presentInterface(this.after, this.hostId, networkInterfaceId);
    if (Boolean(was) === Boolean(is)) return;
    for (const [snapshot, vpcId] of [[this.before, was?.eni.vpcId] as const, [this.after, is?.eni.vpcId] as const]) {
      if (vpcId === undefined) continue;
      this.populations.add(vpcId);
      for (const side of [snapshot, this.before, this.after])
        if (vpcRouting(side, vpcId).rowsTo.has(networkInterfaceId)) this.routers.add(vpcId);
    }
  }

  private compareRouting(vpcId: string): void {
    const before = vpcRouting(this.before, vpcId);
    const after = vpcRouting(this.after, vpcId);
    // Which subnets the internet reaches over IPv6 is up to their tables.
    if (this.after.get('vpc', vpcId)?.ipv6) this.addGateways(vpcId);
    for (const id of new Set([...before.rowsTo.keys(), ...after.rowsTo.keys()]))
      if (JSON.stringify(before.rowsTo.get(id) ?? []) !== JSON.stringify(after.rowsTo.get(id) ?? [])) this.affected.add(id);
    for (const { subnetId } of this.after.by('subnet', 'vpcId', vpcId))
      if (before.tableOf(subnetId) !== after.tableOf(subnetId)) this.addSubnetInterfaces(subnetId);
  }

  private addSubnetInterfaces(subnetId: string): void {
    for (const { networkInterfaceId } of this.after.by('networkInterface', 'subnetId', subnetId))
      if (presentInterface(this.after, this.hostId, networkInterfaceId)) this.affected.add(networkInterfaceId);
  }

  private addInstanceInterfaces(snapshot: Snapshot, instanceId: string, which: (eni: NetworkInterface) => boolean = () => true): void {
    for (const eni of snapshot.by('networkInterface', 'instanceId', instanceId)) if (which(eni)) this.affected.add(eni.networkInterfaceId);
  }
}

/** Whether the record came, went, or differs in the fields that plans are made of. */
function differ<R>([before, after]: readonly [R | undefined, R | undefined], fields: (record: R) => readonly unknown[]): boolean {
  if (!before || !after) return before !== after;
  return JSON.stringify(fields(before)) !== JSON.stringify(fields(after));
}

function plannedFields(eni: NetworkInterface): readonly unknown[] {
  const { attachmentId, instanceId, deviceIndex, status } = eni.attachment ?? {};
  const { subnetId, macAddress, sourceDestCheck, groupIds, combinationIndex, privateIpAddresses, ipv6Addresses } = eni;
  return [
    [attachmentId, instanceId, deviceIndex, status],
    [subnetId, macAddress, sourceDestCheck, groupIds, combinationIndex, privateIpAddresses, ipv6Addresses],
  ];
}

function permissions({ rules }: SecurityGroup): readonly unknown[] {
  return rules.map(({ direction, protocol, fromPort, toPort, peer }) => [direction, protocol, fromPort ?? null, toPort ?? null, peer]);
}
