import { GROUP_WORD } from '../kernel/resources.js';
import type { GroupCombination } from '../model/group-combination.js';
import { deviceGroup, type Match, type Side } from './ir.js';

/** Combinations per bucket, as a power of two: dispatch costs one rule per bucket and one per combination within. */
const BUCKET_BITS = 4;
const bucketShift = GROUP_WORD.combinationShift + BUCKET_BITS;
const bucketMask = (GROUP_WORD.combinationMask << BUCKET_BITS) >>> 0;

export function bucketsOf<C extends Pick<GroupCombination, 'index'>>(combinations: readonly C[]): Map<number, C[]> {
  const buckets = new Map<number, C[]>();
  for (const combination of combinations) {
    const number = combination.index >> BUCKET_BITS;
    const bucket = buckets.get(number);
    if (bucket) bucket.push(combination);
    else buckets.set(number, [combination]);
  }
  return buckets;
}

/** The device's combination is one of the bucket's. */
export const bucketGroup = (side: Side, number: number): Match => deviceGroup(side, (number << bucketShift) >>> 0, bucketMask);

/** The device has the combination of this index. */
export const combinationGroup = (side: Side, index: number): Match =>
  deviceGroup(side, (index << GROUP_WORD.combinationShift) >>> 0, GROUP_WORD.combinationMask);
