import { expect, it } from 'vitest';
import { gatewaysOf } from '../support/gateways.js';
import { inside, pings, serve, tcp } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

const setup = useAgent();
const SERVER = '2001:db8:100::80';
const INTERNET = 'internet';

async function ipv6World() {
  const world = await setup.world({ ipv6: true });
  const gateways = gatewaysOf(world);
  const { agent, vpcId } = world;
  const vpc = await agent.ok('GET', `/v1/vpcs/${vpcId}`);
  const range = vpc.ipv6.cidrBlock.replace(/\/56$/, '/64');
  const { subnetId } = await agent.ok('POST', '/v1/subnets', {
    vpcId,
    cidrBlock: '10.0.6.0/24',
    ipv6: range,
    availabilityZone: 'us-east-1a',
  });
  const group = await world.group('all from any', 'all from ::/0');
  const a = await world.instance({ subnetId, groupIds: [group], ipv6AddressCount: 1 });
  const { ipv6Addresses } = await agent.ok('GET', `/v1/network-interfaces/${a.eni.networkInterfaceId}`);
  const [first] = ipv6Addresses;
  return { ...world, ...gateways, a, subnetId, address: (first.ipv6Address ?? first) as string };
}

it('internet gateway: IPv6 is routed both ways while the table has a route, without translation', async () => {
  const { a, address, subnetId, internetGateway, routeTable, addRoute, removeRoute } = await ipv6World();
  const igw = await internetGateway();
  const table = await routeTable(subnetId);
  await serve(INTERNET, 'tcp:7001');
  await serve(a.instanceId, 'tcp:7000');
  expect(await tcp(a.instanceId, SERVER, 7001)).toBeUndefined();
  await addRoute(table, ['::/0', igw]);
  expect(await tcp(a.instanceId, SERVER, 7001)).toBe(address);
  expect(await tcp(INTERNET, address, 7000)).toBeDefined();
  await removeRoute(table, '::/0');
  expect(await pings(a.instanceId, SERVER)).toBe(false);
  expect(await pings(INTERNET, address)).toBe(false);
});

it('egress-only gateway: out and the answers in, nothing else in; deleted: blackhole; to an internet gateway: both ways', async () => {
  const { agent, vpcId, a, address, subnetId, routeTable, replaceRoute, routeState, internetGateway } = await ipv6World();
  const { egressOnlyInternetGatewayId } = await agent.ok('POST', '/v1/egress-only-internet-gateways', { vpcId });
  const table = await routeTable(subnetId, ['::/0', egressOnlyInternetGatewayId]);
  await serve(INTERNET, 'tcp:7001');
  await serve(a.instanceId, 'tcp:7000');
  expect(await tcp(a.instanceId, SERVER, 7001)).toBe(address);
  expect(await pings(a.instanceId, SERVER)).toBe(true);
  expect(await tcp(INTERNET, address, 7000)).toBeUndefined();
  expect(await pings(INTERNET, address)).toBe(false);

  const igw = await internetGateway();
  await replaceRoute(table, ['::/0', igw]);
  expect(await tcp(INTERNET, address, 7000)).toBeDefined();
  await replaceRoute(table, ['::/0', egressOnlyInternetGatewayId]);
  expect(await pings(INTERNET, address)).toBe(false);
  await agent.ok('DELETE', `/v1/egress-only-internet-gateways/${egressOnlyInternetGatewayId}`);
  expect(await routeState(table, '::/0')).toBe('blackhole');
  expect(await pings(a.instanceId, SERVER)).toBe(false);
  expect((await inside(vpcId, 'ip', '-6', 'route', 'show', 'table', 'all', 'type', 'blackhole', 'default')).stdout).toContain('blackhole');
});
