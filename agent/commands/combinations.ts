import { apiError } from '../model/errors.js';
import { combinationKey, type GroupCombination, MAX_COMBINATION_INDEX } from '../model/group-combination.js';
import type { SecurityGroupId, SubnetId, VpcId } from '../model/ids.js';
import { aclFilters } from '../model/network-acl.js';
import type { NetworkInterface } from '../model/network-interface.js';
import type { Draft } from './draft.js';

/** No combination at all: everything passes. */
const UNFILTERED = 0;

/** The number, within the VPC, of what filters an interface of the subnet with these groups: the one there is, or the lowest free one. */
export function combinationIndex(
  draft: Draft,
  { vpcId, subnetId }: Pick<NetworkInterface, 'vpcId' | 'subnetId'>,
  groupIds: readonly SecurityGroupId[],
): number {
  const filtered = isFiltered(draft, vpcId, subnetId);
  if (groupIds.length === 0 && !filtered) return UNFILTERED;
  return numberOf(draft, { vpcId, groupIds: [...new Set(groupIds)].sort(), ...(filtered && { subnetId }) });
}

/** The number of the router's own device in a subnet: in no group, and always asked about the subnet's network ACL. */
export function routerCombinationIndex(draft: Draft, { vpcId, subnetId }: Pick<NetworkInterface, 'vpcId' | 'subnetId'>): number {
  return numberOf(draft, { vpcId, subnetId, groupIds: [] });
}

function numberOf(draft: Draft, combination: Pick<GroupCombination, 'vpcId' | 'groupIds' | 'subnetId'>): number {
  const { vpcId } = combination;
  const [known] = draft.by('groupCombination', 'groups', combinationKey(combination));
  if (known) return known.index;
  const taken = new Set(draft.by('groupCombination', 'vpcId', vpcId).map((combination) => combination.index));
  let index = 1;
  while (taken.has(index)) index++;
  if (index > MAX_COMBINATION_INDEX)
    throw apiError('SecurityGroupsPerInterfaceLimitExceeded', { reason: `${vpcId} uses every combination of groups that there can be` });
  draft.put('groupCombination', { combinationId: `${vpcId}/${index}`, index, ...combination });
  return index;
}

/** Gives the interfaces of subnets their numbers anew. Call after the network ACL of the subnets was changed. */
export function renumberSubnets(draft: Draft, subnetIds: Iterable<SubnetId>): void {
  for (const subnetId of subnetIds)
    for (const eni of draft.by('networkInterface', 'subnetId', subnetId)) {
      const index = combinationIndex(draft, eni, eni.groupIds);
      if (index === eni.combinationIndex) continue;
      draft.put('networkInterface', { ...eni, combinationIndex: index });
    }
}

function isFiltered(draft: Draft, vpcId: VpcId, subnetId: SubnetId): boolean {
  const [acl] = draft.by('networkAcl', 'subnetId', subnetId);
  return acl !== undefined && aclFilters(acl, draft.get('vpc', vpcId)?.ipv6 !== undefined);
}

/**
 * Forgets combinations that no interface uses, nor the router. Not done at once when the last user leaves: its device carries the number until
 * the kernel has followed, and must not be judged by the groups of another combination that got the number meanwhile.
 */
export function forgetUnusedCombinations(draft: Draft): void {
  for (const { combinationId, vpcId, index, subnetId } of draft.all('groupCombination')) {
    const isRouters = subnetId !== undefined && draft.get('subnet', subnetId)?.parent?.combinationIndex === index;
    if (isRouters || draft.count('networkInterface', 'combination', `${vpcId} ${index}`) > 0) continue;
    draft.delete('groupCombination', combinationId);
  }
}
