import { type Row, testRefusals } from './refusals.js';
import { ABSENT, type City } from './world.js';

const cidr = (cidr: string) => ({ peer: { cidr } });
const ssh = { protocol: 'tcp', fromPort: 22, toPort: 22, ...cidr('10.0.0.0/8') };
const authorize = (c: City, ...rules: object[]) => ({ groupId: c.groupId, direction: 'ingress', rules });
const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
/** An interface at device index 1 of the instance. */
const plugged = (c: City) => {
  c.world.run('attachNetworkInterface', { networkInterfaceId: c.eniId, instanceId: c.instanceId, deviceIndex: 1 });
  return c.eniId;
};
const stopped = (c: City, state: 'stopping' | 'stopped' | 'shutting-down' | 'terminated') => {
  const instanceId = c.run({});
  c.world.run(state === 'stopping' || state === 'stopped' ? 'stopInstance' : 'terminateInstance', { instanceId });
  if (state === 'stopped') c.world.run('finishStop', { instanceId });
  if (state === 'terminated') c.world.run('finishTerminate', { instanceId });
  return instanceId;
};

// biome-ignore format: a row is a line
const TABLES: Readonly<Record<string, readonly Row[]>> = {
  shapes: [
    ['unknown field', 'createVpc', () => ({ cidrBlock: '10.9.0.0/16', color: 'red' }), 'UnknownParameter', /color/],
    ['unknown field inside', 'createSubnet', (c) => ({ vpcId: c.vpcId, cidrBlock: '10.0.9.0/24', tags: {}, vpc: 1 }), 'UnknownParameter', /vpc/],
    ['unknown field in a rule', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, port: 22 }), 'UnknownParameter', /rules\.0\.port/],
    ['missing field', 'createSubnet', (c) => ({ vpcId: c.vpcId }), 'MissingParameter', /cidrBlock/],
    ['missing id', 'createSubnet', () => ({ cidrBlock: '10.0.9.0/24' }), 'MissingParameter', /vpcId/],
    ['missing peer', 'authorizeSecurityGroupRules', (c) => authorize(c, { protocol: '-1' }), 'MissingParameter', /rules\.0\.peer/],
    ['number for text', 'createVpc', () => ({ cidrBlock: 10 }), 'InvalidParameterValue', /cidrBlock.*string/],
    ['text for number', 'attachNetworkInterface', (c) => ({ networkInterfaceId: c.eniId, instanceId: c.instanceId, deviceIndex: '1' }), 'InvalidParameterValue', /deviceIndex/],
    ['fraction', 'attachNetworkInterface', (c) => ({ networkInterfaceId: c.eniId, instanceId: c.instanceId, deviceIndex: 1.5 }), 'InvalidParameterValue', /whole/],
    ['negative', 'attachNetworkInterface', (c) => ({ networkInterfaceId: c.eniId, instanceId: c.instanceId, deviceIndex: -1 }), 'InvalidParameterValue', /0 or more/],
    ['too large', 'attachNetworkInterface', (c) => ({ networkInterfaceId: c.eniId, instanceId: c.instanceId, deviceIndex: 64 }), 'InvalidParameterValue', /at most 63/],
    ['text for boolean', 'modifyNetworkInterface', (c) => ({ networkInterfaceId: c.eniId, sourceDestCheck: 'no' }), 'InvalidParameterValue', /sourceDestCheck/],
    ['null', 'modifyNetworkInterface', (c) => ({ networkInterfaceId: c.eniId, description: null }), 'InvalidParameterValue', /description/],
    ['object for list', 'modifyNetworkInterface', (c) => ({ networkInterfaceId: c.eniId, groupIds: { 0: c.groupId } }), 'InvalidParameterValue', /groupIds/],
    ['no such word', 'createVpc', () => ({ cidrBlock: '10.9.0.0/16', instanceTenancy: 'host' }), 'InvalidParameterValue', /default, dedicated/],
    ['long description', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, description: 'x'.repeat(256) }), 'InvalidParameterValue', /255/],
    ['control character', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, description: 'a\u0000b' }), 'InvalidParameterValue', /control/],
    ['empty client token', 'createVpc', () => ({ cidrBlock: '10.9.0.0/16', clientToken: '' }), 'InvalidParameterValue', /clientToken/],
    ['long client token', 'createVpc', () => ({ cidrBlock: '10.9.0.0/16', clientToken: 'x'.repeat(65) }), 'InvalidParameterValue', /64/],
    ['a list as input', 'createVpc', () => [], 'InvalidParameterValue', /input/],
  ],
  'foreign and absent ids': [
    ['vpc: malformed', 'deleteVpc', () => ({ vpcId: 'vpc-12' }), 'InvalidVpcID.Malformed', /vpc-12/],
    ['vpc: another kind', 'deleteVpc', (c) => ({ vpcId: c.subnetId }), 'InvalidVpcID.Malformed', /subnet/],
    ['vpc: upper case', 'deleteVpc', () => ({ vpcId: 'vpc-0123456789ABCDEF0' }), 'InvalidVpcID.Malformed'],
    ['vpc: absent', 'deleteVpc', () => ({ vpcId: `vpc-${ABSENT}` }), 'InvalidVpcID.NotFound'],
    ['subnet: malformed', 'createNetworkInterface', () => ({ subnetId: '../etc' }), 'InvalidSubnetID.Malformed'],
    ['subnet: absent', 'createNetworkInterface', () => ({ subnetId: `subnet-${ABSENT}` }), 'InvalidSubnetID.NotFound'],
    ['interface: malformed', 'deleteNetworkInterface', (c) => ({ networkInterfaceId: c.instanceId }), 'InvalidNetworkInterfaceId.Malformed', /instance/],
    ['interface: absent', 'deleteNetworkInterface', () => ({ networkInterfaceId: `eni-${ABSENT}` }), 'InvalidNetworkInterfaceID.NotFound'],
    ['attachment: malformed', 'detachNetworkInterface', (c) => ({ attachmentId: c.eniId }), 'InvalidNetworkInterfaceAttachmentId.Malformed'],
    ['attachment: absent', 'detachNetworkInterface', () => ({ attachmentId: `eni-attach-${ABSENT}` }), 'InvalidAttachmentID.NotFound'],
    ['instance: malformed', 'stopInstance', () => ({ instanceId: 'i-1; reboot' }), 'InvalidInstanceID.Malformed'],
    ['instance: absent', 'stopInstance', () => ({ instanceId: `i-${ABSENT}` }), 'InvalidInstanceID.NotFound'],
    ['group: malformed', 'deleteSecurityGroup', () => ({ groupId: 'web' }), 'InvalidGroupId.Malformed'],
    ['group: absent', 'deleteSecurityGroup', () => ({ groupId: `sg-${ABSENT}` }), 'InvalidGroup.NotFound'],
    ['group in a list: malformed', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, groupIds: [c.groupId, 'sg'] }), 'InvalidGroupId.Malformed'],
    ['group in a list: absent', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, groupIds: [`sg-${ABSENT}`] }), 'InvalidGroup.NotFound'],
    ['group as peer: malformed', 'authorizeSecurityGroupRules', (c) => authorize(c, { protocol: '-1', peer: { groupId: 'sg' } }), 'InvalidGroupId.Malformed'],
    ['group as peer: absent', 'authorizeSecurityGroupRules', (c) => authorize(c, { protocol: '-1', peer: { groupId: `sg-${ABSENT}` } }), 'InvalidGroup.NotFound'],
    ['rule: malformed', 'modifySecurityGroupRule', (c) => ({ groupId: c.groupId, ruleId: c.groupId }), 'InvalidSecurityGroupRuleId.Malformed'],
    ['rule: absent', 'modifySecurityGroupRule', (c) => ({ groupId: c.groupId, ruleId: `sgr-${ABSENT}` }), 'InvalidSecurityGroupRuleId.NotFound'],
    ['prefix list: malformed', 'deletePrefixList', () => ({ prefixListId: 'pl' }), 'InvalidPrefixListId.Malformed'],
    ['prefix list: absent', 'deletePrefixList', () => ({ prefixListId: `pl-${ABSENT}` }), 'InvalidPrefixListID.NotFound'],
    ['route table: malformed', 'deleteRouteTable', () => ({ routeTableId: 'rtb' }), 'InvalidRouteTableId.Malformed'],
    ['route table: absent', 'deleteRouteTable', () => ({ routeTableId: `rtb-${ABSENT}` }), 'InvalidRouteTableID.NotFound'],
    ['association: malformed', 'disassociateRouteTable', () => ({ associationId: 'rtbassoc' }), 'InvalidAssociationID.NotFound'],
    ['association: absent', 'disassociateRouteTable', () => ({ associationId: `rtbassoc-${ABSENT}` }), 'InvalidAssociationID.NotFound'],
    ['tags: no id', 'createTags', () => ({ resourceId: 'web', tags: { a: 'b' } }), 'InvalidID'],
    ['tags: not taggable', 'createTags', () => ({ resourceId: `eni-attach-${ABSENT}`, tags: { a: 'b' } }), 'InvalidID'],
    ['tags: absent', 'createTags', () => ({ resourceId: `i-${ABSENT}`, tags: { a: 'b' } }), 'InvalidInstanceID.NotFound'],
    ['tags: absent rule', 'deleteTags', () => ({ resourceId: `sgr-${ABSENT}` }), 'InvalidSecurityGroupRuleId.NotFound'],
  ],
  'vpc and subnet ranges': [
    ['no range', 'createVpc', () => ({ cidrBlock: 'ten' }), 'InvalidParameterValue', /CIDR/],
    ['no prefix length', 'createVpc', () => ({ cidrBlock: '10.0.0.0' }), 'InvalidParameterValue'],
    ['leading zero', 'createVpc', () => ({ cidrBlock: '010.0.0.0/16' }), 'InvalidParameterValue'],
    ['host bits', 'createVpc', () => ({ cidrBlock: '10.0.0.1/16' }), 'InvalidParameterValue', /did you mean 10\.0\.0\.0\/16/],
    ['IPv6 for IPv4', 'createVpc', () => ({ cidrBlock: 'fd00::/56' }), 'InvalidParameterValue', /IPv4/],
    ['vpc too large', 'createVpc', () => ({ cidrBlock: '10.0.0.0/15' }), 'InvalidVpc.Range'],
    ['vpc too small', 'createVpc', () => ({ cidrBlock: '10.0.0.0/29' }), 'InvalidVpc.Range'],
    ['vpc in loopback', 'createVpc', () => ({ cidrBlock: '127.0.0.0/16' }), 'InvalidVpc.Range'],
    ['vpc in link-local', 'createVpc', () => ({ cidrBlock: '169.254.0.0/16' }), 'InvalidVpc.Range'],
    ['vpc in multicast', 'createVpc', () => ({ cidrBlock: '239.1.0.0/16' }), 'InvalidVpc.Range'],
    ['vpc IPv6 not /56', 'createVpc', () => ({ cidrBlock: '10.9.0.0/16', ipv6: 'fd12::/48' }), 'InvalidVpc.Range'],
    ['vpc IPv6 link-local', 'createVpc', () => ({ cidrBlock: '10.9.0.0/16', ipv6: 'fe80::/56' }), 'InvalidVpc.Range'],
    ['vpc IPv6 taken', 'createVpc', (c) => ({ cidrBlock: '10.9.0.0/16', ipv6: c.world.get('vpc', c.vpcId).ipv6?.cidrBlock }), 'InvalidParameterValue', /another VPC/],
    ['vpc IPv6 false', 'createVpc', () => ({ cidrBlock: '10.9.0.0/16', ipv6: false }), 'InvalidParameterValue', /ipv6/],
    ['subnet outside', 'createSubnet', (c) => ({ vpcId: c.vpcId, cidrBlock: '10.1.0.0/24' }), 'InvalidSubnet.Range'],
    ['subnet too small', 'createSubnet', (c) => ({ vpcId: c.vpcId, cidrBlock: '10.0.9.0/29' }), 'InvalidSubnet.Range'],
    ['subnet too large', 'createSubnet', (c) => ({ vpcId: c.vpcId, cidrBlock: '10.0.0.0/15' }), 'InvalidSubnet.Range'],
    ['subnet with host bits', 'createSubnet', (c) => ({ vpcId: c.vpcId, cidrBlock: '10.0.9.8/24' }), 'InvalidParameterValue', /10\.0\.9\.0\/24/],
    ['same subnet', 'createSubnet', (c) => ({ vpcId: c.vpcId, cidrBlock: '10.0.1.0/24' }), 'InvalidSubnet.Conflict'],
    ['subnet inside another', 'createSubnet', (c) => ({ vpcId: c.vpcId, cidrBlock: '10.0.1.128/25' }), 'InvalidSubnet.Conflict'],
    ['subnet around others', 'createSubnet', (c) => ({ vpcId: c.vpcId, cidrBlock: '10.0.0.0/22' }), 'InvalidSubnet.Conflict'],
    ['subnet IPv6 not of the VPC', 'createSubnet', (c) => ({ vpcId: c.vpcId, cidrBlock: '10.0.9.0/24', ipv6: 'fd99::/64' }), 'InvalidSubnet.Range'],
    ['subnet IPv6 without the VPC', 'createSubnet', (c) => ({ vpcId: c.otherVpcId, cidrBlock: '10.0.9.0/24', ipv6: true }), 'InvalidParameterValue'],
    ['subnet IPv6 taken', 'createSubnet', (c) => ({ vpcId: c.vpcId, cidrBlock: '10.0.9.0/24', ipv6: c.world.get('subnet', c.subnetId).ipv6?.cidrBlock }), 'InvalidSubnet.Conflict'],
    ['no such zone', 'createSubnet', (c) => ({ vpcId: c.vpcId, cidrBlock: '10.0.9.0/24', availabilityZone: 'mars-1a' }), 'InvalidParameterValue', /us-east-1a/],
    ['IPv6 by default without a range', 'modifySubnet', (c) => ({ subnetId: c.secondSubnetId, assignIpv6AddressOnCreation: true }), 'InvalidParameterValue'],
    ['the same at creation', 'createSubnet', (c) => ({ vpcId: c.vpcId, cidrBlock: '10.0.9.0/24', assignIpv6AddressOnCreation: true }), 'InvalidParameterCombination'],
    ['names without name server', 'modifyVpc', (c) => ({ vpcId: c.vpcId, enableDnsSupport: false, enableDnsHostnames: true }), 'InvalidParameterCombination'],
  ],
  addresses: [
    ['no address', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, privateIpAddress: '10.0.1' }), 'InvalidParameterValue', /IPv4 address/],
    ['IPv6 for IPv4', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, privateIpAddress: 'fd00::4' }), 'InvalidParameterValue'],
    ['outside the subnet', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, privateIpAddress: '10.0.2.9' }), 'InvalidParameterValue', /fall within/],
    ['network address', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, privateIpAddress: '10.0.1.0' }), 'InvalidParameterValue', /reserved/],
    ['router', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, privateIpAddress: '10.0.1.1' }), 'InvalidParameterValue', /reserved/],
    ['third reserved', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, privateIpAddress: '10.0.1.3' }), 'InvalidParameterValue', /reserved/],
    ['broadcast address', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, privateIpAddress: '10.0.1.255' }), 'InvalidParameterValue', /reserved/],
    ['reserved as secondary', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, privateIpAddresses: ['10.0.1.9', '10.0.1.2'] }), 'InvalidParameterValue', /reserved/],
    ['used', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, privateIpAddress: c.world.eni(c.eniId).privateIpAddresses[0] }), 'InvalidIPAddress.InUse', /eni-/],
    ['used as secondary', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, privateIpAddress: '10.0.1.99', privateIpAddresses: [c.world.eni(c.eniId).privateIpAddresses[0]] }), 'InvalidIPAddress.InUse'],
    ['twice', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, privateIpAddresses: ['10.0.1.9', '10.0.1.9'] }), 'InvalidParameterValue', /twice/],
    ['primary again as secondary', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, privateIpAddress: '10.0.1.9', privateIpAddresses: ['10.0.1.9'] }), 'InvalidParameterValue', /twice/],
    [
      'two primaries',
      'createNetworkInterface',
      (c) => ({
        subnetId: c.subnetId,
        privateIpAddresses: [
          { privateIpAddress: '10.0.1.8', primary: true },
          { privateIpAddress: '10.0.1.9', primary: true },
        ],
      }),
      'InvalidParameterCombination',
      /primary/,
    ],
    ['count and list', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, privateIpAddresses: ['10.0.1.8'], secondaryPrivateIpAddressCount: 1 }), 'InvalidParameterCombination'],
    ['too many', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, secondaryPrivateIpAddressCount: 50 }), 'InvalidParameterValue', /at most 49/],
    ['too many listed and primary', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, privateIpAddress: '10.0.1.200', privateIpAddresses: many(50, (i) => `10.0.1.${100 + i}`) }), 'PrivateIpAddressLimitExceeded'],
    ['IPv6 in a subnet without', 'createNetworkInterface', (c) => ({ subnetId: c.secondSubnetId, ipv6AddressCount: 1 }), 'InvalidParameterValue', /no IPv6 range/],
    ['IPv6 outside', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, ipv6Addresses: ['fd99::9'] }), 'InvalidParameterValue', /fall within/],
    ['IPv6 with zone', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, ipv6Addresses: ['fe80::9%eth0'] }), 'InvalidParameterValue'],
    [
      'IPv6 twice, differently written',
      'createNetworkInterface',
      (c) => {
        const base = c.world.get('subnet', c.subnetId).ipv6?.cidrBlock.split('::')[0];
        return { subnetId: c.subnetId, ipv6Addresses: [`${base}::00A9`, `${base}::a9`] };
      },
      'InvalidParameterValue',
      /twice/,
    ],
    ['IPv6 count and list', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, ipv6Addresses: ['fd99::9'], ipv6AddressCount: 1 }), 'InvalidParameterCombination'],
    ['assign: none', 'assignPrivateIpAddresses', (c) => ({ networkInterfaceId: c.eniId }), 'MissingParameter', /privateIpAddresses/],
    ['assign: empty list', 'assignPrivateIpAddresses', (c) => ({ networkInterfaceId: c.eniId, privateIpAddresses: [] }), 'InvalidParameterValue', /at least one/],
    ['assign: both', 'assignPrivateIpAddresses', (c) => ({ networkInterfaceId: c.eniId, privateIpAddresses: ['10.0.1.9'], secondaryPrivateIpAddressCount: 1 }), 'InvalidParameterCombination'],
    ['assign: outside', 'assignPrivateIpAddresses', (c) => ({ networkInterfaceId: c.eniId, privateIpAddresses: ['10.0.2.9'] }), 'InvalidParameterValue', /fall within/],
    [
      'assign: used',
      'assignPrivateIpAddresses',
      (c) => {
        c.create({ privateIpAddresses: ['10.0.1.50', '10.0.1.51'] });
        return { networkInterfaceId: c.eniId, privateIpAddresses: ['10.0.1.52', '10.0.1.51'] };
      },
      'InvalidParameterValue',
      /\[10\.0\.1\.51\] assigned, but move is not allowed/,
    ],
    [
      "assign: another's primary",
      'assignPrivateIpAddresses',
      (c) => {
        c.create({ privateIpAddress: '10.0.1.50' });
        return { networkInterfaceId: c.eniId, privateIpAddresses: ['10.0.1.50'], allowReassignment: true };
      },
      'InvalidParameterValue',
      /primary/,
    ],
    ['assign: too many for the type', 'assignPrivateIpAddresses', (c) => ({ networkInterfaceId: plugged(c), secondaryPrivateIpAddressCount: 10 }), 'PrivateIpAddressLimitExceeded', /takes 10/],
    ['unassign: primary', 'unassignPrivateIpAddresses', (c) => ({ networkInterfaceId: c.eniId, privateIpAddresses: [c.world.eni(c.eniId).privateIpAddresses[0]] }), 'InvalidParameterValue', /primary/],
    ['unassign: not its own', 'unassignPrivateIpAddresses', (c) => ({ networkInterfaceId: c.eniId, privateIpAddresses: ['10.0.1.77'] }), 'InvalidParameterValue', /not assigned/],
    ['assign IPv6: no range', 'assignIpv6Addresses', (c) => ({ networkInterfaceId: c.create({ subnetId: c.secondSubnetId }), ipv6AddressCount: 1 }), 'InvalidParameterValue'],
    ['assign IPv6: too many for the type', 'assignIpv6Addresses', (c) => ({ networkInterfaceId: plugged(c), ipv6AddressCount: 11 }), 'PrivateIpAddressLimitExceeded'],
    ['assign IPv6: used', 'assignIpv6Addresses', (c) => ({ networkInterfaceId: c.eniId, ipv6Addresses: c.world.eni(c.create({ ipv6AddressCount: 1 })).ipv6Addresses }), 'InvalidIPAddress.InUse'],
    ['unassign IPv6: not its own', 'unassignIpv6Addresses', (c) => ({ networkInterfaceId: c.eniId, ipv6Addresses: ['fd00::1'] }), 'InvalidParameterValue'],
    [
      'subnet full',
      'createNetworkInterface',
      (c) => {
        const subnetId = c.subnet({ vpcId: c.vpcId, cidrBlock: '10.0.9.0/28' });
        for (let i = 0; i < 11; i++) c.create({ subnetId });
        return { subnetId };
      },
      'InsufficientFreeAddressesInSubnet',
    ],
    [
      'subnet almost full',
      'assignPrivateIpAddresses',
      (c) => {
        const subnetId = c.subnet({ vpcId: c.vpcId, cidrBlock: '10.0.9.0/28' });
        return { networkInterfaceId: c.create({ subnetId }), secondaryPrivateIpAddressCount: 11 };
      },
      'InsufficientFreeAddressesInSubnet',
      /10 left/,
    ],
  ],
  MACs: [
    ['no MAC', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, macAddress: '02:00' }), 'InvalidParameterValue', /six hex pairs/],
    ['multicast', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, macAddress: '03:12:34:56:78:9a' }), 'InvalidParameterValue', /multicast/],
    ['broadcast', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, macAddress: 'ff:ff:ff:ff:ff:ff' }), 'InvalidParameterValue', /multicast/],
    ['not local', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, macAddress: '00:12:34:56:78:9a' }), 'InvalidParameterValue', /locally administered/],
    ["the router's", 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, macAddress: '02:00:00:00:00:01' }), 'InvalidParameterValue', /reserved/],
    [
      'used, in another VPC, written otherwise',
      'createNetworkInterface',
      (c) => {
        c.create({ subnetId: c.otherSubnetId, macAddress: '0a:12:34:56:78:9a' });
        return { subnetId: c.subnetId, macAddress: '0A-12-34-56-78-9A' };
      },
      'InvalidParameterValue',
      /eni-/,
    ],
  ],
  'groups of an interface': [
    ['none', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, groupIds: [] }), 'InvalidParameterValue', /at least one/],
    ['of another VPC', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, groupIds: [c.otherGroupId] }), 'InvalidParameterValue', /different networks/],
    ['six', 'createNetworkInterface', (c) => ({ subnetId: c.subnetId, groupIds: many(6, (i) => c.group(`g${i}`)) }), 'SecurityGroupsPerInterfaceLimitExceeded', /5/],
    ['six, live', 'modifyNetworkInterface', (c) => ({ networkInterfaceId: plugged(c), groupIds: many(6, (i) => c.group(`g${i}`)) }), 'SecurityGroupsPerInterfaceLimitExceeded'],
    ['of another VPC, live', 'modifyNetworkInterface', (c) => ({ networkInterfaceId: plugged(c), groupIds: [c.otherGroupId] }), 'InvalidParameterValue'],
    ['of another VPC, at launch', 'runInstances', (c) => ({ subnetId: c.subnetId, groupIds: [c.otherGroupId] }), 'InvalidParameterValue'],
  ],
  attachments: [
    ['zone', 'attachNetworkInterface', (c) => ({ networkInterfaceId: c.create({ subnetId: c.farSubnetId }), instanceId: c.instanceId, deviceIndex: 1 }), 'InvalidParameterCombination', /availability zone/],
    ['VPC', 'attachNetworkInterface', (c) => ({ networkInterfaceId: c.create({ subnetId: c.otherSubnetId }), instanceId: c.instanceId, deviceIndex: 1 }), 'InvalidParameterCombination', /same VPC/],
    ['device index 0', 'attachNetworkInterface', (c) => ({ networkInterfaceId: c.eniId, instanceId: c.instanceId, deviceIndex: 0 }), 'InvalidParameterValue', /device index '0'/],
    [
      'device index in use',
      'attachNetworkInterface',
      (c) => {
        plugged(c);
        return { networkInterfaceId: c.create(), instanceId: c.instanceId, deviceIndex: 1 };
      },
      'InvalidParameterValue',
      /already has an interface/,
    ],
    ['in use', 'attachNetworkInterface', (c) => ({ networkInterfaceId: plugged(c), instanceId: c.run({ instanceType: 'm5.large' }), deviceIndex: 1 }), 'InvalidNetworkInterface.InUse', /in use/],
    [
      'too many interfaces',
      'attachNetworkInterface',
      (c) => {
        const instanceId = c.run({ instanceType: 't3.micro' });
        c.world.run('attachNetworkInterface', { networkInterfaceId: c.create(), instanceId, deviceIndex: 1 });
        return { networkInterfaceId: c.eniId, instanceId, deviceIndex: 2 };
      },
      'AttachmentLimitExceeded',
      /t3\.micro/,
    ],
    [
      'a detaching one still counts',
      'attachNetworkInterface',
      (c) => {
        const instanceId = c.run({ instanceType: 't3.micro' });
        const networkInterfaceId = c.create();
        c.world.run('attachNetworkInterface', { networkInterfaceId, instanceId, deviceIndex: 1 });
        c.world.run('detachNetworkInterface', { networkInterfaceId });
        return { networkInterfaceId: c.eniId, instanceId, deviceIndex: 2 };
      },
      'AttachmentLimitExceeded',
    ],
    [
      'too many addresses',
      'attachNetworkInterface',
      (c) => ({
        networkInterfaceId: c.create({ secondaryPrivateIpAddressCount: 2 }),
        instanceId: c.run({ instanceType: 't3.micro' }),
        deviceIndex: 1,
      }),
      'PrivateIpAddressLimitExceeded',
      /t3\.micro/,
    ],
    ['stopping instance', 'attachNetworkInterface', (c) => ({ networkInterfaceId: c.eniId, instanceId: stopped(c, 'stopping'), deviceIndex: 1 }), 'IncorrectInstanceState'],
    ['shutting-down instance', 'attachNetworkInterface', (c) => ({ networkInterfaceId: c.eniId, instanceId: stopped(c, 'shutting-down'), deviceIndex: 1 }), 'IncorrectInstanceState'],
    ['terminated instance', 'attachNetworkInterface', (c) => ({ networkInterfaceId: c.eniId, instanceId: stopped(c, 'terminated'), deviceIndex: 1 }), 'IncorrectInstanceState'],
    ['detach the primary', 'detachNetworkInterface', (c) => ({ networkInterfaceId: c.primaryOf(c.instanceId) }), 'OperationNotPermitted', /device index 0/],
    ['detach the primary by force', 'detachNetworkInterface', (c) => ({ networkInterfaceId: c.primaryOf(c.instanceId), force: true }), 'OperationNotPermitted'],
    ['detach: neither id', 'detachNetworkInterface', () => ({}), 'MissingParameter', /attachmentId/],
    ['detach: not attached', 'detachNetworkInterface', (c) => ({ networkInterfaceId: c.eniId }), 'IncorrectState', /not attached/],
    [
      'detach: ids of two',
      'detachNetworkInterface',
      (c) => {
        plugged(c);
        return { networkInterfaceId: c.eniId, attachmentId: `eni-attach-${ABSENT}` };
      },
      'InvalidAttachmentID.NotFound',
    ],
    [
      'detach twice',
      'detachNetworkInterface',
      (c) => {
        const networkInterfaceId = plugged(c);
        c.world.run('detachNetworkInterface', { networkInterfaceId });
        return { networkInterfaceId };
      },
      'IncorrectState',
      /already/,
    ],
    ['move the primary', 'moveNetworkInterface', (c) => ({ networkInterfaceId: c.primaryOf(c.instanceId), instanceId: c.run({}), deviceIndex: 1 }), 'OperationNotPermitted'],
    ['move: not attached', 'moveNetworkInterface', (c) => ({ networkInterfaceId: c.eniId, instanceId: c.instanceId, deviceIndex: 1 }), 'IncorrectState'],
    ['move to where it is', 'moveNetworkInterface', (c) => ({ networkInterfaceId: plugged(c), instanceId: c.instanceId, deviceIndex: 1 }), 'InvalidParameterValue', /already/],
    ['move to another zone', 'moveNetworkInterface', (c) => ({ networkInterfaceId: plugged(c), instanceId: c.run({ subnetId: c.farSubnetId }), deviceIndex: 1 }), 'InvalidParameterCombination', /zone/],
    ['move to a used index', 'moveNetworkInterface', (c) => ({ networkInterfaceId: plugged(c), instanceId: c.run({}), deviceIndex: 0 }), 'InvalidParameterValue', /device index/],
    [
      'move a detaching one',
      'moveNetworkInterface',
      (c) => {
        const networkInterfaceId = plugged(c);
        c.world.run('detachNetworkInterface', { networkInterfaceId });
        return { networkInterfaceId, instanceId: c.run({}), deviceIndex: 1 };
      },
      'IncorrectState',
    ],
    [
      'move to a full instance',
      'moveNetworkInterface',
      (c) => {
        const instanceId = c.run({ instanceType: 't3.micro' });
        c.world.run('attachNetworkInterface', { networkInterfaceId: c.create(), instanceId, deviceIndex: 1 });
        return { networkInterfaceId: plugged(c), instanceId, deviceIndex: 2 };
      },
      'AttachmentLimitExceeded',
    ],
    ['flag without attachment', 'modifyNetworkInterface', (c) => ({ networkInterfaceId: c.eniId, deleteOnTermination: true }), 'InvalidParameterValue', /not attached/],
    ['flag of another attachment', 'modifyNetworkInterface', (c) => ({ networkInterfaceId: plugged(c), attachmentId: `eni-attach-${ABSENT}`, deleteOnTermination: true }), 'InvalidAttachmentID.NotFound'],
  ],
  instances: [
    ['no such type', 'runInstances', (c) => ({ subnetId: c.subnetId, instanceType: 't9.huge' }), 'InvalidParameterValue', /t9\.huge/],
    ['no subnet, no default VPC', 'runInstances', () => ({}), 'VPCIdNotSpecified'],
    ['wrong zone', 'runInstances', (c) => ({ subnetId: c.subnetId, availabilityZone: 'us-east-1b' }), 'InvalidParameterCombination', /us-east-1a/],
    ['no image', 'runInstances', (c) => ({ subnetId: c.subnetId, imageId: 'debian' }), 'InvalidAMIID.Malformed', /debian/],
    ['count 0', 'runInstances', (c) => ({ subnetId: c.subnetId, count: 0 }), 'InvalidParameterValue', /count/],
    ['least above most', 'runInstances', (c) => ({ subnetId: c.subnetId, minCount: 3, maxCount: 2 }), 'InvalidParameterValue', /minCount/],
    ['count and least', 'runInstances', (c) => ({ subnetId: c.subnetId, minCount: 1, count: 2 }), 'InvalidParameterCombination'],
    ['one address for two', 'runInstances', (c) => ({ subnetId: c.subnetId, privateIpAddress: '10.0.1.70', count: 2 }), 'InvalidParameterCombination'],
    ['interface and subnet', 'runInstances', (c) => ({ subnetId: c.subnetId, networkInterfaces: [{ networkInterfaceId: c.eniId }] }), 'InvalidParameterCombination', /subnetId/],
    ['interface and groups', 'runInstances', (c) => ({ groupIds: [c.groupId], networkInterfaces: [{ networkInterfaceId: c.eniId }] }), 'InvalidParameterCombination', /groupIds/],
    ['existing interface with new groups', 'runInstances', (c) => ({ networkInterfaces: [{ networkInterfaceId: c.eniId, groupIds: [c.groupId] }] }), 'InvalidParameterCombination', /groupIds/],
    ['existing interface to be deleted', 'runInstances', (c) => ({ networkInterfaces: [{ networkInterfaceId: c.eniId, deleteOnTermination: true }] }), 'InvalidParameterCombination', /deleteOnTermination/],
    ['existing interface in use', 'runInstances', (c) => ({ networkInterfaces: [{ networkInterfaceId: plugged(c) }] }), 'InvalidNetworkInterface.InUse'],
    ['existing interface for two', 'runInstances', (c) => ({ count: 2, networkInterfaces: [{ networkInterfaceId: c.eniId }] }), 'InvalidParameterCombination'],
    ['one interface twice', 'runInstances', (c) => ({ networkInterfaces: [{ networkInterfaceId: c.eniId }, { networkInterfaceId: c.eniId }] }), 'InvalidParameterValue', /twice/],
    ['no primary', 'runInstances', (c) => ({ networkInterfaces: [{ subnetId: c.subnetId, deviceIndex: 1 }] }), 'InvalidParameterValue', /device index 0/],
    [
      'device index twice',
      'runInstances',
      (c) => ({
        networkInterfaces: [
          { subnetId: c.subnetId, deviceIndex: 0 },
          { subnetId: c.subnetId, deviceIndex: 0 },
        ],
      }),
      'InvalidParameterValue',
      /unique/,
    ],
    ['too many interfaces', 'runInstances', (c) => ({ instanceType: 't3.micro', networkInterfaces: many(3, () => ({ subnetId: c.subnetId })) }), 'AttachmentLimitExceeded'],
    ['too many addresses', 'runInstances', (c) => ({ subnetId: c.subnetId, instanceType: 't3.micro', secondaryPrivateIpAddressCount: 2 }), 'InvalidInterface.IpAddressLimitExceeded'],
    ['a type that there is not', 'modifyInstance', (c) => ({ instanceId: stopped(c, 'stopped'), instanceType: 't9.mega' }), 'InvalidInstanceAttributeValue', /t9.mega/],
    ['interfaces of two VPCs', 'runInstances', (c) => ({ networkInterfaces: [{ subnetId: c.subnetId }, { subnetId: c.otherSubnetId }] }), 'InvalidParameterCombination', /VPC/],
    ['interfaces of two zones', 'runInstances', (c) => ({ networkInterfaces: [{ subnetId: c.subnetId }, { subnetId: c.farSubnetId }] }), 'InvalidParameterCombination', /zone/],
    ['too many for the subnet', 'runInstances', (c) => ({ subnetId: c.subnet({ vpcId: c.vpcId, cidrBlock: '10.0.9.0/28' }), count: 12 }), 'InsufficientFreeAddressesInSubnet'],
    ['long user data', 'runInstances', (c) => ({ subnetId: c.subnetId, userData: 'é'.repeat(8193) }), 'InvalidParameterValue', /16384 bytes/],
    ['start while stopping', 'startInstance', (c) => ({ instanceId: stopped(c, 'stopping') }), 'IncorrectInstanceState'],
    ['start a terminated one', 'startInstance', (c) => ({ instanceId: stopped(c, 'terminated') }), 'IncorrectInstanceState'],
    ['stop while shutting down', 'stopInstance', (c) => ({ instanceId: stopped(c, 'shutting-down') }), 'IncorrectInstanceState'],
    ['reboot a stopped one', 'rebootInstance', (c) => ({ instanceId: stopped(c, 'stopped') }), 'IncorrectInstanceState'],
    ['terminate a protected one', 'terminateInstance', (c) => ({ instanceId: c.run({ disableApiTermination: true }) }), 'OperationNotPermitted', /disableApiTermination/],
    ['type of a running one', 'modifyInstance', (c) => ({ instanceId: c.instanceId, instanceType: 't3.micro' }), 'IncorrectInstanceState', /stop it/],
    ['user data of a running one', 'modifyInstance', (c) => ({ instanceId: c.instanceId, userData: '#!/bin/sh' }), 'IncorrectInstanceState'],
    [
      'type that takes too few interfaces',
      'modifyInstance',
      (c) => {
        const { instanceId, world } = c;
        for (const deviceIndex of [1, 2]) world.run('attachNetworkInterface', { networkInterfaceId: c.create(), instanceId, deviceIndex });
        world.run('stopInstance', { instanceId });
        world.run('finishStop', { instanceId });
        return { instanceId, instanceType: 't3.micro' };
      },
      'AttachmentLimitExceeded',
    ],
    [
      'type that takes too few addresses',
      'modifyInstance',
      (c) => {
        const { instanceId, world } = c;
        world.run('assignPrivateIpAddresses', { networkInterfaceId: c.primaryOf(instanceId), secondaryPrivateIpAddressCount: 2 });
        world.run('stopInstance', { instanceId });
        world.run('finishStop', { instanceId });
        return { instanceId, instanceType: 't3.micro' };
      },
      'PrivateIpAddressLimitExceeded',
    ],
    [
      'check through an instance with two interfaces',
      'modifyInstance',
      (c) => {
        plugged(c);
        return { instanceId: c.instanceId, sourceDestCheck: false };
      },
      'InvalidInstanceID',
      /multiple interfaces/,
    ],
    [
      'groups through an instance with two interfaces',
      'modifyInstance',
      (c) => {
        plugged(c);
        return { instanceId: c.instanceId, groupIds: [c.groupId] };
      },
      'InvalidInstanceID',
    ],
  ],
  'in use': [
    ['vpc with subnets', 'deleteVpc', (c) => ({ vpcId: c.vpcId }), 'DependencyViolation', /subnet-/],
    ['subnet with interfaces', 'deleteSubnet', (c) => ({ subnetId: c.subnetId }), 'DependencyViolation', /eni-/],
    ['attached interface', 'deleteNetworkInterface', (c) => ({ networkInterfaceId: plugged(c) }), 'InvalidNetworkInterface.InUse', /i-/],
    [
      'detaching interface',
      'deleteNetworkInterface',
      (c) => {
        const networkInterfaceId = plugged(c);
        c.world.run('detachNetworkInterface', { networkInterfaceId });
        return { networkInterfaceId };
      },
      'InvalidNetworkInterface.InUse',
    ],
    ['default group', 'deleteSecurityGroup', (c) => ({ groupId: c.defaultGroupId }), 'CannotDelete'],
    [
      'group of an interface',
      'deleteSecurityGroup',
      (c) => {
        c.create({ groupIds: [c.groupId] });
        return { groupId: c.groupId };
      },
      'DependencyViolation',
      /eni-/,
    ],
    [
      'group that a rule names',
      'deleteSecurityGroup',
      (c) => {
        c.world.run('authorizeSecurityGroupRules', {
          groupId: c.defaultGroupId,
          direction: 'ingress',
          rules: [{ protocol: '-1', peer: { groupId: c.groupId } }],
        });
        return { groupId: c.groupId };
      },
      'DependencyViolation',
      /sg-/,
    ],
    [
      'prefix list that a rule names',
      'deletePrefixList',
      (c) => {
        const { prefixListId } = c.world.run('createPrefixList', { name: 'p', family: 4, maxEntries: 5 });
        c.world.run('authorizeSecurityGroupRules', authorize(c, { protocol: '-1', peer: { prefixListId } }));
        return { prefixListId };
      },
      'DependencyViolation',
      /sg-/,
    ],
    ['main route table', 'deleteRouteTable', (c) => ({ routeTableId: c.mainRouteTableId }), 'DependencyViolation', /main/],
    [
      'associated route table',
      'deleteRouteTable',
      (c) => {
        const { routeTableId } = c.world.run('createRouteTable', { vpcId: c.vpcId });
        c.world.run('associateRouteTable', { routeTableId, subnetId: c.subnetId });
        return { routeTableId };
      },
      'DependencyViolation',
      /subnet-/,
    ],
  ],
  rules: [
    [
      'the same rule again',
      'authorizeSecurityGroupRules',
      (c) => {
        c.world.run('authorizeSecurityGroupRules', authorize(c, ssh));
        return authorize(c, { ...ssh, protocol: 6, description: 'again' });
      },
      'InvalidPermission.Duplicate',
      /already exists/,
    ],
    ['default egress again', 'authorizeSecurityGroupRules', (c) => ({ ...authorize(c, { protocol: 'all', ...cidr('0.0.0.0/0') }), direction: 'egress' }), 'InvalidPermission.Duplicate'],
    ['one rule twice', 'authorizeSecurityGroupRules', (c) => authorize(c, ssh, { ...ssh, description: 'x' }), 'InvalidParameterValue', /multiple times/],
    ['no rules', 'authorizeSecurityGroupRules', (c) => authorize(c), 'InvalidParameterValue', /at least one/],
    ['no such direction', 'authorizeSecurityGroupRules', (c) => ({ ...authorize(c, ssh), direction: 'in' }), 'InvalidParameterValue', /ingress, egress/],
    ['no such protocol', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, protocol: 'http' }), 'InvalidParameterValue', /Unknown protocol/],
    ['protocol 256', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, protocol: '256' }), 'InvalidParameterValue'],
    ['protocol of an object member', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, protocol: 'constructor' }), 'InvalidParameterValue'],
    ['tcp without ports', 'authorizeSecurityGroupRules', (c) => authorize(c, { protocol: 'tcp', ...cidr('10.0.0.0/8') }), 'InvalidPermission.Malformed', /both/],
    ['tcp with one port', 'authorizeSecurityGroupRules', (c) => authorize(c, { protocol: 'tcp', fromPort: 1, ...cidr('10.0.0.0/8') }), 'InvalidPermission.Malformed'],
    ['ports reversed', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, fromPort: 80 }), 'InvalidPermission.Malformed', /80-22/],
    ['tcp port -1', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, fromPort: -1 }), 'InvalidPermission.Malformed'],
    ['port too large', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, toPort: 65536 }), 'InvalidParameterValue', /65535/],
    ['ICMP type too large', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, protocol: 'icmp', fromPort: 256, toPort: -1 }), 'InvalidPermission.Malformed'],
    ['ICMP code without type', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, protocol: 'icmp', fromPort: -1, toPort: 0 }), 'InvalidPermission.Malformed'],
    ['icmp from an IPv6 range', 'authorizeSecurityGroupRules', (c) => authorize(c, { protocol: 'icmp', peer: { cidr6: '::/0' } }), 'InvalidPermission.Malformed', /icmpv6/],
    ['icmpv6 from an IPv4 range', 'authorizeSecurityGroupRules', (c) => authorize(c, { protocol: 'icmpv6', ...cidr('0.0.0.0/0') }), 'InvalidPermission.Malformed'],
    ['range with host bits', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, ...cidr('10.0.0.1/8') }), 'InvalidParameterValue', /10\.0\.0\.0\/8/],
    ['address for a range', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, ...cidr('10.0.0.1') }), 'InvalidParameterValue'],
    ['IPv6 range as cidr', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, ...cidr('::/0') }), 'InvalidParameterValue', /IPv4/],
    ['two peers', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, peer: { cidr: '10.0.0.0/8', self: true } }), 'UnknownParameter', /peer/],
    ['no peer', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, peer: {} }), 'MissingParameter', /peer/],
    ['peer self: false', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, peer: { self: false } }), 'InvalidParameterValue', /self/],
    ['peer group of another VPC', 'authorizeSecurityGroupRules', (c) => authorize(c, { ...ssh, peer: { groupId: c.otherGroupId } }), 'InvalidParameterValue', /own VPC/],
    ['61 rules', 'authorizeSecurityGroupRules', (c) => authorize(c, ...many(61, (i) => ({ ...ssh, fromPort: i, toPort: i }))), 'RulesPerSecurityGroupLimitExceeded', /60/],
    [
      '61st rule',
      'authorizeSecurityGroupRules',
      (c) => {
        c.world.run('authorizeSecurityGroupRules', authorize(c, ...many(60, (i) => ({ ...ssh, fromPort: 1000 + i, toPort: 1000 + i }))));
        return authorize(c, ssh);
      },
      'RulesPerSecurityGroupLimitExceeded',
    ],
    [
      'prefix list of 61',
      'authorizeSecurityGroupRules',
      (c) =>
        authorize(c, {
          protocol: '-1',
          peer: { prefixListId: c.world.run('createPrefixList', { name: 'p', family: 4, maxEntries: 61 }).prefixListId },
        }),
      'RulesPerSecurityGroupLimitExceeded',
    ],
    ['revoke what is not there', 'revokeSecurityGroupRules', (c) => authorize(c, ssh), 'InvalidPermission.NotFound'],
    ['revoke the other direction', 'revokeSecurityGroupRules', (c) => authorize(c, { protocol: '-1', ...cidr('0.0.0.0/0') }), 'InvalidPermission.NotFound'],
    [
      'revoke one of two',
      'revokeSecurityGroupRules',
      (c) => {
        c.world.run('authorizeSecurityGroupRules', authorize(c, ssh));
        return authorize(c, ssh, { ...ssh, toPort: 23 });
      },
      'InvalidPermission.NotFound',
    ],
    ['revoke nothing', 'revokeSecurityGroupRules', (c) => ({ groupId: c.groupId }), 'InvalidParameterCombination'],
    ['revoke without direction', 'revokeSecurityGroupRules', (c) => ({ groupId: c.groupId, rules: [ssh] }), 'MissingParameter', /direction/],
    ["revoke another group's rule", 'revokeSecurityGroupRules', (c) => ({ groupId: c.groupId, ruleIds: [c.world.get('securityGroup', c.defaultGroupId).rules[0]?.ruleId] }), 'InvalidSecurityGroupRuleId.NotFound'],
    ['group name taken', 'createSecurityGroup', (c) => ({ groupName: 'web', description: 'd', vpcId: c.vpcId }), 'InvalidGroup.Duplicate'],
    ['group name default', 'createSecurityGroup', (c) => ({ groupName: 'Default', description: 'd', vpcId: c.vpcId }), 'InvalidGroup.Reserved', /reserved/],
    ['group name like an id', 'createSecurityGroup', (c) => ({ groupName: 'sg-1', description: 'd', vpcId: c.vpcId }), 'InvalidParameterValue'],
    ['group name empty', 'createSecurityGroup', (c) => ({ groupName: '', description: 'd', vpcId: c.vpcId }), 'InvalidParameterValue', /empty/],
    ['group without VPC', 'createSecurityGroup', () => ({ groupName: 'x', description: 'd' }), 'VPCIdNotSpecified'],
  ],
  'prefix lists': [
    ['wrong family', 'createPrefixList', () => ({ name: 'p', family: 4, maxEntries: 5, entries: [{ cidr: '::/0' }] }), 'InvalidParameterValue', /IPv4/],
    ['family 5', 'createPrefixList', () => ({ name: 'p', family: 5, maxEntries: 5 }), 'InvalidParameterValue', /family/],
    ['host bits', 'createPrefixList', () => ({ name: 'p', family: 4, maxEntries: 5, entries: [{ cidr: '10.0.0.1/8' }] }), 'InvalidParameterValue'],
    ['too many entries', 'createPrefixList', () => ({ name: 'p', family: 4, maxEntries: 1, entries: [{ cidr: '10.0.0.0/8' }, { cidr: '11.0.0.0/8' }] }), 'PrefixListMaxEntriesExceeded'],
    ['reserved name', 'createPrefixList', () => ({ name: 'com.amazonaws.s3', family: 4, maxEntries: 1 }), 'InvalidParameterValue'],
    ['stale version', 'modifyPrefixList', (c) => ({ prefixListId: c.world.run('createPrefixList', { name: 'p', family: 4, maxEntries: 5 }).prefixListId, currentVersion: 2 }), 'PrefixListVersionMismatch'],
    [
      'remove what is not there',
      'modifyPrefixList',
      (c) => ({
        prefixListId: c.world.run('createPrefixList', { name: 'p', family: 4, maxEntries: 5 }).prefixListId,
        removeEntries: [{ cidr: '10.0.0.0/8' }],
      }),
      'InvalidParameterValue',
      /no entry/,
    ],
    [
      'growing beyond what a group that names it may hold',
      'modifyPrefixList',
      (c) => {
        const { prefixListId } = c.world.run('createPrefixList', { name: 'p', family: 4, maxEntries: 5 });
        c.world.run('authorizeSecurityGroupRules', authorize(c, { protocol: '-1', peer: { prefixListId } }));
        return { prefixListId, maxEntries: 61 };
      },
      'RulesPerSecurityGroupLimitExceeded',
    ],
  ],
  routes: [
    ['local range', 'createRoute', (c) => ({ routeTableId: c.mainRouteTableId, destination: '10.0.0.0/16', networkInterfaceId: c.eniId }), 'RouteAlreadyExists'],
    ['local IPv6 range', 'createRoute', (c) => ({ routeTableId: c.mainRouteTableId, destination: c.world.get('vpc', c.vpcId).ipv6?.cidrBlock, networkInterfaceId: c.eniId }), 'RouteAlreadyExists'],
    [
      'the same again',
      'createRoute',
      (c) => {
        const route = { routeTableId: c.mainRouteTableId, destination: '0.0.0.0/0', networkInterfaceId: c.eniId };
        c.world.run('createRoute', route);
        return route;
      },
      'RouteAlreadyExists',
      /0\.0\.0\.0\/0/,
    ],
    ['link-local', 'createRoute', (c) => ({ routeTableId: c.mainRouteTableId, destination: '169.254.169.254/32', networkInterfaceId: c.eniId }), 'InvalidParameterValue', /169\.254/],
    ['IPv6 link-local', 'createRoute', (c) => ({ routeTableId: c.mainRouteTableId, destination: 'fe80::/64', networkInterfaceId: c.eniId }), 'InvalidParameterValue'],
    ['multicast', 'createRoute', (c) => ({ routeTableId: c.mainRouteTableId, destination: '224.0.0.0/4', networkInterfaceId: c.eniId }), 'InvalidParameterValue'],
    ['more specific than local, and no subnet', 'createRoute', (c) => ({ routeTableId: c.mainRouteTableId, destination: '10.0.2.0/25', networkInterfaceId: c.eniId }), 'InvalidParameterValue', /more specific.*match any subnet/],
    ['host bits', 'createRoute', (c) => ({ routeTableId: c.mainRouteTableId, destination: '10.9.0.1/16', networkInterfaceId: c.eniId }), 'InvalidParameterValue', /10\.9\.0\.0\/16/],
    ['no target', 'createRoute', (c) => ({ routeTableId: c.mainRouteTableId, destination: '0.0.0.0/0' }), 'MissingParameter'],
    ['two targets', 'createRoute', (c) => ({ routeTableId: c.mainRouteTableId, destination: '0.0.0.0/0', networkInterfaceId: c.eniId, instanceId: c.instanceId }), 'InvalidParameterCombination'],
    ['absent target', 'createRoute', (c) => ({ routeTableId: c.mainRouteTableId, destination: '0.0.0.0/0', networkInterfaceId: `eni-${ABSENT}` }), 'InvalidNetworkInterfaceID.NotFound'],
    ['target of another VPC', 'createRoute', (c) => ({ routeTableId: c.mainRouteTableId, destination: '0.0.0.0/0', networkInterfaceId: c.create({ subnetId: c.otherSubnetId }) }), 'InvalidParameterValue', /different networks/],
    [
      'instance with two interfaces',
      'createRoute',
      (c) => {
        plugged(c);
        return { routeTableId: c.mainRouteTableId, destination: '0.0.0.0/0', instanceId: c.instanceId };
      },
      'InvalidInstanceID',
    ],
    ['replace what is not there', 'replaceRoute', (c) => ({ routeTableId: c.mainRouteTableId, destination: '0.0.0.0/0', networkInterfaceId: c.eniId }), 'InvalidRoute.NotFound'],
    ['delete what is not there', 'deleteRoute', (c) => ({ routeTableId: c.mainRouteTableId, destination: '0.0.0.0/0' }), 'InvalidRoute.NotFound'],
    ['delete the local route', 'deleteRoute', (c) => ({ routeTableId: c.mainRouteTableId, destination: '10.0.0.0/16' }), 'InvalidParameterValue', /local route/],
    [
      'associate twice',
      'associateRouteTable',
      (c) => {
        const { routeTableId } = c.world.run('createRouteTable', { vpcId: c.vpcId });
        c.world.run('associateRouteTable', { routeTableId, subnetId: c.subnetId });
        return { routeTableId: c.mainRouteTableId, subnetId: c.subnetId };
      },
      'Resource.AlreadyAssociated',
    ],
    ['associate across VPCs', 'associateRouteTable', (c) => ({ routeTableId: c.mainRouteTableId, subnetId: c.otherSubnetId }), 'InvalidParameterValue', /different networks/],
    ['disassociate the main one', 'disassociateRouteTable', (c) => ({ associationId: c.world.get('routeTable', c.mainRouteTableId).mainAssociationId }), 'InvalidParameterValue', /main/],
    [
      'replace across VPCs',
      'replaceRouteTableAssociation',
      (c) => ({
        associationId: c.world.get('routeTable', c.mainRouteTableId).mainAssociationId,
        routeTableId: c.world.get('vpc', c.otherVpcId).mainRouteTableId,
      }),
      'InvalidParameterValue',
    ],
  ],
  tags: [
    ['aws: key', 'createTags', (c) => ({ resourceId: c.vpcId, tags: { 'aws:x': '1' } }), 'InvalidParameterValue', /aws:/],
    ['AWS: key', 'createVpc', () => ({ cidrBlock: '10.9.0.0/16', tags: { 'AWS:x': '1' } }), 'InvalidParameterValue', /aws:/],
    ['empty key', 'createTags', (c) => ({ resourceId: c.vpcId, tags: { '': '1' } }), 'InvalidParameterValue', /empty/],
    ['long key', 'createTags', (c) => ({ resourceId: c.vpcId, tags: { ['k'.repeat(129)]: '1' } }), 'InvalidParameterValue', /128/],
    ['long value', 'createTags', (c) => ({ resourceId: c.vpcId, tags: { k: 'v'.repeat(257) } }), 'InvalidParameterValue', /256/],
    ['number as value', 'createTags', (c) => ({ resourceId: c.vpcId, tags: { k: 1 } }), 'InvalidParameterValue', /tags\.k/],
    ['51 at creation', 'createVpc', () => ({ cidrBlock: '10.9.0.0/16', tags: Object.fromEntries(many(51, (i) => [`k${i}`, ''])) }), 'TagLimitExceeded', /50/],
    [
      '51st',
      'createTags',
      (c) => {
        c.world.run('createTags', { resourceId: c.vpcId, tags: Object.fromEntries(many(50, (i) => [`k${i}`, ''])) });
        return { resourceId: c.vpcId, tags: { more: '' } };
      },
      'TagLimitExceeded',
    ],
    ['51 on a launch', 'runInstances', (c) => ({ subnetId: c.subnetId, networkInterfaceTags: Object.fromEntries(many(51, (i) => [`k${i}`, ''])) }), 'TagLimitExceeded'],
  ],
};

testRefusals(TABLES);
