import { randomInt } from 'node:crypto';
import { closeSync } from 'node:fs';
import { KernelError } from './errors.js';
import { NETLINK, NetlinkSocket } from './netlink/socket.js';
import { netnsIdentity, openNetns } from './netns.js';
import { SettingFiles } from './setting-files.js';

/** Ports below are process ids, above are those that the kernel picks when a process has several sockets. */
const PORTS = { first: 0x0100_0000, last: 0x7fff_fff0 } as const;

/** How long a name counts as the namespace that it was, milliseconds: the steps of one attachment ask a dozen times. Whoever makes it another's tells by its name. */
const TRUST_MS = 5;

interface Entry {
  readonly identity: string;
  /** When the name was last seen to be this namespace's. */
  seenAt: number;
  route?: NetlinkSocket;
  netfilter?: NetlinkSocket;
  settings?: SettingFiles;
}

/**
 * Request sockets, one per protocol and namespace, and files of settings, kept open. An open socket keeps its namespace alive, so a deleted
 * namespace has to be forgotten; while it is remembered its identity cannot pass to another.
 */
export class NamespaceSockets {
  readonly #entries = new Map<string, Entry>();
  readonly #ports = new Set<number>();
  readonly #port = randomInt(PORTS.first, PORTS.last);

  /** For links, addresses, routes, rules, neighbours. @throws {KernelError} not-found when there is no such namespace. */
  route(netns: string): NetlinkSocket {
    const entry = this.#entry(netns);
    entry.route ??= this.#open(NETLINK.route, netns, this.#port);
    return entry.route;
  }

  /** For sets. @throws {KernelError} not-found when there is no such namespace. */
  netfilter(netns: string): NetlinkSocket {
    const entry = this.#entry(netns);
    entry.netfilter ??= this.#open(NETLINK.netfilter, netns, this.#port);
    return entry.netfilter;
  }

  /** For namespace-wide settings. @throws {KernelError} not-found when there is no such namespace. */
  settings(netns: string): SettingFiles {
    const entry = this.#entry(netns);
    entry.settings ??= new SettingFiles();
    return entry.settings;
  }

  /** A second one for links, for work on the thread pool; the caller closes it. */
  background(netns: string): NetlinkSocket {
    return this.#open(NETLINK.route, netns, this.#port + 1);
  }

  /** Whether a notification with this port tells of a request of ours. The ports are the same in all namespaces. */
  isOurs(port: number): boolean {
    return this.#ports.has(port);
  }

  /** Lets go of a namespace, so that it can end. */
  forget(netns: string): void {
    const entry = this.#entries.get(netns);
    this.#entries.delete(netns);
    entry?.route?.close();
    entry?.netfilter?.close();
    entry?.settings?.close();
  }

  /** Lets go of namespaces whose name is gone or now another's. */
  prune(): void {
    for (const [netns, { identity }] of this.#entries) if (netnsIdentity(netns) !== identity) this.forget(netns);
  }

  close(): void {
    for (const netns of [...this.#entries.keys()]) this.forget(netns);
  }

  #entry(netns: string): Entry {
    const known = this.#entries.get(netns);
    const now = performance.now();
    if (known && now - known.seenAt < TRUST_MS) return known;
    const identity = netnsIdentity(netns);
    if (known && known.identity === identity) {
      known.seenAt = now;
      return known;
    }
    if (known) this.forget(netns);
    if (identity === undefined) throw new KernelError(`no network namespace ${netns}`, { errno: 'ENOENT' });
    const entry: Entry = { identity, seenAt: now };
    this.#entries.set(netns, entry);
    return entry;
  }

  #open(protocol: number, netns: string, port: number): NetlinkSocket {
    const socket = new NetlinkSocket(protocol, { netns, port });
    this.#ports.add(socket.port);
    return socket;
  }
}

/** Runs `action` with a descriptor of the namespace, for requests that name one. @throws {KernelError} not-found without such a name. */
export function withNetnsDescriptor<T>(netns: string, action: (fd: number) => T): T {
  const fd = openNetns(netns);
  try {
    return action(fd);
  } finally {
    closeSync(fd);
  }
}
