import { expect, it } from 'vitest';
import { inside, pings } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

/** Ranges that a VPC and a subnet get after they were made, in packets. */
const setup = useAgent();

it('instances of a further IPv4 range and of the first reach each other; removed, the router forgets it', async () => {
  const { agent, vpcId, instance } = await setup.world();
  const a = await instance();
  const routes = async () => (await inside(vpcId, 'ip', 'route', 'show', 'table', 'all')).stdout;
  const { secondaryCidrBlocks } = await agent.ok('POST', `/v1/vpcs/${vpcId}/cidr-blocks`, { cidrBlock: '10.9.0.0/16' });
  const { subnetId } = await agent.ok('POST', '/v1/subnets', { vpcId, cidrBlock: '10.9.1.0/24', availabilityZone: 'us-east-1a' });
  const b = await instance({ subnetId });
  expect(b.address).toMatch(/^10\.9\.1\./);
  expect(await pings(a.instanceId, b.address)).toBe(true);
  expect(await pings(b.instanceId, a.address)).toBe(true);
  expect(await routes()).toContain('10.9.');

  await agent.ok('DELETE', `/v1/instances/${b.instanceId}`);
  await agent.ok('DELETE', `/v1/subnets/${subnetId}`);
  await agent.ok('DELETE', `/v1/vpc-cidr-blocks/${secondaryCidrBlocks[0].associationId}`);
  expect(await routes()).not.toContain('10.9.');
  expect(await pings(a.instanceId, b.address)).toBe(false);
});

it('instances that run already talk IPv6 once VPC and subnet have a range, and no more without addresses', async () => {
  const { agent, vpcId, subnetA, instance } = await setup.world();
  const [a, b] = [await instance(), await instance()];
  await agent.ok('POST', `/v1/vpcs/${vpcId}/cidr-blocks`, { ipv6: true });
  const { ipv6 } = await agent.ok('POST', `/v1/subnets/${subnetA}/cidr-blocks`, { ipv6: true });
  const assign = async ({ eni }: typeof a): Promise<string> =>
    (await agent.ok('POST', `/v1/network-interfaces/${eni.networkInterfaceId}/assign-ipv6-addresses`, { ipv6AddressCount: 1 }))
      .ipv6Addresses[0];
  const [mine, yours] = [await assign(a), await assign(b)];
  expect(await pings(a.instanceId, yours)).toBe(true);
  expect(await pings(b.instanceId, mine)).toBe(true);
  const disassociate = () => agent.call('DELETE', `/v1/subnet-cidr-blocks/${ipv6.associationId}`);
  expect((await disassociate()).body.error.code).toBe('InvalidCidrBlock.InUse');
  for (const [{ eni }, address] of [
    [a, mine],
    [b, yours],
  ] as const) {
    const path = `/v1/network-interfaces/${eni.networkInterfaceId}/unassign-ipv6-addresses`;
    await agent.ok('POST', path, { ipv6Addresses: [address] });
  }
  expect((await disassociate()).status).toBe(204);
  expect(await pings(a.instanceId, yours)).toBe(false);
});
