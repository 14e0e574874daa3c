import { z } from 'zod';
import { availableAddressCount } from '../../commands/ipam.js';
import type { Subnet } from '../../model/subnet.js';
import { type NounOptions, nounAction, nounRoutes } from './noun.js';
import { commandRoute } from './route.js';
import { nounFields, pick, shownId, type ViewContext } from './view.js';

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
    ...nounFields,
  })
  .meta({ id: 'Subnet' });

export function subnetView(subnet: Subnet, { snapshot }: ViewContext): z.output<typeof SubnetView> {
  return {
    ...pick(subnet, ['subnetId', 'vpcId', 'availabilityZone', 'cidrBlock', 'ipv6', 'mapPublicIpOnLaunch']),
    ...pick(subnet, ['assignIpv6AddressOnCreation', 'defaultForAz', 'ownerId', 'tags']),
    state: 'available',
    availableIpAddressCount: availableAddressCount(snapshot, subnet),
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
