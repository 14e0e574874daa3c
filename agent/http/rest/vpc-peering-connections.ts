import { z } from 'zod';
import type { VpcPeeringConnection } from '../../model/vpc-peering-connection.js';
import { type NounOptions, nounAction, nounRoutes } from './noun.js';
import { ConditionView, conditionField, nounFields, pick, shownId, shownTime, type ViewContext } from './view.js';

export const VpcPeeringConnectionView = z
  .strictObject({
    vpcPeeringConnectionId: shownId('vpcPeeringConnection'),
    requesterVpcId: shownId('vpc'),
    accepterVpcId: shownId('vpc'),
    status: z.enum(['pending-acceptance', 'active', 'rejected', 'deleted']),
    createTime: shownTime('When it was asked for.'),
    endTime: shownTime('When it was rejected or deleted.').optional(),
    ...nounFields,
    condition: ConditionView.optional(),
  })
  .meta({ id: 'VpcPeeringConnection' });

export function vpcPeeringConnectionView(
  connection: VpcPeeringConnection,
  context: ViewContext,
): z.output<typeof VpcPeeringConnectionView> {
  return {
    ...pick(connection, [
      'vpcPeeringConnectionId',
      'requesterVpcId',
      'accepterVpcId',
      'status',
      'createTime',
      'endTime',
      'ownerId',
      'tags',
    ]),
    ...conditionField(context, connection.vpcPeeringConnectionId),
  };
}

const vpcPeeringConnection: NounOptions<'vpcPeeringConnection'> = {
  kind: 'vpcPeeringConnection',
  noun: 'VpcPeeringConnection',
  plural: 'VpcPeeringConnections',
  path: '/v1/vpc-peering-connections',
  idField: 'vpcPeeringConnectionId',
  schema: VpcPeeringConnectionView,
  view: vpcPeeringConnectionView,
  create: { command: 'createVpcPeeringConnection', settle: false },
  delete: 'deleteVpcPeeringConnection',
  tag: 'VPC peering',
};

export const vpcPeeringConnectionRoutes = [
  ...nounRoutes(vpcPeeringConnection),
  nounAction(vpcPeeringConnection, 'accept', 'acceptVpcPeeringConnection'),
  nounAction(vpcPeeringConnection, 'reject', 'rejectVpcPeeringConnection'),
];
