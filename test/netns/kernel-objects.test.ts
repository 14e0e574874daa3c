import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KernelObject, type KernelOp, keyOf } from '../../agent/kernel/port.js';
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
  type Veth,
  veth,
  vpc,
} from '../support/kernel.js';

const R = vpc(1);
const A = instance(0xa);
const B = instance(0xb);
const plugA = { n: 10, router: R, instance: A };
const plugB = { n: 11, router: R, instance: B };
const world = [...routerObjects(R), ...instanceObjects(A), ...instanceObjects(B), ...interfaceObjects(plugA), ...interfaceObjects(plugB)];

const kernel = testKernel();
afterAll(() => kernel.close());

const route = (more: Partial<Extract<KernelObject, { kind: 'route' }>>): KernelObject => ({
  kind: 'route',
  netns: R,
  table: 1003,
  destination: '0.0.0.0/0',
  type: 'blackhole',
  ...more,
});
const towards = (n: number) => ({ type: 'unicast', device: hostEnd(n), gateway: `10.0.1.${n}`, onlink: true }) as const;
const rule = (more: Partial<Extract<KernelObject, { kind: 'rule' }>>): KernelObject => ({
  kind: 'rule',
  netns: R,
  family: 4,
  priority: 100,
  table: 1003,
  ...more,
});

const set = (name: string, type: Set['type'], more: Partial<Set> = {}): Set => ({
  kind: 'set',
  netns: R,
  name,
  type,
  family: name.endsWith('6') ? 6 : 4,
  counters: false,
  ...more,
});
type Set = Extract<KernelObject, { kind: 'set' }>;

/** Every kind beyond what the world has, with the changes that an update can make of it. */
const EXTRAS: readonly (readonly [string, readonly [KernelObject, ...KernelObject[]]])[] = [
  ['blackhole route', [route({})]],
  ['route to an interface, moved to another', [route(towards(10)), route(towards(11)), route({}), route(towards(10))]],
  [
    'IPv6 route to an interface, moved and cut',
    [
      route({ destination: '::/0', ...towards(10), gateway: 'fe80::aa' }),
      route({ destination: '::/0', ...towards(11), gateway: 'fe80::bb' }),
      route({ destination: '::/0' }),
      route({ destination: '::/0', ...towards(10), gateway: 'fe80::aa' }),
    ],
  ],
  ['route with a source', [route({ netns: A, device: 'eth0', type: 'unicast', gateway: '10.0.1.1', source: '10.0.1.10' })]],
  ['route of one address', [route({ destination: '192.0.2.7/32' })]],
  ['rule by mark', [rule({ mark: { value: 3, mask: 0xffff } })]],
  ['rule by destination and mark', [rule({ to: '10.0.9.0/24', mark: { value: 3, mask: 0xffff }, priority: 40 })]],
  ['rule by source', [rule({ netns: A, from: '10.0.1.10/32', priority: 1001 })]],
  ['IPv6 rule by source', [rule({ netns: A, family: 6, from: 'fd00:1::a/128', priority: 1001 })]],
  ['IPv6 rule by mark', [rule({ family: 6, mark: { value: 3, mask: 0xffff } })]],
  ['secondary address', [{ kind: 'address', netns: A, device: 'eth0', address: '10.0.1.77/24' }]],
  ['IPv6 address', [{ kind: 'address', netns: A, device: 'eth0', address: 'fd00:1::77/128' }]],
  [
    'neighbour, its MAC changed',
    [
      { kind: 'neighbour', netns: R, device: hostEnd(10), address: '10.0.1.77', mac: '02:aa:00:00:00:0a' },
      { kind: 'neighbour', netns: R, device: hostEnd(10), address: '10.0.1.77', mac: '02:aa:00:00:00:0b' },
    ],
  ],
  ['IPv6 neighbour', [{ kind: 'neighbour', netns: R, device: hostEnd(10), address: 'fe80::77', mac: '02:aa:00:00:00:0a' }]],
  ['set', [set('own4', 'address,device')]],
  ['set of addresses', [set('sg-0123456789abcdef0.6', 'address')]],
  [
    'set of devices, made one that counts and back',
    [set('own6', 'device'), set('own6', 'device', { counters: true }), set('own6', 'device')],
  ],
  ['set that is made one of another type', [set('own4', 'address'), set('own4', 'address,device')]],
  ['set that rules fill with what they count', [set('flow-counts4', 'device index', { dynamic: 'permanent' })]],
  ['set that rules fill for a time', [set('flow-pauses6', 'device index', { dynamic: 'temporary' })]],
];

describe('objects', () => {
  beforeAll(() => realise(kernel, world));

  it('are found as they were made: nothing is left to do', async () => {
    expect(await differences(kernel, world)).toEqual([]);
  });

  it('are found the same by another process with an empty memory', async () => {
    const other = testKernel();
    expect(await differences(other, world)).toEqual([]);
    other.close();
  });

  it('carry packets between two instances, by IPv4 and IPv6, and to the gateway', () => {
    for (const address of ['10.0.1.1', '10.0.1.11', 'fd00:1::b', 'fd00:1::1'])
      expect([address, pings(A, address)]).toEqual([address, true]);
    expect(pings(B, '10.0.1.10')).toBe(true);
    expect(pings(A, '10.0.1.99')).toBe(false);
  });

  it('answer the first packet after a plug at once: no proxy delay', async () => {
    const C = instance(0xc);
    await realise(kernel, [...world, ...instanceObjects(C), ...interfaceObjects({ n: 12, router: R, instance: C })]);
    const { stdout } = inNetns(C, 'ping', '-n', '-c1', '-W1', '10.0.1.10');
    expect(Number(/time=([\d.]+)/.exec(stdout)?.[1])).toBeLessThan(50);
    await realise(kernel, world);
  });

  it('in one namespace are found when only that is asked for', async () => {
    const found = await kernel.observe(new Set([A, instance(0xdead)]));
    expect(new Set([...found.values()].map(({ netns }) => netns))).toEqual(new Set([A]));
    expect(await differences(kernel, world, new Set([R]))).toEqual([]);
  });

  it.each(EXTRAS)('%s: made, changed, deleted, each also when it is done already', async (_name, states) => {
    const [first, ...changes] = states;
    let current = first;
    const apply = async (op: KernelOp) => expect(failures(await kernel.apply(planned([op])))).toEqual([]);
    for (const _time of [1, 2]) {
      await apply({ verb: 'create', object: first });
      expect(await differences(kernel, [...world, first])).toEqual([]);
    }
    for (const object of changes) {
      expect(await differences(kernel, [...world, object])).toEqual([{ verb: 'update', object, from: current }]);
      for (const _time of [1, 2]) await apply({ verb: 'update', object, from: current });
      expect(await differences(kernel, [...world, object])).toEqual([]);
      current = object;
    }
    for (const _time of [1, 2]) {
      await apply({ verb: 'delete', object: current });
      expect(await differences(kernel, world)).toEqual([]);
    }
  });

  it('sysctl: a changed value is found and set', async () => {
    inNetns(R, 'sysctl', '-qw', 'net.ipv4.icmp_ratelimit=7');
    inNetns(A, 'sysctl', '-qw', 'net.ipv4.ping_group_range=0 7');
    expect((await differences(kernel, world)).map(({ object }) => keyOf(object)).sort()).toEqual([
      `sysctl ${A} net/ipv4/ping_group_range`,
      `sysctl ${R} net/ipv4/icmp_ratelimit`,
    ]);
    await realise(kernel, world);
    expect(await differences(kernel, world)).toEqual([]);
  });

  const original = veth(plugA);
  it.each<[string, Partial<Veth>]>([
    ['group', { group: 0xfffff001 }],
    ['rp_filter', { rpFilter: 0 }],
    ['MTU', { mtu: 9001 }],
    ['alias', { alias: 'eni-another' }],
    ['MAC of the host end', { mac: '02:00:00:00:00:99' }],
    ['MAC of the instance end', { peer: { ...original.peer, mac: '02:bb:00:00:00:01' } }],
  ])('veth: %s changes in place', async (_name, change) => {
    const indexBefore = ip(R, '-o', 'link', 'show', hostEnd(10)).split(':')[0];
    const object = { ...original, ...change };
    const changed = world.map((known) => (keyOf(known) === keyOf(object) ? object : known));
    expect(await differences(kernel, changed)).toEqual([{ verb: 'update', object, from: original }]);
    expect(failures(await kernel.apply(planned([{ verb: 'update', object, from: original }])))).toEqual([]);
    // A new MAC of a device makes the kernel forget its neighbours.
    await realise(kernel, changed);
    expect(await differences(kernel, changed)).toEqual([]);
    expect(ip(R, '-o', 'link', 'show', hostEnd(10)).split(':')[0]).toBe(indexBefore);
    for (const _pass of [1, 2]) await realise(kernel, world);
    expect(await differences(kernel, world)).toEqual([]);
    expect(pings(A, '10.0.1.11')).toBe(true);
  });

  it('nothing remains when everything is deleted', async () => {
    await realise(kernel, []);
    expect(await kernel.observe()).toEqual(new Map());
    await realise(kernel, world);
    expect(pings(A, 'fd00:1::b')).toBe(true);
  });
});
