import { readdirSync } from 'node:fs';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { gatewaysOf } from '../support/gateways.js';
import { inside, pings, until } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

const setup = useAgent(['--log-level', 'debug', '--resync-seconds', '2']);
const SERVER = '198.51.100.80';
const INTERNET = 'internet';

/** One of everything: both sorts of internet gateway, NAT, peering, an elastic address; `b` is behind the NAT gateway. */
async function everything() {
  const world = await setup.world({ ipv6: true });
  const { agent, vpcId, subnetA, subnetB } = world;
  const gateways = gatewaysOf(world);
  const igw = await gateways.internetGateway();
  const { egressOnlyInternetGatewayId: eigw } = await agent.ok('POST', '/v1/egress-only-internet-gateways', { vpcId });
  const open = await world.group('all from any');
  const a = await world.instance({ groupIds: [open] });
  const b = await world.instance({ groupIds: [open], subnetId: subnetB });
  await gateways.routeTable(subnetA, ['0.0.0.0/0', igw], ['::/0', eigw]);
  const { allocationId, publicIp } = await gateways.elasticIp();
  await gateways.associate(allocationId, { instanceId: a.instanceId });
  const nat = await gateways.natGateway({ subnetId: subnetA, allocationId: (await gateways.elasticIp()).allocationId });
  await gateways.routeTable(subnetB, ['0.0.0.0/0', nat.natGatewayId]);

  const other = await agent.ok('POST', '/v1/vpcs', { cidrBlock: '10.9.0.0/16' });
  const { subnetId } = await agent.ok('POST', '/v1/subnets', {
    vpcId: other.vpcId,
    cidrBlock: '10.9.1.0/24',
    availabilityZone: 'us-east-1a',
  });
  const rules = [{ protocol: '-1', peer: { cidr: '10.0.0.0/8' } }];
  await agent.ok('POST', `/v1/security-groups/${other.defaultSecurityGroupId}/rules`, { direction: 'ingress', rules });
  const c = (await agent.ok('POST', '/v1/instances', { instanceType: 'm5.large', subnetId })).instances[0];
  const { vpcPeeringConnectionId: pcx } = await agent.ok('POST', '/v1/vpc-peering-connections', { vpcId, peerVpcId: other.vpcId });
  await agent.ok('POST', `/v1/vpc-peering-connections/${pcx}/accept`, {});
  const { mainRouteTableId } = await agent.ok('GET', `/v1/vpcs/${vpcId}`);
  await gateways.addRoute(mainRouteTableId, ['10.9.0.0/16', pcx]);
  await gateways.addRoute(other.mainRouteTableId, ['10.0.0.0/16', pcx]);
  const third = await agent.ok('POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.3.0/24', availabilityZone: 'us-east-1a' });
  const d = await world.instance({ groupIds: [open], subnetId: third.subnetId });
  const works = async () =>
    (await Promise.all([pings(INTERNET, publicIp), pings(b.instanceId, SERVER), pings(d.instanceId, c.privateIpAddress)])).every(Boolean);
  return { ...world, ...gateways, igw, eigw, nat: nat.natGatewayId as string, pcx, a, b, c, d, publicIp, works };
}

const passes = (from: number) => setup.agent.log.slice(from).filter((line) => line.msg === 'reconcile pass');

it('a restart does nothing, and traffic goes on while the daemon is away', async () => {
  const { works } = await everything();
  expect(await works()).toBe(true);
  await setup.agent.stop();
  expect(await works()).toBe(true);
  const before = setup.agent.log.length;
  await setup.agent.start();
  const first = passes(before);
  expect(first.some((pass) => pass.full)).toBe(true);
  const operations = setup.agent.log.slice(before).flatMap((line) => (line.msg === 'operations' ? line.operations : []));
  expect(operations).toEqual([]);
  expect(await works()).toBe(true);
});

describe('drift is repaired', () => {
  it('in every gateway, its links, translations and routes', async () => {
    const { vpcId, igw, nat, pcx, works } = await everything();
    const damages: readonly (readonly [string, ...string[]])[] = [
      [igw, 'nft', 'flush', 'map', 'inet', 'enid', 'inward'],
      [igw, 'nft', 'flush', 'ruleset'],
      [igw, 'nft', 'add chain inet enid more { type filter hook forward priority 5; policy drop; }'],
      [igw, 'ip', 'route', 'del', 'default'],
      [igw, 'ip', 'link', 'set', 'vpc0', 'down'],
      [igw, 'ip', 'link', 'del', 'up0'],
      [vpcId, 'ip', 'link', 'del', 'igw0'],
      [INTERNET, 'ip', 'neigh', 'flush', 'nud', 'permanent'],
      [nat, 'nft', 'flush', 'ruleset'],
      [nat, 'sysctl', '-w', 'net.ipv4.ip_forward=0'],
      [pcx, 'ip', 'route', 'flush', 'table', 'main'],
      [pcx, 'ip', 'link', 'del', 'vpc0'],
    ];
    for (const [netns, ...argv] of damages) {
      const damaged = await inside(netns, ...argv);
      expect(damaged.exitCode, `${argv.join(' ')}: ${damaged.stderr}`).toBe(0);
      await until(works, 20_000, `works again after ${netns} ${argv.join(' ')}`);
    }
    for (const netns of [igw, nat, pcx, INTERNET]) {
      await execa('ip', ['netns', 'del', netns]);
      await until(works, 20_000, `works again after netns del ${netns}`);
    }
  }, 180_000);
});

it('what is not wanted any more is gone: namespaces, links, routes of the host', async () => {
  const { agent } = await everything();
  expect((await inside(INTERNET, 'true')).exitCode).toBe(0);
  await agent.ok('POST', '/v1/reset');
  await until(() => readdirSync('/run/netns').length === 0, 5000, 'no namespace left');
  expect((await execa('ip', ['-j', 'route', 'show', 'proto', '237'])).stdout).toBe('[]');
  expect((await execa('ip', ['link', 'show', 'enid-internet'], { reject: false })).exitCode).not.toBe(0);
});
