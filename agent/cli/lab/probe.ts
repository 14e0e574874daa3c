import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { toKernelError } from '../../kernel/errors.js';
import { openSocketIn } from '../../kernel/socket.js';
import { familyOf } from '../../model/address.js';
import { Deadlines } from './deadline.js';
import type { Outcome, Probe } from './expect.js';
import { datagramSocket, type Listener, Listeners } from './listeners.js';

/**
 * Real packets between instances of this host. All sockets are this process's own, each opened inside the network namespace of
 * the instance it speaks for; a socket stays in the namespace in which it was opened, so nothing has to be started in there.
 */

export interface ProbeTask {
  readonly from: { readonly namespace: string; readonly address?: string };
  /** `listenAddress`: what the address is translated to on the way, when it is. */
  readonly to: { readonly namespace: string; readonly address: string; readonly listenAddress?: string };
  readonly probe: Probe;
  /** A packet that should arrive is given more time, and sent again. */
  readonly expected: Outcome;
}

/**
 * `passes`: there and back. `dropped`: nothing came, or there is no way. `refused`: it arrived, and the other side said no.
 * `one-way`: it arrived, but the answer did not. `failed`: could not be tried.
 */
export type Verdict = Outcome | 'refused' | 'one-way' | 'failed';

export interface ProbeResult {
  readonly verdict: Verdict;
  readonly ms: number;
  readonly detail?: string;
}

export interface ProbeOptions {
  /** How long to wait for a packet that should be dropped, milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Sockets open at a time. */
const CONCURRENCY = 128;
/** What should pass gets so many times as long: enough for TCP to send its SYN again after a second. */
const PATIENCE = 3;
const RESEND_MS = 200;

/** One result per task, in order. All listeners are open before the first packet is sent, and closed afterwards. */
export async function runProbes(tasks: readonly ProbeTask[], options: ProbeOptions): Promise<ProbeResult[]> {
  const listeners = new Listeners();
  const deadlines = new Deadlines(options.signal);
  try {
    for (const { to, probe } of tasks)
      if (probe.port !== undefined) await listeners.open(to.namespace, probe.protocol, to.listenAddress ?? to.address, probe.port);
    const results: ProbeResult[] = [];
    const queue = tasks.entries();
    const work = async () => {
      for (const [i, task] of queue) results[i] = await runProbe(task, listeners, deadlines, options.timeoutMs);
    };
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, tasks.length) }, work));
    options.signal.throwIfAborted();
    return results;
  } finally {
    deadlines.close();
    listeners.close();
  }
}

async function runProbe(task: ProbeTask, listeners: Listeners, deadlines: Deadlines, timeoutMs: number): Promise<ProbeResult> {
  const start = performance.now();
  const { probe, to, expected } = task;
  const listener =
    probe.port === undefined ? undefined : listeners.get(to.namespace, probe.protocol, to.listenAddress ?? to.address, probe.port);
  const deadline = deadlines.after(expected === 'passes' ? timeoutMs * PATIENCE : timeoutMs);
  const outcome = await exchange(task, listener, deadline).catch(verdictOfError);
  return { ...outcome, ms: performance.now() - start };
}

type Finding = Omit<ProbeResult, 'ms'>;

async function exchange(task: ProbeTask, listener: Listener | undefined, deadline: AbortSignal): Promise<Finding> {
  if (listener?.fault !== undefined) return { verdict: 'failed', detail: listener.fault };
  if (task.probe.protocol === 'tcp') return exchangeTcp(task, listener?.taken === true, deadline);
  return exchangeDatagrams(task, listener, deadline);
}

const UNREACHABLE: ReadonlySet<string> = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EPERM', 'EACCES', 'ETIMEDOUT']);

/** What an error of a socket says about the way of the packets. */
function verdictOfError(error: unknown): Finding {
  const { name, code, message } = error as NodeJS.ErrnoException;
  if (name === 'AbortError') return { verdict: 'dropped' };
  const errno = code ?? toKernelError(error).errno ?? '';
  if (errno === 'ECONNREFUSED' || errno === 'ECONNRESET') return { verdict: 'refused', detail: errno };
  if (UNREACHABLE.has(errno)) return { verdict: 'dropped', detail: errno };
  return { verdict: 'failed', detail: message };
}

const newToken = (): Buffer => randomBytes(16);

function clientSocket({ from, to, probe }: ProbeTask): number {
  const type = probe.protocol === 'icmp' ? 'ping' : probe.protocol;
  return openSocketIn(from.namespace, {
    family: familyOf(to.address),
    type,
    ...(from.address !== undefined && { bind: { address: from.address, port: 0 } }),
  });
}

/** Connects and has a token echoed. When the instance has a listener of its own at the port, the handshake has to do. */
async function exchangeTcp(task: ProbeTask, ownedByInstance: boolean, deadline: AbortSignal): Promise<Finding> {
  const options = { fd: clientSocket(task), manualStart: true, signal: deadline };
  const socket = new Socket(options);
  // The abort of the deadline is an error event too; what it means is told by the awaiting below.
  socket.on('error', () => {});
  try {
    const connected = once(socket, 'connect', { signal: deadline });
    socket.connect({ host: task.to.address, port: task.probe.port ?? 0 });
    await connected;
    if (ownedByInstance) return { verdict: 'passes', detail: 'a listener of the instance answered' };
    return await echo(socket, newToken()).catch((error: unknown): Finding => {
      if (!deadline.aborted) throw error;
      return { verdict: 'one-way', detail: 'the connection was made, but nothing came back over it' };
    });
  } finally {
    socket.destroy();
  }
}

async function echo(socket: Socket, token: Buffer): Promise<Finding> {
  socket.write(token);
  let echoed = Buffer.alloc(0);
  for await (const chunk of socket) {
    echoed = Buffer.concat([echoed, chunk]);
    if (echoed.length >= token.length) break;
  }
  return echoed.equals(token) ? { verdict: 'passes' } : { verdict: 'failed', detail: 'the answer is not what was sent' };
}

/** UDP and ICMP echo: sends a token again and again until it comes back. */
async function exchangeDatagrams(task: ProbeTask, listener: Listener | undefined, deadline: AbortSignal): Promise<Finding> {
  const { to, probe } = task;
  const token = newToken();
  const icmp = probe.protocol === 'icmp';
  const socket = await datagramSocket(clientSocket(task), familyOf(to.address));
  let resend: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Finding>((resolve, reject) => {
      deadline.addEventListener('abort', () => resolve(silence(listener, token)), { once: true });
      socket.on('error', reject);
      socket.on('message', (message) => {
        if (icmp ? isEchoReply(message, token) : message.equals(token)) resolve({ verdict: 'passes' });
      });
      socket.connect(probe.port ?? ICMP_PORT, to.address, (error?: Error) => {
        if (error) return reject(error);
        let sequence = 0;
        const send = () => socket.send(icmp ? echoRequest(probe.family, ++sequence, token) : token, (error) => error && reject(error));
        send();
        resend = setInterval(send, RESEND_MS);
      });
    });
  } finally {
    clearInterval(resend);
    socket.close();
  }
}

function silence(listener: Listener | undefined, token: Buffer): Finding {
  if (listener?.hasReceived(token)) return { verdict: 'one-way', detail: 'it arrived, the answer did not' };
  if (listener?.taken)
    return { verdict: 'dropped', detail: 'no answer; the instance has a listener of its own there, which may have been silent' };
  return { verdict: 'dropped' };
}

/** Ping sockets ignore the port, but a destination must have one. */
const ICMP_PORT = 1;
const ECHO = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;

/** RFC 792, RFC 4443 §4.1; the kernel fills in identifier and checksum. */
function echoRequest(family: 4 | 6, sequence: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(ECHO[family].request, 0);
  header.writeUInt16BE(sequence, 6);
  return Buffer.concat([header, payload]);
}

function isEchoReply(message: Buffer, payload: Buffer): boolean {
  const type = message[0];
  return (type === ECHO[4].reply || type === ECHO[6].reply) && message.subarray(8).equals(payload);
}
