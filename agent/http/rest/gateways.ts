import { z } from 'zod';
import type { EgressOnlyInternetGateway, InternetGateway, NatGateway } from '../../model/gateway.js';
import { type NounOptions, nounAction, nounRoutes } from './noun.js';
import { natGatewayState } from './status.js';
import { ConditionView, conditionField, nounFields, pick, shownId, shownTime, type ViewContext } from './view.js';

export const InternetGatewayView = z
  .strictObject({
    internetGatewayId: shownId('internetGateway'),
    vpcId: shownId('vpc').optional().describe('The VPC that it is attached to.'),
    ...nounFields,
    condition: ConditionView.optional(),
  })
  .meta({ id: 'InternetGateway' });

export function internetGatewayView(gateway: InternetGateway, context: ViewContext): z.output<typeof InternetGatewayView> {
  return {
    ...pick(gateway, ['internetGatewayId', 'vpcId', 'ownerId', 'tags']),
    ...conditionField(context, gateway.internetGatewayId),
  };
}

export const EgressOnlyInternetGatewayView = z
  .strictObject({
    egressOnlyInternetGatewayId: shownId('egressOnlyInternetGateway'),
    vpcId: shownId('vpc'),
    ...nounFields,
    condition: ConditionView.optional(),
  })
  .meta({ id: 'EgressOnlyInternetGateway' });

export function egressOnlyInternetGatewayView(
  gateway: EgressOnlyInternetGateway,
  context: ViewContext,
): z.output<typeof EgressOnlyInternetGatewayView> {
  return {
    ...pick(gateway, ['egressOnlyInternetGatewayId', 'vpcId', 'ownerId', 'tags']),
    ...conditionField(context, gateway.egressOnlyInternetGatewayId),
  };
}

export const NatGatewayView = z
  .strictObject({
    natGatewayId: shownId('natGateway'),
    state: z.enum(['pending', 'available', 'deleting', 'deleted']),
    vpcId: shownId('vpc'),
    subnetId: shownId('subnet'),
    connectivityType: z.enum(['public', 'private']),
    natGatewayAddresses: z
      .array(
        z.strictObject({
          networkInterfaceId: shownId('networkInterface'),
          privateIp: z.string(),
          allocationId: shownId('elasticIp').optional(),
          publicIp: z.string().optional(),
        }),
      )
      .describe('Its interface, and the addresses that it speaks with.'),
    hostId: z.string(),
    createTime: shownTime('When it was created.'),
    deleteTime: shownTime('When its deletion was asked for.').optional(),
    ...nounFields,
    condition: ConditionView.optional(),
  })
  .meta({ id: 'NatGateway' });

export function natGatewayView(gateway: NatGateway, context: ViewContext): z.output<typeof NatGatewayView> {
  return {
    ...pick(gateway, ['natGatewayId', 'vpcId', 'subnetId', 'connectivityType', 'hostId', 'createTime', 'deleteTime', 'ownerId', 'tags']),
    state: natGatewayState(gateway, context),
    natGatewayAddresses: [pick(gateway, ['networkInterfaceId', 'privateIp', 'allocationId', 'publicIp'])],
    ...conditionField(context, gateway.natGatewayId),
  };
}

const internetGateway: NounOptions<'internetGateway'> = {
  kind: 'internetGateway',
  noun: 'InternetGateway',
  plural: 'InternetGateways',
  path: '/v1/internet-gateways',
  idField: 'internetGatewayId',
  schema: InternetGatewayView,
  view: internetGatewayView,
  create: { command: 'createInternetGateway', settle: false },
  delete: 'deleteInternetGateway',
  tag: 'Internet gateways',
};

export const gatewayRoutes = [
  ...nounRoutes(internetGateway),
  nounAction(internetGateway, 'attach', 'attachInternetGateway'),
  nounAction(internetGateway, 'detach', 'detachInternetGateway'),
  ...nounRoutes({
    kind: 'egressOnlyInternetGateway',
    noun: 'EgressOnlyInternetGateway',
    plural: 'EgressOnlyInternetGateways',
    path: '/v1/egress-only-internet-gateways',
    idField: 'egressOnlyInternetGatewayId',
    schema: EgressOnlyInternetGatewayView,
    view: egressOnlyInternetGatewayView,
    create: { command: 'createEgressOnlyInternetGateway' },
    delete: 'deleteEgressOnlyInternetGateway',
    tag: 'Internet gateways',
  }),
  ...nounRoutes({
    kind: 'natGateway',
    noun: 'NatGateway',
    plural: 'NatGateways',
    path: '/v1/nat-gateways',
    idField: 'natGatewayId',
    schema: NatGatewayView,
    view: natGatewayView,
    create: { command: 'createNatGateway' },
    delete: 'deleteNatGateway',
    tag: 'NAT gateways',
  }),
];
