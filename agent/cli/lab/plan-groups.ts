import { peerText, portText } from '../output/views.js';
import type * as wire from '../wire.js';
import type { LabPlan } from './plan.js';
import { type Direction, type RuleSpec, ruleKey, type TrafficSpec } from './rule-text.js';
import { type Id, isRef, pathTo, type Template } from './steps.js';

interface WantedRule {
  readonly key: string;
  readonly direction: Direction;
  readonly body: { readonly [key: string]: Template | undefined };
  readonly description?: string;
  readonly text: string;
}

/** A rule that is there, with its id when the agent has given one. */
interface FoundRule {
  readonly key: string;
  readonly direction: Direction;
  readonly ruleId?: string;
  readonly body: Template;
  readonly description?: string;
  readonly text: string;
}

const EVERYTHING: TrafficSpec & { readonly direction: Direction } = { direction: 'egress', protocol: '-1' };

export function planGroups(plan: LabPlan): void {
  for (const [name, group] of plan.missing('groups')) {
    plan.create('create groups', 'groups', name, {
      vpcId: plan.id('vpcs', group.vpc),
      groupName: name,
      description: `${name} of lab ${plan.lab.lab}`,
    });
    planRules(plan, name, plan.id('groups', name), openEgress(plan, group.vpc));
  }
  for (const { name, found } of plan.kept('groups')) planRules(plan, name, found.groupId, found.rules.map(foundRule));
  planRemoval(plan);
}

/** Two groups that name each other can't be deleted one after the other before those rules are gone. */
function planRemoval(plan: LabPlan): void {
  const gone = plan.gone('groups');
  const goneIds = new Set(gone.map(([, group]) => group.groupId));
  for (const early of [true, false]) {
    const groups = gone.filter(([, group]) => plan.vpcGoes(group.vpcId) === early);
    const stage = early ? 'empty vpcs' : 'delete groups';
    for (const [name, group] of groups) {
      if (!early) plan.retire('groups', name, group.groupId);
      const links = group.rules.filter(({ peer }) => peer.kind === 'group' && peer.groupId !== group.groupId && goneIds.has(peer.groupId));
      revoke(plan, stage, name, group.groupId, links.map(foundRule));
    }
    for (const [name, group] of groups) plan.delete(stage, 'groups', name, group.groupId);
  }
}

function planRules(plan: LabPlan, name: string, groupId: Id, found: readonly FoundRule[]): void {
  const wanted = wantedRules(plan, name, groupId);
  const wantedKeys = new Map(wanted.map((rule) => [rule.key, rule]));
  const foundKeys = new Map(found.map((rule) => [rule.key, rule]));
  for (const direction of ['ingress', 'egress'] as const) {
    const rules = [...wantedKeys.values()].filter((rule) => rule.direction === direction && !foundKeys.has(rule.key));
    if (rules.length > 0)
      plan.change('authorize', 'groups', name, `permit ${rules.map((rule) => rule.text).join(', ')}`, {
        method: 'POST',
        path: pathTo('group', groupId, 'rules'),
        body: { direction, rules: rules.map((rule) => rule.body) },
      });
  }
  for (const rule of wanted) {
    const existing = foundKeys.get(rule.key);
    if (!existing || existing.description === rule.description || existing.ruleId === undefined) continue;
    plan.change('authorize', 'groups', name, `describe ${rule.text}`, {
      method: 'PATCH',
      path: pathTo('group', groupId, 'rules'),
      body: { ruleId: existing.ruleId, description: rule.description },
    });
  }
  revoke(
    plan,
    'revoke',
    name,
    groupId,
    found.filter((rule) => !wantedKeys.has(rule.key)),
  );
}

function revoke(
  plan: LabPlan,
  stage: 'revoke' | 'empty vpcs' | 'delete groups',
  name: string,
  groupId: Id,
  rules: readonly FoundRule[],
): void {
  for (const direction of ['ingress', 'egress'] as const) {
    const list = rules.filter((rule) => rule.direction === direction);
    const ids = list.flatMap((rule) => rule.ruleId ?? []);
    if (list.length === 0) continue;
    plan.change(stage, 'groups', name, `revoke ${list.map((rule) => rule.text).join(', ')}`, {
      method: 'DELETE',
      path: pathTo('group', groupId, 'rules'),
      body: ids.length === list.length ? { ruleIds: ids } : { direction, rules: list.map((rule) => rule.body) },
    });
  }
}

function wantedRules(plan: LabPlan, name: string, groupId: Id): WantedRule[] {
  const group = plan.lab.groups[name];
  if (!group) return [];
  const written = [...group.ingress, ...(group.egress ?? [])].flatMap(({ rules, description }) =>
    rules.map((rule) => wantedRule(plan, rule, groupId, description)),
  );
  return group.egress === undefined ? [...written, ...openEgress(plan, group.vpc)] : written;
}

function wantedRule(plan: LabPlan, rule: RuleSpec, groupId: Id, description: string | undefined): WantedRule {
  const { direction, protocol, fromPort, toPort, peer } = rule;
  const { template, key, text } = wantedPeer(plan, peer, groupId);
  return {
    key: ruleKey(rule, key),
    direction,
    body: { protocol, fromPort, toPort, peer: template, description },
    ...(description !== undefined && { description }),
    text: ruleTextOf(rule, text),
  };
}

function wantedPeer(plan: LabPlan, peer: RuleSpec['peer'], groupId: Id): { template: Template; key: string; text: string } {
  if (peer.kind === 'cidr') return { template: { cidr: peer.cidr }, key: peer.cidr, text: peer.cidr };
  if (peer.kind === 'cidr6') return { template: { cidr6: peer.cidr }, key: peer.cidr, text: peer.cidr };
  if (peer.kind === 'self') return { template: { self: true }, key: keyOfId(groupId), text: 'self' };
  const isList = peer.name in plan.lab.prefixLists;
  const id = plan.id(isList ? 'prefixLists' : 'groups', peer.name);
  return { template: isList ? { prefixListId: id } : { groupId: id }, key: keyOfId(id), text: peer.name };
}

const keyOfId = (id: Id): string => (isRef(id) ? id.$ref : id);

/** What a new group permits by itself: everything out. */
function openEgress(plan: LabPlan, vpc: string): (WantedRule & FoundRule)[] {
  const all = (peer: string, field: 'cidr' | 'cidr6') => ({
    key: ruleKey(EVERYTHING, peer),
    direction: EVERYTHING.direction,
    body: { protocol: EVERYTHING.protocol, peer: { [field]: peer } },
    text: ruleTextOf(EVERYTHING, peer),
  });
  const ipv4 = all('0.0.0.0/0', 'cidr');
  return plan.lab.vpcs[vpc]?.ipv6 === undefined ? [ipv4] : [ipv4, all('::/0', 'cidr6')];
}

function foundRule(rule: wire.Rule): FoundRule {
  const { ruleId, direction, description } = rule;
  const peer = peerText(rule.peer);
  return {
    key: ruleKey(rule, peer),
    direction,
    ruleId,
    body: null,
    ...(description !== undefined && { description }),
    text: ruleTextOf(rule, peer),
  };
}

function ruleTextOf(rule: TrafficSpec & { readonly direction: Direction }, peer: string): string {
  return `${portText(rule.protocol, rule.fromPort, rule.toPort)} ${rule.direction === 'ingress' ? 'from' : 'to'} ${peer}`;
}
