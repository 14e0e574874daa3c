import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { expect, it, onTestFinished } from 'vitest';
import { gatewaysOf } from '../support/gateways.js';
import { pings } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

/** What a client at one packet per millisecond loses while an address or a route goes elsewhere. The meter is the benchmarks'. */

const setup = useAgent();
/** Odd, so that the median is one of them; some of an elastic address’s moves lose packets, and few rounds tell little of how many do. */
const ROUNDS = 15;
const STREAM_MS = 400;

/** The meter in a namespace. */
function prober(netns: string) {
  const child: ChildProcess = spawn('ip', ['netns', 'exec', netns, process.execPath, 'scripts/bench.d/prober.mjs'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? '{}');
  return {
    tell: (order: Record<string, unknown>) => void child.stdin?.write(`${JSON.stringify(order)}\n`),
    next,
  };
}

async function echoing(netns: string): Promise<void> {
  const server = prober(netns);
  server.tell({ do: 'echo', port: 7000 });
  expect((await server.next()).done).toEqual({ bound: true });
}

/** Streams while `move` runs, some rounds, each to the other place; losses and longest gaps. */
async function measure(netns: string, address: string, move: (round: number) => Promise<unknown>) {
  const meter = prober(netns);
  const seen = { lost: [] as number[], gapMs: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    meter.tell({ do: 'stream', address, port: 7000, ms: STREAM_MS });
    expect((await meter.next()).started).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, STREAM_MS / 3));
    await move(round);
    const { done } = await meter.next();
    seen.lost.push(done.lost);
    seen.gapMs.push(done.gapMs);
  }
  return seen;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

function expectSmooth(what: string, { lost, gapMs }: { lost: number[]; gapMs: number[] }): void {
  console.log(`${what}: lost ${lost.join(' ')}; longest gap ms ${gapMs.map((gap) => gap.toFixed(2)).join(' ')}`);
  expect(median(lost)).toBeLessThanOrEqual(2);
}

async function twoServers() {
  const world = await setup.world();
  const gateways = gatewaysOf(world);
  const igw = await gateways.internetGateway();
  await gateways.routeTable(world.subnetA, ['0.0.0.0/0', igw]);
  const open = await world.group('all from any');
  const servers = [await world.instance({ groupIds: [open] }), await world.instance({ groupIds: [open] })] as const;
  for (const server of servers) await echoing(server.instanceId);
  return { ...world, ...gateways, igw, open, servers };
}

it('an elastic address goes from one instance to another', async () => {
  const { elasticIp, associate, servers } = await twoServers();
  const { allocationId, publicIp } = await elasticIp();
  await associate(allocationId, { instanceId: servers[0].instanceId });
  expect(await pings('internet', publicIp)).toBe(true);
  const seen = await measure('internet', publicIp, (round) =>
    associate(allocationId, { instanceId: servers[(round + 1) % 2 === 1 ? 1 : 0].instanceId }),
  );
  expectSmooth('elastic address', seen);
});

it('a route goes from one appliance to another', async () => {
  const { agent, instance, open, subnetB, routeTable, replaceRoute, servers } = await twoServers();
  // Both answer at an address that is nobody's: whoever the route leads to.
  const floating = '172.16.0.1';
  for (const { instanceId, eni } of servers) {
    await agent.ok('PATCH', `/v1/network-interfaces/${eni.networkInterfaceId}`, { sourceDestCheck: false });
    await execa('ip', ['-n', instanceId, 'addr', 'add', `${floating}/32`, 'dev', 'lo']);
  }
  const client = await instance({ subnetId: subnetB, groupIds: [open] });
  const table = await routeTable(subnetB, [`${floating}/32`, servers[0].eni.networkInterfaceId]);
  expect(await pings(client.instanceId, floating)).toBe(true);
  const seen = await measure(client.instanceId, floating, (round) =>
    replaceRoute(table, [`${floating}/32`, servers[(round + 1) % 2 === 1 ? 1 : 0].eni.networkInterfaceId]),
  );
  expectSmooth('route', seen);
});

it('changes elsewhere do not touch a flow', async () => {
  const { elasticIp, associate, servers, agent, routeTable, addRoute, igw } = await twoServers();
  const [first, second] = [await elasticIp(), await elasticIp()];
  await associate(first.allocationId, { instanceId: servers[0].instanceId });
  const table = await routeTable(undefined);
  const seen = await measure('internet', first.publicIp, async (round) => {
    const associationId = await associate(second.allocationId, { instanceId: servers[1].instanceId });
    await addRoute(table, [`192.0.${round}.0/24`, igw]);
    await agent.ok('DELETE', `/v1/elastic-ip-associations/${associationId}`);
  });
  expectSmooth('changes elsewhere', seen);
  expect(median(seen.lost)).toBe(0);
});
