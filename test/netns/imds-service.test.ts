import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { metadata, tokenOf, withToken } from '../support/metadata.js';
import { inside, serve, until } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

const setup = useAgent();
const META = '/latest/meta-data';
const unitOf = (vpcId: string) => vpcId.replace('vpc-', 'imds-');
const faultOf = async (vpcId: string) =>
  (await setup.agent.ok('GET', '/v1/conditions')).items.find(({ unit, realised }: any) => unit === unitOf(vpcId) && !realised);
const ip = (...argv: string[]) => execFileSync('ip', argv, { encoding: 'utf8' });

it('answers every instance about itself, whatever its groups and ACL say', async () => {
  const world = await setup.world();
  const closed = await world.group();
  const { rules } = await setup.agent.ok('GET', `/v1/security-groups/${closed}`);
  await setup.agent.ok('DELETE', `/v1/security-groups/${closed}/rules`, { ruleIds: rules.map((rule: any) => rule.ruleId) });
  const one = await world.instance({ groupIds: [closed], tags: { Name: 'one' } });
  const two = await world.instance();
  for (const { instanceId, address, eni } of [one, two]) {
    expect(await metadata(instanceId, `${META}/instance-id`)).toEqual({ status: 200, body: instanceId });
    expect((await metadata(instanceId, `${META}/local-ipv4`)).body).toBe(address);
    expect((await metadata(instanceId, `${META}/mac`)).body).toBe(eni.macAddress);
  }
  const hostname = (await inside(one.instanceId, 'sh', '-c', 'cat /etc/hosts')).stdout;
  expect(hostname).toContain((await metadata(one.instanceId, `${META}/local-hostname`)).body);
});

it('two VPCs with the same addresses do not meet', async () => {
  const [one, two] = [await setup.world(), await setup.world()];
  const [a, b] = [await one.instance(), await two.instance()];
  expect(a.address).toBe(b.address);
  for (const { instanceId } of [a, b]) expect((await metadata(instanceId, `${META}/instance-id`)).body).toBe(instanceId);
});

it('a session: token, its use, and what it is not good for', async () => {
  const world = await setup.world();
  const [one, two] = [await world.instance({ metadataOptions: { httpTokens: 'required' } }), await world.instance()];
  const id = one.instanceId;
  const put = (...headers: string[]) => metadata(id, '/latest/api/token', '-X', 'PUT', ...headers.flatMap((header) => ['-H', header]));
  const token = await tokenOf(id);
  expect((await metadata(id, `${META}/instance-id`)).status).toBe(401);
  expect(await metadata(id, `${META}/instance-id`, ...withToken(token))).toEqual({ status: 200, body: id });
  expect((await metadata(id, `${META}/instance-id`, ...withToken(await tokenOf(two.instanceId)))).status).toBe(401);
  expect((await metadata(two.instanceId, `${META}/instance-id`, ...withToken(token))).status).toBe(401);
  expect((await put()).status).toBe(400);
  expect((await put('X-aws-ec2-metadata-token-ttl-seconds: 21601')).status).toBe(400);
  expect((await put('X-aws-ec2-metadata-token-ttl-seconds: 60', 'X-Forwarded-For: 10.0.0.1')).status).toBe(403);
  expect((await metadata(id, '/latest/nothing', ...withToken(token))).status).toBe(404);
  // It outlives the daemon.
  await setup.agent.kill();
  expect((await metadata(id, `${META}/instance-id`)).status).toBe(0);
  await setup.agent.start();
  await until(async () => (await metadata(id, `${META}/instance-id`, ...withToken(token))).body === id);
  // And ends.
  const short = await tokenOf(id, 1);
  expect((await metadata(id, `${META}/instance-id`, ...withToken(short))).status).toBe(200);
  await until(async () => (await metadata(id, `${META}/instance-id`, ...withToken(short))).status === 401, 3000);
});

it('options hold at once', async () => {
  const world = await setup.world();
  const { instanceId } = await world.instance({ tags: { Name: 'web' } });
  const options = (body: Record<string, unknown>) => setup.agent.ok('PATCH', `/v1/instances/${instanceId}/metadata-options`, body);
  expect((await metadata(instanceId, '/latest/')).status).toBe(200);
  const view = await options({ httpEndpoint: 'disabled' });
  expect(view.metadataOptions).toMatchObject({ httpEndpoint: 'disabled', httpTokens: 'optional' });
  expect((await metadata(instanceId, '/latest/')).status).toBe(403);
  await options({ httpEndpoint: 'enabled', instanceMetadataTags: 'enabled' });
  expect((await metadata(instanceId, `${META}/tags/instance/Name`)).body).toBe('web');
  await setup.agent.ok('PUT', `/v1/tags/${instanceId}`, { tags: { Name: 'db' } });
  expect((await metadata(instanceId, `${META}/tags/instance/Name`)).body).toBe('db');
});

it('follows a hot attach, new addresses and a detach at once', async () => {
  const world = await setup.world();
  const { instanceId } = await world.instance();
  const second = await world.networkInterface({ subnetId: world.subnetB, secondaryPrivateIpAddressCount: 1 });
  const macs = async () => (await metadata(instanceId, `${META}/network/interfaces/macs/`)).body.split('\n');
  const of = async (leaf: string) => (await metadata(instanceId, `${META}/network/interfaces/macs/${second.macAddress}/${leaf}`)).body;
  expect(await macs()).toHaveLength(1);
  const path = `/v1/network-interfaces/${second.networkInterfaceId}`;
  await setup.agent.ok('POST', `${path}/attach`, { instanceId, deviceIndex: 1 });
  expect(await macs()).toContain(`${second.macAddress}/`);
  expect(await of('device-number')).toBe('1');
  const addresses = second.privateIpAddresses.map((each: any) => each.privateIpAddress);
  expect(await of('local-ipv4s')).toBe(addresses.join('\n'));
  await setup.agent.ok('POST', `${path}/assign-private-ip-addresses`, { privateIpAddresses: ['10.0.2.77'] });
  expect(await of('local-ipv4s')).toBe([...addresses, '10.0.2.77'].join('\n'));
  // Each of the interface's own addresses asks for the same instance.
  const from = await metadata(instanceId, `${META}/instance-id`, '--interface', '10.0.2.77');
  expect(from.body).toBe(instanceId);
  await setup.agent.ok('POST', `${path}/detach`, {});
  expect(await macs()).toHaveLength(1);
});

it('nobody reads what is not his: not by another address, not past the port, not from beside the VPC', async () => {
  const world = await setup.world();
  const [thief, victim] = [await world.instance(), await world.instance()];
  const get = (...options: string[]) => metadata(thief.instanceId, `${META}/instance-id`, ...options);
  ip('-n', thief.instanceId, 'address', 'add', `${victim.address}/32`, 'dev', 'eth0');
  expect((await get('--interface', victim.address)).status).toBe(0);
  // Not without the source check either: it is the packet filter that admits only an interface's own addresses.
  const path = `/v1/network-interfaces/${thief.eni.networkInterfaceId}`;
  await setup.agent.ok('PATCH', path, { sourceDestCheck: false });
  expect((await get('--interface', victim.address)).status).toBe(0);
  expect((await get('--interface', thief.address)).body).toBe(thief.instanceId);
  // Other services of the router's address, and this one at its other addresses.
  await serve(world.vpcId, 'tcp:81');
  expect((await metadata(thief.instanceId, 'http://169.254.169.254:81/')).status).toBe(0);
  expect((await metadata(thief.instanceId, 'http://10.0.1.1/latest/')).status).toBe(0);
  expect((await get()).body).toBe(thief.instanceId);
});

it('answers over IPv6 where a VPC has it and the instance allows it', async () => {
  const { agent, instance, vpcId } = await setup.world({ ipv6: true });
  const body = { vpcId, cidrBlock: '10.0.3.0/24', availabilityZone: 'us-east-1a', ipv6: true, assignIpv6AddressOnCreation: true };
  const { subnetId } = await agent.ok('POST', '/v1/subnets', body);
  const { instanceId, eni } = await instance({ subnetId });
  const url = (path: string) => `http://[fd00:ec2::254]${path}`;
  expect((await metadata(instanceId, url('/latest/'))).status).toBe(403);
  await agent.ok('PATCH', `/v1/instances/${instanceId}/metadata-options`, { httpProtocolIpv6: 'enabled' });
  expect((await metadata(instanceId, url(`${META}/ipv6`))).body).toBe(eni.ipv6Addresses[0]);
  expect((await metadata(instanceId, url(`${META}/network/interfaces/macs/${eni.macAddress}/ipv6s`))).body).toBe(eni.ipv6Addresses[0]);
});

it('a token goes as far as the hop limit says', async () => {
  const world = await setup.world();
  const { instanceId } = await world.instance();
  // Something like a container in the instance: one hop further, behind the instance's address.
  const inner = `${instanceId}-box`;
  ip('netns', 'add', inner);
  onTestFinished(() => void ip('netns', 'del', inner));
  ip('-n', instanceId, 'link', 'add', 'box0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', inner);
  for (const [netns, device, address] of [
    [instanceId, 'box0', '172.17.0.1/24'],
    [inner, 'eth0', '172.17.0.2/24'],
  ] as const) {
    ip('-n', netns, 'address', 'add', address, 'dev', device);
    ip('-n', netns, 'link', 'set', device, 'up');
  }
  ip('-n', inner, 'route', 'add', 'default', 'via', '172.17.0.1');
  await inside(instanceId, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
  await inside(instanceId, 'nft', 'add table ip nat; add chain ip nat out { type nat hook postrouting priority 100; }');
  await inside(instanceId, 'nft', 'add rule ip nat out ip saddr 172.17.0.0/24 oifname eth0 masquerade');
  expect((await metadata(inner, `${META}/instance-id`)).body).toBe(instanceId);
  expect(await tokenOf(inner)).toBe('');
  expect(await tokenOf(instanceId)).not.toBe('');
  await setup.agent.ok('PATCH', `/v1/instances/${instanceId}/metadata-options`, { httpPutResponseHopLimit: 2 });
  const token = await tokenOf(inner);
  expect((await metadata(inner, `${META}/instance-id`, ...withToken(token))).body).toBe(instanceId);
});

it('user data comes as it went, bytes and all', async () => {
  const world = await setup.world();
  const bytes = Buffer.from([0x1f, 0x8b, 8, 0, 255, 254, 10, 13, 0]);
  const { instanceId } = await world.instance({ userDataBase64: bytes.toString('base64') });
  const { stdout } = await inside(instanceId, 'sh', '-c', 'curl -s http://169.254.169.254/latest/user-data | base64 -w0');
  expect(stdout).toBe(bytes.toString('base64'));
  expect((await metadata(instanceId, '/latest/')).body).toBe('dynamic\nmeta-data\nuser-data');
});

it('comes back with a router that was replaced, and goes with its VPC', async () => {
  const world = await setup.world();
  const { instanceId } = await world.instance();
  const answers = async () => (await metadata(instanceId, `${META}/instance-id`)).body === instanceId;
  const inode = () => statSync(`/run/netns/${world.vpcId}`, { throwIfNoEntry: false })?.ino;
  const listens = (netns: string) => execFileSync('ip', ['netns', 'exec', netns, 'ss', '-Htln', 'sport = :80'], { encoding: 'utf8' });
  expect(await answers()).toBe(true);
  const before = inode();
  ip('netns', 'del', world.vpcId);
  const healed = await until(
    () => ![before, undefined, 0].includes(inode()) && listens(world.vpcId).includes('169.254.169.254:80'),
    15_000,
  );
  await until(answers, 15_000, 'metadata in the new router');
  expect(healed).toBeLessThan(10_000);
  await setup.agent.ok('DELETE', `/v1/instances/${instanceId}`);
  await until(() => !ip('netns', 'list').includes(world.vpcId));
  expect(await faultOf(world.vpcId)).toBeUndefined();
});

it('what stands in its way is a condition, which heals', async () => {
  const world = await setup.world();
  const { instanceId } = await world.instance();
  expect((await metadata(instanceId, `${META}/instance-id`)).body).toBe(instanceId);
  expect(await faultOf(world.vpcId)).toBeUndefined();
  await setup.agent.stop();
  const other = await serve(world.vpcId, 'tcp:80');
  await setup.agent.start();
  expect(await faultOf(world.vpcId)).toMatchObject({ realised: false, message: expect.stringContaining('EADDRINUSE') });
  // Nobody else is held up.
  expect((await setup.agent.ok('GET', `/v1/instances/${instanceId}`)).state).toBe('running');
  other.kill('SIGKILL');
  await until(async () => (await metadata(instanceId, `${META}/instance-id`)).body === instanceId, 15_000, 'metadata');
  expect(await faultOf(world.vpcId)).toBeUndefined();
});
