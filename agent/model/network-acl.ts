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
