import { KernelError } from './errors.js';
import { attributesOf, text, textOf } from './netlink/attributes.js';
import { listSets } from './netlink/ipset.js';
import { RTM_LINK } from './netlink/link.js';
import { message, type NetlinkMessage, type NetlinkSocket } from './netlink/socket.js';
import type { CounterQuery, InterfaceCounters } from './port.js';
import { SET, sourceCheckBucket } from './resources.js';
import type { NamespaceSockets } from './sockets.js';

const LINK_HEADER = 16;
const IFLA = { name: 3, statistics64: 23 } as const;
/** Past so many devices one listing of all is cheaper than asking for each. */
const LIST_ALL_FROM = 16;
/** Places in `struct rtnl_link_stats64`, beside the first four. */
const STATISTIC = { rxDropped: 6, rxNoHandler: 23, rxOtherHostDropped: 24 } as const;
const FAMILIES = [4, 6] as const;

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
  const buckets = new Set([...traffic.keys()].map(sourceCheckBucket));
  const ofBothFamilies = (setName: (family: 4 | 6) => string) => dropsByDevice(socket, FAMILIES.map(setName));
  const ingress = ofBothFamilies(SET.ingressDrops);
  const egress = ofBothFamilies(SET.egressDrops);
  const destination = ofBothFamilies(SET.destinationCheckDrops);
  const source = dropsByDevice(
    socket,
    [...buckets].flatMap((bucket) => FAMILIES.map((family) => SET.sourceCheckDropBucket(family, bucket))),
  );
  const counters = [...traffic].map(([hostEnd, { rxPackets, rxBytes, txPackets, txBytes, frameDrops }]): [string, InterfaceCounters] => [
    hostEnd,
    {
      // What the host end sends is what the instance receives.
      rxBytes: txBytes,
      rxPackets: txPackets,
      txBytes: rxBytes,
      txPackets: rxPackets,
      ingressGroupDrops: ingress.get(hostEnd) ?? 0,
      egressGroupDrops: egress.get(hostEnd) ?? 0,
      sourceCheckDrops: source.get(hostEnd) ?? 0,
      destinationCheckDrops: destination.get(hostEnd) ?? 0,
      frameDrops,
    },
  ]);
  return new Map(counters);
}

/** Packets that matched entries `…,<device>` of the sets, by device. */
function dropsByDevice(socket: NetlinkSocket, sets: readonly string[]): Map<string, number> {
  const drops = new Map<string, number>();
  for (const { members } of sets.flatMap((name) => listSets(socket, { name }))) {
    for (const [entry, counters] of members) {
      const device = entry.slice(entry.lastIndexOf(',') + 1);
      drops.set(device, (drops.get(device) ?? 0) + (counters?.packets ?? 0));
    }
  }
  return drops;
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
