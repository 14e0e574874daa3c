import { apiError } from '../model/errors.js';
import { MAX_COMBINATION_INDEX } from '../model/group-combination.js';
import type { SecurityGroupId, VpcId } from '../model/ids.js';
import type { Draft } from './draft.js';

/** The number of a set of groups within the VPC: the one it has, or the lowest that is free. */
export function combinationIndex(draft: Draft, vpcId: VpcId, groupIds: readonly SecurityGroupId[]): number {
  const sorted = [...new Set(groupIds)].sort();
  const [known] = draft.by('groupCombination', 'groups', `${vpcId} ${sorted.join(',')}`);
  if (known) return known.index;
  const taken = new Set(draft.by('groupCombination', 'vpcId', vpcId).map((combination) => combination.index));
  let index = 1;
  while (taken.has(index)) index++;
  if (index > MAX_COMBINATION_INDEX)
    throw apiError('SecurityGroupsPerInterfaceLimitExceeded', { reason: `${vpcId} uses every combination of groups that there can be` });
  draft.put('groupCombination', { combinationId: `${vpcId}/${index}`, vpcId, index, groupIds: sorted });
  return index;
}

/**
 * Forgets combinations that no interface uses. Not done at once when the last user leaves: its device carries the number until
 * the kernel has followed, and must not be judged by the groups of another combination that got the number meanwhile.
 */
export function forgetUnusedCombinations(draft: Draft): void {
  for (const { combinationId, vpcId, index } of draft.all('groupCombination'))
    if (draft.count('networkInterface', 'combination', `${vpcId} ${index}`) === 0) draft.delete('groupCombination', combinationId);
}
