import { describe, expect, it } from 'vitest';
import type { KernelObject } from '../../../agent/kernel/port.js';
import { GROUP_WORD, hostEndName, ROUTER_LINK_LOCAL, ROUTER_MAC } from '../../../agent/kernel/resources.js';
import type { Instance } from '../../../agent/model/instance.js';
import type { NetworkInterface } from '../../../agent/model/network-interface.js';
import { linkLocalAddress } from '../../../agent/planner/link-local.js';
import { planUnit } from '../../../agent/planner/plan.js';
import { ofKind, routeTo, SETTINGS, WorldBuilder } from '../../support/builders.js';

function lab(options: { ipv6?: readonly string[]; deviceIndex?: number; instance?: Partial<Instance> } & Partial<NetworkInterface> = {}) {
  const world = new WorldBuilder();
  const vpc = world.vpc({ ipv6Range: 'fd00:1::/56' });
  const subnet = world.subnet(vpc, '10.0.1.0/24', { ipv6Range: 'fd00:1::/64' });
  const { instance: instanceFields, ...fields } = options;
  const instance = world.instance(vpc, instanceFields);
  const eni = world.networkInterface(subnet, '10.0.1.10', { to: instance, macAddress: '02:12:34:56:78:9a', ...fields });
  const plan = (unit: NetworkInterface = eni) => planUnit(world.snapshot(), SETTINGS, unit.networkInterfaceId);
  return { world, vpc, subnet, instance, eni, plan, hostEnd: hostEndName(eni.attachment?.attachmentId as never) };
}

describe('when an interface has objects', () => {
  it.each([
    ['attached to a running instance here', {}, true],
    ['the instance is stopped', { instance: { state: 'stopped' } }, false],
    ['the instance is stopping', { instance: { state: 'stopping' } }, false],
    ['the instance is shutting down', { instance: { state: 'shutting-down' } }, false],
    ['the instance is terminated', { instance: { state: 'terminated' } }, false],
    ['the instance runs on another host', { instance: { hostId: 'elsewhere' } }, false],
  ] as const)('%s', (_name, options, present) => {
    expect(lab(options).plan().length > 0).toBe(present);
  });

  it('not when it is being detached, is detached, or is unknown', () => {
    const { world, eni, plan } = lab();
    world.detach(eni);
    expect(plan()).toEqual([]);
    const { attachment: _, ...available } = eni;
    world.put('networkInterface', available);
    expect(plan()).toEqual([]);
    expect(planUnit(world.snapshot(), SETTINGS, 'eni-00000000000000000')).toEqual([]);
    expect(planUnit(world.snapshot(), SETTINGS, 'something else')).toEqual([]);
  });
});

describe('device', () => {
  it('is a pair named after the attachment and the device index', () => {
    const { vpc, instance, eni, plan, hostEnd } = lab({ deviceIndex: 2 });
    expect(ofKind(plan(), 'veth')).toEqual([
      {
        kind: 'veth',
        netns: vpc.vpcId,
        name: hostEnd,
        alias: eni.networkInterfaceId,
        mac: ROUTER_MAC,
        group: (1 << GROUP_WORD.combinationShift) | (1 << GROUP_WORD.routeTableShift) | 1,
        rpFilter: 1,
        ipv6: false,
        mtu: 1500,
        peer: { netns: instance.instanceId, name: 'eth2', mac: '02:12:34:56:78:9a' },
      },
    ]);
  });

  it('speaks IPv6 when the interface has an address of it, or routes of it lead there', () => {
    const speaks = (plan: readonly KernelObject[]) => ofKind(plan, 'veth')[0]?.ipv6;
    const ofIpv6 = (plan: readonly KernelObject[]) => JSON.stringify(plan).includes('fe80');
    const { world, vpc, eni, plan } = lab();
    expect([speaks(plan()), ofIpv6(plan())]).toEqual([false, false]);
    world.routeTable(vpc, { routes: [routeTo('::/0', eni)] });
    expect([speaks(plan()), ofIpv6(plan())]).toEqual([true, true]);
    expect(speaks(lab({ ipv6: ['fd00:1::10'] }).plan())).toBe(true);
  });

  it.each([
    ['check off', { sourceDestCheck: false }, 0, 0],
    ['check on', { sourceDestCheck: true }, 1, 1],
  ] as const)('%s', (_name, options, bit, rpFilter) => {
    const [veth] = ofKind(lab(options).plan(), 'veth');
    expect([(veth?.group ?? 0) & GROUP_WORD.checkMask, veth?.rpFilter]).toEqual([bit, rpFilter]);
  });

  it('carries the index of the subnet’s route table, or of the main one', () => {
    const { world, vpc, subnet, plan } = lab();
    const index = () => ((ofKind(plan(), 'veth')[0]?.group ?? 0) & GROUP_WORD.routeTableMask) >>> GROUP_WORD.routeTableShift;
    expect(index()).toBe(1);
    const own = world.routeTable(vpc, { subnets: [subnet] });
    expect(index()).toBe(2);
    world.put('routeTable', { ...own, associations: [] });
    expect(index()).toBe(1);
  });

  it('carries the largest combination as an unsigned word', () => {
    const [veth] = ofKind(lab({ combinationIndex: 0xffffe }).plan(), 'veth');
    expect(veth?.group).toBe(0xffffe003);
  });
});

describe('in the router', () => {
  it('has a route and a neighbour per address, and a neighbour for the link-local address', () => {
    const { vpc, plan, hostEnd } = lab({ privateIpAddresses: ['10.0.1.10', '10.0.1.11'], ipv6: ['fd00:1::10'] });
    const routes = ofKind(plan(), 'route').filter((route) => route.netns === vpc.vpcId);
    expect(routes).toEqual(
      ['10.0.1.10/32', '10.0.1.11/32', 'fd00:1::10/128'].map((destination) => ({
        kind: 'route',
        netns: vpc.vpcId,
        device: hostEnd,
        table: 254,
        destination,
        type: 'unicast',
      })),
    );
    expect(ofKind(plan(), 'neighbour').map(({ address, mac, device }) => [address, mac, device])).toEqual(
      ['10.0.1.10', '10.0.1.11', 'fd00:1::10', 'fe80::12:34ff:fe56:789a'].map((address) => [address, '02:12:34:56:78:9a', hostEnd]),
    );
  });

  it('is a member of its own sets, its groups’ and the counters’', () => {
    const { eni, plan, hostEnd } = lab({ ipv6: ['fd00:1::10'] });
    const [group] = eni.groupIds;
    expect(new Set(ofKind(plan(), 'member').map(({ set, entry }) => `${set} ${entry}`))).toEqual(
      new Set([
        `own4 10.0.1.10,${hostEnd}`,
        `own6 fd00:1::10,${hostEnd}`,
        `own6 fe80::12:34ff:fe56:789a,${hostEnd}`,
        ...['source-check-drops', 'dest-check-drops', 'egress-drops', 'ingress-drops'].flatMap((name) => [
          `${name}4 ${hostEnd}`,
          `${name}6 ${hostEnd}`,
        ]),
        `${group}.4 10.0.1.10`,
        `${group}.6 fd00:1::10`,
      ]),
    );
  });

  it('has the rows of the route tables that lead to it', () => {
    const { world, vpc, eni, plan, hostEnd } = lab();
    world.routeTable(vpc, { routes: [routeTo('0.0.0.0/0', eni), routeTo('::/0', eni)] });
    expect(ofKind(plan(), 'route').filter((route) => route.table === 1002 && route.netns === vpc.vpcId)).toEqual([
      expect.objectContaining({ destination: '0.0.0.0/0', type: 'unicast', gateway: '10.0.1.10', device: hostEnd, onlink: true }),
      expect.objectContaining({ destination: '::/0', type: 'unicast', gateway: 'fe80::12:34ff:fe56:789a', device: hostEnd, onlink: true }),
    ]);
  });
});

describe('in the instance', () => {
  const inside = (built: ReturnType<typeof lab>) =>
    built.plan().filter((object) => object.netns === built.instance.instanceId) as KernelObject[];

  it('the primary interface: addresses and the ways out', () => {
    const built = lab({ privateIpAddresses: ['10.0.1.10', '10.0.1.11'], ipv6: ['fd00:1::10'] });
    const netns = built.instance.instanceId;
    expect(inside(built)).toEqual([
      { kind: 'address', netns, device: 'eth0', address: '10.0.1.10/24' },
      { kind: 'address', netns, device: 'eth0', address: '10.0.1.11/24' },
      { kind: 'address', netns, device: 'eth0', address: 'fd00:1::10/128' },
      { kind: 'route', netns, device: 'eth0', table: 254, destination: '0.0.0.0/0', type: 'unicast', gateway: '10.0.1.1' },
      { kind: 'route', netns, device: 'eth0', table: 254, destination: '::/0', type: 'unicast', gateway: ROUTER_LINK_LOCAL },
    ]);
  });

  it('without IPv6 addresses there is no IPv6 way out', () => {
    expect(
      inside(lab())
        .filter((object) => object.kind === 'route')
        .map((route) => route.destination),
    ).toEqual(['0.0.0.0/0']);
  });

  it('a secondary interface: a table of its own, looked up by source', () => {
    const built = lab({ deviceIndex: 1, ipv6: ['fd00:1::10'] });
    const netns = built.instance.instanceId;
    expect(inside(built).filter(({ kind }) => kind !== 'address')).toEqual([
      { kind: 'route', netns, device: 'eth1', table: 254, destination: '::/0', type: 'unicast', gateway: ROUTER_LINK_LOCAL },
      { kind: 'route', netns, device: 'eth1', table: 1001, destination: '10.0.1.0/24', type: 'unicast' },
      { kind: 'route', netns, device: 'eth1', table: 1001, destination: '0.0.0.0/0', type: 'unicast', gateway: '10.0.1.1' },
      { kind: 'route', netns, device: 'eth1', table: 1001, destination: '::/0', type: 'unicast', gateway: ROUTER_LINK_LOCAL },
      { kind: 'rule', netns, family: 4, priority: 1001, from: '10.0.1.10/32', table: 1001 },
      { kind: 'rule', netns, family: 6, priority: 1001, from: 'fd00:1::10/128', table: 1001 },
    ]);
  });

  it('a secondary interface without source-based routing: addresses only', () => {
    const built = lab({ deviceIndex: 1, instance: { sourceBasedRouting: false } });
    expect(inside(built).map(({ kind }) => kind)).toEqual(['address']);
  });

  it('of two interfaces with IPv6 the first has the way out in the main table', () => {
    const built = lab({ deviceIndex: 2, ipv6: ['fd00:1::10'] });
    const mainIpv6 = (eni: NetworkInterface) =>
      ofKind(built.plan(eni), 'route').some((route) => route.table === 254 && route.destination === '::/0' && route.netns.startsWith('i-'));
    expect(mainIpv6(built.eni)).toBe(true);
    const first = built.world.networkInterface(built.subnet, '10.0.1.12', { to: built.instance, deviceIndex: 1, ipv6: ['fd00:1::12'] });
    expect([mainIpv6(first), mainIpv6(built.eni)]).toEqual([true, false]);
    built.world.detach(first);
    expect(mainIpv6(built.eni)).toBe(true);
  });
});

it.each([
  ['02:12:34:56:78:9a', 'fe80::12:34ff:fe56:789a'],
  ['06:ff:ff:ff:ff:ff', 'fe80::4ff:ffff:feff:ffff'],
  [ROUTER_MAC, ROUTER_LINK_LOCAL],
])('the link-local address of %s is %s', (mac, address) => {
  expect(linkLocalAddress(mac)).toBe(address);
});
