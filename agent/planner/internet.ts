import { type NftTable, renderNft } from '../firewall/nft-table.js';
import type { KernelObject } from '../kernel/port.js';
import {
  HOST_ACCESS,
  HOST_NAMESPACE,
  INTERNET_ADDRESSES,
  INTERNET_NAMESPACE,
  INTERNET_RANGE,
  MAIN_TABLE,
  NFT_TABLE,
  SYSCTLS,
} from '../kernel/resources.js';
import { hostCidr } from '../model/address.js';
import type { Snapshot } from '../model/snapshot.js';
import { type GatewayLink, linkObjects, namespaceWith, routeOver } from './gateway-link.js';
import type { PlanSettings } from './plan.js';
import { isInternetPresent } from './presence.js';
import { IS_NEW, labRanges, planUplink } from './uplink.js';

const netns = INTERNET_NAMESPACE;

/** The lab's internet: its own machines' addresses, nothing where nobody has a public address, and a link to the host if that is wanted. */
export function planInternet(snapshot: Snapshot, settings: PlanSettings): KernelObject[] {
  if (!isInternetPresent(snapshot, settings.hostId)) return [];
  return [
    ...namespaceWith(netns, SYSCTLS.gateway),
    ...INTERNET_ADDRESSES.map((address): KernelObject => ({ kind: 'address', netns, device: 'lo', address: hostCidr(address) })),
    ...(settings.hostAccess && settings.uplink ? labRanges(settings.publicPool) : [settings.publicPool]).map(
      (destination): KernelObject => ({ kind: 'route', netns, table: MAIN_TABLE, destination, type: 'blackhole' }),
    ),
    { kind: 'nft', netns, ...renderNft(NFT_TABLE, hostGuard(settings)) },
    ...(settings.hostAccess ? hostAccess(settings) : []),
  ];
}

/** The host opens connections into the lab, never the other way round. With an uplink only what is for others passes, in IPv4. */
function hostGuard({ hostAccess, uplink }: PlanSettings): NftTable {
  const host = `oifname "${HOST_ACCESS.internetEnd}"`;
  const rules =
    hostAccess && uplink
      ? [`${host} ip daddr ${HOST_ACCESS.address} ${IS_NEW} drop`, `${host} meta nfproto ipv6 ${IS_NEW} drop`]
      : [`${host} ${IS_NEW} drop`];
  return { chains: [{ name: 'forward', type: 'filter', hook: 'forward', priority: 0, policy: 'accept', rules }] };
}

/** The host as a machine on the lab's internet: it reaches public addresses and the internet's servers. */
function hostAccess({ publicPool, mtu, uplink }: PlanSettings): KernelObject[] {
  const link: GatewayLink = {
    gatewayId: HOST_NAMESPACE,
    near: { netns, device: HOST_ACCESS.internetEnd },
    far: { netns: HOST_NAMESPACE, device: HOST_ACCESS.device },
  };
  const own = hostCidr(HOST_ACCESS.address);
  return [
    ...linkObjects(link, mtu),
    { kind: 'address', ...link.far, address: own },
    routeOver(link, 'near', MAIN_TABLE, own),
    ...[publicPool, INTERNET_RANGE].map((range) => routeOver(link, 'far', MAIN_TABLE, range, HOST_ACCESS.address)),
    ...(uplink ? [...planUplink(uplink, publicPool), routeOver(link, 'near', MAIN_TABLE, '0.0.0.0/0')] : []),
  ];
}
