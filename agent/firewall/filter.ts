import type { Family } from '../kernel/port.js';
import { CONNMARK, FILTER_PRIORITY, GROUP_WORD, MARK, METADATA, SET } from '../kernel/resources.js';
import { familyOf, hostCidr } from '../model/address.js';
import type { GroupCombination } from '../model/group-combination.js';
import type { SecurityGroup } from '../model/security-group.js';
import { ACL_CHAIN, aclChains, hasAcls } from './acl.js';
import { flowLimitChains, flowLimitRules } from './flow-limit.js';
import type { FirewallInputs } from './inputs.js';
import {
  ACCEPT,
  type Chain,
  connmarked,
  DROP,
  deviceGroup,
  deviceInSet,
  goto,
  inSet,
  jump,
  marked,
  notInSet,
  original,
  PROTOCOL_NUMBER,
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

/**
 * Security groups. A packet has to pass two stages: the groups of the interface that sends it (`egress`), then those of the
 * one that receives it (`ingress`). In each, a side that tracks the flow lets it through by the connection mark; otherwise the chain
 * of the interface's combination asks the chain of each of its groups. Stages follow each other in FORWARD, and no chain of
 * the first leads into the second: the kernel walks every path through the chains when rules are loaded.
 */
export function filterChains(inputs: FirewallInputs, family: Family, flows: number): Chain[] {
  return [
    { name: 'input', hook: { at: 'input', priority: FILTER_PRIORITY, policy: 'drop' }, rules: inputRules(family) },
    { name: 'forward', hook: { at: 'forward', priority: FILTER_PRIORITY, policy: 'drop' }, rules: forwardRules(inputs, family) },
    { name: FIRST_CHAIN, rules: firstPacketRules(inputs, family, flows) },
    destinationCheck(family),
    ...knownChains(inputs),
    ...(flows > 0 ? flowLimitChains(family, flows) : []),
    ...aclChains(inputs, family),
    ...ROUTER_STAGES.flatMap((stage) => stageChains(stage, inputs, family)),
  ];
}

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
  /** Whether another stage has yet to be passed. */
  readonly isFirst: boolean;
  /** What drops and counts. */
  readonly drop: (family: Family) => readonly Rule[];
}

const counted = (set: string, side: Side): readonly Rule[] => [rule(DROP, deviceInSet(set, side)), rule(DROP)];

const EGRESS: Stage = {
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
  isFirst: true,
  drop: (family) => counted(SET.egressDrops(family), 'src'),
};

const INGRESS: Stage = {
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
  isFirst: false,
  drop: (family) => counted(SET.ingressDrops(family), 'dst'),
};

const ROUTER_STAGES = [EGRESS, INGRESS] as const;

/**
 * The stages inside an instance, where its macvlan interfaces end: each direction has a hook of its own, and what the interface sends or
 * receives is either the instance's or forwarded by it as a flow of its own.
 */
export const INSTANCE_STAGES = {
  egress: { ...atInstance(EGRESS), side: 'dst' },
  ingress: { ...atInstance(INGRESS), side: 'src' },
} as const satisfies Record<Stage['name'], Stage>;

function atInstance({ transit: _, ...stage }: Stage): Stage {
  return { ...stage, isFirst: false, drop: () => [rule(goto(`${stage.name}-drop`))] };
}

const DNS_PORT = 53;

/**
 * To the router itself: answers, pings, the neighbour protocol, and questions to the resolver and to the metadata service, which no group
 * or ACL is asked about. The metadata service knows its caller by the address, so only an interface's own ones get there, source check or not. What the router has no use for is counted as
 * what the interface's own egress rules drop.
 */
function inputRules(family: Family): Rule[] {
  const icmp = icmpOf(family);
  const types = family === 4 ? [8] : [128, 133, 134, 135, 136];
  return [
    rule(ACCEPT, { kind: 'ctState', states: ['ESTABLISHED', 'RELATED'] }),
    ...types.map((type) => rule(ACCEPT, { kind: 'protocol', number: icmp, icmp: { type } })),
    ...[PROTOCOL_NUMBER.udp, PROTOCOL_NUMBER.tcp].map((number) =>
      rule(ACCEPT, { kind: 'protocol', number, ports: [{ from: DNS_PORT, to: DNS_PORT }] }),
    ),
    rule(
      ACCEPT,
      { kind: 'address', side: 'dst', cidr: hostCidr(METADATA.address[family]) },
      { kind: 'protocol', number: PROTOCOL_NUMBER.tcp, ports: [{ from: METADATA.port, to: METADATA.port }] },
      inSet(SET.own(family), 'src,src'),
    ),
    ...counted(SET.egressDrops(family), 'src'),
  ];
}

/**
 * Most packets first: those of flows that both ends track, with nobody in between, on their way to an address of the VPC by table main, which has no
 * other routes there than those of the interfaces' own addresses: no look-up is needed to tell that the destination is the device's.
 * Network ACLs stand between the groups of the sender and those of the receiver, and before whatever accepts by the flow's history.
 */
function forwardRules(inputs: FirewallInputs, family: Family): Rule[] {
  const acls = hasAcls(inputs);
  const accept = acls ? goto(KNOWN_CHAIN) : ACCEPT;
  const tracked = connmarked(CONNMARK.both);
  const elsewhere = inputs.markedTables.length > 0;
  const ranges = elsewhere ? inputs.ranges.filter((range) => familyOf(range) === family) : [];
  return [
    // Whole words: one step less for the kernel than a look at some of their bits.
    rule(accept, { kind: 'mark', value: 0, mask: WORD }, { kind: 'connmark', value: CONNMARK.both, mask: WORD }),
    rule(goto(FIRST_CHAIN), { kind: 'unconfirmed' }),
    ...ranges.map((cidr) => rule(accept, { kind: 'address', side: 'dst', cidr }, unmarked(MARK.withinVpc | MARK.transitSource), tracked)),
    rule(jump('dest-check'), notInSet(SET.own(family), 'dst,dst')),
    rule(accept, unmarked(MARK.transitSource | MARK.transitDestination), tracked),
    // There are no helpers of connection tracking: nothing else is related.
    rule(accept, protocol(icmpOf(family)), { kind: 'ctState', states: ['RELATED'] }),
    rule(jump('egress')),
    ...(acls ? [rule(jump(ACL_CHAIN))] : []),
    rule(goto('ingress')),
  ];
}

/** First packets of flows: there is no history to ask about. */
const FIRST_CHAIN = 'first';

function firstPacketRules(inputs: FirewallInputs, family: Family, flows: number): Rule[] {
  return [
    rule(jump('dest-check'), notInSet(SET.own(family), 'dst,dst')),
    ...(flows > 0 ? flowLimitRules(family, flows) : []),
    rule(jump('egress-new')),
    ...(hasAcls(inputs) ? [rule(jump(ACL_CHAIN))] : []),
    rule(goto('ingress-new')),
  ];
}

/** Where there are network ACLs: what the groups need not be asked about. */
const KNOWN_CHAIN = 'known';

function knownChains(inputs: FirewallInputs): Chain[] {
  return hasAcls(inputs) ? [{ name: KNOWN_CHAIN, rules: [rule(jump(ACL_CHAIN)), rule(ACCEPT)] }] : [];
}

function destinationCheck(family: Family): Chain {
  const transit = MARK.transitDestination;
  const rules = [
    rule(RETURN, deviceGroup('dst', 0, GROUP_WORD.combinationMask)),
    rule(setMark(transit, transit), deviceGroup('dst', 0, GROUP_WORD.checkMask)),
    rule(RETURN, marked(transit)),
    rule(DROP, deviceInSet(SET.destinationCheckDrops(family), 'dst')),
    rule(DROP),
  ];
  return { name: 'dest-check', rules };
}

const icmpOf = (family: Family): number => (family === 4 ? PROTOCOL_NUMBER.icmp : PROTOCOL_NUMBER.icmpv6);

export function stageChains(stage: Stage, inputs: FirewallInputs, family: Family): Chain[] {
  const { name, suffix } = stage;
  const pass = stage.isFirst ? [rule(setMark(MARK.egressPassed, MARK.egressPassed))] : [rule(ACCEPT)];
  const opposite = name === 'egress' ? 'ingress' : 'egress';
  const open = new Map([...inputs.groups].map(([id, { rules }]) => [id, openProtocols(rules, opposite, family)] as const));
  return [
    { name, rules: knownFlowRules(stage) },
    { name: `${name}-new`, rules: newFlowRules(stage, inputs.combinations) },
    { name: `${name}-tracked`, rules: [...trackingRules(stage), ...pass] },
    { name: `${name}-anywhere`, rules: [rule(goto(`${name}-tracked`), unmarked(stage.openReturn)), ...pass] },
    { name: `${name}-open`, rules: [...trackingRules(stage), rule(through(stage))] },
    ...inputs.combinations.map((combination) => combinationChain(stage, combination, open, inputs, family)),
    ...[...inputs.groups.values()].map((group) => ({
      name: `${group.groupId}.${suffix}`,
      rules: groupRules(stage, group, inputs, family),
    })),
  ];
}

/** Where a packet goes that a stage lets through. */
const through = ({ isFirst }: Stage): Target => (isFirst ? RETURN : ACCEPT);

/** Only packets of the original direction mark the flow: an answer to a flow that was cut must not revive it. */
function trackingRules({ tracked, transit }: Stage): Rule[] {
  return [
    rule(setConnmark(tracked, tracked), ...(transit ? [unmarked(transit.mark)] : []), original),
    ...(transit ? [rule(setConnmark(transit.tracked, transit.tracked), marked(transit.mark), original)] : []),
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

function newFlowRules({ name, side, suffix, transit, openReturn }: Stage, combinations: readonly GroupCombination[]): Rule[] {
  // A gateway's link has no groups.
  const chains = new Map([[0, `${name}-open`], ...combinations.map(({ index }) => [index, `c${index}.${suffix}`] as const)]);
  return [
    // Into a router packets come without marks; a guest may have its own.
    ...(transit ? [] : [rule(setMark(0, openReturn))]),
    rule({ kind: 'dispatch', side, by: 'goto', chains }),
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
  if (groupIds.length === 0) return { name, rules: [rule(goto(`${stage.name}-open`))] };
  const present = groupIds.flatMap((groupId) => inputs.groups.get(groupId) ?? []);
  const openReturn = [...new Set(present.flatMap(({ groupId }) => open.get(groupId) ?? []))];
  // As most egress is: no other rule needs to be asked.
  if (present.some((group) => letsAllThrough(stage, group, inputs, family)))
    return { name, rules: [...openReturn.map((number) => rule(through(stage), protocol(number))), rule(goto(`${stage.name}-open`))] };
  // Only what is open to all asks for this mark.
  const asks = present.some((group) => permissionsOf(stage, group, inputs, family).some(({ anywhere }) => anywhere));
  const marks = asks ? openReturn.map((number) => rule(setMark(stage.openReturn, stage.openReturn), protocol(number))) : [];
  const ask = present.flatMap(({ groupId }) => [
    rule(jump(`${groupId}.${stage.suffix}`)),
    ...(stage.isFirst ? [rule(RETURN, marked(MARK.egressPassed))] : []),
  ]);
  return {
    name,
    rules: [...marks, ...ask, ...stage.drop(family)],
  };
}

function letsAllThrough(stage: Stage, group: SecurityGroup, inputs: FirewallInputs, family: Family): boolean {
  return permissionsOf(stage, group, inputs, family).some(({ anywhere, matches }) => anywhere && matches.length === 0);
}

/** What the group lets through at the stage. */
function permissionsOf({ name }: Stage, group: SecurityGroup, { prefixLists }: FirewallInputs, family: Family): Permission[] {
  return group.rules.flatMap((each) => (each.direction === name ? (permissionOf(each, family, prefixLists) ?? []) : []));
}

/** Goto, not jump: where the stage's last chain ends, the packet is back in the combination's chain. */
function groupRules(stage: Stage, group: SecurityGroup, inputs: FirewallInputs, family: Family): Rule[] {
  return joined(permissionsOf(stage, group, inputs, family)).map(({ anywhere, matches }) =>
    rule(goto(anywhere ? `${stage.name}-anywhere` : `${stage.name}-tracked`), ...matches),
  );
}
