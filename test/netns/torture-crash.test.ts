import { afterEach, expect, it } from 'vitest';
import { budget, reports } from '../support/torture/budget.js';
import { buildCity, type City, type Deed, deeds, populate, trespasses } from '../support/torture/city.js';
import { Died, Host } from '../support/torture/host.js';
import { discrepancies } from '../support/torture/inventory.js';
import type { Probe } from '../support/torture/probe.js';
import { until } from '../support/traffic.js';

let host: Host;
let city: City;
let probes: Probe[] = [];

afterEach(() => {
  for (const probe of probes.splice(0)) probe.end();
  host.stop();
});

async function begin(): Promise<void> {
  host = new Host();
  await host.start();
  city = await buildCity((...calls) => host.call(...calls));
  probes = await populate(city);
}

/** Runs the deed on an agent that dies before that step, then lets a new one make its first pass. Whether it died. */
async function dieIn({ calls }: Pick<Deed, 'calls'>, step: number): Promise<boolean> {
  host.dieBefore(step);
  let died = false;
  try {
    await host.call(...calls);
    await host.quiet();
  } catch (error) {
    if (!(error instanceof Died)) throw error;
    died = true;
  }
  host.spare();
  if (died) await host.start();
  return died;
}

/** What was acknowledged is realised, nothing else is there, and nobody saw what is forbidden. */
async function expectOrder(what: string, thorough = false): Promise<void> {
  await host.quiet();
  const context = `${what}, died before ${host.diedBefore}`;
  expect([host.faults, await host.difference()], context).toEqual([[], []]);
  expect(trespasses(city, probes), context).toEqual([]);
  if (thorough) expect(await discrepancies(host.plan()), context).toEqual([]);
}

const visitors = () =>
  host.snapshot
    .all('instance')
    .filter(({ instanceId, state }) => state === 'running' && !city.instances.includes(instanceId))
    .map(({ instanceId }) => instanceId);
const attachmentOf = (id: string) => host.snapshot.get('networkInterface', id)?.attachment;
const placeOf = (id: string) => attachmentOf(id);
const seen = (what: string) => probes.some((probe) => [...probe.seen.keys()].some((key) => key.startsWith(what)));

const plan = budget('crash');

it('an agent that dies before any operation of attach, move, detach, run and terminate leaves nothing open and nothing behind', {
  timeout: plan.timeout,
}, async () => {
  const { facts } = plan;
  reports(plan, 'crash');
  await begin();
  const [first] = city.spare;
  const [a, b] = city.instances;
  if (!first) throw new Error('no spare interface');
  const networkInterfaceId = first.id;
  const course: readonly { readonly name: string; readonly calls: () => Deed['calls'] }[] = [
    { name: 'attach', calls: () => [{ command: 'attachNetworkInterface', input: { networkInterfaceId, instanceId: a, deviceIndex: 1 } }] },
    { name: 'move', calls: () => [{ command: 'moveNetworkInterface', input: { networkInterfaceId, instanceId: b, deviceIndex: 1 } }] },
    { name: 'detach', calls: () => [{ command: 'detachNetworkInterface', input: { networkInterfaceId } }] },
    { name: 'run', calls: () => [{ command: 'runInstances', input: { subnetId: city.subnetId, groupIds: [city.openGroupId] } }] },
    { name: 'terminate', calls: () => visitors().map((instanceId) => ({ command: 'terminateInstance', input: { instanceId } })) },
  ];
  const left = new Set(course.map(({ name }) => name));
  const steps = new Set<string>();
  let deaths = 0;
  // Each round dies one step later in each deed, until all of them get through.
  for (let step = 0; left.size > 0; step++) {
    if (step % 10 === 0) await expectOrder(`before step ${step}`, true);
    plan.doing(`step ${step}`);
    for (const { name, calls } of course) {
      const died = await dieIn({ calls: calls() }, left.has(name) ? step : Number.POSITIVE_INFINITY);
      if (died) {
        deaths++;
        steps.add(`${name}: ${host.diedBefore}`);
      } else if (left.delete(name)) facts[`steps of ${name}`] = step;
      if (died) await expectOrder(name);
    }
  }
  expect(steps).toContain('attach: create veth');
  expect(steps).toContain('move: delete veth');
  expect(steps).toContain('detach: finishDetach');
  expect(steps).toContain('terminate: delete netns');
  Object.assign(facts, { named: deaths, steps: steps.size });

  // Then anything, anywhere; also in the first pass of the agent that comes after.
  const { dice } = plan;
  let rounds = 0;
  for (; plan.goesOn(); rounds++) {
    const deed = deeds(city, { placeOf, visitors: visitors() }, dice);
    plan.doing(`round ${rounds}, ${deed.name}`);
    let died = await dieIn(deed, dice.below(25));
    for (deaths += Number(died); died && dice.chance(0.3); deaths += Number(died)) died = await dieAgain(dice.below(20));
    await expectOrder(`round ${rounds}, ${deed.name}`, rounds % 25 === 0);
  }
  await expectOrder('the end', true);
  Object.assign(facts, { deaths, rounds });
  // The probes would have seen something: what is open was seen.
  await until(() => seen('8080 10.0.1.11') && seen('8080 10.0.1.12'), 60_000, 'open datagrams');
  expect(deaths).toBeGreaterThan(90);
});

/** The agent ends in an orderly way, and the next one dies in its first pass, if that has so many steps. */
async function dieAgain(step: number): Promise<boolean> {
  host.stop();
  host.dieBefore(step);
  try {
    await host.start();
    host.spare();
    return false;
  } catch (error) {
    if (!(error instanceof Died)) throw error;
    await host.start();
    return true;
  }
}
