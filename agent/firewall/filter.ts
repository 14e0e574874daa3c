import type { Family } from '../kernel/port.js';
import { CONNMARK, GROUP_WORD, MARK, METADATA, SET } from '../kernel/resources.js';
import { familyOf, hostCidr } from '../model/address.js';
import type { GroupCombination } from '../model/group-combination.js';
import type { SecurityGroup, SecurityGroupRule } from '../model/security-group.js';
import { ACL_CHAIN, aclChains, hasAcls } from './acl.js';
import { bucketGroup, bucketsOf, combinationGroup } from './dispatch.js';
import { countedDrops, flowLimitChains, flowLimitRules } from './flow-limit.js';
import type { FirewallInputs } from './inputs.js';
import {
  ACCEPT,
  addressAndDevice,
  type Chain,
  connmarked,
  DROP,
  deviceGroup,
  goto,
  inSet,
  isInterface,
  jump,
  type Match,
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
  type TableRules,
  unmarked,
} from './ir.js';
import { openProtocols, permissionOf } from './permission.js';

/**
 * Security groups. A packet has to pass two stages: the groups of the interface that sends it (`egress`), then those of the
 * one that receives it (`ingress`). In each, a side that tracks the flow lets it through by the connection mark; otherwise the chain
 * of the interface's combination asks the chain of each of its groups. Stages follow each other in FORWARD, and no chain of
 * the first leads into the second: the kernel walks every path through the chains when rules are loaded.
 */
export function filterTable(inputs: FirewallInputs, family: Family, flows: number): TableRules {
  return {
    name: 'filter',
    chains: [
      { name: 'INPUT', policy: 'DROP', rules: inputRules(family) },
      { name: 'FORWARD', policy: 'DROP', rules: forwardRules(inputs, family, flows) },
      { name: 'OUTPUT', policy: 'ACCEPT', rules: [] },
      destinationCheck(family),
      ...knownChains(inputs),
      ...(flows > 0 ? flowLimitChains(flows, family) : []),
      ...aclChains(inputs, family),
      ...ROUTER_STAGES.flatMap((stage) => stageChains(stage, inputs, family)),
    ],
  };
}

/** What differs between the two stages. */
export interface Stage {
  readonly name: 'egress' | 'ingress';
  /** The device whose groups are asked. */
  readonly side: Side;
  /** Suffix of combination and group chains, initial of bucket chains. */
  readonly suffix: 'out' | 'in';
  readonly bucket: 'eb' | 'ib';
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

const counted = (set: string, side: Side): readonly Rule[] => [rule(DROP, inSet(set, addressAndDevice(side))), rule(DROP)];

const EGRESS: Stage = {
  name: 'egress',
  side: 'src',
  suffix: 'out',
  bucket: 'eb',
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
  bucket: 'ib',
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
      rule(ACCEPT, { kind: 'protocol', number, ports: { from: DNS_PORT, to: DNS_PORT } }),
    ),
    rule(
      ACCEPT,
      { kind: 'address', side: 'dst', cidr: hostCidr(METADATA.address[family]) },
      { kind: 'protocol', number: PROTOCOL_NUMBER.tcp, ports: { from: METADATA.port, to: METADATA.port } },
      inSet(SET.own(family), 'src,src'),
    ),
    ...countedDrops(family),
  ];
}

/**
 * Most packets first: those of flows that both ends track, with nobody in between, on their way to an address of the VPC by table main, which has no
 * other routes there than those of the interfaces' own addresses: no look-up is needed to tell that the destination is the device's.
 * Network ACLs stand between the groups of the sender and those of the receiver, and before whatever accepts by the flow's history.
 */
function forwardRules(inputs: FirewallInputs, family: Family, flows: number): Rule[] {
  const acls = hasAcls(inputs);
  const accept = acls ? goto(KNOWN_CHAIN) : ACCEPT;
  const tracked = connmarked(CONNMARK.both);
  const elsewhere = inputs.markedTables.length > 0;
  const ranges = elsewhere ? inputs.ranges.filter((range) => familyOf(range) === family) : [];
  return [
    rule(accept, unmarked(MARK.routeTableMask | MARK.transitSource), tracked),
    ...ranges.map((cidr) => rule(accept, { kind: 'address', side: 'dst', cidr }, unmarked(MARK.withinVpc | MARK.transitSource), tracked)),
    rule(jump('dest-check'), isInterface('dst'), notInSet(SET.own(family), 'dst,dst')),
    rule(accept, unmarked(MARK.transitSource | MARK.transitDestination), tracked),
    // There are no helpers of connection tracking: nothing else is related.
    rule(accept, protocol(icmpOf(family)), { kind: 'ctState', states: ['RELATED'] }),
    ...(flows > 0 ? flowLimitRules() : []),
    rule(jump('egress')),
    ...(acls ? [rule(jump(ACL_CHAIN))] : []),
    rule(jump('ingress')),
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
    rule(setMark(transit, transit), deviceGroup('dst', 0, GROUP_WORD.checkMask)),
    rule(RETURN, marked(transit)),
    rule(DROP, inSet(SET.destinationCheckDrops(family), 'dst,dst')),
    rule(DROP),
  ];
  return { name: 'dest-check', rules };
}

const icmpOf = (family: Family): number => (family === 4 ? PROTOCOL_NUMBER.icmp : PROTOCOL_NUMBER.icmpv6);

export function stageChains(stage: Stage, inputs: FirewallInputs, family: Family): Chain[] {
  const { name, suffix, tracked, transit } = stage;
  const pass = stage.isFirst ? [rule(setMark(MARK.egressPassed, MARK.egressPassed))] : [rule(ACCEPT)];
  const opposite = name === 'egress' ? 'ingress' : 'egress';
  const open = new Map([...inputs.groups].map(([id, { rules }]) => [id, openProtocols(rules, opposite, family)] as const));
  const buckets = bucketsOf(inputs.combinations);
  return [
    { name, rules: knownFlowRules(stage) },
    { name: `${name}-new`, rules: newFlowRules(stage, [...buckets.keys()]) },
    {
      // Only packets of the original direction mark the flow: an answer to a flow that was cut must not revive it.
      name: `${name}-tracked`,
      rules: [
        rule(setConnmark(tracked, tracked), ...(transit ? [unmarked(transit.mark)] : []), original),
        ...(transit ? [rule(setConnmark(transit.tracked, transit.tracked), marked(transit.mark), original)] : []),
        ...pass,
      ],
    },
    { name: `${name}-anywhere`, rules: [rule(goto(`${name}-tracked`), unmarked(stage.openReturn)), ...pass] },
    ...[...buckets].map(([bucket, combinations]) => bucketChain(stage, bucket, combinations)),
    ...inputs.combinations.map((combination) => combinationChain(stage, combination, open, family)),
    ...[...inputs.groups.values()].map((group) => ({
      name: `${group.groupId}.${suffix}`,
      rules: groupRules(stage, group, inputs, family),
    })),
  ];
}

/** By the connection mark; a flow without any is not asked about each of its bits. */
function knownFlowRules({ name, transit, tracked, trackedByOther, isFirst }: Stage): Rule[] {
  const through = isFirst ? RETURN : ACCEPT;
  const atEnd = transit ? [unmarked(transit.mark)] : [];
  const unknown = goto(`${name}-new`);
  return [
    rule(unknown, { kind: 'connmark', value: 0, mask: CONNMARK.any }),
    rule(through, ...atEnd, connmarked(tracked), original),
    ...(transit ? [rule(through, marked(transit.mark), connmarked(transit.tracked), original)] : []),
    rule(through, ...atEnd, connmarked(trackedByOther), reply),
    ...(transit ? [rule(through, marked(transit.mark), connmarked(transit.trackedByOther), reply)] : []),
    rule(unknown),
  ];
}

function newFlowRules({ name, side, transit, bucket, openReturn }: Stage, buckets: readonly number[]): Rule[] {
  return [
    // A gateway's link has no groups.
    rule(goto(`${name}-tracked`), deviceGroup(side, 0, GROUP_WORD.combinationMask)),
    // Into a router packets come without marks; a guest may have its own.
    ...(transit ? [] : [rule(setMark(0, openReturn))]),
    ...buckets.map((number) => rule(goto(`${bucket}${number}`), bucketGroup(side, number))),
    rule(DROP),
  ];
}

function bucketChain({ side, suffix, bucket }: Stage, number: number, combinations: readonly GroupCombination[]): Chain {
  const dispatch = combinations.map(({ index }) => rule(goto(`c${index}.${suffix}`), combinationGroup(side, index)));
  return { name: `${bucket}${number}`, rules: [...dispatch, rule(DROP)] };
}

/** `openReturn`: by group, the protocols that are open in the other direction. Groups that do not exist have no chain. */
function combinationChain(
  stage: Stage,
  { index, groupIds }: GroupCombination,
  openReturn: ReadonlyMap<string, readonly number[]>,
  family: Family,
): Chain {
  const name = `c${index}.${stage.suffix}`;
  // An interface that has no groups (a NAT gateway's) has a combination only for its subnet's network ACL, which was asked before.
  if (groupIds.length === 0) return { name, rules: [rule(goto(`${stage.name}-tracked`))] };
  const present = groupIds.filter((groupId) => openReturn.has(groupId));
  const open = new Set(present.flatMap((groupId) => openReturn.get(groupId) ?? []));
  const ask = present.flatMap((groupId) => [
    rule(jump(`${groupId}.${stage.suffix}`)),
    ...(stage.isFirst ? [rule(RETURN, marked(MARK.egressPassed))] : []),
  ]);
  return {
    name,
    rules: [
      ...[...open].map((number) => rule(setMark(stage.openReturn, stage.openReturn), protocol(number))),
      ...ask,
      ...stage.drop(family),
    ],
  };
}

/** Goto, not jump: where the stage's last chain ends, the packet is back in the combination's chain. */
function groupRules({ name }: Stage, group: SecurityGroup, { prefixLists }: FirewallInputs, family: Family): Rule[] {
  const own = group.rules.filter(({ direction }: SecurityGroupRule) => direction === name);
  return own.flatMap((permission) => {
    const compiled = permissionOf(permission, family, prefixLists);
    if (!compiled) return [];
    const matches: readonly Match[] = compiled.matches;
    return [rule(goto(compiled.anywhere ? `${name}-anywhere` : `${name}-tracked`), ...matches)];
  });
}
