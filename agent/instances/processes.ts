import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { KernelError } from '../kernel/errors.js';

/** A process that cannot be mistaken for a later one with its number. */
export interface ProcessRef {
  readonly pid: number;
  /** Clock ticks since the host's boot, see proc(5). */
  readonly startTime: string;
}

/** From a line of `/proc/PID/stat`; the command in it may hold blanks and brackets. */
export function parseStat(line: string): ProcessRef | undefined {
  const pid = Number.parseInt(line, 10);
  const startTime = line
    .slice(line.lastIndexOf(')') + 1)
    .trim()
    .split(' ')[19];
  return Number.isInteger(pid) && pid > 0 && startTime !== undefined && /^\d+$/.test(startTime) ? { pid, startTime } : undefined;
}

export function isAlive({ pid, startTime }: ProcessRef): boolean {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.startTime === startTime && namespaceOf(pid, 'net') !== undefined;
  } catch {
    return false;
  }
}

/** `net:[4026531840]`; `undefined` for a process that has ended (also when nobody has taken note of it yet). */
export function namespaceOf(pid: number | 'self', type: 'net' | 'pid'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${type}`);
  } catch {
    return undefined;
  }
}

/** Who is in which network namespace. Calls that come while a scan runs share the next one, so that none sees a past state. */
export class ProcessTable {
  private running: Promise<unknown> = Promise.resolve();
  private next: Promise<ReadonlyMap<string, readonly number[]>> | undefined;

  byNetns(): Promise<ReadonlyMap<string, readonly number[]>> {
    this.next ??= this.running.then(() => {
      const scan = this.scan();
      this.running = scan.catch(() => undefined);
      this.next = undefined;
      return scan;
    });
    return this.next;
  }

  private async scan(): Promise<Map<string, number[]>> {
    const found = new Map<string, number[]>();
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
    for (const [n, pid] of pids.entries()) {
      // Gives way to other work: a big host has ten thousand processes at 5 µs each.
      if (n % 500 === 499) await setImmediate();
      const netns = namespaceOf(pid, 'net');
      if (netns === undefined) continue;
      const others = found.get(netns);
      if (others) others.push(pid);
      else found.set(netns, [pid]);
    }
    return found;
  }
}

export interface EndOptions {
  /** Network namespaces as `namespaceOf` names them; all still in use by a name or a process, so that none is someone else's by now. */
  readonly netns: ReadonlySet<string>;
  /** First process of the PID namespace. */
  readonly init: ProcessRef | undefined;
  /** How long processes may take to end by themselves, milliseconds. */
  readonly graceMs: number;
}

/** After this long a process that SIGKILL does not end is reported. */
const KILL_TIMEOUT_MS = 10_000;

/**
 * Afterwards no process is left in the network namespaces, nor in the PID namespace of `init`. First SIGTERM, to each once:
 * `init` passes it on within its PID namespace. What is left after the grace, or was started meanwhile, gets SIGKILL.
 * @throws {KernelError} busy when a process does not end (it waits for a device, say).
 */
export async function endProcesses(table: ProcessTable, { netns, init, graceMs }: EndOptions): Promise<void> {
  if (netns.has(namespaceOf('self', 'net') ?? ''))
    throw new KernelError('refusing to end the processes of the own network namespace', { kind: 'invalid' });
  const inside = async () => {
    const scan = await table.byNetns();
    return [...netns].flatMap((name) => scan.get(name) ?? []);
  };
  const isInside = (pid: number) => netns.has(namespaceOf(pid, 'net') ?? '');

  let left = await inside();
  const pidNamespace = init && isAlive(init) ? namespaceOf(init.pid, 'pid') : undefined;
  for (const pid of left) {
    if (pidNamespace === undefined || namespaceOf(pid, 'pid') !== pidNamespace) signal(pid, 'SIGTERM');
  }
  if (init && pidNamespace !== undefined) signal(init.pid, 'SIGTERM');
  const initLives = () => init !== undefined && isAlive(init);
  await until(() => !left.some(isInside) && !initLives(), graceMs);

  const deadline = performance.now() + KILL_TIMEOUT_MS;
  for (;;) {
    left = (await inside()).filter(isInside);
    if (left.length === 0 && !initLives()) return;
    if (performance.now() > deadline) throw new KernelError(`processes ${left.join(', ')} do not end`, { kind: 'busy' });
    if (init && initLives()) signal(init.pid, 'SIGKILL');
    for (const pid of left) signal(pid, 'SIGKILL');
    await until(() => !left.some(isInside) && !initLives(), 1000);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended.
  }
}

/** Waits for the condition, at most `timeoutMs`. The end of a process that is not a child makes no event. */
async function until(condition: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let pause = 1; !condition(); pause = Math.min(pause * 2, 20)) {
    const rest = deadline - performance.now();
    if (rest <= 0) return;
    await setTimeout(Math.min(pause, rest));
  }
}

/** All that a guest gets from the daemon's environment: nothing. */
const GUEST_ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  SHELL: '/bin/sh',
  USER: 'root',
  LOGNAME: 'root',
  LANG: 'C.UTF-8',
  container: 'enid',
};

/**
 * Starts `command` in the named network namespace as the first process of a PID namespace, in a session of its own so that
 * no signal to the daemon's group or terminal reaches it. Resolves when it says so on descriptor 3 (true) or has ended
 * without (false). Its complaints go to the file `complaints`.
 */
export async function spawnInit(netns: string, command: readonly string[], complaints: string, timeoutMs: number): Promise<boolean> {
  // Slave propagation: with private copies of the mounts in /run/netns no namespace could be deleted while this instance runs.
  const unshare = ['unshare', '--pid', '--fork', '--mount', '--propagation', 'slave', '--uts', '--ipc'];
  const log = openSync(complaints, 'w', 0o600);
  let child: ChildProcess;
  try {
    child = spawn('ip', ['netns', 'exec', netns, ...unshare, ...command], {
      cwd: '/',
      detached: true,
      env: GUEST_ENVIRONMENT,
      stdio: ['ignore', log, log, 'pipe'],
    });
  } finally {
    closeSync(log);
  }
  const word = child.stdio[3];
  if (!word) throw new KernelError('no pipe to the instance', { kind: 'other' });
  try {
    return await new Promise<boolean>((resolve, reject) => {
      const timer = globalThis.setTimeout(
        () => reject(new KernelError(`not started within ${timeoutMs} ms`, { kind: 'timeout' })),
        timeoutMs,
      );
      const settle = (started: boolean) => {
        clearTimeout(timer);
        resolve(started);
      };
      child.once('error', (cause: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        reject(new KernelError(`ip netns exec: ${cause.message}`, { kind: cause.code === 'ENOENT' ? 'unsupported' : 'other', cause }));
      });
      child.once('exit', () => settle(false));
      word.once('data', () => settle(true));
    });
  } finally {
    word.destroy();
    child.unref();
  }
}
