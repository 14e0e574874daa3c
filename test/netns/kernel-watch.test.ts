import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { execaSync } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Monitor } from '../../agent/kernel/monitor.js';
import { newRoute } from '../../agent/kernel/netlink/route.js';
import { createNetns, deleteNetns } from '../../agent/kernel/netns.js';
import type { KernelObject } from '../../agent/kernel/port.js';
import { NamespaceSockets } from '../../agent/kernel/sockets.js';
import {
  differences,
  failures,
  hostEnd,
  inNetns,
  instance,
  instanceObjects,
  interfaceObjects,
  ip,
  pings,
  planned,
  realise,
  routerObjects,
  testKernel,
  veth,
  vpc,
} from '../support/kernel.js';

const R = vpc(1);
const A = instance(0xa);
const B = instance(0xb);
const E = hostEnd(10);
const world = [
  ...routerObjects(R),
  ...instanceObjects(A),
  ...instanceObjects(B),
  ...interfaceObjects({ n: 10, router: R, instance: A }),
  ...interfaceObjects({ n: 11, router: R, instance: B }),
  { kind: 'set', netns: R, name: 'own4', type: 'address,device', family: 4, counters: false } as const,
  { kind: 'member', netns: R, set: 'own4', entry: `10.0.1.10,${E}` } as const,
];
/** Rules of an address family, as small as can be. */
const RULES = ([4, 6] as const).map((family): KernelObject => {
  const table = family === 4 ? 'ip enid' : 'ip6 enid';
  const hook = '{ type filter hook forward priority 0; policy drop; }';
  const text = `add table ${table}\nadd chain ${table} forward ${hook}\nflush table ${table}\nadd rule ${table} forward accept\n`;
  return { kind: 'ruleset', netns: R, family, fingerprint: 'x', text };
});

const kernel = testKernel();
afterAll(() => kernel.close());
const told: string[] = [];
/** Longest that a notification takes: debounce and what the kernel does a moment later; then the aftermath of our own work is over. */
const SETTLED_MS = 250;
const settle = () => pause(SETTLED_MS);

beforeAll(async () => {
  await realise(kernel, routerObjects(R));
  // One namespace is there before, the others come later.
  kernel.watch((netns) => told.push(netns));
  await realise(kernel, world);
  await settle();
});
beforeEach(async () => {
  for (const _pass of [1, 2]) await realise(kernel, world);
  expect(failures(await kernel.apply(planned(RULES.map((object) => ({ verb: 'create', object }) as const))))).toEqual([]);
  await settle();
  told.length = 0;
});

describe('a change by somebody else is told', () => {
  it.each<[string, string, readonly string[]]>([
    ['address', A, ['ip', 'addr', 'del', '10.0.1.10/24', 'dev', 'eth0']],
    ['IPv6 address', A, ['ip', 'addr', 'del', 'fd00:1::a/128', 'dev', 'eth0']],
    ['route', R, ['ip', 'route', 'del', '10.0.1.10/32']],
    ['IPv6 route', R, ['ip', '-6', 'route', 'del', 'fd00:1::a/128']],
    ['rule', R, ['ip', 'rule', 'del', 'pref', '50']],
    ['IPv6 rule', R, ['ip', '-6', 'rule', 'add', 'pref', '7', 'lookup', '77']],
    ['neighbour', R, ['ip', 'neigh', 'replace', '10.0.1.10', 'lladdr', '02:00:00:00:00:66', 'dev', E]],
    ['device down', A, ['ip', 'link', 'set', 'eth0', 'down']],
    ['device deleted at the other end', A, ['ip', 'link', 'del', 'eth0']],
    ['group', R, ['ip', 'link', 'set', E, 'group', '5']],
    ['MTU', A, ['ip', 'link', 'set', 'eth0', 'mtu', '1300']],
    ['foreign device', R, ['ip', 'link', 'add', 'spy', 'type', 'bridge']],
    ['reverse path filter', R, ['sysctl', '-qw', `net.ipv4.conf.${E}.rp_filter=0`]],
    ['forwarding', R, ['sysctl', '-qw', 'net.ipv4.ip_forward=0']],
    ['packet filter rule', R, ['nft', 'insert rule ip enid forward drop']],
    ['packet filter rules deleted', R, ['nft', 'flush chain ip enid forward']],
    ['IPv6 packet filter policy', R, ['nft', 'add chain ip6 enid forward { policy accept; }']],
    ['packet filter chain', R, ['nft', 'add chain ip6 enid foreign']],
    ['member of a set added', R, ['nft', 'add element ip enid own4 { 10.0.1.77 . "spy" }']],
    ['member of a set deleted', R, ['nft', `delete element ip enid own4 { 10.0.1.10 . "${E}" }`]],
    ['set emptied', R, ['nft', 'flush set ip enid own4']],
    ['foreign set', R, ['nft', 'add set ip6 enid spy { type ipv6_addr; }']],
    ['foreign table', R, ['nft', 'add table inet theirs']],
    ['table deleted', R, ['nft', 'delete table ip6 enid']],
    ['rules of iptables', R, ['iptables-nft', '-A', 'FORWARD', '-j', 'ACCEPT']],
  ])('%s', async (_name, netns, argv) => {
    expect(inNetns(netns, ...argv)).toMatchObject({ exitCode: 0 });
    await expect.poll(() => told, { timeout: 1000 }).toContain(netns);
  });

  it('at both ends of a device', async () => {
    ip(A, 'link', 'del', 'eth0');
    await expect.poll(() => new Set(told), { timeout: 1000 }).toEqual(new Set([A, R]));
  });

  it('once for many', async () => {
    for (let n = 0; n < 20; n++) ip(R, 'route', 'add', `192.0.2.${n}/32`, 'dev', E);
    await settle();
    expect(told.filter((netns) => netns === R).length).toBeLessThan(15);
    expect(told).toContain(R);
  });

  it('when a namespace is deleted, when it is made, and what happens in the new one', async () => {
    execaSync('ip', ['netns', 'del', B]);
    await expect.poll(() => told, { timeout: 1000 }).toContain(B);
    expect((await kernel.observe(new Set([B]))).size).toBe(0);
    // Nothing of ours keeps it alive: its devices go.
    await expect.poll(() => ip(R, '-o', 'link').includes(hostEnd(11)), { timeout: 2000 }).toBe(false);
    told.length = 0;
    execaSync('ip', ['netns', 'add', B]);
    await expect.poll(() => told, { timeout: 1000 }).toContain(B);
    await settle();
    told.length = 0;
    ip(B, 'link', 'set', 'lo', 'up');
    await expect.poll(() => told, { timeout: 1000 }).toContain(B);
  });

  it('in a namespace whose deletion was given up', async () => {
    const homeless: KernelObject = { kind: 'address', netns: B, device: 'none', address: '10.0.1.99/24' };
    const ops = [{ verb: 'create', object: homeless } as const, { verb: 'delete', object: { kind: 'netns', netns: B } } as const];
    const results = await kernel.apply(ops.map((op) => ({ op, unit: 'unit', needs: [] })));
    expect(results.map(({ outcome }) => outcome)).toEqual(['failed', 'skipped']);
    await settle();
    told.length = 0;
    ip(B, 'link', 'set', 'lo', 'down');
    await expect.poll(() => told, { timeout: 1000 }).toContain(B);
  });

  it('when a namespace is replaced by another of its name', async () => {
    execaSync('sh', ['-c', `ip netns del ${B} && ip netns add ${B}`]);
    await expect.poll(() => told, { timeout: 1000 }).toContain(B);
    await realise(kernel, world);
    expect(await differences(kernel, world)).toEqual([]);
    expect(pings(A, '10.0.1.11')).toBe(true);
  });

  it('while the agent itself is at work there', async () => {
    const gate: KernelObject = { kind: 'route', netns: R, table: 1003, destination: '0.0.0.0/0', type: 'blackhole' };
    for (let round = 0; round < 20; round++) {
      await kernel.apply(planned([{ verb: round % 2 ? 'delete' : 'create', object: gate }]));
      if (round === 10) ip(R, 'route', 'del', '10.0.1.10/32');
    }
    await expect.poll(() => told, { timeout: 1000 }).toContain(R);
  });
});

describe('a change by somebody else right after an operation of ours is told', () => {
  /** By another way than netlink: the kernel does not tell who it was. */
  const byCall = (request: string, argument: string): readonly string[] => [
    'perl',
    '-MSocket',
    '-e',
    `socket(S, AF_INET, SOCK_DGRAM, 0); my $x = ${argument}; ioctl(S, ${request}, $x) or die $!`,
  ];
  const DELETE_ROUTE = byCall('0x890c', `pack('x8 Sna4x8 x16 Sna4x8 S x62', 2, 0, inet_aton('10.0.1.10'), 2, 0, "\\xff" x 4, 5)`);
  const NO_ADDRESS = byCall('0x8916', `pack('a16 S x22', 'eth0', 2)`);

  it.each<[string, string, readonly string[]]>([
    ['device down', R, ['ip', 'link', 'set', E, 'down']],
    ['device deleted', R, ['ip', 'link', 'del', E]],
    ['group', R, ['ip', 'link', 'set', E, 'group', '0']],
    ['MTU', R, ['ip', 'link', 'set', E, 'mtu', '1300']],
    ['MAC', R, ['ip', 'link', 'set', E, 'address', '02:00:00:00:00:77']],
    ['alias', R, ['ip', 'link', 'set', E, 'alias', 'mine']],
    ['bridge', R, ['ip', 'link', 'set', E, 'master', 'spare']],
    ['name', R, ['ip', 'link', 'set', 'spare', 'name', 'other']],
    ['reverse path filter', R, ['sysctl', '-qw', `net.ipv4.conf.${E}.rp_filter=0`]],
    ['forwarding', R, ['sysctl', '-qw', 'net.ipv4.ip_forward=0']],
    ['IPv6 forwarding', R, ['sysctl', '-qw', 'net.ipv6.conf.all.forwarding=0']],
    ['route', R, DELETE_ROUTE],
    ['instance end down', A, ['ip', 'link', 'set', 'eth0', 'down']],
    ['MAC in the instance', A, ['ip', 'link', 'set', 'eth0', 'address', '02:00:00:00:00:77']],
    ['address in the instance', A, NO_ADDRESS],
  ])('%s', async (_name, netns, argv) => {
    if (argv.includes('spare')) {
      ip(R, 'link', 'add', 'spare', 'type', 'bridge');
      await settle();
    }
    const object: KernelObject = { kind: 'route', netns, table: 1003, destination: '0.0.0.0/0', type: 'blackhole' };
    for (const verb of ['create', 'delete'] as const) await kernel.apply(planned([{ verb, object }]));
    await nextTurn();
    told.length = 0;
    expect(inNetns(netns, ...argv)).toMatchObject({ exitCode: 0 });
    await expect.poll(() => told, { timeout: 1000 }).toContain(netns);
  });

  it('and while rules are being loaded', async () => {
    const object: KernelObject = { kind: 'ruleset', netns: R, family: 4, fingerprint: 'x', text: '*filter\n:FORWARD DROP\nCOMMIT\n' };
    const loading = kernel.apply(planned([{ verb: 'create', object }]));
    await nextTurn();
    ip(R, 'link', 'set', E, 'group', '0');
    await loading;
    await expect.poll(() => told, { timeout: 1000 }).toContain(R);
  });
});

describe('more notifications than the buffer holds', () => {
  it('count as a change everywhere, though each of them alone would not', async () => {
    const sockets = new NamespaceSockets();
    const monitor = new Monitor(sockets, () => {});
    const heard: string[] = [];
    monitor.start((netns) => heard.push(netns));
    const flood = (count: number) =>
      sockets
        .route(R)
        .batch(
          Array.from({ length: count }, (_, n) =>
            newRoute({ table: 77, destination: `192.${n >> 16}.${(n >> 8) & 255}.${n & 255}/32`, type: 'blackhole' }, undefined),
          ),
        );
    flood(100);
    await settle();
    expect(heard).toEqual([]);
    flood(80_000);
    await expect.poll(() => new Set(heard), { timeout: 3000 }).toEqual(new Set([R, A, B]));
    await settle();
    heard.length = 0;
    ip(A, 'link', 'set', 'lo', 'down');
    await expect.poll(() => heard, { timeout: 1000 }).toEqual([A]);
    ip(A, 'link', 'set', 'lo', 'up');
    monitor.stop();
    sockets.close();
  });
});

describe('where namespaces come and go', () => {
  it('each is told of by its own name, and those that stay are still told of', async () => {
    const crowd = (round: number) => Array.from({ length: 12 }, (_, n) => instance(0x100 * round + n));
    const sockets = new NamespaceSockets();
    const monitor = new Monitor(sockets, () => {});
    const heard = new Set<string>();
    monitor.start((netns) => heard.add(netns));
    for (const round of [1, 2, 3]) {
      // The kernel gives the numbers of namespaces that are gone to the next ones.
      for (const netns of crowd(round)) {
        createNetns(netns);
        monitor.track(netns);
      }
      await settle();
      heard.clear();
      for (const netns of [...crowd(round).slice(0, 3), A]) {
        ip(netns, 'link', 'set', 'lo', 'down');
        ip(netns, 'link', 'set', 'lo', 'up');
      }
      await expect.poll(() => heard, { timeout: 1000 }).toEqual(new Set([...crowd(round).slice(0, 3), A]));
      for (const netns of crowd(round)) monitor.untrack(netns);
      heard.clear();
      // Work of ours is when the many that are gone are given up.
      await monitor.quietly([A], () => {
        for (const netns of crowd(round)) ip(netns, 'link', 'set', 'lo', 'down');
      });
      await settle();
      expect(heard).toEqual(new Set());
      for (const netns of crowd(round)) {
        sockets.forget(netns);
        await deleteNetns(netns);
      }
    }
    monitor.stop();
    sockets.close();
  });
});

describe('no news are', () => {
  it('what the agent does: namespaces, devices, addresses, routes, neighbours, rules, settings, sets, packet filters', async () => {
    const C = instance(0xc);
    const R2 = vpc(2);
    const more: KernelObject[] = [
      ...routerObjects(R2, ['10.8.0.0/16']),
      ...instanceObjects(C),
      ...interfaceObjects({ n: 12, router: R, instance: C }),
      ...interfaceObjects({ n: 13, router: R2, instance: C, index: 1 }).filter(({ kind, netns }) => kind !== 'route' || netns === R2),
      { kind: 'set', netns: R, name: 'sg-0.4', type: 'address', family: 4, counters: false },
      { kind: 'set', netns: R, name: 'egress-drops6', type: 'device', family: 6, counters: true },
      { kind: 'member', netns: R, set: 'sg-0.4', entry: '10.0.1.12' },
      { kind: 'member', netns: R, set: 'egress-drops6', entry: hostEnd(12) },
      { kind: 'member', netns: R, set: 'own4', entry: `10.0.1.12,${hostEnd(12)}` },
      { kind: 'rule', netns: C, family: 4, priority: 1001, from: '10.0.1.12/32', table: 1001 },
    ];
    await realise(kernel, [...world, ...more]);
    for (const object of [...RULES, ...RULES]) expect(failures(await kernel.apply(planned([{ verb: 'create', object }])))).toEqual([]);
    const change = { ...veth({ n: 12, router: R, instance: C }), group: 7, mtu: 1400, rpFilter: 0 as const };
    await kernel.apply(planned([{ verb: 'update', object: change, from: change }]));
    await kernel.apply(planned([{ verb: 'delete', object: veth({ n: 12, router: R, instance: C }) }]));
    expect(failures(await kernel.apply(planned(RULES.map((object) => ({ verb: 'delete', object }) as const))))).toEqual([]);
    await realise(kernel, world);
    await pause(1500);
    expect(told).toEqual([]);
  });

  it('what observing does', async () => {
    for (let round = 0; round < 5; round++) await kernel.observe();
    await settle();
    expect(told).toEqual([]);
  });

  it('traffic, and neighbours that an instance learns', async () => {
    for (const address of ['10.0.1.11', '10.0.1.1', '10.0.1.99', 'fd00:1::b', 'fd00:1::1']) pings(A, address);
    await pause(1500);
    expect(told).toEqual([]);
  });
});
