import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInstanceRuntime } from './instances/linux.js';
import { createLinuxKernel } from './kernel/linux.js';
import { clearHost } from './kernel/macvlan.js';
import { deleteNetns, isHeldNetns, netnsNames } from './kernel/netns.js';
import { isInstanceNamespace, isOurNamespace, isRouterNamespace } from './kernel/resources.js';
import { endTunnels } from './kernel/wireguard.js';
import { isId } from './model/ids.js';
import { order } from './reconcile/order.js';
import { createSupervisor } from './services/supervisor.js';
import { LOCK_FILE, lockDirectory, STORE_FILE } from './store/directory.js';

export interface TeardownOptions {
  readonly dataDir: string;
  /** Remove the directory as well: the model is lost. */
  readonly removeData: boolean;
}

export interface TeardownResult {
  readonly namespaces: readonly string[];
  readonly dataDir?: string;
}

const ETC_NETNS = '/etc/netns';

/**
 * Removes everything that enid made in this kernel, whatever the store says: processes of instances and tunnels, namespaces with all that is
 * in them, what subnets on the host's devices have there, files below /etc/netns. Nothing of enid's lies elsewhere (`kernel/resources.ts`). Succeeds when nothing is there.
 * @throws {StoreFault} when a daemon has the data directory. @throws {Error} when `removeData` names a directory that is no data directory.
 */
export async function teardown({ dataDir, removeData }: TeardownOptions): Promise<TeardownResult> {
  const directory = resolve(dataDir);
  const lock = existsSync(directory) ? claim(directory, removeData) : undefined;
  try {
    const runtime = createInstanceRuntime({ dataDir: directory, log: { info: () => {} }, userDataTimeoutMs: 0 });
    const supervisor = createSupervisor({ dataDir: directory, log: { info: () => {}, warn: () => {} } });
    await Promise.all(supervisor.list().map((name) => supervisor.remove(name)));
    const namespaces = netnsNames().filter(isOurNamespace);
    const instances = new Set([...namespaces.filter(isInstanceNamespace), ...instanceFiles()]);
    // All at once: each takes as long as its processes need to end.
    await Promise.all([...instances].map((id) => runtime.end(id)));
    await leave(namespaces);
    // A tunnel's process would keep its namespace alive, unseen.
    await Promise.all(namespaces.map(endTunnels));
    await Promise.all(namespaces.map(deleteNetns));
    await clearHost();
    if (!removeData || !existsSync(directory)) return { namespaces };
    await rm(directory, { recursive: true });
    return { namespaces, dataDir: directory };
  } finally {
    lock?.release();
  }
}

/** Takes what is ours out of namespaces of others, which stay: their devices too, which would go only some time after the routers' namespaces. */
async function leave(namespaces: readonly string[]): Promise<void> {
  const guests = new Set(namespaces.filter(isHeldNetns));
  if (guests.size === 0) return;
  const kernel = createLinuxKernel({ log: { warn: () => {} } });
  try {
    const observed = await kernel.observe(new Set([...guests, ...namespaces.filter(isRouterNamespace)]));
    const ours = [...observed.values()].filter((object) => guests.has(object.kind === 'veth' ? object.peer.netns : object.netns));
    await kernel.apply(order(ours.map((object) => ({ op: { verb: 'delete', object } as const, unit: object.netns, needs: [] }))));
  } finally {
    kernel.close();
  }
}

/** Makes sure that no daemon works with the directory, and before it is removed, that it is one of enid's. */
function claim(directory: string, toRemove: boolean): { release: () => void } | undefined {
  const names = readdirSync(directory);
  if (toRemove && names.length > 0 && !names.includes(STORE_FILE))
    throw new Error(`${directory} holds no store of enid's (${STORE_FILE}): it is not removed. Name the data directory with --data-dir`);
  return names.includes(LOCK_FILE) ? lockDirectory(directory) : undefined;
}

/** Instances whose files below /etc/netns are there, with or without a namespace. */
function instanceFiles(): string[] {
  return existsSync(ETC_NETNS) ? readdirSync(ETC_NETNS).filter((name) => isId('instance', name)) : [];
}
