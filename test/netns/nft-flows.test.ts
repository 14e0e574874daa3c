import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type NftTable, renderNft } from '../../agent/firewall/nft-table.js';
import { type Flow, listFlows } from '../../agent/kernel/netlink/conntrack.js';
import { NETLINK, NetlinkSocket } from '../../agent/kernel/netlink/socket.js';
import type { Kernel, KernelObject } from '../../agent/kernel/port.js';
import { instance, testKernel } from '../support/kernel.js';

/** Flows are ended when a table translates their addresses otherwise, and only then. All ends are addresses of one namespace. */

const netns = instance(1);
const [A, B, C] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
const [ONE, TWO] = ['203.0.113.1', '203.0.113.2'];
const OUTSIDE = '198.51.100.1';

type Translations = Readonly<Record<string, string>>;
type Nft = Extract<KernelObject, { kind: 'nft' }>;
function tableOf(translations: Translations): Nft {
  const outward = Object.fromEntries(Object.entries(translations).map(([outside, inside]) => [inside, outside]));
  const nat = { type: 'nat', policy: 'accept' } as const;
  const table: NftTable = {
    maps: { inward: translations, outward },
    chains: [
      { ...nat, name: 'out', hook: 'output', priority: -100, rules: ['dnat ip to ip daddr map @inward'] },
      { ...nat, name: 'post', hook: 'postrouting', priority: 100, rules: ['snat ip to ip saddr map @outward'] },
    ],
  };
  return { kind: 'nft', netns, ...renderNft('enid', table), translations };
}

let kernel: Kernel;
let socket: NetlinkSocket;
async function become(translations: Translations, from?: Nft): Promise<Nft> {
  const object = tableOf(translations);
  const [done] = await kernel.apply([{ op: from ? { verb: 'update', object, from } : { verb: 'create', object }, unit: 'u', needs: [] }]);
  expect(done?.outcome).toBe('done');
  return object;
}
const inside = (...argv: string[]) => execFileSync('ip', ['netns', 'exec', netns, ...argv], { stdio: 'pipe' });
const ping = (from: string, to: string) => inside('ping', '-c1', '-W2', '-I', from, to);
const words = ({ original, reply }: Flow) => `${original.source} > ${original.destination} | ${reply.source} > ${reply.destination}`;
const flows = () => listFlows(socket).map(words).sort();

const inward = (outside: string, to: string) => `${OUTSIDE} > ${outside} | ${to} > ${OUTSIDE}`;
const outward = (from: string, outside: string) => `${from} > ${OUTSIDE} | ${OUTSIDE} > ${outside}`;
const BEFORE = { [ONE]: A, [TWO]: B };
const plain = `${OUTSIDE} > ${C} | ${C} > ${OUTSIDE}`;
const all = [inward(ONE, A), inward(TWO, B), outward(A, ONE), outward(B, TWO), plain];

beforeAll(async () => {
  kernel = testKernel();
  await kernel.apply([{ op: { verb: 'create', object: { kind: 'netns', netns } }, unit: 'u', needs: [] }]);
  for (const address of [A, B, C, OUTSIDE, ONE, TWO]) inside('ip', 'addr', 'add', `${address}/32`, 'dev', 'lo');
  socket = new NetlinkSocket(NETLINK.netfilter, { netns });
});
afterAll(async () => {
  socket?.close();
  await kernel.close();
});

let table: Nft;
beforeEach(async () => {
  inside('nft', 'flush', 'ruleset');
  inside('conntrack', '-F');
  table = await become(BEFORE);
  for (const [from, to] of [
    [OUTSIDE, ONE],
    [OUTSIDE, TWO],
    [A, OUTSIDE],
    [B, OUTSIDE],
    [OUTSIDE, C],
  ] as const)
    ping(from, to);
  expect(flows()).toEqual([...all].sort());
});

describe.each([
  ['it is known what was before', true],
  ['it is not', false],
])('%s', (_case, isKnown) => {
  it.each<[what: string, after: Translations, left: readonly string[]]>([
    ['an address goes to another', { [ONE]: C, [TWO]: B }, [inward(TWO, B), outward(B, TWO), plain]],
    ['an address is anybody’s no more', { [TWO]: B }, [inward(TWO, B), outward(B, TWO), plain]],
    ['a private address gets another public one', { [TWO]: A }, [plain]],
    ['two change places', { [ONE]: B, [TWO]: A }, [plain]],
    ['one more', { ...BEFORE, '203.0.113.3': C }, all],
  ])('%s', async (_what, after, left) => {
    await become(after, isKnown ? table : undefined);
    expect(flows()).toEqual([...left].sort());
  });
});
