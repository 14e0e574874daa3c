import type { NetworkAclId, RouteTableId, SecurityGroupId, VpcId } from './ids.js';
import type { Noun } from './tags.js';

/**
 * A virtual private cloud: an address space of its own. Each VPC becomes one router namespace
 * per host, so that equal ranges in two VPCs never meet.
 */
export interface Vpc extends Noun {
  readonly vpcId: VpcId;
  /** Primary IPv4 range, /16 to /28. */
  readonly cidrBlock: string;
  /** Further IPv4 ranges, in order of association. */
  readonly secondaryCidrBlocks: readonly { readonly associationId: string; readonly cidrBlock: string }[];
  /** Association id of the primary range. */
  readonly cidrAssociationId: string;
  /** IPv6 range, /56, when the VPC has one. */
  readonly ipv6?: { readonly associationId: string; readonly cidrBlock: string };
  readonly isDefault: boolean;
  readonly instanceTenancy: 'default' | 'dedicated';
  readonly enableDnsSupport: boolean;
  readonly enableDnsHostnames: boolean;
  readonly dhcpOptionsId: string;
  readonly mainRouteTableId: RouteTableId;
  readonly defaultSecurityGroupId: SecurityGroupId;
  readonly defaultNetworkAclId: NetworkAclId;
}

export function vpcIpv4Ranges(vpc: Vpc): string[] {
  return [vpc.cidrBlock, ...vpc.secondaryCidrBlocks.map((block) => block.cidrBlock)];
}

export function vpcRanges(vpc: Vpc): string[] {
  return vpc.ipv6 ? [...vpcIpv4Ranges(vpc), vpc.ipv6.cidrBlock] : vpcIpv4Ranges(vpc);
}
