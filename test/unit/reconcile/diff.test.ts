import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type KernelObject, type KernelOp, keyOf, type ObjectKey, type ObjectMap, type VethSpec } from '../../../agent/kernel/port.js';
import { diff, ends } from '../../../agent/reconcile/diff.js';
import { order } from '../../../agent/reconcile/order.js';

const ROUTER = 'vpc-00000000000000001';
const OTHER_ROUTER = 'vpc-00000000000000002';
const INSTANCE = 'i-00000000000000001';
const OTHER_INSTANCE = 'i-00000000000000002';

const map = (...objects: KernelObject[]): ObjectMap => new Map(objects.map((object) => [keyOf(object), object]));
const said = (ops: readonly KernelOp[]) => ops.map(({ verb, object }) => `${verb} ${keyOf(object)}`);

const netns = (name: string): KernelObject => ({ kind: 'netns', netns: name });
const veth = (fields: Partial<VethSpec> = {}): Extract<KernelObject, { kind: 'veth' }> => ({
  kind: 'veth',
  netns: ROUTER,
  name: 'e00000000000001',
  alias: 'eni-1',
  mac: '02:00:00:00:00:01',
  group: 0x1003,
  rpFilter: 1,
  mtu: 1500,
  peer: { netns: INSTANCE, name: 'eth1', mac: '02:12:34:56:78:9a' },
  ...fields,
});
const address: KernelObject = { kind: 'address', netns: INSTANCE, device: 'eth1', address: '10.0.1.4/24' };
const neighbour: KernelObject = {
  kind: 'neighbour',
  netns: ROUTER,
  device: 'e00000000000001',
  address: '10.0.1.4',
  mac: '02:12:34:56:78:9a',
};
const route = (fields: Partial<Extract<KernelObject, { kind: 'route' }>> = {}): KernelObject => ({
  kind: 'route',
  netns: ROUTER,
  table: 254,
  destination: '10.0.1.4/32',
  type: 'unicast',
  device: 'e00000000000001',
  ...fields,
});
const insideRoute: KernelObject = {
  kind: 'route',
  netns: INSTANCE,
  table: 1001,
  destination: '0.0.0.0/0',
  type: 'unicast',
  device: 'eth1',
  gateway: '10.0.1.1',
};
const rule: KernelObject = { kind: 'rule', netns: INSTANCE, family: 4, priority: 1001, from: '10.0.1.4/32', table: 1001 };
const set: KernelObject = { kind: 'set', netns: ROUTER, name: 'own4', type: 'address,device', family: 4, counters: false };
const member: KernelObject = { kind: 'member', netns: ROUTER, set: 'own4', entry: '10.0.1.4,e00000000000001' };
const sysctl = (value: string): KernelObject => ({ kind: 'sysctl', netns: ROUTER, path: 'net/ipv4/ip_forward', value });
const ruleset = (fingerprint: string, text: string): KernelObject => ({ kind: 'ruleset', netns: ROUTER, family: 4, fingerprint, text });
const all = [
  netns(ROUTER),
  netns(INSTANCE),
  sysctl('1'),
  set,
  member,
  ruleset('a', 'text'),
  veth(),
  address,
  neighbour,
  route(),
  insideRoute,
  rule,
];

describe('diff', () => {
  it.each<[string, ObjectMap, ObjectMap, string[]]>([
    ['nothing wanted, nothing there', map(), map(), []],
    ['all there', map(...all), map(...all), []],
    ['one missing', map(...all), map(...all.filter((object) => object !== route())), []],
    [
      'a value that differs',
      map(netns(ROUTER), sysctl('1')),
      map(netns(ROUTER), sysctl('0')),
      [`update sysctl ${ROUTER} net/ipv4/ip_forward`],
    ],
    ['a rule set with another fingerprint', map(ruleset('a', 'x')), map(ruleset('b', 'x')), [`update ruleset ${ROUTER} 4`]],
    ['a rule set with another text only', map(ruleset('a', 'x')), map(ruleset('a', '')), []],
    ['a field that is absent or false is the same', map(route()), map(route({ onlink: false })), []],
    ['a field that is absent or set is not', map(route()), map(route({ onlink: true })), [`update route ${ROUTER} 254 10.0.1.4/32`]],
    ['an unwanted object', map(netns(ROUTER)), map(netns(ROUTER), rule), [`delete ${keyOf(rule)}`]],
    ['a setting that nobody wants any more stays as it is', map(netns(ROUTER)), map(netns(ROUTER), sysctl('1')), []],
    [
      'a setting goes with its namespace',
      map(),
      map(netns(ROUTER), sysctl('1')),
      [`delete netns ${ROUTER}`, `delete ${keyOf(sysctl('1'))}`],
    ],
    ['a device in another group is changed in place', map(veth()), map(veth({ group: 1 })), [`update veth ${ROUTER} e00000000000001`]],
    [
      'a device whose peer has another MAC is changed in place: what hangs on it stays',
      map(veth(), address, neighbour, route()),
      map(veth({ peer: { ...veth().peer, mac: '02:00:00:00:00:99' } }), address, neighbour, route()),
      [`update veth ${ROUTER} e00000000000001`],
    ],
  ])('%s', (_name, desired, actual, ops) => {
    expect(said(diff(desired, actual)).sort()).toEqual(ops.sort());
  });

  it.each([
    ['missing', []],
    ['with its peer elsewhere', [veth({ peer: { ...veth().peer, netns: OTHER_INSTANCE } })]],
    ['with its peer under another name', [veth({ peer: { ...veth().peer, name: 'eth7' } })]],
    ['with its peer nowhere', [veth({ peer: { netns: '', name: '', mac: '' } })]],
  ])('a device %s: what hangs on it, at both ends, is made again', (_name, found) => {
    const actual = map(...all.filter(({ kind }) => kind !== 'veth'), ...found);
    const verb = found.length > 0 ? 'update' : 'create';
    expect(said(diff(map(...all), actual)).sort()).toEqual(
      [
        `${verb} veth ${ROUTER} e00000000000001`,
        ...[address, neighbour, route(), insideRoute].map((object) => `create ${keyOf(object)}`),
      ].sort(),
    );
  });

  it('a namespace that is made is empty: everything in it is made, devices with an end there too', () => {
    const actual = map(...all.filter((object) => object.kind !== 'netns' || object.netns !== INSTANCE));
    expect(said(diff(map(...all), actual)).sort()).toEqual(
      [
        `create netns ${INSTANCE}`,
        `update veth ${ROUTER} e00000000000001`,
        ...[address, neighbour, route(), insideRoute, rule].map((object) => `create ${keyOf(object)}`),
      ].sort(),
    );
  });

  it('nothing has to be removed from a namespace that is made', () => {
    expect(said(diff(map(netns(ROUTER)), map(member, veth(), rule)))).toEqual([`create netns ${ROUTER}`, `delete ${keyOf(rule)}`]);
  });

  it('a set that is made is empty', () => {
    const stray: KernelObject = { ...member, entry: '10.0.1.5' } as KernelObject;
    expect(said(diff(map(set, member), map(member, stray)))).toEqual([`create ${keyOf(set)}`, `create ${keyOf(member)}`]);
  });

  it('a route that goes over to another device is replaced, not removed and made', () => {
    const moved = veth({ name: 'e00000000000002', peer: { ...veth().peer, netns: OTHER_INSTANCE } });
    const ops = diff(map(moved, route({ device: moved.name })), map(veth(), route()));
    expect(said(ops)).toEqual([`create ${keyOf(moved)}`, `update route ${ROUTER} 254 10.0.1.4/32`, `delete ${keyOf(veth())}`]);
  });

  it('an interface attached again at the same place: its addresses are made on the new device', () => {
    const again = veth({ name: 'e00000000000002' });
    expect(said(diff(map(again, address), map(veth(), address)))).toEqual([
      `create ${keyOf(again)}`,
      `create ${keyOf(address)}`,
      `delete ${keyOf(veth())}`,
    ]);
  });
});

describe('properties', () => {
  const space = [ROUTER, OTHER_ROUTER];
  const instances = [INSTANCE, OTHER_INSTANCE];
  const hostEnds = ['e1', 'e2', 'e3'];
  const inAny = fc.constantFrom(...space, ...instances);
  const object: fc.Arbitrary<KernelObject> = fc.oneof(
    inAny.map(netns),
    fc
      .record({ netns: fc.constantFrom(...space), value: fc.constantFrom('0', '1') })
      .map(({ netns, value }) => ({ ...sysctl(value), netns }) as KernelObject),
    fc.record({
      kind: fc.constant('set' as const),
      netns: fc.constantFrom(...space),
      name: fc.constantFrom('a', 'b'),
      type: fc.constant('address' as const),
      family: fc.constant(4 as const),
      counters: fc.constant(false),
    }),
    fc.record({
      kind: fc.constant('member' as const),
      netns: fc.constantFrom(...space),
      set: fc.constantFrom('a', 'b'),
      entry: fc.constantFrom('1', '2', '3'),
    }),
    fc.record({
      kind: fc.constant('ruleset' as const),
      netns: fc.constantFrom(...space),
      family: fc.constantFrom(4 as const, 6 as const),
      fingerprint: fc.constantFrom('x', 'y'),
      text: fc.constant('t'),
    }),
    fc
      .record({
        netns: fc.constantFrom(...space),
        name: fc.constantFrom(...hostEnds),
        group: fc.constantFrom(1, 2),
        peerNetns: fc.constantFrom(...instances),
        peerName: fc.constantFrom('eth0', 'eth1'),
      })
      .map(({ netns, name, group, peerNetns, peerName }) =>
        veth({ netns, name, group, peer: { netns: peerNetns, name: peerName, mac: 'm' } }),
      ),
    fc.record({
      kind: fc.constant('address' as const),
      netns: fc.constantFrom(...instances),
      device: fc.constantFrom('eth0', 'eth1'),
      address: fc.constantFrom('1', '2'),
    }),
    fc.record({
      kind: fc.constant('neighbour' as const),
      netns: fc.constantFrom(...space),
      device: fc.constantFrom(...hostEnds),
      address: fc.constantFrom('1', '2'),
      mac: fc.constantFrom('m', 'n'),
    }),
    fc
      .record({
        netns: fc.constantFrom(...space),
        destination: fc.constantFrom('1', '2'),
        device: fc.option(fc.constantFrom(...hostEnds), { nil: undefined }),
      })
      .map(({ device, ...fields }) =>
        route({ ...fields, ...(device === undefined ? { type: 'blackhole', device: undefined } : { device }) }),
      ),
    fc.record({
      kind: fc.constant('rule' as const),
      netns: inAny,
      family: fc.constant(4 as const),
      priority: fc.constantFrom(1, 2),
      table: fc.constantFrom(1, 2),
    }),
  );
  /** A state that a kernel can be in, or a plan can ask for: nothing without what it is in or hangs on, and no name taken twice. */
  const state = fc.array(object, { maxLength: 80, size: 'max' }).map((objects): ObjectMap => {
    const kept = new Map<ObjectKey, KernelObject>();
    for (const kind of ['netns', 'sysctl', 'set', 'member', 'ruleset', 'veth', 'address', 'neighbour', 'route', 'rule'])
      for (const candidate of objects) if (candidate.kind === kind && isPossible(candidate, kept)) kept.set(keyOf(candidate), candidate);
    return kept;
  });

  it('a state does not differ from itself', () => {
    fc.assert(
      fc.property(state, (x) => {
        expect(diff(x, x)).toEqual([]);
      }),
    );
  });

  it('carrying out the difference in order gives what is wanted, settings left over aside', () => {
    fc.assert(
      fc.property(state, state, (desired, actual) => {
        const planned = order(diff(desired, actual).map((op) => ({ op, unit: 'u', needs: [] })));
        const result = new Map(actual);
        for (const { op } of planned) carryOut(result, op);
        for (const [key, object] of result) if (object.kind === 'sysctl' && !desired.has(key)) result.delete(key);
        expect(new Set(result.values())).toEqual(new Set(desired.values()));
      }),
      { numRuns: 500 },
    );
  });
});

function isPossible(object: KernelObject, state: ReadonlyMap<ObjectKey, KernelObject>): boolean {
  if (object.kind === 'netns') return true;
  if (!state.has(`netns ${object.netns}`)) return false;
  if (object.kind === 'member') return state.has(`set ${object.netns} ${object.set}`);
  if (object.kind === 'veth') {
    const taken = new Set([...state.values()].flatMap((other) => (other.kind === 'veth' ? ends(other) : [])));
    return state.has(`netns ${object.peer.netns}`) && !state.has(keyOf(object)) && ends(object).every((end) => !taken.has(end));
  }
  const device = (object.kind === 'address' || object.kind === 'neighbour' || object.kind === 'route') && object.device;
  return !device || [...state.values()].some((other) => other.kind === 'veth' && ends(other).includes(`${object.netns} ${device}`));
}

/** As Linux does: what is in a container goes with it; nothing can be made where its place is taken or its container missing. */
function carryOut(state: Map<ObjectKey, KernelObject>, { verb, object }: KernelOp): void {
  const key = keyOf(object);
  if (verb === 'delete') {
    remove(state, key);
    return;
  }
  if (object.kind === 'veth' && verb === 'update') {
    // What is replaced makes room for itself: devices may have swapped names.
    for (const [other, inTheWay] of state)
      if (
        inTheWay.kind === 'veth' &&
        ends(inTheWay).join() !== ends(object).join() &&
        ends(inTheWay).some((end) => ends(object).includes(end))
      )
        remove(state, other);
  }
  if (verb === 'create' && state.has(key) && object.kind !== 'route') throw new Error(`${key} exists`);
  if (!isPossible(object, new Map([...state].filter(([other]) => other !== key)))) throw new Error(`${verb} ${key}: not possible now`);
  state.set(key, object);
}

function remove(state: Map<ObjectKey, KernelObject>, key: ObjectKey): void {
  const object = state.get(key);
  if (!object) return;
  state.delete(key);
  for (const [other, inner] of state) {
    const inNamespace =
      object.kind === 'netns' && (inner.netns === object.netns || (inner.kind === 'veth' && inner.peer.netns === object.netns));
    const inSet = object.kind === 'set' && inner.kind === 'member' && inner.netns === object.netns && inner.set === object.name;
    const device = (inner.kind === 'address' || inner.kind === 'neighbour' || inner.kind === 'route') && inner.device;
    const onDevice = object.kind === 'veth' && device && ends(object).includes(`${inner.netns} ${device}`);
    if (inNamespace || inSet || onDevice) remove(state, other);
  }
}
