import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeNetwork, startApi, type TestApi } from '../support/api.js';

let api: TestApi;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

const tags = { Name: 'first' };

/** How each noun is created in a network, what of it can be changed, and what a change reads like. */
const NOUNS = [
  ['vpcs', 'vpcId', () => ({ cidrBlock: '10.9.0.0/16' }), { enableDnsHostnames: true }],
  ['subnets', 'subnetId', (n) => ({ vpcId: n.vpcId, cidrBlock: '10.0.2.0/24' }), { mapPublicIpOnLaunch: true }],
  [
    'network-interfaces',
    'networkInterfaceId',
    (n) => ({ subnetId: n.subnetId, description: 'db' }),
    { description: 'web', sourceDestCheck: false },
  ],
  ['security-groups', 'groupId', (n) => ({ vpcId: n.vpcId, groupName: 'web', description: 'web servers' }), undefined],
  ['route-tables', 'routeTableId', (n) => ({ vpcId: n.vpcId }), undefined],
  [
    'prefix-lists',
    'prefixListId',
    () => ({ name: 'offices', family: 4, maxEntries: 5, entries: [{ cidr: '192.0.2.0/24' }] }),
    { name: 'homes' },
  ],
] as const satisfies [string, string, (network: { vpcId: string; subnetId: string }) => object, object | undefined][];

describe.each(NOUNS)('%s', (path, idField, body, change) => {
  it('are created, read, listed, changed, tagged and deleted', async () => {
    const network = await makeNetwork(api);
    const created = await api.call('POST', `/v1/${path}`, { ...body(network), tags });
    expect(created.status).toBe(201);
    const id: string = created.body[idField];
    const url = `/v1/${path}/${id}`;
    expect(created.body).toMatchObject({ tags, ownerId: '123456789012' });
    expect(await api.ok('GET', url)).toEqual(created.body);

    const listed = await api.ok('GET', `/v1/${path}?filter=tag:Name:first`);
    expect(listed).toEqual({ items: [created.body] });

    if (change) {
      const changed = await api.call('PATCH', url, change);
      expect([changed.status, changed.body]).toEqual([200, { ...created.body, ...change }]);
      expect(await api.ok('GET', url)).toEqual(changed.body);
    } else expect((await api.call('PATCH', url, {})).status).toBe(405);

    expect(await api.ok('PUT', `/v1/tags/${id}`, { tags: { team: 'a' } })).toEqual({ resourceId: id, tags: { ...tags, team: 'a' } });
    expect((await api.call('DELETE', `/v1/tags/${id}`, { keys: ['Name'] })).status).toBe(204);
    expect((await api.ok('GET', url)).tags).toEqual({ team: 'a' });

    expect((await api.call('DELETE', url)).status).toBe(204);
    expect((await api.call('GET', url)).body.error.code).toMatch(/NotFound$/);
    expect((await api.call('DELETE', url)).body.error.code).toMatch(/NotFound$/);
  });
});

describe('network ACLs', () => {
  it('come with the VPC, and are read, listed and tagged', async () => {
    const { vpc, vpcId } = await makeNetwork(api);
    const acl = await api.ok('GET', `/v1/network-acls/${vpc.defaultNetworkAclId}`);
    expect(acl).toMatchObject({ vpcId, isDefault: true });
    await api.ok('PUT', `/v1/tags/${acl.networkAclId}`, { tags });
    expect(await api.ok('GET', `/v1/network-acls?filter=vpc-id:${vpcId}`)).toEqual({ items: [{ ...acl, tags }] });
    expect((await api.call('DELETE', `/v1/network-acls/${acl.networkAclId}`)).body.error.code).toBe('InvalidParameterValue');
  });
});

describe('instances', () => {
  it('run, stop, start, reboot and terminate', async () => {
    const { subnetId, vpcId } = await makeNetwork(api);
    const run = await api.call('POST', '/v1/instances', { subnetId, userData: '#!/bin/sh\necho hello\n', tags });
    expect(run.status).toBe(201);
    const [instance] = run.body.instances;
    expect(instance).toMatchObject({
      state: 'running',
      vpcId,
      subnetId,
      tags,
      initPid: 4711,
      privateIpAddress: '10.0.1.4',
      reservationId: run.body.reservationId,
    });
    expect(instance.namespace).toBe(instance.instanceId);
    expect(instance.privateDnsName).toBe('ip-10-0-1-4.ec2.internal');
    const [eni] = instance.networkInterfaces;
    expect(eni).toMatchObject({ status: 'in-use', attachment: { status: 'attached', deviceIndex: 0, deleteOnTermination: true } });
    expect(eni.attachment.device).toEqual({
      netns: instance.instanceId,
      name: 'eth0',
      hostEnd: `e${eni.attachment.attachmentId.slice(11, 25)}`,
    });

    const url = `/v1/instances/${instance.instanceId}`;
    expect(await api.ok('GET', `${url}/console-output`)).toMatchObject({ instanceId: instance.instanceId, output: 'hello\n' });
    const stopped = await api.ok('POST', `${url}/stop`);
    expect(stopped).toMatchObject({ state: 'stopped', networkInterfaces: [{ status: 'in-use', attachment: { status: 'attached' } }] });
    expect(stopped.networkInterfaces[0].attachment.device).toBeUndefined();
    expect(stopped.initPid).toBeUndefined();
    expect(await api.ok('PATCH', url, { instanceType: 'm5.large' })).toMatchObject({ instanceType: 'm5.large' });
    expect(await api.ok('POST', `${url}/start`)).toMatchObject({ state: 'running', privateIpAddress: '10.0.1.4' });
    expect(await api.ok('POST', `${url}/reboot`)).toMatchObject({ state: 'running' });
    expect(await api.ok('PATCH', url, { disableApiTermination: true })).toMatchObject({ disableApiTermination: true });
    expect((await api.call('DELETE', url)).body.error.code).toBe('OperationNotPermitted');
    await api.ok('PATCH', url, { disableApiTermination: false });

    expect((await api.call('DELETE', url)).status).toBe(204);
    expect(await api.ok('GET', url)).toMatchObject({ state: 'terminated', networkInterfaces: [] });
    expect((await api.call('GET', `/v1/network-interfaces/${eni.networkInterfaceId}`)).body.error.code).toBe(
      'InvalidNetworkInterfaceID.NotFound',
    );
  });
});

describe('network interfaces on instances', () => {
  const make = async () => {
    const network = await makeNetwork(api);
    const eni = await api.ok('POST', '/v1/network-interfaces', { subnetId: network.subnetId });
    const run = async () =>
      (await api.ok('POST', '/v1/instances', { subnetId: network.subnetId, instanceType: 't3.medium' })).instances[0].instanceId as string;
    return { ...network, url: `/v1/network-interfaces/${eni.networkInterfaceId}`, eni, first: await run(), second: await run() };
  };

  it('are attached, moved and detached, and keep MAC and addresses', async () => {
    const { url, eni, first, second } = await make();
    const attached = await api.ok('POST', `${url}/attach`, { instanceId: first, deviceIndex: 1 });
    expect(attached).toMatchObject({
      status: 'in-use',
      attachment: { instanceId: first, deviceIndex: 1, deleteOnTermination: false, device: { name: 'eth1' } },
    });
    expect(await api.ok('PATCH', url, { deleteOnTermination: true })).toMatchObject({ attachment: { deleteOnTermination: true } });
    const moved = await api.ok('POST', `${url}/move`, { instanceId: second, deviceIndex: 2 });
    expect(moved).toMatchObject({ status: 'in-use', attachment: { instanceId: second, deviceIndex: 2 } });
    expect(moved.attachment.attachmentId).not.toBe(attached.attachment.attachmentId);
    const detached = await api.ok('POST', `${url}/detach`);
    expect(detached).toMatchObject({ status: 'available', macAddress: eni.macAddress, privateIpAddress: eni.privateIpAddress });
    expect(detached.attachment).toBeUndefined();
  });

  it('get and lose secondary addresses', async () => {
    const { url } = await make();
    const two = await api.ok('POST', `${url}/assign-private-ip-addresses`, { privateIpAddresses: ['10.0.1.77'] });
    expect(two.privateIpAddresses.map((a: any) => [a.privateIpAddress, a.primary, a.privateDnsName])).toEqual([
      [two.privateIpAddress, true, two.privateDnsName],
      ['10.0.1.77', false, 'ip-10-0-1-77.ec2.internal'],
    ]);
    const one = await api.ok('POST', `${url}/unassign-private-ip-addresses`, { privateIpAddresses: ['10.0.1.77'] });
    expect(one.privateIpAddresses).toHaveLength(1);
  });

  it('get and lose IPv6 addresses', async () => {
    const vpc = await api.ok('POST', '/v1/vpcs', { cidrBlock: '10.8.0.0/16', ipv6: true });
    const subnet = await api.ok('POST', '/v1/subnets', { vpcId: vpc.vpcId, cidrBlock: '10.8.1.0/24', ipv6: true });
    const eni = await api.ok('POST', '/v1/network-interfaces', { subnetId: subnet.subnetId });
    const url = `/v1/network-interfaces/${eni.networkInterfaceId}`;
    const with6 = await api.ok('POST', `${url}/assign-ipv6-addresses`, { ipv6AddressCount: 1 });
    expect(with6.ipv6Addresses).toHaveLength(1);
    expect((await api.ok('POST', `${url}/unassign-ipv6-addresses`, { ipv6Addresses: with6.ipv6Addresses })).ipv6Addresses).toEqual([]);
  });

  it('show their counters while they have a device', async () => {
    const { url, eni, first } = await make();
    expect((await api.call('GET', `${url}/counters`)).body.error.code).toBe('IncorrectState');
    await api.ok('POST', `${url}/attach`, { instanceId: first, deviceIndex: 1 });
    api.host.counters.set(eni.networkInterfaceId, { ...COUNTERS });
    expect(await api.ok('GET', `${url}/counters`)).toEqual({ networkInterfaceId: eni.networkInterfaceId, ...COUNTERS });
  });
});

const COUNTERS = {
  rxBytes: 100,
  rxPackets: 1,
  txBytes: 200,
  txPackets: 2,
  ingressGroupDrops: 3,
  egressGroupDrops: 4,
  sourceCheckDrops: 5,
  destinationCheckDrops: 6,
  frameDrops: 7,
};

describe('rules, routes and associations', () => {
  it('adds, describes and removes rules', async () => {
    const { vpcId } = await makeNetwork(api);
    const { groupId } = await api.ok('POST', '/v1/security-groups', { vpcId, groupName: 'web', description: 'x' });
    const url = `/v1/security-groups/${groupId}/rules`;
    const rules = [
      { protocol: 'tcp', fromPort: 80, toPort: 80, peer: { cidr: '0.0.0.0/0' } },
      { protocol: 'tcp', fromPort: 22, toPort: 22, peer: { self: true }, description: 'among us' },
    ];
    const added = await api.call('POST', url, { direction: 'ingress', rules });
    expect([added.status, added.body.groupId]).toEqual([201, groupId]);
    expect(added.body.rules).toMatchObject([
      { direction: 'ingress', protocol: 'tcp', fromPort: 80, peer: { kind: 'cidr', cidr: '0.0.0.0/0' } },
      { fromPort: 22, peer: { kind: 'group', groupId }, description: 'among us' },
    ]);
    const [first, second] = added.body.rules;
    const described = await api.ok('PATCH', url, { ruleId: first.ruleId, description: 'the world' });
    expect(described.rules.find((rule: any) => rule.ruleId === first.ruleId).description).toBe('the world');
    await api.ok('PUT', `/v1/tags/${first.ruleId}`, { tags });
    expect(await api.ok('GET', '/v1/tags')).toEqual({
      items: [{ resourceId: first.ruleId, resourceType: 'security-group-rule', key: 'Name', value: 'first' }],
    });
    expect((await api.call('DELETE', url, { ruleIds: [first.ruleId] })).status).toBe(204);
    expect((await api.call('DELETE', url, { direction: 'ingress', rules: rules.slice(1) })).status).toBe(204);
    const left: any[] = (await api.ok('GET', `/v1/security-groups/${groupId}`)).rules;
    expect(left.map((rule) => rule.ruleId)).not.toContain(second.ruleId);
    expect(left.every((rule) => rule.direction === 'egress')).toBe(true);
  });

  it('adds, replaces and removes routes, and tells whether their target is in service', async () => {
    const { vpcId, subnetId } = await makeNetwork(api);
    const { routeTableId } = await api.ok('POST', '/v1/route-tables', { vpcId });
    const { networkInterfaceId } = await api.ok('POST', '/v1/network-interfaces', { subnetId });
    const [instance] = (await api.ok('POST', '/v1/instances', { subnetId })).instances;
    const primary = instance.networkInterfaces[0].networkInterfaceId;
    const url = `/v1/route-tables/${routeTableId}/routes`;
    const local = { destination: '10.0.0.0/16', target: { kind: 'local' }, state: 'active', origin: 'CreateRouteTable' };
    const route = { destination: '0.0.0.0/0', origin: 'CreateRoute' };

    const added = await api.call('POST', url, { destination: '0.0.0.0/0', networkInterfaceId });
    expect(added.status).toBe(201);
    expect(added.body.routes).toEqual([local, { ...route, target: { kind: 'networkInterface', networkInterfaceId }, state: 'blackhole' }]);
    const replaced = await api.ok('PUT', url, { destination: '0.0.0.0/0', networkInterfaceId: primary });
    const target = { kind: 'networkInterface', networkInterfaceId: primary, instanceId: instance.instanceId };
    expect(replaced.routes).toEqual([local, { ...route, target, state: 'active' }]);
    await api.ok('POST', `/v1/instances/${instance.instanceId}/stop`);
    expect((await api.ok('GET', `/v1/route-tables/${routeTableId}`)).routes[1]).toEqual({ ...route, target, state: 'blackhole' });
    expect((await api.call('DELETE', url, { destination: '0.0.0.0/0' })).status).toBe(204);
    expect((await api.ok('GET', `/v1/route-tables/${routeTableId}`)).routes).toEqual([local]);
  });

  it('associates a subnet with a table, another table, and none', async () => {
    const { vpcId, subnetId } = await makeNetwork(api);
    const [one, two] = [await api.ok('POST', '/v1/route-tables', { vpcId }), await api.ok('POST', '/v1/route-tables', { vpcId })];
    const made = await api.call('POST', `/v1/route-tables/${one.routeTableId}/associations`, { subnetId });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({ associationId: expect.stringMatching(/^rtbassoc-/), routeTableId: one.routeTableId, subnetId });
    const replaced = await api.ok('PUT', `/v1/route-table-associations/${made.body.associationId}`, { routeTableId: two.routeTableId });
    expect(replaced).toMatchObject({ routeTableId: two.routeTableId, subnetId });
    expect((await api.call('DELETE', `/v1/route-table-associations/${replaced.associationId}`)).status).toBe(204);
    expect((await api.ok('GET', `/v1/route-tables/${two.routeTableId}`)).associations).toEqual([]);
  });
});
