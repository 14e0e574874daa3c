import { describe, expect, it } from 'vitest';
import { city, type World } from './world.js';

const settle = (world: World, instanceId: string, command: 'finishStop' | 'finishTerminate') => world.run(command, { instanceId });

describe('run', () => {
  it('without named interfaces makes one that goes with the instance', () => {
    const { world, instanceId, primaryOf, subnetId, defaultGroupId } = city();
    expect(world.get('instance', instanceId)).toMatchObject({
      state: 'running',
      instanceType: 'm5.large',
      availabilityZone: 'us-east-1a',
      hostId: 'host-1',
      holder: { kind: 'netns' },
      bootSerial: 1,
      sourceBasedRouting: true,
      disableApiTermination: false,
      shutdownBehavior: 'stop',
      launchIndex: 0,
      launchTime: world.context.now,
    });
    expect(world.eni(primaryOf(instanceId))).toMatchObject({
      subnetId,
      groupIds: [defaultGroupId],
      attachment: { instanceId, deviceIndex: 0, deleteOnTermination: true, status: 'attached' },
    });
  });

  it('with everything set', () => {
    const { world, subnetId, groupId, primaryOf } = city();
    const userData = '#!/bin/sh\necho "$(hostname)" > /tmp/x';
    world.run('keepKeyPair', { keyName: 'k', keyType: 'ed25519', publicKey: 'ssh-ed25519 AAAA', fingerprint: 'f' });
    const { instanceIds } = world.run('runInstances', {
      subnetId,
      groupIds: [groupId],
      privateIpAddress: '10.0.1.77',
      secondaryPrivateIpAddressCount: 1,
      ipv6AddressCount: 1,
      instanceType: 't3.micro',
      imageId: 'ami-0123456789abcdef0',
      keyName: 'k',
      availabilityZone: 'us-east-1a',
      userData,
      tags: { Name: 'x' },
      networkInterfaceTags: { Name: 'y' },
      sourceBasedRouting: false,
      disableApiTermination: true,
      shutdownBehavior: 'terminate',
      metadataOptions: { httpTokens: 'required' },
    });
    expect(world.get('instance', instanceIds[0])).toMatchObject({
      userData,
      tags: { Name: 'x' },
      sourceBasedRouting: false,
      disableApiTermination: true,
      shutdownBehavior: 'terminate',
      keyName: 'k',
      publicKey: 'ssh-ed25519 AAAA k',
      metadataOptions: { httpTokens: 'required', httpEndpoint: 'enabled', httpPutResponseHopLimit: 1 },
    });
    expect(world.eni(primaryOf(instanceIds[0]))).toMatchObject({
      tags: { Name: 'y' },
      groupIds: [groupId],
      privateIpAddresses: ['10.0.1.77', '10.0.1.6'],
    });
  });

  it('several: one reservation, launch indexes, an interface each', () => {
    const { world, subnetId } = city();
    const { reservationId, instanceIds } = world.run('runInstances', { subnetId, count: 3 });
    expect(instanceIds).toHaveLength(3);
    expect(instanceIds.map((id: string) => world.get('instance', id).launchIndex)).toEqual([0, 1, 2]);
    expect(new Set(instanceIds.map((id: string) => world.get('instance', id).reservationId))).toEqual(new Set([reservationId]));
  });

  it('as many as there are addresses for, but not fewer than the least', () => {
    const { world, vpcId, subnet } = city();
    const subnetId = subnet({ vpcId, cidrBlock: '10.0.9.0/28' });
    const { instanceIds } = world.run('runInstances', { subnetId, minCount: 2, maxCount: 20, secondaryPrivateIpAddressCount: 1 });
    expect(instanceIds).toHaveLength(5);
    expect(world.state.by('networkInterface', 'subnetId', subnetId)).toHaveLength(5);
    expect(world.state.all('instance')).toHaveLength(6);
  });

  it('with interfaces given and interfaces to be made', () => {
    const { world, eniId, secondSubnetId, groupId } = city();
    const networkInterfaces = [
      { networkInterfaceId: eniId, deviceIndex: 0 },
      {
        subnetId: secondSubnetId,
        deviceIndex: 2,
        groupIds: [groupId],
        deleteOnTermination: false,
        macAddress: '0a:00:00:00:00:01',
        sourceDestCheck: false,
      },
      { subnetId: secondSubnetId, deviceIndex: 1 },
    ];
    const [instanceId] = world.run('runInstances', { instanceType: 'm5.large', networkInterfaces }).instanceIds;
    const byIndex = (index: number) =>
      world.state.by('networkInterface', 'instanceId', instanceId).find((eni) => eni.attachment?.deviceIndex === index);
    expect(byIndex(0)).toMatchObject({ networkInterfaceId: eniId, attachment: { deleteOnTermination: false } });
    expect(byIndex(1)).toMatchObject({ subnetId: secondSubnetId, attachment: { deleteOnTermination: true } });
    expect(byIndex(2)).toMatchObject({
      macAddress: '0a:00:00:00:00:01',
      sourceDestCheck: false,
      groupIds: [groupId],
      attachment: { deleteOnTermination: false },
    });
  });
});

describe('stop and start', () => {
  it('keep interfaces, MACs and addresses; each start is a new boot', () => {
    const { world, instanceId, primaryOf } = city();
    const before = world.eni(primaryOf(instanceId));
    world.run('stopInstance', { instanceId });
    expect(world.get('instance', instanceId)).toMatchObject({ state: 'stopping', stateReason: { code: 'Client.UserInitiatedShutdown' } });
    world.run('stopInstance', { instanceId });
    settle(world, instanceId, 'finishStop');
    expect(world.get('instance', instanceId).state).toBe('stopped');
    expect(world.eni(before.networkInterfaceId)).toEqual(before);
    world.wait(5);
    world.run('startInstance', { instanceId });
    expect(world.get('instance', instanceId)).toMatchObject({ state: 'running', bootSerial: 2, launchTime: world.context.now });
    expect(world.get('instance', instanceId).stateReason).toBeUndefined();
    world.run('startInstance', { instanceId });
    expect(world.get('instance', instanceId).bootSerial).toBe(2);
    world.run('rebootInstance', { instanceId });
    expect(world.get('instance', instanceId)).toMatchObject({ state: 'running', bootSerial: 3 });
  });

  it('finishStop of an instance that is not stopping does nothing', () => {
    const { world, instanceId } = city();
    settle(world, instanceId, 'finishStop');
    settle(world, 'i-0123456789abcdef0', 'finishStop');
    expect(world.get('instance', instanceId).state).toBe('running');
  });
});

describe('terminate', () => {
  it('deletes the interfaces with the flag; the others are available again with the same MAC and addresses', () => {
    const { world, instanceId, primaryOf, eniId, create, run } = city();
    const primary = primaryOf(instanceId);
    const kept = world.eni(eniId);
    const dropped = create();
    world.run('attachNetworkInterface', { networkInterfaceId: eniId, instanceId, deviceIndex: 1 });
    world.run('attachNetworkInterface', { networkInterfaceId: dropped, instanceId, deviceIndex: 2, deleteOnTermination: true });
    world.run('terminateInstance', { instanceId });
    expect(world.get('instance', instanceId).state).toBe('shutting-down');
    expect(world.eni(primary).attachment?.status).toBe('attached');
    world.run('terminateInstance', { instanceId });
    settle(world, instanceId, 'finishTerminate');
    expect(world.get('instance', instanceId)).toMatchObject({ state: 'terminated', terminationTime: world.context.now });
    for (const id of [primary, dropped]) expect(world.state.get('networkInterface', id)).toBeUndefined();
    expect(world.eni(eniId)).toEqual({ ...kept, pastAttachment: expect.objectContaining({ instanceId }) });
    world.run('attachNetworkInterface', { networkInterfaceId: eniId, instanceId: run({}), deviceIndex: 1 });
    world.run('terminateInstance', { instanceId });
  });

  it('of a stopped instance, and with the primary kept when its flag was cleared', () => {
    const { world, instanceId, primaryOf } = city();
    const primary = primaryOf(instanceId);
    world.run('modifyNetworkInterface', { networkInterfaceId: primary, deleteOnTermination: false });
    world.run('stopInstance', { instanceId });
    settle(world, instanceId, 'finishStop');
    world.run('terminateInstance', { instanceId });
    settle(world, instanceId, 'finishTerminate');
    expect(world.eni(primary).attachment).toBeUndefined();
  });

  it('finishTerminate of a running instance does nothing', () => {
    const { world, instanceId, primaryOf } = city();
    settle(world, instanceId, 'finishTerminate');
    expect(world.get('instance', instanceId).state).toBe('running');
    expect(primaryOf(instanceId)).toMatch(/^eni-/);
  });

  it('is forgotten after an hour', () => {
    const { world, instanceId } = city();
    world.run('terminateInstance', { instanceId });
    settle(world, instanceId, 'finishTerminate');
    world.wait(59);
    world.run('forgetExpired');
    expect(world.get('instance', instanceId).state).toBe('terminated');
    world.wait(2);
    world.run('forgetExpired');
    expect(world.state.get('instance', instanceId)).toBeUndefined();
  });
});

describe('modify', () => {
  it('type and user data while stopped, the rest at any time', () => {
    const { world, instanceId, primaryOf, groupId } = city();
    world.run('modifyInstance', { instanceId, sourceBasedRouting: false, disableApiTermination: true, shutdownBehavior: 'terminate' });
    world.run('modifyInstance', { instanceId, metadataOptions: { httpEndpoint: 'disabled' }, sourceDestCheck: false, groupIds: [groupId] });
    expect(world.eni(primaryOf(instanceId))).toMatchObject({ sourceDestCheck: false, groupIds: [groupId] });
    world.run('stopInstance', { instanceId });
    settle(world, instanceId, 'finishStop');
    world.run('modifyInstance', { instanceId, instanceType: 'c5.4xlarge', userData: 'echo 1' });
    expect(world.get('instance', instanceId)).toMatchObject({
      instanceType: 'c5.4xlarge',
      userData: 'echo 1',
      sourceBasedRouting: false,
      disableApiTermination: true,
      metadataOptions: { httpEndpoint: 'disabled', httpTokens: 'optional' },
    });
    world.run('modifyInstance', { instanceId, userData: '' });
    expect(world.get('instance', instanceId).userData).toBeUndefined();
    expect(world.get('instance', instanceId).instanceType).toBe('c5.4xlarge');
  });
});

describe('client tokens', () => {
  it.each([
    ['createVpc', () => ({ cidrBlock: '10.8.0.0/16' }), { cidrBlock: '10.9.0.0/16' }],
    ['createSubnet', (c: ReturnType<typeof city>) => ({ vpcId: c.vpcId, cidrBlock: '10.0.9.0/24' }), { cidrBlock: '10.0.10.0/24' }],
    ['createNetworkInterface', (c: ReturnType<typeof city>) => ({ subnetId: c.subnetId }), { description: 'other' }],
    ['runInstances', (c: ReturnType<typeof city>) => ({ subnetId: c.subnetId }), { count: 2 }],
    ['createSecurityGroup', (c: ReturnType<typeof city>) => ({ vpcId: c.vpcId, groupName: 'a', description: 'a' }), { groupName: 'b' }],
    ['createPrefixList', () => ({ name: 'a', family: 4, maxEntries: 1 }), { maxEntries: 2 }],
    ['createRouteTable', (c: ReturnType<typeof city>) => ({ vpcId: c.vpcId }), { tags: { a: 'b' } }],
  ] as const)('%s: the same request gets the same answer, another is refused', (command, inputOf, change) => {
    const c = city();
    const input = { ...inputOf(c), clientToken: 'token-1' };
    const first = c.world.run(command, input);
    const after = c.world.state;
    expect(c.world.run(command, Object.fromEntries(Object.entries(input).reverse()))).toEqual(first);
    for (const kind of ['vpc', 'subnet', 'networkInterface', 'instance', 'securityGroup', 'prefixList', 'routeTable'] as const)
      expect(c.world.state.all(kind)).toHaveLength(after.all(kind).length);
    c.world.refuse(command, { ...input, ...change }, 'IdempotentParameterMismatch', /token-1/);
    expect(c.world.run(command, { ...input, ...change, clientToken: 'token-2' })).not.toEqual(first);
  });

  it('are kept apart by command, and forgotten after a day', () => {
    const { world, subnetId } = city();
    const create = () => world.run('createNetworkInterface', { subnetId, clientToken: 't' }).networkInterfaceId;
    const first = create();
    world.run('runInstances', { subnetId, clientToken: 't' });
    world.wait(24 * 60);
    expect(create()).toBe(first);
    world.wait(1);
    expect(create()).not.toBe(first);
    world.wait(24 * 60 + 1);
    world.run('forgetExpired');
    expect(world.state.all('clientToken')).toEqual([]);
  });

  it('of a request that failed are free', () => {
    const { world, vpcId } = city();
    world.refuse('createSubnet', { vpcId, cidrBlock: '10.0.1.0/24', clientToken: 't' }, 'InvalidSubnet.Conflict');
    world.run('createSubnet', { vpcId, cidrBlock: '10.0.9.0/24', clientToken: 't' });
  });
});

it('reset forgets everything', () => {
  const { world, subnetId } = city();
  world.run('createNetworkInterface', { subnetId, clientToken: 't' });
  world.run('reset');
  for (const table of Object.values(world.state.tables)) expect(table.size).toBe(0);
  expect(world.run('createVpc', { cidrBlock: '10.0.0.0/16' }).vpcId).toMatch(/^vpc-/);
});
