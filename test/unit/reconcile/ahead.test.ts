import { describe, expect, it } from 'vitest';
import type { KernelObject, KernelOp } from '../../../agent/kernel/port.js';
import { aheadOf } from '../../../agent/reconcile/ahead.js';

const address: KernelObject = { kind: 'address', netns: 'i-1', device: 'eth1', address: '10.0.0.4/24' };
const veth: KernelObject = {
  kind: 'veth',
  netns: 'vpc-1',
  name: 'e1',
  alias: 'eni-1',
  mac: '02:00:00:00:00:01',
  group: 1,
  rpFilter: 1,
  mtu: 1500,
  peer: { netns: 'i-1', name: 'eth1', mac: '02:00:00:00:00:02' },
};
const netns: KernelObject = { kind: 'netns', netns: 'i-1' };
const table: KernelObject = { kind: 'nft', netns: 'vpc-1', fingerprint: 'f', text: '' };
const translating: KernelObject = { ...table, translations: { '203.0.113.5': '10.0.0.4' } };
const make = (object: KernelObject): KernelOp => ({ verb: 'create', object });
const change = (object: KernelObject): KernelOp => ({ verb: 'update', object, from: object });
const remove = (object: KernelObject): KernelOp => ({ verb: 'delete', object });

describe('before a state is durable', () => {
  it.each<[what: string, ops: readonly KernelOp[], ahead: number]>([
    ['a new device and what hangs on it is made', [make(veth), make(address)], 2],
    ['nothing is removed', [remove(address), remove(veth)], 0],
    ['what is new is made before what is old goes', [make(veth), make(address), remove(veth)], 2],
    ['nothing is made that needs a removal first', [remove(veth), make(veth)], 0],
    ['no namespace is made, nor what is in it', [make(netns), make(address)], 0],
    ['no device is replaced', [change(veth), make(address)], 0],
    ['a table is changed', [change(table)], 1],
    ['no flow is cut', [make(address), change(translating)], 0],
    ['there may be nothing', [], 0],
  ])('%s', (_what, ops, ahead) => {
    const planned = ops.map((op) => ({ op, unit: 'eni-1', needs: [] }));
    expect(aheadOf(planned)).toEqual(planned.slice(0, ahead));
  });
});
