import { describe, expect, it } from 'vitest';
import { compileRuleset } from '../../../agent/firewall/compile.js';
import { chainsFingerprint, render } from '../../../agent/firewall/render.js';
import { vpcFirewall } from '../../../agent/firewall/ruleset.js';
import { planUnit } from '../../../agent/planner/plan.js';
import { egress, ingress, openEgress, routeTo, SETTINGS, WorldBuilder } from '../../support/builders.js';
import { allRules } from '../../support/packet-filter.js';

/** A VPC as it comes, with one interface. */
function plain() {
  const world = new WorldBuilder();
  const vpc = world.vpc();
  world.networkInterface(world.subnet(vpc), '10.0.1.10');
  return { world, vpc };
}

/** Web servers before a database, a bastion, and a NAT instance in a route table. */
function tiers() {
  const world = new WorldBuilder();
  const vpc = world.vpc({ ipv6Range: 'fd00:1::/56' });
  const subnet = world.subnet(vpc);
  const office = world.prefixList(['192.0.2.0/24']);
  const web = world.group(vpc, [ingress('tcp', '0.0.0.0/0', 443), ingress('tcp', '::/0', 443), ...openEgress()]);
  const db = world.group(vpc, [ingress('tcp', web, 5432), egress('udp', '10.0.0.2/32', 53)]);
  const ssh = world.group(vpc, [
    ingress('tcp', office, 22),
    ingress('icmp', '10.0.0.0/16', [8, -1]),
    ingress('icmpv6', 'fd00:1::/56', [128, 0]),
  ]);
  world.networkInterface(subnet, '10.0.1.10', { groups: [web, ssh] });
  world.networkInterface(subnet, '10.0.1.11', { groups: [db] });
  const nat = world.networkInterface(subnet, '10.0.1.12', { groups: [web] });
  world.routeTable(vpc, { subnets: [subnet], routes: [routeTo('0.0.0.0/0', nat)] });
  return { world, vpc };
}

describe('rule texts', () => {
  it.each([
    ['a VPC as it comes, IPv4', plain, 4, 'default.4.rules'],
    ['tiers, IPv4', tiers, 4, 'tiers.4.rules'],
    ['tiers, IPv6', tiers, 6, 'tiers.6.rules'],
  ] as const)('%s', async (_name, build, family, file) => {
    const { world, vpc } = build();
    await expect(render(compileRuleset(world.snapshot(), vpc.vpcId, family)).text).toMatchFileSnapshot(`../../golden/${file}`);
  });

  it.each([4, 6] as const)('that limit flows, IPv%s', async (family) => {
    const { world, vpc } = plain();
    await expect(render(compileRuleset(world.snapshot(), vpc.vpcId, family, 16_384)).text).toMatchFileSnapshot(
      `../../golden/flows.${family}.rules`,
    );
  });

  it('do not depend on how many interfaces there are', () => {
    const { world, vpc } = tiers();
    const before = render(compileRuleset(world.snapshot(), vpc.vpcId, 4));
    const [subnet] = world.snapshot().by('subnet', 'vpcId', vpc.vpcId);
    const [group] = world.snapshot().by('groupCombination', 'vpcId', vpc.vpcId);
    const groups = group?.groupIds.map((id) => world.must('securityGroup', id)) ?? [];
    if (subnet) for (let i = 20; i < 200; i++) world.networkInterface(subnet, `10.0.1.${i}`, { groups, to: world.instance(vpc) });
    expect(render(compileRuleset(world.snapshot(), vpc.vpcId, 4))).toEqual(before);
  });

  it('lead only to chains that are there, and ask only sets that the plan has', () => {
    const { world, vpc } = tiers();
    const [subnet] = world.snapshot().by('subnet', 'vpcId', vpc.vpcId);
    if (subnet) world.networkInterface(subnet, '10.0.1.13', { to: world.instance(vpc) });
    const snapshot = world.snapshot();
    const planned = planUnit(snapshot, SETTINGS, vpc.vpcId);
    const sets = new Set(planned.flatMap((object) => (object.kind === 'set' ? [object.name] : [])));
    for (const family of [4, 6] as const) {
      const ruleset = compileRuleset(snapshot, vpc.vpcId, family, 1000);
      const chains = new Set(ruleset.chains.map(({ name }) => name));
      for (const { rule } of allRules(ruleset)) {
        const { target } = rule;
        for (const match of rule.matches) if ('set' in match) expect(sets).toContain(match.set);
        if (target.kind === 'jump' || target.kind === 'goto') expect(chains).toContain(target.chain);
        if (target.kind === 'dispatch') for (const chain of target.chains.values()) expect(chains).toContain(chain);
      }
    }
  });

  it('have a comment with their hash', () => {
    const { world, vpc } = tiers();
    const { text } = render(compileRuleset(world.snapshot(), vpc.vpcId, 4));
    const rules = text.split('\n').filter((line) => line.startsWith('add rule'));
    expect(rules.length).toBeGreaterThan(20);
    for (const line of rules) expect(line).toMatch(/ comment "enid:[0-9a-f]{16}"$/);
  });
});

describe('fingerprint', () => {
  const { world, vpc } = tiers();
  const chains = [
    { name: 'forward', hook: 'forward 0 drop', comments: ['enid:1', 'enid:2'] },
    { name: 'egress', hook: '', comments: ['enid:3'] },
  ] as const;
  const [forward, egressChain] = chains;

  it('does not depend on the order in which chains are listed', () => {
    expect(chainsFingerprint([egressChain, forward])).toBe(chainsFingerprint(chains));
  });

  it.each([
    ['a rule is missing', [{ ...forward, comments: ['enid:1'] }, egressChain]],
    ['two rules have changed places', [{ ...forward, comments: ['enid:2', 'enid:1'] }, egressChain]],
    ['a rule is there twice', [{ ...forward, comments: ['enid:1', 'enid:1', 'enid:2'] }, egressChain]],
    ['a rule without comment was added', [{ ...forward, comments: ['enid:1', '', 'enid:2'] }, egressChain]],
    ['a chain was added', [...chains, { name: 'x', hook: '', comments: [] }]],
    ['a chain is gone', [forward]],
    ['a policy is another', [{ ...forward, hook: 'forward 0 accept' }, egressChain]],
    ['a priority is another', [{ ...forward, hook: 'forward 1 drop' }, egressChain]],
    ['nothing is there', []],
  ])('changes when %s', (_name, changed) => {
    expect(chainsFingerprint(changed)).not.toBe(chainsFingerprint(chains));
  });

  it('changes with every part of a rule', () => {
    const [db] = world
      .snapshot()
      .all('securityGroup')
      .filter((group) => group.rules.some((rule) => rule.fromPort === 5432));
    if (!db) throw new TypeError('no group');
    const texts = [
      db.rules,
      db.rules.map((rule) => (rule.fromPort === 5432 ? { ...rule, fromPort: 5431 } : rule)),
      db.rules.map((rule) => (rule.fromPort === 5432 ? { ...rule, protocol: 'udp' } : rule)),
      db.rules.slice(1),
    ].map((rules) => {
      world.put('securityGroup', { ...db, rules });
      return render(compileRuleset(world.snapshot(), vpc.vpcId, 4)).fingerprint;
    });
    expect(new Set(texts).size).toBe(texts.length);
  });
});

describe('memory', () => {
  it('gives the same result as long as nothing that matters changed', () => {
    const { world, vpc } = tiers();
    const first = vpcFirewall(world.snapshot(), vpc);
    world.instance(vpc);
    expect(vpcFirewall(world.snapshot(), vpc)).toBe(first);
  });

  it.each([
    [
      'a group',
      (world: WorldBuilder) =>
        world.put('securityGroup', {
          ...(world
            .snapshot()
            .all('securityGroup')
            .find((g) => g.rules.some((r) => r.fromPort === 443)) as never as object),
          rules: [],
        } as never),
    ],
    ['a combination', (world: WorldBuilder) => world.combination(world.snapshot().all('vpc')[0]?.vpcId as never, [])],
    ['a prefix list', (world: WorldBuilder) => world.prefixList([])],
    ['a route table', (world: WorldBuilder) => world.routeTable(world.snapshot().all('vpc')[0] as never)],
  ])('compiles anew when %s changed', (_name, change) => {
    const { world, vpc } = tiers();
    const first = vpcFirewall(world.snapshot(), vpc);
    change(world);
    expect(vpcFirewall(world.snapshot(), vpc)).not.toBe(first);
  });
});
