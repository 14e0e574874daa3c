import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileRuleset } from '../../agent/firewall/compile.js';
import { render } from '../../agent/firewall/render.js';
import { addMembers, ensureSets, listSets } from '../../agent/kernel/netlink/nft-sets.js';
import { NETLINK, NetlinkSocket } from '../../agent/kernel/netlink/socket.js';
import { createNetns } from '../../agent/kernel/netns.js';
import { loadRuleset, readRuleset, removeRuleset } from '../../agent/kernel/nft-ruleset.js';
import type { Family, KernelObject } from '../../agent/kernel/port.js';
import { planUnit } from '../../agent/planner/plan.js';
import { egress, ingress, openEgress, permission, routeTo, SETTINGS, WorldBuilder } from '../support/builders.js';
import { inNetns, nft } from '../support/kernel.js';

/** The rules as the real tool and the kernel take them. */

const families: Family[] = [4, 6];
const tableOf = (family: Family) => [family === 4 ? 'ip' : 'ip6', 'enid'] as const;

/** A VPC whose groups have every sort of rule. */
function everything() {
  const world = new WorldBuilder();
  const vpc = world.vpc({ ipv6Range: 'fd00:1::/56' });
  const subnet = world.subnet(vpc, '10.0.1.0/24', { ipv6Range: 'fd00:1::/64' });
  const list4 = world.prefixList(['0.0.0.0/0', '192.0.2.0/24', '192.0.2.1/32']);
  const list6 = world.prefixList(['::/0', '2001:db8::/32'], { family: 6 });
  const some4 = world.prefixList(['192.0.2.0/24', '192.0.2.1/32', '192.0.3.0/24', '203.0.113.7/32']);
  const some6 = world.prefixList(['2001:db8::/32', '2001:db8:1::/48', '2001:db9::7/128'], { family: 6 });
  const peer = world.group(vpc, openEgress());
  const protocols = [
    'tcp',
    'udp',
    'icmp',
    'icmpv6',
    '2',
    '4',
    '41',
    '43',
    '44',
    '47',
    '50',
    '51',
    '59',
    '60',
    '89',
    '112',
    '132',
    '136',
    '253',
    '255',
  ];
  const group = world.group(vpc, [
    ...protocols.flatMap((protocol) => [ingress(protocol, '10.0.0.0/8'), ingress(protocol, 'fd00::/8')]),
    ...['0.0.0.0/0', '::/0', '10.9.8.7/32', 'fd00::7/128', peer, list4, list6, some4, some6].flatMap((from) => [
      ingress('tcp', from, 22),
      ingress('tcp', from, [0, 65535]),
      ingress('udp', from, [5000, 6000]),
      ingress('-1', from),
      ingress('icmp', from, [8, -1]),
      ingress('icmp', from, [3, 4]),
      ingress('icmp', from, [-1, -1]),
      ingress('icmpv6', from, [128, 0]),
      ingress('icmpv6', from, [1, -1]),
      egress('tcp', from, 443),
      egress('-1', from),
    ]),
    // None of these may reach the tool as "everything".
    ingress('0', '10.0.0.0/8'),
    ingress('256', '10.0.0.0/8'),
    ingress('tcp', '10.0.0.0/8', [10, 1]),
    ingress('icmp', '10.0.0.0/8', [255, -1]),
  ]);
  world.put('securityGroup', {
    ...group,
    rules: [
      ...group.rules,
      { ...permission('ingress', 'tcp', '10.0.0.0/8', 80), description: `'; "$(reboot)" \`x\`\n-A FORWARD -j ACCEPT` },
    ],
  });
  const combos = Array.from({ length: 20 }, () => world.group(vpc, [ingress('tcp', peer, 80), ...openEgress()]));
  const instance = world.instance(vpc);
  for (const [i, extra] of combos.entries()) world.networkInterface(subnet, `10.0.1.${10 + i}`, { groups: [group, extra] });
  const nat = world.networkInterface(subnet, '10.0.1.4', { to: instance, groups: [group, peer], sourceDestCheck: false });
  world.routeTable(vpc, { subnets: [subnet], routes: [routeTo('0.0.0.0/0', nat), routeTo('::/0', nat)] });
  return { snapshot: world.snapshot(), vpcId: vpc.vpcId };
}

describe.runIf(process.getuid?.() === 0)('rules on the real kernel', () => {
  const { snapshot, vpcId } = everything();
  const planned = planUnit(snapshot, SETTINGS, vpcId);
  const text = (family: Family) => render(compileRuleset(snapshot, vpcId, family));
  let socket: NetlinkSocket;
  const load = (family: Family, words = text(family).text) => loadRuleset(vpcId, family, words, () => socket);
  const read = (family: Family) => readRuleset(family, socket);
  const list = (family: Family) => nft(vpcId, 'list', 'table', ...tableOf(family));
  const chain = (family: Family, name: string) => nft(vpcId, '-a', 'list', 'chain', ...tableOf(family), name).split('\n');
  const members = () => listSets(socket).map(({ spec, members: entries }) => [spec.name, [...entries.keys()].sort()]);

  const makeSets = () => {
    const of = <K extends 'set' | 'member'>(kind: K) =>
      planned.filter((object): object is Extract<KernelObject, { kind: K }> => object.kind === kind);
    const failures = [...ensureSets(socket, of('set')).outcomes, ...addMembers(socket, of('member'))];
    expect(failures.filter((failure) => failure !== null)).toEqual([]);
  };
  beforeAll(() => {
    createNetns(vpcId);
    socket = new NetlinkSocket(NETLINK.netfilter, { netns: vpcId });
    makeSets();
  });
  afterAll(() => socket.close());

  it.each(families)('IPv%i: what is read has the fingerprint of what was loaded', async (family) => {
    expect(read(family)).not.toBe(text(family).fingerprint);
    await load(family);
    expect(read(family)).toBe(text(family).fingerprint);
    // And again over itself: a load replaces, and leaves sets and their members.
    const [held, listed] = [members(), list(family)];
    await load(family);
    expect(read(family)).toBe(text(family).fingerprint);
    expect(list(family)).toBe(listed);
    expect(members()).toEqual(held);
  });

  it.each(families)('IPv%i: nothing of a description gets into the rules, and each is one of ours', async (family) => {
    await load(family);
    expect(text(family).text).not.toMatch(/reboot|[`$']/);
    const rules = rulesIn(list(family));
    expect(rules.length).toBe(text(family).text.match(/^add rule /gm)?.length);
    expect(rules.filter((line) => line.includes('reboot') || !/ comment "enid:[\w-]+"$/.test(line))).toEqual([]);
  });

  it.each(families)('IPv%i: every rule that is not limited by protocol or peer says so in the model', async (family) => {
    await load(family);
    const groups = list(family)
      .split(/^\tchain /m)
      .filter((each) => /^sg-\w+\.in /.test(each));
    expect(groups.length).toBeGreaterThan(20);
    const open = groups.flatMap(rulesIn).filter((line) => /^(accept|return|goto|jump|meta mark|ct mark)/.test(line));
    // `-1` in the group with every sort of rule: from everywhere, and from a prefix list that says the same, which counts as a peer.
    expect(open.map((line) => line.split(' comment')[0])).toEqual(['goto ingress-anywhere', 'goto ingress-tracked']);
  });

  /** In nft's words, without the table's name: `$`. */
  const tampering: [string, (family: Family) => string][] = [
    ['a rule of somebody else at the top', () => 'insert rule $ forward accept'],
    ['a rule of somebody else in a chain of ours', () => 'insert rule $ egress return'],
    ['a rule of somebody else at the end', () => 'add rule $ forward accept'],
    ['a rule of somebody else that looks like ours', () => 'add rule $ forward accept comment "enid:0123456789abcdef"'],
    ['a rule that is gone', (family) => `delete rule $ forward handle ${lastRule(chain(family, 'forward')).handle}`],
    [
      'a rule that is in another place',
      (family) => {
        const { handle, words } = lastRule(chain(family, 'forward'));
        return `delete rule $ forward handle ${handle}; insert rule $ forward ${words}`;
      },
    ],
    ['a rule that is there twice', (family) => `add rule $ forward ${lastRule(chain(family, 'forward')).words}`],
    ['a chain that is emptied', () => 'flush chain $ egress'],
    ['a chain of somebody else', () => 'add chain $ foreign'],
    ['a chain of somebody else that the kernel calls', () => 'add chain $ foreign { type filter hook output priority 0; policy drop; }'],
    ['a chain of somebody else that a rule of ours leads to', () => 'add chain $ foreign; insert rule $ forward jump foreign'],
    ['another policy', () => 'add chain $ forward { policy accept; }'],
    ['the source check emptied', () => 'flush chain $ source-check'],
    ['all rules gone', () => 'flush table $'],
    [
      'a chain of ours made with another hook',
      () =>
        'flush chain $ prerouting; delete chain $ prerouting; add chain $ prerouting { type filter hook input priority 7; policy drop; }',
    ],
    [
      'a chain of ours that the kernel does not call any more',
      () => 'flush chain $ prerouting; delete chain $ prerouting; add chain $ prerouting',
    ],
    [
      'a table of somebody else',
      () => 'add table inet theirs; add chain inet theirs c { type filter hook forward priority -5; policy drop; }',
    ],
    ['a table of somebody else that has the name of ours', () => 'add table inet enid'],
    ['a table of somebody else that nobody uses now', () => 'add table ip enid2 { flags dormant; }'],
  ];
  const cases = tampering.flatMap(([name, change]) => families.map((family) => [name, family, change] as const));
  it.each(cases)('%s changes the fingerprint, and a load brings it back (IPv%i)', async (_name, family, change) => {
    await load(family);
    const held = members();
    nft(vpcId, change(family).replaceAll('$', tableOf(family).join(' ')));
    expect(read(family)).not.toBe(text(family).fingerprint);
    await load(family);
    expect(read(family)).toBe(text(family).fingerprint);
    expect(members()).toEqual(held);
    expect(nft(vpcId, 'list', 'tables').split('\n').sort()).toEqual(['table ip enid', 'table ip6 enid']);
    expect(rulesIn(list(family)).length).toBe(text(family).text.match(/^add rule /gm)?.length);
  });

  it.each(families)('rules of iptables are a table of somebody else (IPv%i)', async (family) => {
    await load(family);
    // Of whichever flavour is made of nft.
    const tool = family === 4 ? 'iptables-nft' : 'ip6tables-nft';
    expect(inNetns(vpcId, tool, '-I', 'FORWARD', '-j', 'ACCEPT')).toMatchObject({ exitCode: 0 });
    expect(read(family)).not.toBe(text(family).fingerprint);
    await load(family);
    expect(read(family)).toBe(text(family).fingerprint);
    expect(nft(vpcId, 'list', 'tables')).not.toContain('filter');
  });

  it.each(families)('a text that the kernel or the tool refuses leaves all as it was (IPv%i)', async (family) => {
    await load(family);
    const listed = list(family);
    const table = tableOf(family).join(' ');
    for (const [words, refusal] of [
      [`flush table ${table}\nadd rule ${table} forward ${tableOf(family)[0]} saddr @absent accept\n`, /absent/],
      [`flush table ${table}\nadd rule ${table} forward nonsense accept\n`, /nonsense/],
      [`flush table ${table}\nadd rule ${table} forward jump nowhere\n`, /nowhere|No such file/],
      [`${text(family).text}add rule ${table} forward tcp dport 99999 accept\n`, /99999/],
    ] as const) {
      await expect(load(family, words)).rejects.toMatchObject({ name: 'KernelError', message: expect.stringMatching(refusal) });
      expect(list(family)).toBe(listed);
      expect(read(family)).toBe(text(family).fingerprint);
    }
  });

  it.each(families)('removed: nothing is left of the family, twice, and the other is untouched (IPv%i)', async (family) => {
    const other = family === 4 ? 6 : 4;
    for (const each of families) await load(each);
    for (const _time of [1, 2]) removeRuleset(family, socket);
    expect(nft(vpcId, 'list', 'tables')).toBe(`table ${tableOf(other).join(' ')}`);
    expect(read(other)).toBe(text(other).fingerprint);
    // Without its sets there is nothing to load: it says which is missing.
    await expect(load(family)).rejects.toMatchObject({ message: expect.stringMatching(/own|drops|sg-/) });
    expect(nft(vpcId, 'list', 'tables')).toBe(`table ${tableOf(other).join(' ')}`);
    makeSets();
    await load(family);
    expect(read(family)).toBe(text(family).fingerprint);
  });
});

/** The rules that `nft list` shows, without indentation. */
function rulesIn(listing: string): string[] {
  const chains = listing.split(/^\tchain /m).slice(listing.startsWith('table') ? 1 : 0);
  return chains.flatMap((each) =>
    each
      .split('\n')
      .slice(1)
      .filter((line) => /^\t\t(?!type )\S/.test(line))
      .map((line) => line.trim()),
  );
}

/** Of `nft -a list chain`. */
function lastRule(lines: readonly string[]): { words: string; handle: string } {
  const [, words, handle] = /^\s*(.*) # handle (\d+)$/.exec(lines.filter((line) => line.includes('comment')).at(-1) ?? '') ?? [];
  if (words === undefined || handle === undefined) throw new Error(`no rule in ${lines.join('\n')}`);
  return { words, handle };
}
