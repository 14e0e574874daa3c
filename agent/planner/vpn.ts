import type { KernelObject } from '../kernel/port.js';
import {
  GATEWAY_LINK,
  gatewayLinkName,
  INTERNET_NAMESPACE,
  INTERNET_RANGE,
  MAIN_TABLE,
  ROUTER_LINK,
  ROUTER_MAC,
  routerNamespace,
  routeTableNumber,
  SYSCTLS,
  TUNNEL,
  tunnelName,
} from '../kernel/resources.js';
import { type Cidr, cidr, containsCidr, hostCidr, nthAddress } from '../model/address.js';
import type { Snapshot } from '../model/snapshot.js';
import { type Vpc, vpcIpv4Ranges } from '../model/vpc.js';
import type { CustomerGateway, VpnConnection, VpnGateway } from '../model/vpn.js';
import { tunnelKeys } from '../vpn/keys.js';
import { type GatewayLink, linkObjects, namespaceWith, routeOver, rowsOver } from './gateway-link.js';
import type { PlanSettings } from './plan.js';
import { isGatewayPresent } from './presence.js';
import { vpcRouting } from './routing.js';

/**
 * VPN: a virtual private gateway and a customer's network are namespaces, joined by the lab's internet; a connection is a tunnel through
 * it. IPv4, as in the cloud's connections to virtual private gateways. A gateway is there while its VPC's router is, a customer's network
 * and the tunnel while the gateway is at their connection's other end.
 */

/** MTU on the lab's internet. */
const INTERNET_MTU = 1500;

/**
 * Units that plan with a virtual private gateway: its connections and their customers' gateways, and the other connections of those, as
 * customers' routes and addresses are shared among them.
 */
export function tunnelUnits(snapshot: Snapshot, vpnGatewayId: string): Set<string> {
  const units = new Set<string>();
  for (const { vpnConnectionId, customerGatewayId } of snapshot.by('vpnConnection', 'vpnGatewayId', vpnGatewayId)) {
    units.add(vpnConnectionId).add(customerGatewayId);
    for (const other of snapshot.by('vpnConnection', 'customerGatewayId', customerGatewayId)) units.add(other.vpnConnectionId);
  }
  return units;
}

/** Units without which a tunnel can't be made. */
export function tunnelNeeds(snapshot: Snapshot, vpnConnectionId: string): string[] {
  const connection = snapshot.get('vpnConnection', vpnConnectionId);
  return connection ? [connection.vpnGatewayId, connection.customerGatewayId] : [];
}

/** The gateway's namespace between the VPC's router and the internet. */
export function planVpnGateway(snapshot: Snapshot, settings: PlanSettings, vpnGatewayId: string): KernelObject[] {
  const gateway = snapshot.get('vpnGateway', vpnGatewayId);
  const vpc = gateway?.vpcId === undefined ? undefined : snapshot.get('vpc', gateway.vpcId);
  if (!gateway || !vpc || !isGatewayPresent(snapshot, settings.hostId, vpnGatewayId)) return [];
  const netns = gateway.vpnGatewayId;
  const router = routerNamespace(vpc.vpcId);
  const toRouter: GatewayLink = {
    near: { netns: router, device: ROUTER_LINK.vpnGateway },
    far: { netns, device: GATEWAY_LINK.inside },
    gatewayId: netns,
  };
  const rows = vpcRouting(snapshot, vpc.vpcId).rowsTo.get(netns) ?? [];
  const connections = connectionsOf(snapshot, gateway, settings.hostId);
  return [
    ...namespaceWith(netns, SYSCTLS.gateway),
    ...linkObjects(toRouter, settings.mtu),
    ...rowsOver(
      toRouter,
      rows.filter(({ family }) => family === 4),
    ),
    ...rows
      .filter(({ family }) => family === 6)
      .map(({ tableIndex, destination }): KernelObject => {
        return { kind: 'route', netns: router, table: routeTableNumber(tableIndex), destination, type: 'blackhole' };
      }),
    ...vpcIpv4Ranges(vpc).map((range) => routeOver(toRouter, 'far', MAIN_TABLE, range)),
    ...(connections.length === 0 ? [] : gatewayUplink(snapshot, gateway, connections)),
  ];
}

function gatewayUplink(snapshot: Snapshot, { vpnGatewayId: netns }: VpnGateway, connections: readonly VpnConnection[]): KernelObject[] {
  const uplink = internetLink('v', netns);
  const peers = connections.flatMap(({ customerGatewayId, outsideIpAddress }) => {
    const peer = snapshot.get('customerGateway', customerGatewayId);
    return peer ? [routeOver(uplink, 'far', MAIN_TABLE, hostCidr(peer.ipAddress), outsideIpAddress)] : [];
  });
  return [
    ...linkObjects(uplink, INTERNET_MTU),
    ...connections.flatMap(({ outsideIpAddress }): KernelObject[] => [
      routeOver(uplink, 'near', MAIN_TABLE, hostCidr(outsideIpAddress)),
      { kind: 'address', netns, device: 'lo', address: hostCidr(outsideIpAddress) },
    ]),
    ...peers,
  ];
}

/** The customer's router, with an address of each network behind it, and its own address in the internet. */
export function planCustomerGateway(snapshot: Snapshot, { hostId }: PlanSettings, customerGatewayId: string): KernelObject[] {
  const gateway = snapshot.get('customerGateway', customerGatewayId);
  const connections = gateway ? connectionsOf(snapshot, gateway, hostId) : [];
  if (!gateway || connections.length === 0) return [];
  const netns = gateway.customerGatewayId;
  const uplink = internetLink('c', netns);
  const addresses = new Set([gateway.ipAddress, ...corporateAddresses(connections)]);
  return [
    ...namespaceWith(netns, SYSCTLS.gateway),
    ...linkObjects(uplink, INTERNET_MTU),
    routeOver(uplink, 'near', MAIN_TABLE, hostCidr(gateway.ipAddress)),
    ...[...addresses].map((address): KernelObject => ({ kind: 'address', netns, device: 'lo', address: hostCidr(address) })),
    ...[...connections.map(({ outsideIpAddress }) => hostCidr(outsideIpAddress)), INTERNET_RANGE].map((range) =>
      routeOver(uplink, 'far', MAIN_TABLE, range, gateway.ipAddress),
    ),
  ];
}

function internetLink(letter: 'v' | 'c', netns: string): GatewayLink {
  return {
    near: { netns: INTERNET_NAMESPACE, device: gatewayLinkName(letter, netns) },
    far: { netns, device: GATEWAY_LINK.outside },
    gatewayId: netns,
  };
}

interface End {
  readonly netns: string;
  readonly device: string;
  /** Inside the tunnel: its own, and the other end's. */
  readonly address: string;
  readonly peer: string;
  /** What lies at the other end. */
  readonly ranges: readonly string[];
  /** Address that the end's own packets come from. */
  readonly source?: string;
}

/** The tunnel: a device at each end with what leads into it, and what carries it across. */
export function planVpnConnection(snapshot: Snapshot, settings: PlanSettings, vpnConnectionId: string): KernelObject[] {
  const connection = snapshot.get('vpnConnection', vpnConnectionId);
  const gateway = connection && snapshot.get('vpnGateway', connection.vpnGatewayId);
  const customer = connection && snapshot.get('customerGateway', connection.customerGatewayId);
  const vpc = gateway?.vpcId === undefined ? undefined : snapshot.get('vpc', gateway.vpcId);
  if (!connection || !gateway || !customer || !vpc || !isGatewayPresent(snapshot, settings.hostId, connection.vpnGatewayId)) return [];
  const inside = cidr(connection.tunnelInsideCidr);
  const kind = settings.tunnel === 'plain' ? 'pl' : 'wg';
  const [source] = corporateAddresses(connectionsOf(snapshot, customer, settings.hostId));
  const [near, far]: readonly [End, End] = [
    {
      netns: connection.vpnGatewayId,
      device: tunnelName(kind, 'v', vpnConnectionId),
      address: nthAddress(inside, 1),
      peer: nthAddress(inside, 2),
      ranges: corporateRanges(connection, vpc),
    },
    {
      netns: connection.customerGatewayId,
      device: tunnelName(kind, 'c', vpnConnectionId),
      address: nthAddress(inside, 2),
      peer: nthAddress(inside, 1),
      ranges: vpcIpv4Ranges(vpc),
      ...(source !== undefined && { source }),
    },
  ];
  const taken = routesOfEarlier(snapshot, connection, gateway, customer, settings.hostId);
  return [
    ...(kind === 'pl' ? plainLink(near, far, vpnConnectionId) : tunnel(near, far, connection, customer)),
    ...[near, far].flatMap(({ netns, device, address, peer, ranges, source: from }): KernelObject[] => [
      { kind: 'address', netns, device, address: `${address}/${inside.prefixLength}` },
      ...ranges
        .filter((destination) => !taken.has(`${netns} ${destination}`))
        .map(
          (destination): KernelObject => ({
            kind: 'route',
            netns,
            table: MAIN_TABLE,
            destination,
            type: 'unicast',
            device,
            // A tunnel has one other end; a link asks who has the address.
            ...(kind === 'pl' && { gateway: peer }),
            ...(from !== undefined && { source: from }),
          }),
        ),
    ]),
  ];
}

/** Encrypted by a process at each end. Each takes from the other only what comes from the ranges behind it. */
function tunnel(near: End, far: End, connection: VpnConnection, customer: CustomerGateway): KernelObject[] {
  const inside = cidr(connection.tunnelInsideCidr);
  // A gateway's tunnels share its namespace, so each has a port of its own.
  const listenPort = TUNNEL.firstPort + Number((inside.base >> 2n) & 0x3fffn);
  const keys = { near: tunnelKeys(connection.keys.gateway), far: tunnelKeys(connection.keys.customer) };
  const end = (self: End, privateKey: string, publicKey: string, host: string): KernelObject[] => [
    { kind: 'tun', netns: self.netns, name: self.device, mtu: TUNNEL.mtu },
    {
      kind: 'wireguard',
      netns: self.netns,
      device: self.device,
      privateKey,
      listenPort,
      peer: {
        publicKey,
        endpoint: `${host}:${listenPort}`,
        keepaliveSeconds: TUNNEL.keepaliveSeconds,
        allowedIps: [...new Set([hostCidr(self.peer), ...self.ranges])].sort(),
      },
    },
  ];
  return [
    ...end(near, keys.near.privateKey, keys.far.publicKey, customer.ipAddress),
    ...end(far, keys.far.privateKey, keys.near.publicKey, connection.outsideIpAddress),
  ];
}

/** The declared fallback without the packages: a cable with the tunnel's MTU, past the internet, that encrypts nothing. */
function plainLink(near: End, far: End, vpnConnectionId: string): KernelObject[] {
  const neighbour = ({ netns, device, peer }: End, mac: string): KernelObject => ({ kind: 'neighbour', netns, device, address: peer, mac });
  return [
    {
      kind: 'veth',
      netns: near.netns,
      name: near.device,
      alias: vpnConnectionId,
      mac: ROUTER_MAC,
      group: 0,
      rpFilter: 1,
      ipv6: true,
      mtu: TUNNEL.mtu,
      peer: { netns: far.netns, name: far.device, mac: GATEWAY_LINK.mac },
    },
    neighbour(near, GATEWAY_LINK.mac),
    neighbour(far, ROUTER_MAC),
  ];
}

/** Connections of a gateway that are there on the host, the first by id first. */
function connectionsOf(snapshot: Snapshot, gateway: VpnGateway | CustomerGateway, hostId: string): VpnConnection[] {
  const found =
    'vpnGatewayId' in gateway
      ? snapshot.by('vpnConnection', 'vpnGatewayId', gateway.vpnGatewayId)
      : snapshot.by('vpnConnection', 'customerGatewayId', gateway.customerGatewayId);
  const present = found.filter(({ vpnGatewayId }) => isGatewayPresent(snapshot, hostId, vpnGatewayId));
  return present.sort((a, b) => (a.vpnConnectionId < b.vpnConnectionId ? -1 : 1));
}

/** The connection's IPv4 ranges. What lies within the VPC is found there, whatever a static route says. */
function corporateRanges({ routes }: VpnConnection, vpc: Vpc): string[] {
  const local = vpcIpv4Ranges(vpc).map(cidr);
  return ipv4(routes)
    .filter((range) => !local.some((outer) => containsCidr(outer, range)))
    .map(({ text }) => text);
}

/** An address in each network that is behind the customer's gateway: the first of its hosts. */
function corporateAddresses(connections: readonly VpnConnection[]): string[] {
  const ranges = ipv4(connections.flatMap(({ routes }) => routes)).filter(({ prefixLength }) => prefixLength >= 8);
  return [...new Set(ranges.map((range) => nthAddress(range, range.prefixLength >= 31 ? 0 : 1)))];
}

function ipv4(texts: readonly string[]): Cidr[] {
  return texts.map(cidr).filter(({ family }) => family === 4);
}

/** Destinations for which an earlier connection of one of the two gateways has the route, as `<namespace> <range>`. */
function routesOfEarlier(
  snapshot: Snapshot,
  connection: VpnConnection,
  gateway: VpnGateway,
  customer: CustomerGateway,
  hostId: string,
): Set<string> {
  const isEarlier = (other: VpnConnection) => other.vpnConnectionId < connection.vpnConnectionId;
  const atGateway = connectionsOf(snapshot, gateway, hostId).filter(isEarlier);
  const atCustomer = connectionsOf(snapshot, customer, hostId).filter(isEarlier);
  return new Set([
    ...atGateway.flatMap(({ routes }) => routes.map((range) => `${gateway.vpnGatewayId} ${range}`)),
    ...atCustomer
      .flatMap(({ vpnGatewayId }) => snapshot.get('vpnGateway', vpnGatewayId)?.vpcId ?? [])
      .flatMap((vpcId) => snapshot.get('vpc', vpcId) ?? [])
      .flatMap((vpc) => vpcIpv4Ranges(vpc).map((range) => `${customer.customerGatewayId} ${range}`)),
  ]);
}
