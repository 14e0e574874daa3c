import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  promises,
  readdirSync,
  stat,
  statSync,
  symlinkSync,
} from 'node:fs';
import { KernelError, toKernelError } from './errors.js';
import { CLONE_NEWNET, MNT_DETACH, MOUNT, mount, setns, unmount, unshare } from './libc.js';
import type { NamespaceHolder } from './port.js';
import { HELD_NETNS_DIR, HOST_NAMESPACE, NETNS_DIR } from './resources.js';

const SELF = '/proc/thread-self/ns/net';

/** The daemon's own namespace, by its main thread, which visits others only synchronously. */
const HOST_PATH = '/proc/self/ns/net';

/** An absolute path stands for itself. */
export const netnsPath = (name: string): string =>
  name === HOST_NAMESPACE ? HOST_PATH : name.startsWith('/') ? name : `${NETNS_DIR}/${name}`;

let poolIsWarm = false;
/**
 * Threads of libuv's pool inherit the namespace in which the main thread makes them, for good: so they are all made here,
 * before it first goes anywhere. The first submission makes the whole pool, within the call.
 */
function warmThreadPool(): void {
  if (poolIsWarm) return;
  stat('/', () => {});
  poolIsWarm = true;
}

/** Of an action that is done when it returns: nothing may be awaited away from home. */
type Synchronous<T> = (() => T) & (T extends PromiseLike<unknown> ? never : unknown);

/** Runs `action` where `leave` takes the calling thread, and comes back. */
function away<T>(leave: () => void, action: () => T): T {
  warmThreadPool();
  const home = openSync(SELF, constants.O_RDONLY);
  try {
    leave();
    try {
      return action();
    } finally {
      setns(home, CLONE_NEWNET);
    }
  } finally {
    closeSync(home);
  }
}

/**
 * Runs `action` with the calling thread in the named namespace. Only for the main thread, and `action` must be done when it
 * returns: no awaiting. Sockets it opens and children it spawns stay in the namespace.
 * @throws {KernelError} not-found when there is no such namespace.
 */
export function insideNetns<T>(name: string, action: Synchronous<T>): T {
  const target = openNetns(name);
  try {
    return away(() => setns(target, CLONE_NEWNET), action);
  } finally {
    closeSync(target);
  }
}

/** Runs `action` in a network namespace of its own, which lives on only as long as what `action` leaves in it. Synchronous. */
export function insideNewNetns<T>(action: Synchronous<T>): T {
  return away(() => unshare(CLONE_NEWNET), action);
}

/** A descriptor of the file that bears the name; the caller closes it. @throws {KernelError} not-found. */
export function openNetns(name: string): number {
  try {
    return openSync(netnsPath(name), constants.O_RDONLY);
  } catch (error) {
    throw new KernelError(`no network namespace ${name}`, { errno: toKernelError(error).errno ?? 'ENOENT', cause: error });
  }
}

/** Which namespace bears the name now: a text that differs when it has been deleted and made anew. `undefined`: none does. */
export function netnsIdentity(name: string): string | undefined {
  const path = netnsPath(name);
  const file = statSync(path, { throwIfNoEntry: false });
  return file && file.dev === namespaceDevice() ? `${file.dev}:${file.ino}` : undefined;
}

let ofNamespaces: number | undefined;
/** Device number of files that stand for namespaces: they are all of one file system. */
function namespaceDevice(): number {
  ofNamespaces ??= statSync(HOST_PATH).dev;
  return ofNamespaces;
}

/** Whether there is such a name, though no namespace be behind it: whoever takes one away may end half way. */
export function isName(name: string): boolean {
  return lstatSync(netnsPath(name), { throwIfNoEntry: false }) !== undefined;
}

/** Names under the directory of namespaces, whether or not a namespace is behind them. */
export function netnsNames(): string[] {
  try {
    return readdirSync(NETNS_DIR);
  } catch (error) {
    if (toKernelError(error).errno === 'ENOENT') return [];
    throw error;
  }
}

const preparedDirectories = new Set<string>();
/**
 * Makes a directory of namespaces a shared mount, as `ip netns` does: a namespace unmounted here then goes away in mount
 * namespaces made later too (an instance's), instead of staying alive there.
 */
export function prepareNetnsDirectory(directory = NETNS_DIR): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  if (preparedDirectories.has(directory)) return;
  try {
    mount('', directory, MOUNT.shared | MOUNT.recursive);
  } catch {
    mount(directory, directory, MOUNT.bind | MOUNT.recursive);
    mount('', directory, MOUNT.shared | MOUNT.recursive);
  }
  preparedDirectories.add(directory);
}

/** Afterwards a namespace of that name exists. Returns whether it had to be made. A name without a namespace behind it gets one. */
export function createNetns(name: string): boolean {
  if (netnsIdentity(name) !== undefined) return false;
  prepareNetnsDirectory();
  const path = netnsPath(name);
  closeSync(openSync(path, constants.O_CREAT | constants.O_RDONLY, 0o444));
  insideNewNetns(() => mount(SELF, path, MOUNT.bind));
  return true;
}

/** Where namespaces of others are mounted; their names under `NETNS_DIR` are links to here, by which they are known for what they are. */
const heldPath = (name: string): string => `${HELD_NETNS_DIR}/${name}`;

/** Whether a name under `NETNS_DIR` is on a namespace of somebody else's, or is about to be. */
export function isHeldNetns(name: string): boolean {
  return name !== HOST_NAMESPACE && (lstatSync(netnsPath(name), { throwIfNoEntry: false })?.isSymbolicLink() ?? false);
}

/**
 * Afterwards the name is on that namespace, which stays alive as long. The link comes first: at no time does a name stand for a
 * namespace of somebody else's without telling so.
 * @throws {KernelError} not-found when the namespace is gone, denied when it is the daemon's own.
 */
export async function holdNetns(name: string, { path, identity }: NamespaceHolder): Promise<void> {
  const namespace = openNetns(path);
  try {
    const { dev, ino } = fstatSync(namespace);
    if (`${dev}:${ino}` !== identity) throw new KernelError(`${path} is another namespace by now`, { kind: 'not-found' });
    if (identity === netnsIdentity(HOST_NAMESPACE)) throw new KernelError(`${path} is the host's own namespace`, { kind: 'denied' });
    for (const directory of [NETNS_DIR, HELD_NETNS_DIR]) prepareNetnsDirectory(directory);
    await deleteNetns(name);
    closeSync(openSync(heldPath(name), constants.O_CREAT | constants.O_RDONLY, 0o444));
    symlinkSync(heldPath(name), netnsPath(name));
    mount(`/proc/self/fd/${namespace}`, heldPath(name), MOUNT.bind);
  } finally {
    closeSync(namespace);
  }
}

/** Afterwards the name is gone; the kernel takes the namespace and its devices down once nothing else holds it. Off the main thread. */
export async function deleteNetns(name: string): Promise<void> {
  const path = netnsPath(name);
  // More than one mount can lie on a name when two processes made it at once.
  for (let layers = 0; layers < 8 && netnsIdentity(name) !== undefined; layers++) await unmount(path, MNT_DETACH);
  await promises.rm(heldPath(name), { force: true });
  await promises.rm(path, { force: true });
}
