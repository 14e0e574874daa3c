import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ServiceSpec, Supervisor } from '../../agent/services/service.js';
import { createSupervisor } from '../../agent/services/supervisor.js';
import { until } from '../support/traffic.js';

const NETNS = 'internet';
let dataDir = '';
let supervisor: Supervisor;
const exits: string[] = [];
const log = { info: () => {}, warn: () => {} };
const another = () => createSupervisor({ dataDir, log, onExit: (name) => void exits.push(name) });

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'enid-services-'));
  execFileSync('ip', ['netns', 'add', NETNS]);
  execFileSync('ip', ['-n', NETNS, 'link', 'set', 'lo', 'up']);
  supervisor = another();
  exits.length = 0;
});
afterEach(async () => {
  for (const name of supervisor.list()) await supervisor.remove(name);
  supervisor.close();
  execFileSync('ip', ['netns', 'delete', NETNS]);
  rmSync(dataDir, { recursive: true, force: true });
});

/** Notes each start and each SIGHUP, with the file that it was told to read. */
const SCRIPT = `echo "start $1 $(cat "$0/value")" >>"$0/../../notes"; trap 'echo "hup $(cat "$0/value")" >>"$0/../../notes"' HUP; echo >"$0/up"; while :; do sleep 0.05; done`;
const spec = (value: string, changes: Partial<ServiceSpec> = {}): ServiceSpec => ({
  name: 'unit.part',
  netns: NETNS,
  argv: ['/bin/sh', '-c', SCRIPT, '{dir}', 'one'],
  files: { value },
  onFileChange: 'SIGHUP',
  ready: { file: 'up' },
  ...changes,
});
const notes = () => readFileSync(`${dataDir}/notes`, 'utf8').trim().split('\n');
/** A process that has ended counts as gone, whether or not its parent has taken notice. */
const isThere = (pid: number) => existsSync(`/proc/${pid}`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
const pid = () => supervisor.pid('unit.part') ?? 0;

it('starts once, in the namespace, in a session of its own', async () => {
  await supervisor.ensure(spec('a'));
  const first = pid();
  await Promise.all([supervisor.ensure(spec('a')), supervisor.ensure(spec('a'))]);
  expect([pid(), notes(), supervisor.list()]).toEqual([first, ['start one a'], ['unit.part']]);
  expect(execFileSync('ip', ['netns', 'identify', String(first)], { encoding: 'utf8' }).trim()).toBe(NETNS);
  expect(execFileSync('ps', ['-o', 'sid=', '-p', String(first)], { encoding: 'utf8' }).trim()).toBe(String(first));
});

it('changed files: a signal or a restart; a changed command: a restart', async () => {
  await supervisor.ensure(spec('a'));
  const first = pid();
  await supervisor.ensure(spec('b'));
  await until(() => notes().length === 2);
  expect([pid(), notes()[1]]).toEqual([first, 'hup b']);
  await supervisor.ensure(spec('c', { onFileChange: 'restart' }));
  expect([pid() !== first, isThere(first), notes()[2]]).toEqual([true, false, 'start one c']);
  await supervisor.ensure(spec('c', { argv: ['/bin/sh', '-c', SCRIPT, '{dir}', 'two'] }));
  expect(notes()[3]).toBe('start two c');
});

it('a later daemon finds it; one that was stopped between writing and telling tells it again', async () => {
  await supervisor.ensure(spec('a'));
  const first = pid();
  const later = another();
  await later.ensure(spec('a'));
  expect([later.pid('unit.part'), notes()]).toEqual([first, ['start one a']]);
  rmSync(`${dataDir}/services/unit.part/loaded`);
  await later.ensure(spec('a'));
  await until(() => notes().length === 2);
  expect([later.pid('unit.part'), notes()[1]]).toEqual([first, 'hup a']);
  // It is no child of the later one: its end is noticed all the same.
  exits.length = 0;
  process.kill(first, 'SIGKILL');
  await until(() => exits.length >= 2);
  later.close();
});

it('is told when it ends, at once, then with growing pauses', async () => {
  const times: number[] = [];
  const own = createSupervisor({
    dataDir,
    log,
    onExit: (name) => {
      times.push(performance.now());
      if (times.length < 4) void own.ensure(spec('a', { name })).then(() => process.kill(own.pid(name) ?? 0, 'SIGKILL'));
    },
  });
  await own.ensure(spec('a'));
  process.kill(own.pid('unit.part') ?? 0, 'SIGKILL');
  await until(() => times.length >= 4, 10_000);
  const pauses = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  expect(pauses[2]).toBeGreaterThan(700);
  own.close();
});

it('ends with all that it forked', async () => {
  const argv = ['/bin/sh', '-c', `sleep 1000 & echo $! >"$0/child"; trap '' TERM; echo >"$0/up"; while :; do sleep 0.05; done`, '{dir}'];
  await supervisor.ensure(spec('a', { argv }));
  const processes = [pid(), Number(readFileSync(`${dataDir}/services/unit.part/child`, 'utf8'))];
  expect(processes.map(isThere)).toEqual([true, true]);
  await supervisor.remove('unit.part');
  expect(processes.map(isThere)).toEqual([false, false]);
  expect(supervisor.list()).toEqual([]);
  await supervisor.remove('unit.part');
  expect(exits).toEqual([]);
});

it('moves into a namespace that was made anew, and ends before one goes', async () => {
  await supervisor.ensure(spec('a'));
  const first = pid();
  await supervisor.endIn('another');
  expect(isThere(first)).toBe(true);
  await supervisor.endIn(NETNS);
  expect([isThere(first), supervisor.list()]).toEqual([false, ['unit.part']]);
  execFileSync('ip', ['netns', 'delete', NETNS]);
  await expect(supervisor.ensure(spec('a'))).rejects.toMatchObject({ kind: 'not-found' });
  execFileSync('ip', ['netns', 'add', NETNS]);
  await supervisor.ensure(spec('a'));
  const second = pid();
  expect(execFileSync('ip', ['netns', 'identify', String(second)], { encoding: 'utf8' }).trim()).toBe(NETNS);
  execFileSync('ip', ['netns', 'delete', NETNS]);
  execFileSync('ip', ['netns', 'add', NETNS]);
  // It lives, in a namespace that nobody can name.
  expect([isThere(second), supervisor.pid('unit.part')]).toEqual([true, undefined]);
  await supervisor.ensure(spec('a'));
  expect([isThere(second), pid() > 0]).toEqual([false, true]);
});

it.each<[string, string[], Record<string, unknown>]>([
  ['a program that is not installed', ['no-such-program-here'], { kind: 'unsupported' }],
  ['one that fails', ['/bin/sh', '-c', 'echo the reason >&2; exit 3'], { kind: 'other', message: expect.stringContaining('the reason') }],
])('%s is a fault', async (_name, argv, fault) => {
  await expect(supervisor.ensure(spec('a', { argv }))).rejects.toMatchObject(fault);
});

it.each(['../x', 'a/b', ''])('no service is called %j', (name) => {
  expect(() => supervisor.ensure(spec('a', { name }))).toThrow(TypeError);
});

it.each(['../x', 'key', '.hidden', 'log'])('no file of a service is called %j', async (file) => {
  await expect(supervisor.ensure(spec('a', { files: { [file]: 'x' } }))).rejects.toThrow(TypeError);
});
