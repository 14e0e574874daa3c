import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { execa, type Options } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAgent, type TestAgent } from '../support/agent.js';
import { temporaryFile } from '../support/cli.js';

/** The example lab on a real daemon: `eni` as a program of its own, real packets. */

const LAB = 'vagrant/labs/first/lab.yaml';
const CLI = 'dist/agent/cli/main.js';

let agent: TestAgent;
const eni = (argv: readonly string[], options: Options = {}) =>
  execa(process.execPath, [CLI, ...argv], { reject: false, env: { ENID_ENDPOINT: agent.endpoint }, ...options });
const ok = async (...argv: string[]): Promise<any> => {
  const { exitCode, stdout, stderr } = await eni(['--json', ...argv]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(String(stdout));
};
const labTest = async (file = LAB) => {
  const { exitCode, stdout } = await eni(['--json', 'lab', 'test', file]);
  const report = JSON.parse(String(stdout)) as { passed: boolean; checks: Record<string, any>[] };
  const wrong = report.checks.filter((check) => !check.asExpected).map((c) => `${c.source} ${c.target} ${c.probe} ${c.observed}`);
  return { exitCode, wrong, count: report.checks.length };
};

describe('the first lab', () => {
  beforeAll(async () => {
    agent = await startAgent();
  });
  afterAll(() => agent.dispose());

  it('comes up and is what it says, packet by packet; the second time there is nothing to do', async () => {
    expect((await ok('lab', 'up', LAB)).steps.length).toBeGreaterThan(10);
    expect(await labTest()).toEqual({ exitCode: 0, wrong: [], count: 34 });
    expect((await ok('lab', 'up', LAB)).steps).toEqual([]);
  });

  it('prints a matrix', async () => {
    const { exitCode, stdout } = await eni(['lab', 'test', LAB]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/→ db +→ web +→ web\/eth1\n/);
    expect(stdout).toMatch(/^bastion +✗ +✓ +✗ +✗/m);
    expect(stdout).toMatch(/^34 checks, 34 as expected$/m);
  });

  it('a rule that was taken away is found by a packet and named by its line; up heals it', async () => {
    await ok('revoke', 'db', 'tcp/5432 from app');
    await ok('authorize', 'app', 'icmp from anywhere');
    const { exitCode, stdout } = await eni(['lab', 'test', LAB]);
    expect(exitCode).toBe(1);
    const line =
      readFileSync(LAB, 'utf8')
        .split('\n')
        .findIndex((text) => text.includes('web -> db tcp/5432,icmp passes')) + 1;
    expect(stdout).toContain(`${LAB}:${line}: web -> db tcp/5432 passes, but it is dropped`);
    expect(stdout).toContain('bastion -> web/eth1 icmp is dropped, but it passes');
    await ok('lab', 'up', LAB);
    expect(await labTest()).toEqual({ exitCode: 0, wrong: [], count: 34 });
  });

  it('an edited file changes what packets do, at once', async () => {
    const file = temporaryFile('lab.yaml');
    try {
      const edited = readFileSync(LAB, 'utf8')
        .replace('tcp/22 from bastion', 'tcp/2222 from bastion')
        .replace('-> web/web-management,db tcp/22 passes', '-> web/web-management,db tcp/2222 passes');
      await ok('lab', 'up', file.write(edited));
      expect(await labTest(file.path)).toMatchObject({ exitCode: 0, wrong: [] });
      await ok('lab', 'up', LAB);
      expect(await labTest()).toMatchObject({ exitCode: 0, wrong: [] });
    } finally {
      file.remove();
    }
  });

  it('runs commands inside instances: their network, their name, their exit code, our input and output', async () => {
    const inside = await eni(['exec', 'web', '--', 'sh', '-c', 'cat; hostname; ip -brief address; exit 7'], { input: 'from outside\n' });
    expect(inside.exitCode).toBe(7);
    expect(inside.stdout).toMatch(/^from outside\n/);
    expect(inside.stdout).toMatch(/eth0@\S+ +UP +10\.0\.1\.10\/24/);
    expect(inside.stdout).toMatch(/eth1@\S+ +UP +10\.0\.2\.10\/24/);
    expect((await eni(['exec', 'web', '--', 'sh', '-c', 'kill -9 $$'])).exitCode).toBe(137);
    expect((await eni(['exec', 'web', '--', 'no-such-command'])).exitCode).not.toBe(0);
    expect((await eni(['console', 'web'])).stdout).toContain('web is up as ip-10-0-1-10');
  });

  it('counts what the lab test had dropped', async () => {
    const counters = await ok('counters', 'db');
    expect(counters.ingressGroupDrops).toBeGreaterThan(0);
    expect((await ok('counters', 'web-management')).sourceCheckDrops).toBeGreaterThan(0);
  });

  it('watch tells a move while it happens, and goes on over a restart of the daemon', async () => {
    const watcher = eni(['watch', '--kinds', 'networkInterface'], { buffer: false });
    const errors = createInterface({ input: watcher.stderr as NodeJS.ReadableStream });
    const lines = createInterface({ input: watcher.stdout as NodeJS.ReadableStream });
    const next = async (source: typeof lines, pattern: RegExp) => {
      for (;;) {
        const [line] = (await once(source, 'line')) as [string];
        if (pattern.test(line)) return line;
      }
    };
    try {
      await next(errors, /^watching /);
      const moved = next(lines, /eni-\w+ {2}\(web-management\) .*eth1 of i-/);
      await ok('move', 'web-management', 'db', '--index', '1');
      expect(await moved).toMatch(/in-use|attaching/);
      const again = next(errors, /^connected again/);
      await agent.stop();
      await agent.start();
      await again;
      const back = next(lines, /eni-\w+ {2}\(web-management\)/);
      await ok('lab', 'up', LAB);
      await back;
    } finally {
      watcher.kill('SIGINT');
      await watcher;
    }
    expect(await labTest()).toMatchObject({ exitCode: 0, wrong: [] });
  });

  it('refuses to test what is not up', async () => {
    await ok('stop', 'db');
    expect(await eni(['lab', 'test', LAB])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^NotUp: db \(i-\w+\) is stopped/),
    });
    expect(await eni(['exec', 'db', '--', 'true'])).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('start it first') });
    await ok('lab', 'up', LAB);
  });

  it('goes down and leaves no namespace', async () => {
    await ok('lab', 'down', LAB);
    expect(readdirSync('/run/netns')).toEqual([]);
  });

  it('teardown refuses while an agent answers; without one it removes processes, namespaces and data', async () => {
    await ok('lab', 'up', LAB);
    await eni(['exec', 'web', '--', 'sh', '-c', `setsid ${SLEEP.join(' ')} >/dev/null 2>&1 </dev/null &`]);
    expect(sleepers()).toHaveLength(1);
    expect(await eni(['teardown', '--data-dir', agent.dataDir])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^AgentRunning: /),
    });
    expect(await eni(['teardown', '--force', '--data-dir', agent.dataDir])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('in use by process'),
    });
    await agent.kill();
    expect(await eni(['teardown', '--data', '--data-dir', '/etc'])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('holds no store'),
    });
    expect(readdirSync('/run/netns')).toHaveLength(4);
    expect(await ok('teardown', '--data', '--data-dir', agent.dataDir)).toMatchObject({
      namespaces: expect.objectContaining({ length: 4 }),
      dataDir: agent.dataDir,
    });
    expect(readdirSync('/run/netns')).toEqual([]);
    expect(readdirSync('/etc/netns')).toEqual([]);
    expect(existsSync(agent.dataDir)).toBe(false);
    expect(sleepers()).toEqual([]);
    expect(await ok('teardown', '--data', '--data-dir', agent.dataDir)).toEqual({ namespaces: [] });
    expect((await eni(['describe', 'vpcs'])).exitCode).toBe(3);
  });
});

/** A command line that nothing else on the machine has. */
const SLEEP = ['sleep', `1${process.pid}`];

/** Processes with that command line, whatever PID namespace they are in. */
function sleepers(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && commandLine(name) === SLEEP.join(' '));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
  } catch {
    // It ended while we were looking.
    return '';
  }
}
