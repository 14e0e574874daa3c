import { describe, expect, it } from 'vitest';
import { type NftTable, renderNft, scanNft } from '../../../agent/firewall/nft-table.js';

const TABLE: NftTable = {
  maps: { inward: { '203.0.113.2': '10.0.1.5', '203.0.113.1': '10.0.1.4' } },
  sets: { translated: ['10.0.1.5', '10.0.1.4'] },
  chains: [
    { name: 'prerouting', type: 'nat', hook: 'prerouting', priority: -100, policy: 'accept', rules: ['dnat ip to ip daddr map @inward'] },
    { name: 'forward', type: 'filter', hook: 'forward', priority: 0, policy: 'drop', rules: ['ct status dnat accept', 'counter drop'] },
  ],
};

/** What `nft -j list ruleset` prints of the table once it is loaded; rules in nft's own words, with our comments. */
function listing(change: (items: any[]) => any[] = (items) => items): string {
  const comments = [...renderNft('enid', TABLE).text.matchAll(/comment "([^"]+)"/g)].map(([, comment]) => comment);
  const common = { family: 'inet', table: 'enid' };
  const chain = (name: string, type: string, hook: string, prio: number, policy: string) => ({
    chain: { ...common, name, handle: 1, type, hook, prio, policy },
  });
  const rule = (name: string, comment: string | undefined) => ({ rule: { ...common, chain: name, handle: 9, comment, expr: [] } });
  const items = [
    { metainfo: { version: '1.0.6', json_schema_version: 1 } },
    { table: { family: 'inet', name: 'enid', handle: 1 } },
    {
      map: {
        ...common,
        name: 'inward',
        type: 'ipv4_addr',
        handle: 3,
        map: 'ipv4_addr',
        elem: [
          ['203.0.113.1', '10.0.1.4'],
          ['203.0.113.2', '10.0.1.5'],
        ],
      },
    },
    { set: { ...common, name: 'translated', type: 'ipv4_addr', handle: 4, elem: ['10.0.1.4', '10.0.1.5'] } },
    chain('forward', 'filter', 'forward', 0, 'drop'),
    rule('forward', comments[1]),
    rule('forward', comments[2]),
    chain('prerouting', 'nat', 'prerouting', -100, 'accept'),
    rule('prerouting', comments[0]),
  ];
  return JSON.stringify({ nftables: change(items) });
}

/** The first item of a kind with other values. */
const changed = (kind: string, fields: Record<string, unknown>) => (items: any[]) => {
  const place = items.findIndex((item) => kind in item);
  return items.with(place, { [kind]: { ...items[place][kind], ...fields } });
};

describe('fingerprint', () => {
  const { fingerprint } = renderNft('enid', TABLE);

  it('of the listing is that of the text, whatever order either is in', () => {
    expect(scanNft(listing())).toBe(fingerprint);
    expect(scanNft(listing((items) => [...items.slice(0, 2), ...items.slice(4), ...items.slice(2, 4)]))).toBe(fingerprint);
  });

  it.each<[string, (items: any[]) => any[]]>([
    ['an element is missing', changed('map', { elem: [['203.0.113.1', '10.0.1.4']] })],
    [
      'an element is another',
      changed('map', {
        elem: [
          ['203.0.113.1', '10.0.1.99'],
          ['203.0.113.2', '10.0.1.5'],
        ],
      }),
    ],
    ['a set is empty', changed('set', { elem: [] })],
    ['a policy is another', changed('chain', { policy: 'accept' })],
    ['a priority is another', changed('chain', { prio: 5 })],
    ['a rule is missing', (items) => items.filter((_, index) => index !== 5)],
    ['rules are in another order', (items) => [...items.slice(0, 5), items[6], items[5], ...items.slice(7)]],
    ['there is a rule more', (items) => [...items, { rule: { family: 'inet', table: 'enid', chain: 'forward', expr: [] } }]],
    ['there is a table more', (items) => [...items, { table: { family: 'ip', name: 'nat', handle: 7 } }]],
  ])('differs when %s', (_what, change) => {
    expect(scanNft(listing(change))).not.toBe(fingerprint);
  });

  it('is none without tables', () => {
    expect(scanNft('{"nftables": [{"metainfo": {}}]}')).toBeUndefined();
  });
});

it('the text empties each chain, map and set before it fills it, and touches no other table', () => {
  const lines = renderNft('enid', TABLE).text.trim().split('\n');
  for (const place of ['chain inet enid prerouting', 'chain inet enid forward', 'map inet enid inward', 'set inet enid translated']) {
    const name = place.split(' ').at(-1);
    const emptied = lines.indexOf(`flush ${place}`);
    expect(emptied).toBeGreaterThan(lines.findIndex((line) => line.startsWith(`add ${place}`)));
    const filled = lines.findIndex(
      (line) => line.startsWith(`add element inet enid ${name} `) || line.startsWith(`add rule inet enid ${name} `),
    );
    expect(filled).toBeGreaterThan(emptied);
  }
  expect(lines.every((line) => line.includes('inet enid'))).toBe(true);
  expect(lines.some((line) => /^(delete|flush (table|ruleset))/.test(line))).toBe(false);
});
