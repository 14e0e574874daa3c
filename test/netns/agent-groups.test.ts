import { expect, it } from 'vitest';
import { inside, openConnection, pings, serve, tcp, udp } from '../support/traffic.js';
import { rule, useAgent } from '../support/world.js';

const setup = useAgent();
type Agent = typeof setup.agent;
const authorize = (agent: Agent, groupId: string, direction: string, ...rules: string[]) =>
  agent.ok('POST', `/v1/security-groups/${groupId}/rules`, { direction, rules: rules.map(rule) });
const revoke = (agent: Agent, groupId: string, direction: string, ...rules: string[]) =>
  agent.ok('DELETE', `/v1/security-groups/${groupId}/rules`, { direction, rules: rules.map(rule) });

it('a new group lets nothing in and everything out; a permission opens one port; revoking closes it', async () => {
  const { agent, instance, group } = await setup.world();
  const closed = await group();
  const server = await instance({ groupIds: [closed] });
  const client = await instance();
  await serve(server.instanceId, 'tcp:80', 'tcp:81', 'udp:53');
  await serve(client.instanceId, 'tcp:80');
  const seen = async () => [
    (await tcp(client.instanceId, server.address, 80)) !== undefined,
    (await tcp(client.instanceId, server.address, 81)) !== undefined,
    await udp(client.instanceId, server.address, 53),
    await pings(client.instanceId, server.address),
  ];
  expect(await seen()).toEqual([false, false, false, false]);
  await authorize(agent, closed, 'ingress', 'tcp/80 from 10.0.0.0/16', 'udp/53 from any', 'icmp from any');
  expect(await seen()).toEqual([true, false, true, true]);
  await revoke(agent, closed, 'ingress', 'tcp/80 from 10.0.0.0/16', 'udp/53 from any', 'icmp from any');
  expect(await seen()).toEqual([false, false, false, false]);
  // The way out was open all the time, but the other side is in the default group, which lets only its own members in.
  expect(await tcp(server.instanceId, client.address, 80)).toBeUndefined();
});

it('group references follow membership, live', async () => {
  const { agent, instance, group } = await setup.world();
  const web = await group();
  const db = await group(`tcp/5432 from ${web}`);
  const [a, b] = [await instance({ groupIds: [web] }), await instance({ groupIds: [db] })];
  const c = await instance({ groupIds: [db] });
  await serve(b.instanceId, 'tcp:5432');
  expect(await tcp(a.instanceId, b.address, 5432)).toBe(a.address);
  expect(await tcp(c.instanceId, b.address, 5432)).toBeUndefined();
  await agent.ok('PATCH', `/v1/network-interfaces/${c.eni.networkInterfaceId}`, { groupIds: [web] });
  expect(await tcp(c.instanceId, b.address, 5432)).toBe(c.address);
  await agent.ok('PATCH', `/v1/network-interfaces/${a.eni.networkInterfaceId}`, { groupIds: [db] });
  expect(await tcp(a.instanceId, b.address, 5432)).toBeUndefined();
});

it('the default group lets its own members in, and the answer to what they asked', async () => {
  const { instance, group } = await setup.world();
  const [a, b] = [await instance(), await instance()];
  const outsider = await instance({ groupIds: [await group()] });
  expect(await pings(a.instanceId, b.address)).toBe(true);
  expect(await pings(outsider.instanceId, a.address)).toBe(false);
  await serve(outsider.instanceId, 'tcp:80');
  expect(await tcp(a.instanceId, outsider.address, 80)).toBeUndefined();
});

it('egress permissions restrict what leaves', async () => {
  const { agent, instance, group, defaultGroupId } = await setup.world();
  const strict = await group();
  const server = await instance({ groupIds: [await group('all from any')] });
  const client = await instance({ groupIds: [strict] });
  await serve(server.instanceId, 'tcp:80', 'tcp:443');
  expect(await tcp(client.instanceId, server.address, 80)).toBe(client.address);
  await revoke(agent, strict, 'egress', 'all to any');
  expect(await tcp(client.instanceId, server.address, 80)).toBeUndefined();
  await authorize(agent, strict, 'egress', 'tcp/443 to 10.0.0.0/16');
  expect(await tcp(client.instanceId, server.address, 443)).toBe(client.address);
  expect(await tcp(client.instanceId, server.address, 80)).toBeUndefined();
  expect((await agent.call('DELETE', `/v1/security-groups/${strict}`)).body.error.code).toBe('DependencyViolation');
  expect((await agent.call('DELETE', `/v1/security-groups/${defaultGroupId}`)).body.error.code).toBe('CannotDelete');
});

it('a tracked flow outlives its permission; a flow that the cloud does not track is cut at once', async () => {
  const { agent, instance, group } = await setup.world();
  const tracked = await group('tcp/80 from 10.0.0.0/16');
  const untracked = await group('tcp/80 from any');
  const client = await instance({ groupIds: [await group('all from any')] });
  const [one, two] = [await instance({ groupIds: [tracked] }), await instance({ groupIds: [untracked] })];
  for (const server of [one, two]) await serve(server.instanceId, 'tcp:80');
  const toTracked = await openConnection(client.instanceId, one.address, 80);
  const toUntracked = await openConnection(client.instanceId, two.address, 80);
  expect([await toTracked.answers(), await toUntracked.answers()]).toEqual([true, true]);
  await revoke(agent, tracked, 'ingress', 'tcp/80 from 10.0.0.0/16');
  await revoke(agent, untracked, 'ingress', 'tcp/80 from any');
  expect([await toTracked.answers(), await toUntracked.answers()]).toEqual([true, false]);
  expect(await tcp(client.instanceId, one.address, 80)).toBeUndefined();
});

it('drops are counted per interface and direction', async () => {
  const { agent, instance, group } = await setup.world();
  const server = await instance({ groupIds: [await group()] });
  const client = await instance();
  const counters = (machine: typeof server) => agent.ok('GET', `/v1/network-interfaces/${machine.eni.networkInterfaceId}/counters`);
  const before = await counters(server);
  await inside(client.instanceId, 'ping', '-c', '3', '-i', '0.1', '-W', '0.2', server.address);
  const after = await counters(server);
  expect(after.ingressGroupDrops - before.ingressGroupDrops).toBe(3);
  expect((await counters(client)).ingressGroupDrops).toBe(0);
  expect((await counters(client)).txPackets).toBeGreaterThanOrEqual(3);

  await revoke(
    agent,
    (await agent.ok('GET', `/v1/network-interfaces/${client.eni.networkInterfaceId}`)).groups[0].groupId,
    'egress',
    'all to any',
  );
  await inside(client.instanceId, 'ping', '-c', '2', '-i', '0.1', '-W', '0.2', server.address);
  expect((await counters(client)).egressGroupDrops).toBe(2);
  expect((await counters(server)).ingressGroupDrops).toBe(after.ingressGroupDrops);
});
