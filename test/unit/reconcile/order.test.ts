import { describe, expect, it } from 'vitest';
import type { KernelObject, KernelOp, ObjectKind, PlannedOp, VethSpec } from '../../../agent/kernel/port.js';
import { order } from '../../../agent/reconcile/order.js';

const ROUTER = 'vpc-00000000000000001';
const INSTANCE = 'i-00000000000000001';
const OTHER = 'i-00000000000000002';

const veth = (name: string, peer: { netns: string; name: string }, fields: Partial<VethSpec> = {}): KernelObject => ({
  kind: 'veth',
  netns: ROUTER,
  name,
  alias: 'eni',
  mac: '02:00:00:00:00:01',
  group: 1,
  rpFilter: 1,
  mtu: 1500,
  peer: { ...peer, mac: '02:12:34:56:78:9a' },
  ...fields,
});

/** One object of each kind, and a blackhole route. */
const SAMPLES: { readonly [K in ObjectKind | 'blackhole']: KernelObject } = {
  netns: { kind: 'netns', netns: ROUTER },
  sysctl: { kind: 'sysctl', netns: ROUTER, path: 'net/ipv4/ip_forward', value: '1' },
  set: { kind: 'set', netns: ROUTER, name: 'own4', type: 'address,device', family: 4, counters: false },
  ruleset: { kind: 'ruleset', netns: ROUTER, family: 4, fingerprint: 'f', text: 't' },
  nft: { kind: 'nft', netns: 'igw-00000000000000001', fingerprint: 'f', text: 't' },
  member: { kind: 'member', netns: ROUTER, set: 'own4', entry: '10.0.1.4,e1' },
  blackhole: { kind: 'route', netns: ROUTER, table: 1001, destination: '0.0.0.0/0', type: 'blackhole' },
  veth: veth('e1', { netns: INSTANCE, name: 'eth1' }),
  macvlan: {
    kind: 'macvlan',
    netns: INSTANCE,
    name: 'eth2',
    alias: 'eni-00000000000000002',
    mac: '02:12:34:56:78:9b',
    group: 4096,
    mtu: 1500,
    parent: 'par0',
    end: 'instance',
  },
  parent: { kind: 'parent', netns: 'host', device: 'par0', fingerprint: 'f', text: 't' },
  tun: { kind: 'tun', netns: 'vgw-00000000000000001', name: 'wgv000000000001', mtu: 1420 },
  wireguard: {
    kind: 'wireguard',
    netns: 'vgw-00000000000000001',
    device: 'wgv000000000001',
    privateKey: 'a',
    listenPort: 40_000,
    peer: { publicKey: 'b', endpoint: '198.51.100.200:40000', keepaliveSeconds: 10, allowedIps: ['192.168.0.0/16'] },
  },
  address: { kind: 'address', netns: ROUTER, device: 'e1', address: '10.0.1.1/32' },
  neighbour: { kind: 'neighbour', netns: ROUTER, device: 'e1', address: '10.0.1.4', mac: '02:12:34:56:78:9a' },
  route: { kind: 'route', netns: ROUTER, table: 254, destination: '10.0.1.4/32', type: 'unicast', device: 'e1' },
  rule: { kind: 'rule', netns: ROUTER, family: 4, priority: 1001, table: 1001, mark: { value: 1, mask: 0xffff } },
};
const NAMES = Object.keys(SAMPLES) as (keyof typeof SAMPLES)[];

const create = (object: KernelObject): KernelOp => ({ verb: 'create', object });
const remove = (object: KernelObject): KernelOp => ({ verb: 'delete', object });
const update = (object: KernelObject, from: KernelObject): KernelOp => ({ verb: 'update', object, from });
const planned = (op: KernelOp, unit = 'u'): PlannedOp => ({ op, unit, needs: [] });
const inOrder = (...ops: KernelOp[]): KernelOp[] => order(ops.map((op) => planned(op))).map(({ op }) => op);

/** Every order of two is tried both ways round. */
function expectBefore(first: KernelOp, second: KernelOp): void {
  expect(inOrder(first, second)).toEqual([first, second]);
  expect(inOrder(second, first)).toEqual([first, second]);
}

describe('order', () => {
  const making = [
    'netns',
    'sysctl',
    'set',
    'ruleset',
    'nft',
    'member',
    'blackhole',
    'parent',
    'veth',
    'macvlan',
    'tun',
    'address',
    'neighbour',
    'route',
    'rule',
    'wireguard',
  ] as const;
  const removing = [
    'wireguard',
    'rule',
    'route',
    'neighbour',
    'address',
    'veth',
    'macvlan',
    'tun',
    'member',
    'ruleset',
    'nft',
    'parent',
    'set',
    'sysctl',
    'netns',
  ] as const;

  it('a macvlan that moves leaves its MAC before it comes: a wire takes one device with it', () => {
    const old = SAMPLES.macvlan;
    const next = { ...old, netns: OTHER } as KernelObject;
    expectBefore(remove(old), create(next));
  });

  it('knows every kind', () => {
    expect([...making].sort()).toEqual([...NAMES].sort());
    expect([...removing, 'blackhole'].sort()).toEqual([...NAMES].sort());
  });

  it.each(making.slice(1).map((name, i) => [making[i] as (typeof making)[number], name] as const))(
    'makes a %s before a %s',
    (first, second) => {
      expectBefore(create(SAMPLES[first]), create(SAMPLES[second]));
      expectBefore(update(SAMPLES[first], SAMPLES[first]), create(SAMPLES[second]));
    },
  );

  it.each(removing.slice(1).map((name, i) => [removing[i] as (typeof removing)[number], name] as const))(
    'removes a %s before a %s',
    (first, second) => {
      expectBefore(remove(SAMPLES[first]), remove(SAMPLES[second]));
    },
  );

  it.each(
    NAMES.flatMap((made) =>
      NAMES.filter((gone) => gone !== made || (gone !== 'veth' && gone !== 'macvlan')).map((gone) => [made, gone] as const),
    ),
  )('makes a %s before it removes a %s', (made, gone) => {
    expectBefore(create(SAMPLES[made]), remove(SAMPLES[gone]));
  });

  it('keeps the order in which operations of one step came', () => {
    const ops = [10, 11, 12].map((n) => create({ ...SAMPLES.address, address: `10.0.1.${n}/24` } as KernelObject));
    expect(inOrder(...ops)).toEqual(ops);
    expect(inOrder(...[...ops].reverse())).toEqual([...ops].reverse());
  });

  it('keeps units and needs with their operations', () => {
    const ops = [planned(create(SAMPLES.veth), 'eni'), planned(create(SAMPLES.netns), 'vpc')];
    expect(order(ops)).toEqual([ops[1], ops[0]]);
  });
});

describe('what must never be the other way round', () => {
  it.each<[string, KernelOp, KernelOp]>([
    ['rules are loaded before a device is up', create(SAMPLES.ruleset), create(SAMPLES.veth)],
    [
      'rules are loaded before a device goes to another combination of groups',
      update(SAMPLES.ruleset, SAMPLES.ruleset),
      update(SAMPLES.veth, SAMPLES.veth),
    ],
    ['the guard knows an address before its device is up', create(SAMPLES.member), create(SAMPLES.veth)],
    ['the guard forgets an address after its device is gone', remove(SAMPLES.veth), remove(SAMPLES.member)],
    ['rules go after the devices', remove(SAMPLES.veth), remove(SAMPLES.ruleset)],
    ['rules stop naming a set before it goes', update(SAMPLES.ruleset, SAMPLES.ruleset), remove(SAMPLES.set)],
    ['a set is there before rules name it', create(SAMPLES.set), update(SAMPLES.ruleset, SAMPLES.ruleset)],
    ['the new device is there before the old one goes', create(veth('e2', { netns: OTHER, name: 'eth1' })), remove(SAMPLES.veth)],
    [
      'traffic goes to the new device before the old one goes',
      update({ ...SAMPLES.route, device: 'e2' } as KernelObject, SAMPLES.route),
      remove(SAMPLES.veth),
    ],
    ['a route turns into a blackhole before its device goes', update(SAMPLES.blackhole, SAMPLES.route), remove(SAMPLES.veth)],
    ['a route turns into a blackhole before any device makes room', update(SAMPLES.blackhole, SAMPLES.route), create(SAMPLES.veth)],
    ['a route table is filled before packets are sent into it', create(SAMPLES.route), create(SAMPLES.rule)],
    ['packets are no longer sent into a route table before it is emptied', remove(SAMPLES.rule), remove(SAMPLES.route)],
    ['defaults are set before devices inherit them', create(SAMPLES.sysctl), create(SAMPLES.veth)],
  ])('%s', (_name, first, second) => {
    expectBefore(first, second);
  });
});

describe('what an instance has', () => {
  const within = (netns: string): KernelOp[] =>
    (
      [
        { kind: 'address', netns, device: 'eth1', address: '10.0.1.4/24' },
        { kind: 'neighbour', netns, device: 'eth1', address: '10.0.1.1', mac: '02:12:34:56:78:9a' },
        { kind: 'route', netns, table: 1001, destination: '0.0.0.0/0', type: 'unicast', device: 'eth1' },
        { kind: 'rule', netns, family: 4, priority: 1001, from: '10.0.1.4/32', table: 1001 },
      ] as const
    ).map(create);

  it('is set together, in the order in which it needs each other, one instance after the other', () => {
    const [one, two] = [within(INSTANCE), within(OTHER)];
    const mixed = [one[3], two[2], one[0], two[0], one[2], two[3], one[1], two[1]] as KernelOp[];
    expect(inOrder(...mixed)).toEqual([...one, ...two]);
  });

  it('is set when its devices are there, and before anything leads to it', () => {
    for (const op of within(INSTANCE)) {
      expectBefore(create(SAMPLES.veth), op);
      expectBefore(create(SAMPLES.macvlan), op);
      expectBefore(op, create(SAMPLES.neighbour));
      expectBefore(op, create(SAMPLES.route));
    }
  });
});

describe('a place that a device wants is free first', () => {
  const wanted = create(veth('e2', { netns: INSTANCE, name: 'eth1' }));
  const obstacle = remove(veth('e1', { netns: INSTANCE, name: 'eth1' }));

  it('the device there goes right before', () => {
    expectBefore(obstacle, wanted);
  });

  it('but after rules and members, and before what comes with the new device', () => {
    const ops = [wanted, create(SAMPLES.address), obstacle, create(SAMPLES.member), create(SAMPLES.ruleset)];
    expect(inOrder(...ops)).toEqual([create(SAMPLES.ruleset), create(SAMPLES.member), obstacle, wanted, create(SAMPLES.address)]);
  });

  it('the host end’s name counts too', () => {
    expectBefore(remove(veth('e2', { netns: OTHER, name: 'eth3' })), wanted);
  });

  it('another device of that name in another namespace does not', () => {
    expectBefore(wanted, remove(veth('e1', { netns: OTHER, name: 'eth1' })));
  });

  it('a device that is changed in place wants no place', () => {
    const changed = update(veth('e3', { netns: INSTANCE, name: 'eth1' }), veth('e3', { netns: INSTANCE, name: 'eth1' }, { group: 2 }));
    expectBefore(changed, obstacle);
  });

  it('a device that is replaced goes before those that are made, and what is in its way before it', () => {
    const replaced = update(veth('e3', { netns: INSTANCE, name: 'eth1' }), veth('e3', { netns: OTHER, name: 'eth1' }));
    expectBefore(replaced, create(veth('e4', { netns: OTHER, name: 'eth1' })));
    expectBefore(obstacle, replaced);
  });
});
