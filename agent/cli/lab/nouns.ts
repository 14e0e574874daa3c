import { NOUNS, type NounInfo } from '../nouns.js';

/** The parts of a lab file, and the nouns of the API that they become. */

const GATEWAY_NOUNS = {
  'internet-gateway': { path: '/v1/internet-gateways', idField: 'internetGatewayId', idPrefix: 'igw-' },
  'egress-only-gateway': { path: '/v1/egress-only-internet-gateways', idField: 'egressOnlyInternetGatewayId', idPrefix: 'eigw-' },
  'elastic-address': { path: '/v1/elastic-ips', idField: 'allocationId', idPrefix: 'eipalloc-' },
  'nat-gateway': { path: '/v1/nat-gateways', idField: 'natGatewayId', idPrefix: 'nat-' },
  'vpn-gateway': { path: '/v1/vpn-gateways', idField: 'vpnGatewayId', idPrefix: 'vgw-' },
  'customer-gateway': { path: '/v1/customer-gateways', idField: 'customerGatewayId', idPrefix: 'cgw-' },
  'vpn-connection': { path: '/v1/vpn-connections', idField: 'vpnConnectionId', idPrefix: 'vpn-' },
  peering: { path: '/v1/vpc-peering-connections', idField: 'vpcPeeringConnectionId', idPrefix: 'pcx-' },
  'network-acl': { path: '/v1/network-acls', idField: 'networkAclId', idPrefix: 'acl-' },
  'dhcp-options': { path: '/v1/dhcp-options', idField: 'dhcpOptionsId', idPrefix: 'dopt-' },
} as const satisfies Record<string, NounInfo>;

export const LAB_NOUNS = { ...NOUNS, ...GATEWAY_NOUNS };
export type LabNoun = keyof typeof LAB_NOUNS;

export const NOUN_OF = {
  vpcs: 'vpc',
  subnets: 'subnet',
  prefixLists: 'prefix-list',
  groups: 'group',
  interfaces: 'interface',
  instances: 'instance',
  routeTables: 'route-table',
  internetGateways: 'internet-gateway',
  egressOnlyGateways: 'egress-only-gateway',
  elasticAddresses: 'elastic-address',
  natGateways: 'nat-gateway',
  vpnGateways: 'vpn-gateway',
  customerGateways: 'customer-gateway',
  vpnConnections: 'vpn-connection',
  peerings: 'peering',
  networkAcls: 'network-acl',
  dhcpOptions: 'dhcp-options',
} as const satisfies Record<string, LabNoun>;
export type Part = keyof typeof NOUN_OF;
export const PARTS = Object.keys(NOUN_OF) as Part[];
