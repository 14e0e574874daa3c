import type { PrefixListId, SecurityGroupId, SecurityGroupRuleId, VpcId } from './ids.js';
import type { Noun, Tags } from './tags.js';

export interface SecurityGroup extends Noun {
  readonly groupId: SecurityGroupId;
  readonly groupName: string;
  readonly description: string;
  readonly vpcId: VpcId;
  readonly rules: readonly SecurityGroupRule[];
}

/** One permission: one protocol and port range, one peer. */
export interface SecurityGroupRule {
  readonly ruleId: SecurityGroupRuleId;
  readonly direction: 'ingress' | 'egress';
  /** `-1` (all), or an IANA protocol number as text with `tcp`, `udp`, `icmp`, `icmpv6` by name. */
  readonly protocol: string;
  /** First port; ICMP type (−1: all) for ICMP; absent when the protocol has no ports. */
  readonly fromPort?: number;
  /** Last port; ICMP code (−1: all) for ICMP. */
  readonly toPort?: number;
  readonly peer: RulePeer;
  readonly description?: string;
  readonly tags: Tags;
}

export type RulePeer =
  | { readonly kind: 'cidr'; readonly cidr: string }
  | { readonly kind: 'cidr6'; readonly cidr: string }
  | { readonly kind: 'group'; readonly groupId: SecurityGroupId; readonly vpcId: VpcId; readonly ownerId: string }
  | { readonly kind: 'prefixList'; readonly prefixListId: PrefixListId };

/** A customer-managed prefix list: named ranges that rules and routes refer to. */
export interface PrefixList extends Noun {
  readonly prefixListId: PrefixListId;
  readonly name: string;
  readonly family: 4 | 6;
  readonly maxEntries: number;
  readonly version: number;
  /** Whether it was ever changed; clients wait for the word of it. */
  readonly modified?: true;
  readonly entries: readonly { readonly cidr: string; readonly description?: string }[];
}
