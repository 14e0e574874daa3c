import { GUARD_DROPS } from '../firewall/guard.js';
import { INSTANCE_DROPS } from '../firewall/instance-table.js';
import { nftCounts } from '../firewall/nft-table.js';
import { FAMILIES } from '../model/address.js';
import { KernelError } from './errors.js';
import { attributesOf, text, textOf } from './netlink/attributes.js';
import { RTM_LINK } from './netlink/link.js';
import { listSets } from './netlink/nft-sets.js';
import { message, type NetlinkMessage, type NetlinkSocket } from './netlink/socket.js';
import { listTable } from './nft.js';
import type { CounterQuery, InterfaceCounters, MacvlanQuery } from './port.js';
import { DROP_SETS, guardTable, HOST_NAMESPACE, NFT_TABLE, SET } from './resources.js';
import type { NamespaceSockets } from './sockets.js';

const LINK_HEADER = 16;
const IFLA = { name: 3, statistics64: 23 } as const;
/** Past so many devices one listing of all is cheaper than asking for each. */
const LIST_ALL_FROM = 16;
/** Places in `struct rtnl_link_stats64`, beside the first four. */
const STATISTIC = { rxDropped: 6, rxNoHandler: 23, rxOtherHostDropped: 24 } as const;

interface Traffic {
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly frameDrops: number;
}

/**
 * What has passed and what was dropped at the given host ends of a router namespace, by host end. Devices that do not exist are
 * left out, and so is everything of a namespace that does not.
 */
export function readCounters(sockets: NamespaceSockets, router: string, queries: readonly CounterQuery[]): Map<string, InterfaceCounters> {
  const hostEnds = queries.map(({ hostEnd }) => hostEnd);
  try {
    const traffic = readTraffic(sockets.route(router), hostEnds);
    return traffic.size === 0 ? new Map() : withDrops(sockets.netfilter(router), traffic);
  } catch (error) {
    if (error instanceof KernelError && error.kind === 'not-found') return new Map();
    throw error;
  }
}

function withDrops(socket: NetlinkSocket, traffic: ReadonlyMap<string, Traffic>): Map<string, InterfaceCounters> {
  const drops = listDrops(socket);
  const counters = [...traffic].map(([hostEnd, { rxPackets, rxBytes, txPackets, txBytes, frameDrops }]): [string, InterfaceCounters] => [
    hostEnd,
    {
      // What the host end sends is what the instance receives.
      rxBytes: txBytes,
      rxPackets: txPackets,
      txBytes: rxBytes,
      txPackets: rxPackets,
      ingressGroupDrops: drops(SET.ingressDrops, hostEnd),
      egressGroupDrops: drops(SET.egressDrops, hostEnd),
      sourceCheckDrops: drops(SET.sourceCheckDrops, hostEnd),
      destinationCheckDrops: drops(SET.destinationCheckDrops, hostEnd),
      frameDrops,
    },
  ]);
  return new Map(counters);
}

/** The same of macvlan interfaces, by MAC: their groups are in the instance, their check at the parent. Guests may set the former back. */
export async function readMacvlanCounters(
  sockets: NamespaceSockets,
  queries: readonly MacvlanQuery[],
): Promise<Map<string, InterfaceCounters>> {
  const read = memoized((place: string) => {
    const [netns = '', family, table = ''] = place.split(' ');
    return listTable(netns, family === 'inet' ? 'inet' : 'netdev', table).catch(() => '{"nftables":[]}');
  });
  const counters = new Map<string, InterfaceCounters>();
  for (const { netns, device, mac, parent } of queries) {
    const traffic = trafficIn(sockets, netns, device);
    if (!traffic) continue;
    const groups = await read(`${netns} inet ${NFT_TABLE}`);
    const guard = await read(`${HOST_NAMESPACE} netdev ${guardTable(parent)}`);
    counters.set(mac, {
      ...traffic,
      // What the parent's network does not take, nobody here sees.
      frameDrops: 0,
      ingressGroupDrops: nftCounts(groups, INSTANCE_DROPS.ingress).get(device) ?? 0,
      egressGroupDrops: nftCounts(groups, INSTANCE_DROPS.egress).get(device) ?? 0,
      sourceCheckDrops: nftCounts(guard, GUARD_DROPS.source).get(mac) ?? 0,
      destinationCheckDrops: nftCounts(guard, GUARD_DROPS.destination).get(mac) ?? 0,
    });
  }
  return counters;
}

function trafficIn(sockets: NamespaceSockets, netns: string, device: string): Traffic | undefined {
  try {
    return readTraffic(sockets.route(netns), [device]).get(device);
  } catch (error) {
    if (error instanceof KernelError && error.kind === 'not-found') return undefined;
    throw error;
  }
}

function memoized<T>(read: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    const value = known.get(key) ?? read(key);
    known.set(key, value);
    return value;
  };
}

/** Packets that the drop sets have counted, both families together, to be asked by set and device. */
function listDrops(socket: NetlinkSocket): (set: (typeof DROP_SETS)[number], device: string) => number {
  const names = DROP_SETS.flatMap((name) => FAMILIES.map(name));
  const counts = new Map(listSets(socket, names).map(({ spec, members }) => [spec.name, members]));
  return (set, device) => FAMILIES.reduce((sum, family) => sum + (counts.get(set(family))?.get(device) ?? 0), 0);
}

function readTraffic(socket: NetlinkSocket, names: readonly string[]): Map<string, Traffic> {
  const wanted = new Set(names);
  const replies =
    wanted.size >= LIST_ALL_FROM ? socket.dump(RTM_LINK.get, Buffer.alloc(LINK_HEADER)) : names.flatMap((name) => linkNamed(socket, name));
  const traffic = new Map<string, Traffic>();
  for (const { body } of replies) {
    const attributes = attributesOf(body, LINK_HEADER);
    const name = textOf(attributes.get(IFLA.name) ?? Buffer.alloc(0));
    const statistics = attributes.get(IFLA.statistics64);
    if (!statistics || !wanted.has(name)) continue;
    // struct rtnl_link_stats64 (linux/if_link.h), 64 bits each; older kernels have fewer.
    const at = (index: number) => (index * 8 + 8 <= statistics.length ? Number(statistics.readBigUInt64LE(index * 8)) : 0);
    const frameDrops = at(STATISTIC.rxDropped) + at(STATISTIC.rxNoHandler) + at(STATISTIC.rxOtherHostDropped);
    traffic.set(name, { rxPackets: at(0), txPackets: at(1), rxBytes: at(2), txBytes: at(3), frameDrops });
  }
  return traffic;
}

function linkNamed(socket: NetlinkSocket, name: string): NetlinkMessage[] {
  try {
    return socket.request(message(RTM_LINK.get, 0, Buffer.alloc(LINK_HEADER), text(IFLA.name, name)));
  } catch (error) {
    if (error instanceof KernelError && error.kind === 'not-found') return [];
    throw error;
  }
}
