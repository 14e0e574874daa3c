import type { Family } from '../kernel/port.js';
import { CONNMARK, MARK, SET } from '../kernel/resources.js';
import type { GroupCombination } from '../model/group-combination.js';
import type { SecurityGroup } from '../model/security-group.js';
import type { FirewallInputs } from './inputs.js';
import {
  ACCEPT,
  type Chain,
  connmarked,
  DROP,
  deviceInSet,
  goto,
  jump,
  marked,
  original,
  protocol,
  RETURN,
  type Rule,
  reply,
  rule,
  type Side,
  setConnmark,
  setMark,
  type Target,
  unmarked,
  WORD,
} from './ir.js';
import { joined, openProtocols, type Permission, permissionOf } from './permission.js';

/** What differs between the two stages. */
export interface Stage {
  readonly name: 'egress' | 'ingress';
  /** The device whose groups are asked. */
  readonly side: Side;
  /** Suffix of combination and group chains. */
  readonly suffix: 'out' | 'in';
  /** Connection mark: this side tracks the flow. And that of the stage that a reply undoes: the sender of a reply received the original. */
  readonly tracked: number;
  readonly trackedByOther: number;
  /** Where one connection may pass twice, an appliance in between: the packet mark of that passage, and its connection marks. */
  readonly transit?: { readonly mark: number; readonly tracked: number; readonly trackedByOther: number };
  /** Packet mark: the combination lets everything of the packet's protocol through in the other direction. */
  readonly openReturn: number;
  /** The first of a router's two stages, the second, or the only one that the packet passes at its place. */
  readonly place: 'first' | 'second' | 'only';
  /** What drops and counts. */
  readonly drop: (family: Family) => readonly Rule[];
}

export const counted = (set: string, side: Side): readonly Rule[] => [rule(DROP, deviceInSet(set, side)), rule(DROP)];

export const EGRESS: Stage = {
  name: 'egress',
  side: 'src',
  suffix: 'out',
  tracked: CONNMARK.egressTracked,
  trackedByOther: CONNMARK.ingressTracked,
  transit: {
    mark: MARK.transitSource,
    tracked: CONNMARK.transitEgressTracked,
    trackedByOther: CONNMARK.transitIngressTracked,
  },
  openReturn: MARK.egressOpenReturn,
  place: 'first',
  drop: (family) => counted(SET.egressDrops(family), 'src'),
};

export const INGRESS: Stage = {
  name: 'ingress',
  side: 'dst',
  suffix: 'in',
  tracked: CONNMARK.ingressTracked,
  trackedByOther: CONNMARK.egressTracked,
  transit: {
    mark: MARK.transitDestination,
    tracked: CONNMARK.transitIngressTracked,
    trackedByOther: CONNMARK.transitEgressTracked,
  },
  openReturn: MARK.ingressOpenReturn,
  place: 'second',
  drop: (family) => counted(SET.ingressDrops(family), 'dst'),
};

export const ROUTER_STAGES = [EGRESS, INGRESS] as const;

/**
 * The stages inside an instance, where its macvlan interfaces end: each direction has a hook of its own, and what the interface sends or
 * receives is either the instance's or forwarded by it as a flow of its own.
 */
export const INSTANCE_STAGES = {
  egress: { ...atInstance(EGRESS), side: 'dst' },
  ingress: { ...atInstance(INGRESS), side: 'src' },
} as const satisfies Record<Stage['name'], Stage>;

function atInstance({ transit: _, ...stage }: Stage): Stage {
  return { ...stage, place: 'only', drop: () => [rule(goto(`${stage.name}-drop`))] };
}

export function stageChains(stage: Stage, inputs: FirewallInputs, family: Family): Chain[] {
  const { name, suffix } = stage;
  const opposite = name === 'egress' ? 'ingress' : 'egress';
  const open = new Map([...inputs.groups].map(([id, { rules }]) => [id, openProtocols(rules, opposite, family)] as const));
  return [
    { name, rules: knownFlowRules(stage) },
    { name: `${name}-new`, rules: newFlowRules(stage, inputs.combinations) },
    { name: `${name}-tracked`, rules: trackedRules(stage) },
    { name: `${name}-untracked`, rules: untrackedRules(stage) },
    { name: `${name}-anywhere`, rules: [rule(goto(`${name}-tracked`), unmarked(stage.openReturn)), rule(goto(`${name}-untracked`))] },
    ...inputs.combinations.map((combination) => combinationChain(stage, combination, open, inputs, family)),
    ...[...inputs.groups.values()].map((group) => ({
      name: `${group.groupId}.${suffix}`,
      rules: groupRules(stage, group, inputs, family),
    })),
  ];
}

/** Where a packet goes that a stage lets through by the flow's history. */
function through({ name, place }: Stage): Target {
  if (place === 'first') return RETURN;
  return place === 'second' ? goto(`${name}-untracked`) : ACCEPT;
}

/** What a stage lets through and its side tracks. */
function trackedRules(stage: Stage): Rule[] {
  const passed = rule(setMark(MARK.egressPassed, MARK.egressPassed));
  if (stage.place === 'first') return [passed];
  const notBothFirst = MARK.notFirst | MARK.transitSource | MARK.transitDestination | MARK.egressUntracked;
  return [
    // Of a first packet nothing else can be in the connection mark.
    ...(stage.place === 'second' ? [rule(setConnmark(CONNMARK.both, WORD, 'accept'), unmarked(notBothFirst))] : []),
    ...markingRules(stage),
    rule(goto(`${stage.name}-untracked`)),
  ];
}

/** What a stage lets through and its side does not track; the second one's packets may be tracked by the first. */
function untrackedRules({ place }: Stage): Rule[] {
  const bits = MARK.egressPassed | MARK.egressUntracked;
  if (place === 'first') return [rule(setMark(bits, bits))];
  return [...(place === 'second' ? markingRules(EGRESS, MARK.egressUntracked) : []), rule(ACCEPT)];
}

/** Only packets of the original direction mark the flow: an answer to a flow that was cut must not revive it. */
function markingRules({ tracked, transit }: Stage, without = 0): Rule[] {
  if (!transit) return [rule(setConnmark(tracked, tracked), original)];
  return [
    rule(setConnmark(tracked, tracked), unmarked(without | transit.mark), original),
    rule(setConnmark(transit.tracked, transit.tracked), { kind: 'mark', value: transit.mark, mask: without | transit.mark }, original),
  ];
}

/** By the connection mark; a flow without any is not asked about each of its bits. */
function knownFlowRules(stage: Stage): Rule[] {
  const { name, transit, tracked, trackedByOther } = stage;
  const accept = through(stage);
  const atEnd = transit ? [unmarked(transit.mark)] : [];
  const unknown = goto(`${name}-new`);
  return [
    rule(unknown, { kind: 'connmark', value: 0, mask: CONNMARK.any }),
    rule(accept, ...atEnd, connmarked(tracked), original),
    ...(transit ? [rule(accept, marked(transit.mark), connmarked(transit.tracked), original)] : []),
    rule(accept, ...atEnd, connmarked(trackedByOther), reply),
    ...(transit ? [rule(accept, marked(transit.mark), connmarked(transit.trackedByOther), reply)] : []),
    rule(unknown),
  ];
}

export function newFlowRules({ name, side, suffix, transit, openReturn }: Stage, combinations: readonly GroupCombination[]): Rule[] {
  const chains = combinations.map(({ index }) => [index, `c${index}.${suffix}`] as const);
  return [
    // Into a router packets come without marks; a guest may have its own.
    ...(transit ? [] : [rule(setMark(0, openReturn))]),
    // A gateway's link has no groups.
    rule({ kind: 'dispatch', side, by: 'goto', chains: new Map([[0, `${name}-tracked`], ...chains]) }),
    rule(DROP),
  ];
}

/** `open`: by group, the protocols that are open in the other direction. Groups that do not exist have no chain. */
function combinationChain(
  stage: Stage,
  { index, groupIds }: GroupCombination,
  open: ReadonlyMap<string, readonly number[]>,
  inputs: FirewallInputs,
  family: Family,
): Chain {
  const name = `c${index}.${stage.suffix}`;
  // An interface that has no groups (a NAT gateway's) has a combination only for its subnet's network ACL, which was asked before.
  if (groupIds.length === 0) return { name, rules: [rule(goto(`${stage.name}-tracked`))] };
  const present = groupIds.flatMap((groupId) => inputs.groups.get(groupId) ?? []);
  const openReturn = [...new Set(present.flatMap(({ groupId }) => open.get(groupId) ?? []))];
  const permissions = new Map(present.map((group) => [group, permissionsOf(stage, group, inputs, family)]));
  // As most egress is: no other rule needs to be asked.
  if ([...permissions.values()].flat().some(isEverything)) {
    const untracked = openReturn.map((number) => rule(goto(`${stage.name}-untracked`), protocol(number)));
    return { name, rules: [...untracked, rule(goto(`${stage.name}-tracked`))] };
  }
  // Only what is open to all asks for this mark.
  const asks = [...permissions.values()].flat().some(({ anywhere }) => anywhere);
  const marks = asks ? openReturn.map((number) => rule(setMark(stage.openReturn, stage.openReturn), protocol(number))) : [];
  const steps = (group: SecurityGroup): number => Math.min(...(permissions.get(group) ?? []).map(({ matches }) => matches.length));
  // Where no order decides what is tracked, what asks least first.
  const ordered = asks ? present : [...present].sort((a, b) => (steps(a) < steps(b) ? -1 : steps(a) > steps(b) ? 1 : 0));
  const ask = ordered.flatMap(({ groupId }) => [
    rule(jump(`${groupId}.${stage.suffix}`)),
    ...(stage.place === 'first' ? [rule(RETURN, marked(MARK.egressPassed))] : []),
  ]);
  return {
    name,
    rules: [...marks, ...ask, ...stage.drop(family)],
  };
}

const isEverything = ({ anywhere, matches }: Permission): boolean => anywhere && matches.length === 0;

export function letsAllThrough(stage: Stage, group: SecurityGroup, inputs: FirewallInputs, family: Family): boolean {
  return permissionsOf(stage, group, inputs, family).some(isEverything);
}

/** What the group lets through at the stage. */
function permissionsOf({ name }: Stage, group: SecurityGroup, { prefixLists }: FirewallInputs, family: Family): Permission[] {
  return group.rules.flatMap((each) => (each.direction === name ? (permissionOf(each, family, prefixLists) ?? []) : []));
}

/** Goto, not jump: where the stage's last chain ends, the packet is back in the combination's chain. */
function groupRules(stage: Stage, group: SecurityGroup, inputs: FirewallInputs, family: Family): Rule[] {
  const permissions = joined(permissionsOf(stage, group, inputs, family));
  const asks = permissions.some(({ anywhere }) => anywhere);
  const ordered = asks ? permissions : [...permissions].sort((a, b) => a.matches.length - b.matches.length);
  return ordered.map(({ anywhere, matches }) => rule(goto(anywhere ? `${stage.name}-anywhere` : `${stage.name}-tracked`), ...matches));
}
