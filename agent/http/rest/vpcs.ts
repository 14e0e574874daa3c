import { z } from 'zod';
import type { Vpc } from '../../model/vpc.js';
import { type NounOptions, nounAction, nounRoutes } from './noun.js';
import { commandRoute } from './route.js';
import { SubnetView, subnetView } from './subnets.js';
import { ConditionView, conditionField, nounFields, pick, shownId, type ViewContext } from './view.js';

export const VpcView = z
  .strictObject({
    vpcId: shownId('vpc'),
    state: z.literal('available'),
    cidrBlock: z.string().describe('Primary IPv4 range.'),
    cidrAssociationId: z.string(),
    secondaryCidrBlocks: z.array(z.strictObject({ associationId: z.string(), cidrBlock: z.string() })),
    ipv6: z.strictObject({ associationId: z.string(), cidrBlock: z.string() }).optional(),
    isDefault: z.boolean(),
    instanceTenancy: z.enum(['default', 'dedicated']),
    enableDnsSupport: z.boolean(),
    enableDnsHostnames: z.boolean(),
    dhcpOptionsId: z.string(),
    mainRouteTableId: shownId('routeTable'),
    defaultSecurityGroupId: shownId('securityGroup'),
    defaultNetworkAclId: shownId('networkAcl'),
    ...nounFields,
    condition: ConditionView.optional(),
  })
  .meta({ id: 'Vpc' });

export function vpcView(vpc: Vpc, context: ViewContext): z.output<typeof VpcView> {
  return {
    ...pick(vpc, ['vpcId', 'cidrBlock', 'cidrAssociationId', 'ipv6', 'isDefault', 'instanceTenancy', 'enableDnsSupport']),
    ...pick(vpc, ['enableDnsHostnames', 'dhcpOptionsId', 'mainRouteTableId', 'defaultSecurityGroupId', 'defaultNetworkAclId']),
    ...pick(vpc, ['ownerId', 'tags']),
    secondaryCidrBlocks: [...vpc.secondaryCidrBlocks],
    state: 'available',
    ...conditionField(context, vpc.vpcId),
  };
}

const vpc: NounOptions<'vpc'> = {
  kind: 'vpc',
  noun: 'Vpc',
  plural: 'Vpcs',
  path: '/v1/vpcs',
  idField: 'vpcId',
  schema: VpcView,
  view: vpcView,
  create: { command: 'createVpc' },
  modify: 'modifyVpc',
  delete: 'deleteVpc',
  tag: 'VPCs',
};

export const vpcRoutes = [
  ...nounRoutes(vpc),
  nounAction(vpc, 'dhcp-options', 'associateDhcpOptions'),
  nounAction(vpc, 'cidr-blocks', 'associateVpcCidrBlock'),
  commandRoute({
    method: 'DELETE',
    path: '/v1/vpc-cidr-blocks/:associationId',
    params: { associationId: 'vpcCidrAssociation' },
    tag: vpc.tag,
    command: 'disassociateVpcCidrBlock',
    status: 204,
  }),
  commandRoute({
    method: 'POST',
    path: '/v1/default-vpc',
    tag: vpc.tag,
    command: 'createDefaultVpc',
    status: 201,
    response: VpcView,
    render: ({ result, find, context }) => vpcView(find('vpc', result.vpcId), context),
  }),
  commandRoute({
    method: 'POST',
    path: '/v1/default-subnets',
    tag: vpc.tag,
    command: 'createDefaultSubnet',
    status: 201,
    response: SubnetView,
    render: ({ result, find, context }) => subnetView(find('subnet', result.subnetId), context),
  }),
];
