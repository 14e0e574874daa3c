import type { Family } from '../kernel/port.js';
import { CONNMARK, FILTER_PRIORITY, GROUP_WORD, MARK, METADATA, SET } from '../kernel/resources.js';
import { familyOf, hostCidr } from '../model/address.js';
import { ACL_CHAIN, aclChains, hasAcls } from './acl.js';
import { flowLimitChains, flowLimitRules } from './flow-limit.js';
import type { FirewallInputs } from './inputs.js';
import {
  ACCEPT,
  type Chain,
  connmarked,
  deviceGroup,
  goto,
  inSet,
  jump,
  marked,
  notInSet,
  PROTOCOL_NUMBER,
  protocol,
  RETURN,
  type Rule,
  rule,
  setMark,
  unmarked,
  WORD,
} from './ir.js';
import { openProtocols } from './permission.js';
import { counted, EGRESS, INGRESS, letsAllThrough, newFlowRules, ROUTER_STAGES, stageChains } from './stages.js';

/**
 * Security groups. A packet has to pass two stages: the groups of the interface that sends it (`egress`), then those of the
 * one that receives it (`ingress`). In each, a side that tracks the flow lets it through by the connection mark; otherwise the chain
 * of the interface's combination asks the chain of each of its groups. Stages follow each other in FORWARD, and no chain of
 * the first leads into the second: the kernel walks every path through the chains when rules are loaded. What both sides track is
 * written to the connection mark once, when the second stage lets the packet through.
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
    rule(accept, { kind: 'connmark', value: CONNMARK.both, mask: WORD }, { kind: 'mark', value: 0, mask: WORD }),
    rule(goto(FIRST_CHAIN), { kind: 'unconfirmed' }),
    ...ranges.map((cidr) => rule(accept, { kind: 'address', side: 'dst', cidr }, unmarked(MARK.withinVpc | MARK.transitSource), tracked)),
    rule(jump('dest-check'), notInSet(SET.own(family), 'dst,dst')),
    rule(accept, unmarked(MARK.transitSource | MARK.transitDestination), tracked),
    // There are no helpers of connection tracking: nothing else is related.
    rule(accept, protocol(icmpOf(family)), { kind: 'ctState', states: ['RELATED'] }),
    rule(setMark(MARK.notFirst, MARK.notFirst)),
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
    // One look-up for the senders whose groups let everything out, as most do.
    rule(jump('egress-new'), { kind: 'combination', side: 'src', indexes: [0, ...openSenders(inputs, family)], negated: true }),
    ...(hasAcls(inputs) ? [rule(jump(ACL_CHAIN))] : []),
    ...newFlowRules(INGRESS, inputs.combinations),
  ];
}

/** Combinations that let everything out, and track it. */
function openSenders(inputs: FirewallInputs, family: Family): number[] {
  return inputs.combinations
    .filter(({ groupIds }) => {
      const groups = groupIds.flatMap((groupId) => inputs.groups.get(groupId) ?? []);
      const mayBeUntracked = groups.some(({ rules }) => openProtocols(rules, 'ingress', family).length > 0);
      return groupIds.length === 0 || (!mayBeUntracked && groups.some((group) => letsAllThrough(EGRESS, group, inputs, family)));
    })
    .map(({ index }) => index);
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
    ...counted(SET.destinationCheckDrops(family), 'dst'),
  ];
  return { name: 'dest-check', rules };
}

const icmpOf = (family: Family): number => (family === 4 ? PROTOCOL_NUMBER.icmp : PROTOCOL_NUMBER.icmpv6);
