import type { Family } from '../kernel/port.js';
import { GROUP_WORD, MARK, SET, SOURCE_CHECK_PRIORITY } from '../kernel/resources.js';
import type { Snapshot } from '../model/snapshot.js';
import { filterChains } from './filter.js';
import { type FirewallInputs, firewallInputs } from './inputs.js';
import {
  type Chain,
  DROP,
  deviceGroup,
  isUnchecked,
  jump,
  type Match,
  notInSet,
  PROTOCOL_NUMBER,
  RETURN,
  type Ruleset,
  rule,
  setMark,
} from './ir.js';
import { counted } from './stages.js';

/**
 * The packet filter of a VPC's router namespace in one address family. Its size depends on the VPC's groups, combinations of groups
 * and route tables, not on its interfaces: those are members of sets and words on devices.
 */
export function compileRuleset(snapshot: Snapshot, vpcId: string, family: Family, flows = 0): Ruleset {
  return compile(firewallInputs(snapshot, vpcId), family, flows);
}

/** @param flows that one interface may have tracked; 0: no limit. */
export function compile(inputs: FirewallInputs, family: Family, flows: number): Ruleset {
  return { family, chains: [...sourceChains(inputs, family), ...filterChains(inputs, family, flows)] };
}

const NEIGHBOUR_SOLICITATION = 135;

/**
 * Which route table a packet is looked up in, and whether its source is its interface's: before connection tracking, so that a spoofed
 * packet leaves no trace. Most packets only meet the look-up in the set.
 */
function sourceChains({ markedTables }: FirewallInputs, family: Family): Chain[] {
  const routeTables = markedTables.map(({ index, withinVpc }) => {
    const bits = index | (withinVpc ? MARK.withinVpc : 0);
    return rule(
      setMark(bits, MARK.routeTableMask | MARK.withinVpc),
      deviceGroup('src', index << GROUP_WORD.routeTableShift, GROUP_WORD.routeTableMask),
    );
  });
  const unspecified: Match = { kind: 'address', side: 'src', cidr: '::/128' };
  const solicitation: Match = { kind: 'protocol', number: PROTOCOL_NUMBER.icmpv6, icmp: { type: NEIGHBOUR_SOLICITATION } };
  // An IPv6 host has no address yet when it looks for duplicates of one, and says so to the multicast routers: no spoofing, not counted.
  const beforeAddress = family === 6 ? [rule(RETURN, unspecified, solicitation), rule(DROP, unspecified)] : [];
  return [
    {
      name: 'prerouting',
      hook: { at: 'prerouting', priority: SOURCE_CHECK_PRIORITY, policy: 'accept' },
      rules: [...routeTables, rule(jump('source-check'), notInSet(SET.own(family), 'src,src'))],
    },
    {
      name: 'source-check',
      rules: [
        rule(setMark(MARK.transitSource, MARK.transitSource), ...isUnchecked('src')),
        rule(RETURN, deviceGroup('src', 0, GROUP_WORD.checkMask)),
        ...beforeAddress,
        ...counted(SET.sourceCheckDrops(family), 'src'),
      ],
    },
  ];
}
