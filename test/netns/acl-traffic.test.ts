import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { inside, openConnection, pings, serve, tcp, udp, until } from '../support/traffic.js';
import { useAgent, type World } from '../support/world.js';

const setup = useAgent();

/** `100 in allow tcp/80 10.0.0.0/16` as the API takes it. */
function entry(text: string): Record<string, unknown> {
  const [number, direction, ruleAction, what = '', cidr] = text.split(' ');
  const [protocol = '', from, to] = what.split('/');
  const ports = from === undefined ? {} : { portRange: { from: Number(from), to: Number(to ?? from) } };
  const egress = direction === 'out';
  return { ruleNumber: Number(number), egress, ruleAction, protocol: protocol === 'all' ? '-1' : protocol, cidr, ...ports };
}

/** A custom ACL with these entries for a subnet. */
async function aclFor({ agent, vpcId }: World, subnetId: string, ...entries: string[]) {
  const { networkAclId } = await agent.ok('POST', '/v1/network-acls', { vpcId });
  const add = (text: string) => agent.ok('POST', `/v1/network-acls/${networkAclId}/entries`, entry(text));
  const remove = (ruleNumber: number, egress: boolean) =>
    agent.ok('DELETE', `/v1/network-acls/${networkAclId}/entries`, { ruleNumber, egress });
  for (const text of entries) await add(text);
  const { items } = await agent.ok('GET', '/v1/network-acls');
  const [{ associationId }] = items.flatMap((acl: any) => acl.associations).filter((association: any) => association.subnetId === subnetId);
  await agent.ok('PUT', `/v1/network-acl-associations/${associationId}`, { networkAclId });
  return { networkAclId, add, remove };
}

/** Two subnets; everybody's group lets everything through, so that only ACLs decide. */
async function open() {
  const world = await setup.world();
  const group = await world.group('all from any');
  const place = (subnetId: string) => world.instance({ subnetId, groupIds: [group] });
  const [client, server, neighbour] = [await place(world.subnetA), await place(world.subnetB), await place(world.subnetB)];
  await serve(server.instanceId, 'tcp:80', 'tcp:81', 'udp:53');
  const reached = async (from = client) => [
    (await tcp(from.instanceId, server.address, 80)) !== undefined,
    (await tcp(from.instanceId, server.address, 81)) !== undefined,
    await udp(from.instanceId, server.address, 53),
    await pings(from.instanceId, server.address),
  ];
  return { world, client, server, neighbour, reached };
}

it('a new ACL closes the subnet to others, not within; entries open it, and answers need ephemeral ports', async () => {
  const { world, neighbour, reached } = await open();
  expect(await reached()).toEqual([true, true, true, true]);
  const acl = await aclFor(world, world.subnetB);
  expect(await reached()).toEqual([false, false, false, false]);
  expect(await reached(neighbour)).toEqual([true, true, true, true]);
  await acl.add('100 in allow tcp/80 10.0.1.0/24');
  // The request gets there, its answer does not come back.
  expect(await reached()).toEqual([false, false, false, false]);
  await acl.add('100 out allow tcp/1024/65535 10.0.1.0/24');
  expect(await reached()).toEqual([true, false, false, false]);
  await acl.add('110 in allow icmp 0.0.0.0/0');
  await acl.add('110 out allow icmp 0.0.0.0/0');
  expect(await reached()).toEqual([true, false, false, true]);
  expect(await reached(neighbour)).toEqual([true, true, true, true]);
});

it('a deny with a lower number beats an allow, one with a higher does not', async () => {
  const { world, reached } = await open();
  const acl = await aclFor(world, world.subnetB, '100 in allow all 0.0.0.0/0', '100 out allow all 0.0.0.0/0');
  expect(await reached()).toEqual([true, true, true, true]);
  await acl.add('200 in deny tcp/80 0.0.0.0/0');
  expect(await reached()).toEqual([true, true, true, true]);
  await acl.add('50 in deny tcp/81 0.0.0.0/0');
  expect(await reached()).toEqual([true, false, true, true]);
  await acl.remove(50, false);
  expect(await reached()).toEqual([true, true, true, true]);
});

it('the sender’s ACL is asked too', async () => {
  const { world, reached, client, server } = await open();
  await aclFor(world, world.subnetA, '100 out allow tcp/80 0.0.0.0/0', '100 in allow tcp/1024/65535 0.0.0.0/0');
  expect(await reached()).toEqual([true, false, false, false]);
  await serve(client.instanceId, 'tcp:80');
  expect(await tcp(server.instanceId, client.address, 80)).toBeUndefined();
});

it('an entry that denies cuts an established connection at once, and it goes on when the entry is gone', async () => {
  const { world, client, server } = await open();
  const acl = await aclFor(world, world.subnetB, '100 in allow all 0.0.0.0/0', '100 out allow all 0.0.0.0/0');
  const connection = await openConnection(client.instanceId, server.address, 80);
  expect(await connection.answers()).toBe(true);
  await acl.add(`50 in deny tcp/80 ${client.address}/32`);
  expect(await connection.answers()).toBe(false);
  await acl.remove(50, false);
  await until(() => connection.answers(), 10_000, 'the connection to go on');
});

it('untouched flows lose nothing while an ACL of their subnet comes, changes and goes', async () => {
  const { world, client, server } = await open();
  const pinger = spawn('ip', ['netns', 'exec', client.instanceId, 'ping', '-i', '0.002', '-c', '1500', '-q', server.address]);
  let output = '';
  pinger.stdout.on('data', (data) => {
    output += data;
  });
  const acl = await aclFor(world, world.subnetB, '100 in allow icmp 0.0.0.0/0', '100 out allow icmp 0.0.0.0/0');
  // Between association and first entry nothing is open: entries came first, so there is no such moment.
  await acl.add('50 in deny tcp/81 0.0.0.0/0');
  await acl.remove(50, false);
  await once(pinger, 'close');
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(output) ?? [];
  expect([sent, Number(sent) - Number(received) <= 2]).toEqual(['1500', true]);
});

it('resolver and router answer whatever the ACL says', async () => {
  const { world, server } = await open();
  await aclFor(world, world.subnetB);
  expect((await inside(server.instanceId, 'getent', 'ahostsv4', `${server.instanceId}.ec2.internal`)).stdout).toContain(server.address);
  expect(await pings(server.instanceId, '10.0.2.1')).toBe(true);
});

it('a settled host has nothing to do, and a restarted daemon neither', async () => {
  const { world, reached } = await open();
  await aclFor(world, world.subnetB, '100 in allow tcp/80 10.0.1.0/24', '100 out allow tcp/1024/65535 10.0.1.0/24');
  const { agent } = world;
  await agent.stop();
  const before = agent.log.length;
  await agent.start();
  const passes = agent.log.slice(before).filter((line) => line.msg === 'reconcile pass');
  expect(passes.map((line) => line.operations)).toEqual(passes.map(() => 0));
  expect(await reached()).toEqual([true, false, false, false]);
});
