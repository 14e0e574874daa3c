import { FAMILIES } from '../model/address.js';
import { toKernelError } from './errors.js';
import { macvlansOf, requireParent } from './macvlan.js';
import { type DeviceAddress, listAddresses } from './netlink/address.js';
import type { Link } from './netlink/link.js';
import { listNeighbours } from './netlink/neighbour.js';
import { listSets } from './netlink/nft-sets.js';
import { listRoutes, type Route } from './netlink/route.js';
import { listRules, type Rule } from './netlink/rule.js';
import type { NetlinkSocket } from './netlink/socket.js';
import { isHeldNetns, isName, netnsIdentity, netnsNames } from './netns.js';
import { readGuards, readInstanceNft } from './nft.js';
import { readRuleset } from './nft-ruleset.js';
import { nftOf, sysctlsOf, unlessUnsupported, uplinkOf, wireguardOf } from './observe-tools.js';
import { VethObserver } from './observe-veth.js';
import { type KernelObject, keyOf, type ObjectKey } from './port.js';
import { Reading } from './reading.js';
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

  /** Instances that had no rules of ours when they were looked at, each by its socket, which stands for the very namespace. */
  readonly #unruled = new WeakSet<NetlinkSocket>();

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

  /** Notes that an instance is about to have rules of ours. */
  noteRules(netns: string): void {
    this.#unruled.delete(this.#sockets.route(netns));
  }

  async observe(namespaces?: ReadonlySet<string>): Promise<Map<ObjectKey, KernelObject>> {
    if (namespaces === undefined) this.#sockets.prune();
    const observed = new Map<ObjectKey, KernelObject>();
    const reading = new Reading(this.#sockets);
    for (const netns of namespaces ?? [...netnsNames().filter(isOurNamespace), HOST_NAMESPACE]) {
      for (const object of await this.#namespace(netns, reading)) observed.set(keyOf(object), object);
      await reading.breathe();
    }
    return observed;
  }

  async #namespace(netns: string, reading: Reading): Promise<KernelObject[]> {
    if (netnsIdentity(netns) === undefined) return isName(netns) ? [{ kind: 'netns', netns, holder: { path: '', identity: '' } }] : [];
    try {
      return await this.#byRole(netns, reading);
    } catch (error) {
      // It was deleted meanwhile: then it contributes nothing.
      if (netnsIdentity(netns) === undefined) return [];
      throw toKernelError(error).during(`observe ${netns}`);
    }
  }

  async #byRole(netns: string, reading: Reading): Promise<KernelObject[]> {
    switch (namespaceRole(netns)) {
      case 'router':
        return this.#router(netns, reading);
      case 'gateway':
        return [...(await this.#gateway(netns, reading)), ...(await nftOf(netns)), ...(await this.#tunnels(netns, reading))];
      case 'internet':
        return [...(await this.#gateway(netns, reading)), ...(await nftOf(netns))];
      case 'customer':
        return [
          { kind: 'netns', netns },
          ...sysctlsOf(this.#sockets, netns, SYSCTLS.gateway),
          ...this.#marked(netns, reading),
          ...(await this.#tunnels(netns, reading)),
        ];
      case 'nat':
        return [
          { kind: 'netns', netns },
          ...sysctlsOf(this.#sockets, netns, SYSCTLS.nat),
          ...this.#marked(netns, reading),
          ...(await nftOf(netns)),
        ];
      case 'instance':
        return [...this.#instance(netns, reading), ...(await this.#instanceFilter(netns, reading))];
      case 'host':
        return this.#host(netns, reading);
      case undefined:
        return [];
    }
  }

  /** Nothing of ours is there while there is neither an internet to reach nor a device that carries interfaces. */
  async #host(netns: string, reading: Reading): Promise<KernelObject[]> {
    const guards = await readGuards();
    const hasInternet = netnsIdentity(INTERNET_NAMESPACE) !== undefined;
    if (!hasInternet && guards.length === 0) return [];
    const parents = guards.map(({ device, fingerprint }): KernelObject => {
      return { kind: 'parent', netns, device, fingerprint: this.#isInService(device) ? fingerprint : '', text: '' };
    });
    return [...this.#marked(netns, reading), ...parents, ...(hasInternet ? await uplinkOf(netns) : [])];
  }

  #isInService(device: string): boolean {
    try {
      requireParent(this.#sockets, device);
      return true;
    } catch {
      return false;
    }
  }

  /** Rules of ours come with macvlan devices: one that has neither is not asked for them again. */
  async #instanceFilter(netns: string, reading: Reading): Promise<KernelObject[]> {
    const socket = this.#sockets.route(netns);
    const hasMacvlans = reading.links(netns).some(({ kind }) => kind === 'macvlan');
    if (!hasMacvlans && this.#unruled.has(socket)) return [];
    this.#unruled.add(socket);
    const fingerprint = await readInstanceNft(netns);
    if (fingerprint !== undefined) this.#unruled.delete(socket);
    return fingerprint === undefined ? [] : [{ kind: 'nft', netns, fingerprint, text: '' }];
  }

  #macvlans(netns: string, links: readonly Link[], reading: Reading): KernelObject[] {
    const role = namespaceRole(netns);
    if (!links.some(({ kind }) => kind === 'macvlan') || (role !== 'instance' && role !== 'router' && role !== 'host')) return [];
    return macvlansOf(netns, role, links, role === 'host' ? links : reading.links(HOST_NAMESPACE));
  }

  async #router(netns: string, reading: Reading): Promise<KernelObject[]> {
    const { objects, names } = await this.#devices(netns, SYSCTLS.router, reading);
    objects.push(...(await this.#routing(netns, names, reading)));
    await reading.breathe();
    return [...objects, ...this.#filter(netns)];
  }

  async #gateway(netns: string, reading: Reading): Promise<KernelObject[]> {
    const { objects, names } = await this.#devices(netns, SYSCTLS.gateway, reading);
    return [...objects, ...(await this.#routing(netns, names, reading))];
  }

  /** The namespace, its settings, pairs and addresses, and the devices' names. */
  async #devices(
    netns: string,
    settings: Readonly<Record<string, string>>,
    reading: Reading,
  ): Promise<{ readonly objects: KernelObject[]; readonly names: ReadonlyMap<number, string> }> {
    const socket = this.#sockets.route(netns);
    const links = reading.links(netns);
    const names = namesOf(links);
    const addresses = listAddresses(socket);
    // While it is down the router does not answer at its own addresses: they count as missing, and adding them brings it up.
    if (!isLoopbackUp(links)) names.delete(LOOPBACK);
    const objects: KernelObject[] = [{ kind: 'netns', netns }];
    objects.push(...(await this.#veths.observe(netns, socket, links, withLinkLocal(addresses), reading)));
    objects.push(...this.#macvlans(netns, links, reading));
    objects.push(...sysctlsOf(this.#sockets, netns, settings));
    for (const found of addresses) {
      const device = names.get(found.index);
      const isRouters = found.automatic || found.address === HOST_END_LINK_LOCAL;
      if (device !== undefined && !isRouters) objects.push({ kind: 'address', netns, device, address: found.address });
    }
    await reading.breathe();
    return { objects, names };
  }

  async #routing(netns: string, names: ReadonlyMap<number, string>, reading: Reading): Promise<KernelObject[]> {
    const routes = listRoutes(this.#sockets.route(netns)).filter(({ automatic }) => !automatic);
    await reading.breathe();
    const rules = listRules(this.#sockets.route(netns)).filter(({ automatic }) => !automatic);
    return [
      ...this.#routes(netns, names, routes),
      ...this.#rules(netns, rules),
      ...this.#neighbours(netns, names, (neighbour) => neighbour.permanent),
    ];
  }

  /** Tunnels' devices, and the processes that serve them. */
  async #tunnels(netns: string, reading: Reading): Promise<KernelObject[]> {
    const links = reading.links(netns);
    const tuns = tunsOf(netns, links);
    const configs = await Promise.all(links.filter(isServedTun).map(({ name }) => wireguardOf(netns, name)));
    return [...tuns, ...configs.flat()];
  }

  /** The namespace and what bears our protocol number. Only macvlan devices have neighbours that we set. */
  #instance(netns: string, reading: Reading): KernelObject[] {
    const isHeld = isHeldNetns(netns);
    const identity = isHeld ? netnsIdentity(netns) : undefined;
    const hasMacvlans = reading.links(netns).some(({ kind }) => kind === 'macvlan');
    return [
      { kind: 'netns', netns, ...(identity !== undefined && { holder: { path: '', identity } }) },
      // The settings of somebody else's namespace are none of ours.
      ...(isHeld ? [] : sysctlsOf(this.#sockets, netns, SYSCTLS.instance)),
      ...(hasMacvlans ? this.#marked(netns, reading) : this.#markedButNeighbours(netns, reading)),
    ];
  }

  /** What bears our protocol number. */
  #marked(netns: string, reading: Reading): KernelObject[] {
    const names = namesOf(reading.links(netns));
    return [...this.#markedButNeighbours(netns, reading), ...this.#neighbours(netns, names, ({ protocol }) => protocol === PROTOCOL)];
  }

  /**
   * For namespaces in which we set no neighbours. The kernel has one table of neighbours for all namespaces, and goes through all of it
   * for each that asks: with hundreds of instances that would be most of the work.
   */
  #markedButNeighbours(netns: string, reading: Reading): KernelObject[] {
    const links = reading.links(netns);
    const names = namesOf(links);
    const socket = this.#sockets.route(netns);
    return [
      ...this.#macvlans(netns, links, reading),
      ...this.#ownAddresses(netns, names, listAddresses(socket)),
      ...this.#routes(netns, names, listRoutes(socket, { protocol: PROTOCOL })),
      ...this.#rules(netns, listRules(socket, { protocol: PROTOCOL })),
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

  #routes(netns: string, names: ReadonlyMap<number, string>, routes: readonly Route[]): KernelObject[] {
    return routes.map(({ table, destination, type, index, gateway, onlink, source, peculiarities, deletion }) => {
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

  #rules(netns: string, rules: readonly Rule[]): KernelObject[] {
    return rules.map(({ family, priority, table, from, to, mark, peculiarities, deletion }) => {
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

  /** Rules and sets of the packet filter. */
  #filter(netns: string): KernelObject[] {
    const socket = this.#sockets.netfilter(netns);
    const read = () => [
      ...FAMILIES.map((family): KernelObject => ({ kind: 'ruleset', netns, family, fingerprint: readRuleset(family, socket), text: '' })),
      ...listSets(socket).flatMap(({ spec, members }): KernelObject[] => [
        { kind: 'set', netns, ...spec },
        ...[...members.keys()].map((entry): KernelObject => ({ kind: 'member', netns, set: spec.name, entry })),
      ]),
    ];
    return unlessUnsupported(read, []);
  }
}

const namesOf = (links: readonly Link[]): Map<number, string> => new Map(links.map(({ index, name }) => [index, name]));

/** The kernel gives it this index in every namespace. */
const LOOPBACK = 1;
const isLoopbackUp = (links: readonly Link[]): boolean => links.some(({ index, up }) => index === LOOPBACK && up);

/** Indexes of the devices that have the router's link-local address. */
function withLinkLocal(addresses: readonly DeviceAddress[]): ReadonlySet<number> {
  return new Set(addresses.filter(({ address }) => address === HOST_END_LINK_LOCAL).map(({ index }) => index));
}
