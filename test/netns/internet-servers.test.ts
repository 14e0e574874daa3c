import { expect, it } from 'vitest';
import { inside, until } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

const setup = useAgent();

const get = async (netns: string, url: string) =>
  (
    await inside(
      netns,
      process.execPath,
      '-e',
      `fetch(process.argv[1], { signal: AbortSignal.timeout(2000) }).then((a) => a.text()).then(console.log, (e) => console.log(e.cause?.code ?? e.name))`,
      url,
    )
  ).stdout.trim();

const lookup = async (netns: string, name: string) => (await inside(netns, 'getent', 'ahostsv4', name)).stdout.split(/\s+/)[0];

/** A VPC with a public subnet; its instances have public addresses. */
async function publicWorld() {
  const world = await setup.world();
  const { agent, vpcId, subnetA } = world;
  const { internetGatewayId } = await agent.ok('POST', '/v1/internet-gateways', {});
  await agent.ok('POST', `/v1/internet-gateways/${internetGatewayId}/attach`, { vpcId });
  const { routeTableId } = await agent.ok('POST', '/v1/route-tables', { vpcId });
  await agent.ok('POST', `/v1/route-tables/${routeTableId}/routes`, { destination: '0.0.0.0/0', gatewayId: internetGatewayId });
  await agent.ok('POST', `/v1/route-tables/${routeTableId}/associations`, { subnetId: subnetA });
  await agent.ok('PATCH', `/v1/subnets/${subnetA}`, { mapPublicIpOnLaunch: true });
  return { ...world, internetGatewayId, routeTableId };
}

it('a web server tells callers their address; the lab’s DNS names it, asked through the VPC’s resolver', async () => {
  const { agent, instance, subnetB } = await publicWorld();
  const client = await instance();
  const { publicIpAddress } = await agent.ok('GET', `/v1/instances/${client.instanceId}`);
  expect(publicIpAddress).toMatch(/^203\.0\.113\./);
  await until(async () => (await lookup(client.instanceId, 'www.example.com')) === '198.51.100.80', 5000, 'the name');
  expect(await get(client.instanceId, 'http://198.51.100.80/')).toBe(publicIpAddress);
  expect(await get(client.instanceId, 'http://www.example.com/')).toBe(publicIpAddress);
  expect(JSON.parse(await get(client.instanceId, 'http://echo.example.com/a?b=c'))).toMatchObject({
    address: publicIpAddress,
    method: 'GET',
    url: '/a?b=c',
  });
  expect(await lookup(client.instanceId, 'nobody.example.org')).toBe('');
  // A private instance can ask for names too, but reaches nobody.
  const hidden = await instance({ subnetId: subnetB });
  expect(await lookup(hidden.instanceId, 'www.example.com')).toBe('198.51.100.80');
  expect(await get(hidden.instanceId, 'http://198.51.100.80/')).not.toContain('203.');
});

it('the servers end with the internet, and the resolver asks nobody then', async () => {
  const { agent, instance, vpcId, internetGatewayId, subnetB, routeTableId } = await publicWorld();
  const client = await instance({ subnetId: subnetB });
  await until(async () => (await lookup(client.instanceId, 'www.example.com')) === '198.51.100.80', 5000, 'the name');
  expect((await inside('internet', 'true')).exitCode).toBe(0);
  await agent.ok('DELETE', `/v1/route-tables/${routeTableId}/routes`, { destination: '0.0.0.0/0' });
  await agent.ok('POST', `/v1/internet-gateways/${internetGatewayId}/detach`, { vpcId });
  await until(async () => (await inside('internet', 'true')).exitCode !== 0, 5000, 'the end of the internet');
  expect(await lookup(client.instanceId, 'www.example.com')).toBe('');
  await agent.ok('POST', `/v1/internet-gateways/${internetGatewayId}/attach`, { vpcId });
  await until(async () => (await lookup(client.instanceId, 'www.example.com')) === '198.51.100.80', 5000, 'the name again');
});
