import { describe, expect, it } from 'vitest';
import { keyOf } from '../../../agent/kernel/port.js';
import { SYSCTLS } from '../../../agent/kernel/resources.js';
import { planUnit } from '../../../agent/planner/plan.js';
import { allUnits } from '../../../agent/planner/units.js';
import { HOST, ingress, ofKind, routeTo, SETTINGS, WorldBuilder } from '../../support/builders.js';

function lab() {
  const world = new WorldBuilder();
  const vpc = world.vpc({ ipv6Range: 'fd00:1::/56' });
  const subnet = world.subnet(vpc, '10.0.1.0/24', { ipv6Range: 'fd00:1::/64' });
  const instance = world.instance(vpc);
  const eni = world.networkInterface(subnet, '10.0.1.10', { to: instance });
  const plan = () => planUnit(world.snapshot(), SETTINGS, vpc.vpcId);
  const routes = (table: number) =>
    ofKind(plan(), 'route').flatMap(({ table: of, destination, type }) => (of === table ? [`${type} ${destination}`] : []));
  return { world, vpc, subnet, instance, eni, plan, routes };
}

describe('a router is there', () => {
  it.each([
    ['while a running instance of the host has an interface', () => {}, true],
    [
      'not when the instance is stopped',
      ({ world, instance }: ReturnType<typeof lab>) => world.put('instance', { ...instance, state: 'stopped' }),
      false,
    ],
    [
      'not when the instance is on another host',
      ({ world, instance }: ReturnType<typeof lab>) => world.put('instance', { ...instance, hostId: 'b' }),
      false,
    ],
    ['not when the last interface is being detached', ({ world, eni }: ReturnType<typeof lab>) => world.detach(eni), false],
    ['not when the VPC is unknown', ({ world, vpc }: ReturnType<typeof lab>) => world.delete('vpc', vpc.vpcId), false],
  ] as const)('%s', (_name, change, present) => {
    const built = lab();
    change(built);
    expect(ofKind(built.plan(), 'netns').length > 0).toBe(present);
    if (!present) expect(built.plan()).toEqual([]);
  });

  it('not for an instance without interfaces, which has its namespace all the same', () => {
    const world = new WorldBuilder();
    const vpc = world.vpc();
    const instance = world.instance(vpc);
    expect(planUnit(world.snapshot(), SETTINGS, vpc.vpcId)).toEqual([]);
    const objects = planUnit(world.snapshot(), SETTINGS, instance.instanceId);
    expect(ofKind(objects, 'netns')).toEqual([{ kind: 'netns', netns: instance.instanceId }]);
    expect(Object.fromEntries(ofKind(objects, 'sysctl').map(({ path, value }) => [path, value]))).toEqual(SYSCTLS.instance);
  });
});

describe('a router has', () => {
  it('its settings', () => {
    expect(Object.fromEntries(ofKind(lab().plan(), 'sysctl').map(({ path, value }) => [path, value]))).toEqual(SYSCTLS.router);
  });

  it('the first address of every subnet on its loopback device', () => {
    const { world, vpc, plan } = lab();
    world.subnet(vpc, '10.0.2.0/24');
    expect(
      ofKind(plan(), 'address')
        .map(({ device, address }) => `${device} ${address}`)
        .sort(),
    ).toEqual(['lo 10.0.1.1/32', 'lo 10.0.2.1/32', 'lo fd00:1::1/128']);
  });

  it('a blackhole for every range of the VPC, and where there are other route tables a rule that keeps it local', () => {
    const { world, vpc, eni, plan, routes } = lab();
    world.put('vpc', { ...vpc, secondaryCidrBlocks: [{ associationId: 'a', cidrBlock: '10.9.0.0/16' }] });
    expect(routes(254)).toEqual(['blackhole 10.0.0.0/16', 'blackhole 10.9.0.0/16', 'blackhole fd00:1::/56']);
    const local = () => ofKind(plan(), 'rule').flatMap(({ priority, to, table }) => (priority === 50 ? [[to, table]] : []));
    expect(local()).toEqual([]);
    world.routeTable(vpc, { routes: [routeTo('192.0.2.0/24', eni)] });
    const rangesOf4 = [
      ['10.0.0.0/16', 254],
      ['10.9.0.0/16', 254],
    ];
    expect(local()).toEqual(rangesOf4);
    world.routeTable(vpc, { routes: [routeTo('2001:db8::/32', eni)] });
    expect(local()).toEqual([...rangesOf4, ['fd00:1::/56', 254]]);
  });

  it('both rule sets', () => {
    const rulesets = ofKind(lab().plan(), 'ruleset');
    expect(rulesets.map(({ family }) => family)).toEqual([4, 6]);
    for (const { text, fingerprint } of rulesets) expect([text.length > 1000, /^[0-9a-f]{16}$/.test(fingerprint)]).toEqual([true, true]);
  });

  it('every set that its rules or its interfaces’ members name', () => {
    const { world, vpc, subnet } = lab();
    const list = world.prefixList(['192.0.2.0/24', '192.0.2.7/32', '192.0.2.0/24']);
    const referenced = world.group(vpc, []);
    const group = world.group(vpc, [ingress('tcp', referenced, 80), ingress('tcp', list, 22)]);
    world.networkInterface(subnet, '10.0.1.20', { to: world.instance(vpc), groups: [group], ipv6: ['fd00:1::20'] });
    const snapshot = world.snapshot();
    const objects = [...allUnits(snapshot, HOST)].flatMap((unit) => planUnit(snapshot, SETTINGS, unit));
    const sets = new Map(ofKind(objects, 'set').map((set) => [set.name, set]));
    for (const { set } of ofKind(objects, 'member')) expect(sets.has(set), set).toBe(true);
    for (const { text } of ofKind(objects, 'ruleset'))
      for (const [, set = ''] of text.matchAll(/@([\w.-]+)/g)) expect(sets.has(set), set).toBe(true);
    expect(sets.get(`${referenced.groupId}.6`)).toMatchObject({ type: 'address', family: 6, counters: false });
  });

  it('no object twice, with all units of the host together', () => {
    const { world, vpc, subnet, eni } = lab();
    const nat = world.networkInterface(subnet, '10.0.1.20', { to: world.instance(vpc) });
    world.routeTable(vpc, { routes: [routeTo('0.0.0.0/0', nat), routeTo('10.0.9.0/24', eni), routeTo('10.0.8.0/24', world.detach(eni))] });
    const snapshot = world.snapshot();
    const keys = [...allUnits(snapshot, HOST)].flatMap((unit) => planUnit(snapshot, SETTINGS, unit)).map((object) => keyOf(object));
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('route tables', () => {
  const gateway = { kind: 'gateway', gatewayId: 'igw-00000000000000000' } as const;

  it('a table that says nothing but local has no rule, no mark and no row', () => {
    const { world, vpc, subnet, plan } = lab();
    world.routeTable(vpc, { subnets: [subnet], routes: [{ destination: '10.0.0.0/16', target: { kind: 'local' } }] });
    expect(ofKind(plan(), 'rule').filter(({ mark }) => mark)).toEqual([]);
    expect(ofKind(plan(), 'ruleset').some(({ text }) => text.includes('--set-xmark 0x2/0x20ffff'))).toBe(false);
  });

  it('marks what comes from its subnets and looks it up there, in each family that it has routes for', () => {
    const { world, vpc, subnet, eni, plan } = lab();
    world.routeTable(vpc, { subnets: [subnet], routes: [routeTo('0.0.0.0/0', eni)] });
    const { vpcId: netns } = vpc;
    expect(ofKind(plan(), 'rule').filter(({ mark }) => mark)).toEqual([
      { kind: 'rule', netns, family: 4, table: 1002, priority: 100, mark: { value: 2, mask: 0xffff } },
    ]);
    expect(ofKind(plan(), 'ruleset')[0]?.text).toMatch(
      /add rule ip enid prerouting iifgroup & 0xffe == 0x4 meta mark set meta mark & 0xffdf0000 \| 0x2 /,
    );
  });

  it('a destination within the VPC goes before the local rule', () => {
    const { world, vpc, eni, plan } = lab();
    world.routeTable(vpc, { routes: [routeTo('10.0.2.0/24', eni)] });
    expect(ofKind(plan(), 'rule').filter(({ priority }) => priority === 40)).toEqual([
      { kind: 'rule', netns: vpc.vpcId, family: 4, table: 1002, priority: 40, to: '10.0.2.0/24', mark: { value: 2, mask: 0xffff } },
    ]);
  });

  it('a row that leads to nobody is a blackhole; the interface has it while it is there', () => {
    const { world, vpc, instance, eni, routes } = lab();
    const other = world.networkInterface(world.must('subnet', eni.subnetId), '10.0.1.11', { to: world.instance(vpc) });
    world.routeTable(vpc, { routes: [routeTo('0.0.0.0/0', other), { destination: '192.0.2.0/24', target: gateway }] });
    expect(routes(1002)).toEqual(['blackhole 192.0.2.0/24']);
    world.detach(other);
    expect(routes(1002)).toEqual(['blackhole 0.0.0.0/0', 'blackhole 192.0.2.0/24']);
    world.attach(other, instance, 1);
    expect(routes(1002)).toEqual(['blackhole 192.0.2.0/24']);
  });

  it('a route to a prefix list is a row per entry', () => {
    const { world, vpc, eni, routes } = lab();
    const list = world.prefixList(['192.0.2.0/24', '198.51.100.0/24']);
    world.routeTable(vpc, { routes: [{ destination: list.prefixListId, target: gateway }, routeTo('198.51.100.0/24', eni)] });
    expect(routes(1002)).toEqual(['blackhole 192.0.2.0/24', 'blackhole 198.51.100.0/24']);
  });
});
