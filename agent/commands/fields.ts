import { z } from 'zod';
import { idSchema } from '../model/ids.js';
import { TagMap } from '../model/tags.js';

/** Input fields that several commands share: one schema and one description each. */

export const vpcId = idSchema('vpc').describe('The VPC.');
export const subnetId = idSchema('subnet').describe('The subnet.');
export const networkInterfaceId = idSchema('networkInterface').describe('The network interface.');
export const attachmentId = idSchema('attachment').describe('The attachment of the network interface.');
export const instanceId = idSchema('instance').describe('The instance.');
export const groupId = idSchema('securityGroup').describe('The security group.');
export const routeTableId = idSchema('routeTable').describe('The route table.');
export const prefixListId = idSchema('prefixList').describe('The prefix list.');
export const networkAclId = idSchema('networkAcl').describe('The network ACL.');
export const internetGatewayId = idSchema('internetGateway').describe('The internet gateway.');
export const egressOnlyInternetGatewayId = idSchema('egressOnlyInternetGateway').describe('The egress-only internet gateway.');
export const natGatewayId = idSchema('natGateway').describe('The NAT gateway.');
export const allocationId = idSchema('elasticIp').describe('The elastic address.');
export const vpcPeeringConnectionId = idSchema('vpcPeeringConnection').describe('The VPC peering connection.');
export const vpnGatewayId = idSchema('vpnGateway').describe('The virtual private gateway.');
export const customerGatewayId = idSchema('customerGateway').describe('The customer gateway.');
export const vpnConnectionId = idSchema('vpnConnection').describe('The VPN connection.');

export const keyPairId = idSchema('keyPair').describe('The key pair.');

export const tags = TagMap.optional().describe('Tags: at most 50; keys of 1–128 and values of 0–256 characters.');

export const clientToken = z
  .string()
  .min(1, 'must not be empty')
  .max(64, 'must be at most 64 characters')
  .optional()
  .describe('Makes the request idempotent: the same token with the same parameters gets the first answer again (for 24 hours).');

/** Free text. Any characters but control characters: it is data wherever it goes. */
export const text = (max: number) =>
  z
    .string()
    .max(max, `must be at most ${max} characters`)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    .refine((value) => !/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(value), { message: 'must not contain control characters' });

export const description = text(255).describe('Free text, at most 255 characters.');

export const deviceIndex = z
  .number()
  .int('must be a whole number')
  .min(0, 'must be 0 or more')
  .max(63, 'must be at most 63')
  .describe('Position on the instance: device N is ethN. 0 is the primary interface.');

export const deleteOnTermination = z.boolean().describe('Whether the interface is deleted when its instance is terminated.');

export const count = (max: number) =>
  z.number().int('must be a whole number').min(1, 'must be 1 or more').max(max, `must be at most ${max}`);
