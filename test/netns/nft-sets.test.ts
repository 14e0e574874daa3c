import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addMembers,
  deleteMembers,
  destroySets,
  ensureSets,
  listSets,
  type MemberSpec,
  type SetSpec,
} from '../../agent/kernel/netlink/nft-sets.js';
import { NETLINK, NetlinkSocket } from '../../agent/kernel/netlink/socket.js';
import { createNetns } from '../../agent/kernel/netns.js';
import { hostEnd, nft as nftIn } from '../support/kernel.js';

const NS = 'vpc-00000000000000001';
let socket: NetlinkSocket;

beforeAll(() => {
  createNetns(NS);
  socket = new NetlinkSocket(NETLINK.netfilter, { netns: NS });
});
afterAll(() => socket.close());

const nft = (words: string): string => nftIn(NS, words);
const E1 = 'e0123456789abcd';
const E2 = 'effffffffffffff';
const set = (name: string, more: Partial<SetSpec> = {}): SetSpec => ({
  name,
  family: name.endsWith('6') ? 6 : 4,
  type: 'address',
  counters: false,
  ...more,
});
const members = (name: string, ...entries: string[]): MemberSpec[] => entries.map((entry) => ({ set: name, entry }));
const done = (results: readonly unknown[]) => expect(results.filter((result) => result !== null)).toEqual([]);
const ensure = (...specs: SetSpec[]) => ensureSets(socket, specs);
const make = (...specs: SetSpec[]) => {
  const { outcomes, disturbed } = ensure(...specs);
  done(outcomes);
  return disturbed;
};
const listed = (name: string) => listSets(socket, [name])[0];
const entriesOf = (name: string) => [...(listed(name)?.members.keys() ?? [])].sort();
const table = (name: string) => (name.endsWith('6') ? 'ip6 enid' : 'ip enid');
/** What the tool says a set is and holds: its declaration, then its entries, sorted, without counts. */
function shown(name: string): string[] {
  const text = nft(`list set ${table(name)} ${name}`);
  const [before = '', elements = ''] = text.split('elements = {');
  const declared = before
    .split('\n')
    .slice(2)
    .map((line) => line.trim())
    .filter((line) => !['', '}'].includes(line));
  const entries =
    elements
      .split('}')[0]
      ?.split(',')
      .map((entry) => entry.trim().replace(/ counter packets.*$/, '')) ?? [];
  return [declared.join(' '), ...entries.filter((entry) => entry !== '').sort()];
}

describe('sets and members, as the tool sees them', () => {
  it.each<[string, SetSpec, string, readonly string[], (readonly string[])?]>([
    ['addresses', set('sg-1.4'), 'type ipv4_addr', ['10.0.1.4', '10.0.1.5']],
    ['IPv6 addresses', set('sg-1.6'), 'type ipv6_addr', ['2001:db8::1', 'fe80::ff:fe00:1']],
    [
      'addresses by device',
      set('own4', { type: 'address,device' }),
      'type ipv4_addr . ifname',
      [`10.0.1.4,${E1}`, `10.0.1.4,${E2}`, `10.0.1.5,${E1}`],
      [`10.0.1.4 . "${E1}"`, `10.0.1.4 . "${E2}"`, `10.0.1.5 . "${E1}"`],
    ],
    [
      'IPv6 addresses by device',
      set('own6', { type: 'address,device' }),
      'type ipv6_addr . ifname',
      [`2001:db8::1,${E1}`, `::1,${E2}`],
      [`2001:db8::1 . "${E1}"`, `::1 . "${E2}"`],
    ],
    [
      'devices that count',
      set('egress-drops4', { type: 'device', counters: true }),
      'type ifname counter',
      [E1, E2, 'igw0'],
      [`"${E1}"`, `"${E2}"`, '"igw0"'],
    ],
    [
      'devices that count, IPv6',
      set('egress-drops6', { type: 'device', counters: true }),
      'type ifname counter',
      [E1, E2],
      [`"${E1}"`, `"${E2}"`],
    ],
  ])('%s', (_name, spec, declared, entries, words = entries) => {
    const { name } = spec;
    const zero = spec.counters ? 0 : undefined;
    expect(make(spec)).toBe(false);
    done(addMembers(socket, members(name, ...entries)));
    expect(shown(name)).toEqual([declared, ...words]);
    expect(listed(name)).toEqual({ spec, members: new Map([...entries].sort().map((entry) => [entry, zero])) });

    // All of it once more: nothing to do, nothing refused, nobody disturbed.
    expect(make(spec)).toBe(false);
    done(addMembers(socket, members(name, ...entries)));
    expect(shown(name)).toEqual([declared, ...words]);

    const [first = '', ...rest] = entries;
    for (const _time of [1, 2]) done(deleteMembers(socket, members(name, first)));
    expect(shown(name)).toEqual([declared, ...words.slice(1)]);
    expect(entriesOf(name)).toEqual([...rest].sort());
  });

  it('what the tool puts in is found in the same words, and can be taken out', () => {
    nft(`add element ip enid own4 { 10.9.9.9 . "${E2}", 10.9.9.8 . "wg" }`);
    nft('add element ip6 enid sg-1.6 { 2001:DB8:0:0::77 }');
    expect(entriesOf('own4')).toEqual(expect.arrayContaining([`10.9.9.9,${E2}`, '10.9.9.8,wg']));
    expect(entriesOf('sg-1.6')).toContain('2001:db8::77');
    done(deleteMembers(socket, [...members('own4', `10.9.9.9,${E2}`, '10.9.9.8,wg'), ...members('sg-1.6', '2001:db8::77')]));
    expect(nft('list ruleset')).not.toMatch(/10\.9\.9|::77/);
  });

  it('gives all sets of ours, those asked for alone, and none of other tables or types', () => {
    nft('add table ip theirs; add set ip theirs own4 { type ipv4_addr; elements = { 10.7.7.7 } }');
    nft('add table inet enid; add set inet enid sg-2.4 { type ipv4_addr; }');
    nft('add set ip enid ports { type inet_service; }; add set ip enid spy { type ipv4_addr; elements = { 10.0.0.1 } }');
    const names = listSets(socket).map(({ spec }) => spec.name);
    expect([...names].sort()).toEqual(['egress-drops4', 'egress-drops6', 'own4', 'own6', 'sg-1.4', 'sg-1.6', 'spy']);
    expect(entriesOf('own4')).not.toContain('10.7.7.7');
    expect(listSets(socket, ['own4', 'absent', 'sg-1.6']).map(({ spec }) => spec.name)).toEqual(['own4', 'sg-1.6']);
    expect(listSets(socket, [])).toEqual([]);
    nft('delete table ip theirs; delete table inet enid; delete set ip enid ports; delete set ip enid spy');
  });

  it('anonymous sets in rules are not taken for ours', () => {
    nft('add chain ip enid c; add rule ip enid c ip saddr { 10.0.0.1, 10.0.0.2 } drop');
    const before = ['egress-drops4', 'egress-drops6', 'own4', 'own6', 'sg-1.4', 'sg-1.6'];
    const found = listSets(socket)
      .map(({ spec }) => spec.name)
      .filter((name) => !name.startsWith('__set'));
    expect([...found].sort()).toEqual(before);
    expect(
      listSets(socket)
        .map(({ spec }) => spec.name)
        .sort(),
    ).toEqual(before);
    nft('delete chain ip enid c');
  });

  it('a counting set keeps the counts of an entry that is added again, above 32 bits too', () => {
    nft(`delete element ip enid egress-drops4 { "${E2}" }`);
    nft(`add element ip enid egress-drops4 { "${E2}" counter packets 4294967301 bytes 7 }`);
    done(addMembers(socket, members('egress-drops4', E1, E2)));
    expect(listed('egress-drops4')?.members.get(E2)).toBe(4294967301);
    expect(listed('egress-drops4')?.members.get(E1)).toBe(0);
  });

  it('thousands of members: in one call, in listings of many messages', () => {
    const entries = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    const pairs = entries.slice(0, 5000).map((address, i) => `${address},${hostEnd(i)}`);
    make(set('many4'), set('pairs4', { type: 'address,device' }));
    done(addMembers(socket, [...members('many4', ...entries), ...members('pairs4', ...pairs)]));
    expect(entriesOf('many4')).toEqual([...entries].sort());
    expect(entriesOf('pairs4')).toEqual([...pairs].sort());
    done(deleteMembers(socket, members('many4', ...entries.slice(1))));
    expect(entriesOf('many4')).toEqual(entries.slice(0, 1));
    done(destroySets(socket, [set('many4'), set('pairs4', { type: 'address,device' })]));
  });

  it('those that rules fill are told as such, without what is in them, and take rules that fill them', () => {
    const counting = set('flow-counts4', { type: 'device index', dynamic: 'permanent' });
    const pausing = set('flow-pauses4', { type: 'device index', dynamic: 'temporary' });
    for (const _time of [1, 2]) expect(make(counting, pausing)).toBe(false);
    nft('add chain ip enid c');
    nft('add rule ip enid c add @flow-counts4 { iif ct count over 5 } update @flow-pauses4 { iif timeout 5s } drop');
    nft('add element ip enid flow-pauses4 { "lo" timeout 1h }');
    expect(shown('flow-pauses4').slice(1)).toEqual([expect.stringMatching(/^"lo" timeout 1h/)]);
    expect(listed('flow-counts4')).toEqual({ spec: counting, members: new Map() });
    expect(listed('flow-pauses4')).toEqual({ spec: pausing, members: new Map() });
    nft('delete chain ip enid c');
    done(destroySets(socket, [counting, pausing]));
    expect(listSets(socket, ['flow-counts4', 'flow-pauses4'])).toEqual([]);
  });

  it('a set or namespace content that does not exist: nothing listed, nothing to delete', () => {
    expect(listSets(socket, ['absent4'])).toEqual([]);
    done(destroySets(socket, [set('absent4'), set('absent6')]));
    done(deleteMembers(socket, [...members('absent4', '10.0.0.1'), ...members('own4', `10.0.0.77,${E1}`)]));
    createNetns('vpc-00000000000000002');
    const empty = new NetlinkSocket(NETLINK.netfilter, { netns: 'vpc-00000000000000002' });
    expect(listSets(empty)).toEqual([]);
    done(destroySets(empty, [set('own4')]));
    done(deleteMembers(empty, members('own4', `10.0.0.1,${E1}`)));
    empty.close();
  });
});

describe('a set that is not as it shall be', () => {
  const rules = () => nft('list table ip enid').match(/@wrong4|@sg-1\.4/g)?.length ?? 0;

  it.each<[string, SetSpec]>([
    ['counts, which it shall not', set('wrong4', { counters: true })],
    ['is of another type', set('wrong4', { type: 'address,device' })],
    ['is filled by rules', set('wrong4', { dynamic: 'permanent' })],
    ['is filled by rules for a time', set('wrong4', { dynamic: 'temporary' })],
  ])('%s: it is made anew, empty, and nobody is disturbed while no rule asks it', (_name, wrong) => {
    make(wrong);
    const wanted = set('wrong4');
    make(wanted);
    expect(listed('wrong4')).toEqual({ spec: wanted, members: new Map() });
    done(addMembers(socket, members('wrong4', '10.0.0.1')));
    expect(entriesOf('wrong4')).toEqual(['10.0.0.1']);
    done(destroySets(socket, [wanted]));
  });

  it('is made anew even while rules ask it: those of its family are gone then, and their policy stays', () => {
    make(set('wrong4'), set('wrong6'));
    done(addMembers(socket, members('sg-1.4', '10.0.1.5')));
    nft('add chain ip enid forward { type filter hook forward priority 0; policy drop; }');
    nft('add rule ip enid forward ip saddr @wrong4 accept; add rule ip enid forward ip saddr @sg-1.4 accept');
    nft(
      'add chain ip6 enid forward { type filter hook forward priority 0; policy drop; }; add rule ip6 enid forward ip6 saddr @wrong6 accept',
    );
    const wanted = set('wrong4', { type: 'address,device' });
    expect(make(wanted, set('sg-1.4'))).toBe(true);
    expect(listed('wrong4')).toEqual({ spec: wanted, members: new Map() });
    expect(rules()).toBe(0);
    expect(nft('list chain ip enid forward')).toContain('policy drop');
    expect(nft('list table ip6 enid')).toContain('@wrong6');
    // Sets that were right kept their members.
    expect(entriesOf('sg-1.4')).toContain('10.0.1.5');
    done(destroySets(socket, [wanted]));
  });

  it('cannot be destroyed while rules ask it: busy, and the others of the call are gone', () => {
    make(set('asked4'), set('other4'));
    nft('add rule ip enid forward ip saddr @asked4 accept');
    const outcomes = destroySets(socket, [set('asked4'), set('other4')]);
    expect(outcomes).toEqual([expect.objectContaining({ kind: 'busy', message: expect.stringMatching(/^destroy set asked4: /) }), null]);
    expect(listSets(socket, ['asked4', 'other4']).map(({ spec }) => spec.name)).toEqual(['asked4']);
    nft('flush chain ip enid forward');
    for (const _time of [1, 2]) done(destroySets(socket, [set('asked4')]));
    expect(listed('asked4')).toBeUndefined();
  });
});

describe('refusals, in words', () => {
  it.each<[string, string, string, string, RegExp]>([
    ['no such set', 'absent4', '10.0.0.1', 'not-found', /^add to set absent4: 10\.0\.0\.1: /],
    ['a device into addresses by device', 'own4', E1, 'invalid', /own4/],
    ['an address into devices', 'egress-drops4', '10.0.0.1', 'invalid', /egress-drops4/],
    ['an address by device into addresses', 'sg-1.4', `10.0.0.1,${E1}`, 'invalid', /sg-1\.4/],
    ['IPv6 into IPv4', 'own4', `2001:db8::1,${E1}`, 'invalid', /own4/],
    ['no address', 'sg-1.4', '10.0.0.256', 'invalid', /sg-1\.4/],
    ['a range', 'sg-1.4', '10.0.0.0/24', 'invalid', /sg-1\.4/],
  ])('%s', (_name, name, entry, kind, words) => {
    const before = listSets(socket);
    const [error] = addMembers(socket, members(name, entry));
    expect(error).toMatchObject({ name: 'KernelError', message: expect.stringMatching(words) });
    expect(error?.kind).toBe(kind);
    expect(listSets(socket)).toEqual(before);
  });

  it('one refused entry does not keep the others out, nor another set', () => {
    const results = addMembers(socket, [
      ...members('own4', `10.0.9.1,${E1}`),
      ...members('absent4', '10.0.9.9'),
      ...members('own4', `10.0.9.2,${E1}`),
      ...members('sg-1.4', '10.0.9.3'),
    ]);
    expect(results.map((result) => result?.kind ?? null)).toEqual([null, 'not-found', null, null]);
    expect(entriesOf('own4')).toEqual(expect.arrayContaining([`10.0.9.1,${E1}`, `10.0.9.2,${E1}`]));
    expect(entriesOf('sg-1.4')).toContain('10.0.9.3');
  });

  it('one refused set does not keep the others out', () => {
    const { outcomes } = ensure(set('good4'), set(`${'x'.repeat(400)}4`), set('good6'));
    expect(outcomes.map((outcome) => outcome === null)).toEqual([true, false, true]);
    expect(listSets(socket, ['good4', 'good6'])).toHaveLength(2);
  });
});
