import { type NftTable, renderNft } from '../firewall/nft-table.js';
import type { KernelObject } from '../kernel/port.js';
import {
  GATEWAY_LINK,
  gatewayLinkName,
  INTERNET_NAMESPACE,
  MAIN_TABLE,
  NFT_TABLE,
  ROUTER_LINK,
  routerNamespace,
  SYSCTLS,
} from '../kernel/resources.js';
import { hostCidr } from '../model/address.js';
import { isId } from '../model/ids.js';
import type { Snapshot } from '../model/snapshot.js';
import { type Vpc, vpcIpv4Ranges } from '../model/vpc.js';
import { type GatewayLink, linkObjects, namespaceWith, routeOver, rowsOver } from './gateway-link.js';
import type { PlanSettings } from './plan.js';
import { isGatewayPresent } from './presence.js';
import { vpcRouting } from './routing.js';

const EVERYTHING = ['0.0.0.0/0', '::/0'] as const;
const { inside, outside } = GATEWAY_LINK;

interface Links {
  readonly toRouter: GatewayLink;
  readonly toInternet: GatewayLink;
}

function linksOf(vpc: Vpc, gatewayId: string, nearName: string): Links {
  return {
    toRouter: { gatewayId, near: { netns: routerNamespace(vpc.vpcId), device: nearName }, far: { netns: gatewayId, device: inside } },
    toInternet: {
      gatewayId,
      near: { netns: INTERNET_NAMESPACE, device: gatewayLinkName('g', gatewayId) },
      far: { netns: gatewayId, device: outside },
    },
  };
}

/** A VPC's internet gateway: public addresses are translated one to one, IPv6 is routed. */
export function planInternetGateway(snapshot: Snapshot, settings: PlanSettings, gatewayId: string): KernelObject[] {
  const vpc = presentVpc(snapshot, settings, gatewayId, snapshot.get('internetGateway', gatewayId)?.vpcId);
  if (!vpc) return [];
  const links = linksOf(vpc, gatewayId, ROUTER_LINK.internetGateway);
  const translations = translationsOf(snapshot, vpc.vpcId);
  return [
    ...gatewayObjects(snapshot, settings, vpc, gatewayId, links),
    { kind: 'nft', netns: gatewayId, ...renderNft(NFT_TABLE, translationTable(translations)), translations },
    ...vpcIpv4Ranges(vpc).map((range) => routeOver(links.toRouter, 'far', MAIN_TABLE, range)),
    ...Object.keys(translations).map((address) => routeOver(links.toInternet, 'near', MAIN_TABLE, hostCidr(address))),
  ];
}

/** The way out for IPv6 only, and for connections from inside only. */
export function planEgressOnlyInternetGateway(snapshot: Snapshot, settings: PlanSettings, gatewayId: string): KernelObject[] {
  const vpc = presentVpc(snapshot, settings, gatewayId, snapshot.get('egressOnlyInternetGateway', gatewayId)?.vpcId);
  if (!vpc) return [];
  return [
    ...gatewayObjects(snapshot, settings, vpc, gatewayId, linksOf(vpc, gatewayId, ROUTER_LINK.egressOnlyInternetGateway)),
    { kind: 'nft', netns: gatewayId, ...renderNft(NFT_TABLE, EGRESS_ONLY) },
  ];
}

function presentVpc(snapshot: Snapshot, { hostId }: PlanSettings, gatewayId: string, vpcId: string | undefined): Vpc | undefined {
  return vpcId !== undefined && isGatewayPresent(snapshot, hostId, gatewayId) ? snapshot.get('vpc', vpcId) : undefined;
}

function gatewayObjects(
  snapshot: Snapshot,
  { mtu }: PlanSettings,
  vpc: Vpc,
  gatewayId: string,
  { toRouter, toInternet }: Links,
): KernelObject[] {
  const rows = vpcRouting(snapshot, vpc.vpcId).rowsTo.get(gatewayId) ?? [];
  return [
    ...namespaceWith(gatewayId, SYSCTLS.gateway),
    ...linkObjects(toRouter, mtu),
    ...linkObjects(toInternet, mtu),
    ...(vpc.ipv6 ? [routeOver(toRouter, 'far', MAIN_TABLE, vpc.ipv6.cidrBlock)] : []),
    ...EVERYTHING.map((range) => routeOver(toInternet, 'far', MAIN_TABLE, range)),
    ...ipv6Subnets(snapshot, vpc, gatewayId).map((range) => routeOver(toInternet, 'near', MAIN_TABLE, range)),
    ...rowsOver(toRouter, rows),
  ];
}

/** Private by public address, of every association in the VPC. */
function translationsOf(snapshot: Snapshot, vpcId: string): Record<string, string> {
  return Object.fromEntries(
    snapshot
      .by('elasticIp', 'vpcId', vpcId)
      .flatMap(({ publicIp, association }) => (association ? [[publicIp, association.privateIpAddress] as const] : [])),
  );
}

/** What is neither translated nor IPv6 does not pass, in either direction. */
function translationTable(translations: Readonly<Record<string, string>>): NftTable {
  const reversed = Object.fromEntries(Object.entries(translations).map(([outer, inner]) => [inner, outer]));
  return {
    maps: { inward: translations, outward: reversed },
    sets: { translated: Object.keys(reversed) },
    chains: [
      {
        name: 'prerouting',
        type: 'nat',
        hook: 'prerouting',
        priority: -100,
        policy: 'accept',
        rules: ['dnat ip to ip daddr map @inward'],
      },
      {
        name: 'postrouting',
        type: 'nat',
        hook: 'postrouting',
        priority: 100,
        policy: 'accept',
        rules: ['snat ip to ip saddr map @outward'],
      },
      {
        name: 'forward',
        type: 'filter',
        hook: 'forward',
        priority: 0,
        policy: 'drop',
        rules: [
          // Also on the way to another public address of the same VPC.
          `iifname "${inside}" ct direction original ip saddr != @translated drop`,
          `iifname "${inside}" ip saddr @translated accept`,
          'ct status dnat accept',
          'ct status snat accept',
          'ct state related accept',
          'meta nfproto ipv6 accept',
        ],
      },
    ],
  };
}

const EGRESS_ONLY: NftTable = {
  chains: [
    {
      name: 'forward',
      type: 'filter',
      hook: 'forward',
      priority: 0,
      policy: 'drop',
      rules: ['meta nfproto ipv6 ct state established,related accept', `meta nfproto ipv6 iifname "${inside}" ct state new accept`],
    },
  ],
};

/**
 * IPv6 ranges of the subnets that the internet reaches through the gateway: those whose route table leads there. With routes to both sorts
 * of gateway the one for everything counts.
 */
function ipv6Subnets(snapshot: Snapshot, { vpcId }: Vpc, gatewayId: string): string[] {
  const { rows, tableOf } = vpcRouting(snapshot, vpcId);
  const gatewayOf = (tableIndex: number): string | undefined => {
    const candidates = rows.filter((row) => row.tableIndex === tableIndex && row.family === 6 && isInternetBound(row.target));
    return (candidates.find(({ destination }) => destination === '::/0') ?? candidates[0])?.target;
  };
  return snapshot
    .by('subnet', 'vpcId', vpcId)
    .flatMap(({ subnetId, ipv6 }) => (ipv6 && gatewayOf(tableOf(subnetId)) === gatewayId ? [ipv6.cidrBlock] : []));
}

function isInternetBound(target: string | undefined): boolean {
  return isId('internetGateway', target) || isId('egressOnlyInternetGateway', target);
}
