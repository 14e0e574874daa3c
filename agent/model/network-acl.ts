import type { NetworkAclId, SubnetId, VpcId } from './ids.js';
import type { Noun } from './tags.js';

export interface NetworkAcl extends Noun {
  readonly networkAclId: NetworkAclId;
  readonly vpcId: VpcId;
  readonly isDefault: boolean;
  readonly associations: readonly { readonly associationId: string; readonly subnetId: SubnetId }[];
  /** Numbered entries without the implied final `deny all` (32767). */
  readonly entries: readonly NetworkAclEntry[];
}

export interface NetworkAclEntry {
  readonly ruleNumber: number;
  readonly egress: boolean;
  readonly ruleAction: 'allow' | 'deny';
  /** As `SecurityGroupRule.protocol`. */
  readonly protocol: string;
  /** Canonical IPv4 or IPv6 range. */
  readonly cidr: string;
  readonly portRange?: { readonly from: number; readonly to: number };
  readonly icmp?: { readonly type: number; readonly code: number };
}

/** Largest number an entry can have; 32767 is the implied last one. */
export const MAX_ACL_RULE_NUMBER = 32766;

/**
 * Whether the ACL can stop any packet. It cannot when, in each direction and family, the entry with the lowest number lets everything
 * through. Without IPv6 entries it stops IPv6 only, which matters in a VPC that has any.
 */
export function aclFilters(acl: NetworkAcl, withIpv6: boolean): boolean {
  const ranges = withIpv6 ? ['0.0.0.0/0', '::/0'] : ['0.0.0.0/0'];
  return ranges.some((all) => [false, true].some((egress) => !opensWith(acl, egress, all)));
}

function opensWith({ entries }: NetworkAcl, egress: boolean, all: string): boolean {
  const isIpv6 = all.includes(':');
  const [first] = entries
    .filter((entry) => entry.egress === egress && entry.cidr.includes(':') === isIpv6)
    .sort((a, b) => a.ruleNumber - b.ruleNumber);
  return first !== undefined && first.ruleAction === 'allow' && first.protocol === '-1' && first.cidr === all;
}
