import type { SecurityGroupId, SubnetId, VpcId } from './ids.js';

/**
 * A set of security groups that some interface of the VPC carries, numbered; with the subnet, where the subnet's network ACL
 * filters anything. The number goes into the device group word, so the packet filter has one dispatch entry per combination
 * and not one per interface.
 * Kept while an interface uses it; a freed number may be given to another combination.
 */
export interface GroupCombination {
  /** `<vpcId>/<index>` */
  readonly combinationId: string;
  readonly vpcId: VpcId;
  /** 1 to 1,048,574 (twenty bits; all ones marks devices that are being deleted), unique within the VPC. */
  readonly index: number;
  /** Sorted, without repetition. Empty for interfaces that have no groups, which then let everything through. */
  readonly groupIds: readonly SecurityGroupId[];
  /** Of the interfaces that use it. Absent when their network ACLs let everything through: such subnets share combinations. */
  readonly subnetId?: SubnetId;
}

/** Two combinations of one VPC never have the same key. */
export function combinationKey({ vpcId, groupIds, subnetId }: Pick<GroupCombination, 'vpcId' | 'groupIds' | 'subnetId'>): string {
  return `${vpcId} ${groupIds.join(',')} ${subnetId ?? ''}`;
}

export const MAX_COMBINATION_INDEX = 0xffffe;
