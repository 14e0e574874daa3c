import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileRuleset } from '../../agent/firewall/compile.js';
import { render } from '../../agent/firewall/render.js';
import { fingerprint } from '../../agent/firewall/scan.js';
import type { Family, KernelObject } from '../../agent/kernel/port.js';
import { planUnit } from '../../agent/planner/plan.js';
import { egress, ingress, openEgress, permission, routeTo, SETTINGS, WorldBuilder } from '../support/builders.js';

/** The rules as the real tools and the kernel take them. Runs in the test process's own network namespace. */

const tool = (family: Family) => (family === 4 ? 'iptables' : 'ip6tables');
const restore = (family: Family, text: string) => execFileSync(`${tool(family)}-restore`, { input: text, stdio: ['pipe', 'pipe', 'pipe'] });
const save = (family: Family) => execFileSync(`${tool(family)}-save`, { encoding: 'utf8' });
const families: Family[] = [4, 6];

/** A VPC whose groups have every sort of rule. */
function everything() {
  const world = new WorldBuilder();
  const vpc = world.vpc({ ipv6Range: 'fd00:1::/56' });
  const subnet = world.subnet(vpc, '10.0.1.0/24', { ipv6Range: 'fd00:1::/64' });
  const list4 = world.prefixList(['0.0.0.0/0', '192.0.2.0/24', '192.0.2.1/32']);
  const list6 = world.prefixList(['::/0', '2001:db8::/32'], { family: 6 });
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
    ...['0.0.0.0/0', '::/0', '10.9.8.7/32', 'fd00::7/128', peer, list4, list6].flatMap((from) => [
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
    // None of these may reach the tools as "everything".
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

function makeSets(objects: readonly KernelObject[]): void {
  const lines = objects.flatMap((object) => {
    if (object.kind === 'member') return [`add ${object.set} ${object.entry}`];
    if (object.kind !== 'set') return [];
    const options = object.type === 'list:set' ? 'size 128' : `family ${object.family === 4 ? 'inet' : 'inet6'}`;
    return [`create ${object.name} ${object.type} ${options}${object.counters ? ' counters' : ''}`];
  });
  execFileSync('ipset', ['restore'], { input: `${lines.join('\n')}\n` });
}

describe.runIf(process.getuid?.() === 0)('rules on the real kernel', () => {
  const { snapshot, vpcId } = everything();
  const text = (family: Family) => render(compileRuleset(snapshot, vpcId, family));

  beforeAll(() => makeSets(planUnit(snapshot, SETTINGS, vpcId)));

  it.each(families)('IPv%i: what is saved has the fingerprint of what was restored', (family) => {
    restore(family, text(family));
    expect(fingerprint(save(family))).toBe(fingerprint(text(family)));
    // And again over itself: a restore replaces.
    restore(family, text(family));
    expect(fingerprint(save(family))).toBe(fingerprint(text(family)));
  });

  it.each(families)('IPv%i: nothing of a description gets into the rules', (family) => {
    restore(family, text(family));
    expect(text(family)).not.toContain('reboot');
    expect(save(family)).not.toMatch(/reboot|-A FORWARD (?!.*enid:)/);
  });

  it.each(families)('IPv%i: every rule that is not limited by protocol or peer says so in the model', (family) => {
    restore(family, text(family));
    const rules = save(family).split('\n');
    const open = rules.filter((line) => /^-A sg-\S+\.in -m comment --comment "[^"]*" -g/.test(line));
    // `-1` from everywhere, once in the group with every sort of rule.
    expect(open).toHaveLength(1);
  });

  const tampering: [string, (family: Family) => string[]][] = [
    ['a rule of somebody else at the top', () => ['-I', 'FORWARD', '-j', 'ACCEPT']],
    ['a rule of somebody else in a chain of ours', () => ['-I', 'egress', '-j', 'RETURN']],
    ['a rule that is gone', () => ['-D', 'FORWARD', '5']],
    ['a chain that is emptied', () => ['-F', 'egress']],
    ['a chain of somebody else', () => ['-N', 'foreign']],
    ['another policy', () => ['-P', 'FORWARD', 'ACCEPT']],
    ['a rule in another table', () => ['-t', 'raw', '-F', 'source-check']],
    ['output closed', () => ['-P', 'OUTPUT', 'DROP']],
  ];
  it.each(tampering.flatMap(([name, change]) => families.map((family) => [name, family, change] as const)))(
    '%s changes the fingerprint, and a restore brings it back (IPv%i)',
    (_name, family, change) => {
      restore(family, text(family));
      execFileSync(tool(family), change(family));
      expect(fingerprint(save(family))).not.toBe(fingerprint(text(family)));
      restore(family, text(family));
      expect(fingerprint(save(family))).toBe(fingerprint(text(family)));
    },
  );

  it('rules in tables that are not ours do not matter', () => {
    restore(4, text(4));
    execFileSync('iptables', ['-t', 'nat', '-A', 'POSTROUTING', '-j', 'RETURN']);
    expect(fingerprint(save(4))).toBe(fingerprint(text(4)));
  });
});
