import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ROUTER_LINK_LOCAL } from '../../agent/kernel/resources.js';
import { inside, pings, serve, tcp, until } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

const setup = useAgent();
const link = async (netns: string, device: string) =>
  JSON.parse((await inside(netns, 'ip', '-j', 'addr', 'show', 'dev', device)).stdout || '[{}]')[0];

it('an instance has its interface: MAC, address, default route, and reaches a peer and both gateways', async () => {
  const { instance, subnetB } = await setup.world();
  const a = await instance();
  const b = await instance({ subnetId: subnetB });
  const eth0 = await link(a.instanceId, 'eth0');
  expect(eth0.address).toBe(a.eni.macAddress);
  expect(eth0.addr_info[0]).toMatchObject({ local: a.address, prefixlen: 24 });
  expect(await pings(a.instanceId, b.address)).toBe(true);
  expect(await pings(b.instanceId, a.address)).toBe(true);
  for (const gateway of ['10.0.1.1', '10.0.2.1']) expect(await pings(a.instanceId, gateway)).toBe(true);
});

it('hot attach: the second interface works at once, detach takes it away, its identity stays', async () => {
  const { agent, instance, networkInterface, subnetB } = await setup.world();
  const a = await instance();
  const b = await instance();
  const spare = await networkInterface({ subnetId: subnetB, description: 'spare' });
  expect(spare.status).toBe('available');
  expect(await pings(b.instanceId, spare.privateIpAddresses[0].privateIpAddress)).toBe(false);

  const attached = await agent.ok('POST', `/v1/network-interfaces/${spare.networkInterfaceId}/attach`, {
    instanceId: a.instanceId,
    deviceIndex: 1,
  });
  expect(attached).toMatchObject({ status: 'in-use', attachment: { status: 'attached', deviceIndex: 1, deleteOnTermination: false } });
  expect((await link(a.instanceId, 'eth1')).address).toBe(spare.macAddress);
  expect(await pings(b.instanceId, spare.privateIpAddresses[0].privateIpAddress)).toBe(true);

  const detached = await agent.ok('POST', `/v1/network-interfaces/${spare.networkInterfaceId}/detach`, {});
  expect(detached.status).toBe('available');
  expect((await inside(a.instanceId, 'ip', 'link', 'show', 'eth1')).exitCode).not.toBe(0);
  expect(await pings(b.instanceId, spare.privateIpAddresses[0].privateIpAddress)).toBe(false);

  await agent.ok('POST', `/v1/network-interfaces/${spare.networkInterfaceId}/attach`, { instanceId: b.instanceId, deviceIndex: 3 });
  expect(await link(b.instanceId, 'eth3')).toMatchObject({ address: spare.macAddress });
  expect(await pings(a.instanceId, spare.privateIpAddresses[0].privateIpAddress)).toBe(true);
});

it('hot attach: who asked for the address in vain a moment before reaches it at once all the same', async () => {
  const world = await setup.world();
  const [one, peer] = [await world.instance(), await world.instance()];
  const eni = await world.networkInterface({ privateIpAddress: '10.0.1.50' });
  // Two requests within the kernel's default second, the last of them just before the address is there.
  expect(await pings(peer.instanceId, '10.0.1.50', '-W', '0.1')).toBe(false);
  expect(await pings(peer.instanceId, '10.0.1.50', '-W', '0.1')).toBe(false);
  await world.agent.ok('POST', `/v1/network-interfaces/${eni.networkInterfaceId}/attach`, { instanceId: one.instanceId, deviceIndex: 1 });
  expect(await pings(peer.instanceId, '10.0.1.50', '-W', '0.6')).toBe(true);
});

it('move: the same address answers from the other instance, with the same MAC', async () => {
  const { agent, instance, networkInterface } = await setup.world();
  const [client, primary, standby] = [await instance(), await instance(), await instance()];
  const { networkInterfaceId, macAddress, privateIpAddresses } = await networkInterface({ groupIds: undefined });
  const address = privateIpAddresses[0].privateIpAddress;
  const { attachment } = await agent.ok('POST', `/v1/network-interfaces/${networkInterfaceId}/attach`, {
    instanceId: primary.instanceId,
    deviceIndex: 1,
  });
  expect(await pings(client.instanceId, address)).toBe(true);

  const moved = await agent.ok('POST', `/v1/network-interfaces/${networkInterfaceId}/move`, {
    instanceId: standby.instanceId,
    deviceIndex: 1,
  });
  expect(moved.attachment).toMatchObject({ instanceId: standby.instanceId, status: 'attached' });
  expect(moved.attachment.attachmentId).not.toBe(attachment.attachmentId);
  expect(moved.macAddress).toBe(macAddress);
  expect((await link(standby.instanceId, 'eth1')).address).toBe(macAddress);
  expect(await pings(client.instanceId, address)).toBe(true);
  await until(async () => (await inside(primary.instanceId, 'ip', 'link', 'show', 'eth1')).exitCode !== 0, 2000, 'old device gone');
});

it('the primary interface cannot be detached or moved', async () => {
  const { agent, instance } = await setup.world();
  const [a, b] = [await instance(), await instance()];
  for (const [action, body] of [
    ['detach', {}],
    ['move', { instanceId: b.instanceId, deviceIndex: 1 }],
  ] as const) {
    const answer = await agent.call('POST', `/v1/network-interfaces/${a.eni.networkInterfaceId}/${action}`, body);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'OperationNotPermitted' } } });
  }
  expect(await pings(b.instanceId, a.address)).toBe(true);
});

it('terminate: launch-made interfaces go, attached ones are available again with MAC and address, no namespace is left', async () => {
  const { agent, instance, networkInterface, vpcId } = await setup.world();
  const a = await instance();
  const kept = await networkInterface();
  await agent.ok('POST', `/v1/network-interfaces/${kept.networkInterfaceId}/attach`, { instanceId: a.instanceId, deviceIndex: 1 });
  await agent.ok('DELETE', `/v1/instances/${a.instanceId}`);
  expect((await agent.ok('GET', `/v1/instances/${a.instanceId}`)).state).toBe('terminated');
  expect((await agent.call('GET', `/v1/network-interfaces/${a.eni.networkInterfaceId}`)).status).toBe(404);
  const after = await agent.ok('GET', `/v1/network-interfaces/${kept.networkInterfaceId}`);
  expect(after).toMatchObject({ status: 'available', macAddress: kept.macAddress, privateIpAddresses: kept.privateIpAddresses });
  expect(readdirSync('/run/netns')).not.toContain(a.instanceId);
  expect(readdirSync('/run/netns')).not.toContain(vpcId);
});

it('stop and start keep the addresses', async () => {
  const { agent, instance } = await setup.world();
  const [a, b] = [await instance(), await instance()];
  const stopped = await agent.ok('POST', `/v1/instances/${a.instanceId}/stop`);
  expect(stopped).toMatchObject({ state: 'stopped', privateIpAddress: a.address });
  expect(await pings(b.instanceId, a.address)).toBe(false);
  const started = await agent.ok('POST', `/v1/instances/${a.instanceId}/start`);
  expect(started).toMatchObject({ state: 'running', privateIpAddress: a.address });
  expect(await pings(b.instanceId, a.address)).toBe(true);
});

it('secondary addresses come, go and are taken over live', async () => {
  const { agent, instance } = await setup.world();
  const [a, b, client] = [await instance(), await instance(), await instance()];
  const floating = '10.0.1.200';
  const path = (machine: typeof a, action: string) => `/v1/network-interfaces/${machine.eni.networkInterfaceId}/${action}`;
  const owner = async () => tcp(client.instanceId, floating, 80);
  await serve(a.instanceId, 'tcp:80');
  expect(await pings(client.instanceId, floating)).toBe(false);
  await agent.ok('POST', path(a, 'assign-private-ip-addresses'), { privateIpAddresses: [floating] });
  expect(await owner()).toBe(client.address);

  const refused = await agent.call('POST', path(b, 'assign-private-ip-addresses'), { privateIpAddresses: [floating] });
  expect(refused.body.error).toMatchObject({ code: 'InvalidParameterValue', message: expect.stringContaining('allowReassignment') });
  await agent.ok('POST', path(b, 'assign-private-ip-addresses'), { privateIpAddresses: [floating], allowReassignment: true });
  expect(await pings(client.instanceId, floating)).toBe(true);
  expect(await owner()).toBeUndefined();
  expect((await link(a.instanceId, 'eth0')).addr_info.map((each: any) => each.local)).not.toContain(floating);

  await agent.ok('POST', path(b, 'unassign-private-ip-addresses'), { privateIpAddresses: [floating] });
  expect(await pings(client.instanceId, floating)).toBe(false);
});

it('two VPCs with the same ranges do not meet, and no instance reaches the host', async () => {
  const [one, two] = [await setup.world(), await setup.world()];
  const a = await one.instance();
  const [b, c] = [await two.instance(), await two.instance()];
  expect(a.address).toBe(b.address);
  expect(await pings(c.instanceId, b.address)).toBe(true);
  await serve(a.instanceId, 'tcp:80');
  expect(await tcp(c.instanceId, a.address, 80)).toBeUndefined();
  const port = Number(new URL(one.agent.endpoint).port);
  for (const address of ['127.0.0.1', '10.0.1.1', '169.254.169.254']) expect(await tcp(a.instanceId, address, port)).toBeUndefined();
});

it('IPv6: addresses, routing between subnets, and the other VPC is out of reach', async () => {
  const { agent, vpcId, instance } = await setup.world({ ipv6: true });
  const vpc = await agent.ok('GET', `/v1/vpcs/${vpcId}`);
  const prefix = vpc.ipv6.cidrBlock.replace(/00::\/56$/, '');
  const v6Subnet = async (third: number) =>
    (
      await agent.ok('POST', '/v1/subnets', {
        vpcId,
        cidrBlock: `10.0.${third}.0/24`,
        ipv6: `${prefix}0${third}::/64`,
        availabilityZone: 'us-east-1a',
      })
    ).subnetId;
  const a = await instance({ subnetId: await v6Subnet(5), ipv6AddressCount: 1 });
  const b = await instance({ subnetId: await v6Subnet(6), ipv6AddressCount: 1 });
  const address = (machine: typeof a) => machine.eni.ipv6Addresses[0];
  expect(await pings(a.instanceId, address(b), '-6')).toBe(true);
  await serve(b.instanceId, 'tcp:80');
  expect(await tcp(a.instanceId, address(b), 80)).toBe(address(a));
});

it('IPv6 comes and goes with the addresses of an interface: without one, its host end speaks none', async () => {
  const { agent, vpcId, instance } = await setup.world({ ipv6: true });
  const { ipv6 } = await agent.ok('GET', `/v1/vpcs/${vpcId}`);
  const subnet = { vpcId, cidrBlock: '10.0.7.0/24', ipv6: ipv6.cidrBlock.replace('/56', '/64'), availabilityZone: 'us-east-1a' };
  const { subnetId } = await agent.ok('POST', '/v1/subnets', subnet);
  const [a, b] = [await instance({ subnetId }), await instance({ subnetId, ipv6AddressCount: 1 })];
  const [target] = b.eni.ipv6Addresses;
  const path = `/v1/network-interfaces/${a.eni.networkInterfaceId}`;
  const { attachment } = await agent.ok('GET', path);
  const isOff = async () => (await inside(vpcId, 'cat', `/proc/sys/net/ipv6/conf/${attachment.device.hostEnd}/disable_ipv6`)).stdout.trim();
  const forged = async () => {
    const [address, route] = [`${target}9/128`, ['default', 'via', ROUTER_LINK_LOCAL, 'dev', 'eth0']];
    await inside(a.instanceId, 'ip', '-6', 'addr', 'add', address, 'dev', 'eth0');
    await inside(a.instanceId, 'ip', '-6', 'route', 'add', ...route);
    const passed = await pings(a.instanceId, target, '-6');
    await inside(a.instanceId, 'ip', '-6', 'route', 'del', ...route);
    await inside(a.instanceId, 'ip', '-6', 'addr', 'del', address, 'dev', 'eth0');
    return passed;
  };
  expect([await isOff(), await forged()]).toEqual(['1', false]);
  const { ipv6Addresses } = await agent.ok('POST', `${path}/assign-ipv6-addresses`, { ipv6AddressCount: 1 });
  expect([await isOff(), await pings(a.instanceId, target, '-6')]).toEqual(['0', true]);
  await agent.ok('POST', `${path}/unassign-ipv6-addresses`, { ipv6Addresses });
  expect([await isOff(), await forged()]).toEqual(['1', false]);
  await agent.ok('POST', `${path}/assign-ipv6-addresses`, { ipv6AddressCount: 1 });
  expect([await isOff(), await pings(a.instanceId, target, '-6')]).toEqual(['0', true]);
});

it('two interfaces: replies leave by the interface that was asked; without source-based rules the source check drops them', async () => {
  const { agent, instance, networkInterface, subnetB } = await setup.world();
  const server = await instance();
  const client = await instance();
  const second = await networkInterface({ subnetId: subnetB });
  await agent.ok('POST', `/v1/network-interfaces/${second.networkInterfaceId}/attach`, { instanceId: server.instanceId, deviceIndex: 1 });
  const address = second.privateIpAddresses[0].privateIpAddress;
  expect(await pings(client.instanceId, address)).toBe(true);
  await agent.ok('PATCH', `/v1/instances/${server.instanceId}`, { sourceBasedRouting: false });
  expect(await pings(client.instanceId, address)).toBe(false);
  await agent.ok('PATCH', `/v1/instances/${server.instanceId}`, { sourceBasedRouting: true });
  expect(await pings(client.instanceId, address)).toBe(true);
});
