import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Instance } from '../../../agent/model/instance.js';
import type { NetworkInterface } from '../../../agent/model/network-interface.js';
import type { Snapshot } from '../../../agent/model/snapshot.js';
import { planUnit } from '../../../agent/planner/plan.js';
import { affectedUnits, allUnits, unitNamespaces, unitNeeds } from '../../../agent/planner/units.js';
import { egress, HOST, ingress, openEgress, routeTo, SETTINGS, WorldBuilder } from '../../support/builders.js';

/** Resolvers have tests of their own. */
const affectedHere = (event: Parameters<typeof affectedUnits>[0]) =>
  [...affectedUnits(event, HOST)].filter((unit) => !/^(dns|imds)-/.test(unit));

function lab() {
  const world = new WorldBuilder();
  const vpc = world.vpc({ ipv6Range: 'fd00:1::/56' });
  const subnet = world.subnet(vpc, '10.0.1.0/24', { ipv6Range: 'fd00:1::/64' });
  const [one, two] = [world.instance(vpc), world.instance(vpc)];
  const list = world.prefixList(['192.0.2.0/24']);
  const unused = world.group(vpc, []);
  const group = world.group(vpc, [ingress('tcp', list, 22), ...openEgress()]);
  const first = world.networkInterface(subnet, '10.0.1.10', { to: one, groups: [group] });
  const second = world.networkInterface(subnet, '10.0.1.11', { to: two, groups: [group] });
  const spare = world.networkInterface(subnet, '10.0.1.12', { groups: [group] });
  const table = world.routeTable(vpc);
  return { world, vpc, subnet, one, two, list, unused, group, first, second, spare, table };
}
type Lab = ReturnType<typeof lab>;

const ROWS: [string, (lab: Lab) => void, (lab: Lab) => string[]][] = [
  [
    'a tag on an interface',
    ({ world, first }) => world.put('networkInterface', { ...first, tags: { a: 'b' }, description: 'x' }),
    () => [],
  ],
  ['an attachment', ({ world, spare, one }) => world.attach(spare, one, 1), ({ spare }) => [spare.networkInterfaceId]],
  [
    'an attachment to a stopped instance',
    ({ world, spare, vpc }) => world.attach(spare, world.instance(vpc, { state: 'stopped' }), 1),
    ({ spare }) => [spare.networkInterfaceId, 'new'],
  ],
  ['an attachment on another host', ({ world, spare, vpc }) => world.attach(spare, world.instance(vpc, { hostId: 'b' }), 1), () => []],
  ['a detachment', ({ world, first }) => world.detach(first), ({ first }) => [first.networkInterfaceId]],
  ['a move', ({ world, second, one }) => world.attach(second, one, 1), ({ second }) => [second.networkInterfaceId]],
  [
    'the last interface',
    ({ world, first, second }) => [first, second].map((eni) => world.detach(eni)),
    ({ vpc, first, second }) => [vpc.vpcId, first.networkInterfaceId, second.networkInterfaceId],
  ],
  [
    'an address',
    ({ world, first }) => world.put('networkInterface', { ...first, privateIpAddresses: ['10.0.1.10', '10.0.1.99'] }),
    ({ first }) => [first.networkInterfaceId],
  ],
  [
    'the check',
    ({ world, first }) => world.put('networkInterface', { ...first, sourceDestCheck: false }),
    ({ first }) => [first.networkInterfaceId],
  ],
  [
    'other groups, a new combination',
    ({ world, vpc, first, unused }) => {
      const groupIds = [unused.groupId];
      world.put('networkInterface', { ...first, groupIds, combinationIndex: world.combination(vpc.vpcId, groupIds).index });
    },
    ({ vpc, first }) => [vpc.vpcId, first.networkInterfaceId],
  ],
  ['a rule of a group in use', ({ world, group }) => world.put('securityGroup', { ...group, rules: [] }), ({ vpc }) => [vpc.vpcId]],
  [
    'a rule of a group that nobody is in',
    ({ world, unused }) => world.put('securityGroup', { ...unused, rules: [egress('-1', '0.0.0.0/0')] }),
    () => [],
  ],
  [
    'a description of a rule',
    ({ world, group }) => world.put('securityGroup', { ...group, rules: group.rules.map((rule) => ({ ...rule, description: 'x' })) }),
    () => [],
  ],
  ['a new group', ({ world, vpc }) => world.group(vpc, openEgress()), () => []],
  ['entries of a prefix list', ({ world, list }) => world.put('prefixList', { ...list, entries: [] }), ({ vpc }) => [vpc.vpcId]],
  ['the name of a prefix list', ({ world, list }) => world.put('prefixList', { ...list, name: 'x' }), () => []],
  [
    'a route to an interface',
    ({ world, table, first }) => world.put('routeTable', { ...table, routes: [routeTo('0.0.0.0/0', first)] }),
    ({ vpc, first }) => [vpc.vpcId, first.networkInterfaceId],
  ],
  [
    'an association with a subnet',
    ({ world, table, subnet }) => world.put('routeTable', { ...table, associations: [{ associationId: 'a', subnetId: subnet.subnetId }] }),
    ({ first, second }) => [first.networkInterfaceId, second.networkInterfaceId],
  ],
  ['a subnet', ({ world, vpc }) => world.subnet(vpc, '10.0.2.0/24'), ({ vpc }) => [vpc.vpcId]],
  ['a flag of a subnet', ({ world, subnet }) => world.put('subnet', { ...subnet, mapPublicIpOnLaunch: true }), () => []],
  [
    'a range of the VPC',
    ({ world, vpc }) => world.put('vpc', { ...vpc, secondaryCidrBlocks: [{ associationId: 'a', cidrBlock: '10.9.0.0/16' }] }),
    ({ vpc }) => [vpc.vpcId],
  ],
  ['a name of the VPC', ({ world, vpc }) => world.put('vpc', { ...vpc, tags: { Name: 'x' } }), () => []],
  ['a VPC with nothing in it', ({ world }) => world.vpc({ cidrBlock: '10.7.0.0/16' }), () => []],
  [
    'stopping an instance',
    ({ world, one }) => world.put('instance', { ...one, state: 'stopping' }),
    ({ one, first }) => [one.instanceId, first.networkInterfaceId],
  ],
  [
    'stopped, which the host has reported',
    ({ world, one }) => world.put('instance', { ...one, state: 'stopped' }),
    ({ one, first }) => [one.instanceId, first.networkInterfaceId],
  ],
  ['a tag of an instance', ({ world, one }) => world.put('instance', { ...one, tags: { a: 'b' } }), () => []],
  ['a reboot', ({ world, one }) => world.put('instance', { ...one, bootSerial: 2 }), ({ one }) => [one.instanceId]],
  [
    'source-based routing',
    ({ world, one }) => world.put('instance', { ...one, sourceBasedRouting: false }),
    ({ first }) => [first.networkInterfaceId],
  ],
];

describe('units that a commit affects', () => {
  it.each(ROWS)('%s', (_name, change, units) => {
    const built = lab();
    const event = built.world.commit(() => change(built));
    const fresh = event.after.all('instance').filter((instance) => !event.before.get('instance', instance.instanceId));
    const expected = units(built).map((unit) => (unit === 'new' ? (fresh[0]?.instanceId ?? '') : unit));
    expect([...affectedHere(event)].sort()).toEqual(expected.sort());
  });

  it('the router, when an interface that a route leads to comes or goes', () => {
    const built = lab();
    built.world.put('routeTable', { ...built.table, routes: [routeTo('0.0.0.0/0', built.spare)] });
    const attached = built.world.commit(() => built.world.attach(built.spare, built.one, 1));
    expect([...affectedHere(attached)].sort()).toEqual([built.vpc.vpcId, built.spare.networkInterfaceId].sort());
    const detached = built.world.commit(() => built.world.detach(built.world.must('networkInterface', built.spare.networkInterfaceId)));
    expect([...affectedHere(detached)].sort()).toEqual([built.vpc.vpcId, built.spare.networkInterfaceId].sort());
  });

  it('the other interfaces of the instance with IPv6, when one with IPv6 comes', () => {
    const { world, vpc, subnet } = lab();
    const instance = world.instance(vpc);
    const later = world.networkInterface(subnet, '10.0.1.20', { to: instance, deviceIndex: 2, ipv6: ['fd00:1::20'] });
    const plain = world.networkInterface(subnet, '10.0.1.21', { to: instance, deviceIndex: 3 });
    const event = world.commit(() => world.networkInterface(subnet, '10.0.1.22', { to: instance, deviceIndex: 1, ipv6: ['fd00:1::22'] }));
    const units = affectedUnits(event, HOST);
    expect([units.has(later.networkInterfaceId), units.has(plain.networkInterfaceId)]).toEqual([true, false]);
  });
});

/** A world that changes at random, all sorts of records. */
const STEPS: ((lab: Lab, n: number) => unknown)[] = [
  ({ world, spare, one, two }, n) => world.attach(world.must('networkInterface', spare.networkInterfaceId), n % 2 ? one : two, 1 + (n % 3)),
  ({ world, first, second, spare }, n) => world.detach(world.must('networkInterface', pick([first, second, spare], n).networkInterfaceId)),
  ({ world, first, second, spare }, n) => {
    const { attachment: _, ...free } = world.must('networkInterface', pick([first, second, spare], n).networkInterfaceId);
    world.put('networkInterface', free);
  },
  ({ world, first, second, spare }, n) => {
    const eni = world.must('networkInterface', pick([first, second, spare], n).networkInterfaceId);
    world.put('networkInterface', {
      ...eni,
      ...pick<Partial<NetworkInterface>>(
        [{ sourceDestCheck: false }, { ipv6Addresses: ['fd00:1::77'] }, { ipv6Addresses: [] }, { sourceDestCheck: true }],
        n >> 2,
      ),
    });
  },
  ({ world, one, two }, n) => {
    const instance = world.must('instance', pick([one, two], n).instanceId);
    world.put('instance', {
      ...instance,
      ...pick<Partial<Instance>>(
        [
          { state: 'stopped' },
          { state: 'running' },
          { state: 'stopping' },
          { sourceBasedRouting: false },
          { hostId: 'b' },
          { hostId: HOST },
        ],
        n >> 1,
      ),
    });
  },
  ({ world, table, first, second, spare }, n) =>
    world.put('routeTable', {
      ...world.must('routeTable', table.routeTableId),
      routes: [routeTo(pick(['0.0.0.0/0', '::/0', '10.0.9.0/24'], n), pick([first, second, spare], n >> 1))],
    }),
  ({ world, table, list, first }) =>
    world.put('routeTable', { ...world.must('routeTable', table.routeTableId), routes: [routeTo(list.prefixListId, first)] }),
  ({ world, table, subnet }, n) =>
    world.put('routeTable', {
      ...world.must('routeTable', table.routeTableId),
      associations: n % 2 ? [{ associationId: 'a', subnetId: subnet.subnetId }] : [],
    }),
  ({ world, list }, n) => world.put('prefixList', { ...list, entries: [{ cidr: `192.0.${n}.0/24` }] }),
  ({ world, group, list }, n) => world.put('securityGroup', { ...group, rules: pick([[], [ingress('tcp', list, 80)], openEgress()], n) }),
  ({ world, vpc, unused, first }) => {
    const groupIds = [unused.groupId];
    const eni = world.must('networkInterface', first.networkInterfaceId);
    world.put('networkInterface', { ...eni, groupIds, combinationIndex: world.combination(vpc.vpcId, groupIds).index });
  },
  ({ world, vpc }, n) => world.put('vpc', { ...vpc, secondaryCidrBlocks: n % 2 ? [{ associationId: 'a', cidrBlock: '10.9.0.0/16' }] : [] }),
  ({ world, vpc }, n) => world.subnet(vpc, `10.0.${20 + (n % 100)}.0/24`),
  ({ world, spare }) => world.delete('networkInterface', spare.networkInterfaceId),
];
const pick = <T>(choices: readonly T[], n: number): T => choices[n % choices.length] as T;

const planned = (snapshot: Snapshot, unit: string) => JSON.stringify(planUnit(snapshot, SETTINGS, unit));

it('no unit plans differently that is not affected', () => {
  const step = fc.record({ which: fc.nat(STEPS.length - 1), n: fc.nat(99) });
  fc.assert(
    fc.property(fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 8 }), (commits) => {
      const built = lab();
      for (const steps of commits) {
        const event = built.world.commit(() => {
          for (const { which, n } of steps) {
            if (!built.world.snapshot().get('networkInterface', built.spare.networkInterfaceId)) continue;
            STEPS[which]?.(built, n);
          }
        });
        const affected = affectedUnits(event, HOST);
        for (const unit of new Set([...allUnits(event.before, HOST), ...allUnits(event.after, HOST)]))
          if (!affected.has(unit) && planned(event.after, unit) !== planned(event.before, unit))
            throw new Error(`${unit} plans differently`);
      }
    }),
    { numRuns: 60 },
  );
});

describe('all units', () => {
  it('those that plan something, and those that wait for their end', () => {
    const { world, vpc, subnet, one, two, first, second, spare } = lab();
    const stopped = world.instance(vpc, { state: 'stopped' });
    world.networkInterface(subnet, '10.0.1.30', { to: stopped });
    const leaving = world.detach(world.networkInterface(subnet, '10.0.1.31', { to: stopped, deviceIndex: 1 }));
    const ending = world.instance(vpc, { state: 'shutting-down' });
    const withIt = world.networkInterface(subnet, '10.0.1.32', { to: ending });
    world.instance(vpc, { hostId: 'b' });
    const units = new Set([...allUnits(world.snapshot(), HOST)].filter((unit) => !/^(dns|imds)-/.test(unit)));
    const expected = [one, two, ending].map((instance) => instance.instanceId as string);
    expect(units).toEqual(new Set([vpc.vpcId, ...expected, ...[first, second, leaving, withIt].map((eni) => eni.networkInterfaceId)]));
    expect(units.has(spare.networkInterfaceId)).toBe(false);
  });

  it('needs and namespaces', () => {
    const { world, vpc, one, first, spare } = lab();
    const snapshot = world.snapshot();
    expect(unitNeeds(snapshot, first.networkInterfaceId)).toEqual([vpc.vpcId, one.instanceId]);
    expect(unitNamespaces(snapshot, first.networkInterfaceId)).toEqual([vpc.vpcId, one.instanceId]);
    expect([unitNeeds(snapshot, vpc.vpcId), unitNeeds(snapshot, one.instanceId), unitNeeds(snapshot, spare.networkInterfaceId)]).toEqual([
      [],
      [],
      [],
    ]);
    expect([unitNamespaces(snapshot, vpc.vpcId), unitNamespaces(snapshot, one.instanceId)]).toEqual([[vpc.vpcId], [one.instanceId]]);
    expect([unitNamespaces(snapshot, spare.networkInterfaceId), unitNamespaces(snapshot, 'eni-0'), unitNeeds(snapshot, 'eni-0')]).toEqual([
      [],
      [],
      [],
    ]);
  });
});
