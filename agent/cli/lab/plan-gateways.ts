import type { LabPlan } from './plan.js';
import { type Id, pathTo } from './steps.js';

/** Gateways of VPCs, NAT gateways, peerings and VPN. */
export function planGateways(plan: LabPlan): void {
  planAttached(plan, 'internetGateways', 'internet-gateway');
  planAttached(plan, 'vpnGateways', 'vpn-gateway');
  planEgressOnlyGateways(plan);
  planNatGateways(plan);
  planPeerings(plan);
  planCustomerGateways(plan);
  planVpnConnections(plan);
}

/** Gateways that live by themselves and are attached to a VPC. */
function planAttached(plan: LabPlan, part: 'internetGateways' | 'vpnGateways', noun: 'internet-gateway' | 'vpn-gateway'): void {
  const detach = (name: string, id: Id, vpcId: string) =>
    plan.change('detach gateways', part, name, 'detach', { method: 'POST', path: pathTo(noun, id, 'detach'), body: { vpcId } });
  const attach = (name: string, vpc: string) =>
    plan.change('attach gateways', part, name, `attach to ${vpc}`, {
      method: 'POST',
      path: pathTo(noun, plan.id(part, name), 'attach'),
      body: { vpcId: plan.id('vpcs', vpc) },
    });
  for (const [name, found] of plan.gone(part)) {
    const id = 'vpnGatewayId' in found ? found.vpnGatewayId : found.internetGatewayId;
    if (found.vpcId !== undefined) detach(name, String(id), found.vpcId);
    plan.retire(part, name, String(id));
    plan.delete('delete detached gateways', part, name, String(id));
  }
  for (const [name, wanted] of plan.missing(part)) {
    plan.create('gateways', part, name, 'asn' in wanted ? { amazonSideAsn: wanted.asn } : {});
    attach(name, wanted.vpc);
  }
  for (const { name, wanted, found } of plan.kept(part)) {
    if (found.vpcId !== undefined && found.vpcId === plan.knownId('vpcs', wanted.vpc)) continue;
    if (found.vpcId !== undefined) detach(name, plan.id(part, name), found.vpcId);
    attach(name, wanted.vpc);
  }
}

function planEgressOnlyGateways(plan: LabPlan): void {
  for (const [name, found] of plan.gone('egressOnlyGateways'))
    plan.delete('delete gateways', 'egressOnlyGateways', name, found.egressOnlyInternetGatewayId);
  for (const [name, { vpc }] of plan.missing('egressOnlyGateways'))
    plan.create('gateways', 'egressOnlyGateways', name, { vpcId: plan.id('vpcs', vpc) });
}

function planNatGateways(plan: LabPlan): void {
  for (const [name, found] of plan.gone('natGateways'))
    plan.delete('delete nat gateways', 'natGateways', name, found.natGatewayId, {
      path: pathTo('nat-gateway', found.natGatewayId),
      states: ['deleted', 'terminated'],
    });
  for (const [name, { subnet, elasticAddress }] of plan.missing('natGateways'))
    plan.create(
      'nat gateways',
      'natGateways',
      name,
      {
        subnetId: plan.id('subnets', subnet),
        connectivityType: elasticAddress === undefined ? 'private' : 'public',
        allocationId: elasticAddress === undefined ? undefined : plan.id('elasticAddresses', elasticAddress),
      },
      { until: { path: pathTo('nat-gateway', plan.id('natGateways', name)), states: ['available'] } },
    );
}

function planPeerings(plan: LabPlan): void {
  const accept = (name: string, id: Id) =>
    plan.change('connections', 'peerings', name, 'accept', { method: 'POST', path: pathTo('peering', id, 'accept'), body: {} });
  for (const [name, found] of plan.gone('peerings')) plan.delete('delete gateways', 'peerings', name, found.vpcPeeringConnectionId);
  for (const [name, { between }] of plan.missing('peerings')) {
    const [requester, accepter] = between;
    plan.create('connections', 'peerings', name, { vpcId: plan.id('vpcs', requester), peerVpcId: plan.id('vpcs', accepter) });
    accept(name, plan.id('peerings', name));
  }
  for (const { name, found } of plan.kept('peerings'))
    if (found.status === 'pending-acceptance') accept(name, found.vpcPeeringConnectionId);
}

const DEFAULT_CUSTOMER_ASN = 65_000;

function planCustomerGateways(plan: LabPlan): void {
  for (const [name, found] of plan.gone('customerGateways')) {
    plan.retire('customerGateways', name, found.customerGatewayId);
    plan.delete('delete detached gateways', 'customerGateways', name, found.customerGatewayId);
  }
  for (const [name, { address, asn }] of plan.missing('customerGateways'))
    plan.create('gateways', 'customerGateways', name, { ipAddress: address, bgpAsn: asn ?? DEFAULT_CUSTOMER_ASN });
}

function planVpnConnections(plan: LabPlan): void {
  const route = (method: 'POST' | 'DELETE', name: string, destination: string) =>
    plan.change('connections', 'vpnConnections', name, `${method === 'POST' ? '' : 'no '}route ${destination}`, {
      method,
      path: pathTo('vpn', plan.id('vpnConnections', name), 'routes'),
      body: { destination },
    });
  for (const [name, found] of plan.gone('vpnConnections')) plan.delete('delete gateways', 'vpnConnections', name, found.vpnConnectionId);
  for (const [name, { vpnGateway, routes }] of plan.missing('vpnConnections')) {
    plan.create('connections', 'vpnConnections', name, {
      vpnGatewayId: plan.id('vpnGateways', vpnGateway),
      customerGatewayId: plan.id('customerGateways', name),
      staticRoutesOnly: true,
    });
    for (const destination of routes) route('POST', name, destination);
  }
  for (const { name, wanted, found } of plan.kept('vpnConnections')) {
    for (const destination of wanted.routes) if (!found.routes.includes(destination)) route('POST', name, destination);
    for (const destination of found.routes) if (!wanted.routes.includes(destination)) route('DELETE', name, destination);
  }
}

/** What instances of a VPC learn about names; without any, the standard options. */
export function planDhcpOptions(plan: LabPlan): void {
  for (const [name, found] of plan.gone('dhcpOptions')) {
    plan.retire('dhcpOptions', name, found.dhcpOptionsId);
    plan.delete('delete dhcp options', 'dhcpOptions', name, found.dhcpOptionsId);
  }
  for (const [name, { domainName, servers }] of plan.missing('dhcpOptions'))
    plan.create('dhcp options', 'dhcpOptions', name, { domainName, domainNameServers: servers });
  const associate = (vpc: string, options: string | undefined) =>
    plan.change('dhcp options', 'vpcs', vpc, `DHCP options ${options ?? 'default'}`, {
      method: 'POST',
      path: pathTo('vpc', plan.id('vpcs', vpc), 'dhcp-options'),
      body: { dhcpOptionsId: options === undefined ? 'default' : plan.id('dhcpOptions', options) },
    });
  for (const [vpc, { dhcpOptions }] of plan.missing('vpcs')) if (dhcpOptions !== undefined) associate(vpc, dhcpOptions);
  for (const { name, wanted, found } of plan.kept('vpcs')) {
    const id = wanted.dhcpOptions === undefined ? 'default' : plan.knownId('dhcpOptions', wanted.dhcpOptions);
    if (id !== (found.dhcpOptionsId ?? 'default')) associate(name, wanted.dhcpOptions);
  }
}
