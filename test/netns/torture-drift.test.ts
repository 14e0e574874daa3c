import { execa } from 'execa';
import { afterEach, expect, it } from 'vitest';
import { locateNamespace } from '../../agent/guests/locate.js';
import { type KernelObject, keyOf, type NamespaceHolder, type ObjectKind } from '../../agent/kernel/port.js';
import type { PlanSettings } from '../../agent/planner/plan.js';
import { diff } from '../../agent/reconcile/diff.js';
import { startAgent, type TestAgent } from '../support/agent.js';
import { testKernel } from '../support/kernel.js';
import { budget, reports } from '../support/torture/budget.js';
import { agentSettings, planOf, readDurable } from '../support/torture/durable.js';
import { FURNITURE } from '../support/torture/fuzz.js';
import { Probe } from '../support/torture/probe.js';
import { destroy } from '../support/torture/sabotage.js';
import { until } from '../support/traffic.js';
import { makeWire, PARENT } from '../support/wire.js';

let agent: TestAgent;
let settings: PlanSettings;
const probes: Probe[] = [];
/** Namespaces of others: as they are found once, as nobody destroys them here. */
const holders = new Map<string, NamespaceHolder>();
afterEach(async () => {
  for (const probe of probes.splice(0)) probe.end();
  await agent?.dispose();
});

const plan = budget('drift');
const PORT = 8080;
const VPN = [
  { command: 'attachVpnGateway', input: { vpnGatewayId: '$16.vpnGatewayId', vpcId: '$0.vpcId' } },
  {
    command: 'createVpnConnection',
    input: { vpnGatewayId: '$16.vpnGatewayId', customerGatewayId: '$17.customerGatewayId', staticRoutesOnly: true },
  },
];

/** An interface of enid's own instance and one of somebody else's namespace, both on a device of the host. */
const GUEST = 'guest';
const ON_THE_WIRE = [
  { command: 'createSubnet', input: { vpcId: '$0.vpcId', cidrBlock: '10.0.9.0/24', availabilityZone: 'us-east-1a', parentDevice: PARENT } },
  { command: 'runInstances', input: { subnetId: '$21.subnetId', instanceType: 'm5.large' } },
  { command: 'registerInstance', input: { subnetId: '$21.subnetId', netns: GUEST } },
];

const batch = async (commands: readonly unknown[]): Promise<any[]> => (await agent.ok('POST', '/v1/batch', { commands })).results;

it('whatever is destroyed or distorted in the kernel is repaired, and instances elsewhere lose nothing', {
  timeout: plan.timeout,
}, async () => {
  const { dice, facts } = plan;
  reports(plan, 'drift');
  await makeWire();
  await execa('ip', ['netns', 'add', GUEST]);
  settings = { ...(await agentSettings()), holders };
  agent = await startAgent({ args: ['--resync-seconds', '2'] });
  // The victim: a VPC with something of every kind. The bystander: another with the same ranges, where traffic must go on.
  const furniture = await batch([...FURNITURE, ...VPN, ...ON_THE_WIRE]);
  const victim = new Set(furniture.flatMap((result) => Object.values(result)).flat());
  const [vpc, , launched] = await batch([
    { command: 'createVpc', input: { cidrBlock: '10.0.0.0/16' } },
    { command: 'createSubnet', input: { vpcId: '$0.vpcId', cidrBlock: '10.0.1.0/24', availabilityZone: 'us-east-1a' } },
    { command: 'runInstances', input: { subnetId: '$1.subnetId', count: 2 } },
  ]);
  const snapshot = await readDurable(agent.dataDir);
  const guest = locateNamespace({ kind: 'namespace', name: GUEST });
  if (guest.state === 'there') holders.set(furniture.at(-1).instanceId, guest.holder);
  const addresses = launched.instanceIds.map((id: string) => snapshot.by('networkInterface', 'instanceId', id)[0]?.privateIpAddresses[0]);
  for (const id of launched.instanceIds) probes.push(new Probe(id));
  for (const probe of probes) await probe.order({ targets: addresses.map((address: string) => [address, PORT]), listen: [PORT] });

  const bystanders = new Set<string>([vpc.vpcId, ...launched.instanceIds]);
  const targets = planOf(snapshot, settings).filter(({ netns }) => !bystanders.has(netns));
  expect(targets.some(({ netns }) => victim.has(netns))).toBe(true);
  const byKind = new Map<ObjectKind, KernelObject[]>();
  for (const object of targets) byKind.set(object.kind, [...(byKind.get(object.kind) ?? []), object]);
  const destroyed = new Map<string, number>();
  await untilRepaired('at first');
  const kinds = [...byKind.keys()];
  let rounds = 0;
  for (; rounds < kinds.length || plan.goesOn(); rounds++) {
    // Every kind once, then several at a time.
    const round = rounds < kinds.length ? [kinds[rounds] ?? 'netns'] : Array.from({ length: 1 + dice.below(3) }, () => dice.pick(kinds));
    plan.doing(`round ${rounds}: ${round.join(', ')}`);
    const before = received();
    const done: string[] = [];
    for (const kind of round) {
      const what = await destroy(dice.pick<KernelObject>(byKind.get(kind) ?? []), dice);
      if (what === undefined) continue;
      done.push(what);
      destroyed.set(kind, (destroyed.get(kind) ?? 0) + 1);
    }
    await untilRepaired(done.join(', then '));
    await until(() => received() > before + 5, 60_000, `traffic elsewhere after ${done.join(', then ')}`);
  }
  Object.assign(facts, { rounds, destroyed: Object.fromEntries(destroyed) });
  expect(kinds.filter((kind) => !destroyed.has(kind))).toEqual([]);
  expect(missedBy()).toEqual([]);
});

const received = () => probes.reduce((sum, { seen }) => sum + [...seen.values()].reduce((a, b) => a + b, 0), 0);

/** Bystanders that lost something: each datagram carries its number. */
function missedBy(): string[] {
  return probes.flatMap(({ netns, gaps }) => [...gaps].map(([from, count]) => `${netns} missed ${count} from ${from}`));
}

async function untilRepaired(context: string): Promise<void> {
  const wanted = planOf(await readDurable(agent.dataDir), settings).map((object) => [keyOf(object), object] as const);
  const kernel = testKernel();
  let difference: string[] = [];
  try {
    await until(async () => {
      difference = diff(new Map(wanted), await kernel.observe()).map(({ verb, object }) => `${verb} ${keyOf(object)}`);
      return difference.length === 0;
    }, 60_000).catch((error: unknown) => {
      throw new Error(`not repaired after ${context}: ${difference.slice(0, 5).join(', ')}`, { cause: error });
    });
  } finally {
    kernel.close();
  }
}
