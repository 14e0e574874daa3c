import { expect, it } from 'vitest';
import { gatewaysOf } from '../support/gateways.js';
import { pings, serve, tcp } from '../support/traffic.js';
import { buildWorld, useAgent } from '../support/world.js';

const setup = useAgent();

/** A second and a third VPC with ranges of their own. */
async function vpcWith(cidrBlock: string) {
  const { agent } = setup;
  const { vpcId, mainRouteTableId } = await agent.ok('POST', '/v1/vpcs', { cidrBlock });
  const subnetRange = cidrBlock.replace('/16', '/24');
  const { subnetId } = await agent.ok('POST', '/v1/subnets', { vpcId, cidrBlock: subnetRange, availabilityZone: 'us-east-1a' });
  const body = { vpcId, groupName: 'open', description: 'made by a test' };
  const { groupId } = await agent.ok('POST', '/v1/security-groups', body);
  const instance = async () => {
    const run = { instanceType: 'm5.large', subnetId, groupIds: [groupId] };
    return (await agent.ok('POST', '/v1/instances', run)).instances[0];
  };
  const allow = async (rule: Record<string, unknown>) =>
    (await agent.ok('POST', `/v1/security-groups/${groupId}/rules`, { direction: 'ingress', rules: [rule] })) as any;
  return { vpcId, table: mainRouteTableId, subnetId, groupId, instance, allow };
}

async function peer(vpcId: string, peerVpcId: string): Promise<string> {
  const { vpcPeeringConnectionId } = await setup.agent.ok('POST', '/v1/vpc-peering-connections', { vpcId, peerVpcId });
  return vpcPeeringConnectionId;
}

it('packets pass while it is active and both sides have routes; deleted: blackhole; never on to a third VPC', async () => {
  const { agent } = setup;
  const [one, two, three] = [await vpcWith('10.1.0.0/16'), await vpcWith('10.2.0.0/16'), await vpcWith('10.3.0.0/16')];
  for (const vpc of [one, two, three]) await vpc.allow({ protocol: '-1', peer: { cidr: '10.0.0.0/8' } });
  const [a, b, c] = [await one.instance(), await two.instance(), await three.instance()];
  const { addRoute, routeState } = gatewaysOf({ agent, vpcId: one.vpcId } as any);
  await serve(b.instanceId, 'tcp:7000');
  const pcx = await peer(one.vpcId, two.vpcId);
  await addRoute(one.table, ['10.2.0.0/16', pcx]);
  await addRoute(two.table, ['10.1.0.0/16', pcx]);
  expect(await routeState(one.table, '10.2.0.0/16')).toBe('blackhole');
  expect(await pings(a.instanceId, b.privateIpAddress)).toBe(false);
  await agent.ok('POST', `/v1/vpc-peering-connections/${pcx}/accept`, {});
  expect(await routeState(one.table, '10.2.0.0/16')).toBe('active');
  expect(await tcp(a.instanceId, b.privateIpAddress, 7000)).toBe(a.privateIpAddress);
  expect(await pings(b.instanceId, a.privateIpAddress)).toBe(true);

  // One and three are both peers of two: that does not make them peers.
  const second = await peer(two.vpcId, three.vpcId);
  await agent.ok('POST', `/v1/vpc-peering-connections/${second}/accept`, {});
  await addRoute(two.table, ['10.3.0.0/16', second]);
  await addRoute(three.table, ['10.2.0.0/16', second]);
  expect(await pings(b.instanceId, c.privateIpAddress)).toBe(true);
  await addRoute(one.table, ['10.3.0.0/16', pcx]);
  await addRoute(three.table, ['10.1.0.0/16', second]);
  expect(await pings(a.instanceId, c.privateIpAddress)).toBe(false);

  await agent.ok('DELETE', `/v1/vpc-peering-connections/${pcx}`);
  expect(await routeState(one.table, '10.2.0.0/16')).toBe('blackhole');
  expect(await pings(a.instanceId, b.privateIpAddress)).toBe(false);
  expect(await pings(b.instanceId, c.privateIpAddress)).toBe(true);
});

it('rules may name groups of the peer', async () => {
  const { agent } = setup;
  const [one, two] = [await vpcWith('10.1.0.0/16'), await vpcWith('10.2.0.0/16')];
  const [a, b] = [await one.instance(), await two.instance()];
  const { addRoute } = gatewaysOf({ agent, vpcId: one.vpcId } as any);
  const pcx = await peer(one.vpcId, two.vpcId);
  await agent.ok('POST', `/v1/vpc-peering-connections/${pcx}/accept`, {});
  await addRoute(one.table, ['10.2.0.0/16', pcx]);
  await addRoute(two.table, ['10.1.0.0/16', pcx]);
  expect(await pings(a.instanceId, b.privateIpAddress)).toBe(false);
  await two.allow({ protocol: 'icmp', peer: { groupId: one.groupId } });
  expect(await pings(a.instanceId, b.privateIpAddress)).toBe(true);
  const late = await one.instance();
  expect(await pings(late.instanceId, b.privateIpAddress)).toBe(true);
  await agent.ok('DELETE', `/v1/vpc-peering-connections/${pcx}`);
  expect(await pings(a.instanceId, b.privateIpAddress)).toBe(false);
});

it('VPCs with the same ranges can not be peers', async () => {
  const [first, second] = [await buildWorld(setup.agent), await buildWorld(setup.agent)];
  const body = { vpcId: first.vpcId, peerVpcId: second.vpcId };
  expect((await setup.agent.call('POST', '/v1/vpc-peering-connections', body)).status).toBe(400);
});
