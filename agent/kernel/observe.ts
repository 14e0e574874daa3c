import { FAMILIES } from '../model/address.js';
import { toKernelError } from './errors.js';
import { macvlansOf, requireParent } from './macvlan.js';
import { type DeviceAddress, listAddresses } from './netlink/address.js';
import { listSets } from './netlink/ipset.js';
import { type Link, listLinks } from './netlink/link.js';
import { listNeighbours } from './netlink/neighbour.js';
import { listRoutes } from './netlink/route.js';
import { listRules } from './netlink/rule.js';
import { isHeldNetns, netnsIdentity, netnsNames } from './netns.js';
import { readGuards, readInstanceNft } from './nft.js';
import { nftOf, rulesetOf, sysctlsOf, unlessUnsupported, uplinkOf, wireguardOf } from './observe-tools.js';
import { VethObserver } from './observe-veth.js';
import { Pace } from './pace.js';
import { type KernelObject, keyOf, type ObjectKey } from './port.js';
import { HOST_NAMESPACE, INTERNET_NAMESPACE, isOurNamespace, namespaceRole, PROTOCOL, SYSCTLS } from './resources.js';
import type { NamespaceSockets } from './sockets.js';
import { isServedTun, tunsOf } from './tun.js';
import { HOST_END_LINK_LOCAL } from './veth.js';

/**
 * Reads what namespaces hold of ours. In routers that is everything but what the kernel makes by itself: nobody else has
 * business there. In instances it is what bears our protocol number; the rest is the guest's.
 */
export class Observer {
  readonly #sockets: NamespaceSockets;
  readonly #veths = new VethObserver();
  /** Requests that delete things which the port's terms do not describe fully, as somebody else made them. */
  readonly #deletions = new Map<ObjectKey, Buffer>();
  /** Addresses that we added: their only mark on kernels that keep no protocol of addresses. */
  readonly #added = new Set<ObjectKey>();

  constructor(sockets: NamespaceSockets) {
    this.#sockets = sockets;
  }

  /** The request that deletes a foreign thing of an earlier observation. */
  deletionOf(key: ObjectKey): Buffer | undefined {
    return this.#deletions.get(key);
  }

  /** Notes an address of ours. */
  noteAdded(key: ObjectKey): void {
    this.#added.add(key);
  }

  async observe(namespaces?: ReadonlySet<string>): Promise<Map<ObjectKey, KernelObject>> {
    this.#sockets.prune();
    const observed = new Map<ObjectKey, KernelObject>();
    const pace = new Pace();
    for (const netns of namespaces ?? [...netnsNames().filter(isOurNamespace), HOST_NAMESPACE]) {
      for (const object of await this.#namespace(netns, pace)) observed.set(keyOf(object), object);
      await pace.breathe();
    }
    return observed;
  }

  async #namespace(netns: string, pace: Pace): Promise<KernelObject[]> {
    if (netnsIdentity(netns) === undefined) return [];
    try {
      return await this.#byRole(netns, pace);
    } catch (error) {
      // It was deleted meanwhile: then it contributes nothing.
      if (netnsIdentity(netns) === undefined) return [];
      throw toKernelError(error).during(`observe ${netns}`);
    }
  }

  async #byRole(netns: string, pace: Pace): Promise<KernelObject[]> {
    switch (namespaceRole(netns)) {
      case 'router':
        return this.#router(netns, pace);
      case 'gateway':
        return [...(await this.#gateway(netns, pace)), ...(await nftOf(netns)), ...(await this.#tunnels(netns))];
      case 'internet':
        return [...(await this.#gateway(netns, pace)), ...(await nftOf(netns))];
      case 'customer':
        return [{ kind: 'netns', netns }, ...sysctlsOf(netns, SYSCTLS.gateway), ...this.#marked(netns), ...(await this.#tunnels(netns))];
      case 'nat':
        return [{ kind: 'netns', netns }, ...sysctlsOf(netns, SYSCTLS.nat), ...this.#marked(netns), ...(await nftOf(netns))];
      case 'instance':
        return [
          netnsOf(netns),
          // The settings of somebody else's namespace are none of ours.
          ...(isHeldNetns(netns) ? [] : sysctlsOf(netns, SYSCTLS.instance)),
          ...this.#instanceObjects(netns),
          ...(await this.#instanceFilter(netns)),
        ];
      case 'host':
        return this.#host(netns);
      case undefined:
        return [];
    }
  }

  /** Nothing of ours is there while there is neither an internet to reach nor a device that carries interfaces. */
  async #host(netns: string): Promise<KernelObject[]> {
    const guards = await readGuards();
    const hasInternet = netnsIdentity(INTERNET_NAMESPACE) !== undefined;
    if (!hasInternet && guards.length === 0) return [];
    const parents = guards.map(({ device, fingerprint }): KernelObject => {
      return { kind: 'parent', netns, device, fingerprint: this.#isInService(device) ? fingerprint : '', text: '' };
    });
    return [...this.#marked(netns), ...parents, ...(hasInternet ? await uplinkOf(netns) : [])];
  }

  #isInService(device: string): boolean {
    try {
      requireParent(this.#sockets, device);
      return true;
    } catch {
      return false;
    }
  }

  async #instanceFilter(netns: string): Promise<KernelObject[]> {
    const fingerprint = await readInstanceNft(netns);
    return fingerprint === undefined ? [] : [{ kind: 'nft', netns, fingerprint, text: '' }];
  }

  #macvlans(netns: string, links: readonly Link[]): KernelObject[] {
    const role = namespaceRole(netns);
    if (!links.some(({ kind }) => kind === 'macvlan') || (role !== 'instance' && role !== 'router' && role !== 'host')) return [];
    return macvlansOf(netns, role, links, role === 'host' ? links : listLinks(this.#sockets.route(HOST_NAMESPACE)));
  }

  async #router(netns: string, pace: Pace): Promise<KernelObject[]> {
    const rulesets = Promise.all(FAMILIES.map((family) => rulesetOf(netns, family)));
    // Waited for below; if something else fails first, its own failure is of no interest.
    rulesets.catch(() => {});
    const { objects, names } = await this.#devices(netns, SYSCTLS.router, pace);
    objects.push(...(await this.#routing(netns, names, pace)));
    await pace.breathe();
    objects.push(...this.#sets(netns));
    return [...objects, ...(await rulesets).flat()];
  }

  async #gateway(netns: string, pace: Pace): Promise<KernelObject[]> {
    const { objects, names } = await this.#devices(netns, SYSCTLS.gateway, pace);
    return [...objects, ...(await this.#routing(netns, names, pace))];
  }

  /** The namespace, its settings, pairs and addresses, and the devices' names. */
  async #devices(
    netns: string,
    settings: Readonly<Record<string, string>>,
    pace: Pace,
  ): Promise<{ readonly objects: KernelObject[]; readonly names: ReadonlyMap<number, string> }> {
    const socket = this.#sockets.route(netns);
    const links = listLinks(socket);
    const names = namesOf(links);
    const addresses = listAddresses(socket);
    // While it is down the router does not answer at its own addresses: they count as missing, and adding them brings it up.
    if (!isLoopbackUp(links)) names.delete(LOOPBACK);
    const objects: KernelObject[] = [{ kind: 'netns', netns }];
    objects.push(...(await this.#veths.observe(netns, socket, links, withLinkLocal(addresses), pace)));
    objects.push(...this.#macvlans(netns, links));
    objects.push(...sysctlsOf(netns, settings));
    for (const found of addresses) {
      const device = names.get(found.index);
      const isRouters = found.automatic || found.address === HOST_END_LINK_LOCAL;
      if (device !== undefined && !isRouters) objects.push({ kind: 'address', netns, device, address: found.address });
    }
    await pace.breathe();
    return { objects, names };
  }

  async #routing(netns: string, names: ReadonlyMap<number, string>, pace: Pace): Promise<KernelObject[]> {
    const routes = this.#routes(netns, names, (route) => !route.automatic);
    await pace.breathe();
    const rules = this.#rules(netns, (rule) => !rule.automatic);
    return [...routes, ...rules, ...this.#neighbours(netns, names, (neighbour) => neighbour.permanent)];
  }

  /** Tunnels' devices, and the processes that serve them. */
  async #tunnels(netns: string): Promise<KernelObject[]> {
    const links = listLinks(this.#sockets.route(netns));
    const tuns = tunsOf(netns, links);
    const configs = await Promise.all(links.filter(isServedTun).map(({ name }) => wireguardOf(netns, name)));
    return [...tuns, ...configs.flat()];
  }

  /** What bears our protocol number. */
  #marked(netns: string, links = listLinks(this.#sockets.route(netns))): KernelObject[] {
    const names = namesOf(links);
    return [...this.#markedButNeighbours(netns, links, names), ...this.#neighbours(netns, names, ({ protocol }) => protocol === PROTOCOL)];
  }

  /** Only macvlan devices have neighbours that we set. */
  #instanceObjects(netns: string): KernelObject[] {
    const links = listLinks(this.#sockets.route(netns));
    return links.some(({ kind }) => kind === 'macvlan')
      ? this.#marked(netns, links)
      : this.#markedButNeighbours(netns, links, namesOf(links));
  }

  /**
   * For namespaces in which we set no neighbours. The kernel has one table of neighbours for all namespaces, and goes through all of it
   * for each that asks: with hundreds of instances that would be most of the work.
   */
  #markedButNeighbours(netns: string, links: readonly Link[], names: ReadonlyMap<number, string>): KernelObject[] {
    return [
      ...this.#macvlans(netns, links),
      ...this.#ownAddresses(netns, names, listAddresses(this.#sockets.route(netns))),
      ...this.#routes(netns, names, ({ protocol }) => protocol === PROTOCOL),
      ...this.#rules(netns, ({ protocol }) => protocol === PROTOCOL),
    ];
  }

  #ownAddresses(netns: string, names: ReadonlyMap<number, string>, addresses: readonly DeviceAddress[]): KernelObject[] {
    const areMarked = addresses.some(({ protocol }) => protocol !== undefined);
    return addresses.flatMap(({ index, address, protocol }): KernelObject[] => {
      const device = names.get(index);
      if (device === undefined) return [];
      const object = { kind: 'address', netns, device, address } as const;
      return (areMarked ? protocol === PROTOCOL : this.#added.has(keyOf(object))) ? [object] : [];
    });
  }

  #routes(
    netns: string,
    names: ReadonlyMap<number, string>,
    isOurs: (route: { protocol: number; automatic: boolean }) => boolean,
  ): KernelObject[] {
    return listRoutes(this.#sockets.route(netns))
      .filter(isOurs)
      .map(({ table, destination, type, index, gateway, onlink, source, peculiarities, deletion }) => {
        const device = index === undefined ? undefined : names.get(index);
        return this.#foreign(peculiarities, deletion, {
          kind: 'route',
          netns,
          table,
          destination: peculiarities ? `${destination} ${peculiarities}` : destination,
          type,
          ...(device !== undefined && { device }),
          ...(gateway !== undefined && { gateway }),
          ...(onlink && { onlink }),
          ...(source !== undefined && { source }),
        });
      });
  }

  #rules(netns: string, isOurs: (rule: { protocol: number; automatic: boolean }) => boolean): KernelObject[] {
    return listRules(this.#sockets.route(netns))
      .filter(isOurs)
      .map(({ family, priority, table, from, to, mark, peculiarities, deletion }) => {
        const source = peculiarities ? `${from ?? 'all'} ${peculiarities}` : from;
        return this.#foreign(peculiarities, deletion, {
          kind: 'rule',
          netns,
          family,
          priority,
          table,
          ...(source !== undefined && { from: source }),
          ...(to !== undefined && { to }),
          ...(mark && { mark }),
        });
      });
  }

  /** Remembers how to delete what somebody else made. */
  #foreign(peculiarities: string, deletion: () => Buffer, object: KernelObject): KernelObject {
    if (peculiarities) this.#deletions.set(keyOf(object), deletion());
    return object;
  }

  #neighbours(
    netns: string,
    names: ReadonlyMap<number, string>,
    isOurs: (neighbour: { permanent: boolean; protocol: number }) => boolean,
  ): KernelObject[] {
    return listNeighbours(this.#sockets.route(netns))
      .filter(isOurs)
      .flatMap(({ index, address, mac, permanent }): KernelObject[] => {
        const device = names.get(index);
        return device === undefined || !permanent ? [] : [{ kind: 'neighbour', netns, device, address, mac }];
      });
  }

  #sets(netns: string): KernelObject[] {
    return unlessUnsupported(() => listSets(this.#sockets.netfilter(netns)), []).flatMap(({ spec, members }): KernelObject[] => [
      { kind: 'set', netns, ...spec },
      ...[...members.keys()].map((entry): KernelObject => ({ kind: 'member', netns, set: spec.name, entry })),
    ]);
  }
}

function netnsOf(netns: string): KernelObject {
  const identity = isHeldNetns(netns) ? netnsIdentity(netns) : undefined;
  return { kind: 'netns', netns, ...(identity !== undefined && { holder: { path: '', identity } }) };
}

const namesOf = (links: readonly Link[]): Map<number, string> => new Map(links.map(({ index, name }) => [index, name]));

/** The kernel gives it this index in every namespace. */
const LOOPBACK = 1;
const isLoopbackUp = (links: readonly Link[]): boolean => links.some(({ index, up }) => index === LOOPBACK && up);

/** Indexes of the devices that have the router's link-local address. */
function withLinkLocal(addresses: readonly DeviceAddress[]): ReadonlySet<number> {
  return new Set(addresses.filter(({ address }) => address === HOST_END_LINK_LOCAL).map(({ index }) => index));
}
