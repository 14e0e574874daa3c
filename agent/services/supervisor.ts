import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import { kernelBootId, netnsIdentity } from '../instances/boot.js';
import { isAlive, namespaceOf, type ProcessRef } from '../instances/processes.js';
import { KernelError } from '../kernel/errors.js';
import { insideNetns } from '../kernel/netns.js';
import { CODE } from '../place.js';
import { LAUNCH, ServiceDirectory } from './directory.js';
import type { ListenSpec, ServiceSpec, Supervisor } from './service.js';

export interface SupervisorOptions {
  readonly dataDir: string;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** A service that this daemon started has ended without being told to. */
  readonly onExit?: (name: string) => void;
}

/** Services as processes of this host; needs root. Everything it has to remember is in `dataDir` or in the kernel. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  return new LinuxSupervisor({ ...options, dataDir: resolve(options.dataDir) });
}

const START_TIMEOUT_MS = 15_000;
/** How long a service may take to end after SIGTERM. */
const GRACE_MS = 1000;
/** A service that lives this long counts as sound. */
const LIVED_MS = 10_000;
/** How soon the end of a service is noticed that an earlier daemon started. */
const ADOPTED_CHECK_MS = 1000;
const KILL_TIMEOUT_MS = 10_000;
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

class LinuxSupervisor implements Supervisor {
  private readonly kernelBoot = kernelBootId();
  private readonly queues = new Map<string, Promise<unknown>>();
  /** Processes that are being ended on purpose. */
  private readonly ending = new Set<number>();
  /** How often in a row a service ended soon after its start. */
  private readonly shortLives = new Map<string, number>();
  private readonly children = new Set<number>();
  private readonly adopted = new Map<string, ProcessRef>();
  private timer: NodeJS.Timeout | undefined;
  private readonly root: string;

  constructor(private readonly options: SupervisorOptions) {
    this.root = `${options.dataDir}/services`;
  }

  ensure(spec: ServiceSpec): Promise<void> {
    return this.inTurn(spec.name, (directory) => this.ensureNow(directory, spec));
  }

  remove(name: string): Promise<void> {
    return this.inTurn(name, async (directory) => {
      await this.end(directory);
      directory.remove();
    });
  }

  list(): string[] {
    return ServiceDirectory.names(this.root);
  }

  pid(name: string): number | undefined {
    const directory = new ServiceDirectory(this.root, name);
    const ref = directory.process();
    const netns = directory.read('netns');
    if (!ref || !isAlive(ref) || netns === undefined) return undefined;
    return netnsIdentity(netns)?.link === namespaceOf(ref.pid, 'net') ? ref.pid : undefined;
  }

  async endIn(netns: string): Promise<void> {
    const inside = this.list().filter((name) => new ServiceDirectory(this.root, name).read('netns') === netns);
    await Promise.all(inside.map((name) => this.inTurn(name, (directory) => this.end(directory))));
  }

  private async ensureNow(directory: ServiceDirectory, spec: ServiceSpec): Promise<void> {
    const netns = netnsIdentity(spec.netns);
    if (!netns) throw new KernelError(`no network namespace ${spec.netns}`, { kind: 'not-found' });
    const files = spec.files ?? {};
    const key = digest([spec.argv, spec.env ?? {}, netns.key, this.kernelBoot]);
    const content = digest(files);
    const ref = directory.process();
    const runs = ref !== undefined && isAlive(ref) && directory.read('key') === key;
    if (runs) this.adopt(spec.name, ref);
    if (runs && directory.read('loaded') === content) return;

    directory.make();
    if (!runs || spec.onFileChange !== 'SIGHUP') await this.end(directory);
    directory.writeFiles(files);
    if (runs && spec.onFileChange === 'SIGHUP') process.kill(ref.pid, 'SIGHUP');
    else {
      directory.note('netns', spec.netns);
      directory.note('key', key);
      await this.start(directory, spec);
    }
    // Last: a daemon that is killed before this tells the service once more.
    directory.note('loaded', content);
  }

  /** Services of an earlier daemon are no children of this one: their end makes no event, so they are looked at. */
  private adopt(name: string, ref: ProcessRef): void {
    if (this.children.has(ref.pid)) return;
    this.adopted.set(name, ref);
    this.timer ??= setInterval(() => {
      for (const [name, ref] of this.adopted) {
        if (isAlive(ref)) continue;
        this.adopted.delete(name);
        if (!this.ending.delete(ref.pid)) this.options.onExit?.(name);
      }
    }, ADOPTED_CHECK_MS).unref();
  }

  close(): void {
    clearInterval(this.timer);
  }

  private async start(directory: ServiceDirectory, { name, netns, argv, env, ready }: ServiceSpec): Promise<void> {
    const places = { dir: directory.path, node: process.execPath, agent: CODE } as const;
    const command = argv.map((argument) => argument.replace(/\{(dir|node|agent)\}/g, (_, place: keyof typeof places) => places[place]));
    if (ready?.file !== undefined) rmSync(`${directory.path}/${ready.file}`, { force: true });
    const log = openSync(directory.log, 'w', 0o644);
    let child: { readonly process: ChildProcess };
    try {
      child = insideNetns(netns, () => ({
        process: spawn('/bin/sh', ['-c', LAUNCH, directory.path, ...command], {
          cwd: directory.path,
          // A session of its own: no signal to the daemon's group or terminal reaches it.
          detached: true,
          env: { ...ENVIRONMENT, ...env },
          stdio: ['ignore', log, log],
        }),
      }));
    } finally {
      closeSync(log);
    }
    const { process: started } = child;
    let outcome: string | undefined;
    let settled = false;
    const before = performance.now();
    started.once('error', (error) => {
      outcome = error.message;
    });
    if (started.pid !== undefined) this.children.add(started.pid);
    started.once('exit', (code, signal) => {
      if (started.pid !== undefined) this.children.delete(started.pid);
      outcome = code === 127 ? 'not installed' : signal ? `ended by ${signal}` : `ended with exit code ${code}`;
      if (started.pid === undefined || this.ending.delete(started.pid) || !settled) return;
      this.options.log.warn({ service: name, outcome, lastWords: directory.lastWords() }, 'service ended');
      this.report(name, performance.now() - before);
    });
    started.unref();
    for (let pause = 2; ; pause = Math.min(pause * 1.5, 50)) {
      if (outcome !== undefined) {
        const words = directory.lastWords();
        throw new KernelError(`${argv[0]}: ${outcome}${words && `: ${words}`}`, {
          kind: outcome === 'not installed' ? 'unsupported' : 'other',
        });
      }
      if (started.pid !== undefined && directory.process()?.pid === started.pid && isReady(started.pid, ready, directory)) break;
      if (performance.now() - before > START_TIMEOUT_MS) {
        await this.end(directory);
        throw new KernelError(`${argv[0]}: not ready within ${START_TIMEOUT_MS} ms`, { kind: 'timeout' });
      }
      await setTimeout(pause);
    }
    settled = true;
    this.options.log.info({ service: name, pid: started.pid, elapsedMs: Math.round(performance.now() - before) }, 'service started');
  }

  /** At once, but with growing pauses when it keeps ending. */
  private report(name: string, livedMs: number): void {
    const { onExit } = this.options;
    if (!onExit) return;
    const times = livedMs < LIVED_MS ? (this.shortLives.get(name) ?? 0) : 0;
    this.shortLives.set(name, times + 1);
    globalThis.setTimeout(() => onExit(name), times === 0 ? 0 : Math.min(100 * 2 ** times, 10_000)).unref();
  }

  /** Its whole process group: whatever it forked is ended with it. */
  private async end(directory: ServiceDirectory): Promise<void> {
    const ref = directory.process();
    if (ref && isAlive(ref)) {
      this.ending.add(ref.pid);
      signalGroup(ref, 'SIGTERM');
      if (!(await hasEnded(ref, GRACE_MS))) {
        signalGroup(ref, 'SIGKILL');
        if (!(await hasEnded(ref, KILL_TIMEOUT_MS))) throw new KernelError(`process ${ref.pid} does not end`, { kind: 'busy' });
      }
    }
    directory.forgetProcess();
  }

  private inTurn(name: string, work: (directory: ServiceDirectory) => Promise<void>): Promise<void> {
    const directory = new ServiceDirectory(this.root, name);
    const turn = (this.queues.get(name) ?? Promise.resolve()).then(() => work(directory));
    const tail = turn
      .catch(() => undefined)
      .finally(() => {
        if (this.queues.get(name) === tail) this.queues.delete(name);
      });
    this.queues.set(name, tail);
    return turn;
  }
}

const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

function signalGroup({ pid }: ProcessRef, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has just ended.
  }
}

/** The end of a process that is not a child makes no event. */
async function hasEnded(ref: ProcessRef, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (let pause = 1; isAlive(ref); pause = Math.min(pause * 2, 20)) {
    if (performance.now() > deadline) return false;
    await setTimeout(pause);
  }
  return true;
}

function isReady(pid: number, ready: ServiceSpec['ready'], { path }: ServiceDirectory): boolean {
  if (ready?.file !== undefined && !existsSync(`${path}/${ready.file}`)) return false;
  return (ready?.listens ?? []).every((listen) => isListening(pid, listen));
}

/** `st` of a socket in /proc/net: listening TCP, unconnected UDP. */
const LISTENING = { tcp: '0A', udp: '07' } as const;

/** Whether anybody listens on the port in the process's network namespace. */
function isListening(pid: number, { protocol, port }: ListenSpec): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return [protocol, `${protocol}6`].some((table) => {
    try {
      return readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
        .split('\n')
        .some((line) => {
          const [, local, , state] = line.trim().split(/\s+/);
          return local?.endsWith(suffix) && state === LISTENING[protocol];
        });
    } catch {
      return false;
    }
  });
}
