import { z } from 'zod';
import { cidr, contains, Ipv4 } from '../model/address.js';
import { apiError, invalidValue } from '../model/errors.js';
import { mintId } from '../model/ids.js';
import { INTERNET_SERVERS } from '../model/internet.js';
import { idempotent } from './client-token.js';
import { type CommandContext, command } from './command.js';
import { clientToken, customerGatewayId, tags, text, vpcId, vpnGatewayId } from './fields.js';
import { required } from './lookup.js';
import { unusableRange } from './ranges.js';
import { checkTags } from './tags.js';

/** The gateways at the two ends of a VPN connection. */

const DEFAULT_AMAZON_ASN = 64512;
const DEFAULT_CUSTOMER_ASN = 65000;

/** Private use: RFC 6996. */
const isPrivateAsn = (asn: number) => (asn >= 64512 && asn <= 65534) || (asn >= 4_200_000_000 && asn <= 4_294_967_294);

export const createVpnGateway = idempotent(
  'createVpnGateway',
  command({
    summary: 'Create a virtual private gateway, attached to nothing yet.',
    input: z.strictObject({
      amazonSideAsn: z
        .number()
        .int('must be a whole number')
        .refine(isPrivateAsn, { message: 'must be 64512 to 65534, or 4200000000 to 4294967294' })
        .optional()
        .describe(`Autonomous system number of the gateway's side. Default ${DEFAULT_AMAZON_ASN}.`),
      tags,
      clientToken,
    }),
    run: (draft, input, context) => {
      const vpnGatewayId = mintId('vpnGateway', context.randomHex);
      draft.put('vpnGateway', {
        vpnGatewayId,
        amazonSideAsn: input.amazonSideAsn ?? DEFAULT_AMAZON_ASN,
        ownerId: context.ownerId,
        tags: checkTags(input.tags),
      });
      return { vpnGatewayId };
    },
  }),
);

export const attachVpnGateway = command({
  summary: 'Attach a virtual private gateway to a VPC that has none.',
  input: z.strictObject({ vpnGatewayId, vpcId }),
  run: (draft, input) => {
    const gateway = required(draft, 'vpnGateway', input.vpnGatewayId);
    const vpc = required(draft, 'vpc', input.vpcId);
    if (gateway.vpcId)
      throw apiError('VpnGatewayAttachmentLimitExceeded', {
        reason: `${gateway.vpnGatewayId} is attached to ${gateway.vpcId}; a virtual private gateway can be attached to one VPC`,
      });
    const [other] = draft.by('vpnGateway', 'vpcId', vpc.vpcId);
    if (other)
      throw apiError('InvalidVpcState', {
        reason: `Network ${vpc.vpcId} already has a virtual private gateway attached: ${other.vpnGatewayId}`,
      });
    draft.put('vpnGateway', { ...gateway, vpcId: vpc.vpcId });
    return {};
  },
});

export const detachVpnGateway = command({
  summary: 'Detach a virtual private gateway from its VPC. Routes to it become blackholes, propagation into its route tables ends.',
  input: z.strictObject({ vpnGatewayId, vpcId: vpcId.optional().describe('Refuse when it is attached to another VPC.') }),
  run: (draft, input) => {
    const { vpcId, ...gateway } = required(draft, 'vpnGateway', input.vpnGatewayId);
    if (vpcId === undefined || (input.vpcId !== undefined && input.vpcId !== vpcId))
      throw apiError('InvalidVpnGatewayAttachment.NotFound', {
        reason: `The attachment with vpnGateway ID '${gateway.vpnGatewayId}'${input.vpcId === undefined ? '' : ` and vpc ID '${input.vpcId}'`} does not exist`,
      });
    for (const table of draft.by('routeTable', 'propagatingGatewayId', gateway.vpnGatewayId))
      draft.put('routeTable', {
        ...table,
        propagatingGatewayIds: table.propagatingGatewayIds.filter((id) => id !== gateway.vpnGatewayId),
      });
    draft.put('vpnGateway', gateway);
    return {};
  },
});

export const deleteVpnGateway = command({
  summary: 'Delete a virtual private gateway that is not attached and has no VPN connection.',
  input: z.strictObject({ vpnGatewayId }),
  run: (draft, { vpnGatewayId }) => {
    const { vpcId } = required(draft, 'vpnGateway', vpnGatewayId);
    const [connection] = draft.by('vpnConnection', 'vpnGatewayId', vpnGatewayId);
    const user = vpcId ?? connection?.vpnConnectionId;
    if (user) throw apiError('IncorrectState', { reason: `The virtual private gateway '${vpnGatewayId}' is in use: ${user}` });
    draft.delete('vpnGateway', vpnGatewayId);
    return {};
  },
});

export const createCustomerGateway = idempotent(
  'createCustomerGateway',
  command({
    summary: "Create a customer gateway: the router of another network, at an address of the lab's internet.",
    input: z.strictObject({
      ipAddress: Ipv4.describe("Its address in the lab's internet, outside the public pool; for example 192.0.2.10."),
      bgpAsn: z
        .number()
        .int('must be a whole number')
        .min(1, 'must be 1 or more')
        .max(4_294_967_295, 'must be at most 4294967295')
        .optional()
        .describe(`Autonomous system number. Default ${DEFAULT_CUSTOMER_ASN}.`),
      deviceName: text(255).optional().describe('Free text.'),
      tags,
      clientToken,
    }),
    run: (draft, input, context) => {
      checkOutside(input.ipAddress, context);
      const [other] = draft.by('customerGateway', 'ipAddress', input.ipAddress);
      if (other)
        throw apiError('InvalidCustomerGateway.DuplicateIpAddress', {
          reason: `Conflict among chosen gateway IP addresses: ${other.customerGatewayId} has ${input.ipAddress}`,
        });
      const customerGatewayId = mintId('customerGateway', context.randomHex);
      draft.put('customerGateway', {
        customerGatewayId,
        ipAddress: input.ipAddress,
        bgpAsn: input.bgpAsn ?? DEFAULT_CUSTOMER_ASN,
        ...(input.deviceName !== undefined && { deviceName: input.deviceName }),
        ownerId: context.ownerId,
        tags: checkTags(input.tags),
      });
      return { customerGatewayId };
    },
  }),
);

export const deleteCustomerGateway = command({
  summary: 'Delete a customer gateway that no VPN connection uses.',
  input: z.strictObject({ customerGatewayId }),
  run: (draft, { customerGatewayId }) => {
    required(draft, 'customerGateway', customerGatewayId);
    const [connection] = draft.by('vpnConnection', 'customerGatewayId', customerGatewayId);
    if (connection)
      throw apiError('IncorrectState', { reason: `The customer gateway '${customerGatewayId}' is in use: ${connection.vpnConnectionId}` });
    draft.delete('customerGateway', customerGatewayId);
    return {};
  },
});

function checkOutside(ipAddress: string, { publicPool }: CommandContext): void {
  const fault = (reason: string) => invalidValue(`Value (${ipAddress}) for parameter ipAddress is invalid: ${reason}`);
  const unusable = unusableRange(cidr(`${ipAddress}/32`));
  if (unusable) throw fault(`${unusable.text} cannot be used`);
  if (contains(cidr(publicPool), ipAddress))
    throw fault(`it lies in the public pool ${publicPool}, whose addresses are given out by allocation`);
  if (Object.values<string>(INTERNET_SERVERS).includes(ipAddress)) throw fault("a server of the lab's internet has it");
}
