import type { Family } from '../kernel/port.js';
import { GROUP_WORD, MARK, SET } from '../kernel/resources.js';
import type { Snapshot } from '../model/snapshot.js';
import { filterTable } from './filter.js';
import { type FirewallInputs, firewallInputs } from './inputs.js';
import {
  addressAndDevice,
  DROP,
  deviceGroup,
  inSet,
  jump,
  type Match,
  notInSet,
  PROTOCOL_NUMBER,
  RETURN,
  type Rule,
  type Ruleset,
  rule,
  type Side,
  setMark,
  type TableRules,
} from './ir.js';

/**
 * The packet filter of a VPC's router namespace in one address family. Its size depends on the VPC's groups, combinations of groups
 * and route tables, not on its interfaces: those are members of sets and words on devices. The filter comes first: a load that
 * breaks off leaves more closed than open.
 */
export function compileRuleset(snapshot: Snapshot, vpcId: string, family: Family, flows = 0): Ruleset {
  return compile(firewallInputs(snapshot, vpcId), family, flows);
}

/** @param flows that one interface may have tracked; 0: no limit. */
export function compile(inputs: FirewallInputs, family: Family, flows: number): Ruleset {
  return { family, tables: [filterTable(inputs, family, flows), mangleTable(inputs, family), rawTable(family)] };
}

/** Which route table a packet is looked up in, and whether an interface sends or receives it on behalf of somebody else. */
function mangleTable({ markedTables }: FirewallInputs, family: Family): TableRules {
  const routeTables = markedTables.map((index) =>
    rule(setMark(index, MARK.routeTableMask), deviceGroup('src', index << GROUP_WORD.routeTableShift, GROUP_WORD.routeTableMask)),
  );
  return {
    name: 'mangle',
    chains: [
      { name: 'PREROUTING', policy: 'ACCEPT', rules: [...routeTables, transitRule('src', MARK.transitSource, family)] },
      { name: 'FORWARD', policy: 'ACCEPT', rules: [transitRule('dst', MARK.transitDestination, family)] },
    ],
  };
}

/** Of interfaces without source/destination check: with it, no such packet gets through; a gateway's link is no interface. */
function transitRule(side: Side, mark: number, family: Family): Rule {
  const isInterface: Match = { kind: 'deviceGroup', side, value: 0, mask: GROUP_WORD.combinationMask, negated: true };
  return rule(
    setMark(mark, mark),
    deviceGroup(side, 0, GROUP_WORD.checkMask),
    isInterface,
    notInSet(SET.own(family), addressAndDevice(side)),
  );
}

const NEIGHBOUR_SOLICITATION = 135;

/** Source check: before connection tracking, so that a spoofed packet leaves no trace. */
function rawTable(family: Family): TableRules {
  const guard = rule(
    jump('source-check'),
    deviceGroup('src', GROUP_WORD.checkMask, GROUP_WORD.checkMask),
    notInSet(SET.own(family), 'src,src'),
  );
  const unspecified: Match = { kind: 'address', side: 'src', cidr: '::/128' };
  const solicitation: Match = { kind: 'protocol', number: PROTOCOL_NUMBER.icmpv6, icmp: { type: NEIGHBOUR_SOLICITATION } };
  // An IPv6 host has no address yet when it looks for duplicates of one, and says so to the multicast routers: no spoofing, not counted.
  const beforeAddress = family === 6 ? [rule(RETURN, unspecified, solicitation), rule(DROP, unspecified)] : [];
  return {
    name: 'raw',
    chains: [
      { name: 'PREROUTING', policy: 'ACCEPT', rules: [guard] },
      { name: 'source-check', rules: [...beforeAddress, rule(DROP, inSet(SET.sourceCheckDrops, 'src,src')), rule(DROP)] },
    ],
  };
}
