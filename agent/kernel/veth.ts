import { FAMILIES } from '../model/address.js';
import { KernelError, throwFirst, toKernelError } from './errors.js';
import { newAddress } from './netlink/address.js';
import {
  changeLink,
  deleteLink,
  deleteLinkGroup,
  findLink,
  type Link,
  netnsIdOf,
  newVeth,
  setProxyDelay,
  setRetransmission,
} from './netlink/link.js';
import type { NetlinkSocket } from './netlink/socket.js';
import { isHeldNetns } from './netns.js';
import type { VethSpec } from './port.js';
import { ROUTER_LINK_LOCAL, TRASH_GROUP } from './resources.js';
import { type NamespaceSockets, withNetnsDescriptor } from './sockets.js';
import { writeSysctls } from './sysctl.js';

/** Interfaces' devices: pairs with one end in a router and one in an instance. */

/** Prefix length of link-local addresses as the kernel assigns them. */
export const HOST_END_LINK_LOCAL = `${ROUTER_LINK_LOCAL}/64`;

/**
 * Afterwards the pair is as specified, both ends up, the host end last. Repairs in place what can be; a pair with its other end
 * missing or elsewhere is made anew. Returns whether what hung on the devices may be lost: the kernel forgets neighbours when a
 * device gets another MAC, routes too when it is down, and addresses when it goes.
 */
export async function ensureVeth(sockets: NamespaceSockets, spec: VethSpec): Promise<{ readonly disturbed: boolean }> {
  const router = sockets.route(spec.netns);
  const instance = sockets.route(spec.peer.netns);
  const existing = findLink(router, { name: spec.name });
  const peer = existing && peerOf(router, instance, existing, spec);
  if (existing && peer) {
    configure(router, instance, spec, existing, peer);
    return { disturbed: existing.mac !== spec.mac || !existing.up || !peer.up };
  }
  if (existing) await deleteNow(sockets, spec.netns, spec.name);
  const obstacle = findLink(instance, { name: spec.peer.name });
  if (obstacle) await makeRoom(sockets, spec, obstacle);
  create(router, spec);
  const made = findLink(router, { name: spec.name });
  const other = findLink(instance, { name: spec.peer.name });
  if (!made || !other) throw new KernelError('the new pair is gone again', { kind: 'not-found' });
  configure(router, instance, spec, made, other);
  return { disturbed: existing !== undefined };
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

function create(router: NetlinkSocket, spec: VethSpec): void {
  const { name, mac, mtu, group, peer } = spec;
  const creation = withNetnsDescriptor(peer.netns, (netnsFd) =>
    router.batch([newVeth({ name, mac, mtu, group, peer: { name: peer.name, mac: peer.mac, netnsFd } })]),
  );
  throwFirst(creation);
}

function configure(router: NetlinkSocket, instance: NetlinkSocket, spec: VethSpec, host: Link, peer: Link): void {
  const { name, mac, mtu, group, alias, rpFilter } = spec;
  const prepared = router.batch([
    changeLink(name, { mtu, group, alias, rpFilter, proxyArp: 1, ...(host.mac !== mac && { mac }) }),
    setProxyDelay(host.index, 0),
  ]);
  const otherEnd = instance.batch([
    changeLink(spec.peer.name, { mtu, ...(peer.mac !== spec.peer.mac && { mac: spec.peer.mac }), up: true }),
  ]);
  throwFirst([...prepared, ...otherEnd]);
  askAgainSoon(instance, peer.index);
  if (isHeldNetns(spec.peer.netns)) allowIpv6(spec.peer);
  throwFirst(router.batch([changeLink(name, { up: true })]));
  addLinkLocal(router, spec, host.index);
}

/** The kernel's one second would keep whoever asked a moment before an address came from seeing it for that long. */
const NEIGHBOUR_RETRANSMISSION_MS = 50;

/** The guest's own setting from then on: it is not repaired. IPv6 may be turned off on the device. */
export function askAgainSoon(instance: NetlinkSocket, index: number): void {
  const [refused] = instance.batch(FAMILIES.map((family) => setRetransmission(family, index, NEIGHBOUR_RETRANSMISSION_MS)));
  throwFirst([refused ?? null]);
}

/** Engines switch IPv6 off in their containers; on devices of ours it is up to their addresses. */
function allowIpv6({ netns, name }: VethSpec['peer']): void {
  const [refused] = writeSysctls(netns, [{ path: `net/ipv6/conf/${name}/disable_ipv6`, value: '0' }]);
  // A kernel without IPv6.
  if (refused && refused.kind !== 'not-found') throw refused;
}

/** The kernel adds it too, but not again once somebody took it away, and not on a device on which IPv6 was turned off. */
function addLinkLocal(router: NetlinkSocket, { netns, name }: VethSpec, index: number): void {
  const add = () => router.batch([newAddress(index, HOST_END_LINK_LOCAL)])[0] ?? null;
  let refused = add();
  if (refused?.errno === 'EACCES') {
    throwFirst(writeSysctls(netns, [{ path: `net/ipv6/conf/${name}/disable_ipv6`, value: '0' }]));
    refused = add();
  }
  // A kernel without IPv6.
  if (refused && refused.kind !== 'unsupported') throw refused.during(`address ${HOST_END_LINK_LOCAL}`);
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
    return results.map((error) => (error?.kind === 'not-found' ? null : error));
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
