import { z } from 'zod';
import { cidr, fromBigInt } from '../model/address.js';
import { apiError } from '../model/errors.js';
import { mintId } from '../model/ids.js';
import { idempotent } from './client-token.js';
import { command } from './command.js';
import type { Draft } from './draft.js';
import { clientToken, customerGatewayId, tags, vpnConnectionId, vpnGatewayId } from './fields.js';
import { required } from './lookup.js';
import { takePublicIp } from './public-addresses.js';
import { parseRange } from './ranges.js';
import { checkNotReserved } from './route-destinations.js';
import { checkTags } from './tags.js';

/** As many as the cloud's quota of static routes. */
const MAX_ROUTES = 100;

const destination = z.string().describe('IPv4 range behind the customer gateway, for example 192.168.0.0/16.');

export const createVpnConnection = idempotent(
  'createVpnConnection',
  command({
    summary: 'Connect a virtual private gateway and a customer gateway by a tunnel.',
    input: z.strictObject({
      vpnGatewayId,
      customerGatewayId,
      staticRoutesOnly: z.boolean().optional().describe('false: routes are learned by BGP too, where it is installed. Default false.'),
      tags,
      clientToken,
    }),
    run: (draft, input, context) => {
      const { vpnGatewayId } = required(draft, 'vpnGateway', input.vpnGatewayId);
      const { customerGatewayId } = required(draft, 'customerGateway', input.customerGatewayId);
      const same = draft.by('vpnConnection', 'vpnGatewayId', vpnGatewayId).find((one) => one.customerGatewayId === customerGatewayId);
      if (same)
        throw apiError('InvalidOption.Conflict', {
          reason: `${vpnGatewayId} and ${customerGatewayId} are connected already: ${same.vpnConnectionId}`,
        });
      const vpnConnectionId = mintId('vpnConnection', context.randomHex);
      draft.put('vpnConnection', {
        vpnConnectionId,
        vpnGatewayId,
        customerGatewayId,
        staticRoutesOnly: input.staticRoutesOnly ?? false,
        routes: [],
        outsideIpAddress: takePublicIp(draft, context),
        tunnelInsideCidr: freeTunnelCidr(draft),
        keys: { gateway: context.randomHex(64), customer: context.randomHex(64) },
        createTime: context.now,
        ownerId: context.ownerId,
        tags: checkTags(input.tags),
      });
      return { vpnConnectionId };
    },
  }),
);

export const deleteVpnConnection = command({
  summary: 'Delete a VPN connection and its routes.',
  input: z.strictObject({ vpnConnectionId }),
  run: (draft, { vpnConnectionId }) => {
    required(draft, 'vpnConnection', vpnConnectionId);
    draft.delete('vpnConnection', vpnConnectionId);
    return {};
  },
});

export const createVpnConnectionRoute = command({
  summary: 'Add a range behind the customer gateway; it shows in route tables that the gateway propagates into.',
  input: z.strictObject({ vpnConnectionId, destination }),
  run: (draft, input) => {
    const connection = required(draft, 'vpnConnection', input.vpnConnectionId);
    const range = parseRange(input.destination, 'destination', 4);
    checkNotReserved(range);
    if (connection.routes.includes(range.text))
      throw apiError('RouteAlreadyExists', {
        reason: `The route identified by ${range.text} already exists in ${connection.vpnConnectionId}`,
      });
    if (connection.routes.length >= MAX_ROUTES)
      throw apiError('RouteLimitExceeded', { reason: `${connection.vpnConnectionId} has ${MAX_ROUTES} routes, the most there can be` });
    draft.put('vpnConnection', { ...connection, routes: [...connection.routes, range.text].sort() });
    return {};
  },
});

export const deleteVpnConnectionRoute = command({
  summary: 'Remove a range behind the customer gateway.',
  input: z.strictObject({ vpnConnectionId, destination }),
  run: (draft, input) => {
    const connection = required(draft, 'vpnConnection', input.vpnConnectionId);
    const { text } = parseRange(input.destination, 'destination', 4);
    if (!connection.routes.includes(text))
      throw apiError('InvalidRoute.NotFound', { reason: `no route with destination ${text} in ${connection.vpnConnectionId}` });
    draft.put('vpnConnection', { ...connection, routes: connection.routes.filter((route) => route !== text) });
    return {};
  },
});

/** Where ranges inside tunnels are taken from: away from 169.254.169.0/24 and from what links of our own use. */
const TUNNELS = cidr('169.254.32.0/19');

/** The lowest /30 that no connection has. @throws {ApiError} InsufficientAddressCapacity */
function freeTunnelCidr(draft: Draft): string {
  for (let i = 0n; i < 2n ** 11n; i++) {
    const range = `${fromBigInt(4, TUNNELS.base + i * 4n)}/30`;
    if (draft.count('vpnConnection', 'tunnelInsideCidr', range) === 0) return range;
  }
  throw apiError('InsufficientAddressCapacity', { reason: `Every /30 of ${TUNNELS.text} is used by a VPN connection` });
}
