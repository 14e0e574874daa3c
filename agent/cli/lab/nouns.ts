import type { NounName } from '../nouns.js';

/** The parts of a lab file, and the nouns that they become. */
export const NOUN_OF = {
  vpcs: 'vpc',
  subnets: 'subnet',
  prefixLists: 'prefix-list',
  groups: 'group',
  interfaces: 'interface',
  instances: 'instance',
  routeTables: 'route-table',
  internetGateways: 'internet-gateway',
  egressOnlyGateways: 'egress-gateway',
  elasticAddresses: 'address',
  natGateways: 'nat-gateway',
  vpnGateways: 'vpn-gateway',
  customerGateways: 'customer-gateway',
  vpnConnections: 'vpn',
  peerings: 'peering',
  networkAcls: 'acl',
  dhcpOptions: 'dhcp-options',
} as const satisfies Record<string, NounName>;
export type Part = keyof typeof NOUN_OF;
export const PARTS = Object.keys(NOUN_OF) as Part[];
