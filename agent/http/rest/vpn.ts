import { z } from 'zod';
import { TUNNEL } from '../../kernel/resources.js';
import type { CustomerGateway, VpnConnection, VpnGateway } from '../../model/vpn.js';
import { PLAIN_LINK_REASON } from '../../vpn/tunnel-kind.js';
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
    tunnel: z
      .strictObject({
        kind: z.enum(['wireguard', 'plain']).describe('plain: a link in place of a tunnel, as this host lacks what a tunnel is made with.'),
        encrypted: z.boolean(),
        status: z.enum(['UP', 'DOWN']).describe('UP: realised on this host.'),
        statusMessage: z.string().optional(),
        mtu: z.number().int().describe('Of packets inside, bytes.'),
      })
      .describe('How the two ends are joined on this host.'),
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
    tunnel: tunnelView(connection, context),
    ...tunnelCondition(connection, context),
  };
}

function tunnelView({ vpnConnectionId }: VpnConnection, { status, tunnel }: ViewContext): z.output<typeof VpnConnectionView>['tunnel'] {
  const condition = status.condition(vpnConnectionId);
  const statusMessage = condition?.message ?? (tunnel === 'plain' ? PLAIN_LINK_REASON : undefined);
  return {
    kind: tunnel,
    encrypted: tunnel === 'wireguard',
    status: condition?.realised ? 'UP' : 'DOWN',
    ...(statusMessage !== undefined && { statusMessage }),
    mtu: TUNNEL.mtu,
  };
}

/** A plain link is as planned, but not what was wished for: its condition says so. */
function tunnelCondition({ vpnConnectionId }: VpnConnection, context: ViewContext): ReturnType<typeof conditionField> {
  const { condition } = conditionField(context, vpnConnectionId);
  if (!condition) return {};
  const isFallback = context.tunnel === 'plain' && condition.realised;
  return { condition: isFallback ? { ...condition, reason: 'fallback', message: PLAIN_LINK_REASON } : condition };
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
