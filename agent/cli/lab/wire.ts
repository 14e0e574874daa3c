import { z } from 'zod';
import { Condition, Tags } from '../wire.js';

/** What a lab reads of the agent's answers about gateways. */

export const InternetGateway = z.looseObject({ internetGatewayId: z.string(), vpcId: z.string().optional(), tags: Tags });
export const EgressOnlyGateway = z.looseObject({ egressOnlyInternetGatewayId: z.string(), vpcId: z.string(), tags: Tags });
export const ElasticAddress = z.looseObject({
  allocationId: z.string(),
  publicIp: z.string(),
  association: z.looseObject({ associationId: z.string(), networkInterfaceId: z.string(), privateIpAddress: z.string() }).optional(),
  tags: Tags,
});
export const NatGateway = z.looseObject({
  natGatewayId: z.string(),
  subnetId: z.string(),
  connectivityType: z.string(),
  state: z.string(),
  natGatewayAddresses: z.array(
    z.looseObject({ networkInterfaceId: z.string(), allocationId: z.string().optional(), publicIp: z.string().optional() }),
  ),
  tags: Tags,
});
export const VpnGateway = z.looseObject({
  vpnGatewayId: z.string(),
  amazonSideAsn: z.number(),
  vpcId: z.string().optional(),
  tags: Tags,
});
export const CustomerGateway = z.looseObject({ customerGatewayId: z.string(), ipAddress: z.string(), bgpAsn: z.number(), tags: Tags });
export const VpnConnection = z.looseObject({
  vpnConnectionId: z.string(),
  vpnGatewayId: z.string(),
  customerGatewayId: z.string(),
  routes: z.array(z.string()),
  tags: Tags,
  condition: Condition.optional(),
});
export const Peering = z.looseObject({
  vpcPeeringConnectionId: z.string(),
  requesterVpcId: z.string(),
  accepterVpcId: z.string(),
  status: z.string(),
  tags: Tags,
});
const AclEntry = z.looseObject({
  ruleNumber: z.number(),
  egress: z.boolean(),
  ruleAction: z.enum(['allow', 'deny']),
  protocol: z.string(),
  cidr: z.string(),
  portRange: z.looseObject({ from: z.number(), to: z.number() }).optional(),
  icmp: z.looseObject({ type: z.number(), code: z.number() }).optional(),
});
export const NetworkAcl = z.looseObject({
  networkAclId: z.string(),
  vpcId: z.string(),
  isDefault: z.boolean(),
  associations: z.array(z.looseObject({ associationId: z.string(), subnetId: z.string() })),
  entries: z.array(AclEntry),
  tags: Tags,
});
export const DhcpOptions = z.looseObject({
  dhcpOptionsId: z.string(),
  domainName: z.string().optional(),
  domainNameServers: z.array(z.string()),
  tags: Tags,
});

export type InternetGateway = z.output<typeof InternetGateway>;
export type EgressOnlyGateway = z.output<typeof EgressOnlyGateway>;
export type ElasticAddress = z.output<typeof ElasticAddress>;
export type NatGateway = z.output<typeof NatGateway>;
export type VpnGateway = z.output<typeof VpnGateway>;
export type CustomerGateway = z.output<typeof CustomerGateway>;
export type VpnConnection = z.output<typeof VpnConnection>;
export type Peering = z.output<typeof Peering>;
export type NetworkAcl = z.output<typeof NetworkAcl>;
export type DhcpOptions = z.output<typeof DhcpOptions>;
