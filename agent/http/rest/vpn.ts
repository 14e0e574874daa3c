import { z } from 'zod';
import type { CustomerGateway, VpnConnection, VpnGateway } from '../../model/vpn.js';
import { type NounOptions, nounAction, nounRoutes } from './noun.js';
import { commandRoute } from './route.js';
import { ConditionView, conditionField, nounFields, pick, shownId, shownTime, type ViewContext } from './view.js';

export const VpnGatewayView = z
  .strictObject({
    vpnGatewayId: shownId('vpnGateway'),
    type: z.literal('ipsec.1').describe('As the cloud names it; how the tunnel is made here is told by the connection.'),
    amazonSideAsn: z.number().int(),
    vpcId: shownId('vpc').optional().describe('The VPC that it is attached to.'),
    ...nounFields,
    condition: ConditionView.optional(),
  })
  .meta({ id: 'VpnGateway' });

export function vpnGatewayView(gateway: VpnGateway, context: ViewContext): z.output<typeof VpnGatewayView> {
  return {
    ...pick(gateway, ['vpnGatewayId', 'amazonSideAsn', 'vpcId', 'ownerId', 'tags']),
    type: 'ipsec.1',
    ...conditionField(context, gateway.vpnGatewayId),
  };
}

export const CustomerGatewayView = z
  .strictObject({
    customerGatewayId: shownId('customerGateway'),
    type: z.literal('ipsec.1'),
    ipAddress: z.string().describe("Its address in the lab's internet."),
    bgpAsn: z.number().int(),
    deviceName: z.string().optional(),
    ...nounFields,
    condition: ConditionView.optional(),
  })
  .meta({ id: 'CustomerGateway' });

export function customerGatewayView(gateway: CustomerGateway, context: ViewContext): z.output<typeof CustomerGatewayView> {
  return {
    ...pick(gateway, ['customerGatewayId', 'ipAddress', 'bgpAsn', 'deviceName', 'ownerId', 'tags']),
    type: 'ipsec.1',
    ...conditionField(context, gateway.customerGatewayId),
  };
}

export const VpnConnectionView = z
  .strictObject({
    vpnConnectionId: shownId('vpnConnection'),
    type: z.literal('ipsec.1'),
    vpnGatewayId: shownId('vpnGateway'),
    customerGatewayId: shownId('customerGateway'),
    staticRoutesOnly: z.boolean(),
    routes: z.array(z.string()).describe('Ranges behind the customer gateway.'),
    outsideIpAddress: z.string().describe("The gateway's address in the lab's internet."),
    tunnelInsideCidr: z.string().describe('Range inside the tunnel: first host the gateway, second the customer.'),
    createTime: shownTime('When it was created.'),
    ...nounFields,
    condition: ConditionView.optional(),
  })
  .meta({ id: 'VpnConnection' });

export function vpnConnectionView(connection: VpnConnection, context: ViewContext): z.output<typeof VpnConnectionView> {
  return {
    ...pick(connection, ['vpnConnectionId', 'vpnGatewayId', 'customerGatewayId', 'staticRoutesOnly', 'outsideIpAddress']),
    ...pick(connection, ['tunnelInsideCidr', 'createTime', 'ownerId', 'tags']),
    type: 'ipsec.1',
    routes: [...connection.routes],
    ...conditionField(context, connection.vpnConnectionId),
  };
}

const TAG = 'VPN';
const vpnGateway: NounOptions<'vpnGateway'> = {
  kind: 'vpnGateway',
  noun: 'VpnGateway',
  plural: 'VpnGateways',
  path: '/v1/vpn-gateways',
  idField: 'vpnGatewayId',
  schema: VpnGatewayView,
  view: vpnGatewayView,
  create: { command: 'createVpnGateway', settle: false },
  delete: 'deleteVpnGateway',
  tag: TAG,
};
const connectionRoutes = {
  path: '/v1/vpn-connections/:vpnConnectionId/routes',
  params: { vpnConnectionId: 'vpnConnection' },
  tag: TAG,
} as const;

export const vpnRoutes = [
  ...nounRoutes(vpnGateway),
  nounAction(vpnGateway, 'attach', 'attachVpnGateway'),
  nounAction(vpnGateway, 'detach', 'detachVpnGateway'),
  ...nounRoutes({
    kind: 'customerGateway',
    noun: 'CustomerGateway',
    plural: 'CustomerGateways',
    path: '/v1/customer-gateways',
    idField: 'customerGatewayId',
    schema: CustomerGatewayView,
    view: customerGatewayView,
    create: { command: 'createCustomerGateway' },
    delete: 'deleteCustomerGateway',
    tag: TAG,
  }),
  ...nounRoutes({
    kind: 'vpnConnection',
    noun: 'VpnConnection',
    plural: 'VpnConnections',
    path: '/v1/vpn-connections',
    idField: 'vpnConnectionId',
    schema: VpnConnectionView,
    view: vpnConnectionView,
    create: { command: 'createVpnConnection' },
    delete: 'deleteVpnConnection',
    tag: TAG,
  }),
  commandRoute({
    ...connectionRoutes,
    method: 'POST',
    command: 'createVpnConnectionRoute',
    status: 201,
    response: VpnConnectionView,
    render: ({ params, find, context }) => vpnConnectionView(find('vpnConnection', params.vpnConnectionId), context),
  }),
  commandRoute({ ...connectionRoutes, method: 'DELETE', command: 'deleteVpnConnectionRoute', status: 204 }),
];
