import type { Family } from '../kernel/port.js';
import { familyOf } from '../model/address.js';
import type { GroupCombination } from '../model/group-combination.js';
import type { NetworkAcl, NetworkAclEntry } from '../model/network-acl.js';
import type { FirewallInputs } from './inputs.js';
import { type Chain, DROP, hasCombination, type Match, RETURN, type Rule, rule, type Side } from './ir.js';
import { EVERYWHERE, protocolMatches, RANGE } from './permission.js';

/**
 * Network ACLs. Stateless: every packet that leaves or enters a subnet is asked, whatever flow it belongs to; packets within a subnet
 * are not. Combinations that carry a subnet say which devices are in subnets whose ACL can stop anything: where there are
 * none, there is no rule. Entries in the order of their numbers, the first that matches decides, none that matches: dropped.
 */
export const ACL_CHAIN = 'acl';

export function hasAcls({ combinations }: FirewallInputs): boolean {
  return combinations.some(({ subnetId }) => subnetId !== undefined);
}

/** Comes back from `ACL_CHAIN` what the ACLs of both ends let through. */
export function aclChains({ combinations, acls }: FirewallInputs, family: Family): Chain[] {
  const filtered = combinations.filter(isOfSubnet);
  if (filtered.length === 0) return [];
  const subnetIds = [...new Set(filtered.map(({ subnetId }) => subnetId))].sort();
  return [
    { name: ACL_CHAIN, rules: DIRECTIONS.map((direction) => dispatch(direction, filtered)) },
    ...DIRECTIONS.flatMap((direction) =>
      subnetIds.map((subnetId) => {
        const members = filtered.filter((combination) => combination.subnetId === subnetId);
        return subnetChain(direction, subnetId, members, acls.get(subnetId), family);
      }),
    ),
  ];
}

interface Direction {
  readonly egress: boolean;
  /** The device that is in the subnet, and the other one. */
  readonly side: Side;
  readonly far: Side;
  readonly suffix: 'out' | 'in';
}

/** A packet leaves its sender's subnet before it enters its receiver's. */
const DIRECTIONS: readonly Direction[] = [
  { egress: true, side: 'src', far: 'dst', suffix: 'out' },
  { egress: false, side: 'dst', far: 'src', suffix: 'in' },
];

type OfSubnet = GroupCombination & { readonly subnetId: NonNullable<GroupCombination['subnetId']> };

function isOfSubnet(combination: GroupCombination): combination is OfSubnet {
  return combination.subnetId !== undefined;
}

/** Jump, as what the sender's ACL lets through has yet to be asked about by the receiver's. */
function dispatch({ side, suffix }: Direction, combinations: readonly OfSubnet[]): Rule {
  const chains = new Map(combinations.map(({ index, subnetId }) => [index, `${subnetId}.${suffix}`]));
  return rule({ kind: 'dispatch', side, by: 'jump', chains });
}

/** Every interface of a subnet whose ACL filters has a combination that names the subnet: those are the packets within it. */
function subnetChain(
  { egress, far, suffix }: Direction,
  subnetId: string,
  members: readonly OfSubnet[],
  acl: NetworkAcl | undefined,
  family: Family,
): Chain {
  const entries = (acl?.entries ?? []).filter((entry) => entry.egress === egress).sort((a, b) => a.ruleNumber - b.ruleNumber);
  return {
    name: `${subnetId}.${suffix}`,
    rules: [
      ...members.map(({ index }) => rule(RETURN, hasCombination(far, index))),
      ...entries.flatMap((entry) => entryRules(entry, family)),
      rule(DROP),
    ],
  };
}

/** None when the entry is about the other family. */
function entryRules({ egress, ruleAction, protocol, cidr, portRange, icmp }: NetworkAclEntry, family: Family): Rule[] {
  if (!RANGE.test(cidr) || familyOf(cidr) !== family) return [];
  const [fromPort, toPort] = portRange ? [portRange.from, portRange.to] : [icmp?.type ?? -1, icmp?.code ?? -1];
  const matches = protocolMatches({ protocol, fromPort, toPort }, family);
  if (!matches) return [];
  const address: Match[] = cidr === EVERYWHERE[family] ? [] : [{ kind: 'address', side: egress ? 'dst' : 'src', cidr }];
  return [rule(ruleAction === 'allow' ? RETURN : DROP, ...matches, ...address)];
}
