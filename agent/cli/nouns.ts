/** The nouns of the API as `eni` names them: where they are listed, and which field is their identity. */
export interface NounInfo {
  readonly path: string;
  readonly idField: string;
  readonly idPrefix: string;
}

export const NOUNS = {
  vpc: { path: '/v1/vpcs', idField: 'vpcId', idPrefix: 'vpc-' },
  subnet: { path: '/v1/subnets', idField: 'subnetId', idPrefix: 'subnet-' },
  interface: { path: '/v1/network-interfaces', idField: 'networkInterfaceId', idPrefix: 'eni-' },
  instance: { path: '/v1/instances', idField: 'instanceId', idPrefix: 'i-' },
  group: { path: '/v1/security-groups', idField: 'groupId', idPrefix: 'sg-' },
  'route-table': { path: '/v1/route-tables', idField: 'routeTableId', idPrefix: 'rtb-' },
  acl: { path: '/v1/network-acls', idField: 'networkAclId', idPrefix: 'acl-' },
  'internet-gateway': { path: '/v1/internet-gateways', idField: 'internetGatewayId', idPrefix: 'igw-' },
  'egress-gateway': { path: '/v1/egress-only-internet-gateways', idField: 'egressOnlyInternetGatewayId', idPrefix: 'eigw-' },
  'nat-gateway': { path: '/v1/nat-gateways', idField: 'natGatewayId', idPrefix: 'nat-' },
  address: { path: '/v1/elastic-ips', idField: 'allocationId', idPrefix: 'eipalloc-' },
  peering: { path: '/v1/vpc-peering-connections', idField: 'vpcPeeringConnectionId', idPrefix: 'pcx-' },
  'vpn-gateway': { path: '/v1/vpn-gateways', idField: 'vpnGatewayId', idPrefix: 'vgw-' },
  'customer-gateway': { path: '/v1/customer-gateways', idField: 'customerGatewayId', idPrefix: 'cgw-' },
  vpn: { path: '/v1/vpn-connections', idField: 'vpnConnectionId', idPrefix: 'vpn-' },
  'dhcp-options': { path: '/v1/dhcp-options', idField: 'dhcpOptionsId', idPrefix: 'dopt-' },
  key: { path: '/v1/key-pairs', idField: 'keyPairId', idPrefix: 'key-' },
  'prefix-list': { path: '/v1/prefix-lists', idField: 'prefixListId', idPrefix: 'pl-' },
} as const satisfies Record<string, NounInfo>;

export type NounName = keyof typeof NOUNS;
export const NOUN_NAMES = Object.keys(NOUNS) as NounName[];

/** The noun an id belongs to. What only begins like one is a name: `nat-address`, `vpn-office`. */
export function nounOfId(id: string): NounName | undefined {
  const prefix = /^([a-z]+-)[0-9a-f]{17}$/.exec(id)?.[1];
  return NOUN_NAMES.find((noun) => NOUNS[noun].idPrefix === prefix);
}

export function resourcePath(noun: NounName, id: string): string {
  return `${NOUNS[noun].path}/${encodeURIComponent(id)}`;
}
