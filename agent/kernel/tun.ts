import { type KernelError, throwFirst, toKernelError } from './errors.js';
import { run } from './exec.js';
import { changeLink, findLink, type Link } from './netlink/link.js';
import type { KernelObject } from './port.js';
import { isTunnelName } from './resources.js';
import type { NamespaceSockets } from './sockets.js';
import { deleteLinks } from './veth.js';

/**
 * Devices whose other end is a process (tun). They outlive it: without one they keep addresses and routes, have no carrier and take
 * packets nowhere.
 */

type Tun = KernelObject<'tun'>;

const TIMEOUT_MS = 5000;
/** MTU of a device that is down or lets any source in. No plan has it. */
const FAULTY_MTU = 0;

/** Afterwards the device is there, as specified and up. Another device of its name makes room. */
export async function ensureTun(sockets: NamespaceSockets, { netns, name, mtu }: Tun): Promise<void> {
  const socket = sockets.route(netns);
  const existing = findLink(socket, { name });
  if (existing && existing.kind !== 'tun') throwFirst(await deleteLinks(sockets, netns, [name]));
  // `pi`: the flags that wireguard-go opens it with.
  if (existing?.kind !== 'tun') await run('ip', ['tuntap', 'add', 'dev', name, 'mode', 'tun', 'pi'], { netns, timeoutMs: TIMEOUT_MS });
  throwFirst(socket.batch([changeLink(name, { mtu, rpFilter: 1, up: true })]));
}

/** Afterwards no tun of those names is there, and the processes that served them are ending. */
export async function deleteTuns(sockets: NamespaceSockets, netns: string, names: readonly string[]): Promise<(KernelError | null)[]> {
  try {
    const socket = sockets.route(netns);
    const tuns = new Set(names.filter((name) => findLink(socket, { name })?.kind === 'tun'));
    const outcomes = tuns.size === 0 ? [] : await deleteLinks(sockets, netns, [...tuns]);
    const byName = new Map([...tuns].map((name, place) => [name, outcomes[place] ?? null]));
    return names.map((name) => byName.get(name) ?? null);
  } catch (error) {
    const fault = toKernelError(error);
    return names.map(() => (fault.kind === 'not-found' ? null : fault));
  }
}

/** The tunnels' devices among those of a namespace. */
export function tunsOf(netns: string, links: readonly Link[]): Tun[] {
  return links
    .filter(({ name, kind }) => kind === 'tun' && isTunnelName(name))
    .map(({ name, mtu, up, rpFilter }) => ({ kind: 'tun', netns, name, mtu: up && rpFilter === 1 ? mtu : FAULTY_MTU }));
}

/** Whether a device is one of a tunnel and has a process. */
export function isServedTun({ name, kind, running }: Link): boolean {
  return kind === 'tun' && running && isTunnelName(name);
}

export function isServed(sockets: NamespaceSockets, { netns, device }: KernelObject<'wireguard'>): boolean {
  return findLink(sockets.route(netns), { name: device })?.running === true;
}
