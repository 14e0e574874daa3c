import type { City } from './world.js';

/** Gateways and what belongs to them, added to a city. */
export function gateways(c: City) {
  const { world } = c;
  const internetGateway = (vpcId: string | undefined = c.vpcId): string => {
    const { internetGatewayId } = world.run('createInternetGateway');
    world.run('attachInternetGateway', { internetGatewayId, vpcId });
    return internetGatewayId;
  };
  const address = (input: object = {}): string => world.run('allocateAddress', input).allocationId;
  const associate = (allocationId: string, networkInterfaceId: string, more: object = {}): string =>
    world.run('associateAddress', { allocationId, networkInterfaceId, ...more }).associationId;
  const natGateway = (input: object = {}): string =>
    world.run('createNatGateway', { subnetId: c.subnetId, connectivityType: 'private', ...input }).natGatewayId;
  const apartVpc = (cidrBlock = '10.1.0.0/16'): string => world.run('createVpc', { cidrBlock }).vpcId;
  const peering = (peerVpcId = apartVpc()): string =>
    world.run('createVpcPeeringConnection', { vpcId: c.vpcId, peerVpcId }).vpcPeeringConnectionId;
  const vpnGateway = (vpcId: string | undefined = c.vpcId): string => {
    const { vpnGatewayId } = world.run('createVpnGateway');
    world.run('attachVpnGateway', { vpnGatewayId, vpcId });
    return vpnGatewayId;
  };
  const customerGateway = (ipAddress = '192.0.2.10'): string => world.run('createCustomerGateway', { ipAddress }).customerGatewayId;
  const connection = (vpnGatewayId = vpnGateway(), customerGatewayId = customerGateway()): string =>
    world.run('createVpnConnection', { vpnGatewayId, customerGatewayId }).vpnConnectionId;
  const acl = (vpcId = c.vpcId): string => world.run('createNetworkAcl', { vpcId }).networkAclId;
  /** Puts a subnet on an ACL. */
  const useAcl = (networkAclId: string, subnetId = c.subnetId): string => {
    const [before] = world.state.by('networkAcl', 'subnetId', subnetId);
    const associationId = before?.associations.find((one) => one.subnetId === subnetId)?.associationId;
    return world.run('replaceNetworkAclAssociation', { associationId, networkAclId }).associationId;
  };
  const dhcpOptions = (): string => world.run('createDhcpOptions', { domainName: 'corp.example' }).dhcpOptionsId;
  return {
    internetGateway,
    address,
    associate,
    natGateway,
    apartVpc,
    peering,
    vpnGateway,
    customerGateway,
    connection,
    acl,
    useAcl,
    dhcpOptions,
  };
}
