import { execa } from 'execa';
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
  const tool = [file, ...argv].join(' ');
  const { child } = options.netns === undefined ? spawn(file, argv, options) : insideNetns(options.netns, () => spawn(file, argv, options));
  let ended: 'timeout' | 'aborted' | undefined;
  const end = (why: 'timeout' | 'aborted') => {
    ended ??= why;
    killGroup(child.pid);
  };
  const timer = setTimeout(end, options.timeoutMs, 'timeout');
  const onAbort = () => end('aborted');
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const result = await child.finally(() => {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  });
  if (!result.failed) return { stdout: result.stdout, stderr: result.stderr };
  if (result.isMaxBuffer) killGroup(child.pid);

  const complaint = complaintOf(result.stderr);
  const fail = (kind: FaultKind, words: string) => {
    const errno = result.exitCode === undefined ? result.code : undefined;
    throw new KernelError(`${tool}: ${words}${complaint && `: ${complaint}`}`, { kind, ...(errno && { errno }), cause: result });
  };
  if (ended === 'timeout') return fail('timeout', `killed after ${options.timeoutMs} ms`);
  if (ended === 'aborted') return fail('other', 'killed, as its caller gave up');
  if (result.isMaxBuffer) return fail('other', 'killed, as it printed too much');
  if (result.code === 'ENOENT') return fail('unsupported', 'not installed');
  if (result.exitCode === undefined)
    return fail('other', result.signal ? `ended by ${result.signal}` : (result.originalMessage ?? 'not started'));
  return fail(faultKindOfComplaint(complaint), `exit code ${result.exitCode}`);
}

/** Wrapped in an object: a subprocess is a promise too, and nothing may be awaited inside a namespace. */
function spawn(file: string, argv: readonly string[], options: RunOptions) {
  const child = execa(file, argv, {
    // A group of its own, so that what the tool starts is ended with it.
    detached: true,
    reject: false,
    stripFinalNewline: false,
    maxBuffer: options.maxOutput ?? MAX_OUTPUT,
    env: { LC_ALL: 'C' },
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
  });
  return { child };
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
