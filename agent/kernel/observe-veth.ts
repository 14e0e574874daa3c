import { type Link, listLinks, netnsIdOf, proxyDelays } from './netlink/link.js';
import type { NetlinkSocket } from './netlink/socket.js';
import { netnsNames } from './netns.js';
import type { KernelObject } from './port.js';
import type { Reading } from './reading.js';
import { HOST_NAMESPACE, isFarEndName, isOurNamespace, isRouterNamespace, isTunnelName } from './resources.js';
import { withNetnsDescriptor } from './sockets.js';

const isTun = ({ kind, name }: Link): boolean => kind === 'tun' && isTunnelName(name);

/** Devices that some kernels put into every namespace; they cannot be deleted. */
const FALLBACK_DEVICES: ReadonlySet<string> = new Set(
  'tunl0 gre0 gretap0 erspan0 ip_vti0 ip6_vti0 sit0 ip6tnl0 ip6gre0 ip6gretap0 ip6erspan0 ifb0 ifb1 dummy0 bond0 teql0'.split(' '),
);

type Veth = Extract<KernelObject, { kind: 'veth' }>;

/**
 * MTU of a pair that carries nothing or not as it should: an end is down, the ends' MTUs differ, proxy ARP is off or delayed. No device
 * has it, so the pair is unlike any plan and gets repaired.
 */
export const FAULTY_MTU = 0;

/**
 * The pairs of a router, each put together from its two ends. A missing other end, or one that is in no namespace of ours, is
 * shown with empty names. Whatever other devices are in the router are shown as pairs without values.
 */
export class VethObserver {
  /** Instances last seen at each router's devices: asked first. */
  readonly #neighbours = new Map<string, ReadonlySet<string>>();

  async observe(
    router: string,
    socket: NetlinkSocket,
    links: readonly Link[],
    withLinkLocal: ReadonlySet<number>,
    reading: Reading,
  ): Promise<Veth[]> {
    const devices = links.filter(
      (link) =>
        link.kind !== undefined && !FALLBACK_DEVICES.has(link.name) && !isFarEndName(link.name) && !isTun(link) && link.kind !== 'macvlan',
    );
    const wanted = new Set(devices.flatMap((link) => link.peer?.netnsId ?? []));
    const namespaces = await this.#namespacesOf(router, socket, wanted, reading);
    const others = new Map<number, ReadonlyMap<number, Link>>();
    for (const id of wanted) {
      others.set(id, otherEnds(socket, id, namespaces.get(id), reading));
      await reading.breathe();
    }
    const delays = devices.length > 0 ? proxyDelays(socket) : new Map<number, number>();
    return devices.map((link) => {
      const id = link.peer?.netnsId;
      const peer = link.kind === 'veth' && id !== undefined ? others.get(id)?.get(link.peer?.index ?? 0) : undefined;
      const isSound = peer?.up && link.up && peer.mtu === link.mtu && link.proxyArp === 1 && delays.get(link.index) === 0;
      return {
        kind: 'veth',
        netns: router,
        name: link.name,
        alias: link.alias ?? '',
        mac: link.mac,
        group: link.group,
        rpFilter: link.rpFilter === 0 ? 0 : 1,
        ipv6: withLinkLocal.has(link.index),
        mtu: isSound && (link.rpFilter ?? 0) <= 1 ? link.mtu : FAULTY_MTU,
        peer: { netns: (id !== undefined && namespaces.get(id)) || '', name: peer?.name ?? '', mac: peer?.mac ?? '' },
      };
    });
  }

  /** Names of the namespaces that the router knows by these numbers. */
  async #namespacesOf(router: string, socket: NetlinkSocket, wanted: ReadonlySet<number>, reading: Reading): Promise<Map<number, string>> {
    const found = new Map<number, string>();
    for (const instance of this.#candidates(router)) {
      if (found.size === wanted.size) break;
      const id = numberOf(socket, instance);
      if (id !== undefined && wanted.has(id)) found.set(id, instance);
      await reading.breathe();
    }
    this.#neighbours.set(router, new Set(found.values()));
    return found;
  }

  /** Where other ends may be, the likeliest first: instances and gateways at this router, at none, at another; then routers. */
  *#candidates(router: string): Generator<string> {
    const here = this.#neighbours.get(router) ?? new Set();
    const elsewhere = new Set([...this.#neighbours].flatMap(([other, instances]) => (other === router ? [] : [...instances])));
    const names = [...netnsNames().filter((name) => isOurNamespace(name) && name !== router), HOST_NAMESPACE];
    const rank = (name: string) => (here.has(name) ? 0 : isRouterNamespace(name) ? 3 : elsewhere.has(name) ? 2 : 1);
    for (const turn of [0, 1, 2, 3]) yield* names.filter((name) => rank(name) === turn);
  }
}

function numberOf(socket: NetlinkSocket, netns: string): number | undefined {
  try {
    return withNetnsDescriptor(netns, (fd) => netnsIdOf(socket, fd));
  } catch {
    // Deleted a moment ago.
    return undefined;
  }
}

/** Devices of a namespace that a router knows by a number and we perhaps by a name. */
function otherEnds(socket: NetlinkSocket, netnsId: number, name: string | undefined, reading: Reading): Map<number, Link> {
  try {
    const links = name === undefined ? listLinks(socket, netnsId) : reading.links(name);
    return new Map(links.map((link) => [link.index, link]));
  } catch {
    return new Map();
  }
}
