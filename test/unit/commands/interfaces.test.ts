import { describe, expect, it } from 'vitest';
import { isLocalUnicastMac } from '../../../agent/model/mac.js';
import { city, World } from './world.js';

describe('network interface', () => {
  it('gets the lowest free address, the default group, a local MAC and the check', () => {
    const { world, subnetId, create, defaultGroupId, vpcId } = city();
    const eni = world.eni(create({ description: 'front' }));
    expect(eni).toMatchObject({
      subnetId,
      vpcId,
      availabilityZone: 'us-east-1a',
      description: 'front',
      interfaceType: 'interface',
      requesterManaged: false,
      sourceDestCheck: true,
      groupIds: [defaultGroupId],
      privateIpAddresses: ['10.0.1.6'],
      ipv6Addresses: [],
      createTime: world.context.now,
    });
    expect(eni.attachment).toBeUndefined();
    expect(eni.macAddress).toMatch(/^0[26](:[0-9a-f]{2}){5}$/);
    expect(isLocalUnicastMac(eni.macAddress)).toBe(true);
  });

  it.each([
    ['a primary', { privateIpAddress: '10.0.1.20' }, ['10.0.1.20']],
    ['a primary and a count', { privateIpAddress: '10.0.1.5', secondaryPrivateIpAddressCount: 2 }, ['10.0.1.5', '10.0.1.6', '10.0.1.7']],
    ['a count', { secondaryPrivateIpAddressCount: 2 }, ['10.0.1.5', '10.0.1.6', '10.0.1.7']],
    ['a list: the first is primary', { privateIpAddresses: ['10.0.1.30', '10.0.1.20'] }, ['10.0.1.30', '10.0.1.20']],
    ['a primary and a list', { privateIpAddress: '10.0.1.20', privateIpAddresses: ['10.0.1.30'] }, ['10.0.1.20', '10.0.1.30']],
    [
      'a marked primary',
      { privateIpAddresses: [{ privateIpAddress: '10.0.1.30' }, { privateIpAddress: '10.0.1.20', primary: true }] },
      ['10.0.1.20', '10.0.1.30'],
    ],
  ] as const)('addresses: %s', (_name, input, expected) => {
    const { world, eniId, create } = city();
    world.run('deleteNetworkInterface', { networkInterfaceId: eniId });
    expect(world.eni(create(input)).privateIpAddresses).toEqual(expected);
  });

  it('fills gaps first, and takes what is asked for', () => {
    const { world, create } = city();
    const ids = [create(), create(), create()];
    world.run('deleteNetworkInterface', { networkInterfaceId: ids[1] });
    expect(world.eni(create()).privateIpAddresses).toEqual(['10.0.1.7']);
    expect(world.eni(create()).privateIpAddresses).toEqual(['10.0.1.9']);
  });

  it('gives the same answer to the same state', () => {
    const [a, b] = [city(), city()];
    const input = { secondaryPrivateIpAddressCount: 3, ipv6AddressCount: 2 };
    expect(a.world.eni(a.create(input))).toEqual(b.world.eni(b.create(input)));
  });

  it('has IPv6 addresses: some, these, or one by the default of the subnet', () => {
    const { world, subnetId, create } = city();
    const base = world.get('subnet', subnetId).ipv6?.cidrBlock.replace('::/64', '') ?? '';
    expect(world.eni(create({ ipv6AddressCount: 2 })).ipv6Addresses).toEqual([`${base}::4`, `${base}::5`]);
    expect(world.eni(create({ ipv6Addresses: [`${base}:0:0:0:00AB`] })).ipv6Addresses).toEqual([`${base}::ab`]);
    world.run('modifySubnet', { subnetId, assignIpv6AddressOnCreation: true });
    expect(world.eni(create()).ipv6Addresses).toEqual([`${base}::6`]);
  });

  it('takes a given MAC in any spelling, and the groups in the order given', () => {
    const { world, create, groupId, defaultGroupId } = city();
    const eni = world.eni(
      create({ macAddress: '06-AB-CD-EF-01-02', groupIds: [groupId, defaultGroupId, groupId], sourceDestCheck: false }),
    );
    expect(eni).toMatchObject({ macAddress: '06:ab:cd:ef:01:02', groupIds: [groupId, defaultGroupId], sourceDestCheck: false });
  });

  it('keeps VPCs apart: the same address in two', () => {
    const { world, create, otherSubnetId } = city();
    const privateIpAddress = '10.0.1.200';
    expect(world.eni(create({ privateIpAddress })).vpcId).not.toBe(world.eni(create({ privateIpAddress, subnetId: otherSubnetId })).vpcId);
  });

  it('changes live; what is not named stays', () => {
    const { world, eniId: networkInterfaceId, groupId, instanceId } = city();
    world.run('attachNetworkInterface', { networkInterfaceId, instanceId, deviceIndex: 1 });
    const before = world.eni(networkInterfaceId);
    world.run('modifyNetworkInterface', { networkInterfaceId, groupIds: [groupId] });
    world.run('modifyNetworkInterface', { networkInterfaceId, sourceDestCheck: false, description: '' });
    world.run('modifyNetworkInterface', { networkInterfaceId, attachmentId: before.attachment?.attachmentId, deleteOnTermination: true });
    expect(world.eni(networkInterfaceId)).toEqual({
      ...before,
      groupIds: [groupId],
      combinationIndex: expect.any(Number),
      sourceDestCheck: false,
      description: '',
      attachment: { ...before.attachment, deleteOnTermination: true },
    });
  });

  it('as many per group limit as the configuration says', () => {
    const c = city();
    c.world.context = { ...c.world.context, limits: { rulesPerDirection: 60, groupsPerInterface: 6 } };
    const groupIds = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => c.group(name));
    expect(c.world.eni(c.create({ groupIds })).groupIds).toEqual(groupIds);
  });
});

describe('combinations of groups', () => {
  it('are shared by interfaces with the same set, in any order, and numbered from 1 per VPC', () => {
    const { world, create, groupId, defaultGroupId, otherSubnetId, vpcId } = city();
    const index = (id: string) => world.eni(id).combinationIndex;
    const first = create({ groupIds: [groupId, defaultGroupId] });
    expect(index(first)).toBe(2);
    expect(index(create({ groupIds: [defaultGroupId, groupId] }))).toBe(2);
    expect(index(create({ groupIds: [groupId] }))).toBe(3);
    expect(index(create({ subnetId: otherSubnetId }))).toBe(1);
    expect(world.get('groupCombination', `${vpcId}/2`).groupIds).toEqual([groupId, defaultGroupId].sort());
  });

  it('keep their number a while after their last interface, then are forgotten', () => {
    const { world, create, groupId, defaultGroupId, vpcId } = city();
    const networkInterfaceId = create({ groupIds: [groupId] });
    const indexes = () => world.state.by('groupCombination', 'vpcId', vpcId).map((combination) => combination.index);
    world.run('modifyNetworkInterface', { networkInterfaceId, groupIds: [groupId, defaultGroupId] });
    expect(world.eni(networkInterfaceId).combinationIndex).toBe(3);
    expect(indexes()).toEqual([1, 2, 3]);
    world.run('forgetExpired', {});
    expect(indexes()).toEqual([1, 3]);
    world.run('modifyNetworkInterface', { networkInterfaceId, groupIds: [groupId] });
    expect(world.eni(networkInterfaceId).combinationIndex).toBe(2);
  });

  it('go with a group that they hold', () => {
    const { world, create, groupId, vpcId } = city();
    const networkInterfaceId = create({ groupIds: [groupId] });
    world.run('deleteNetworkInterface', { networkInterfaceId });
    world.run('deleteSecurityGroup', { groupId });
    expect(world.state.by('groupCombination', 'vpcId', vpcId).map((combination) => combination.index)).toEqual([1]);
  });
});

describe('secondary addresses', () => {
  it('are assigned and unassigned live', () => {
    const { world, eniId: networkInterfaceId } = city();
    const assign = (input: object) => world.run('assignPrivateIpAddresses', { networkInterfaceId, ...input }).assignedPrivateIpAddresses;
    expect(assign({ secondaryPrivateIpAddressCount: 2 })).toEqual(['10.0.1.6', '10.0.1.7']);
    expect(assign({ privateIpAddresses: ['10.0.1.99', '10.0.1.6'] })).toEqual(['10.0.1.99', '10.0.1.6']);
    expect(world.eni(networkInterfaceId).privateIpAddresses).toEqual(['10.0.1.5', '10.0.1.6', '10.0.1.7', '10.0.1.99']);
    world.run('unassignPrivateIpAddresses', { networkInterfaceId, privateIpAddresses: ['10.0.1.6', '10.0.1.99'] });
    expect(world.eni(networkInterfaceId).privateIpAddresses).toEqual(['10.0.1.5', '10.0.1.7']);
  });

  it('move from another interface at once when reassignment is allowed', () => {
    const { world, eniId: from, create } = city();
    const to = create();
    world.run('assignPrivateIpAddresses', { networkInterfaceId: from, privateIpAddresses: ['10.0.1.50', '10.0.1.51'] });
    world.run('assignPrivateIpAddresses', { networkInterfaceId: to, privateIpAddresses: ['10.0.1.50'], allowReassignment: true });
    expect([from, to].map((id) => world.eni(id).privateIpAddresses)).toEqual([
      ['10.0.1.5', '10.0.1.51'],
      ['10.0.1.6', '10.0.1.50'],
    ]);
    expect(world.eni(create({ privateIpAddress: '10.0.1.49', secondaryPrivateIpAddressCount: 1 })).privateIpAddresses).toEqual([
      '10.0.1.49',
      '10.0.1.7',
    ]);
    world.refuse('createNetworkInterface', { subnetId: world.eni(to).subnetId, privateIpAddress: '10.0.1.50' }, 'InvalidIPAddress.InUse');
  });

  it('IPv6 addresses likewise, but they do not move', () => {
    const { world, eniId: networkInterfaceId } = city();
    const { assignedIpv6Addresses } = world.run('assignIpv6Addresses', { networkInterfaceId, ipv6AddressCount: 2 });
    expect(world.eni(networkInterfaceId).ipv6Addresses).toEqual(assignedIpv6Addresses);
    world.run('unassignIpv6Addresses', { networkInterfaceId, ipv6Addresses: [assignedIpv6Addresses[0].toUpperCase()] });
    expect(world.eni(networkInterfaceId).ipv6Addresses).toEqual([assignedIpv6Addresses[1]]);
  });
});

describe('attachment', () => {
  it('attach → detach → finishDetach → attach elsewhere, with the same MAC and addresses', () => {
    const { world, eniId: networkInterfaceId, instanceId, run } = city();
    const before = world.eni(networkInterfaceId);
    const { attachmentId } = world.run('attachNetworkInterface', { networkInterfaceId, instanceId, deviceIndex: 1 });
    const attachment = {
      attachmentId,
      instanceId,
      deviceIndex: 1,
      networkCardIndex: 0,
      deleteOnTermination: false,
      attachTime: world.context.now,
      status: 'attached',
    };
    expect(world.eni(networkInterfaceId)).toEqual({ ...before, attachment });
    world.run('detachNetworkInterface', { attachmentId });
    expect(world.eni(networkInterfaceId)).toEqual({ ...before, attachment: { ...attachment, status: 'detaching' } });
    const other = run({});
    world.refuse('attachNetworkInterface', { networkInterfaceId, instanceId: other, deviceIndex: 1 }, 'InvalidNetworkInterface.InUse');
    world.run('finishDetach', { networkInterfaceId, attachmentId });
    expect(world.eni(networkInterfaceId)).toEqual({ ...before, pastAttachment: { ...attachment, status: 'detaching' } });
    const second = world.run('attachNetworkInterface', {
      networkInterfaceId,
      instanceId: other,
      deviceIndex: 1,
      deleteOnTermination: true,
    });
    expect(second.attachmentId).not.toBe(attachmentId);
    expect(world.eni(networkInterfaceId).attachment).toMatchObject({ instanceId: other, deleteOnTermination: true });
  });

  it('finishDetach of something else does nothing', () => {
    const { world, eniId: networkInterfaceId, instanceId } = city();
    const { attachmentId } = world.run('attachNetworkInterface', { networkInterfaceId, instanceId, deviceIndex: 1 });
    const before = world.state;
    world.run('finishDetach', { networkInterfaceId, attachmentId });
    world.run('finishDetach', { networkInterfaceId, attachmentId: 'eni-attach-0123456789abcdef0' });
    world.run('finishDetach', { networkInterfaceId: 'eni-0123456789abcdef0', attachmentId });
    expect(world.eni(networkInterfaceId)).toBe(before.get('networkInterface', networkInterfaceId));
  });

  it('force forgets the attachment at once, also of one that hangs', () => {
    const { world, eniId: networkInterfaceId, instanceId } = city();
    const before = world.eni(networkInterfaceId);
    for (const graceful of [false, true]) {
      const { attachmentId } = world.run('attachNetworkInterface', { networkInterfaceId, instanceId, deviceIndex: 1 });
      if (graceful) world.run('detachNetworkInterface', { networkInterfaceId });
      world.run('detachNetworkInterface', { networkInterfaceId, force: true });
      expect(world.eni(networkInterfaceId)).toEqual({ ...before, pastAttachment: expect.objectContaining({ attachmentId }) });
    }
  });

  it('may be to a stopped instance', () => {
    const { world, eniId: networkInterfaceId, instanceId } = city();
    world.run('stopInstance', { instanceId });
    world.run('finishStop', { instanceId });
    world.run('attachNetworkInterface', { networkInterfaceId, instanceId, deviceIndex: 7 });
    expect(world.eni(networkInterfaceId).attachment?.deviceIndex).toBe(7);
  });

  it('move gives a new attachment in one commit and keeps the flag', () => {
    const { world, eniId: networkInterfaceId, instanceId, run } = city();
    const old = world.run('attachNetworkInterface', {
      networkInterfaceId,
      instanceId,
      deviceIndex: 1,
      deleteOnTermination: true,
    }).attachmentId;
    const target = run({});
    const revision = world.state.revision;
    world.wait(1);
    const { attachmentId } = world.run('moveNetworkInterface', { networkInterfaceId, instanceId: target, deviceIndex: 1 });
    expect(world.state.revision).toBe(revision + 1);
    expect(attachmentId).not.toBe(old);
    expect(world.eni(networkInterfaceId).attachment).toEqual({
      attachmentId,
      instanceId: target,
      deviceIndex: 1,
      networkCardIndex: 0,
      deleteOnTermination: true,
      attachTime: world.context.now,
      status: 'attached',
    });
    expect(world.state.by('networkInterface', 'attachmentId', old)).toEqual([]);
    world.run('moveNetworkInterface', { networkInterfaceId, instanceId: target, deviceIndex: 2, deleteOnTermination: false });
    expect(world.eni(networkInterfaceId).attachment).toMatchObject({ instanceId: target, deviceIndex: 2, deleteOnTermination: false });
  });

  it('move within a full instance needs no room', () => {
    const { world, eniId: networkInterfaceId, run } = city();
    const instanceId = run({ instanceType: 't3.micro' });
    world.run('attachNetworkInterface', { networkInterfaceId, instanceId, deviceIndex: 1 });
    world.run('moveNetworkInterface', { networkInterfaceId, instanceId, deviceIndex: 2 });
    expect(world.eni(networkInterfaceId).attachment?.deviceIndex).toBe(2);
  });
});

it('MACs that a poor source of random digits repeats are not used twice', () => {
  const c = city();
  let calls = 0;
  const good = c.world.context.randomHex;
  c.world.context = { ...c.world.context, randomHex: (digits) => (digits === 11 && calls++ < 3 ? '00000000abc' : good(digits)) };
  expect(c.world.eni(c.create()).macAddress).toBe('02:00:00:00:0a:bc');
  expect(c.world.eni(c.create()).macAddress).not.toBe('02:00:00:00:0a:bc');
  const stuck = new World();
  stuck.state = c.world.state;
  stuck.context = { ...c.world.context, randomHex: (digits) => (digits === 11 ? '00000000abc' : good(digits)) };
  expect(() => stuck.run('createNetworkInterface', { subnetId: c.subnetId })).toThrow(/repeats itself/);
});
