import { readdirSync } from 'node:fs';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { isOurNamespace } from '../../agent/kernel/resources.js';
import { startAgent, type TestAgent } from '../support/agent.js';
import { budget, reports } from '../support/torture/budget.js';
import { type ModelInterface, Town } from '../support/torture/town.js';
import { inside } from '../support/traffic.js';
import { makeWire, PARENT } from '../support/wire.js';

let agent: TestAgent;
afterEach(() => agent?.dispose());

const plan = budget('model');
const GROUPS = ['nobody', 'members', 'all'] as const;
const ICMP = { protocol: 'icmp', fromPort: -1, toPort: -1 };

/** What one run works with: the network that every run makes anew, and the last counters of each attachment. */
interface Real {
  vpcId: string;
  subnetId: string;
  /** Interfaces are macvlan devices on a device of the host. */
  readonly isWire: boolean;
  readonly counters: Map<string, Record<string, number>>;
}
type Command = fc.AsyncCommand<Town, Real>;

const post = (path: string, body: unknown) => agent.ok('POST', path, body);
const nth = <T>(from: readonly T[], n: number): T => {
  const found = from[n % from.length];
  if (found === undefined) throw new RangeError('nothing to choose from');
  return found;
};
const groupsFor = (town: Town, bits: number): string[] => {
  const all = [...town.groups.keys()];
  const chosen = all.filter((_, i) => bits & (1 << i));
  return chosen.length > 0 ? chosen : all.slice(0, 1);
};

/** A command that can run in some states, with a number that decides about what. */
const command = (name: string, check: (town: Town) => boolean, run: (town: Town, n: number, real: Real) => Promise<void>) =>
  fc.nat({ max: 1000 }).map(
    (n): Command => ({
      check,
      run: async (town, real) => {
        await run(town, n, real);
        await expectAsModelled(town, real, n);
      },
      toString: () => `${name}(${n})`,
    }),
  );

const free = (town: Town) => town.spare.filter(({ at }) => !at);
const taken = (town: Town) => town.spare.filter(({ at }) => at);
/** Instances with a place for one more interface. */
const hosts = (town: Town) => [...town.instances.keys()].filter((id) => town.freeIndex(id) > 0);

const commands = [
  command(
    'run',
    (town) => town.instances.size < 4,
    async (town, n, { subnetId }) => {
      const groups = groupsFor(town, n);
      const { instances } = await post('/v1/instances', { subnetId, groupIds: groups, instanceType: 'm5.xlarge' });
      const [{ instanceId, networkInterfaces }] = instances;
      const [{ networkInterfaceId, privateIpAddress }] = networkInterfaces;
      town.instances.set(instanceId, true);
      const at = { instance: instanceId, index: 0 };
      town.interfaces.set(networkInterfaceId, { id: networkInterfaceId, addresses: [privateIpAddress], groups, at, isPrimary: true });
    },
  ),
  command(
    'register',
    (town) => town.instances.size < 4,
    async (town, n, { subnetId }) => {
      const groups = groupsFor(town, n);
      const netns = `guest${++guests}`;
      await execa('ip', ['netns', 'add', netns]);
      const body = { netns, subnetId, groupIds: groups, instanceType: 'm5.xlarge' };
      const { instanceId, networkInterfaces } = await post('/v1/instances/register', body);
      const [{ networkInterfaceId, privateIpAddress }] = networkInterfaces;
      town.instances.set(instanceId, true);
      const at = { instance: instanceId, index: 0 };
      town.interfaces.set(networkInterfaceId, { id: networkInterfaceId, addresses: [privateIpAddress], groups, at, isPrimary: true });
    },
  ),
  command(
    'terminate',
    (town) => town.instances.size > 2,
    async (town, n) => {
      const id = nth([...town.instances.keys()], n);
      await agent.ok('DELETE', `/v1/instances/${id}`);
      town.instances.delete(id);
      await removeGuests(town);
      for (const eni of town.of(id)) {
        if (eni.isPrimary) town.interfaces.delete(eni.id);
        else delete eni.at;
      }
    },
  ),
  command(
    'stop or start',
    (town) => town.instances.size > 0,
    async (town, n) => {
      const [id, runs] = nth([...town.instances], n);
      await post(`/v1/instances/${id}/${runs ? 'stop' : 'start'}`, {});
      town.instances.set(id, !runs);
    },
  ),
  command(
    'create',
    (town) => town.spare.length < 4,
    async (town, n, { subnetId }) => {
      const groups = groupsFor(town, n);
      const address = town.freeAddress(n);
      const { networkInterfaceId } = await post('/v1/network-interfaces', { subnetId, groupIds: groups, privateIpAddress: address });
      town.interfaces.set(networkInterfaceId, { id: networkInterfaceId, addresses: [address], groups, isPrimary: false });
    },
  ),
  command(
    'delete',
    (town) => free(town).length > 0,
    async (town, n) => {
      const { id } = nth(free(town), n);
      await agent.ok('DELETE', `/v1/network-interfaces/${id}`);
      town.interfaces.delete(id);
    },
  ),
  command(
    'attach',
    (town) => free(town).length > 0 && hosts(town).length > 0,
    async (town, n) => {
      const eni = nth(free(town), n);
      const instance = nth(hosts(town), n);
      const index = town.freeIndex(instance);
      await post(`/v1/network-interfaces/${eni.id}/attach`, { instanceId: instance, deviceIndex: index });
      eni.at = { instance, index };
    },
  ),
  command(
    'move',
    (town) => taken(town).length > 0 && hosts(town).length > 0,
    async (town, n) => {
      const eni = nth(taken(town), n);
      const instance = nth(hosts(town), n);
      const index = town.freeIndex(instance);
      await post(`/v1/network-interfaces/${eni.id}/move`, { instanceId: instance, deviceIndex: index });
      eni.at = { instance, index };
    },
  ),
  command(
    'detach',
    (town) => taken(town).length > 0,
    async (town, n) => {
      const eni = nth(taken(town), n);
      await post(`/v1/network-interfaces/${eni.id}/detach`, {});
      delete eni.at;
    },
  ),
  command(
    'assign',
    (town) => town.interfaces.size > 0,
    async (town, n) => {
      const eni = nth([...town.interfaces.values()], n);
      const address = town.freeAddress(n);
      await post('/v1/batch', {
        commands: [{ command: 'assignPrivateIpAddresses', input: { networkInterfaceId: eni.id, privateIpAddresses: [address] } }],
      });
      eni.addresses.push(address);
    },
  ),
  command(
    'unassign',
    (town) => [...town.interfaces.values()].some(({ addresses }) => addresses.length > 1),
    async (town, n, { counters }) => {
      const eni = nth(
        [...town.interfaces.values()].filter(({ addresses }) => addresses.length > 1),
        n,
      );
      const address = eni.addresses.at(-1);
      await post('/v1/batch', {
        commands: [{ command: 'unassignPrivateIpAddresses', input: { networkInterfaceId: eni.id, privateIpAddresses: [address] } }],
      });
      eni.addresses.pop();
      // Drops by groups are counted per address, and go with it.
      counters.clear();
    },
  ),
  command(
    'groups',
    (town) => town.interfaces.size > 0,
    async (town, n) => {
      const eni = nth([...town.interfaces.values()], n);
      eni.groups = groupsFor(town, n + 1);
      await agent.ok('PATCH', `/v1/network-interfaces/${eni.id}`, { groupIds: eni.groups });
    },
  ),
  command(
    'permit',
    () => true,
    async (town, n) => {
      const [groupId, before] = nth([...town.groups], n);
      const after = nth(GROUPS, n);
      const change = (name: string, whom: 'members' | 'all') => ({
        command: name,
        input: { groupId, direction: 'ingress', rules: [{ ...ICMP, peer: whom === 'all' ? { cidr: '0.0.0.0/0' } : { self: true } }] },
      });
      if (before === after) return;
      const steps = [
        ...(before === 'nobody' ? [] : [change('revokeSecurityGroupRules', before)]),
        ...(after === 'nobody' ? [] : [change('authorizeSecurityGroupRules', after)]),
      ];
      await post('/v1/batch', { commands: steps });
      town.groups.set(groupId, after);
    },
  ),
];

it('whatever commands come in whatever order, the kernel is as a simple model says', { timeout: plan.timeout }, async () => {
  const { seed, seconds, facts } = plan;
  reports(plan, 'model');
  agent = await startAgent({ args: ['--allow-reset'] });
  await makeWire();
  let runs = 0;
  let steps = 0;
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { size: '+1', maxCommands: 40 }), async (sequence) => {
      plan.doing(`${sequence}`);
      runs++;
      const { town, real } = await found(runs % 2 === 0);
      await fc.asyncModelRun(() => ({ model: town, real }), sequence);
      steps += [...String(sequence)].filter((letter) => letter === '(').length;
      await agent.ok('POST', '/v1/reset', {});
      expect(ourNamespaces()).toEqual([]);
      await removeGuests(new Town());
      Object.assign(facts, { runs, steps });
    }),
    {
      seed,
      numRuns: 100_000,
      interruptAfterTimeLimit: seconds * 1000,
      markInterruptAsFailure: false,
      ...(seconds < 100 && { endOnFailure: true }),
    },
  );
  expect(steps).toBeGreaterThan(0);
});

/** A network with two instances and groups of every sort, from nothing. */
async function found(isWire: boolean): Promise<{ town: Town; real: Real }> {
  await agent.ok('POST', '/v1/reset', {});
  const town = new Town();
  const { vpcId } = await post('/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
  const { subnetId } = await post('/v1/subnets', {
    vpcId,
    cidrBlock: '10.0.1.0/24',
    availabilityZone: 'us-east-1a',
    ...(isWire && { parentDevice: PARENT }),
  });
  for (const groupName of GROUPS) {
    const { groupId } = await post('/v1/security-groups', { vpcId, groupName, description: groupName });
    town.groups.set(groupId, 'nobody');
  }
  return { town, real: { vpcId, subnetId, isWire, counters: new Map() } };
}

let guests = 0;
const ourNamespaces = (): string[] => readdirSync('/run/netns').filter(isOurNamespace).sort();

/** Those that are not registered any more have nothing left of enid's, and go. */
async function removeGuests(town: Town): Promise<void> {
  const { items } = await agent.ok('GET', '/v1/instances');
  const kept = new Set(items.filter(({ instanceId }: any) => town.instances.has(instanceId)).map(({ holder }: any) => holder.name));
  for (const name of readdirSync('/run/netns').filter((each) => each.startsWith('guest') && !kept.has(each))) {
    expect((await inside(name, 'ip', '-br', 'link')).stdout.trim().split('\n')).toHaveLength(1);
    await execa('ip', ['netns', 'del', name]);
  }
}

async function expectAsModelled(town: Town, real: Real, n: number): Promise<void> {
  const { items } = await agent.ok('GET', '/v1/network-interfaces');
  const shown = items.map((eni: any) => ({
    id: eni.networkInterfaceId,
    addresses: eni.privateIpAddresses.map((each: any) => each.privateIpAddress),
    groups: eni.groupIds,
    at: eni.attachment && { instance: eni.attachment.instanceId, index: eni.attachment.deviceIndex },
    status: eni.status,
  }));
  const expected = [...town.interfaces.values()].map(({ id, addresses, groups, at }) => ({
    id,
    addresses: [addresses[0], ...addresses.slice(1)],
    groups,
    at,
    status: at ? 'in-use' : 'available',
  }));
  const comparable = (list: any[]) =>
    list
      .map((each) => ({ ...each, groups: [...each.groups].sort(), addresses: [each.addresses[0], ...each.addresses.slice(1).sort()] }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  expect(comparable(shown)).toEqual(comparable(expected));
  const addresses = shown.flatMap((each: any) => each.addresses);
  expect(new Set(addresses).size).toBe(addresses.length);
  expect((await agent.ok('GET', `/v1/subnets/${real.subnetId}`)).availableIpAddressCount).toBe(town.freeCount);
  await expectDevices(town, real, items);
  await expectPings(town, n);
  await expectCounters(town, real, items);
}

/** Attached to a running instance means: there is a device with the MAC and the addresses. And there is no other. */
async function expectDevices(town: Town, { vpcId }: Real, items: any[]): Promise<void> {
  const isHeld = [...town.interfaces.values()].length > 0 && town.running.length > 0;
  expect(ourNamespaces()).toEqual([...(isHeld ? [vpcId] : []), ...town.running].sort());
  for (const instance of town.running) {
    const { stdout } = await inside(instance, 'ip', '-j', 'addr');
    const devices = JSON.parse(stdout).filter(({ ifname }: any) => ifname !== 'lo');
    const found = devices.map(({ ifname, address, addr_info, operstate }: any) => ({
      device: ifname,
      mac: address,
      addresses: addr_info
        .filter(({ family }: any) => family === 'inet')
        .map(({ local }: any) => local)
        .sort(),
      operstate,
    }));
    const wanted = town.of(instance).map((eni) => ({
      device: `eth${eni.at?.index}`,
      mac: items.find(({ networkInterfaceId }) => networkInterfaceId === eni.id).macAddress,
      addresses: [...eni.addresses].sort(),
      operstate: 'UP',
    }));
    const order = (a: { device: string }, b: { device: string }) => (a.device < b.device ? -1 : 1);
    expect(found.sort(order)).toEqual(wanted.sort(order));
  }
}

/** A sample of who reaches whom. */
async function expectPings(town: Town, n: number): Promise<void> {
  const ends = town.running.flatMap((instance) => town.of(instance));
  for (let i = 0; i < 2; i++) {
    const from = ends[(n + i) % ends.length];
    const others = ends.filter(({ at }) => at?.instance !== from?.at?.instance);
    const to = others[(n * 7 + i) % others.length];
    if (!from || !to) return;
    expect(await ping(from, to, n), `${from.id} to ${to.id}`).toBe(town.passes(from, to));
  }
}

async function ping(from: ModelInterface, to: ModelInterface, n: number): Promise<boolean> {
  const target = to.addresses[n % to.addresses.length] ?? '';
  const { exitCode } = await inside(from.at?.instance ?? '', 'ping', '-n', '-c', '1', '-W', '1', '-I', from.addresses[0] ?? '', target);
  return exitCode === 0;
}

/** What was counted for an attachment never becomes less. */
async function expectCounters(town: Town, { counters, isWire }: Real, items: any[]): Promise<void> {
  // Rules of an instance on a wire count anew whenever they change.
  if (isWire) return;
  for (const { networkInterfaceId, attachment } of items) {
    if (!attachment || !town.instances.get(attachment.instanceId)) continue;
    const { networkInterfaceId: _, ...now } = await agent.ok('GET', `/v1/network-interfaces/${networkInterfaceId}/counters`);
    const serial = `${attachment.attachmentId}`;
    for (const [name, value] of Object.entries(counters.get(serial) ?? {}))
      expect(now?.[name], `${name} of ${networkInterfaceId}`).toBeGreaterThanOrEqual(value);
    counters.set(serial, now);
  }
  // An instance that was stopped has new devices.
  for (const [id, runs] of town.instances)
    if (!runs) for (const { attachment } of items) if (attachment?.instanceId === id) counters.delete(attachment.attachmentId);
}
