import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readlink, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { createSupervisor } from '../../agent/services/supervisor.js';
import { bounded } from './torture/hang.js';

export interface Answer<T = any> {
  readonly status: number;
  readonly body: T;
}

/** A real daemon in a process of its own, in the network and mount namespace of the test file. Dies with the test process. */
export interface TestAgent {
  readonly endpoint: string;
  readonly dataDir: string;
  /** Calls the API; never throws for an error answer. */
  call<T = any>(method: string, path: string, body?: unknown): Promise<Answer<T>>;
  /** As `call`, but an error answer fails the test with its code and message. */
  ok<T = any>(method: string, path: string, body?: unknown): Promise<T>;
  /** Log lines so far. */
  readonly log: readonly Record<string, any>[];
  /** SIGTERM, waits for the exit; resolves to the exit code. The data plane stays. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Resolves when it has ended, however. */
  ended(): Promise<void>;
  /** Its process. */
  readonly pid: number;
  /** Starts it again on the same data. */
  start(): Promise<void>;
  /** Ends the daemon and removes its data directory. Kernel objects go with the test file's namespaces. */
  dispose(): Promise<void>;
}

/** Of a busy machine; more than these is a hang. */
const START_MS = 120_000;
const ANSWER_MS = 240_000;

export interface AgentOptions {
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  readonly dataDir?: string;
  readonly program?: string;
  /** Capabilities that it is not to have, as setpriv(1) names them. */
  readonly without?: readonly string[];
}

export async function startAgent(options: AgentOptions = {}): Promise<TestAgent> {
  await refuseRealDevices(options);
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'enid-test-')));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const log: Record<string, any>[] = [];
  let child: ChildProcess | undefined;

  const start = async () => {
    const argv = [
      options.program ?? 'dist/agent/main.js',
      '--listen',
      `127.0.0.1:${port}`,
      '--data-dir',
      dataDir,
      '--host-id',
      'host-a',
      ...(options.args ?? []),
    ];
    // The daemon goes when the test process goes, however that ends.
    const taken = options.without?.map((name) => `-${name}`).join() ?? '';
    const privileges = taken === '' ? [] : ['--bounding-set', taken, '--inh-caps', taken];
    child = spawn('setpriv', ['--pdeathsig', 'KILL', ...privileges, process.execPath, ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    const started = child;
    let errors = '';
    started.stderr?.on('data', (chunk) => {
      errors += chunk;
    });
    const listening = new Promise<void>((resolve, reject) => {
      createInterface({ input: started.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        if (line.startsWith('listening ')) resolve();
        else if (line.startsWith('{')) log.push(JSON.parse(line));
      });
      started.once('exit', (code, signal) =>
        reject(new Error(`agent ended with ${code ?? signal}\n${errors}${JSON.stringify(log.slice(-5), null, 1)}`)),
      );
    });
    await bounded(listening, START_MS, 'start of the agent', () => started.pid ?? 0).catch((error) => {
      started.kill('SIGKILL');
      throw error;
    });
  };
  const end = async (signal: NodeJS.Signals) => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exited = once(child, 'exit');
    child.kill(signal);
    return (await exited)[0] as number | null;
  };
  const call = async <T>(method: string, path: string, body?: unknown): Promise<Answer<T>> => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const asked = fetch(`${endpoint}${path}`, init).then(async (answer) => ({ status: answer.status, text: await answer.text() }));
    const { status, text } = await bounded(asked, ANSWER_MS, `${method} ${path}`, () => child?.pid ?? 0);
    return { status, body: (text === '' ? undefined : JSON.parse(text)) as T };
  };

  await start();
  return {
    endpoint,
    dataDir,
    log,
    call,
    ok: async (method, path, body) => {
      const answer = await call(method, path, body);
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body as any;
    },
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
    ended: async () => {
      if (child && child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
    get pid() {
      return child?.pid ?? 0;
    },
    start,
    dispose: async () => {
      await end('SIGKILL');
      // Services outlive the daemon, and nothing else ends them.
      const supervisor = createSupervisor({ dataDir, log: { info: () => {}, warn: () => {} } });
      await Promise.all(supervisor.list().map((name) => supervisor.remove(name)));
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** No test may reach a real network: an uplink must be a pair that the test made, in a namespace of its own. */
export async function refuseRealDevices({
  args = [],
  env = {},
}: {
  args?: readonly string[];
  env?: Record<string, string>;
}): Promise<void> {
  const given = args.flatMap((arg, index) =>
    arg === '--uplink' ? [args[index + 1] ?? ''] : arg.startsWith('--uplink=') ? [arg.slice(9)] : [],
  );
  const fromEnvironment = env.ENID_UPLINK ?? process.env.ENID_UPLINK;
  for (const device of fromEnvironment === undefined ? given : [...given, fromEnvironment]) {
    const { stdout } = await execa('ip', ['-d', '-j', 'link', 'show', 'dev', device], { reject: false });
    const isPair = stdout !== '' && JSON.parse(stdout)[0]?.linkinfo?.info_kind === 'veth';
    // The test process has left the namespace that the runner, its parent, is in.
    const isIsolated = (await readlink('/proc/self/ns/net')) !== (await readlink(`/proc/${process.ppid}/ns/net`));
    if (!isPair || !isIsolated) throw new Error(`uplink ${device} is refused in tests: it is no veth in a namespace of the test's own`);
  }
  if (args.includes('--config') || env.ENID_CONFIG !== undefined)
    throw new Error('test agents take no configuration file: it might name an uplink');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
