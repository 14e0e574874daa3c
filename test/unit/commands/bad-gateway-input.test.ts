import { gateways } from './gateway-world.js';
import { type Row, testRefusals } from './refusals.js';
import { ABSENT, type City } from './world.js';

const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
/** An elastic address on the city's free interface. */
const associated = (c: City) => {
  const g = gateways(c);
  g.internetGateway();
  const allocationId = g.address();
  return { allocationId, associationId: g.associate(allocationId, c.eniId) };
};
const automatic = (c: City) => {
  const instanceId = c.world.run('runInstances', { networkInterfaces: [{ subnetId: c.subnetId, associatePublicIpAddress: true }] })
    .instanceIds[0];
  return c.world.state.by('elasticIp', 'networkInterfaceId', c.primaryOf(instanceId))[0]?.allocationId;
};
const publicNat = (c: City) => {
  const g = gateways(c);
  g.internetGateway();
  const allocationId = g.address();
  const natGatewayId = g.natGateway({ connectivityType: 'public', allocationId });
  return { allocationId, natGatewayId, networkInterfaceId: c.world.get('natGateway', natGatewayId).networkInterfaceId };
};
const gone = (c: City) => {
  const natGatewayId = gateways(c).natGateway();
  c.world.run('deleteNatGateway', { natGatewayId });
  c.world.run('finishNatGateway', { natGatewayId });
  return natGatewayId;
};
const small = (c: City) => {
  c.world.context = { ...c.world.context, publicPool: '203.0.113.0/30' };
  return many(2, () => gateways(c).address());
};
const entry = { ruleNumber: 200, egress: false, ruleAction: 'allow', protocol: '-1', cidr: '0.0.0.0/0' };
const defaultAcl = (c: City) => c.world.get('vpc', c.vpcId).defaultNetworkAclId;
const route = (c: City, destination = '0.0.0.0/0') => ({ routeTableId: c.mainRouteTableId, destination });

// biome-ignore format: a row is a line
const TABLES: Readonly<Record<string, readonly Row[]>> = {
  'ids of gateways': [
    ['internet gateway: malformed', 'deleteInternetGateway', () => ({ internetGatewayId: 'igw-1' }), 'InvalidInternetGatewayId.Malformed'],
    ['internet gateway: absent', 'deleteInternetGateway', () => ({ internetGatewayId: `igw-${ABSENT}` }), 'InvalidInternetGatewayID.NotFound'],
    ['egress-only: malformed', 'deleteEgressOnlyInternetGateway', () => ({ egressOnlyInternetGatewayId: `igw-${ABSENT}` }), 'InvalidEgressOnlyInternetGatewayId.Malformed'],
    ['egress-only: absent', 'deleteEgressOnlyInternetGateway', () => ({ egressOnlyInternetGatewayId: `eigw-${ABSENT}` }), 'InvalidEgressOnlyInternetGatewayId.NotFound'],
    ['NAT gateway: malformed', 'deleteNatGateway', () => ({ natGatewayId: 'nat' }), 'NatGatewayMalformed'],
    ['NAT gateway: absent', 'deleteNatGateway', () => ({ natGatewayId: `nat-${ABSENT}` }), 'NatGatewayNotFound'],
    ['address: malformed', 'releaseAddress', () => ({ allocationId: '203.0.113.1' }), 'InvalidAllocationID.NotFound'],
    ['address: absent', 'releaseAddress', () => ({ allocationId: `eipalloc-${ABSENT}` }), 'InvalidAllocationID.NotFound'],
    ['association: absent', 'disassociateAddress', () => ({ associationId: `eipassoc-${ABSENT}` }), 'InvalidAssociationID.NotFound'],
    ['peering: malformed', 'acceptVpcPeeringConnection', () => ({ vpcPeeringConnectionId: 'pcx' }), 'InvalidVpcPeeringConnectionId.Malformed'],
    ['peering: absent', 'acceptVpcPeeringConnection', () => ({ vpcPeeringConnectionId: `pcx-${ABSENT}` }), 'InvalidVpcPeeringConnectionID.NotFound'],
    ['VPN gateway: malformed', 'deleteVpnGateway', () => ({ vpnGatewayId: 'vgw' }), 'InvalidVpnGatewayID.NotFound'],
    ['VPN gateway: absent', 'deleteVpnGateway', () => ({ vpnGatewayId: `vgw-${ABSENT}` }), 'InvalidVpnGatewayID.NotFound'],
    ['customer gateway: malformed', 'deleteCustomerGateway', () => ({ customerGatewayId: 'cgw' }), 'InvalidCustomerGatewayId.Malformed'],
    ['customer gateway: absent', 'deleteCustomerGateway', () => ({ customerGatewayId: `cgw-${ABSENT}` }), 'InvalidCustomerGatewayID.NotFound'],
    ['VPN connection: malformed', 'deleteVpnConnection', () => ({ vpnConnectionId: 'vpn' }), 'InvalidVpnConnectionID.NotFound'],
    ['VPN connection: absent', 'deleteVpnConnection', () => ({ vpnConnectionId: `vpn-${ABSENT}` }), 'InvalidVpnConnectionID.NotFound'],
    ['DHCP options: malformed', 'deleteDhcpOptions', () => ({ dhcpOptionsId: 'default' }), 'InvalidDhcpOptionsId.Malformed'],
    ['DHCP options: absent', 'associateDhcpOptions', (c) => ({ vpcId: c.vpcId, dhcpOptionsId: `dopt-${ABSENT}` }), 'InvalidDhcpOptionID.NotFound'],
    ['ACL: malformed', 'deleteNetworkAcl', () => ({ networkAclId: 'acl' }), 'InvalidNetworkAclId.Malformed'],
    ['ACL: absent', 'deleteNetworkAcl', () => ({ networkAclId: `acl-${ABSENT}` }), 'InvalidNetworkAclID.NotFound'],
    ['ACL association: absent', 'replaceNetworkAclAssociation', (c) => ({ associationId: `aclassoc-${ABSENT}`, networkAclId: defaultAcl(c) }), 'InvalidAssociationID.NotFound'],
  ],
  'internet gateways': [
    ['attached already', 'attachInternetGateway', (c) => ({ internetGatewayId: gateways(c).internetGateway(), vpcId: c.otherVpcId }), 'Resource.AlreadyAssociated', /already attached/],
    [
      'second of a VPC',
      'attachInternetGateway',
      (c) => {
        gateways(c).internetGateway();
        return { internetGatewayId: c.world.run('createInternetGateway').internetGatewayId, vpcId: c.vpcId };
      },
      'InvalidParameterValue',
      /already has/,
    ],
    ['detach: not attached', 'detachInternetGateway', (c) => ({ internetGatewayId: c.world.run('createInternetGateway').internetGatewayId }), 'Gateway.NotAttached'],
    ['detach: from another VPC', 'detachInternetGateway', (c) => ({ internetGatewayId: gateways(c).internetGateway(), vpcId: c.otherVpcId }), 'Gateway.NotAttached'],
    [
      'detach: addresses in use',
      'detachInternetGateway',
      (c) => {
        associated(c);
        return { internetGatewayId: c.world.state.by('internetGateway', 'vpcId', c.vpcId)[0]?.internetGatewayId };
      },
      'DependencyViolation',
      /203\.0\.113\.1/,
    ],
    ['delete: attached', 'deleteInternetGateway', (c) => ({ internetGatewayId: gateways(c).internetGateway() }), 'DependencyViolation', /vpc-/],
    [
      'VPC with a gateway',
      'deleteVpc',
      (c) => {
        const vpcId = gateways(c).apartVpc();
        gateways(c).internetGateway(vpcId);
        return { vpcId };
      },
      'DependencyViolation',
      /igw-/,
    ],
  ],
  'elastic addresses': [
    ['not in the pool', 'allocateAddress', () => ({ publicIp: '198.51.100.7' }), 'InvalidParameterValue', /203\.0\.113\.0\/24/],
    ['first of the pool', 'allocateAddress', () => ({ publicIp: '203.0.113.0' }), 'InvalidParameterValue', /pool/],
    ['last of the pool', 'allocateAddress', () => ({ publicIp: '203.0.113.255' }), 'InvalidParameterValue', /pool/],
    ['no address', 'allocateAddress', () => ({ publicIp: '203.0.113' }), 'InvalidParameterValue', /IPv4/],
    [
      'allocated already',
      'allocateAddress',
      (c) => {
        gateways(c).address({ publicIp: '203.0.113.7' });
        return { publicIp: '203.0.113.7' };
      },
      'InvalidIPAddress.InUse',
      /eipalloc-/,
    ],
    [
      'pool used up',
      'allocateAddress',
      (c) => {
        small(c);
        return {};
      },
      'InsufficientAddressCapacity',
    ],
    [
      'pool used up at a launch',
      'runInstances',
      (c) => {
        small(c);
        return { networkInterfaces: [{ subnetId: c.subnetId, associatePublicIpAddress: true }] };
      },
      'InsufficientAddressCapacity',
    ],
    ['no internet gateway', 'associateAddress', (c) => ({ allocationId: gateways(c).address(), networkInterfaceId: c.eniId }), 'Gateway.NotAttached'],
    ['no target', 'associateAddress', (c) => ({ allocationId: gateways(c).address() }), 'MissingParameter'],
    ['two targets', 'associateAddress', (c) => ({ allocationId: gateways(c).address(), networkInterfaceId: c.eniId, instanceId: c.instanceId }), 'InvalidParameterCombination'],
    [
      'instance with two interfaces',
      'associateAddress',
      (c) => {
        gateways(c).internetGateway();
        c.world.run('attachNetworkInterface', { networkInterfaceId: c.eniId, instanceId: c.instanceId, deviceIndex: 1 });
        return { allocationId: gateways(c).address(), instanceId: c.instanceId };
      },
      'InvalidInstanceID',
    ],
    [
      'not an address of the interface',
      'associateAddress',
      (c) => {
        gateways(c).internetGateway();
        return { allocationId: gateways(c).address(), networkInterfaceId: c.eniId, privateIpAddress: '10.0.1.77' };
      },
      'InvalidParameterValue',
      /not assigned/,
    ],
    ['associated already', 'associateAddress', (c) => ({ allocationId: associated(c).allocationId, networkInterfaceId: c.primaryOf(c.instanceId), allowReassociation: false }), 'Resource.AlreadyAssociated', /already associated/],
    [
      'private address taken',
      'associateAddress',
      (c) => {
        associated(c);
        return { allocationId: gateways(c).address(), networkInterfaceId: c.eniId, allowReassociation: false };
      },
      'Resource.AlreadyAssociated',
      /203\.0\.113\.1/,
    ],
    ["a NAT gateway's interface", 'associateAddress', (c) => ({ networkInterfaceId: publicNat(c).networkInterfaceId, allocationId: gateways(c).address() }), 'OperationNotPermitted', /nat-/],
    ["a NAT gateway's address", 'associateAddress', (c) => ({ allocationId: publicNat(c).allocationId, networkInterfaceId: c.eniId }), 'OperationNotPermitted', /nat-/],
    ["disassociate a NAT gateway's", 'disassociateAddress', (c) => ({ associationId: c.world.get('elasticIp', publicNat(c).allocationId).association?.associationId }), 'OperationNotPermitted', /nat-/],
    ['associate an automatic one', 'associateAddress', (c) => ({ allocationId: automatic(c), networkInterfaceId: c.eniId }), 'OperationNotPermitted', /automatically/],
    ['release an automatic one', 'releaseAddress', (c) => ({ allocationId: automatic(c) }), 'OperationNotPermitted', /automatically/],
    ['release an associated one', 'releaseAddress', (c) => ({ allocationId: associated(c).allocationId }), 'InvalidIPAddress.InUse', /eni-/],
    ['automatic for the second interface', 'runInstances', (c) => ({ networkInterfaces: [{ subnetId: c.subnetId }, { subnetId: c.subnetId, associatePublicIpAddress: true }] }), 'InvalidParameterCombination', /device index 0/],
    ['automatic with several interfaces', 'runInstances', (c) => ({ networkInterfaces: [{ subnetId: c.subnetId, associatePublicIpAddress: true }, { subnetId: c.subnetId }] }), 'InvalidParameterCombination', /multiple/],
    ['automatic for an existing interface', 'runInstances', (c) => ({ networkInterfaces: [{ networkInterfaceId: c.eniId, associatePublicIpAddress: true }] }), 'InvalidParameterCombination'],
  ],
  'NAT gateways': [
    ['public without address', 'createNatGateway', (c) => ({ subnetId: c.subnetId }), 'MissingParameter', /allocationId/],
    ['private with address', 'createNatGateway', (c) => ({ subnetId: c.subnetId, connectivityType: 'private', allocationId: gateways(c).address() }), 'InvalidParameterCombination'],
    ['public without internet gateway', 'createNatGateway', (c) => ({ subnetId: c.subnetId, allocationId: gateways(c).address() }), 'Gateway.NotAttached'],
    ['address in use', 'createNatGateway', (c) => ({ subnetId: c.subnetId, allocationId: associated(c).allocationId }), 'Resource.AlreadyAssociated'],
    ['address absent', 'createNatGateway', (c) => ({ subnetId: c.subnetId, allocationId: `eipalloc-${ABSENT}` }), 'InvalidAllocationID.NotFound'],
    ['private address used', 'createNatGateway', (c) => ({ subnetId: c.subnetId, connectivityType: 'private', privateIpAddress: c.world.eni(c.eniId).privateIpAddresses[0] }), 'InvalidIPAddress.InUse'],
    ['private address outside', 'createNatGateway', (c) => ({ subnetId: c.subnetId, connectivityType: 'private', privateIpAddress: '10.0.2.9' }), 'InvalidParameterValue', /fall within/],
    ['no such kind', 'createNatGateway', (c) => ({ subnetId: c.subnetId, connectivityType: 'both' }), 'InvalidParameterValue', /public, private/],
    ['deleted twice', 'deleteNatGateway', (c) => ({ natGatewayId: gone(c) }), 'NatGatewayNotFound'],
    ['its interface: delete', 'deleteNetworkInterface', (c) => ({ networkInterfaceId: publicNat(c).networkInterfaceId }), 'OperationNotPermitted', /nat-/],
    ['its interface: modify', 'modifyNetworkInterface', (c) => ({ networkInterfaceId: publicNat(c).networkInterfaceId, sourceDestCheck: true }), 'OperationNotPermitted', /nat-/],
    ['its interface: attach', 'attachNetworkInterface', (c) => ({ networkInterfaceId: publicNat(c).networkInterfaceId, instanceId: c.instanceId, deviceIndex: 1 }), 'OperationNotPermitted', /nat-/],
    ['its interface: addresses', 'assignPrivateIpAddresses', (c) => ({ networkInterfaceId: publicNat(c).networkInterfaceId, secondaryPrivateIpAddressCount: 1 }), 'OperationNotPermitted', /nat-/],
    [
      'its subnet',
      'deleteSubnet',
      (c) => {
        const subnetId = c.subnet({ vpcId: c.vpcId, cidrBlock: '10.0.9.0/24' });
        gateways(c).natGateway({ subnetId });
        return { subnetId };
      },
      'DependencyViolation',
      /eni-/,
    ],
  ],
  'VPC peering': [
    ['overlapping', 'createVpcPeeringConnection', (c) => ({ vpcId: c.vpcId, peerVpcId: c.otherVpcId }), 'InvalidParameterValue', /overlapping.*10\.0\.0\.0\/16/],
    ['with itself', 'createVpcPeeringConnection', (c) => ({ vpcId: c.vpcId, peerVpcId: c.vpcId }), 'InvalidParameterValue', /same/],
    ['peer absent', 'createVpcPeeringConnection', (c) => ({ vpcId: c.vpcId, peerVpcId: `vpc-${ABSENT}` }), 'InvalidVpcID.NotFound'],
    [
      'again, from the other side',
      'createVpcPeeringConnection',
      (c) => {
        const peerVpcId = gateways(c).apartVpc();
        gateways(c).peering(peerVpcId);
        return { vpcId: peerVpcId, peerVpcId: c.vpcId };
      },
      'VpcPeeringConnectionAlreadyExists',
      /pcx-/,
    ],
    [
      'accept twice',
      'acceptVpcPeeringConnection',
      (c) => {
        const vpcPeeringConnectionId = gateways(c).peering();
        c.world.run('acceptVpcPeeringConnection', { vpcPeeringConnectionId });
        return { vpcPeeringConnectionId };
      },
      'InvalidStateTransition',
      /active/,
    ],
    [
      'reject an active one',
      'rejectVpcPeeringConnection',
      (c) => {
        const vpcPeeringConnectionId = gateways(c).peering();
        c.world.run('acceptVpcPeeringConnection', { vpcPeeringConnectionId });
        return { vpcPeeringConnectionId };
      },
      'InvalidStateTransition',
    ],
    [
      'accept a rejected one',
      'acceptVpcPeeringConnection',
      (c) => {
        const vpcPeeringConnectionId = gateways(c).peering();
        c.world.run('rejectVpcPeeringConnection', { vpcPeeringConnectionId });
        return { vpcPeeringConnectionId };
      },
      'InvalidStateTransition',
      /rejected/,
    ],
    [
      'delete twice',
      'deleteVpcPeeringConnection',
      (c) => {
        const vpcPeeringConnectionId = gateways(c).peering();
        c.world.run('deleteVpcPeeringConnection', { vpcPeeringConnectionId });
        return { vpcPeeringConnectionId };
      },
      'InvalidStateTransition',
    ],
    [
      'VPC with a peering',
      'deleteVpc',
      (c) => {
        const vpcId = gateways(c).apartVpc();
        gateways(c).peering(vpcId);
        return { vpcId };
      },
      'DependencyViolation',
      /pcx-/,
    ],
  ],
  'network ACLs': [
    ['number 0', 'createNetworkAclEntry', (c) => ({ networkAclId: defaultAcl(c), ...entry, ruleNumber: 0 }), 'InvalidParameterValue', /1 or more/],
    ['number 32767', 'createNetworkAclEntry', (c) => ({ networkAclId: defaultAcl(c), ...entry, ruleNumber: 32767 }), 'InvalidParameterValue', /32766/],
    ['number taken', 'createNetworkAclEntry', (c) => ({ networkAclId: defaultAcl(c), ...entry, ruleNumber: 100, ruleAction: 'deny' }), 'NetworkAclEntryAlreadyExists', /100/],
    ['number taken by IPv6', 'createNetworkAclEntry', (c) => ({ networkAclId: defaultAcl(c), ...entry, ruleNumber: 101 }), 'NetworkAclEntryAlreadyExists'],
    ['no such action', 'createNetworkAclEntry', (c) => ({ networkAclId: defaultAcl(c), ...entry, ruleAction: 'drop' }), 'InvalidParameterValue', /allow, deny/],
    ['no such protocol', 'createNetworkAclEntry', (c) => ({ networkAclId: defaultAcl(c), ...entry, protocol: 'http' }), 'InvalidParameterValue', /protocol/],
    ['tcp without ports', 'createNetworkAclEntry', (c) => ({ networkAclId: defaultAcl(c), ...entry, protocol: 'tcp' }), 'MissingParameter', /portRange/],
    ['ports reversed', 'createNetworkAclEntry', (c) => ({ networkAclId: defaultAcl(c), ...entry, protocol: 'tcp', portRange: { from: 80, to: 22 } }), 'InvalidParameterValue', /80-22/],
    ['port too large', 'createNetworkAclEntry', (c) => ({ networkAclId: defaultAcl(c), ...entry, protocol: 'udp', portRange: { from: 80, to: 65536 } }), 'InvalidParameterValue', /65535/],
    ['range with host bits', 'createNetworkAclEntry', (c) => ({ networkAclId: defaultAcl(c), ...entry, cidr: '10.0.0.1/8' }), 'InvalidParameterValue', /10\.0\.0\.0\/8/],
    ['icmp to IPv6', 'createNetworkAclEntry', (c) => ({ networkAclId: defaultAcl(c), ...entry, protocol: 'icmp', cidr: '::/0' }), 'InvalidParameterValue', /IPv4/],
    ['icmpv6 to IPv4', 'createNetworkAclEntry', (c) => ({ networkAclId: defaultAcl(c), ...entry, protocol: '58' }), 'InvalidParameterValue', /IPv6/],
    ['ICMP code without type', 'createNetworkAclEntry', (c) => ({ networkAclId: defaultAcl(c), ...entry, protocol: '1', icmp: { type: -1, code: 3 } }), 'InvalidParameterValue', /code/],
    ['replace what is not there', 'replaceNetworkAclEntry', (c) => ({ networkAclId: defaultAcl(c), ...entry }), 'InvalidNetworkAclEntry.NotFound', /ingress/],
    ['delete what is not there', 'deleteNetworkAclEntry', (c) => ({ networkAclId: defaultAcl(c), ruleNumber: 7, egress: true }), 'InvalidNetworkAclEntry.NotFound', /egress/],
    [
      '41st entry',
      'createNetworkAclEntry',
      (c) => {
        const networkAclId = gateways(c).acl();
        for (let i = 1; i <= 40; i++) c.world.run('createNetworkAclEntry', { networkAclId, ...entry, ruleNumber: i });
        return { networkAclId, ...entry };
      },
      'NetworkAclEntryLimitExceeded',
      /40/,
    ],
    ['delete the default one', 'deleteNetworkAcl', (c) => ({ networkAclId: defaultAcl(c) }), 'InvalidParameterValue', /default/],
    [
      'delete one in use',
      'deleteNetworkAcl',
      (c) => {
        const networkAclId = gateways(c).acl();
        gateways(c).useAcl(networkAclId);
        return { networkAclId };
      },
      'DependencyViolation',
      /subnet-/,
    ],
    [
      'of another VPC',
      'replaceNetworkAclAssociation',
      (c) => ({ associationId: c.world.get('networkAcl', defaultAcl(c)).associations[0]?.associationId, networkAclId: c.world.get('vpc', c.otherVpcId).defaultNetworkAclId }),
      'InvalidParameterValue',
      /different networks/,
    ],
    ['VPC with an ACL', 'deleteVpc', (c) => {
      const vpcId = gateways(c).apartVpc();
      gateways(c).acl(vpcId);
      return { vpcId };
    }, 'DependencyViolation', /acl-/],
  ],
  VPN: [
    ['public number of the gateway', 'createVpnGateway', () => ({ amazonSideAsn: 3320 }), 'InvalidParameterValue', /64512/],
    ['attached already', 'attachVpnGateway', (c) => ({ vpnGatewayId: gateways(c).vpnGateway(), vpcId: c.otherVpcId }), 'VpnGatewayAttachmentLimitExceeded'],
    [
      'second of a VPC',
      'attachVpnGateway',
      (c) => {
        gateways(c).vpnGateway();
        return { vpnGatewayId: c.world.run('createVpnGateway').vpnGatewayId, vpcId: c.vpcId };
      },
      'InvalidVpcState',
      /already has/,
    ],
    ['detach: not attached', 'detachVpnGateway', (c) => ({ vpnGatewayId: c.world.run('createVpnGateway').vpnGatewayId }), 'InvalidVpnGatewayAttachment.NotFound'],
    ['detach: from another VPC', 'detachVpnGateway', (c) => ({ vpnGatewayId: gateways(c).vpnGateway(), vpcId: c.otherVpcId }), 'InvalidVpnGatewayAttachment.NotFound'],
    ['delete: attached', 'deleteVpnGateway', (c) => ({ vpnGatewayId: gateways(c).vpnGateway() }), 'IncorrectState', /vpc-/],
    [
      'delete: connected',
      'deleteVpnGateway',
      (c) => {
        const { vpnGatewayId } = c.world.run('createVpnGateway');
        gateways(c).connection(vpnGatewayId);
        return { vpnGatewayId };
      },
      'IncorrectState',
      /vpn-/,
    ],
    ['customer in the pool', 'createCustomerGateway', () => ({ ipAddress: '203.0.113.9' }), 'InvalidParameterValue', /pool/],
    ['customer is the name server', 'createCustomerGateway', () => ({ ipAddress: '198.51.100.53' }), 'InvalidParameterValue', /server/],
    ['customer in loopback', 'createCustomerGateway', () => ({ ipAddress: '127.0.0.1' }), 'InvalidParameterValue', /127/],
    ['customer in link-local', 'createCustomerGateway', () => ({ ipAddress: '169.254.1.1' }), 'InvalidParameterValue', /169/],
    ['customer by name', 'createCustomerGateway', () => ({ ipAddress: 'gw.example' }), 'InvalidParameterValue', /IPv4/],
    ['number 0', 'createCustomerGateway', () => ({ ipAddress: '192.0.2.10', bgpAsn: 0 }), 'InvalidParameterValue', /1 or more/],
    [
      'customer address taken',
      'createCustomerGateway',
      (c) => {
        gateways(c).customerGateway();
        return { ipAddress: '192.0.2.10' };
      },
      'InvalidCustomerGateway.DuplicateIpAddress',
      /cgw-/,
    ],
    [
      'delete a connected customer',
      'deleteCustomerGateway',
      (c) => {
        const customerGatewayId = gateways(c).customerGateway();
        gateways(c).connection(undefined, customerGatewayId);
        return { customerGatewayId };
      },
      'IncorrectState',
      /vpn-/,
    ],
    [
      'connected already',
      'createVpnConnection',
      (c) => {
        const [vpnGatewayId, customerGatewayId] = [gateways(c).vpnGateway(), gateways(c).customerGateway()];
        gateways(c).connection(vpnGatewayId, customerGatewayId);
        return { vpnGatewayId, customerGatewayId };
      },
      'InvalidOption.Conflict',
      /already/,
    ],
    ['route with host bits', 'createVpnConnectionRoute', (c) => ({ vpnConnectionId: gateways(c).connection(), destination: '192.168.0.1/16' }), 'InvalidParameterValue', /192\.168\.0\.0\/16/],
    ['route in IPv6', 'createVpnConnectionRoute', (c) => ({ vpnConnectionId: gateways(c).connection(), destination: 'fd01::/64' }), 'InvalidParameterValue', /IPv4/],
    ['route to link-local', 'createVpnConnectionRoute', (c) => ({ vpnConnectionId: gateways(c).connection(), destination: '169.254.8.0/24' }), 'InvalidParameterValue', /169\.254/],
    [
      'route again',
      'createVpnConnectionRoute',
      (c) => {
        const input = { vpnConnectionId: gateways(c).connection(), destination: '192.168.0.0/16' };
        c.world.run('createVpnConnectionRoute', input);
        return input;
      },
      'RouteAlreadyExists',
    ],
    ['remove a route that is not there', 'deleteVpnConnectionRoute', (c) => ({ vpnConnectionId: gateways(c).connection(), destination: '192.168.0.0/16' }), 'InvalidRoute.NotFound'],
    ['propagation: not attached', 'enableVgwRoutePropagation', (c) => ({ routeTableId: c.mainRouteTableId, gatewayId: gateways(c).vpnGateway(c.otherVpcId) }), 'Gateway.NotAttached'],
    ['propagation of an internet gateway', 'enableVgwRoutePropagation', (c) => ({ routeTableId: c.mainRouteTableId, gatewayId: gateways(c).internetGateway() }), 'InvalidVpnGatewayID.NotFound', /internetGateway/],
  ],
  'DHCP options': [
    ['nothing', 'createDhcpOptions', () => ({}), 'MissingParameter', /domainName/],
    ['no domain name', 'createDhcpOptions', () => ({ domainName: 'corp example' }), 'InvalidParameterValue', /domain name/],
    ['name server by name', 'createDhcpOptions', () => ({ domainNameServers: ['ns.example'] }), 'InvalidParameterValue', /AmazonProvidedDNS/],
    ['no name server', 'createDhcpOptions', () => ({ domainNameServers: [] }), 'InvalidParameterValue', /at least one/],
    ['five name servers', 'createDhcpOptions', () => ({ domainNameServers: many(5, (i) => `10.0.0.${i}`) }), 'InvalidParameterValue', /four/],
    [
      'delete: in use',
      'deleteDhcpOptions',
      (c) => {
        const dhcpOptionsId = gateways(c).dhcpOptions();
        c.world.run('associateDhcpOptions', { vpcId: c.vpcId, dhcpOptionsId });
        return { dhcpOptionsId };
      },
      'DependencyViolation',
      /vpc-/,
    ],
  ],
  'routes to gateways': [
    ['internet gateway of another VPC', 'createRoute', (c) => ({ ...route(c), gatewayId: gateways(c).internetGateway(c.otherVpcId) }), 'InvalidParameterValue', /different networks/],
    ['internet gateway of none', 'createRoute', (c) => ({ ...route(c), gatewayId: c.world.run('createInternetGateway').internetGatewayId }), 'InvalidParameterValue', /different networks/],
    ['VPN gateway of another VPC', 'createRoute', (c) => ({ ...route(c), gatewayId: gateways(c).vpnGateway(c.otherVpcId) }), 'InvalidParameterValue', /different networks/],
    ['absent gateway', 'createRoute', (c) => ({ ...route(c), gatewayId: `igw-${ABSENT}` }), 'InvalidGatewayID.NotFound'],
    ['gateway of no kind', 'createRoute', (c) => ({ ...route(c), gatewayId: c.eniId }), 'InvalidGatewayID.NotFound'],
    ['local', 'createRoute', (c) => ({ ...route(c), gatewayId: 'local' }), 'InvalidParameterValue', /no local route/],
    ['link-local to a gateway', 'createRoute', (c) => ({ ...route(c, '169.254.0.0/16'), gatewayId: gateways(c).internetGateway() }), 'InvalidParameterValue', /169\.254/],
    ['IPv6 link-local to a gateway', 'createRoute', (c) => ({ ...route(c, 'fe80::/10'), gatewayId: gateways(c).internetGateway() }), 'InvalidParameterValue', /fe80/],
    ['NAT gateway of another VPC', 'createRoute', (c) => ({ ...route(c), natGatewayId: gateways(c).natGateway({ subnetId: c.otherSubnetId }) }), 'InvalidParameterValue', /different networks/],
    ['deleted NAT gateway', 'createRoute', (c) => ({ ...route(c), natGatewayId: gone(c) }), 'NatGatewayNotFound'],
    ['IPv6 to a NAT gateway', 'createRoute', (c) => ({ ...route(c, '::/0'), natGatewayId: gateways(c).natGateway() }), 'InvalidParameterValue', /IPv4 only/],
    ["a NAT gateway's interface", 'createRoute', (c) => ({ ...route(c), networkInterfaceId: publicNat(c).networkInterfaceId }), 'InvalidParameterValue', /nat-/],
    ['IPv4 to an egress-only gateway', 'createRoute', (c) => ({ ...route(c), egressOnlyInternetGatewayId: c.world.run('createEgressOnlyInternetGateway', { vpcId: c.vpcId }).egressOnlyInternetGatewayId }), 'InvalidParameterValue', /IPv6 only/],
    ['egress-only gateway of another VPC', 'createRoute', (c) => ({ ...route(c, '::/0'), egressOnlyInternetGatewayId: c.world.run('createEgressOnlyInternetGateway', { vpcId: c.otherVpcId }).egressOnlyInternetGatewayId }), 'InvalidParameterValue', /different networks/],
    [
      'peering of other VPCs',
      'createRoute',
      (c) => {
        const [vpcId, peerVpcId] = [gateways(c).apartVpc('10.1.0.0/16'), gateways(c).apartVpc('10.2.0.0/16')];
        return { ...route(c), vpcPeeringConnectionId: c.world.run('createVpcPeeringConnection', { vpcId, peerVpcId }).vpcPeeringConnectionId };
      },
      'InvalidParameterValue',
      /different networks/,
    ],
    [
      'rejected peering',
      'createRoute',
      (c) => {
        const vpcPeeringConnectionId = gateways(c).peering();
        c.world.run('rejectVpcPeeringConnection', { vpcPeeringConnectionId });
        return { ...route(c), vpcPeeringConnectionId };
      },
      'IncorrectState',
      /rejected/,
    ],
    ['subnet to an internet gateway', 'createRoute', (c) => ({ ...route(c, '10.0.2.0/24'), gatewayId: gateways(c).internetGateway() }), 'InvalidParameterValue', /only an interface/],
    ['local range to an internet gateway', 'replaceRoute', (c) => ({ ...route(c, '10.0.0.0/16'), gatewayId: gateways(c).internetGateway() }), 'InvalidParameterValue', /only an interface/],
    [
      'other range back to local',
      'replaceRoute',
      (c) => {
        c.world.run('createRoute', { ...route(c), networkInterfaceId: c.eniId });
        return { ...route(c), gatewayId: 'local' };
      },
      'InvalidParameterValue',
      /no local route/,
    ],
    [
      'remove a replaced local route',
      'deleteRoute',
      (c) => {
        c.world.run('replaceRoute', { ...route(c, '10.0.0.0/16'), networkInterfaceId: c.eniId });
        return route(c, '10.0.0.0/16');
      },
      'InvalidParameterValue',
      /local route/,
    ],
    ['gateway and interface', 'createRoute', (c) => ({ ...route(c), gatewayId: gateways(c).internetGateway(), networkInterfaceId: c.eniId }), 'InvalidParameterCombination', /gatewayId and networkInterfaceId/],
  ],
};

testRefusals(TABLES);
