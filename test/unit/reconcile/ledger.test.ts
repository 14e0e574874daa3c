import { expect, it } from 'vitest';
import { type KernelObject, keyOf } from '../../../agent/kernel/port.js';
import { Ledger } from '../../../agent/reconcile/ledger.js';

const A = 'internet';
const B = 'vgw-00000000000000001';
const pair: KernelObject = {
  kind: 'veth',
  netns: A,
  name: 'v0000000000000',
  alias: B,
  mac: '02:00:00:00:00:01',
  group: 0,
  rpFilter: 0,
  mtu: 1500,
  peer: { netns: B, name: 'up0', mac: '02:00:00:00:00:02' },
};
const route: KernelObject = { kind: 'route', netns: B, table: 254, destination: '192.0.2.10/32', type: 'unicast', device: 'up0' };
const tunnel: KernelObject = {
  kind: 'wireguard',
  netns: B,
  device: 'wgv000000000000',
  privateKey: '00',
  listenPort: 1,
  peer: { publicKey: '01', endpoint: '192.0.2.10:1', keepaliveSeconds: 10, allowedIps: [] },
};
const elsewhere: KernelObject = {
  kind: 'route',
  netns: 'vpc-00000000000000001',
  table: 254,
  destination: '10.0.0.0/16',
  type: 'blackhole',
};

it('looking at one namespace: a pair that has to be made takes along what hung on its other end', () => {
  const ledger = new Ledger();
  const objects = [{ kind: 'netns', netns: A } as const, { kind: 'netns', netns: B } as const, pair, route, tunnel, elsewhere];
  ledger.plan('unit', objects);
  ledger.absorb(ledger.beginObservation(), new Map(objects.map((object) => [keyOf(object), object])));
  expect(ledger.workIn(new Set([A]))).toEqual([]);

  ledger.absorb(ledger.beginObservation(), new Map(), new Set([A]));
  const made = ledger.workIn(new Set([A])).map(({ verb, object }) => `${verb} ${object.kind} ${object.netns}`);
  expect(made.sort()).toEqual([`create netns ${A}`, `create route ${B}`, `create veth ${A}`, `create wireguard ${B}`].sort());
});

it('comparing everything finds what is missing, what is changed and what is too much', () => {
  const ledger = new Ledger();
  const netns = { kind: 'netns', netns: A } as const;
  ledger.plan('unit', [netns, pair]);
  const see = (objects: readonly KernelObject[]) => {
    ledger.absorb(ledger.beginObservation(), new Map(objects.map((object) => [keyOf(object), object])));
    return ledger.workIn().map(({ verb, object }) => `${verb} ${object.kind}`);
  };
  expect(see([netns, { ...pair }])).toEqual([]);
  expect(see([netns])).toEqual(['create veth']);
  expect(see([netns, { ...pair, mtu: 1400 }])).toEqual(['update veth']);
  expect(see([netns, { ...pair }, route])).toEqual(['delete route']);
});

it('a unit that is planned again, and the same, needs nothing', () => {
  const ledger = new Ledger();
  ledger.plan('unit', [pair]);
  ledger.absorb(ledger.beginObservation(), new Map([[keyOf(pair), { ...pair }]]));
  ledger.plan('unit', [{ ...pair, peer: { ...pair.peer } }]);
  expect([ledger.work(['unit']), ledger.workIn()]).toEqual([[], []]);
});
