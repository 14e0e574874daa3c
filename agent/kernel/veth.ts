import { FAMILIES } from '../model/address.js';
import { KernelError, throwFirst, toKernelError, unlessGone } from './errors.js';
import { newAddress } from './netlink/address.js';
import {
  changeLink,
  deleteLink,
  deleteLinkGroup,
  findLink,
  getLink,
  type Link,
  netnsIdOf,
  newVeth,
  parseLink,
  setProxyDelay,
  setRetransmission,
} from './netlink/link.js';
import type { NetlinkMessage, NetlinkSocket } from './netlink/socket.js';
import { isHeldNetns } from './netns.js';
import type { VethSpec } from './port.js';
import { isRouterNamespace, ROUTER_LINK_LOCAL, TRASH_GROUP } from './resources.js';
import { type NamespaceSockets, withNetnsDescriptor } from './sockets.js';
import { writeSysctls } from './sysctl.js';

/** Interfaces' devices: pairs with one end in a router and one in an instance. */

/** Prefix length of link-local addresses as the kernel assigns them. */
export const HOST_END_LINK_LOCAL = `${ROUTER_LINK_LOCAL}/64`;

/**
 * Afterwards the pair is as specified, both ends up, the host end last. Repairs in place what can be; a pair with its other end
 * missing or elsewhere is made anew. `disturbed`: what hung on the devices may be lost, as the kernel forgets neighbours when a
 * device gets another MAC, routes too when it is down, and addresses when it goes.
 */
export async function ensureVeth(sockets: NamespaceSockets, spec: VethSpec): Promise<{ readonly disturbed: boolean } & Pair> {
  // Nearly always there is nothing in the way: what is asked first is what is done.
  const made = create(sockets, spec);
  if (made) return { disturbed: false, ...made };
  const router = sockets.route(spec.netns);
  const instance = sockets.route(spec.peer.netns);
  const existing = findLink(router, { name: spec.name });
  const peer = existing && peerOf(router, instance, existing, spec);
  if (existing && peer) {
    const pair = { index: existing.index, peerIndex: peer.index };
    repair(sockets, spec, existing, peer);
    bringUp(sockets, router, spec, pair);
    return { disturbed: existing.mac !== spec.mac || !existing.up || !peer.up, ...pair };
  }
  if (existing) await deleteNow(sockets, spec.netns, spec.name);
  const obstacle = findLink(instance, { name: spec.peer.name });
  if (obstacle) await makeRoom(sockets, spec, obstacle);
  const pair = create(sockets, spec);
  if (!pair) throw new KernelError('somebody else makes a device of that name', { kind: 'exists', errno: 'EEXIST' });
  return { disturbed: existing !== undefined, ...pair };
}

/** Indexes of the two ends, each in its namespace. */
interface Pair {
  readonly index: number;
  readonly peerIndex: number;
}

/** The other end, if the pair is one of the specified devices. */
function peerOf(router: NetlinkSocket, instance: NetlinkSocket, link: Link, spec: VethSpec): Link | undefined {
  if (link.kind !== 'veth' || link.peer?.netnsId === undefined) return undefined;
  if (withNetnsDescriptor(spec.peer.netns, (fd) => netnsIdOf(router, fd)) !== link.peer.netnsId) return undefined;
  const peer = findLink(instance, { index: link.peer.index });
  return peer?.name === spec.peer.name ? peer : undefined;
}

/** A veth under the name that the interface is to have is what is left of an earlier attachment, or, in somebody else's namespace, theirs. */
async function makeRoom(sockets: NamespaceSockets, { netns, peer }: VethSpec, obstacle: Link): Promise<void> {
  const isTheirs = () =>
    isHeldNetns(peer.netns) &&
    withNetnsDescriptor(netns, (fd) => netnsIdOf(sockets.route(peer.netns), fd)) !== (obstacle.peer?.netnsId ?? -1);
  if (obstacle.kind === 'veth' && !isTheirs()) return deleteNow(sockets, peer.netns, peer.name);
  throw new KernelError(`the guest has a device ${peer.name} of its own; remove or rename it`, { kind: 'exists', errno: 'EEXIST' });
}

/** Nothing is made when one of the names is taken. */
function create(sockets: NamespaceSockets, spec: VethSpec): Pair | undefined {
  const { name, mac, mtu, group, peer } = spec;
  const router = sockets.route(spec.netns);
  const replies: NetlinkMessage[] = [];
  // In one go: who took the name meanwhile only gets what the next step gives it anyway.
  const [refused = null, ...others] = withNetnsDescriptor(peer.netns, (netnsFd) =>
    router.batch(
      [
        newVeth({ name, mac, mtu, group, peer: { name: peer.name, mac: peer.mac, netnsFd } }),
        changeLink(name, settings(spec)),
        getLink({ name }),
      ],
      replies,
    ),
  );
  if (refused?.errno === 'EEXIST') return undefined;
  throwFirst([refused, ...others]);
  const made = replies[0] && parseLink(replies[0].body);
  if (!made?.peer) throw new KernelError('the new pair is gone again', { kind: 'not-found' });
  const pair = { index: made.index, peerIndex: made.peer.index };
  bringUp(sockets, router, spec, pair);
  return pair;
}

/** Afterwards a pair that was there is as a new one would be. */
function repair(sockets: NamespaceSockets, spec: VethSpec, host: Link, other: Link): void {
  const { name, mac, mtu, group, peer } = spec;
  throwFirst([
    ...sockets.route(spec.netns).batch([changeLink(name, { ...settings(spec), mtu, group, ...(host.mac !== mac && { mac }) })]),
    ...sockets.route(peer.netns).batch([changeLink(peer.name, { mtu, ...(other.mac !== peer.mac && { mac: peer.mac }) })]),
  ]);
  if (!spec.ipv6) throwFirst(setIpv6(spec, false));
}

const settings = ({ alias, rpFilter }: VethSpec) => ({ alias, rpFilter, proxyArp: 1 });

/** The host end comes last: nothing passes before it is up. */
function bringUp(sockets: NamespaceSockets, router: NetlinkSocket, spec: VethSpec, { index, peerIndex }: Pair): void {
  const { name, peer } = spec;
  const [up, refused] = sockets.route(peer.netns).batch([changeLink(peer.name, { up: true }), ...soonAskingAgain(peerIndex)]);
  throwFirst([up ?? null, refused ?? null]);
  if (spec.ipv6 && isIpv6Off(peer.netns)) allowIpv6(peer);
  throwFirst(router.batch([setProxyDelay(index, 0), changeLink(name, { up: true })]));
  if (spec.ipv6) addLinkLocal(router, spec, index);
}

/** The kernel's one second would keep whoever asked a moment before an address came from seeing it for that long. */
const NEIGHBOUR_RETRANSMISSION_MS = 50;

/** The guest's own setting from then on: it is not repaired. The one of IPv4 comes first; that of IPv6 is refused where IPv6 is off on the device. */
const soonAskingAgain = (index: number): Buffer[] =>
  FAMILIES.map((family) => setRetransmission(family, index, NEIGHBOUR_RETRANSMISSION_MS));

export function askAgainSoon(instance: NetlinkSocket, index: number): void {
  const [refused] = instance.batch(soonAskingAgain(index));
  throwFirst([refused ?? null]);
}

/** Whether new devices may be without IPv6: engines switch it off in their containers, and routers have it off. */
const isIpv6Off = (netns: string): boolean => isHeldNetns(netns) || isRouterNamespace(netns);

/** Afterwards IPv6 is not off on the device. */
export function allowIpv6(device: { readonly netns: string; readonly name: string }): void {
  const [refused] = setIpv6(device, true);
  // A kernel without IPv6.
  if (refused && refused.kind !== 'not-found') throw refused;
}

function setIpv6({ netns, name }: { readonly netns: string; readonly name: string }, on: boolean): (KernelError | null)[] {
  return writeSysctls(netns, [{ path: `net/ipv6/conf/${name}/disable_ipv6`, value: on ? '0' : '1' }]);
}

/** The kernel adds it too, but not again once somebody took it away, and not on a device on which IPv6 was turned off. */
function addLinkLocal(router: NetlinkSocket, spec: VethSpec, index: number): void {
  const add = () => router.batch([newAddress(index, HOST_END_LINK_LOCAL)])[0] ?? null;
  let refused = add();
  if (refused?.errno === 'EACCES') {
    throwFirst(setIpv6(spec, true));
    refused = add();
  }
  if (refused) throw refused.during(`address ${HOST_END_LINK_LOCAL}`);
}

async function deleteNow(sockets: NamespaceSockets, netns: string, name: string): Promise<void> {
  throwFirst(await deleteLinks(sockets, netns, [name]));
}

/**
 * Afterwards the namespace has no device of any of the names. Off the main thread, and together: each deletion waits for
 * an RCU grace period, a group of devices for one.
 */
export async function deleteLinks(sockets: NamespaceSockets, netns: string, names: readonly string[]): Promise<(KernelError | null)[]> {
  let background: NetlinkSocket;
  try {
    background = sockets.background(netns);
  } catch (error) {
    const fault = toKernelError(error);
    return names.map(() => (fault.kind === 'not-found' ? null : fault));
  }
  try {
    if (names.length > 1 && (await deleteTogether(background, names))) return names.map(() => null);
    const results = await background.batchAsync(names.map(deleteLink));
    return unlessGone(results);
  } finally {
    background.close();
  }
}

/** Whether it worked: it does not for devices that cannot be deleted or moved, and then for none. */
async function deleteTogether(background: NetlinkSocket, names: readonly string[]): Promise<boolean> {
  const moved = background.batch(names.map((name) => changeLink(name, { group: TRASH_GROUP })));
  if (moved.some((error) => error && error.kind !== 'not-found')) return false;
  const [error] = await background.batchAsync([deleteLinkGroup(TRASH_GROUP)]);
  return !error || error.kind === 'not-found';
}
