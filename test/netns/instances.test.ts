import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { beforeEach, describe, expect, it } from 'vitest';
import { spawnInit } from '../../agent/instances/processes.js';
import type { InstanceRuntime } from '../../agent/instances/runtime.js';
import { A, B, boot, eventually, inodeOf, inside, instanceBench, ip, processesIn } from '../support/instances.js';

const bench = instanceBench();
let runtime: InstanceRuntime;
beforeEach(() => {
  runtime = bench.runtime();
});

const output = async (id = A) => (await runtime.consoleOutput(id))?.output ?? '';
/** The console's text once the user data has ended. */
const finalOutput = (id = A) =>
  eventually(async () => {
    const text = await output(id);
    expect(text).toMatch(/enid: user data ended with exit code \d+\n$/);
    return text.replace(/enid: user data ended.*\n$/, '');
  });

describe('files of an instance', () => {
  it('are seen by whoever enters it, and by nobody else', async () => {
    const before = ['/etc/hosts', '/etc/resolv.conf', '/etc/hostname'].map((path) => readFileSync(path, 'utf8'));
    for (const id of [A, B]) ip('netns', 'add', id);
    await Promise.all([A, B].map((id) => runtime.start(boot(id, undefined, { hostname: `host-${id}` }))));
    for (const id of [A, B]) {
      expect(inside(id, 'cat', '/etc/hosts', '/etc/resolv.conf', '/etc/hostname')).toBe(
        `127.0.0.1 localhost\n10.0.1.10 ${id}\nnameserver 10.0.0.2\nhost-${id}\n`,
      );
    }
    expect(['/etc/hosts', '/etc/resolv.conf', '/etc/hostname'].map((path) => readFileSync(path, 'utf8'))).toEqual(before);
  });

  it('are left alone when they are right, and changed in the running instance when they are not', async () => {
    ip('netns', 'add', A);
    await runtime.start(boot(A, 'until grep -q changed /etc/hosts; do sleep 0.02; done'));
    const stamp = () => statSync(`/etc/netns/${A}/hosts`, { bigint: true }).mtimeNs;
    const first = stamp();
    await runtime.start(boot(A));
    expect(stamp()).toBe(first);
    await runtime.start(boot(A, undefined, { hosts: '10.0.0.1 changed\n' }));
    await finalOutput();
  });
});

describe('user data', () => {
  const print = async (script: string) => {
    ip('netns', 'add', A);
    await runtime.start(boot(A, script));
    return finalOutput();
  };

  it.each([
    ['under a PID namespace that shows its own few processes', 'cat /proc/1/comm; ls /proc | grep -c "^[0-9]*$"', /^(init|sh)\n\d\n$/],
    ['with the host name of the instance', 'cat /proc/sys/kernel/hostname', /^ip-10-0-1-10\n$/],
    ['with the files of the instance', 'cat /etc/hosts /etc/resolv.conf', /^127.0.0.1 localhost\n.*\nnameserver 10.0.0.2\n$/],
    ['with a clean environment', 'env | cut -d= -f1 | sort | tr "\\n" " "', /^HOME LANG LOGNAME PATH PWD SHELL USER (_ )?container $/],
    ['with an empty input', 'cat; echo over', /^over\n$/],
    ['in a session of its own', 'cut -d" " -f6 /proc/$$/stat', /^0\n$/],
    ['with the interpreter that it names', '#!/bin/bash\n[[ a == a ]] && echo bash $((2**10))', /^bash 1024\n$/],
    ['with error output on the console too', 'echo one; echo two >&2; echo three', /^one\ntwo\nthree\n$/],
    ['with signals as usual', 'grep -E "^Sig(Ign|Blk)" /proc/self/status | tr -d "0\\n\\t"', /^SigBlk:SigIgn:$/],
    ['with an ordinary file mask', 'umask', /^0022\n$/],
  ])('runs %s', async (_name, script, expected) => {
    process.env.ENID_TOKEN = 'secret';
    expect(await print(script)).toMatch(expected);
  });

  it('runs without files and sockets of the daemon', async () => {
    const file = openSync(`${bench.dataDir}/held`, 'w');
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    expect(await print('ls -l /proc/self/fd')).not.toMatch(/socket:|held|\.log/);
    server.close();
    closeSync(file);
  });

  it('runs in its network namespace', async () => {
    expect(await print('readlink /proc/self/ns/net')).toBe(`net:[${inodeOf(A)}]\n`);
  });

  it.each([
    ['exit 0', 'exit 0', 0],
    ['exit 3', 'exit 3', 3],
    ['SIGKILL', 'kill -9 $$', 137],
    ['a syntax error', 'if', 2],
    ['an interpreter that is missing', '#!/no/such/interpreter\n', 127],
  ])('that ends by %s leaves its exit code on the console', async (_name, script, code) => {
    ip('netns', 'add', A);
    await runtime.start(boot(A, script));
    await eventually(async () => expect(await output()).toMatch(new RegExp(`enid: user data ended with exit code ${code}\n$`)));
  });

  it('is ended when it takes too long', async () => {
    ip('netns', 'add', A);
    await bench.runtime({ userDataTimeoutMs: 200 }).start(boot(A, 'echo begun; sleep 600; echo never'));
    await eventually(async () => expect(await output()).toBe('begun\nenid: user data ended with exit code 124\n'));
    expect(runtime.initPid(A)).toBeGreaterThan(0);
  });

  it('is inert outside, whatever it, the host name and the files hold', async () => {
    const mark = mkdtempSync('/tmp/enid-mark-');
    const evil = `'"; touch ${mark}/x; $(touch ${mark}/y) \`touch ${mark}/z\` | & > ${mark}/w #`;
    ip('netns', 'add', A);
    await runtime.start(boot(A, `#!/bin/cat\n${evil}`, { hostname: evil, hosts: evil, resolvConf: `${evil}\n-n\n` }));
    expect(await finalOutput()).toBe(`#!/bin/cat\n${evil}`);
    expect(readdirSync(mark)).toEqual([]);
    expect(readFileSync(`/etc/netns/${A}/hosts`, 'utf8')).toBe(evil);
    rmSync(mark, { recursive: true });
  });

  it.each(['../../etc', 'i-1', 'i-0000000000000000a/..', ''])('of instance %j is refused', async (id) => {
    expect(() => runtime.start(boot(id, 'true'))).toThrow(TypeError);
  });

  it('needs the namespace', async () => {
    await expect(runtime.start(boot(A, 'true'))).rejects.toMatchObject({ kind: 'not-found' });
    expect(runtime.initPid(A)).toBeUndefined();
  });

  it('that cannot start is told apart, with the words of the tool', async () => {
    ip('netns', 'add', A);
    expect(await spawnInit(A, ['/no/such/init'], `${bench.dataDir}/log`, 5000)).toBe(false);
    expect(readFileSync(`${bench.dataDir}/log`, 'utf8')).toMatch(/no\/such\/init/);
  });
});

describe('after the user data', () => {
  it('what it started goes on, and init reaps what loses its parent', async () => {
    ip('netns', 'add', A);
    await runtime.start(boot(A, 'sleep 600 & for n in 1 2 3 4 5; do (sleep 0.05 &) ; done; echo $!'));
    await eventually(async () => expect(await output()).toMatch(/exit code 0/));
    const init = runtime.initPid(A);
    const names = () => execFileSync('nsenter', ['-t', `${init}`, '-p', '-m', 'sh', '-c', 'cat /proc/[0-9]*/stat'], { encoding: 'utf8' });
    await eventually(() => expect(names().match(/\(sleep\) \w/g)).toEqual(['(sleep) S', '(sleep) S']));
    expect(names()).not.toMatch(/\) Z/);
  });

  it('an instance without any has no process, and is known as started', async () => {
    ip('netns', 'add', A);
    await runtime.start(boot(A));
    expect([runtime.initPid(A), processesIn(inodeOf(A)), await runtime.consoleOutput(A)]).toEqual([undefined, [], undefined]);
    await runtime.start(boot(A, 'echo too late'));
    expect(processesIn(inodeOf(A))).toEqual([]);
  });
});

describe('console', () => {
  it('shows a line as soon as it is written', async () => {
    ip('netns', 'add', A);
    const before = Date.now();
    await runtime.start(boot(A, 'echo now; sleep 600'));
    await eventually(async () => expect(await output()).toBe('now\n'), 1000);
    const { timestamp } = (await runtime.consoleOutput(A)) ?? {};
    expect(Math.abs(Date.parse(timestamp ?? '') - before)).toBeLessThan(5000);
  });

  it('gives the last 64 KiB, from a whole character on', async () => {
    ip('netns', 'add', A);
    await runtime.start(boot(A, 'i=0; while [ $i -lt 30000 ]; do echo "☃☃ $i"; i=$((i+1)); done'));
    await eventually(async () => expect(await output()).toMatch(/exit code 0/), 20_000);
    const text = await output();
    expect(Buffer.byteLength(text)).toBeGreaterThan(64 * 1024 - 4);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(64 * 1024);
    expect(text).not.toContain('\ufffd');
    const numbers = [...text.matchAll(/^☃☃ (\d+)$/gm)].map(([, n]) => Number(n));
    expect(numbers.length).toBeGreaterThan(4000);
    expect(numbers).toEqual(numbers.map((_, n) => 30_000 - numbers.length + n));
  });

  it('of a script that prints for ever stays small, and the script is not held up', async () => {
    ip('netns', 'add', A);
    await runtime.start(boot(A, 'yes 0123456789abcdef | head -c 40000000; echo done; exec yes for ever'));
    const size = () =>
      readdirSync(`${bench.dataDir}/instances/${A}`)
        .filter((name) => name.startsWith('console'))
        .reduce((sum, name) => sum + (statSync(`${bench.dataDir}/instances/${A}/${name}`, { throwIfNoEntry: false })?.size ?? 0), 0);
    let largest = 0;
    await eventually(async () => {
      largest = Math.max(largest, size());
      expect(await output()).toMatch(/^for ever\nfor ever$/m);
    }, 30_000);
    for (let n = 0; n < 200; n++) {
      largest = Math.max(largest, size());
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(largest).toBeLessThanOrEqual(1.1 * 1024 * 1024);
    expect(largest).toBeGreaterThan(128 * 1024);
  });

  it('outlives the instance until it is forgotten', async () => {
    ip('netns', 'add', A);
    await runtime.start(boot(A, 'echo last words'));
    expect(await finalOutput()).toBe('last words\n');
    await runtime.end(A);
    expect(await output()).toMatch(/^last words\n/);
    await runtime.forget(A);
    expect(await runtime.consoleOutput(A)).toBeUndefined();
    expect(existsSync(`${bench.dataDir}/instances/${A}`)).toBe(false);
    await runtime.forget(A);
  });
});
