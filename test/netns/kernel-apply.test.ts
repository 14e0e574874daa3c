import { readdirSync, watch } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type KernelOp, keyOf, type OpResult, type PlannedOp } from '../../agent/kernel/port.js';
import {
  differences,
  failures,
  hostEnd,
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

const kernel = testKernel();
afterAll(() => kernel.close());
afterEach(() => realise(kernel, []));

const create = (object: KernelOp['object'], unit: string, needs: readonly string[] = []): PlannedOp => ({
  op: { verb: 'create', object },
  unit,
  needs,
});
const shown = (result: OpResult): string =>
  `${result.planned.unit}: ${result.outcome}${result.outcome === 'skipped' ? ` by ${result.blockedBy}` : ''}`;

describe('failures', () => {
  it('stop the unit and those that need it, and nobody else', async () => {
    await realise(kernel, [...routerObjects(R), ...instanceObjects(A), ...instanceObjects(B)]);
    const misplaced = interfaceObjects({ n: 10, router: R, instance: instance(0xdead) });
    const sound = interfaceObjects({ n: 11, router: R, instance: B });
    const ops = [
      ...misplaced.map((object) => create(object, 'eni-a', ['vpc', 'i-dead'])),
      ...sound.map((object) => create(object, 'eni-b', ['vpc', 'i-b'])),
      create({ kind: 'route', netns: R, table: 1003, destination: '0.0.0.0/0', type: 'blackhole' }, 'rtb', ['eni-a']),
      create({ kind: 'route', netns: R, table: 1003, destination: '::/0', type: 'blackhole' }, 'other', ['rtb', 'vpc']),
    ];
    const results = await kernel.apply(ops);
    expect(results.map(({ planned: one }) => one)).toEqual(ops);
    expect(results.map(shown)).toEqual([
      'eni-a: failed',
      ...misplaced.slice(1).map(() => 'eni-a: skipped by eni-a'),
      ...sound.map(() => 'eni-b: done'),
      'rtb: skipped by eni-a',
      'other: skipped by eni-a',
    ]);
    expect(pings(B, '10.0.1.1')).toBe(true);
  });

  it('within one send are told apart', async () => {
    await realise(kernel, [...routerObjects(R), ...instanceObjects(A), ...interfaceObjects({ n: 10, router: R, instance: A })]);
    const address = (device: string, text: string, unit: string) => create({ kind: 'address', netns: A, device, address: text }, unit);
    const results = await kernel.apply([
      address('eth0', '10.0.1.20/24', 'one'),
      address('eth9', '10.0.1.21/24', 'two'),
      create(
        { kind: 'route', netns: A, table: 254, destination: '192.0.2.0/24', type: 'unicast', device: 'eth0', gateway: '198.51.100.1' },
        'three',
      ),
      address('eth0', '10.0.1.22/24', 'four'),
    ]);
    expect(results.map(shown)).toEqual(['one: done', 'two: failed', 'three: failed', 'four: done']);
    expect(ip(A, 'addr', 'show', 'dev', 'eth0')).toMatch(/10\.0\.1\.20\/24[\s\S]*10\.0\.1\.22\/24/);
    expect(failures(results)).toEqual([
      `create address 10.0.1.21/24 on eth9 in ${A}: no device eth9 in ${A}`,
      expect.stringMatching(`^create route 192.0.2.0/24 in table 254 in ${A}: E[A-Z]+: .*Nexthop has invalid gateway`),
    ]);
  });

  it.each<[string, KernelOp['object'], object]>([
    [
      'a namespace is missing',
      { kind: 'address', netns: B, device: 'eth0', address: '10.0.1.1/24' },
      { kind: 'not-found', message: `create address 10.0.1.1/24 on eth0 in ${B}: no network namespace ${B}` },
    ],
    [
      'the name is taken',
      veth({ n: 10, router: R, instance: A }),
      {
        kind: 'exists',
        errno: 'EEXIST',
        message: `create veth ${hostEnd(10)} in ${R} with eth0 in ${A}: the guest has a device eth0 of its own; remove or rename it`,
      },
    ],
    [
      'a set is missing',
      { kind: 'member', netns: R, set: 'none4', entry: '10.0.0.1' },
      { kind: 'not-found', message: expect.stringMatching(`^create member 10.0.0.1 of set none4 in ${R}: .*none4`) },
    ],
    [
      'no such setting',
      { kind: 'sysctl', netns: R, path: 'net/ipv4/no_such', value: '1' },
      { message: expect.stringMatching('^create setting net/ipv4/no_such = 1') },
    ],
    [
      'no such range',
      { kind: 'route', netns: R, table: 5, destination: '10.0.0.1/8', type: 'blackhole' },
      { kind: 'invalid', errno: 'EINVAL' },
    ],
    [
      'rules that nobody understands',
      { kind: 'ruleset', netns: R, family: 4, fingerprint: '', text: 'add table ip enid\nadd nonsense ip enid c\n' },
      { message: expect.stringMatching(`^create IPv4 rules in ${R}: nft -f -: [\\s\\S]*nonsense`) },
    ],
    [
      'rules that ask a set which is missing',
      {
        kind: 'ruleset',
        netns: R,
        family: 6,
        fingerprint: '',
        text: 'add table ip6 enid\nadd chain ip6 enid c\nadd rule ip6 enid c ip6 saddr @own6 accept\n',
      },
      { kind: 'not-found', message: expect.stringMatching(`^create IPv6 rules in ${R}: nft -f -: [\\s\\S]*own6`) },
    ],
  ])('say in words what happened: %s', async (_name, object, fault) => {
    await realise(kernel, [...routerObjects(R), ...instanceObjects(A)]);
    ip(A, 'link', 'add', 'eth0', 'type', 'bridge');
    const [result] = await kernel.apply([create(object, 'unit')]);
    expect(result).toMatchObject({ outcome: 'failed', error: fault });
  });

  it('deleting in a namespace that is gone is done', async () => {
    const objects = [...routerObjects(R), ...instanceObjects(A), ...interfaceObjects({ n: 10, router: R, instance: A })];
    const results = await kernel.apply(planned([...objects].reverse().map((object) => ({ verb: 'delete', object }) as const)));
    expect(results.map(({ outcome }) => outcome)).toEqual(objects.map(() => 'done'));
  });

  it('a pair left by an earlier attachment makes room for the new one', async () => {
    const base = [...routerObjects(R), ...instanceObjects(A)];
    await realise(kernel, [...base, ...interfaceObjects({ n: 10, router: R, instance: A })]);
    expect(
      failures(await kernel.apply(interfaceObjects({ n: 11, router: R, instance: A }).map((object) => create(object, 'new')))),
    ).toEqual([]);
    await realise(kernel, [...base, ...interfaceObjects({ n: 11, router: R, instance: A })]);
    expect(pings(A, '10.0.1.1')).toBe(true);
  });
});

describe('many at once', () => {
  const COUNT = 50;
  const plugs = Array.from({ length: COUNT }, (_, n) => ({ n: 10 + n, router: R, instance: A, index: n }));
  // Only the first has a default route.
  const plugged = plugs.flatMap((plug) =>
    interfaceObjects(plug).filter((object) => plug.index === 0 || object.netns === R || object.kind !== 'route'),
  );

  it('fifty devices go together, and the event loop runs on meanwhile', async () => {
    const base = [...routerObjects(R), ...instanceObjects(A)];
    await realise(kernel, [...base, ...plugged]);
    expect(await differences(kernel, [...base, ...plugged])).toEqual([]);
    const one = async () => {
      const started = performance.now();
      await kernel.apply([{ op: { verb: 'delete', object: veth({ n: 10, router: R, instance: A }) }, unit: 'one', needs: [] }]);
      return performance.now() - started;
    };
    const single = await one();
    let longest = 0;
    let last = performance.now();
    const beat = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    const started = performance.now();
    const results = await kernel.apply(
      plugs.map((plug) => ({ op: { verb: 'delete', object: veth(plug) }, unit: `eni-${plug.n}`, needs: [] })),
    );
    const together = performance.now() - started;
    clearInterval(beat);
    expect(failures(results)).toEqual([]);
    expect(ip(R, '-o', 'link').split('\n')).toHaveLength(1);
    console.log(
      `delete: one device ${single.toFixed(1)} ms, ${COUNT - 1} more ${together.toFixed(1)} ms, longest pause of the loop ${longest.toFixed(1)} ms`,
    );
    expect(together).toBeLessThan(10 * Math.max(single, 10));
    expect(longest).toBeLessThan(Math.max(15, together / 2));
  });

  it('a device that cannot be deleted does not keep the others', async () => {
    await realise(kernel, [...routerObjects(R), ...instanceObjects(A), ...plugged.slice(0, 9)]);
    const results = await kernel.apply([
      { op: { verb: 'delete', object: { ...veth({ n: 1, router: R, instance: A }), name: 'lo' } }, unit: 'lo', needs: [] },
      { op: { verb: 'delete', object: veth({ n: 10, router: R, instance: A }) }, unit: 'eni', needs: [] },
    ]);
    expect(results.map(shown)).toEqual(['lo: failed', 'eni: done']);
    expect(ip(R, '-o', 'link').split('\n')).toHaveLength(1);
  });

  it('descriptors end with what they were for', async () => {
    // Node opens its inotify descriptor once for all.
    watch('/run/netns', () => {}).close();
    const before = readdirSync('/proc/self/fd').length;
    const own = testKernel();
    own.watch(() => {});
    for (let round = 0; round < 5; round++) {
      await realise(own, [...routerObjects(R), ...instanceObjects(A), ...instanceObjects(B), ...plugged]);
      await realise(own, []);
    }
    own.close();
    await expect.poll(() => readdirSync('/proc/self/fd').length).toBe(before);
  });
});

describe('figures', () => {
  it('attach of an interface: pair, addresses, routes, neighbours', async () => {
    const COUNT = 60;
    const base = [...routerObjects(R), ...Array.from({ length: COUNT }, (_, n) => instanceObjects(instance(0x100 + n))).flat()];
    await realise(kernel, base);
    const took: number[] = [];
    for (let n = 0; n < COUNT; n++) {
      const ops = planned(
        interfaceObjects({ n: 10 + n, router: R, instance: instance(0x100 + n) }).map((object) => ({ verb: 'create', object }) as const),
      );
      const started = performance.now();
      expect(failures(await kernel.apply(ops))).toEqual([]);
      took.push(performance.now() - started);
    }
    took.sort((a, b) => a - b);
    const started = performance.now();
    const found = await kernel.observe();
    const observing = performance.now() - started;
    console.log(
      `attach: median ${took[COUNT / 2]?.toFixed(2)} ms, worst ${took.at(-1)?.toFixed(2)} ms; observing ${found.size} objects ${observing.toFixed(1)} ms`,
    );
    expect([...found.keys()].filter((key) => key.startsWith('veth'))).toHaveLength(COUNT);
    expect(took[COUNT / 2]).toBeLessThan(15);
    expect(keyOf(veth({ n: 10, router: R, instance: A }))).toBe(`veth ${R} ${hostEnd(10)}`);
  });
});
