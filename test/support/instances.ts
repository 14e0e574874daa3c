import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { afterEach, beforeEach, vi } from 'vitest';
import { createInstanceRuntime, type InstanceRuntimeOptions } from '../../agent/instances/linux.js';
import type { InstanceBoot, InstanceRuntime } from '../../agent/instances/runtime.js';

export const A = 'i-0000000000000000a';
export const B = 'i-0000000000000000b';

/** A data directory and a runtime for the tests of a file; instances and namespaces are removed after each. */
export function instanceBench(): { readonly dataDir: string; runtime: (options?: Partial<InstanceRuntimeOptions>) => InstanceRuntime } {
  let dataDir = '';
  const runtime = (options: Partial<InstanceRuntimeOptions> = {}) =>
    createInstanceRuntime({ dataDir, log: { info: () => undefined }, userDataTimeoutMs: 0, ...options });
  beforeEach(() => {
    dataDir = mkdtempSync('/tmp/enid-instances-');
  });
  afterEach(async () => {
    const names = readdirSync('/run/netns');
    await Promise.all(names.map((name) => runtime({ graceMs: 0 }).end(name)));
    for (const name of names) ip('netns', 'del', name);
    rmSync(dataDir, { recursive: true, force: true });
  });
  return {
    get dataDir() {
      return dataDir;
    },
    runtime,
  };
}

export const boot = (instanceId: string, userData?: string, more: Partial<InstanceBoot> = {}): InstanceBoot => ({
  instanceId,
  bootSerial: 1,
  hostname: 'ip-10-0-1-10',
  hosts: `127.0.0.1 localhost\n10.0.1.10 ${instanceId}\n`,
  resolvConf: 'nameserver 10.0.0.2\n',
  ...(userData === undefined ? {} : { userData }),
  ...more,
});

export function ip(...argv: string[]): string {
  return execFileSync('ip', argv, { encoding: 'utf8' });
}

export const inside = (instanceId: string, ...argv: string[]): string => ip('netns', 'exec', instanceId, ...argv);

/** Waits until `check` passes; the last failure otherwise. */
export const eventually = <T>(check: () => T | Promise<T>, timeout = 5000): Promise<T> => vi.waitFor(check, { timeout, interval: 10 });

/** Numbers of the processes in the network namespace that bears or bore the name, given its inode. */
export function processesIn(inode: number): number[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/ns/net`) === `net:[${inode}]` ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}

export const inodeOf = (name: string): number => statSync(`/run/netns/${name}`).ino;

/** Whether a process runs, other than as a zombie. */
export function runs(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) !== '';
  } catch {
    return false;
  }
}
