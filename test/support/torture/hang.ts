import { readdirSync, readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

/** What the threads of a process, and its children, are doing, as the kernel tells: one line each. */
export function whatItDoes(pid: number): string {
  const threads = list(`/proc/${pid}/task`).map((tid) => `  thread ${tid}: ${inKernel(`/proc/${pid}/task/${tid}`)}`);
  const children = list(`/proc/${pid}/task`)
    .flatMap((tid) => read(`/proc/${pid}/task/${tid}/children`).split(' '))
    .filter((child) => child !== '')
    .map((child) => `  child ${child} (${read(`/proc/${child}/cmdline`).replaceAll('\0', ' ').trim()}): ${inKernel(`/proc/${child}`)}`);
  return threads.length === 0 ? `process ${pid} is gone` : [`process ${pid}:`, ...threads, ...children].join('\n');
}

function inKernel(directory: string): string {
  const state = /^State:\s*(.*)$/m.exec(read(`${directory}/status`))?.[1] ?? 'gone';
  return `${state}, in ${read(`${directory}/wchan`) || '?'}, call ${read(`${directory}/syscall`).split(' ')[0]?.trim()}`;
}

const read = (path: string): string => attempt(() => readFileSync(path, 'utf8')) ?? '';
const list = (path: string): string[] => attempt(() => readdirSync(path)) ?? [];
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** As `work`; rejects when that takes longer, naming it and telling what the process does. */
export async function bounded<T>(work: Promise<T>, withinMs: number, what: string, pid: () => number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: hangs, for ${withinMs / 1000} s now\n${whatItDoes(pid())}`)), withinMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A thread that ends this process, with a message, when nobody has said for so long what it does: also while its main thread hangs in a call. */
export class Watchdog {
  readonly #worker: Worker;

  constructor(name: string, withinMs: number) {
    const data = { name, withinMs, pid: process.pid };
    this.#worker = new Worker(WATCH, { eval: true, workerData: data });
    this.#worker.unref();
    this.#worker.on('error', () => {});
  }

  /** What happens from now on. */
  says(what: string): void {
    this.#worker.postMessage(what);
  }

  end(): Promise<number> {
    return this.#worker.terminate();
  }
}

/** In plain JavaScript, for a thread has no TypeScript; it writes by itself, for its console is the main thread's. */
const WATCH = `
const { parentPort, workerData: { name, withinMs, pid } } = require('node:worker_threads');
const { readdirSync, readFileSync, writeSync } = require('node:fs');
const read = (path) => { try { return readFileSync(path, 'utf8').trim(); } catch { return '?'; } };
let what = 'start';
const bark = () => {
  const threads = readdirSync('/proc/' + pid + '/task').map((tid) => '  thread ' + tid + ' in ' + read('/proc/' + pid + '/task/' + tid + '/wchan'));
  writeSync(2, name + ' hangs, for ' + withinMs / 1000 + ' s now, in: ' + what + '\\n' + threads.join('\\n') + '\\n');
  process.kill(pid, 'SIGKILL');
};
let timer = setTimeout(bark, withinMs);
parentPort.on('message', (text) => { what = text; clearTimeout(timer); timer = setTimeout(bark, withinMs); });
`;
