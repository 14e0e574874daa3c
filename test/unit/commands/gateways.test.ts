import { describe, expect, it } from 'vitest';
import { effectiveRoutes } from '../../../agent/model/effective-routes.js';
import { finishCalls } from '../../../agent/reconcile/finish.js';
import { gateways } from './gateway-world.js';
import { type City, city } from './world.js';

const setup = () => {
  const c = city();
  return { ...c, c, ...gateways(c) };
};
const publicIps = (c: City, networkInterfaceId: string) =>
  c.world.state
    .by('elasticIp', 'networkInterfaceId', networkInterfaceId)
    .map(({ publicIp, association }) => [association?.privateIpAddress, publicIp])
    .sort();
const routesOf = (c: City, routeTableId = c.mainRouteTableId) =>
  effectiveRoutes(c.world.state, c.world.get('routeTable', routeTableId)).map(({ destination, state, origin }) => [
    destination,
    state,
    origin,
  ]);
const rowTo = (c: City, destination: string) => routesOf(c).find(([to]) => to === destination);

describe('internet gateways', () => {
  it('are attached, detached and deleted; a route to one is a blackhole while it is away', () => {
    const { world, c, vpcId, otherVpcId, mainRouteTableId: routeTableId, internetGateway } = setup();
    const internetGatewayId = internetGateway();
    expect(world.get('internetGateway', internetGatewayId).vpcId).toBe(vpcId);
    for (const destination of ['0.0.0.0/0', '::/0']) world.run('createRoute', { routeTableId, destination, gatewayId: internetGatewayId });
    expect(rowTo(c, '::/0')).toEqual(['::/0', 'active', 'CreateRoute']);
    world.run('detachInternetGateway', { internetGatewayId, vpcId });
    expect(rowTo(c, '0.0.0.0/0')?.[1]).toBe('blackhole');
    world.run('attachInternetGateway', { internetGatewayId, vpcId: otherVpcId });
    expect(rowTo(c, '0.0.0.0/0')?.[1]).toBe('blackhole');
    world.run('detachInternetGateway', { internetGatewayId });
    world.run('attachInternetGateway', { internetGatewayId, vpcId });
    expect(rowTo(c, '0.0.0.0/0')?.[1]).toBe('active');
    world.run('detachInternetGateway', { internetGatewayId });
    world.run('deleteInternetGateway', { internetGatewayId });
    expect(rowTo(c, '0.0.0.0/0')?.[1]).toBe('blackhole');
  });

  it('for egress only belong to a VPC', () => {
    const { world, c, vpcId, mainRouteTableId: routeTableId } = setup();
    const { egressOnlyInternetGatewayId } = world.run('createEgressOnlyInternetGateway', { vpcId });
    world.run('createRoute', { routeTableId, destination: '::/0', egressOnlyInternetGatewayId });
    expect(rowTo(c, '::/0')?.[1]).toBe('active');
    world.run('deleteEgressOnlyInternetGateway', { egressOnlyInternetGatewayId });
    expect(rowTo(c, '::/0')?.[1]).toBe('blackhole');
  });
});

describe('elastic addresses', () => {
  it('are the lowest free ones of the pool, or the one asked for', () => {
    const { world, address } = setup();
    const publicIp = (id: string) => world.get('elasticIp', id).publicIp;
    const first = address();
    expect([publicIp(first), publicIp(address({ publicIp: '203.0.113.3' })), publicIp(address()), publicIp(address())]).toEqual([
      '203.0.113.1',
      '203.0.113.3',
      '203.0.113.2',
      '203.0.113.4',
    ]);
    world.run('releaseAddress', { allocationId: first });
    expect(publicIp(address())).toBe('203.0.113.1');
  });

  it('go to a private address of an interface, by the interface or its instance, and move live', () => {
    const { world, c, create, instanceId, primaryOf, internetGateway, address, associate } = setup();
    internetGateway();
    const eniId = create({ privateIpAddresses: ['10.0.1.40', '10.0.1.41'] });
    const [one, two] = [address(), address()];
    const first = associate(one, eniId);
    associate(two, eniId, { privateIpAddress: '10.0.1.41' });
    expect(publicIps(c, eniId)).toEqual([
      ['10.0.1.40', '203.0.113.1'],
      ['10.0.1.41', '203.0.113.2'],
    ]);
    expect(associate(one, eniId)).toBe(first);
    const { associationId } = world.run('associateAddress', { allocationId: one, instanceId });
    expect(associationId).not.toBe(first);
    expect(publicIps(c, eniId)).toEqual([['10.0.1.41', '203.0.113.2']]);
    expect(publicIps(c, primaryOf(instanceId)).map(([, ip]) => ip)).toEqual(['203.0.113.1']);
    world.run('disassociateAddress', { associationId });
    expect(world.get('elasticIp', one).association).toBeUndefined();
  });

  it('make way for another on the same private address, and stay allocated', () => {
    const { world, c, eniId, internetGateway, address, associate } = setup();
    internetGateway();
    const [one, two] = [address(), address()];
    associate(one, eniId);
    associate(two, eniId);
    expect(publicIps(c, eniId).map(([, ip]) => ip)).toEqual(['203.0.113.2']);
    expect(world.get('elasticIp', one).association).toBeUndefined();
  });

  it('follow a secondary private address to another interface, and come off when it is unassigned', () => {
    const { world, c, eniId, create, internetGateway, address, associate } = setup();
    internetGateway();
    const from = create({ privateIpAddresses: ['10.0.1.40', '10.0.1.41'] });
    const allocationId = address();
    const associationId = associate(allocationId, from, { privateIpAddress: '10.0.1.41' });
    world.run('assignPrivateIpAddresses', { networkInterfaceId: eniId, privateIpAddresses: ['10.0.1.41'], allowReassignment: true });
    expect(publicIps(c, from)).toEqual([]);
    expect(publicIps(c, eniId)).toEqual([['10.0.1.41', '203.0.113.1']]);
    expect(world.get('elasticIp', allocationId).association?.associationId).toBe(associationId);
    world.run('unassignPrivateIpAddresses', { networkInterfaceId: eniId, privateIpAddresses: ['10.0.1.41'] });
    expect(world.get('elasticIp', allocationId).association).toBeUndefined();
  });

  it('stay with an interface that is detached, and come off one that is deleted', () => {
    const { world, c, eniId, instanceId, internetGateway, address, associate } = setup();
    internetGateway();
    const allocationId = address();
    associate(allocationId, eniId);
    world.run('attachNetworkInterface', { networkInterfaceId: eniId, instanceId, deviceIndex: 1 });
    world.run('detachNetworkInterface', { networkInterfaceId: eniId, force: true });
    expect(publicIps(c, eniId)).toHaveLength(1);
    world.run('deleteNetworkInterface', { networkInterfaceId: eniId });
    expect(world.get('elasticIp', allocationId).association).toBeUndefined();
  });
});

describe('automatic public addresses', () => {
  const launch = (c: City, input: object = {}) => {
    const [instanceId] = c.world.run('runInstances', {
      networkInterfaces: [{ subnetId: c.subnetId, associatePublicIpAddress: true, ...input }],
    }).instanceIds;
    return { instanceId, networkInterfaceId: c.primaryOf(instanceId) };
  };
  const kinds = (c: City, id: string) => c.world.state.by('elasticIp', 'networkInterfaceId', id).map(({ kind }) => kind);

  it('come with a launch when it, or the subnet, says so', () => {
    const { world, c, subnetId, primaryOf } = setup();
    expect(kinds(c, launch(c).networkInterfaceId)).toEqual(['automatic']);
    world.run('modifySubnet', { subnetId, mapPublicIpOnLaunch: true });
    const run = (input: object): string => primaryOf(world.run('runInstances', input).instanceIds[0]);
    expect(kinds(c, run({ subnetId }))).toEqual(['automatic']);
    expect(kinds(c, run({ networkInterfaces: [{ subnetId }] }))).toEqual(['automatic']);
    expect(kinds(c, run({ networkInterfaces: [{ subnetId, associatePublicIpAddress: false }] }))).toEqual([]);
    expect(kinds(c, run({ networkInterfaces: [{ subnetId }, { subnetId }] }))).toEqual([]);
    expect(kinds(c, run({ networkInterfaces: [{ networkInterfaceId: c.eniId }] }))).toEqual([]);
  });

  it('go at a stop and come anew at a start, unless there are two interfaces', () => {
    const { world, c, eniId } = setup();
    const { instanceId, networkInterfaceId } = launch(c);
    const stop = () => {
      world.run('stopInstance', { instanceId });
      world.run('finishStop', { instanceId });
    };
    stop();
    expect(world.state.all('elasticIp')).toEqual([]);
    world.run('startInstance', { instanceId });
    expect(kinds(c, networkInterfaceId)).toEqual(['automatic']);
    stop();
    world.run('attachNetworkInterface', { networkInterfaceId: eniId, instanceId, deviceIndex: 1 });
    world.run('startInstance', { instanceId });
    expect(world.state.all('elasticIp')).toEqual([]);
  });

  it('make way for an elastic one, and come anew when that goes', () => {
    const { world, c, internetGateway, address, associate } = setup();
    internetGateway();
    const { networkInterfaceId, instanceId } = launch(c);
    const allocationId = address();
    const associationId = associate(allocationId, networkInterfaceId);
    expect(kinds(c, networkInterfaceId)).toEqual(['elastic']);
    world.run('disassociateAddress', { associationId });
    expect(kinds(c, networkInterfaceId)).toEqual(['automatic']);
    associate(allocationId, networkInterfaceId);
    world.run('stopInstance', { instanceId });
    expect(kinds(c, networkInterfaceId)).toEqual(['elastic']);
  });

  it('end with the instance, also for an interface that outlives it', () => {
    const { world, c } = setup();
    const { networkInterfaceId, instanceId } = launch(c, { deleteOnTermination: false });
    world.run('terminateInstance', { instanceId });
    expect(world.state.all('elasticIp')).toEqual([]);
    world.run('finishTerminate', { instanceId });
    expect(world.eni(networkInterfaceId)).not.toHaveProperty('automaticPublicIp');
  });
});

describe('NAT gateways', () => {
  it('have an interface of their own with the check off, no group, and the elastic address', () => {
    const { world, vpcId, subnetId, internetGateway, address, natGateway } = setup();
    internetGateway();
    const allocationId = address();
    const natGatewayId = natGateway({ connectivityType: 'public', allocationId, privateIpAddress: '10.0.1.99' });
    const gateway = world.get('natGateway', natGatewayId);
    expect(gateway).toMatchObject({
      vpcId,
      subnetId,
      state: 'available',
      privateIp: '10.0.1.99',
      publicIp: '203.0.113.1',
      hostId: 'host-1',
    });
    expect(world.eni(gateway.networkInterfaceId)).toMatchObject({
      interfaceType: 'nat_gateway',
      requesterManaged: true,
      requesterId: natGatewayId,
      sourceDestCheck: false,
      groupIds: [],
      combinationIndex: 0,
      privateIpAddresses: ['10.0.1.99'],
    });
    expect(world.get('elasticIp', allocationId).association).toMatchObject({ privateIpAddress: '10.0.1.99', vpcId });
  });

  it('are deleted once the host holds nothing of them; the address is free then, the record stays for an hour', () => {
    const { world, c, mainRouteTableId: routeTableId, internetGateway, address, natGateway } = setup();
    internetGateway();
    const allocationId = address();
    const natGatewayId = natGateway({ connectivityType: 'public', allocationId });
    const { networkInterfaceId } = world.get('natGateway', natGatewayId);
    world.run('createRoute', { routeTableId, destination: '0.0.0.0/0', natGatewayId });
    expect(rowTo(c, '0.0.0.0/0')?.[1]).toBe('active');
    const calls = (isGone: (unit: string) => boolean, unit = natGatewayId) => finishCalls(world.state, 'host-1', [unit], isGone);
    expect(calls(() => true)).toEqual([]);
    world.run('deleteNatGateway', { natGatewayId });
    world.run('deleteNatGateway', { natGatewayId });
    expect(rowTo(c, '0.0.0.0/0')?.[1]).toBe('blackhole');
    expect(calls((unit) => unit !== networkInterfaceId)).toEqual([]);
    expect(finishCalls(world.state, 'host-2', [natGatewayId], () => true)).toEqual([]);
    const call = { command: 'finishNatGateway', input: { natGatewayId } };
    expect([calls(() => true), calls(() => true, networkInterfaceId)]).toEqual([[call], [call]]);
    world.run('finishNatGateway', { natGatewayId });
    expect(world.get('natGateway', natGatewayId)).toMatchObject({ state: 'deleted', deleteTime: world.context.now });
    expect(world.state.get('networkInterface', networkInterfaceId)).toBeUndefined();
    expect(world.get('elasticIp', allocationId).association).toBeUndefined();
    world.wait(59);
    world.run('forgetExpired');
    expect(world.state.get('natGateway', natGatewayId)).toBeDefined();
    world.wait(2);
    world.run('forgetExpired');
    expect(world.state.get('natGateway', natGatewayId)).toBeUndefined();
  });
});

describe('VPC peering', () => {
  it('is asked for, accepted and deleted; a route is a blackhole unless it is active', () => {
    const { world, c, mainRouteTableId: routeTableId, peering } = setup();
    const vpcPeeringConnectionId = peering();
    world.run('createRoute', { routeTableId, destination: '10.1.0.0/16', vpcPeeringConnectionId });
    const state = () => [world.get('vpcPeeringConnection', vpcPeeringConnectionId).status, rowTo(c, '10.1.0.0/16')?.[1]];
    expect(state()).toEqual(['pending-acceptance', 'blackhole']);
    world.run('acceptVpcPeeringConnection', { vpcPeeringConnectionId });
    expect(state()).toEqual(['active', 'active']);
    world.run('deleteVpcPeeringConnection', { vpcPeeringConnectionId });
    expect(state()).toEqual(['deleted', 'blackhole']);
    world.wait(121);
    world.run('forgetExpired');
    expect(world.state.get('vpcPeeringConnection', vpcPeeringConnectionId)).toBeUndefined();
  });

  it('can be asked for again after it was rejected, and does not hold the VPC then', () => {
    const { world, apartVpc, peering } = setup();
    const peerVpcId = apartVpc();
    world.run('rejectVpcPeeringConnection', { vpcPeeringConnectionId: peering(peerVpcId) });
    world.run('rejectVpcPeeringConnection', { vpcPeeringConnectionId: peering(peerVpcId) });
    world.run('deleteVpc', { vpcId: peerVpcId });
  });
});

describe('VPN', () => {
  it('connects two gateways, with an address and a range of its own for each tunnel', () => {
    const { world, connection, vpnGateway, customerGateway } = setup();
    const vpnGatewayId = vpnGateway();
    const [one, two] = ['192.0.2.10', '192.0.2.11'].map((ip) => world.get('vpnConnection', connection(vpnGatewayId, customerGateway(ip))));
    expect([one?.outsideIpAddress, two?.outsideIpAddress]).toEqual(['203.0.113.1', '203.0.113.2']);
    expect([one?.tunnelInsideCidr, two?.tunnelInsideCidr]).toEqual(['169.254.32.0/30', '169.254.32.4/30']);
    expect(new Set([one, two].flatMap((each) => Object.values(each?.keys ?? {}))).size).toBe(4);
    expect(one?.keys.gateway).toMatch(/^[0-9a-f]{64}$/);
    expect(world.run('allocateAddress')).toBeDefined();
    expect(world.state.by('elasticIp', 'publicIp', '203.0.113.3')).toHaveLength(1);
  });

  it('propagates its routes after the static ones, and not beyond its attachment', () => {
    const { world, c, vpcId, mainRouteTableId: routeTableId, eniId, connection, vpnGateway } = setup();
    const vpnGatewayId = vpnGateway();
    const vpnConnectionId = connection(vpnGatewayId);
    for (const destination of ['192.168.0.0/16', '172.16.0.0/12', '10.0.0.0/16'])
      world.run('createVpnConnectionRoute', { vpnConnectionId, destination });
    world.run('createRoute', { routeTableId, destination: '172.16.0.0/12', networkInterfaceId: eniId });
    world.run('enableVgwRoutePropagation', { routeTableId, gatewayId: vpnGatewayId });
    world.run('enableVgwRoutePropagation', { routeTableId, gatewayId: vpnGatewayId });
    const own = [
      ['10.0.0.0/16', 'active', 'CreateRouteTable'],
      [world.get('vpc', vpcId).ipv6?.cidrBlock, 'active', 'CreateRouteTable'],
      ['172.16.0.0/12', 'blackhole', 'CreateRoute'],
    ];
    expect(routesOf(c)).toEqual([...own, ['192.168.0.0/16', 'active', 'EnableVgwRoutePropagation']]);
    world.run('deleteRoute', { routeTableId, destination: '172.16.0.0/12' });
    expect(rowTo(c, '172.16.0.0/12')).toEqual(['172.16.0.0/12', 'active', 'EnableVgwRoutePropagation']);
    world.run('deleteVpnConnectionRoute', { vpnConnectionId, destination: '172.16.0.0/12' });
    expect(rowTo(c, '172.16.0.0/12')).toBeUndefined();
    world.run('disableVgwRoutePropagation', { routeTableId, gatewayId: vpnGatewayId });
    expect(routesOf(c)).toEqual(own.slice(0, 2));
    world.run('enableVgwRoutePropagation', { routeTableId, gatewayId: vpnGatewayId });
    world.run('createRoute', { routeTableId, destination: '172.16.0.0/12', gatewayId: vpnGatewayId });
    world.run('detachVpnGateway', { vpnGatewayId });
    expect(world.get('routeTable', routeTableId).propagatingGatewayIds).toEqual([]);
    expect(routesOf(c)).toEqual(own);
    world.run('deleteVpnConnection', { vpnConnectionId });
    world.run('deleteVpnGateway', { vpnGatewayId });
  });
});

describe('routes within the VPC', () => {
  it('lead a whole subnet, or the whole range, to an interface, and back', () => {
    const { world, c, mainRouteTableId: routeTableId, eniId, natGateway } = setup();
    world.run('createRoute', { routeTableId, destination: '10.0.2.0/24', networkInterfaceId: eniId });
    world.run('replaceRoute', { routeTableId, destination: '10.0.2.0/24', natGatewayId: natGateway() });
    expect(rowTo(c, '10.0.2.0/24')?.slice(1)).toEqual(['active', 'CreateRoute']);
    world.run('replaceRoute', { routeTableId, destination: '10.0.0.0/16', networkInterfaceId: eniId });
    expect(rowTo(c, '10.0.0.0/16')).toEqual(['10.0.0.0/16', 'blackhole', 'CreateRoute']);
    world.run('replaceRoute', { routeTableId, destination: '10.0.0.0/16', gatewayId: 'local' });
    expect(rowTo(c, '10.0.0.0/16')).toEqual(['10.0.0.0/16', 'active', 'CreateRouteTable']);
    world.run('deleteRoute', { routeTableId, destination: '10.0.2.0/24' });
    expect(world.get('routeTable', routeTableId).routes).toEqual([]);
  });
});

describe('network ACLs', () => {
  const allow = (egress: boolean) => ({ ruleNumber: 100, egress, ruleAction: 'allow', protocol: '-1', cidr: '0.0.0.0/0' });

  it('keep their entries in order, and change them', () => {
    const { world, acl } = setup();
    const networkAclId = acl();
    const numbers = () => world.get('networkAcl', networkAclId).entries.map(({ ruleNumber, egress }) => [ruleNumber, egress]);
    world.run('createNetworkAclEntry', { networkAclId, ...allow(true) });
    world.run('createNetworkAclEntry', { networkAclId, ...allow(false) });
    const web = { networkAclId, ruleNumber: 90, egress: false, ruleAction: 'deny', protocol: 6, cidr: '10.0.2.0/24' };
    world.run('createNetworkAclEntry', { ...web, portRange: { from: 80, to: 80 } });
    expect(numbers()).toEqual([
      [90, false],
      [100, false],
      [100, true],
    ]);
    world.run('replaceNetworkAclEntry', { ...web, protocol: 'icmp' });
    expect(world.get('networkAcl', networkAclId).entries[0]).toEqual({
      ruleNumber: 90,
      egress: false,
      ruleAction: 'deny',
      protocol: 'icmp',
      cidr: '10.0.2.0/24',
      icmp: { type: -1, code: -1 },
    });
    world.run('deleteNetworkAclEntry', { networkAclId, ruleNumber: 90, egress: false });
    expect(numbers()).toEqual([
      [100, false],
      [100, true],
    ]);
    world.run('deleteNetworkAcl', { networkAclId });
  });

  it('number the interfaces of a subnet apart as long as they filter anything', () => {
    const { world, c, vpcId, subnetId, eniId, secondSubnetId, create, acl, useAcl, natGateway } = setup();
    const elsewhere = create({ subnetId: secondSubnetId });
    const nat = world.get('natGateway', natGateway()).networkInterfaceId;
    const combination = (id: string) => world.state.get('groupCombination', `${vpcId}/${world.eni(id).combinationIndex}`);
    expect(combination(eniId)).toEqual(combination(elsewhere));
    expect([combination(eniId)?.subnetId, combination(nat)]).toEqual([undefined, undefined]);
    const networkAclId = acl();
    useAcl(networkAclId);
    expect(combination(eniId)).toMatchObject({ subnetId, groupIds: world.eni(eniId).groupIds });
    expect(combination(nat)).toMatchObject({ subnetId, groupIds: [] });
    expect(combination(create())?.subnetId).toBe(subnetId);
    expect(combination(elsewhere)?.subnetId).toBeUndefined();
    world.run('modifyNetworkInterface', { networkInterfaceId: eniId, groupIds: [c.groupId] });
    expect(combination(eniId)).toMatchObject({ subnetId, groupIds: [c.groupId] });
    for (const egress of [false, true]) {
      world.run('createNetworkAclEntry', { networkAclId, ...allow(egress) });
      expect(combination(eniId)?.subnetId).toBe(subnetId);
    }
    for (const egress of [false, true])
      world.run('createNetworkAclEntry', { networkAclId, ...allow(egress), ruleNumber: 101, cidr: '::/0' });
    expect([combination(eniId)?.subnetId, combination(nat)]).toEqual([undefined, undefined]);
    world.run('forgetExpired', {});
    const used = new Set(world.state.all('networkInterface').map((eni) => `${eni.vpcId}/${eni.combinationIndex}`));
    expect(world.state.tables.groupCombination.ids().filter((id) => !used.has(id))).toEqual([]);
    world.run('deleteNetworkAclEntry', { networkAclId, ruleNumber: 101, egress: true });
    expect(combination(eniId)?.subnetId).toBe(subnetId);
    useAcl(world.get('vpc', vpcId).defaultNetworkAclId);
    expect(combination(eniId)?.subnetId).toBeUndefined();
  });
});

it('DHCP options are given to a VPC, taken back and deleted', () => {
  const { world, vpcId } = setup();
  const { dhcpOptionsId } = world.run('createDhcpOptions', { domainName: 'corp.example', domainNameServers: ['10.0.0.53', 'FD00::0:1'] });
  expect(world.get('dhcpOptions', dhcpOptionsId)).toMatchObject({ domainNameServers: ['10.0.0.53', 'fd00::1'] });
  expect(world.get('dhcpOptions', world.run('createDhcpOptions', { domainName: 'x' }).dhcpOptionsId).domainNameServers).toEqual([
    'AmazonProvidedDNS',
  ]);
  world.run('associateDhcpOptions', { vpcId, dhcpOptionsId });
  expect(world.get('vpc', vpcId).dhcpOptionsId).toBe(dhcpOptionsId);
  world.run('associateDhcpOptions', { vpcId, dhcpOptionsId: 'default' });
  world.run('deleteDhcpOptions', { dhcpOptionsId });
  expect(world.get('vpc', vpcId).dhcpOptionsId).toBe('default');
});
