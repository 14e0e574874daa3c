// What the benchmarks share: a daemon of their own, probers inside instances, medians.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connection } from './http.mjs';

export const now = () => process.hrtime.bigint();
export const msSince = (start, end = now()) => Number(end - start) / 1e6;

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}
export const median = (values) => quantile(values, 0.5);
export const round = (value, digits = 2) => (typeof value === 'number' ? Number(value.toFixed(digits)) : value);

/** A row of times in milliseconds beside those of a reference. */
export function timesBeside(what, values, referenceName, reference, goal) {
  return {
    what,
    unit: 'ms',
    value: round(median(values)),
    p99: round(quantile(values, 0.99)),
    reference: { what: referenceName, value: round(median(reference)) },
    ratio: round(median(values) / median(reference)),
    goal,
  };
}

/** Rounds in which nothing is measured: Node compiles what runs often, and a daemon that has run for a while is the usual one. */
const WARM_UP = 400;

export async function warmUp(round) {
  for (let i = 0; i < WARM_UP; i++) await round();
}

/** The bundle that users run; without one, or with one of an earlier build, what the compiler made. */
function program() {
  const made = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const [bundle, modules] = ['dist/agent/enid.js', 'dist/agent/main.js'];
  return made(bundle) >= made(modules) ? bundle : modules;
}

export async function startDaemon({ port = 8790, args = [] } = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), 'enid-bench-'));
  const endpoint = `http://127.0.0.1:${port}`;
  let child;
  const start = async () => {
    const argv = [
      ...(process.env.ENID_BENCH_NODE_ARGS?.split(' ') ?? []),
      program(),
      '--listen',
      `127.0.0.1:${port}`,
      '--data-dir',
      dataDir,
      '--allow-reset',
      '--log-level',
      'warn',
      ...args,
    ];
    child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface({ input: child.stdout })) if (line.startsWith('listening')) break;
    child.stdout.resume();
  };
  const client = connection(endpoint, Number.POSITIVE_INFINITY);
  const call = client.rest;
  const stop = async () => {
    client.close();
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  };
  await start();
  return {
    endpoint,
    call,
    start,
    stop,
    pid: () => child.pid,
    dispose: async () => {
      await call('POST', '/v1/reset');
      await stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Seconds of CPU that a process has used, all threads together, and children of its that have ended. */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
}

/** A prober process, inside a namespace or on one processor if they are named. `ask` resolves to its answer; `started` tells when it has begun sending. */
export function prober(netns, program = 'prober', cpu = undefined) {
  const there = netns === undefined ? [] : ['ip', 'netns', 'exec', netns];
  const pinned = cpu === undefined ? [] : ['taskset', '-c', String(cpu)];
  const [command, ...argv] = [...there, ...pinned, process.execPath, `scripts/bench.d/${program}.mjs`];
  const child = spawn(command, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line);
    if (answer.started) waiting[0]?.started();
    else waiting.shift()?.done(answer.done);
  });
  return {
    ask(order) {
      let started;
      const begun = new Promise((resolve) => {
        started = resolve;
      });
      const answer = new Promise((done) => waiting.push({ done, started }));
      child.stdin.write(`${JSON.stringify(order)}\n`);
      return { begun, answer };
    },
    end: () => child.kill('SIGKILL'),
  };
}

/** A VPC with open groups, and quick ways to make what a benchmark needs. */
export async function world(daemon) {
  const { call } = daemon;
  const { vpcId } = await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
  const { subnetId } = await call('POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.0.0/18' });
  const { groupId } = await call('POST', '/v1/security-groups', { vpcId, groupName: 'open', description: 'all from the VPC' });
  await call('POST', `/v1/security-groups/${groupId}/rules`, {
    direction: 'ingress',
    rules: [{ protocol: '-1', peer: { cidr: '10.0.0.0/16' } }],
  });
  return {
    vpcId,
    subnetId,
    groupId,
    instance: async (extra = {}) =>
      (await call('POST', '/v1/instances', { instanceType: 'c5.4xlarge', subnetId, groupIds: [groupId], ...extra })).instances[0],
    eni: () => call('POST', '/v1/network-interfaces', { subnetId, groupIds: [groupId] }),
  };
}
