import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NftTable, renderNft } from '../../agent/firewall/nft-table.js';
import { type Kernel, type KernelObject, keyOf, type OpResult } from '../../agent/kernel/port.js';
import { instance, testKernel } from '../support/kernel.js';

/** Elements of nft sets, changed by our own messages: afterwards the tool lists what it would have made itself. */

const netns = instance(1);
const CHAIN = { name: 'c', type: 'filter', hook: 'prerouting', priority: 0, policy: 'accept' } as const;
const RULES = ['ip saddr @four drop', 'ip6 saddr @six drop', 'ether saddr . ip saddr @pairs4 drop', 'iifname @names drop'];
const many = Array.from({ length: 3000 }, (_, i) => `10.7.${i >> 8}.${i & 255}`);

const table = (sets: NftTable['sets'], maps: NftTable['maps'] = {}, rules: readonly string[] = RULES): NftTable => ({
  chains: [{ ...CHAIN, rules }],
  sets: {
    four: { type: 'ipv4_addr', elements: [], counts: true },
    six: { type: 'ipv6_addr', elements: [] },
    macs: { type: 'ether_addr', elements: [], counts: true },
    pairs4: { type: 'ether_addr . ipv4_addr', elements: [] },
    pairs6: { type: 'ether_addr . ipv6_addr', elements: [] },
    names: { type: 'ifname', elements: [], counts: true },
    ranges: { type: 'ipv4_addr', elements: [], ranges: true },
    ...sets,
  },
  maps: { outward: {}, ...maps },
});
type Nft = Extract<KernelObject, { kind: 'nft' }>;
const objectOf = (...parts: Parameters<typeof table>): Nft => ({ kind: 'nft', netns, ...renderNft('enid', table(...parts)) });

let kernel: Kernel;
const apply = async (object: KernelObject, from?: KernelObject): Promise<OpResult[]> =>
  kernel.apply([{ op: from ? { verb: 'update', object, from } : { verb: 'create', object }, unit: 'u', needs: [] }]);
const observed = async (): Promise<KernelObject | undefined> => (await kernel.observe(new Set([netns]))).get(keyOf(objectOf({})));
const nft = (...argv: string[]) => execFileSync('ip', ['netns', 'exec', netns, 'nft', ...argv], { encoding: 'utf8' });
/** A chain of somebody else's in the table: it stays as long as the table is not made anew. */
const mark = () => nft('add', 'chain', 'inet', 'enid', 'marker');
const isMarked = () => nft('list', 'table', 'inet', 'enid').includes('chain marker');
const unmark = () => nft('delete', 'chain', 'inet', 'enid', 'marker');

beforeAll(async () => {
  kernel = testKernel();
  await apply({ kind: 'netns', netns });
});
afterAll(() => kernel.close());

describe('a table that differs in elements only', () => {
  const pair = (n: number, address: string) => `02:00:00:00:00:0${n} . ${address}`;
  it.each<[string, Parameters<typeof table>, Parameters<typeof table>]>([
    [
      'addresses',
      [{ four: { type: 'ipv4_addr', elements: ['10.0.0.1', '10.0.0.2'], counts: true } }],
      [{ four: { type: 'ipv4_addr', elements: ['10.0.0.2', '10.0.0.3'], counts: true } }],
    ],
    [
      'IPv6',
      [{ six: { type: 'ipv6_addr', elements: ['fd00::1'] } }],
      [{ six: { type: 'ipv6_addr', elements: ['fd00::1', 'fe80::ff:fe00:1'] } }],
    ],
    ['MACs, to none', [{ macs: { type: 'ether_addr', elements: ['02:00:00:00:00:01', '02:aa:bb:cc:dd:ee'], counts: true } }], [{}]],
    [
      'MAC and address',
      [{ pairs4: { type: 'ether_addr . ipv4_addr', elements: [pair(1, '10.0.0.1')] } }],
      [{ pairs4: { type: 'ether_addr . ipv4_addr', elements: [pair(1, '10.0.0.2'), pair(2, '10.0.0.1')] } }],
    ],
    ['MAC and IPv6', [{}], [{ pairs6: { type: 'ether_addr . ipv6_addr', elements: [pair(1, 'fe80::1'), pair(2, 'fd00::a:b')] } }]],
    [
      'devices',
      [{ names: { type: 'ifname', elements: ['"eth0"'], counts: true } }],
      [{ names: { type: 'ifname', elements: ['"eth0"', '"eth15"'], counts: true } }],
    ],
    [
      'a map, values too',
      [{}, { outward: { '203.0.113.1': '10.0.0.1', '203.0.113.2': '10.0.0.2' } }],
      [{}, { outward: { '203.0.113.1': '10.0.0.2', '203.0.113.3': '10.0.0.3' } }],
    ],
    [
      'thousands',
      [{ four: { type: 'ipv4_addr', elements: many.slice(10), counts: true } }],
      [{ four: { type: 'ipv4_addr', elements: many.slice(0, -10), counts: true } }],
    ],
    ['several sets at once', [{ four: many.slice(0, 3) }, { outward: { '203.0.113.1': '10.0.0.1' } }], [{ four: many.slice(2, 4) }, {}]],
  ])('%s', async (_what, before, after) => {
    const [from, to] = [objectOf(...before), objectOf(...after)];
    expect(await apply(from)).toMatchObject([{ outcome: 'done' }]);
    mark();
    expect(await apply(to, from)).toMatchObject([{ outcome: 'done' }]);
    expect(isMarked()).toBe(true);
    unmark();
    expect(await observed()).toMatchObject({ fingerprint: to.fingerprint });
    // New elements count as those do that the tool has made.
    for (const line of nft('list', 'set', 'inet', 'enid', 'names')
      .split('\n')
      .filter((text) => text.includes('"eth')))
      expect(line.match(/counter packets/g)).toHaveLength(line.match(/"eth/g)?.length ?? 0);
  });

  it('has counters that go on', async () => {
    const from = objectOf({ macs: { type: 'ether_addr', elements: ['02:00:00:00:00:01'], counts: true } });
    await apply(from);
    nft('delete', 'element', 'inet', 'enid', 'macs', '{ 02:00:00:00:00:01 }');
    nft('add', 'element', 'inet', 'enid', 'macs', '{ 02:00:00:00:00:01 counter packets 7 bytes 700 }');
    await apply(objectOf({ macs: { type: 'ether_addr', elements: ['02:00:00:00:00:01', '02:00:00:00:00:02'], counts: true } }), from);
    const listing = nft('list', 'set', 'inet', 'enid', 'macs');
    expect(listing).toMatch(/:01 counter packets 7 bytes 700,\s+02:00:00:00:00:02 counter packets 0 bytes 0/);
  });
});

describe('is made anew', () => {
  const from = () => objectOf({ four: { type: 'ipv4_addr', elements: ['10.0.0.1'], counts: true } });
  const to = objectOf({ four: { type: 'ipv4_addr', elements: ['10.0.0.2'], counts: true } });
  it.each<[string, () => Promise<KernelObject | undefined> | KernelObject, to: Nft]>([
    ['what somebody else has changed', async () => observed(), to],
    [
      'what lacks an element that it was thought to have',
      () => {
        nft('delete', 'element', 'inet', 'enid', 'four', '{ 10.0.0.1 }');
        return from();
      },
      to,
    ],
    ['what differs in a rule', from, objectOf({}, {}, RULES.slice(1))],
    ['what differs in ranges', from, objectOf({ ranges: { type: 'ipv4_addr', elements: ['10.0.0.0/24'], ranges: true } })],
    ['what differs in the type of a set', from, objectOf({ macs: { type: 'ipv4_addr', elements: [] } })],
  ])('%s', async (_what, before, after) => {
    await apply(from());
    mark();
    expect(await apply(after, await before())).toMatchObject([{ outcome: 'done' }]);
    expect(isMarked()).toBe(false);
    expect(await observed()).toMatchObject({ fingerprint: after.fingerprint });
  });
});
