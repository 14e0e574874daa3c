import { spawn } from 'node:child_process';
import { KernelError } from './errors.js';
import { insideNetns } from './netns.js';
import type { FaultKind } from './port.js';

export interface RunOptions {
  /** Run in this named network namespace instead of the daemon's. */
  readonly netns?: string;
  /** Standard input; none when absent. */
  readonly input?: string;
  /** After this long the child and everything it started is killed. */
  readonly timeoutMs: number;
  /** Kills the child when it aborts. */
  readonly signal?: AbortSignal;
  /** Characters of standard output (and of standard error) past which the child is killed; 16 Mi by default. */
  readonly maxOutput?: number;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
}

const MAX_OUTPUT = 16 * 1024 * 1024;
/** How much of a tool's complaint goes into an error. */
const COMPLAINT_LENGTH = 600;

/**
 * Runs a tool with an argument array, no shell, and waits for it. The child is spawned before this returns, in the caller's
 * network namespace or in the one that is named.
 * @throws {KernelError} when it cannot be started, fails, is ended (`timeout`) or says too much; the message holds its complaint.
 */
export async function run(file: string, argv: readonly string[], options: RunOptions): Promise<RunResult> {
  options.signal?.throwIfAborted();
  const { netns } = options;
  const start = () => ({ ending: runHere(file, argv, options) });
  const { ending } = netns === undefined ? start() : insideNetns(netns, start);
  const { stdout, stderr, exitCode, signal, killed, fault } = await ending;
  if (exitCode === 0 && killed !== 'printed too much') return { stdout, stderr };

  const complaint = complaintOf(stderr);
  const fail = (kind: FaultKind, words: string) => {
    const errno = fault?.code;
    throw new KernelError(`${[file, ...argv].join(' ')}: ${words}${complaint && `: ${complaint}`}`, {
      kind,
      ...(errno && { errno }),
      cause: fault,
    });
  };
  if (killed === 'timeout') return fail('timeout', `killed after ${options.timeoutMs} ms`);
  if (killed === 'aborted') return fail('other', 'killed, as its caller gave up');
  if (killed === 'printed too much') return fail('other', 'killed, as it printed too much');
  if (fault) return fault.code === 'ENOENT' ? fail('unsupported', 'not installed') : fail('other', fault.message);
  if (exitCode === null) return fail('other', `ended by ${signal}`);
  return fail(faultKindOfComplaint(complaint), `exit code ${exitCode}`);
}

interface Ending extends RunResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it was killed, if we did. */
  readonly killed?: 'timeout' | 'aborted' | 'printed too much';
  /** Why it was not started. */
  readonly fault?: NodeJS.ErrnoException;
}

/** Resolves when the child has ended and all that it printed is read. Rejects never; the child is spawned before this returns. */
function runHere(
  file: string,
  argv: readonly string[],
  { input, timeoutMs, signal: caller, maxOutput = MAX_OUTPUT }: RunOptions,
): Promise<Ending> {
  return new Promise((resolve) => {
    const output = { stdout: '', stderr: '' };
    let killed: Ending['killed'];
    // In a group of its own, so that what the tool starts is ended with it.
    const child = started(() =>
      spawn(file, [...argv], {
        detached: true,
        env: { ...process.env, LC_ALL: 'C' },
        stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      }),
    );
    if ('fault' in child) return resolve({ ...output, exitCode: null, signal: null, fault: child.fault });
    const end = (why: NonNullable<Ending['killed']>) => {
      killed ??= why;
      killGroup(child.pid);
    };
    const timer = setTimeout(end, timeoutMs, 'timeout');
    const onAbort = () => end('aborted');
    caller?.addEventListener('abort', onAbort, { once: true });
    const settle = (exitCode: number | null, signal: NodeJS.Signals | null, fault?: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      caller?.removeEventListener('abort', onAbort);
      resolve({ ...output, exitCode, signal, ...(killed && { killed }), ...(fault && { fault }) });
    };
    // Without descriptors left there are no streams, only the error.
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
        if (output[name].length <= maxOutput) return;
        child[name]?.destroy();
        end('printed too much');
      });
    }
    // A tool may end without reading its input: its exit code tells more than the broken pipe.
    child.stdin?.on('error', () => {}).end(input);
    child.once('error', (fault: NodeJS.ErrnoException) => settle(null, null, fault));
    child.once('close', settle);
  });
}

/** What is wrong with the arguments themselves is thrown, the rest is told by an event. */
function started<T extends object>(start: () => T): T | { readonly fault: NodeJS.ErrnoException } {
  try {
    return start();
  } catch (error) {
    return { fault: error as NodeJS.ErrnoException };
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The last of them has just ended.
  }
}

/** Standard error on one line, cut short. */
function complaintOf(stderr: string): string {
  const line = stderr.trim().replace(/\s*\n\s*/g, '; ');
  return line.length > COMPLAINT_LENGTH ? `${line.slice(0, COMPLAINT_LENGTH)}…` : line;
}

/** Tools give one exit code for all faults; their libc and netfilter messages are stable, and `LC_ALL=C` keeps them English. */
const COMPLAINTS: readonly (readonly [RegExp, FaultKind])[] = [
  [/resource (temporarily )?unavailable|device or resource busy|holding the xtables lock|set is in use|kernel component/i, 'busy'],
  [
    /couldn't load (match|target)|revision .* not supported|not supported|unknown option|protocol not available|table does not exist/i,
    'unsupported',
  ],
  [/operation not permitted|permission denied|must be root/i, 'denied'],
  [/no space left|cannot allocate memory|hash is full|out of memory/i, 'no-space'],
  [/already exists|file exists/i, 'exists'],
  [/no such (file|device|process)|does(n't| not) exist|no chain\/target\/match|cannot find device/i, 'not-found'],
  [/invalid|syntax error|bad argument|unrecognized|line \d+ failed|bad rule/i, 'invalid'],
];

/** Kind of fault that a tool's words mean. */
export function faultKindOfComplaint(complaint: string): FaultKind {
  return COMPLAINTS.find(([pattern]) => pattern.test(complaint))?.[1] ?? 'other';
}
