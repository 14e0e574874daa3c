import { readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { execaSync } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { keyOf } from '../../agent/kernel/port.js';
import {
  differences,
  hostEnd,
  inNetns,
  instance,
  instanceObjects,
  interfaceObjects,
  ip,
  pings,
  realise,
  routerObjects,
  testKernel,
  vpc,
} from '../support/kernel.js';

const R = vpc(1);
const A = instance(0xa);
const B = instance(0xb);
const E = hostEnd(10);
const plug = { n: 10, router: R, instance: A };
const world = [
  ...routerObjects(R),
  ...instanceObjects(A),
  ...instanceObjects(B),
  ...interfaceObjects(plug),
  ...interfaceObjects({ n: 11, router: R, instance: B }),
  { kind: 'route', netns: R, table: 1003, destination: '0.0.0.0/0', type: 'blackhole' } as const,
  { kind: 'rule', netns: R, family: 4, priority: 100, table: 1003, mark: { value: 3, mask: 0xffff } } as const,
  { kind: 'set', netns: R, name: 'own4', type: 'address,device', family: 4, counters: false } as const,
  { kind: 'member', netns: R, set: 'own4', entry: `10.0.1.10,${E}` } as const,
  { kind: 'member', netns: R, set: 'own4', entry: `10.0.1.11,${hostEnd(11)}` } as const,
  { kind: 'set', netns: R, name: 'drops6', type: 'device', family: 6, counters: true } as const,
  { kind: 'member', netns: R, set: 'drops6', entry: E } as const,
];

const kernel = testKernel();
afterAll(() => kernel.close());
const fix = async () => {
  // What a repair takes with it (neighbours of a device whose MAC changes) the next pass makes again.
  for (const _pass of [1, 2]) await realise(kernel, world);
  expect(await differences(kernel, world)).toEqual([]);
};
const work = async () => (await differences(kernel, world)).map(({ verb, object }) => `${verb} ${keyOf(object)}`);

describe('what somebody did by hand is seen and repaired', () => {
  beforeAll(() => realise(kernel, world));
  beforeEach(fix);

  /** Command (`ip -n NETNS …` or a program in NETNS), and the objects that it makes differ. */
  it.each<[string, readonly [string, ...string[]], unknown]>([
    ['address taken from the router', [R, 'addr', 'del', '10.0.1.1/32', 'dev', 'lo'], [`create address ${R} lo 10.0.1.1/32`]],
    ['address taken from an instance', [A, 'addr', 'del', 'fd00:1::a/128', 'dev', 'eth0'], [`create address ${A} eth0 fd00:1::a/128`]],
    ['address put on the router', [R, 'addr', 'add', '10.0.7.7/24', 'dev', E], [`delete address ${R} ${E} 10.0.7.7/24`]],
    ['link-local address put on the router', [R, 'addr', 'add', 'fe80::5/64', 'dev', E], [`delete address ${R} ${E} fe80::5/64`]],
    ['link-local address taken from a host end', [R, 'addr', 'del', 'fe80::ff:fe00:1/64', 'dev', E], [`update veth ${R} ${E}`]],
    ['blackhole taken away', [R, 'route', 'del', 'blackhole', '10.0.0.0/16'], [`create route ${R} 254 10.0.0.0/16`]],
    ['route turned aside', [R, 'route', 'replace', '10.0.1.10/32', 'dev', hostEnd(11)], [`update route ${R} 254 10.0.1.10/32`]],
    [
      'blackhole opened',
      [R, 'route', 'replace', 'default', 'via', '10.0.1.10', 'dev', E, 'onlink', 'table', '1003'],
      [`update route ${R} 1003 0.0.0.0/0`],
    ],
    ['foreign route', [R, 'route', 'add', '192.0.2.0/24', 'dev', E], [`delete route ${R} 254 192.0.2.0/24`]],
    [
      'foreign route beside ours',
      [R, 'route', 'add', '10.0.1.10/32', 'dev', hostEnd(11), 'metric', '7'],
      [`delete route ${R} 254 10.0.1.10/32 metric 7`],
    ],
    [
      'foreign IPv6 route that would win',
      [R, '-6', 'route', 'add', 'fd00:1::a/128', 'dev', hostEnd(11), 'metric', '5'],
      [`delete route ${R} 254 fd00:1::a/128 metric 5`],
    ],
    [
      'foreign unreachable route',
      [R, 'route', 'add', 'unreachable', '192.0.2.0/24', 'table', '77'],
      [`delete route ${R} 77 192.0.2.0/24 type 7`],
    ],
    ['rule taken away', [R, 'rule', 'del', 'pref', '50'], [`create rule ${R} 4 50  10.0.0.0/16  254`]],
    ['foreign rule', [R, 'rule', 'add', 'from', '10.0.1.10', 'lookup', '77', 'pref', '7'], [`delete rule ${R} 4 7 10.0.1.10/32   77`]],
    [
      'foreign rule by device',
      [R, 'rule', 'add', 'iif', E, 'lookup', '77', 'pref', '7'],
      [expect.stringContaining(`delete rule ${R} 4 7 all attribute`)],
    ],
    [
      'foreign rule with another action',
      [R, 'rule', 'add', 'not', 'from', '10.0.1.10', 'pref', '7', 'prohibit'],
      [expect.stringMatching(`^delete rule ${R} 4 7 10.0.1.10/32 action 8 not`)],
    ],
    ['neighbour taken away', [R, 'neigh', 'del', '10.0.1.10', 'dev', E], [`create neighbour ${R} ${E} 10.0.1.10`]],
    [
      'neighbour changed',
      [R, 'neigh', 'replace', '10.0.1.10', 'lladdr', '02:00:00:00:00:66', 'dev', E],
      [`update neighbour ${R} ${E} 10.0.1.10`],
    ],
    [
      'neighbour made mortal',
      [R, 'neigh', 'change', 'fd00:1::a', 'lladdr', '02:00:00:00:00:66', 'dev', E, 'nud', 'stale'],
      [`create neighbour ${R} ${E} fd00:1::a`],
    ],
    [
      'foreign neighbour',
      [R, 'neigh', 'add', '10.0.1.200', 'lladdr', '02:00:00:00:00:66', 'dev', E],
      [`delete neighbour ${R} ${E} 10.0.1.200`],
    ],
    [
      'host end renamed',
      [R, 'link', 'set', E, 'name', 'hidden'],
      expect.arrayContaining([`create veth ${R} ${E}`, `delete veth ${R} hidden`]),
    ],
    ['instance end renamed', [A, 'link', 'set', 'eth0', 'name', 'eth7'], expect.arrayContaining([`update veth ${R} ${E}`])],
    [
      'instance end moved to another instance',
      [A, 'link', 'set', 'eth0', 'netns', B, 'name', 'eth7'],
      expect.arrayContaining([`update veth ${R} ${E}`]),
    ],
    ['instance end down', [A, 'link', 'set', 'eth0', 'down'], expect.arrayContaining([`update veth ${R} ${E}`])],
    [
      'host end down',
      [R, 'link', 'set', E, 'down'],
      expect.arrayContaining([`update veth ${R} ${E}`, `create route ${R} 254 10.0.1.10/32`]),
    ],
    ['loopback of the router down', [R, 'link', 'set', 'lo', 'down'], expect.arrayContaining([`create address ${R} lo 10.0.1.1/32`])],
    [
      'pair deleted from within the instance',
      [A, 'link', 'del', 'eth0'],
      expect.arrayContaining([`create veth ${R} ${E}`, `create address ${A} eth0 10.0.1.10/24`]),
    ],
    ['MTU of one end', [A, 'link', 'set', 'eth0', 'mtu', '1400'], [`update veth ${R} ${E}`]],
    [
      'MAC of the instance end',
      [A, 'link', 'set', 'eth0', 'address', '02:00:00:00:00:66'],
      expect.arrayContaining([`update veth ${R} ${E}`]),
    ],
    ['MAC of the host end', [R, 'link', 'set', E, 'address', '02:00:00:00:00:66'], expect.arrayContaining([`update veth ${R} ${E}`])],
    ['group', [R, 'link', 'set', E, 'group', '0'], [`update veth ${R} ${E}`]],
    ['alias', [R, 'link', 'set', E, 'alias', 'mine'], [`update veth ${R} ${E}`]],
    [
      'foreign device',
      [R, 'link', 'add', 'spy0', 'type', 'veth', 'peer', 'name', 'spy1'],
      [`delete veth ${R} spy0`, `delete veth ${R} spy1`],
    ],
    ['reverse path filter', [R, '', 'sysctl', '-qw', `net.ipv4.conf.${E}.rp_filter=0`], [`update veth ${R} ${E}`]],
    ['reverse path filter made loose', [R, '', 'sysctl', '-qw', `net.ipv4.conf.${E}.rp_filter=2`], [`update veth ${R} ${E}`]],
    ['proxy ARP', [R, '', 'sysctl', '-qw', `net.ipv4.conf.${E}.proxy_arp=0`], [`update veth ${R} ${E}`]],
    ['proxy delay', [R, '', 'sysctl', '-qw', `net.ipv4.neigh.${E}.proxy_delay=80`], [`update veth ${R} ${E}`]],
    [
      'IPv6 of a host end',
      [R, '', 'sysctl', '-qw', `net.ipv6.conf.${E}.disable_ipv6=1`],
      expect.arrayContaining([`update veth ${R} ${E}`]),
    ],
    ['forwarding', [R, '', 'sysctl', '-qw', 'net.ipv4.ip_forward=0'], [`update sysctl ${R} net/ipv4/ip_forward`]],
    ['foreign set', [R, '', 'nft', 'add set ip enid spy { type ipv4_addr; }'], [`delete set ${R} spy`]],
    [
      'foreign IPv6 set with members',
      [R, '', 'nft', 'add set ip6 enid spy6 { type ipv6_addr; elements = { fd00::7 } }'],
      [`delete member ${R} spy6 fd00::7`, `delete set ${R} spy6`],
    ],
    ['foreign member', [R, '', 'nft', `add element ip enid own4 { 10.0.7.7 . "${E}" }`], [`delete member ${R} own4 10.0.7.7,${E}`]],
    ['member taken away', [R, '', 'nft', `delete element ip enid own4 { 10.0.1.10 . "${E}" }`], [`create member ${R} own4 10.0.1.10,${E}`]],
    [
      'set emptied',
      [R, '', 'nft', 'flush set ip enid own4'],
      [`create member ${R} own4 10.0.1.10,${E}`, `create member ${R} own4 10.0.1.11,${hostEnd(11)}`],
    ],
    [
      'set made as another',
      [R, '', 'nft', 'delete set ip enid own4; add set ip enid own4 { type ipv4_addr; }'],
      [`create member ${R} own4 10.0.1.10,${E}`, `create member ${R} own4 10.0.1.11,${hostEnd(11)}`, `update set ${R} own4`],
    ],
    [
      'set that counts no more',
      [R, '', 'nft', `delete set ip6 enid drops6; add set ip6 enid drops6 { type ifname; elements = { "${E}" } }`],
      [`update set ${R} drops6`],
    ],
    [
      'table of the packet filter',
      [R, '', 'nft', 'delete table ip enid'],
      [`create set ${R} own4`, `create member ${R} own4 10.0.1.10,${E}`, `create member ${R} own4 10.0.1.11,${hostEnd(11)}`],
    ],
    [
      'namespace of an instance',
      [A, '', 'ip', 'netns', 'del', A],
      expect.arrayContaining([`create netns ${A}`, expect.stringMatching(`^(create|update) veth ${R} ${E}`)]),
    ],
    [
      'namespace of the router',
      [A, '', 'ip', 'netns', 'del', R],
      expect.arrayContaining([`create netns ${R}`, `create veth ${R} ${hostEnd(11)}`]),
    ],
  ])('%s', async (_name, [netns, ...argv], expected) => {
    if (argv[0] === '') expect(inNetns(netns, ...argv.slice(1))).toMatchObject({ exitCode: 0 });
    else ip(netns, ...argv);
    expect((await work()).sort()).toEqual(Array.isArray(expected) ? [...expected].sort() : expected);
    await fix();
    expect([pings(A, '10.0.1.11'), pings(A, 'fd00:1::b')]).toEqual([true, true]);
  });

  it('but what a guest adds in its own namespace is its own affair', async () => {
    ip(A, 'addr', 'add', '172.17.0.1/16', 'dev', 'eth0');
    ip(A, 'link', 'add', 'docker0', 'type', 'veth');
    ip(A, 'route', 'add', '192.0.2.0/24', 'via', '10.0.1.11');
    ip(A, 'rule', 'add', 'from', '172.17.0.1', 'lookup', '77');
    ip(A, 'neigh', 'add', '10.0.1.99', 'lladdr', '02:00:00:00:00:66', 'dev', 'eth0');
    inNetns(A, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
    expect(await work()).toEqual([]);
  });

  it('an address that a guest adds anew becomes ours again', async () => {
    ip(A, 'addr', 'del', '10.0.1.10/24', 'dev', 'eth0');
    ip(A, 'addr', 'add', '10.0.1.10/24', 'dev', 'eth0');
    expect(await work()).toContain(`create address ${A} eth0 10.0.1.10/24`);
    await fix();
  });

  it('a name without a namespace is no namespace, and gets one', async () => {
    execaSync('umount', [`/run/netns/${A}`]);
    expect(await work()).toContain(`create netns ${A}`);
    await fix();
  });

  it.each([
    ['a file', (path: string) => writeFileSync(path, '')],
    ['a link to nothing', (path: string) => symlinkSync('/run/enid-nowhere', path)],
  ])('a name without a namespace that nobody wants goes: %s', async (_what, make) => {
    const name = instance(0xdead);
    make(`/run/netns/${name}`);
    expect(await work()).toEqual([`delete netns ${name}`]);
    await fix();
    expect(readdirSync('/run/netns')).not.toContain(name);
  });
});
