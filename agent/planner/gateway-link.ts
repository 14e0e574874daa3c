import type { KernelObject } from '../kernel/port.js';
import { GATEWAY_LINK, ROUTER_LINK_LOCAL, ROUTER_MAC, routeTableNumber } from '../kernel/resources.js';
import { cidr } from '../model/address.js';
import type { Row } from './routing.js';

/** One end of a device pair. */
export interface End {
  readonly netns: string;
  readonly device: string;
}

/** A pair between a router, or the internet, and a gateway. `near` is the named end: the router's, the internet's. */
export interface GatewayLink {
  readonly near: End;
  readonly far: End;
  /** Shown as the near end's alias. */
  readonly gatewayId: string;
}

/** The pair, and who is at its other end. Neither end has an address of its own: both are next hops only. */
export function linkObjects({ near, far, gatewayId }: GatewayLink, mtu: number): KernelObject[] {
  const neighbours = (end: End, addresses: readonly string[], mac: string): KernelObject[] =>
    addresses.map((address) => ({ kind: 'neighbour', ...end, address, mac }));
  return [
    {
      kind: 'veth',
      netns: near.netns,
      name: near.device,
      alias: gatewayId,
      mac: ROUTER_MAC,
      group: 0,
      rpFilter: 0,
      ipv6: true,
      mtu,
      peer: { netns: far.netns, name: far.device, mac: GATEWAY_LINK.mac },
    },
    ...neighbours(near, [GATEWAY_LINK.far, GATEWAY_LINK.linkLocal], GATEWAY_LINK.mac),
    ...neighbours(far, [GATEWAY_LINK.near, ROUTER_LINK_LOCAL], ROUTER_MAC),
  ];
}

/** A route from one end of the link over the other. */
export function routeOver(link: GatewayLink, from: 'near' | 'far', table: number, destination: string, source?: string): KernelObject {
  const isIpv4 = cidr(destination).family === 4;
  const far = isIpv4 ? GATEWAY_LINK.far : GATEWAY_LINK.linkLocal;
  const near = isIpv4 ? GATEWAY_LINK.near : ROUTER_LINK_LOCAL;
  return {
    kind: 'route',
    ...link[from],
    table,
    destination,
    type: 'unicast',
    gateway: from === 'near' ? far : near,
    onlink: true,
    ...(source !== undefined && { source }),
  };
}

/** The rows of a VPC's route tables that lead to the gateway. */
export function rowsOver(link: GatewayLink, rows: readonly Row[]): KernelObject[] {
  return rows.map(({ tableIndex, destination }) => routeOver(link, 'near', routeTableNumber(tableIndex), destination));
}

export function namespaceWith(netns: string, settings: Readonly<Record<string, string>>): KernelObject[] {
  return [
    { kind: 'netns', netns },
    ...Object.entries(settings).map(([path, value]): KernelObject => ({ kind: 'sysctl', netns, path, value })),
  ];
}
