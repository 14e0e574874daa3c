import type { GroupCombination } from '../model/group-combination.js';
import type { NetworkAcl } from '../model/network-acl.js';
import type { PrefixList, SecurityGroup } from '../model/security-group.js';
import type { Snapshot } from '../model/snapshot.js';
import { vpcRanges } from '../model/vpc.js';
import { isWithin, vpcRouting } from '../planner/routing.js';

/** Everything of the model that a VPC's packet filter depends on. */
export interface FirewallInputs {
  /** By index. Of the whole VPC, in use on this host or not: an attachment needs no new rules. */
  readonly combinations: readonly GroupCombination[];
  /** Groups of the combinations, by id. */
  readonly groups: ReadonlyMap<string, SecurityGroup>;
  /** Prefix lists that those groups name, by id. */
  readonly prefixLists: ReadonlyMap<string, PrefixList>;
  /** Every group whose member set the rules may look into. */
  readonly memberGroupIds: readonly string[];
  /** Network ACLs of the subnets that combinations name, by subnet. */
  readonly acls: ReadonlyMap<string, NetworkAcl>;
  /** The route tables that say more than local, by index; and whether a row of theirs is within the VPC's own ranges. */
  readonly markedTables: readonly { readonly index: number; readonly withinVpc: boolean }[];
  /** The VPC's own ranges. */
  readonly ranges: readonly string[];
}

export function firewallInputs(snapshot: Snapshot, vpcId: string): FirewallInputs {
  const combinations = combinationsOf(snapshot, vpcId);
  const memberGroupIds = new Set<string>();
  const groups = new Map<string, SecurityGroup>();
  const prefixLists = new Map<string, PrefixList>();
  for (const groupId of combinations.flatMap((combination) => combination.groupIds)) {
    memberGroupIds.add(groupId);
    const group = snapshot.get('securityGroup', groupId);
    if (group) groups.set(groupId, group);
  }
  for (const { peer } of [...groups.values()].flatMap((group) => group.rules)) {
    if (peer.kind === 'group') memberGroupIds.add(peer.groupId);
    const list = peer.kind === 'prefixList' ? snapshot.get('prefixList', peer.prefixListId) : undefined;
    if (list) prefixLists.set(list.prefixListId, list);
  }
  return {
    combinations,
    groups: new Map([...groups].sort(byKey)),
    prefixLists: new Map([...prefixLists].sort(byKey)),
    memberGroupIds: [...memberGroupIds].sort(),
    acls: new Map(aclsOf(snapshot, combinations)),
    ...routing(snapshot, vpcId),
  };
}

/**
 * The records that `firewallInputs` reads, as identities: as long as these are the same ones, so are the inputs. Any change of any
 * prefix list counts as one, as which lists the groups name is not worth finding out here.
 */
export function inputRecords(snapshot: Snapshot, vpcId: string): readonly unknown[] {
  const combinations = combinationsOf(snapshot, vpcId);
  const groupIds = new Set(combinations.flatMap((combination) => combination.groupIds));
  return [
    snapshot.tables.prefixList,
    // Routes that are propagated.
    snapshot.tables.vpnGateway,
    snapshot.tables.vpnConnection,
    ...combinations,
    ...[...groupIds].map((groupId) => snapshot.get('securityGroup', groupId)),
    ...aclsOf(snapshot, combinations).flat(),
    ...snapshot.by('routeTable', 'vpcId', vpcId).sort((a, b) => a.index - b.index),
  ];
}

function combinationsOf(snapshot: Snapshot, vpcId: string): GroupCombination[] {
  return snapshot.by('groupCombination', 'vpcId', vpcId).sort((a, b) => a.index - b.index);
}

function aclsOf(snapshot: Snapshot, combinations: readonly GroupCombination[]): (readonly [string, NetworkAcl])[] {
  const subnetIds = new Set(combinations.flatMap(({ subnetId }) => subnetId ?? []));
  return [...subnetIds].flatMap((subnetId) => snapshot.by('networkAcl', 'subnetId', subnetId).map((acl) => [subnetId, acl] as const));
}

function routing(snapshot: Snapshot, vpcId: string): Pick<FirewallInputs, 'markedTables' | 'ranges'> {
  const vpc = snapshot.get('vpc', vpcId);
  const { rows } = vpcRouting(snapshot, vpcId);
  const ranges = vpc ? vpcRanges(vpc) : [];
  const tables = new Map<number, boolean>();
  for (const { tableIndex, destination } of rows) tables.set(tableIndex, tables.get(tableIndex) || isWithin(ranges, destination));
  return { ranges, markedTables: [...tables].map(([index, withinVpc]) => ({ index, withinVpc })).sort((a, b) => a.index - b.index) };
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);
