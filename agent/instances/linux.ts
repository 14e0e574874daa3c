import { resolve } from 'node:path';
import type { Logger } from 'pino';
import { KernelError } from '../kernel/errors.js';
import { isHeldNetns } from '../kernel/netns.js';
import { bootKey, InstanceDirectory, kernelBootId, netnsIdentity } from './boot.js';
import { removeEtcFiles, writeEtcFiles } from './etc-files.js';
import { endProcesses, isAlive, namespaceOf, type ProcessRef, ProcessTable, spawnInit } from './processes.js';
import type { InstanceBoot, InstanceRuntime } from './runtime.js';

export interface InstanceRuntimeOptions {
  readonly dataDir: string;
  readonly log: Pick<Logger, 'info'>;
  /** A user data script is ended after this long, milliseconds; 0: never. */
  readonly userDataTimeoutMs: number;
  /** How long processes may take to end after SIGTERM, milliseconds. */
  readonly graceMs?: number;
}

/** Instances as processes of this host; needs root. Everything it has to remember is in `dataDir` or in the kernel. */
export function createInstanceRuntime(options: InstanceRuntimeOptions): InstanceRuntime {
  return new LinuxInstanceRuntime({ ...options, dataDir: resolve(options.dataDir) });
}

/** Bound for the way from spawn to the user data, which takes 20 ms on an idle host. */
const START_TIMEOUT_MS = 30_000;

class LinuxInstanceRuntime implements InstanceRuntime {
  private readonly kernelBoot = kernelBootId();
  private readonly table = new ProcessTable();
  private readonly inits = new Map<string, ProcessRef>();
  /** Calls about one instance run one at a time. */
  private readonly queues = new Map<string, Promise<unknown>>();

  constructor(private readonly options: InstanceRuntimeOptions) {}

  start(boot: InstanceBoot): Promise<void> {
    return this.inTurn(boot.instanceId, (directory) => this.startNow(directory, boot));
  }

  end(instanceId: string): Promise<void> {
    return this.inTurn(instanceId, async (directory) => {
      if (!isHeldNetns(instanceId)) await this.endBoots(directory, instanceId, [netnsIdentity(instanceId)?.link]);
      await removeEtcFiles(instanceId);
    });
  }

  forget(instanceId: string): Promise<void> {
    return this.inTurn(instanceId, async (directory) => {
      this.inits.delete(instanceId);
      await directory.remove();
    });
  }

  async consoleOutput(instanceId: string) {
    return this.directory(instanceId).consoleOutput();
  }

  initPid(instanceId: string): number | undefined {
    const init = this.inits.get(instanceId) ?? this.directory(instanceId).recordedInit(this.kernelBoot);
    if (!init || !isAlive(init)) return undefined;
    this.inits.set(instanceId, init);
    return init.pid;
  }

  private async startNow(directory: InstanceDirectory, boot: InstanceBoot): Promise<void> {
    const { instanceId, userData } = boot;
    const netns = netnsIdentity(instanceId);
    if (!netns) throw new KernelError(`no network namespace ${instanceId}`, { kind: 'not-found' });
    writeEtcFiles(boot);
    if (boot.foreign || isHeldNetns(instanceId)) return;
    const key = bootKey(boot, this.kernelBoot, netns);
    const state = directory.stateOf(key);
    if (state === 'started') return;
    if (state === undefined) {
      // A new boot in the namespace of the last one ends what runs there; one in a new namespace finds only its own.
      await this.endBoots(directory, instanceId, directory.hasBootIn(netns) ? [netns.link] : []);
      if (userData === undefined || userData === '') return directory.markStarted(key);
      directory.prepare(key, userData);
    }
    await this.runUserData(directory, boot, key);
    this.inits.delete(instanceId);
  }

  private async runUserData(directory: InstanceDirectory, boot: InstanceBoot, key: string): Promise<void> {
    const { userDataTimeoutMs } = this.options;
    const limit = userDataTimeoutMs > 0 ? ['timeout', '-k', '5', `${userDataTimeoutMs / 1000}`] : [];
    const script = boot.userData?.startsWith('#!') ? [directory.script] : ['/bin/sh', directory.script];
    const init = ['/bin/sh', directory.init, boot.hostname, key];
    const before = performance.now();
    const started = await spawnInit(boot.instanceId, [...init, ...limit, ...script], directory.complaints, START_TIMEOUT_MS);
    // An init of a daemon that was killed may have been first.
    if (!started && directory.stateOf(key) !== 'started') {
      throw new KernelError(`user data of ${boot.instanceId} did not start: ${directory.complaint() || 'no reason was given'}`, {
        kind: 'other',
      });
    }
    const elapsedMs = Math.round(performance.now() - before);
    this.options.log.info({ instanceId: boot.instanceId, bootSerial: boot.bootSerial, elapsedMs }, 'user data started');
  }

  /** Afterwards no process of any boot is left, nor of the given namespaces, and no boot counts as started. */
  private async endBoots(directory: InstanceDirectory, instanceId: string, links: readonly (string | undefined)[]): Promise<void> {
    directory.withdrawClaims();
    const init = directory.recordedInit(this.kernelBoot);
    const alive = init !== undefined && isAlive(init);
    const netns = new Set([...links, alive ? namespaceOf(init.pid, 'net') : undefined].filter((link) => link !== undefined));
    await endProcesses(this.table, { netns, init, graceMs: this.options.graceMs ?? 1000 });
    directory.forgetBoots();
    this.inits.delete(instanceId);
  }

  private directory(instanceId: string): InstanceDirectory {
    return new InstanceDirectory(this.options.dataDir, instanceId);
  }

  private inTurn(instanceId: string, work: (directory: InstanceDirectory) => Promise<void>): Promise<void> {
    const directory = this.directory(instanceId);
    const done = (this.queues.get(instanceId) ?? Promise.resolve()).then(() => work(directory));
    const settled = done
      .catch(() => undefined)
      .then(() => {
        if (this.queues.get(instanceId) === settled) this.queues.delete(instanceId);
      });
    this.queues.set(instanceId, settled);
    return done;
  }
}
