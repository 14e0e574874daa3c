import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LOCK_FILE } from '../../agent/store/directory.js';
import { metadata, tokenOf, withToken } from '../support/metadata.js';
import { inside, serve, tcp, until } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

/** What a hostile caller writes, and what a hostile guest does to the machine that it shares. */
process.umask(0);
const setup = useAgent();

const INJECTIONS = [
  '"; touch /tmp/enid-injected; echo "',
  '$(touch /tmp/enid-injected)',
  '-j ACCEPT',
  'x\nCOMMIT\n*filter\n-I FORWARD -j ACCEPT\n',
  'x } ; flush ruleset ; add table inet y {',
  '../../../../etc/passwd',
  '10.0.1.99 metadata.example\n10.0.1.98 db',
  '%s%n',
];

it('names, tags and descriptions are text, to every tool', async () => {
  const { agent, vpcId, subnetA, instance } = await setup.world();
  for (const text of INJECTIONS) await agent.call('POST', '/v1/security-groups', { vpcId, groupName: text, description: text });
  const tags = Object.fromEntries(INJECTIONS.map((text, i) => [`${i}${text}`, text]));
  const { groupId } = await agent.ok('POST', '/v1/security-groups', { vpcId, groupName: 'plain', description: 'plain', tags });
  for (const text of INJECTIONS) {
    const made = await agent.call('POST', '/v1/instances', {
      instanceType: 'm5.large',
      subnetId: subnetA,
      groupIds: [groupId],
      tags: { Name: text },
    });
    expect(made.status).toBeLessThan(500);
  }
  const [a, b] = [await instance({ groupIds: [groupId] }), await instance()];
  await serve(a.instanceId, 'tcp:80');
  expect(await tcp(b.instanceId, a.address, 80)).toBeUndefined();
  const faults = (await agent.ok('GET', '/v1/conditions?filter=realised:false')).items;
  expect(faults).toEqual([]);
  const listing = (await inside(vpcId, 'nft', '-j', 'list', 'ruleset')).stdout;
  expect(listing).not.toMatch(/enid-injected|-I FORWARD|passwd/);
  // Every table and rule is one of ours.
  const { nftables } = JSON.parse(listing);
  const rules: any[] = nftables.flatMap(({ rule }: any) => (rule ? [rule] : []));
  expect(rules.length).toBeGreaterThan(10);
  for (const { comment } of rules) expect(comment).toMatch(/^enid:\w+$/);
  expect(nftables.flatMap(({ table }: any) => (table ? [`${table.family} ${table.name}`] : [])).sort()).toEqual(['ip enid', 'ip6 enid']);
  expect(lstatSync('/tmp/enid-injected', { throwIfNoEntry: false })).toBeUndefined();
  const forged = (await inside(a.instanceId, 'getent', 'hosts', 'metadata.example')).stdout;
  expect(forged).toBe('');
});

it('a token of another instance is worth nothing, nor is a claim to speak for it', async () => {
  const { instance } = await setup.world();
  const [victim, thief] = [await instance(), await instance()];
  const token = await tokenOf(victim.instanceId);
  const path = '/latest/meta-data/instance-id';
  expect((await metadata(victim.instanceId, path, ...withToken(token))).body).toBe(victim.instanceId);
  expect((await metadata(thief.instanceId, path, ...withToken(token))).status).toBe(401);
  const forwarded = ['-H', `X-Forwarded-For: ${victim.address}`];
  expect((await metadata(thief.instanceId, path, ...forwarded)).body).toBe(thief.instanceId);
  expect(
    (await metadata(thief.instanceId, '/latest/api/token', '-X', 'PUT', '-H', 'X-aws-ec2-metadata-token-ttl-seconds: 60', ...forwarded))
      .status,
  ).toBe(403);
});

it('user data runs in a PID namespace of its own: it neither sees nor signals the daemon; and nothing of the daemon is for other users', async () => {
  const { agent, instance } = await setup.world();
  const daemon = readFileSync(join(agent.dataDir, LOCK_FILE), 'utf8').trim();
  const userData = `#!/bin/sh
    for comm in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$comm | grep -q 'agent/main' && echo daemon-seen; done
    [ -e /proc/sys/net/ipv4/neigh/enid-internet ] && echo host-devices-seen
    ip -o link show | grep -q enid && echo host-devices-seen
    kill -KILL ${daemon} 2>/dev/null && echo daemon-signalled
    echo probe-ended`;
  const { instanceId } = await instance({ userData });
  const output = async () => (await agent.ok('GET', `/v1/instances/${instanceId}/console-output`)).output as string;
  await until(async () => (await output()).includes('probe-ended'), 20_000, 'the end of user data');
  expect(await output()).not.toMatch(/daemon-seen|daemon-signalled|host-devices-seen/);
  // A daemon that was started with no umask at all.
  const mode = (path: string) => lstatSync(path).mode & 0o777;
  expect(mode(agent.dataDir)).toBe(0o700);
  for (const path of filesBelow(join(agent.dataDir, 'audit'))) expect([path, mode(path)]).toEqual([path, 0o600]);
  const writable = [...filesBelow(agent.dataDir)].filter((path) => !lstatSync(path).isSymbolicLink() && (mode(path) & 0o022) !== 0);
  expect(writable).toEqual([]);
});

function* filesBelow(directory: string): Iterable<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    yield path;
    if (entry.isDirectory()) yield* filesBelow(path);
  }
}
