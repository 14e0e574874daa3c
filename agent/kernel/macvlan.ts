import { readdirSync } from 'node:fs';
import { type HostDevice, outage, unfitness } from '../model/parent-device.js';
import { KernelError, throwFirst } from './errors.js';
import { changeLink, findLink, type Link, listLinks, newMacvlan } from './netlink/link.js';
import type { NetlinkSocket } from './netlink/socket.js';
import { isHeldNetns } from './netns.js';
import { guardedDevices, removeGuard } from './nft.js';
import type { MacvlanSpec } from './port.js';
import { HOST_NAMESPACE, isOurHostDevice } from './resources.js';
import { NamespaceSockets, withNetnsDescriptor } from './sockets.js';
import { allowIpv6, askAgainSoon, deleteLinks } from './veth.js';

/** Macvlan devices, and the devices of the host that they are put on. */

const ARPHRD = { ethernet: 1, loopback: 772 } as const;

/** What is known of a device in the host's own namespace. */
export function hostDevice(sockets: NamespaceSockets, name: string): (HostDevice & { readonly index: number }) | undefined {
  const socket = sockets.route(HOST_NAMESPACE);
  const link = findLink(socket, { name });
  if (!link) return undefined;
  const master = link.master === undefined ? undefined : findLink(socket, { index: link.master })?.name;
  return {
    name,
    index: link.index,
    up: link.up,
    running: link.running,
    mtu: link.mtu,
    isEthernet: link.hardware === ARPHRD.ethernet,
    isLoopback: link.hardware === ARPHRD.loopback,
    isWireless: isWireless(name),
    isOurs: isOurHostDevice(name),
    ...(master !== undefined && { master }),
  };
}

/** `/sys` is of the namespace that the agent's mount namespace was made with: its own. */
function isWireless(name: string): boolean {
  try {
    return readdirSync(`/sys/class/net/${name}`).some((entry) => entry === 'wireless' || entry === 'phy80211');
  } catch {
    return false;
  }
}

/** @throws {KernelError} not-found, invalid, busy: why the device carries no macvlan devices now. */
export function requireParent(sockets: NamespaceSockets, name: string): HostDevice & { readonly index: number } {
  const device = hostDevice(sockets, name);
  const fault = unfitness(name, device);
  if (!device || fault !== undefined) throw new KernelError(fault ?? name, { kind: device ? 'invalid' : 'not-found' });
  const trouble = outage(device);
  if (trouble !== undefined) throw new KernelError(trouble, { kind: 'busy' });
  return device;
}

/**
 * Afterwards the device is as specified and up. What is there under its name and is another is deleted. Returns whether what hung on it
 * may be lost.
 */
export async function ensureMacvlan(sockets: NamespaceSockets, spec: MacvlanSpec): Promise<{ readonly disturbed: boolean }> {
  const parent = requireParent(sockets, spec.parent);
  if (parent.mtu < spec.mtu)
    throw new KernelError(`device ${spec.parent} has MTU ${parent.mtu}, interfaces need ${spec.mtu}: raise it, or set the agent's mtu`, {
      kind: 'invalid',
    });
  const host = sockets.route(HOST_NAMESPACE);
  const socket = sockets.route(spec.netns);
  const existing = findLink(socket, { name: spec.name });
  if (existing && isOn(existing, parent)) {
    configure(socket, spec, existing);
    return { disturbed: existing.mac !== spec.mac || !existing.up };
  }
  if (existing) await removeObstacle(sockets, spec, existing);
  const { name, mac, group } = spec;
  const [refused] = withNetnsDescriptor(spec.netns, (netnsFd) =>
    host.batch([newMacvlan({ name, mac, mtu: spec.mtu, group, parent: parent.index, netnsFd })]),
  );
  if (refused?.kind === 'unsupported')
    throw new KernelError('this kernel has no macvlan devices (CONFIG_MACVLAN); load them with: modprobe macvlan', { kind: 'unsupported' });
  throwFirst([refused ?? null]);
  const made = findLink(socket, { name });
  if (!made) throw new KernelError('the new device is gone again', { kind: 'not-found' });
  configure(socket, spec, made);
  if (spec.end === 'instance') askAgainSoon(socket, made.index);
  if (spec.end === 'router') allowIpv6(spec);
  return { disturbed: existing !== undefined };
}

/** Removes from the host's own namespace the guards of its devices, and its devices in subnets. */
export async function clearHost(): Promise<void> {
  const sockets = new NamespaceSockets();
  try {
    const links = listLinks(sockets.route(HOST_NAMESPACE)).filter((link) => isOurs(link, 'host'));
    throwFirst(
      await deleteLinks(
        sockets,
        HOST_NAMESPACE,
        links.map(({ name }) => name),
      ),
    );
    for (const device of guardedDevices()) await removeGuard({ netns: HOST_NAMESPACE, device });
  } finally {
    sockets.close();
  }
}

/** Whether a device is a macvlan one on that device of the host. In the host's own namespace no number names the namespace. */
export const isOn = ({ kind, peer }: Link, parent: Pick<Link, 'index'>): boolean => kind === 'macvlan' && peer?.index === parent.index;

/** What is left of an earlier attachment goes; what the guest, or the host, has made itself does not. */
async function removeObstacle(sockets: NamespaceSockets, { netns, name, end }: MacvlanSpec, obstacle: Link): Promise<void> {
  const isLeft = isOurs(obstacle, end) || (obstacle.kind === 'veth' && end === 'instance' && !isHeldNetns(netns));
  if (!isLeft)
    throw new KernelError(`there is another device ${name} in ${netns}; remove or rename it`, { kind: 'exists', errno: 'EEXIST' });
  throwFirst(await deleteLinks(sockets, netns, [name]));
}

function configure(socket: NetlinkSocket, spec: MacvlanSpec, { mac }: Link): void {
  const { name, mtu, group, alias } = spec;
  const settings = SETTINGS[spec.end];
  throwFirst(socket.batch([changeLink(name, { mtu, group, alias, ...settings, ...(mac !== spec.mac && { mac: spec.mac }) })]));
  const [refused] = socket.batch([changeLink(name, { up: true })]);
  if (refused?.errno === 'EADDRINUSE')
    throw new KernelError(`MAC ${spec.mac} is another device's on ${spec.parent}`, { kind: 'busy', cause: refused });
  throwFirst([refused ?? null]);
}

/** An address is answered for by the device that has it only: two of an instance's may be on one wire. */
const SETTINGS = { instance: { arpIgnore: 1 }, router: { rpFilter: 0, proxyArp: 0 }, host: { arpIgnore: 1 } } as const;

/** MTU of a device that is not as it should be: none has it, so it gets repaired. */
const FAULTY_MTU = 0;

/** The macvlan devices among a namespace's that are ours, with the name of the device that each is on. */
export function macvlansOf(
  netns: string,
  end: MacvlanSpec['end'],
  links: readonly Link[],
  hostLinks: readonly Link[],
): (MacvlanSpec & { readonly kind: 'macvlan' })[] {
  const parents = new Map(hostLinks.map(({ index, name }) => [index, name]));
  return links
    .filter((link) => isOurs(link, end))
    .map((link) => ({
      kind: 'macvlan',
      netns,
      name: link.name,
      alias: link.alias ?? '',
      mac: link.mac,
      group: link.group,
      mtu: isSound(link, end) ? link.mtu : FAULTY_MTU,
      parent: parents.get(link.peer?.index ?? 0) ?? '',
      end,
    }));
}

function isOurs({ kind, alias = '', name }: Link, end: MacvlanSpec['end']): boolean {
  if (kind !== 'macvlan') return false;
  if (end === 'router') return true;
  return end === 'host' ? isOurHostDevice(name) : alias.startsWith('eni-');
}

function isSound({ up, rpFilter, proxyArp }: Link, end: MacvlanSpec['end']): boolean {
  return up && (end !== 'router' || (rpFilter === 0 && proxyArp === 0));
}
