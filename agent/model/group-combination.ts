import type { SecurityGroupId, VpcId } from './ids.js';

/**
 * A set of security groups that some interface of the VPC carries, numbered. The number goes into the device
 * group word, so the packet filter has one dispatch entry per combination and not one per interface.
 * Kept while an interface uses it; a freed number may be given to another combination.
 */
export interface GroupCombination {
  /** `<vpcId>/<index>` */
  readonly combinationId: string;
  readonly vpcId: VpcId;
  /** 1 to 1,048,574 (twenty bits; all ones marks devices that are being deleted), unique within the VPC. */
  readonly index: number;
  /** Sorted, without repetition. */
  readonly groupIds: readonly SecurityGroupId[];
}

export const MAX_COMBINATION_INDEX = 0xffffe;
