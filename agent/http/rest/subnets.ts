import { z } from 'zod';
import { availableAddressCount } from '../../commands/ipam.js';
import type { Subnet } from '../../model/subnet.js';
import { type NounOptions, nounAction, nounRoutes } from './noun.js';
import { commandRoute } from './route.js';
import { ConditionView, conditionField, nounFields, pick, shownId, type ViewContext } from './view.js';

export const SubnetView = z
  .strictObject({
    subnetId: shownId('subnet'),
    state: z.literal('available'),
    vpcId: shownId('vpc'),
    availabilityZone: z.string(),
    cidrBlock: z.string(),
    ipv6: z.strictObject({ associationId: z.string(), cidrBlock: z.string() }).optional(),
    availableIpAddressCount: z.number().int().describe('IPv4 addresses that an interface can still get.'),
    mapPublicIpOnLaunch: z.boolean(),
    assignIpv6AddressOnCreation: z.boolean(),
    defaultForAz: z.boolean(),
    driver: z.enum(['veth', 'macvlan']).describe('What its interfaces are: pairs to the router, or devices on the wire of parentDevice.'),
    parentDevice: z.string().optional().describe('Device of the host that the subnet is on.'),
    hostAccess: z.boolean().optional().describe('Whether the host has an address in the subnet, base plus three.'),
    enforcement: z
      .strictObject({
        securityGroups: z.enum(['router', 'instance namespace']),
        sourceDestCheck: z.enum(['router', 'parent device']),
        networkAcls: z.literal('router'),
      })
      .describe(
        "Where what is enforced. Root in a guest can take away what is in the instance's namespace, for its own interfaces, until it is put back.",
      ),
    ...nounFields,
    condition: ConditionView.optional().describe('Of a subnet on a device of the host, while instances of its VPC run.'),
  })
  .meta({ id: 'Subnet' });

const ENFORCEMENT = {
  veth: { securityGroups: 'router', sourceDestCheck: 'router', networkAcls: 'router' },
  macvlan: { securityGroups: 'instance namespace', sourceDestCheck: 'parent device', networkAcls: 'router' },
} as const;

export function subnetView(subnet: Subnet, context: ViewContext): z.output<typeof SubnetView> {
  const { parent } = subnet;
  return {
    ...pick(subnet, ['subnetId', 'vpcId', 'availabilityZone', 'cidrBlock', 'ipv6', 'mapPublicIpOnLaunch']),
    ...pick(subnet, ['assignIpv6AddressOnCreation', 'defaultForAz', 'ownerId', 'tags']),
    state: 'available',
    availableIpAddressCount: availableAddressCount(context.snapshot, subnet),
    driver: parent ? 'macvlan' : 'veth',
    ...(parent && { parentDevice: parent.device, hostAccess: parent.hostAccess }),
    enforcement: ENFORCEMENT[parent ? 'macvlan' : 'veth'],
    ...conditionField(context, subnet.subnetId),
  };
}

const subnet: NounOptions<'subnet'> = {
  kind: 'subnet',
  noun: 'Subnet',
  plural: 'Subnets',
  path: '/v1/subnets',
  idField: 'subnetId',
  schema: SubnetView,
  view: subnetView,
  create: { command: 'createSubnet' },
  modify: 'modifySubnet',
  delete: 'deleteSubnet',
  tag: 'Subnets',
};

export const subnetRoutes = [
  ...nounRoutes(subnet),
  nounAction(subnet, 'cidr-blocks', 'associateSubnetCidrBlock'),
  commandRoute({
    method: 'DELETE',
    path: '/v1/subnet-cidr-blocks/:associationId',
    params: { associationId: 'subnetCidrAssociation' },
    tag: subnet.tag,
    command: 'disassociateSubnetCidrBlock',
    status: 204,
  }),
];
