import { existsSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, expect, it, onTestFinished } from 'vitest';
import { keyOf } from '../../agent/kernel/port.js';
import type { PlanSettings } from '../../agent/planner/plan.js';
import { diff } from '../../agent/reconcile/diff.js';
import { createSupervisor } from '../../agent/services/supervisor.js';
import { startAgent, type TestAgent } from '../support/agent.js';
import { testKernel } from '../support/kernel.js';
import { budget, reports } from '../support/torture/budget.js';
import { buildCity, type City, type Deed, deeds, populate, trespasses } from '../support/torture/city.js';
import { agentSettings, planOf, readDurable } from '../support/torture/durable.js';
import { discrepancies } from '../support/torture/inventory.js';
import type { Probe } from '../support/torture/probe.js';
import { strangers } from '../support/torture/processes.js';
import { until } from '../support/traffic.js';

let agent: TestAgent;
let city: City;
let settings: PlanSettings;
let probes: Probe[] = [];
afterEach(async () => {
  for (const probe of probes.splice(0)) probe.end();
  await agent?.dispose();
});

const plan = budget('kill');
const hook = resolve('test/support/torture/crash-hook.mjs');

const elapse = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const batch = async (...commands: Deed['calls']) => (await agent.ok('POST', '/v1/batch', { commands })).results;

it('a daemon that is killed at any moment or half way through any step has what it acknowledged, and leaves nothing open and nothing behind', {
  timeout: plan.timeout,
}, async () => {
  const { dice, facts } = plan;
  reports(plan, 'kill');
  const directory = mkdtempSync(join(tmpdir(), 'enid-torture-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const order = join(directory, 'order');
  agent = await startAgent({ env: { NODE_OPTIONS: `--import=${hook}`, TORTURE_CRASH: order } });
  settings = await agentSettings();
  city = await buildCity(batch);
  probes = await populate(city);
  const died = new Set<string>();
  let kills = 0;
  while (plan.goesOn()) {
    const before = await readDurable(agent.dataDir);
    const visitors = before.all('instance').filter(({ instanceId, state }) => state === 'running' && !city.instances.includes(instanceId));
    const state = {
      placeOf: (id: string) => before.get('networkInterface', id)?.attachment,
      visitors: visitors.map((each) => each.instanceId),
    };
    const deed = deeds(city, state, dice);
    const atStep = dice.chance(0.8);
    rmSync(`${order}.died`, { force: true });
    if (atStep) writeFileSync(order, String(dice.below(60)));
    const outcome = batch(...deed.calls).then(
      (results) => ({ results }),
      () => undefined,
    );
    plan.doing(`round ${kills + 1}, ${deed.name}`);
    // Not every deed has so many steps; then it dies at some moment after its answer.
    const late = atStep ? outcome.then(() => elapse(dice.below(200))) : elapse(dice.below(60));
    await Promise.race([agent.ended(), late]);
    await agent.kill();
    const acknowledged = await outcome;
    kills++;
    const context = `round ${kills}, ${deed.name}, killed ${existsSync(`${order}.died`) ? readFileSync(`${order}.died`, 'utf8') : 'at random'}`;
    died.add(context.replace(/^[^,]*, /, ''));
    rmSync(order, { force: true });
    plan.doing(`start after ${context}`);
    if (dice.chance(0.6)) kills += await dieInStart(order, dice.below(80));
    else await agent.start();
    if (acknowledged) expectDone(deed, acknowledged.results, await readDurable(agent.dataDir), context);
    plan.doing(`order after ${context}`);
    await expectOrder(context);
  }
  Object.assign(facts, { kills, moments: died.size });
  expect(kills).toBeGreaterThan(0);
  const seen = probes.flatMap((probe) => [...probe.seen.keys()]).filter((key) => /^8080 .* 10\.0\.1\.1[12]$/.test(key));
  expect(seen.length).toBeGreaterThan(1);
});

/** Starts it so that it dies in its first pass, if that has so many steps, or as soon as it serves, and then once more. How often it died. */
async function dieInStart(order: string, step: number): Promise<number> {
  writeFileSync(order, String(step));
  const start = agent.start();
  const died = await start.then(
    () => false,
    () => true,
  );
  if (died && !existsSync(`${order}.died`)) await start;
  // It may serve before it has taken all steps: one that still counts them would die later.
  const counts = !died && !takenBack(order);
  if (counts) await agent.kill();
  rmSync(order, { force: true });
  if (died || counts) await agent.start();
  return Number(died || counts);
}

function takenBack(order: string): boolean {
  try {
    unlinkSync(order);
    return true;
  } catch {
    return false;
  }
}

/** What was answered before the end is on the disk after it. */
function expectDone({ name, calls }: Deed, results: any[], after: Awaited<ReturnType<typeof readDurable>>, context: string): void {
  const input = calls[0]?.input as Record<string, any>;
  const attachment =
    input.networkInterfaceId === undefined ? undefined : after.get('networkInterface', input.networkInterfaceId)?.attachment;
  if (name === 'run') expect(after.get('instance', results[0].instanceIds[0])?.state, context).toBe('running');
  if (name === 'attach' || name === 'move')
    expect(attachment, context).toMatchObject({ instanceId: input.instanceId, deviceIndex: input.deviceIndex });
  if (name === 'detach') expect(attachment?.status ?? 'gone', context).not.toBe('attached');
  if (name === 'terminate')
    expect(after.get('instance', input.instanceId)?.state ?? 'terminated', context).toMatch(/shutting-down|terminated/);
}

/** Everything on the disk is realised, nothing else is there, and nobody saw what is forbidden. */
async function expectOrder(context: string): Promise<void> {
  const isSettled = (snapshot: Awaited<ReturnType<typeof readDurable>>) =>
    snapshot.all('networkInterface').every(({ attachment }) => attachment?.status !== 'detaching') &&
    snapshot.all('instance').every(({ state }) => state === 'running' || state === 'terminated');
  await until(async () => isSettled(await readDurable(agent.dataDir)), 90_000, `completion (${context})`);
  const conditions = async () => (await agent.ok('GET', '/v1/conditions')).items.filter((each: any) => !each.realised);
  await until(async () => (await conditions()).length === 0, 90_000, `realisation (${context})`);
  const wanted = planOf(await readDurable(agent.dataDir), settings);
  const kernel = testKernel();
  try {
    const difference = async () =>
      diff(new Map(wanted.map((object) => [keyOf(object), object])), await kernel.observe()).map(
        ({ verb, object }) => `${verb} ${keyOf(object)}`,
      );
    await until(async () => (await difference()).length === 0, 30_000).catch(() => {});
    expect(await difference(), context).toEqual([]);
  } finally {
    kernel.close();
  }
  expect(await discrepancies(wanted), context).toEqual([]);
  expect(trespasses(city, probes), context).toEqual([]);
  const supervisor = createSupervisor({ dataDir: agent.dataDir, log: { info: () => {}, warn: () => {} } });
  const known = new Set([agent.pid, ...probes.map(({ pid }) => pid), ...supervisor.list().map((name) => supervisor.pid(name) ?? 0)]);
  supervisor.close();
  await until(() => strangers(agent.dataDir, known).length === 0, 30_000).catch(() => {});
  expect(strangers(agent.dataDir, known), context).toEqual([]);
}
