import { describe, expect, it } from 'vitest';
import { availableAddressCount } from '../../../agent/commands/ipam.js';
import { cidr, containsCidr } from '../../../agent/model/address.js';
import { city, World } from './world.js';

describe('VPC', () => {
  it('comes with a main route table, a default group and a default network ACL, and takes them along', () => {
    const world = new World();
    const { vpcId } = world.run('createVpc', { cidrBlock: '10.0.0.0/28', tags: { Name: 'a' } });
    const vpc = world.get('vpc', vpcId);
    expect(vpc).toMatchObject({
      cidrBlock: '10.0.0.0/28',
      tags: { Name: 'a' },
      enableDnsSupport: true,
      enableDnsHostnames: false,
      ownerId: '123456789012',
    });
    expect(vpc.ipv6).toBeUndefined();
    expect(world.get('routeTable', vpc.mainRouteTableId)).toMatchObject({ main: true, index: 1, routes: [], associations: [] });
    expect(world.get('networkAcl', vpc.defaultNetworkAclId)).toMatchObject({ isDefault: true });
    const group = world.get('securityGroup', vpc.defaultSecurityGroupId);
    expect(group.groupName).toBe('default');
    expect(group.rules.map(({ direction, protocol, peer }) => ({ direction, protocol, peer }))).toEqual([
      { direction: 'ingress', protocol: '-1', peer: { kind: 'group', groupId: group.groupId, vpcId, ownerId: '123456789012' } },
      { direction: 'egress', protocol: '-1', peer: { kind: 'cidr', cidr: '0.0.0.0/0' } },
    ]);
    world.run('deleteVpc', { vpcId });
    for (const kind of ['vpc', 'routeTable', 'securityGroup', 'networkAcl', 'groupCombination'] as const)
      expect(world.state.all(kind)).toEqual([]);
  });

  it('gets an IPv6 range of its own, and then all IPv6 egress too', () => {
    const { world, vpcId, defaultGroupId, groupId, otherGroupId } = city();
    const range = world.get('vpc', vpcId).ipv6?.cidrBlock ?? '';
    expect(range).toMatch(/^fd[0-9a-f:]+::\/56$/);
    expect(containsCidr(cidr('fd00::/8'), cidr(range))).toBe(true);
    const egress = (id: string) =>
      world
        .get('securityGroup', id)
        .rules.filter((rule) => rule.direction === 'egress')
        .map((rule) => rule.peer);
    for (const id of [defaultGroupId, groupId])
      expect(egress(id)).toEqual([
        { kind: 'cidr', cidr: '0.0.0.0/0' },
        { kind: 'cidr6', cidr: '::/0' },
      ]);
    expect(egress(otherGroupId)).toEqual([{ kind: 'cidr', cidr: '0.0.0.0/0' }]);
    const { vpcId: given } = world.run('createVpc', { cidrBlock: '10.0.0.0/16', ipv6: 'fd12:3456:789a:bc00::/56' });
    expect(world.get('vpc', given).ipv6?.cidrBlock).toBe('fd12:3456:789a:bc00::/56');
  });

  it('changes its DNS attributes', () => {
    const { world, vpcId } = city();
    world.run('modifyVpc', { vpcId, enableDnsHostnames: true });
    expect(world.get('vpc', vpcId)).toMatchObject({ enableDnsSupport: true, enableDnsHostnames: true });
  });

  it('can be deleted when only terminated instances remember it', () => {
    const world = new World();
    const { vpcId } = world.run('createVpc', { cidrBlock: '10.0.0.0/16' });
    const { subnetId } = world.run('createSubnet', { vpcId, cidrBlock: '10.0.0.0/24' });
    const [instanceId] = world.run('runInstances', { subnetId }).instanceIds;
    world.run('terminateInstance', { instanceId });
    world.refuse('deleteSubnet', { subnetId }, 'DependencyViolation');
    world.run('finishTerminate', { instanceId });
    world.run('deleteSubnet', { subnetId });
    world.run('deleteVpc', { vpcId });
    expect(world.state.all('vpc')).toEqual([]);
  });
});

describe('subnet', () => {
  it('is in the first zone by default, with the default network ACL and the lowest free /64', () => {
    const { world, vpcId, subnetId, farSubnetId, subnet } = city();
    const range = world.get('vpc', vpcId).ipv6?.cidrBlock ?? '';
    expect(world.get('subnet', subnetId)).toMatchObject({
      availabilityZone: 'us-east-1a',
      mapPublicIpOnLaunch: false,
      ipv6: { cidrBlock: range.replace('/56', '/64') },
    });
    expect(world.get('subnet', farSubnetId).availabilityZone).toBe('us-east-1b');
    const next = world.get('subnet', subnet({ vpcId, cidrBlock: '10.0.8.0/24', ipv6: true })).ipv6?.cidrBlock ?? '';
    expect(cidr(next).base - cidr(range).base).toBe(1n << 64n);
    const acl = world.get('networkAcl', world.get('vpc', vpcId).defaultNetworkAclId);
    expect(acl.associations.map((association) => association.subnetId)).toContain(subnetId);
    world.run('modifySubnet', { subnetId, mapPublicIpOnLaunch: true, assignIpv6AddressOnCreation: true });
    expect(world.get('subnet', subnetId)).toMatchObject({ mapPublicIpOnLaunch: true, assignIpv6AddressOnCreation: true });
  });

  it('takes its associations along', () => {
    const { world, vpcId, secondSubnetId: subnetId, mainRouteTableId } = city();
    const { routeTableId } = world.run('createRouteTable', { vpcId });
    world.run('associateRouteTable', { routeTableId, subnetId });
    world.run('deleteSubnet', { subnetId });
    expect(world.get('routeTable', routeTableId).associations).toEqual([]);
    expect(world.get('networkAcl', world.get('vpc', vpcId).defaultNetworkAclId).associations.map((a) => a.subnetId)).not.toContain(
      subnetId,
    );
    expect(world.get('routeTable', mainRouteTableId).main).toBe(true);
  });

  it('counts its free addresses: all but five, less those that interfaces hold', () => {
    const { world, vpcId, subnet, create, subnetId } = city();
    const small = subnet({ vpcId, cidrBlock: '10.0.9.16/28' });
    const available = (id: string) => availableAddressCount(world.state, world.get('subnet', id));
    expect(available(small)).toBe(11);
    const networkInterfaceId = create({ subnetId: small, secondaryPrivateIpAddressCount: 3 });
    expect(available(small)).toBe(7);
    world.run('deleteNetworkInterface', { networkInterfaceId });
    expect(available(small)).toBe(11);
    expect(available(subnetId)).toBe(251 - 2);
  });
});

describe('route tables', () => {
  it('are made, associated, replaced, taken back and deleted', () => {
    const { world, vpcId, subnetId, mainRouteTableId } = city();
    const { routeTableId: a } = world.run('createRouteTable', { vpcId, tags: { Name: 'a' } });
    const { routeTableId: b } = world.run('createRouteTable', { vpcId });
    expect([mainRouteTableId, a, b].map((id) => world.get('routeTable', id).index)).toEqual([1, 2, 3]);
    const { associationId } = world.run('associateRouteTable', { routeTableId: a, subnetId });
    const { associationId: second } = world.run('replaceRouteTableAssociation', { associationId, routeTableId: b });
    expect(second).not.toBe(associationId);
    expect(world.get('routeTable', a).associations).toEqual([]);
    expect(world.get('routeTable', b).associations).toEqual([{ associationId: second, subnetId }]);
    world.run('disassociateRouteTable', { associationId: second });
    world.run('deleteRouteTable', { routeTableId: a });
    expect(world.get('routeTable', world.run('createRouteTable', { vpcId }).routeTableId).index).toBe(2);
  });

  it('can become the main one', () => {
    const { world, vpcId, mainRouteTableId } = city();
    const { routeTableId } = world.run('createRouteTable', { vpcId });
    const associationId = world.get('routeTable', mainRouteTableId).mainAssociationId;
    world.run('replaceRouteTableAssociation', { associationId, routeTableId });
    expect(world.get('vpc', vpcId).mainRouteTableId).toBe(routeTableId);
    expect(world.get('routeTable', routeTableId).main).toBe(true);
    expect(world.get('routeTable', mainRouteTableId)).toMatchObject({ main: false });
    expect(world.get('routeTable', mainRouteTableId).mainAssociationId).toBeUndefined();
    world.run('deleteRouteTable', { routeTableId: mainRouteTableId });
  });

  it('route to interfaces, by themselves or by their instance; the route outlives a deleted interface', () => {
    const { world, mainRouteTableId: routeTableId, eniId, instanceId, primaryOf } = city();
    const routes = () => world.get('routeTable', routeTableId).routes;
    const to = (networkInterfaceId: string) => ({ kind: 'networkInterface', networkInterfaceId });
    world.run('createRoute', { routeTableId, destination: '0.0.0.0/0', networkInterfaceId: eniId });
    world.run('createRoute', { routeTableId, destination: '::/0', instanceId });
    expect(routes()).toEqual([
      { destination: '0.0.0.0/0', target: to(eniId) },
      { destination: '::/0', target: to(primaryOf(instanceId)) },
    ]);
    world.run('replaceRoute', { routeTableId, destination: '::/0', networkInterfaceId: eniId });
    expect(routes()[1]?.target).toEqual(to(eniId));
    world.run('deleteRoute', { routeTableId, destination: '::/0' });
    world.run('deleteNetworkInterface', { networkInterfaceId: eniId });
    expect(routes()).toEqual([{ destination: '0.0.0.0/0', target: to(eniId) }]);
  });
});

describe('tags', () => {
  it('are put on and taken off every kind of resource', () => {
    const c = city();
    const { world } = c;
    const { prefixListId } = world.run('createPrefixList', { name: 'p', family: 4, maxEntries: 5 });
    const vpc = world.get('vpc', c.vpcId);
    const ruleId = world.get('securityGroup', c.groupId).rules[0]?.ruleId ?? '';
    const tagged = [
      ['vpc', c.vpcId],
      ['subnet', c.subnetId],
      ['networkInterface', c.eniId],
      ['instance', c.instanceId],
      ['securityGroup', c.groupId],
      ['routeTable', c.mainRouteTableId],
      ['networkAcl', vpc.defaultNetworkAclId],
      ['prefixList', prefixListId],
    ] as const;
    for (const [kind, resourceId] of tagged) {
      world.run('createTags', { resourceId, tags: { a: '1', b: '2' } });
      world.run('createTags', { resourceId, tags: { b: '3', c: '' } });
      world.run('deleteTags', { resourceId, keys: ['a', 'absent'] });
      expect(world.get(kind, resourceId).tags).toEqual({ b: '3', c: '' });
      world.run('deleteTags', { resourceId });
      expect(world.get(kind, resourceId).tags).toEqual({});
    }
    world.run('createTags', { resourceId: ruleId, tags: { a: '1' } });
    expect(world.get('securityGroup', c.groupId).rules[0]?.tags).toEqual({ a: '1' });
  });

  it('keep shell metacharacters, quotes and other scripts as they are; so do names and descriptions', () => {
    const { world, vpcId, subnetId } = city();
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell would expand it
    const nasty = '$(reboot); `id` | tee /etc/passwd && rm -rf / "\'\\ * ? ~ ${HOME} <script> Käse 網';
    const { networkInterfaceId } = world.run('createNetworkInterface', { subnetId, description: nasty, tags: { [nasty]: nasty } });
    expect(world.eni(networkInterfaceId)).toMatchObject({ description: nasty, tags: { [nasty]: nasty } });
    const { groupId } = world.run('createSecurityGroup', { groupName: nasty, description: nasty, vpcId });
    expect(world.get('securityGroup', groupId)).toMatchObject({ groupName: nasty, description: nasty });
    world.run('authorizeSecurityGroupRules', {
      groupId,
      direction: 'ingress',
      rules: [{ protocol: '-1', peer: { self: true }, description: nasty }],
    });
    expect(world.get('securityGroup', groupId).rules.at(-1)?.description).toBe(nasty);
    const { prefixListId } = world.run('createPrefixList', { name: nasty, family: 4, maxEntries: 1 });
    expect(world.get('prefixList', prefixListId).name).toBe(nasty);
  });
});
