import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { startAgent } from '../support/agent.js';
import { inside, pings, serve, tcp, until } from '../support/traffic.js';
import { buildWorld, useAgent } from '../support/world.js';

const DELETE_FIRST_RULE =
  'nft delete rule ip enid forward handle $(nft -a list chain ip enid forward | sed -n "s/.* comment .*# handle //p" | head -n 1)';
const passes = (log: readonly Record<string, any>[]) => log.filter((line) => line.msg === 'reconcile pass');

describe('restart', () => {
  it('leaves traffic untouched and does no kernel operation', async () => {
    const agent = await startAgent({ args: ['--log-level', 'debug'] });
    try {
      const { instance } = await buildWorld(agent);
      const [a, b] = [await instance(), await instance({ userData: '#!/bin/sh\nsleep 300 &\necho started' })];
      await inside(a.instanceId, 'ping', '-c', '1', b.address);
      const stream = spawn('ip', ['netns', 'exec', a.instanceId, 'ping', '-i', '0.01', '-c', '200', '-W', '1', b.address]);
      // It may end before the agent is back.
      const ended = once(stream, 'exit');
      let output = '';
      stream.stdout.on('data', (chunk) => {
        output += chunk;
      });
      const before = agent.log.length;
      expect(await agent.stop()).toBe(0);
      await agent.start();
      await ended;
      expect(output).toContain('200 packets transmitted, 200 received, 0% packet loss');
      const [first] = passes(agent.log.slice(before));
      expect(first).toMatchObject({ full: true, operations: 0, failures: 0 });
    } finally {
      await agent.dispose();
    }
  });

  it('kill -9 and an emptied kernel: everything is rebuilt from the store', async () => {
    const agent = await startAgent();
    try {
      const { instance } = await buildWorld(agent);
      const [a, b] = [await instance(), await instance()];
      await agent.kill();
      for (const netns of readdirSync('/run/netns')) await execa('ip', ['netns', 'del', netns]);
      await agent.start();
      expect(await pings(a.instanceId, b.address)).toBe(true);
      expect(JSON.parse((await inside(a.instanceId, 'ip', '-j', 'link', 'show', 'eth0')).stdout)[0].address).toBe(a.eni.macAddress);
    } finally {
      await agent.dispose();
    }
  });
});

/** Its bit (linux/capability.h). */
const CAP_NET_BROADCAST = 1n << 11n;

/** What somebody does behind the agent's back; $ROUTER, $INSTANCE, $DEV (host end of A) and $ADDR are filled in. */
const sabotage: readonly [what: string, where: 'router' | 'instance' | 'host', argv: string[]][] = [
  ['host end deleted', 'router', ['ip', 'link', 'del', '$DEV']],
  ['host end down', 'router', ['ip', 'link', 'set', '$DEV', 'down']],
  ['device group cleared', 'router', ['ip', 'link', 'set', '$DEV', 'group', '0']],
  ['host route deleted', 'router', ['ip', 'route', 'del', '$ADDR/32']],
  ['host route blackholed', 'router', ['ip', 'route', 'replace', 'blackhole', '$ADDR/32']],
  [
    'neighbour deleted and wrong',
    'router',
    ['ip', 'neigh', 'replace', '$ADDR', 'lladdr', '02:00:00:00:00:99', 'dev', '$DEV', 'nud', 'permanent'],
  ],
  ['routing rule deleted', 'router', ['ip', 'rule', 'del', 'pref', '50']],
  ['forwarding off', 'router', ['sysctl', '-qw', 'net.ipv4.ip_forward=0']],
  ['rules flushed', 'router', ['nft', 'flush table ip enid']],
  ['a chain flushed', 'router', ['nft', 'flush chain ip enid forward']],
  ['a rule inserted', 'router', ['nft', 'insert rule ip enid forward drop']],
  ['a rule of ours deleted', 'router', ['sh', '-c', DELETE_FIRST_RULE]],
  ['policy changed', 'router', ['nft', 'add chain ip enid forward { policy accept; }']],
  ['a chain added', 'router', ['nft', 'add chain ip enid spy { type filter hook forward priority -5; policy drop; }']],
  ['set member deleted', 'router', ['nft', 'delete element ip enid own4 { $ADDR . "$DEV" }']],
  ['set member added', 'router', ['nft', 'add element ip enid own4 { 10.0.77.7 . "$DEV" }']],
  ['set flushed', 'router', ['nft', 'flush set ip enid own4']],
  ['set added', 'router', ['nft', 'add set ip enid spy { type ipv4_addr; }']],
  ['a rule of iptables inserted', 'router', ['iptables-nft', '-I', 'FORWARD', '-j', 'DROP']],
  ['a table of somebody else', 'router', ['nft', 'add table inet theirs']],
  ['all tables of the packet filter deleted', 'router', ['nft', 'flush ruleset']],
  ['instance end deleted', 'instance', ['ip', 'link', 'del', 'eth0']],
  ['instance end down', 'instance', ['ip', 'link', 'set', 'eth0', 'down']],
  ['address deleted in the instance', 'instance', ['ip', '-4', 'addr', 'flush', 'dev', 'eth0']],
  ['default route deleted in the instance', 'instance', ['ip', 'route', 'del', 'default']],
  ['MAC changed in the instance', 'instance', ['ip', 'link', 'set', 'eth0', 'address', '02:00:00:00:00:98']],
  ['instance namespace deleted', 'host', ['ip', 'netns', 'del', '$INSTANCE']],
  ['router namespace deleted', 'host', ['ip', 'netns', 'del', '$ROUTER']],
];

describe.each<[string, string[]]>([
  ['by one socket for all namespaces', []],
  ['by one for each, as an engine gives its containers no CAP_NET_BROADCAST', ['net_broadcast']],
])('drift: the kernel tells of it %s, no comparison is due', (_how, without) => {
  const setup = useAgent(['--resync-seconds', '3600'], { without });

  it('has the privileges that are meant', async () => {
    const { agent } = setup;
    const bounds = /^CapBnd:\s+(\w+)/m.exec(readFileSync(`/proc/${agent.pid}/status`, 'utf8'))?.[1];
    expect((BigInt(`0x${bounds}`) & CAP_NET_BROADCAST) === 0n).toBe(without.includes('net_broadcast'));
  });

  it.each(sabotage)('%s', async (_what, where, argv) => {
    const { agent, instance, vpcId, subnetB } = await setup.world();
    const a = await instance();
    const b = await instance({ subnetId: subnetB });
    await serve(b.instanceId, 'tcp:80');
    const [{ routeTableId }] = (await agent.ok('GET', `/v1/route-tables?filter=vpc-id:${vpcId}`)).items;
    await agent.ok('POST', `/v1/route-tables/${routeTableId}/routes`, {
      destination: '192.0.2.0/24',
      networkInterfaceId: b.eni.networkInterfaceId,
    });
    const { attachment } = await agent.ok('GET', `/v1/network-interfaces/${a.eni.networkInterfaceId}`);
    const names: Record<string, string> = { $ROUTER: vpcId, $INSTANCE: a.instanceId, $DEV: attachment.device.hostEnd, $ADDR: a.address };
    const filled = argv.map((word) => Object.entries(names).reduce((text, [name, value]) => text.replaceAll(name, value), word));
    const before = await state(vpcId, [a.instanceId, b.instanceId]);
    const done =
      where === 'host'
        ? await execa(filled[0] ?? '', filled.slice(1), { reject: false })
        : await inside(where === 'router' ? vpcId : a.instanceId, ...filled);
    expect(done.exitCode, done.stderr).toBe(0);
    await expect.poll(() => state(vpcId, [a.instanceId, b.instanceId]), { timeout: 5000, interval: 20 }).toBe(before);
    expect(await pings(a.instanceId, b.address)).toBe(true);
    expect(await pings(b.instanceId, a.address)).toBe(true);
    if (argv.join(' ') !== 'ip netns del $ROUTER') expect(await tcp(a.instanceId, b.address, 80)).toBe(a.address);
    await until(async () => (await agent.ok('GET', '/v1/conditions')).items.every((each: any) => each.realised), 2000, 'conditions');
  });
});

describe('a fault', () => {
  const setup = useAgent();

  it('a broken interface does not stop its neighbours and says what failed', async () => {
    const { agent, instance, networkInterface } = await setup.world();
    const [a, b] = [await instance(), await instance()];
    // Somebody in the instance already has a device of that name.
    await inside(a.instanceId, 'ip', 'link', 'add', 'eth1', 'type', 'bridge');
    const eni = await networkInterface();
    const attach = agent.call('POST', `/v1/network-interfaces/${eni.networkInterfaceId}/attach`, {
      instanceId: a.instanceId,
      deviceIndex: 1,
    });
    const c = await instance();
    expect(await pings(c.instanceId, b.address)).toBe(true);
    const broken = (await attach).body;
    expect(broken).toMatchObject({ status: 'attaching', condition: { realised: false } });
    expect(broken.condition.message).toMatch(/eth1/);
    await inside(a.instanceId, 'ip', 'link', 'del', 'eth1');
    await until(
      async () => (await agent.ok('GET', `/v1/network-interfaces/${eni.networkInterfaceId}`)).status === 'in-use',
      5000,
      'recovery',
    );
    expect(await pings(c.instanceId, eni.privateIpAddresses[0].privateIpAddress)).toBe(true);
  });
});

/** What matters of a VPC on this host, as text: devices by MAC and group, addresses, routes, rules, neighbours, filter rules, sets. */
/** The kernel notes that a device has a carrier within a second; packets pass before that. */
async function state(router: string, instances: readonly string[]): Promise<string> {
  const read = async (netns: string, ...argv: string[]) =>
    (await inside(netns, ...argv)).stdout
      .replace(/@if\d+|^\d+: |link-netns(id)? \S+|qlen \d+|\[\d+:\d+\]|NO-CARRIER,|^#.*$/gm, '')
      .replace(/[ \t]+$/gm, '');
  const parts = await Promise.all([
    ...[router, ...instances].flatMap((netns) => [
      read(netns, 'ip', '-o', 'link').then((text) =>
        text
          .split('\n')
          .map((line) => `${/ (\S+):/.exec(` ${line}`)?.[1]} ${/<\S+>/.exec(line)} ${/group \S+/.exec(line)} ${/link\/\S+ \S+/.exec(line)}`)
          .sort()
          .join('\n'),
      ),
      read(netns, 'ip', '-br', 'addr').then((text) => sorted(text.replace(/^(\S+) +\S+/gm, '$1'))),
      read(netns, 'ip', 'route', 'show', 'table', 'main'),
      read(netns, 'ip', 'rule'),
    ]),
    read(router, 'ip', 'neigh', 'show', 'nud', 'permanent').then(sorted),
    read(router, 'nft', '-j', 'list', 'ruleset').then(filterOf),
    read(router, 'sysctl', 'net.ipv4.ip_forward'),
  ]);
  return parts.join('\n--\n');
}

/** Of a whole listing: sets with their members in any order, chains with their rules in theirs; no handles, no counts. */
function filterOf(listing: string): string {
  const without = (key: string, value: any) => (['handle', 'packets', 'bytes', 'flags'].includes(key) ? undefined : value);
  const words = (item: any): string => JSON.stringify(item, without);
  const found: any[] = JSON.parse(listing).nftables;
  const rules = found.flatMap(({ rule }) => (rule ? [words(rule)] : []));
  const others = found.filter(({ rule, metainfo }) => !rule && !metainfo);
  return [
    ...others.map((item) => (item.set?.elem ? words({ ...item.set, elem: item.set.elem.map(words).sort() }) : words(item))).sort(),
    ...rules,
  ].join('\n');
}

const sorted = (text: string): string => text.split('\n').sort().join('\n');
