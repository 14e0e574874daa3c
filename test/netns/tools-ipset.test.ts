import { beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../agent/kernel/exec.js';
import {
  addMembers,
  deleteMembers,
  destroySets,
  ensureSets,
  listSets,
  type SetSpec,
  setTypeRevision,
} from '../../agent/kernel/netlink/ipset.js';
import { NETLINK, NetlinkSocket } from '../../agent/kernel/netlink/socket.js';
import { createNetns } from '../../agent/kernel/netns.js';
import { SAME_PREFIX_DEVICE_LIMIT } from '../../agent/kernel/resources.js';

const NS = 'vpc-00000000000000001';
let socket: NetlinkSocket;

beforeAll(() => {
  createNetns(NS);
  socket = new NetlinkSocket(NETLINK.netfilter, { netns: NS });
});

const tool = async (...argv: string[]) => (await run('ipset', argv, { netns: NS, timeoutMs: 5000 })).stdout;
/** What the ipset tool itself says a set is and holds: its `create` line without sizes, then its entries, sorted. */
async function saved(name: string): Promise<string[]> {
  const [create = '', ...entries] = (await tool('save', name)).trim().split('\n');
  return [
    create.replace(/ (hashsize|maxelem|bucketsize|initval|size) \w+/g, ''),
    ...entries.map((line) => line.slice(`add ${name} `.length)).sort(),
  ];
}
const set = (spec: Partial<SetSpec> & { name: string }): SetSpec => ({ type: 'hash:net,iface', family: 4, counters: false, ...spec });
const members = (name: string, ...entries: string[]) => entries.map((entry) => ({ set: name, entry }));
const done = (results: readonly unknown[]) => expect(results.filter((result) => result !== null)).toEqual([]);
const entriesOf = (name: string) => [...(listSets(socket, { name })[0]?.members.keys() ?? [])].sort();
const E1 = 'e0123456789abcd';
const E2 = 'effffffffffffff';

describe('sets and members, as the ipset tool sees them', () => {
  it.each([
    ['addresses', set({ name: 'sg-1.4', type: 'hash:ip' }), 'create sg-1.4 hash:ip family inet', ['10.0.1.4', '10.0.1.5']],
    [
      'IPv6 addresses',
      set({ name: 'sg-1.6', type: 'hash:ip', family: 6 }),
      'create sg-1.6 hash:ip family inet6',
      ['2001:db8::1', 'fe80::ff:fe00:1'],
    ],
    [
      'ranges',
      set({ name: 'pl-1.4', type: 'hash:net' }),
      'create pl-1.4 hash:net family inet',
      ['0.0.0.0/1', '10.0.0.0/24', '10.0.1.4', '128.0.0.0/1'],
    ],
    [
      'IPv6 ranges',
      set({ name: 'pl-1.6', type: 'hash:net', family: 6 }),
      'create pl-1.6 hash:net family inet6',
      ['2001:db8::/32', '2001:db8::7'],
    ],
    [
      'addresses by device',
      set({ name: 'own4' }),
      'create own4 hash:net,iface family inet',
      [`0.0.0.0/0,${E1}`, `0.0.0.0/0,${E2}`, `10.0.1.4,${E1}`],
    ],
    [
      'IPv6 addresses by device',
      set({ name: 'own6', family: 6 }),
      'create own6 hash:net,iface family inet6',
      [`2001:db8::1,${E1}`, `::/0,${E1}`, `::/0,${E2}`],
    ],
    ['sets', set({ name: 'list', type: 'list:set' }), 'create list list:set', ['own4', 'own6']],
  ] as const)('%s', async (_name, spec, created, entries) => {
    done(ensureSets(socket, [spec]));
    done(addMembers(socket, members(spec.name, ...entries)));
    expect(await saved(spec.name)).toEqual([created, ...entries]);
    expect(listSets(socket, { name: spec.name }).map((listed) => [listed.spec, listed.references])).toEqual([[spec, 0]]);
    expect(entriesOf(spec.name)).toEqual([...entries]);

    // All of it once more: nothing to do, nothing refused.
    done(ensureSets(socket, [spec]));
    done(addMembers(socket, members(spec.name, ...entries)));
    expect(await saved(spec.name)).toEqual([created, ...entries]);

    const [first = '', ...rest] = entries;
    done(deleteMembers(socket, members(spec.name, first)));
    done(deleteMembers(socket, members(spec.name, first)));
    expect(await saved(spec.name)).toEqual([created, ...rest]);
  });

  it('gives the sets of a namespace, with what the tool adds to them', async () => {
    await tool('create', 'theirs', 'hash:net', 'family', 'inet6', 'counters');
    await tool('add', 'theirs', '2001:DB8:0:0::/64', 'packets', '5', 'bytes', '4294967296123');
    await tool('add', 'theirs', '2001:db8::/48', 'nomatch');
    await tool('create', 'ports', 'bitmap:port', 'range', '0-10');
    const found = new Map(listSets(socket).map((listed) => [listed.spec.name, listed]));
    expect([...found.keys()]).not.toContain('ports');
    expect(found.get('own4')?.references).toBe(0);
    expect(found.get('own6')?.references).toBe(1);
    expect(found.get('theirs')).toEqual({
      spec: { name: 'theirs', type: 'hash:net', family: 6, counters: true },
      references: 0,
      members: new Map([
        ['2001:db8::/64', { packets: 5, bytes: 4294967296123 }],
        ['2001:db8::/48 nomatch', { packets: 0, bytes: 0 }],
      ]),
    });
    done(deleteMembers(socket, members('theirs', '2001:db8::/48 nomatch')));
    expect(entriesOf('theirs')).toEqual(['2001:db8::/64']);
    expect(listSets(socket, { name: 'theirs', headersOnly: true }).map((listed) => listed.members.size)).toEqual([0]);
  });

  it('keeps the counters of an entry that is added again', async () => {
    done(addMembers(socket, members('theirs', '2001:db8::/64')));
    expect(listSets(socket, { name: 'theirs' })[0]?.members.get('2001:db8::/64')?.packets).toBe(5);
  });

  it('lists sets that take more than one message', async () => {
    const entries = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    done(ensureSets(socket, [set({ name: 'many', type: 'hash:ip' })]));
    done(addMembers(socket, members('many', ...entries)));
    expect(entriesOf('many')).toEqual([...entries].sort());
  });

  it('a set or namespace content that does not exist: nothing listed, nothing to delete', () => {
    expect(listSets(socket, { name: 'absent' })).toEqual([]);
    done(destroySets(socket, ['absent']));
    done(deleteMembers(socket, [...members('absent', '10.0.0.1'), ...members('list', 'absent')]));
  });
});

describe('a set that is not as it shall be', () => {
  it('is replaced under the rule that uses it, with its members', async () => {
    await tool('create', 'wrong', 'hash:ip');
    await tool('add', 'wrong', '10.0.0.1');
    await run('iptables', ['-A', 'INPUT', '-m', 'set', '--match-set', 'wrong', 'src', '-j', 'DROP'], { netns: NS, timeoutMs: 5000 });
    const wanted = set({ name: 'wrong', type: 'hash:ip', counters: true });
    done(ensureSets(socket, [wanted]));
    const [listed] = listSets(socket, { name: 'wrong' });
    expect(listed).toEqual({ spec: wanted, references: 1, members: new Map([['10.0.0.1', { packets: 0, bytes: 0 }]]) });
    expect(listSets(socket, { name: 'wrong~' })).toEqual([]);
  });

  it('says busy when it is of another type and rules use it, and is replaced once none does', async () => {
    const wanted = set({ name: 'wrong', type: 'hash:net' });
    const [error] = ensureSets(socket, [wanted]);
    expect(error).toMatchObject({ kind: 'busy', message: expect.stringContaining('in use') });
    expect(listSets(socket, { name: 'wrong' })[0]?.spec.type).toBe('hash:ip');
    expect(listSets(socket, { name: 'wrong~' })).toEqual([]);
    const [destroyed] = destroySets(socket, ['wrong']);
    expect(destroyed?.kind).toBe('busy');

    await run('iptables', ['-F', 'INPUT'], { netns: NS, timeoutMs: 5000 });
    done(ensureSets(socket, [wanted]));
    expect(await saved('wrong')).toEqual(['create wrong hash:net family inet', '10.0.0.1']);
    done(destroySets(socket, ['wrong', 'wrong']));
    expect(listSets(socket, { name: 'wrong' })).toEqual([]);
  });
});

describe('refusals, in words', () => {
  it.each([
    [
      'no such set',
      () => addMembers(socket, members('absent', '10.0.0.1')),
      'not-found',
      /add 10\.0\.0\.1 to set absent: no set has that name/,
    ],
    ['no such set to list', () => addMembers(socket, members('list', 'absent')), 'not-found', /no set has that name/],
    ['IPv6 into IPv4', () => addMembers(socket, members('own4', `2001:db8::1,${E1}`)), 'invalid', /own4/],
    ['no address', () => addMembers(socket, members('own4', '10.0.0.256/33,x')), 'invalid', /no entry of a set/],
    ['the whole range without a device', () => addMembers(socket, members('pl-1.4', '0.0.0.0/0')), 'invalid', /prefix length/],
    ['a set in a set of sets', () => destroySets(socket, ['own6']), 'busy', /in use/],
  ] as const)('%s', (_name, action, kind, words) => {
    const [error] = action();
    expect(error).toMatchObject({ kind, message: expect.stringMatching(words) });
  });

  it('one refused entry does not keep the others out', () => {
    const results = addMembers(socket, members('own4', `10.0.9.1,${E1}`, 'nonsense/9', `10.0.9.2,${E1}`));
    expect(results.map((result) => result?.kind ?? null)).toEqual([null, 'invalid', null]);
    expect(entriesOf('own4')).toEqual(expect.arrayContaining([`10.0.9.1,${E1}`, `10.0.9.2,${E1}`]));
  });

  it('one range takes as many devices as the kernel allows, and says so after', () => {
    done(ensureSets(socket, [set({ name: 'bucket', counters: true })]));
    const entries = Array.from({ length: SAME_PREFIX_DEVICE_LIMIT + 1 }, (_, i) => `0.0.0.0/0,e${i}`);
    const results = addMembers(socket, members('bucket', ...entries));
    done(results.slice(0, SAME_PREFIX_DEVICE_LIMIT));
    expect(results.at(-1)).toMatchObject({ kind: 'no-space', message: expect.stringContaining('as many devices as it can') });
    expect(listSets(socket, { name: 'bucket' })[0]?.members.size).toBe(SAME_PREFIX_DEVICE_LIMIT);
  });

  it('a type that the kernel does not have', () => {
    expect(() => setTypeRevision(socket, 'hash:nonsense' as 'hash:ip', 4)).toThrow(expect.objectContaining({ kind: 'unsupported' }));
  });
});
