import type { Snapshot } from '../model/snapshot.js';
import { vpcIpv4Ranges } from '../model/vpc.js';
import { bool, common, type NounFilters, some } from './filter-facts.js';

/** What gateways and what belongs to them can be filtered by. */

const internetGateway: NounFilters<'internetGateway'> = {
  ...common,
  'internet-gateway-id': (r) => [r.internetGatewayId],
  'attachment.vpc-id': (r) => some(r.vpcId),
  'attachment.state': (r) => (r.vpcId ? ['available'] : []),
};

const egressOnlyInternetGateway: NounFilters<'egressOnlyInternetGateway'> = {
  ...common,
  'egress-only-internet-gateway-id': (r) => [r.egressOnlyInternetGatewayId],
  'attachment.vpc-id': (r) => [r.vpcId],
};

const natGateway: NounFilters<'natGateway'> = {
  ...common,
  'nat-gateway-id': (r) => [r.natGatewayId],
  'vpc-id': (r) => [r.vpcId],
  'subnet-id': (r) => [r.subnetId],
  'connectivity-type': (r) => [r.connectivityType],
  state: (r, facts) => [facts.natGatewayState(r)],
};

const elasticIp: NounFilters<'elasticIp'> = {
  ...common,
  'allocation-id': (r) => [r.allocationId],
  'public-ip': (r) => [r.publicIp],
  kind: (r) => [r.kind],
  domain: () => ['vpc'],
  'association-id': (r) => some(r.association?.associationId),
  'network-interface-id': (r) => some(r.association?.networkInterfaceId),
  'private-ip-address': (r) => some(r.association?.privateIpAddress),
  'instance-id': (r, { snapshot }) =>
    some(snapshot.get('networkInterface', r.association?.networkInterfaceId ?? '')?.attachment?.instanceId),
  'vpc-id': (r) => some(r.association?.vpcId),
};

const vpcPeeringConnection: NounFilters<'vpcPeeringConnection'> = {
  ...common,
  'vpc-peering-connection-id': (r) => [r.vpcPeeringConnectionId],
  'requester-vpc-info.vpc-id': (r) => [r.requesterVpcId],
  'requester-vpc-info.owner-id': (r) => [r.ownerId],
  'requester-vpc-info.cidr-block': (r, { snapshot }) => rangesOf(snapshot, r.requesterVpcId),
  'accepter-vpc-info.vpc-id': (r) => [r.accepterVpcId],
  'accepter-vpc-info.owner-id': (r) => [r.ownerId],
  'accepter-vpc-info.cidr-block': (r, { snapshot }) => rangesOf(snapshot, r.accepterVpcId),
  'vpc-id': (r) => [r.requesterVpcId, r.accepterVpcId],
  'status-code': (r) => [r.status],
};

const vpnGateway: NounFilters<'vpnGateway'> = {
  ...common,
  'vpn-gateway-id': (r) => [r.vpnGatewayId],
  'amazon-side-asn': (r) => [String(r.amazonSideAsn)],
  'attachment.vpc-id': (r) => some(r.vpcId),
  'attachment.state': (r) => (r.vpcId ? ['attached'] : []),
  state: () => ['available'],
  type: () => ['ipsec.1'],
};

const customerGateway: NounFilters<'customerGateway'> = {
  ...common,
  'customer-gateway-id': (r) => [r.customerGatewayId],
  'ip-address': (r) => [r.ipAddress],
  'bgp-asn': (r) => [String(r.bgpAsn)],
  'device-name': (r) => some(r.deviceName),
  state: () => ['available'],
  type: () => ['ipsec.1'],
};

const vpnConnection: NounFilters<'vpnConnection'> = {
  ...common,
  'vpn-connection-id': (r) => [r.vpnConnectionId],
  'vpn-gateway-id': (r) => [r.vpnGatewayId],
  'customer-gateway-id': (r) => [r.customerGatewayId],
  'option.static-routes-only': (r) => bool(r.staticRoutesOnly),
  'route.destination-cidr-block': (r) => r.routes,
  'bgp-asn': (r, { snapshot }) => some(snapshot.get('customerGateway', r.customerGatewayId)?.bgpAsn),
  state: () => ['available'],
  type: () => ['ipsec.1'],
};

const dhcpOptions: NounFilters<'dhcpOptions'> = {
  ...common,
  'dhcp-options-id': (r) => [r.dhcpOptionsId],
  key: (r) => [...(r.domainName === undefined ? [] : ['domain-name']), 'domain-name-servers'],
  value: (r) => [...some(r.domainName), ...r.domainNameServers],
};

const keyPair: NounFilters<'keyPair'> = {
  ...common,
  'key-pair-id': (r) => [r.keyPairId],
  'key-name': (r) => [r.keyName],
  'key-type': (r) => [r.keyType],
  fingerprint: (r) => [r.fingerprint],
};

function rangesOf(snapshot: Snapshot, vpcId: string): string[] {
  const vpc = snapshot.get('vpc', vpcId);
  return vpc ? vpcIpv4Ranges(vpc) : [];
}

export const GATEWAY_FILTERS = {
  internetGateway,
  egressOnlyInternetGateway,
  natGateway,
  elasticIp,
  vpcPeeringConnection,
  vpnGateway,
  customerGateway,
  vpnConnection,
  dhcpOptions,
  keyPair,
};
