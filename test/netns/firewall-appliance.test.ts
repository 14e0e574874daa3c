import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SecurityGroup } from '../../agent/model/security-group.js';
import { planUnit } from '../../agent/planner/plan.js';
import { allUnits } from '../../agent/planner/units.js';
import { diff } from '../../agent/reconcile/diff.js';
import { egress, HOST, ingress, openEgress, routeTo, SETTINGS, WorldBuilder } from '../support/builders.js';
import { inNetns, mapOf, pings, planned, testKernel } from '../support/kernel.js';
import { serve, tcp } from '../support/traffic.js';

/** The plan of a VPC with an appliance between two subnets, on the real kernel: client → appliance → server and back. */

const kernel = testKernel();
const world = new WorldBuilder();
const vpc = world.vpc({ ipv6Range: 'fd00:1::/56' });
const subnetAt = (n: number) => world.subnet(vpc, `10.0.${n}.0/24`, { ipv6Range: `fd00:1:0:${n}::/64` });
const [near, far, middle] = [subnetAt(1), subnetAt(2), subnetAt(3)];
const anyone = world.group(vpc, [ingress('-1', '0.0.0.0/0'), ingress('-1', '::/0'), ...openEgress()]);
const list = world.prefixList(['10.0.0.0/16', '0.0.0.0/0']);
const servers = world.group(vpc, [ingress('tcp', '10.0.1.0/24', 80), ingress('tcp', list, 22), ingress('icmpv6', '::/0'), ...openEgress()]);
const appliances = world.group(vpc, [ingress('-1', '10.0.0.0/16'), egress('tcp', '10.0.0.0/16', [80, 443])]);
const place = (subnet: typeof near, group: SecurityGroup, address: string, ipv6: string, sourceDestCheck = true) => {
  const machine = world.instance(vpc);
  return { machine, eni: world.networkInterface(subnet, address, { to: machine, groups: [group], ipv6: [ipv6], sourceDestCheck }) };
};
const client = place(near, anyone, '10.0.1.10', 'fd00:1:0:1::10');
const server = place(far, servers, '10.0.2.10', 'fd00:1:0:2::10');
const appliance = place(middle, appliances, '10.0.3.10', 'fd00:1:0:3::10', false);
const second = world.networkInterface(middle, '10.0.3.20', {
  to: server.machine,
  deviceIndex: 1,
  groups: [anyone],
  ipv6: ['fd00:1:0:3::20'],
});
world.routeTable(vpc, { subnets: [near], routes: [routeTo('10.0.2.0/24', appliance.eni), routeTo('::/0', appliance.eni)] });
world.routeTable(vpc, { subnets: [far], routes: [routeTo('10.0.1.0/24', appliance.eni)] });

const wanted = () => {
  const snapshot = world.snapshot();
  return mapOf([...allUnits(snapshot, HOST)].flatMap((unit) => planUnit(snapshot, SETTINGS, unit)));
};
async function settle(): Promise<void> {
  const results = await kernel.apply(planned(diff(wanted(), await kernel.observe())));
  expect(results.filter(({ outcome }) => outcome !== 'done')).toEqual([]);
}
const setRules = async (group: SecurityGroup, rules: SecurityGroup['rules']) => {
  world.put('securityGroup', { ...group, rules });
  await settle();
};

beforeAll(async () => {
  await settle();
  inNetns(
    appliance.machine.instanceId,
    'sysctl',
    '-qw',
    'net.ipv4.ip_forward=1',
    'net.ipv4.conf.all.send_redirects=0',
    'net.ipv4.conf.eth0.send_redirects=0',
  );
});
afterAll(async () => {
  await kernel.apply(planned(diff(new Map(), await kernel.observe())));
  expect((await kernel.observe()).size).toBe(0);
  kernel.close();
});

const { instanceId: from } = client.machine;
const { instanceId: to } = server.machine;

it('a plan that was carried out leaves nothing to do', async () => {
  expect(diff(wanted(), await kernel.observe())).toEqual([]);
});

it('traffic between the subnets takes the way over the appliance, both ways', async () => {
  await serve(to, 'tcp:80', 'tcp:443', 'tcp:22');
  const received = () => Number(inNetns(appliance.machine.instanceId, 'cat', '/sys/class/net/eth0/statistics/rx_packets').stdout);
  const before = received();
  expect(await tcp(from, '10.0.2.10', 80)).toBe('10.0.1.10');
  expect(received() - before).toBeGreaterThan(6);
});

it('every interface’s groups are asked on the way: the client’s consent and the appliance’s are not the server’s', async () => {
  await serve(to, 'tcp:80', 'tcp:443', 'tcp:22');
  // 443: appliance yes, server no. 22: server yes, appliance lets it in, but not out.
  expect([await tcp(from, '10.0.2.10', 80), await tcp(from, '10.0.2.10', 443), await tcp(from, '10.0.2.10', 22)]).toEqual([
    '10.0.1.10',
    undefined,
    undefined,
  ]);
  await setRules(appliances, [ingress('-1', '10.0.0.0/16'), egress('-1', '10.0.0.0/16')]);
  expect(await tcp(from, '10.0.2.10', 22)).toBe('10.0.1.10');
  await setRules(appliances, [egress('-1', '10.0.0.0/16')]);
  expect(await tcp(from, '10.0.2.10', 22)).toBeUndefined();
  await setRules(appliances, appliances.rules);
});

it('a route is a blackhole while the appliance stands still, though the server is there', async () => {
  await serve(to, 'tcp:80');
  world.put('instance', { ...appliance.machine, state: 'stopped' });
  await settle();
  expect(await tcp(from, '10.0.2.10', 80)).toBeUndefined();
  world.put('instance', appliance.machine);
  await settle();
  inNetns(
    appliance.machine.instanceId,
    'sysctl',
    '-qw',
    'net.ipv4.ip_forward=1',
    'net.ipv4.conf.all.send_redirects=0',
    'net.ipv4.conf.eth0.send_redirects=0',
  );
  expect(await tcp(from, '10.0.2.10', 80)).toBe('10.0.1.10');
});

it('IPv6 within the VPC, by the rules of IPv6', () => {
  // The server's groups let ICMPv6 in; the way is direct, as ::/0 is less specific than local.
  expect(pings(from, 'fd00:1:0:2::10')).toBe(true);
  expect(pings(to, 'fd00:1:0:1::10')).toBe(true);
});

it('the second interface answers where it was asked', () => {
  expect([pings(from, '10.0.3.20'), pings(from, 'fd00:1:0:3::20')]).toEqual([true, true]);
});

it('a move with the same device index: the name in the instance is freed for the newcomer in the same pass', async () => {
  const replacement = world.networkInterface(middle, '10.0.3.21', { to: server.machine, deviceIndex: 1, groups: [anyone] });
  world.attach(second, client.machine, 1);
  await settle();
  expect(diff(wanted(), await kernel.observe())).toEqual([]);
  expect([pings(from, '10.0.3.21'), pings(to, '10.0.3.20')]).toEqual([true, true]);
  expect(inNetns(to, 'cat', '/sys/class/net/eth1/address').stdout).toBe(replacement.macAddress);
});
