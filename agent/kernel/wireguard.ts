import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { KernelError, toKernelError } from './errors.js';
import { run } from './exec.js';
import { listLinks } from './netlink/link.js';
import { NETLINK, NetlinkSocket } from './netlink/socket.js';
import { netnsIdentity } from './netns.js';
import type { ObjectSpecs } from './port.js';
import { isServedTun } from './tun.js';

/**
 * Userspace WireGuard: one process of Debian's `wireguard-go` per tunnel end, on a tun device that outlives it. The process is its
 * socket: it answers there while it lives, ends when the socket's file goes, and ends with its device. So there is nothing to remember.
 * @see https://www.wireguard.com/xplatform/
 */

type Spec = ObjectSpecs['wireguard'];
export type WireguardConfig = Pick<Spec, 'privateKey' | 'listenPort' | 'peer'>;

/** Where every implementation puts its sockets. One place for all namespaces: names of tunnels are unique on the host. */
const SOCKETS = '/var/run/wireguard';
const START_TIMEOUT_MS = 5000;
const TALK_TIMEOUT_MS = 2000;
const CARRIER_CHECKS = 100;

const socketOf = (device: string): string => `${SOCKETS}/${device}.sock`;

/** What the process of a device is set to; `undefined` when none answers. */
export async function readWireguard(device: string): Promise<WireguardConfig | undefined> {
  const answer = await talk(device, 'get=1\n\n').catch((error: unknown) => {
    const { errno } = toKernelError(error);
    if (errno === 'ENOENT' || errno === 'ECONNREFUSED') return undefined;
    throw error;
  });
  return answer === undefined ? undefined : parseConfig(answer);
}

/**
 * Afterwards a process serves the device and is set as specified; sessions with an unchanged peer go on. `isServed`: whether the device
 * has a process, which its carrier tells. One that answers for a device of that name in a namespace that is gone is ended.
 */
export async function ensureWireguard(spec: Spec, isServed: () => boolean): Promise<void> {
  const { netns, device } = spec;
  let current = isServed() ? await readWireguard(device) : undefined;
  if (!current) {
    await endWireguard(device);
    // One without its socket leaves the device a moment later.
    for (let check = 0; isServed() && check < CARRIER_CHECKS; check++) await setTimeout(10);
    await run('wireguard-go', [device], { netns, timeoutMs: START_TIMEOUT_MS });
    current = await readWireguard(device);
  }
  const answer = await talk(device, settings(spec, current));
  const errno = /^errno=(-?\d+)$/m.exec(answer)?.[1];
  if (errno !== '0')
    throw new KernelError(`wireguard-go refused the settings of ${device}: errno ${errno ?? 'missing'}`, { kind: 'invalid' });
}

/** Afterwards no process answers for the device. @throws {KernelError} timeout when it does not end. */
export async function endWireguard(device: string): Promise<void> {
  // Held open, the connection tells when the process is gone: another must not put a new file there before it has missed the old one.
  const socket = createConnection(socketOf(device));
  try {
    await once(socket, 'connect');
    rmSync(socketOf(device), { force: true });
    socket.resume();
    await once(socket, 'close', { signal: AbortSignal.timeout(TALK_TIMEOUT_MS) });
  } catch (error) {
    const fault = toKernelError(error);
    if (fault.errno === 'ECONNREFUSED') rmSync(socketOf(device), { force: true });
    else if (fault.errno !== 'ENOENT' && fault.errno !== 'ECONNRESET')
      throw new KernelError(`wireguard-go of ${device} does not end`, { kind: 'timeout', cause: error });
  } finally {
    socket.destroy();
  }
}

/** Afterwards no tunnel's process serves a device in the namespace. */
export async function endTunnels(netns: string): Promise<void> {
  if (netnsIdentity(netns) === undefined) return;
  const socket = new NetlinkSocket(NETLINK.route, { netns });
  try {
    for (const { name } of listLinks(socket).filter(isServedTun)) await endWireguard(name);
  } finally {
    socket.close();
  }
}

function settings({ privateKey, listenPort, peer }: Spec, current: WireguardConfig | undefined): string {
  const isSamePeer = current?.privateKey === privateKey && current.peer.publicKey === peer.publicKey;
  const keepsRanges = isSamePeer && current.peer.allowedIps.every((range) => peer.allowedIps.includes(range));
  return [
    'set=1',
    ...(current?.privateKey === privateKey ? [] : [`private_key=${privateKey}`]),
    // Naming the port binds anew, and packets on their way would be lost.
    ...(current?.listenPort === listenPort ? [] : [`listen_port=${listenPort}`]),
    ...(isSamePeer ? [] : ['replace_peers=true']),
    `public_key=${peer.publicKey}`,
    `endpoint=${peer.endpoint}`,
    `persistent_keepalive_interval=${peer.keepaliveSeconds}`,
    ...(keepsRanges ? [] : ['replace_allowed_ips=true']),
    ...peer.allowedIps.map((range) => `allowed_ip=${range}`),
    '',
    '',
  ].join('\n');
}

/** More than one peer, or none, is shown as a peer without a key: unlike any plan. */
function parseConfig(answer: string): WireguardConfig {
  const lines = answer.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const);
  const value = (name: string) => lines.find(([key]) => key === name)?.[1] ?? '';
  const peers = lines.filter(([key]) => key === 'public_key');
  return {
    privateKey: value('private_key'),
    listenPort: Number(value('listen_port')),
    peer: {
      publicKey: peers.length === 1 ? value('public_key') : '',
      endpoint: value('endpoint'),
      keepaliveSeconds: Number(value('persistent_keepalive_interval')),
      allowedIps: lines.flatMap(([key, range]) => (key === 'allowed_ip' ? [range] : [])).sort(),
    },
  };
}

/** One question, one answer, which ends with an empty line. @throws {KernelError} also when nobody listens. */
function talk(device: string, question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = createConnection(socketOf(device));
    const fail = (error: unknown) => {
      socket.destroy();
      reject(toKernelError(error).during(`wireguard-go of ${device}`));
    };
    socket.setTimeout(TALK_TIMEOUT_MS, () => fail(new KernelError('does not answer', { kind: 'timeout' })));
    socket.setEncoding('utf8');
    socket.on('error', fail);
    socket.on('close', () => fail(new KernelError('hung up', { kind: 'other' })));
    socket.on('connect', () => socket.write(question));
    socket.on('data', (part: string) => {
      answer += part;
      if (!answer.endsWith('\n\n')) return;
      socket.destroy();
      resolve(answer);
    });
  });
}
