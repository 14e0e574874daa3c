import type { NetworkAclId, RouteTableId, SecurityGroupId, VpcId } from '../../agent/model/ids.js';
import type { Vpc } from '../../agent/model/vpc.js';

const hex = (n: number): string => n.toString(16).padStart(17, '0');

/** A VPC record for tests that care about storing, not about networks. */
export function vpcRecord(n: number, tags: Record<string, string> = {}): Vpc {
  return {
    vpcId: `vpc-${hex(n)}` as VpcId,
    ownerId: '123456789012',
    tags,
    cidrBlock: '10.0.0.0/16',
    secondaryCidrBlocks: [],
    cidrAssociationId: `vpc-cidr-assoc-${hex(n)}`,
    isDefault: false,
    instanceTenancy: 'default',
    enableDnsSupport: true,
    enableDnsHostnames: false,
    dhcpOptionsId: 'default',
    mainRouteTableId: `rtb-${hex(n)}` as RouteTableId,
    defaultSecurityGroupId: `sg-${hex(n)}` as SecurityGroupId,
    defaultNetworkAclId: `acl-${hex(n)}` as NetworkAclId,
  };
}
