import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bootKey, InstanceDirectory, kernelBootId, netnsIdentity } from '../../agent/instances/boot.js';
import { endProcesses, namespaceOf, ProcessTable } from '../../agent/instances/processes.js';
import type { InstanceBoot, InstanceRuntime } from '../../agent/instances/runtime.js';
import { compile } from '../support/compile.js';
import { A, B, boot, eventually, inodeOf, instanceBench, ip, processesIn, runs } from '../support/instances.js';

const bench = instanceBench();
let runtime: InstanceRuntime;
let starter: { path: string; remove: () => void };
beforeAll(() => {
  starter = compile('test/support/instance-starter.ts');
});
afterAll(() => starter.remove());
beforeEach(() => {
  runtime = bench.runtime();
});

const output = async (id = A) => (await runtime.consoleOutput(id))?.output ?? '';
const directory = (id = A) => `${bench.dataDir}/instances/${id}`;
/** User data that notes each of its runs where no boot removes it, and stays. */
const noting = (id = A, then = 'sleep 600') => `echo run >>${bench.dataDir}/${id}.runs; echo up; ${then}`;
const notes = (id = A) =>
  existsSync(`${bench.dataDir}/${id}.runs`) ? readFileSync(`${bench.dataDir}/${id}.runs`, 'utf8').split('\n').length - 1 : 0;
const up = (id = A) => eventually(async () => expect(await output(id)).toMatch(/^up$/m));
const initOf = (id = A): number => {
  const pid = runtime.initPid(id);
  if (pid === undefined) throw new Error(`${id} has no init`);
  return pid;
};

/** A process that starts an instance as the daemon does. */
const startElsewhere = (what: InstanceBoot): { child: ChildProcess; said: (word: string) => Promise<void> } => {
  const child = spawn(process.execPath, [starter.path, bench.dataDir, JSON.stringify(what)], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (!child.stdout) throw new Error('no output');
  const lines = createInterface({ input: child.stdout });
  const heard = new Set<string>();
  lines.on('line', (line) => heard.add(line));
  return { child, said: (word) => eventually(() => expect(heard).toContain(word), 10_000) };
};

describe('user data of one boot runs once', () => {
  it('however often it is started, in turn or at once', async () => {
    ip('netns', 'add', A);
    await Promise.all([1, 2, 3].map(() => runtime.start(boot(A, noting()))));
    await runtime.start(boot(A, noting()));
    await bench.runtime().start(boot(A, noting()));
    await up();
    expect(notes()).toBe(1);
  });

  it('also when the script has ended', async () => {
    ip('netns', 'add', A);
    await runtime.start(boot(A, noting(A, 'true')));
    await eventually(async () => expect(await output()).toMatch(/exit code 0/));
    await bench.runtime().start(boot(A, noting()));
    expect(notes()).toBe(1);
  });

  it('also when inits of daemons that were killed are still on their way', async () => {
    ip('netns', 'add', A);
    const netns = netnsIdentity(A);
    if (!netns) throw new Error('no namespace');
    new InstanceDirectory(bench.dataDir, A).prepare(bootKey(boot(A), kernelBootId(), netns), noting());
    // Each finds the claim of the boot and starts an init for it.
    await Promise.all([1, 2, 3, 4].map(() => bench.runtime().start(boot(A, noting()))));
    await up();
    expect(notes()).toBe(1);
    const isWrapper = (pid: number) => runs(pid) && readFileSync(`/proc/${pid}/comm`, 'utf8') === 'unshare\n';
    expect(processesIn(inodeOf(A)).filter(isWrapper)).toHaveLength(1);
  });

  it('and not less, when the daemon is killed at any moment of the start', { timeout: 120_000 }, async () => {
    const rounds = 24;
    let before = 0;
    let startMs = 0;
    for (let round = 0; round < rounds; round++) {
      const id = `i-${round.toString(16).padStart(17, '0')}`;
      ip('netns', 'add', id);
      const { child, said } = startElsewhere(boot(id, noting(id)));
      const ended = once(child, 'exit');
      await said('ready');
      const begin = performance.now();
      // Every sixth is killed when it is done, which also tells how long a start takes; the others on the way.
      if (round % 6 === 0) await said('started');
      else await new Promise((resolve) => setTimeout(resolve, ((round % 6) / 5) * startMs));
      if (round % 6 === 0) startMs = performance.now() - begin;
      child.kill('SIGKILL');
      await ended;
      const key = existsSync(directory(id)) ? readdirSync(directory(id)).join() : '';
      if (!key.includes('.started')) before += 1;
      await bench.runtime().start(boot(id, noting(id)));
      await up(id);
      expect(runtime.initPid(id)).toBeGreaterThan(0);
      expect(notes(id)).toBe(1);
    }
    // Some were killed before the user data ran, some after; otherwise this proves little.
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(rounds);
    for (let round = 0; round < rounds; round++) expect(notes(`i-${round.toString(16).padStart(17, '0')}`)).toBe(1);
  });
});

describe('an instance outlives the daemon', () => {
  it.each([
    ['killed', (child: ChildProcess) => child.kill('SIGKILL')],
    ['ended with its whole group', (child: ChildProcess) => process.kill(-Number(child.pid), 'SIGTERM')],
    ['interrupted from the terminal', (child: ChildProcess) => process.kill(-Number(child.pid), 'SIGINT')],
  ])('that is %s, and the next one finds it', async (_name, stop) => {
    ip('netns', 'add', A);
    const { child, said } = startElsewhere(boot(A, noting(A, 'while :; do echo tick; sleep 0.02; done')));
    await said('started');
    const ended = once(child, 'exit');
    stop(child);
    await ended;
    const ticks = (await output()).match(/tick/g)?.length ?? 0;
    await eventually(async () => expect((await output()).match(/tick/g)?.length).toBeGreaterThan(ticks + 2));
    await runtime.start(boot(A, noting()));
    expect(notes()).toBe(1);
    expect(readFileSync(`/proc/${initOf()}/status`, 'utf8')).toMatch(/^NSpid:\t\d+\t1$/m);
  });
});

describe('a new boot', () => {
  const restarts: readonly (readonly [string, () => Promise<void>])[] = [
    ['a higher serial', async () => runtime.start(boot(A, noting(), { bootSerial: 2 }))],
    [
      'a namespace made anew',
      async () => {
        ip('netns', 'del', A);
        ip('netns', 'add', A);
        await bench.runtime().start(boot(A, noting()));
      },
    ],
    [
      'a reboot of the host, as far as the record tells',
      async () => {
        await runtime.end(A);
        const other = '00000000-0000-0000-0000-000000000000';
        writeFileSync(`${directory()}/1-4026532000-1-${other}.started`, readFileSync('/proc/self/stat'));
        expect(runtime.initPid(A)).toBeUndefined();
        await bench.runtime().start(boot(A, noting()));
      },
    ],
  ];
  it.each(restarts)('by %s ends the old processes and runs the user data again', async (_name, restart) => {
    ip('netns', 'add', A);
    await runtime.start(boot(A, noting()));
    await up();
    const old = processesIn(inodeOf(A));
    expect(old.length).toBeGreaterThan(2);
    await restart();
    await eventually(() => expect(notes()).toBe(2));
    expect(old.filter(runs)).toEqual([]);
    await eventually(async () => expect(await output()).toBe('up\n'));
    expect(old).not.toContain(initOf());
    expect(namespaceOf(initOf(), 'net')).toBe(`net:[${inodeOf(A)}]`);
  });

  it('does not end what somebody started in the new namespace', async () => {
    ip('netns', 'add', A);
    await runtime.start(boot(A, noting()));
    ip('netns', 'del', A);
    ip('netns', 'add', A);
    const guest = spawn('ip', ['netns', 'exec', A, 'sleep', '600'], { stdio: 'ignore' });
    await eventually(() => expect(processesIn(inodeOf(A))).toEqual([guest.pid]));
    await runtime.start(boot(A, noting()));
    expect(runs(Number(guest.pid))).toBe(true);
  });
});

describe('end', () => {
  const outside = async (id: string, ...argv: string[]): Promise<number> => {
    const child = spawn('ip', ['netns', 'exec', id, ...argv], { stdio: 'ignore', detached: true });
    await eventually(() => expect(readFileSync(`/proc/${child.pid}/comm`, 'utf8')).not.toBe('ip\n'));
    return Number(child.pid);
  };

  it('leaves no process: not daemonised, not stubborn, not started from outside, not in further namespaces', async () => {
    for (const id of [A, B]) {
      ip('netns', 'add', id);
      await runtime.start(
        boot(
          id,
          noting(
            id,
            `setsid sh -c '(setsid sleep 601 &) ; (trap "" TERM; sleep 602) & (unshare -n sleep 603 &); (unshare -pf sleep 604 &); wait' </dev/null >/dev/null 2>&1 & sleep 600`,
          ),
        ),
      );
      await up(id);
      await outside(id, 'sleep', '605');
    }
    const pidNamespace = (id: string) => namespaceOf(initOf(id), 'pid');
    const all = (id: string) => {
      const [net, pid] = [inodeOf(id), pidNamespace(id)];
      const others = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && namespaceOf(Number(name), 'pid') === pid);
      return [...new Set([...processesIn(net), ...others.map(Number)])];
    };
    const commandOf = (pid: number) => (runs(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') : '');
    const commands = (pids: number[]) => pids.map(commandOf).join('\n');
    for (const id of [A, B]) await eventually(() => expect(commands(all(id)).match(/sleep 60\d/g)?.length).toBeGreaterThanOrEqual(6));
    const mine = all(A);
    const other = all(B).filter((pid) => /sleep 60\d/.test(commands([pid])));
    await bench.runtime({ graceMs: 100 }).end(A);
    expect(mine.filter(runs)).toEqual([]);
    expect(processesIn(inodeOf(A))).toEqual([]);
    expect(other.filter(runs)).toEqual(other);
    expect([existsSync(`/etc/netns/${A}`), existsSync(`/etc/netns/${B}`)]).toEqual([false, true]);
    expect(runtime.initPid(A)).toBeUndefined();
  });

  it('lets processes end by themselves, after one SIGTERM each', async () => {
    const script = (name: string) => {
      const file = `${bench.dataDir}/${name}`;
      return `trap 'echo term >>${file}; sleep 0.15; echo bye >>${file}; exit 0' TERM; echo ready >>${file}; while :; do sleep 0.01; done`;
    };
    const files = () => ['inside', 'outside'].map((name) => readFileSync(`${bench.dataDir}/${name}`, 'utf8'));
    ip('netns', 'add', A);
    await runtime.start(boot(A, script('inside')));
    await outside(A, 'sh', '-c', script('outside'));
    await eventually(() => expect(files()).toEqual(['ready\n', 'ready\n']));
    const before = performance.now();
    await bench.runtime({ graceMs: 10_000 }).end(A);
    expect(performance.now() - before).toBeLessThan(5000);
    expect(files()).toEqual(['ready\nterm\nbye\n', 'ready\nterm\nbye\n']);
    expect(await output()).toMatch(/enid: user data ended with exit code 0\n$/);
  });

  it('waits no longer than the grace', async () => {
    ip('netns', 'add', A);
    await runtime.start(boot(A, `trap '' TERM; echo up; sleep 600`));
    await up();
    const before = performance.now();
    await bench.runtime({ graceMs: 300 }).end(A);
    const elapsed = performance.now() - before;
    expect(elapsed).toBeGreaterThanOrEqual(300);
    expect(elapsed).toBeLessThan(3000);
    expect(processesIn(inodeOf(A))).toEqual([]);
  });

  it('finds the processes also when the name of the namespace is gone, and succeeds when there is nothing', async () => {
    ip('netns', 'add', A);
    await runtime.start(boot(A, noting()));
    await up();
    const inode = inodeOf(A);
    ip('netns', 'del', A);
    expect(processesIn(inode).length).toBeGreaterThan(0);
    await bench.runtime().end(A);
    expect(processesIn(inode)).toEqual([]);
    await Promise.all([runtime.end(A), runtime.end(A), runtime.end(B)]);
  });

  it('never mistakes a later process for the recorded init', async () => {
    ip('netns', 'add', A);
    await runtime.start(boot(A, noting()));
    const [record = ''] = readdirSync(directory()).filter((name) => name.endsWith('.started'));
    const old = initOf();
    await runtime.end(A);
    const bystander = spawn('sleep', ['600'], { stdio: 'ignore' });
    const line = readFileSync(`/proc/${bystander.pid}/stat`, 'utf8');
    writeFileSync(`${directory()}/${record}`, line.replace(/(\) .*? (?:\S+ ){18})\d+/, '$17'));
    expect(bench.runtime().initPid(A)).toBeUndefined();
    await bench.runtime().end(A);
    expect([runs(old), runs(Number(bystander.pid))]).toEqual([false, true]);
    bystander.kill();
  });

  it('refuses to end the processes of the namespace of the daemon', async () => {
    const netns = new Set([namespaceOf('self', 'net') ?? '']);
    await expect(endProcesses(new ProcessTable(), { netns, init: undefined, graceMs: 0 })).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('of the first process by SIGTERM ends the instance as a shutdown does', async () => {
    ip('netns', 'add', A);
    await runtime.start(boot(A, 'trap "echo bye; exit 7" TERM; echo up; while :; do sleep 0.01; done'));
    await up();
    process.kill(initOf(), 'SIGTERM');
    await eventually(() => expect(processesIn(inodeOf(A))).toEqual([]));
    expect(await output()).toMatch(/^bye\nenid: user data ended with exit code 7\n$/m);
  });
});

describe('the namespace of an instance', () => {
  it('goes away while another instance runs that was started later', async () => {
    for (const id of [A, B]) ip('netns', 'add', id);
    ip('link', 'add', 'probe0', 'type', 'veth', 'peer', 'name', 'probe1', 'netns', B);
    await runtime.start(boot(A, noting()));
    await up();
    ip('netns', 'del', B);
    await eventually(() => expect(ip('-o', 'link')).not.toMatch(/probe0/));
  });

  it('of which a boot is recorded must be this one, else the user data runs', async () => {
    ip('netns', 'add', A);
    await runtime.start(boot(A));
    const [record = ''] = readdirSync(directory());
    renameSync(`${directory()}/${record}`, `${directory()}/${record.replace(/^1-\d+-/, '1-1-')}`);
    await runtime.start(boot(A, noting()));
    await up();
    execFileSync('nsenter', ['-t', `${initOf()}`, '-n', '-p', '-m', '-u', 'true']);
  });
});
