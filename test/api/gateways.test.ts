import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeNetwork, startApi, type TestApi } from '../support/api.js';

let api: TestApi;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

const tags = { Name: 'first' };
type Network = Awaited<ReturnType<typeof makeNetwork>>;

/** How each noun is created in a network. */
const NOUNS = [
  ['internet-gateways', 'internetGatewayId', async () => ({})],
  ['egress-only-internet-gateways', 'egressOnlyInternetGatewayId', async (n) => ({ vpcId: n.vpcId })],
  ['elastic-ips', 'allocationId', async () => ({ publicIp: '203.0.113.9' })],
  ['network-acls', 'networkAclId', async (n) => ({ vpcId: n.vpcId })],
  ['vpn-gateways', 'vpnGatewayId', async () => ({ amazonSideAsn: 64513 })],
  ['customer-gateways', 'customerGatewayId', async () => ({ ipAddress: '192.0.2.10', deviceName: 'office' })],
  [
    'vpn-connections',
    'vpnConnectionId',
    async () => ({
      vpnGatewayId: (await api.ok('POST', '/v1/vpn-gateways', {})).vpnGatewayId,
      customerGatewayId: (await api.ok('POST', '/v1/customer-gateways', { ipAddress: '192.0.2.11' })).customerGatewayId,
      staticRoutesOnly: true,
    }),
  ],
  ['dhcp-options', 'dhcpOptionsId', async () => ({ domainName: 'corp.example', domainNameServers: ['AmazonProvidedDNS'] })],
] as const satisfies [string, string, (network: Network) => Promise<object>][];

describe.each(NOUNS)('%s', (path, idField, body) => {
  it('are created, read, listed, tagged and deleted', async () => {
    const network = await makeNetwork(api);
    const given = await body(network);
    const created = await api.call('POST', `/v1/${path}`, { ...given, tags });
    expect([created.status, created.body]).toMatchObject([201, { ...given, tags, ownerId: '123456789012' }]);
    const id: string = created.body[idField];
    const url = `/v1/${path}/${id}`;
    expect(await api.ok('GET', url)).toEqual(created.body);
    expect(await api.ok('GET', `/v1/${path}?filter=tag:Name:first`)).toEqual({ items: [created.body] });
    expect((await api.call('PATCH', url, {})).status).toBe(405);
    await api.ok('PUT', `/v1/tags/${id}`, { tags: { team: 'a' } });
    expect((await api.ok('GET', `/v1/tags?filter=resource-id:${id}`)).items).toHaveLength(2);
    expect((await api.call('DELETE', url)).status).toBe(204);
    expect([(await api.call('GET', url)).status, (await api.call('DELETE', url)).status]).toEqual([404, 404]);
  });
});

it('a client token creates once', async () => {
  const first = await api.ok('POST', '/v1/elastic-ips', { clientToken: 't' });
  expect(await api.ok('POST', '/v1/elastic-ips', { clientToken: 't' })).toEqual(first);
  expect((await api.ok('GET', '/v1/elastic-ips')).items).toHaveLength(1);
});

/** A VPC with an internet gateway, and an instance in it. */
async function publicNetwork() {
  const network = await makeNetwork(api);
  const { internetGatewayId } = await api.ok('POST', '/v1/internet-gateways', {});
  const gatewayUrl = `/v1/internet-gateways/${internetGatewayId}`;
  await api.ok('POST', `${gatewayUrl}/attach`, { vpcId: network.vpcId });
  const [instance] = (await api.ok('POST', '/v1/instances', { subnetId: network.subnetId })).instances;
  return { ...network, internetGatewayId, gatewayUrl, instance, eni: instance.networkInterfaces[0] };
}

it('internet gateways are attached and detached; routes tell whether they are in service', async () => {
  const { vpc, vpcId, internetGatewayId, gatewayUrl } = await publicNetwork();
  const routes = `/v1/route-tables/${vpc.mainRouteTableId}/routes`;
  const added = await api.call('POST', routes, { destination: '0.0.0.0/0', gatewayId: internetGatewayId });
  const route = {
    destination: '0.0.0.0/0',
    target: { kind: 'gateway', gatewayId: internetGatewayId },
    origin: 'CreateRoute',
    state: 'active',
  };
  expect([added.status, added.body.routes[1]]).toEqual([201, route]);
  expect((await api.ok('GET', `/v1/route-tables?filter=route.gateway-id:${internetGatewayId}`)).items).toHaveLength(1);
  expect((await api.ok('GET', `/v1/internet-gateways?filter=attachment.vpc-id:${vpcId}`)).items).toMatchObject([
    { internetGatewayId, vpcId },
  ]);
  expect(await api.ok('POST', `${gatewayUrl}/detach`, { vpcId })).not.toHaveProperty('vpcId');
  expect((await api.ok('GET', `/v1/route-tables/${vpc.mainRouteTableId}`)).routes[1]).toEqual({ ...route, state: 'blackhole' });
  expect((await api.ok('GET', '/v1/route-tables?filter=route.state:blackhole')).items).toHaveLength(1);
});

it('elastic addresses show with themselves, their interface and its instance', async () => {
  const { vpcId, instance, eni } = await publicNetwork();
  await api.ok('PATCH', `/v1/vpcs/${vpcId}`, { enableDnsHostnames: true });
  const { allocationId, publicIp } = await api.ok('POST', '/v1/elastic-ips', {});
  const associated = await api.ok('POST', `/v1/elastic-ips/${allocationId}/associate`, { instanceId: instance.instanceId });
  const { associationId } = associated.association;
  expect(associated).toMatchObject({
    kind: 'elastic',
    publicIp: '203.0.113.1',
    association: { networkInterfaceId: eni.networkInterfaceId, privateIpAddress: '10.0.1.4', vpcId, instanceId: instance.instanceId },
  });
  const publicDnsName = 'ec2-203-0-113-1.compute-1.amazonaws.com';
  const association = { publicIp, publicDnsName, allocationId, associationId, kind: 'elastic' };
  const interfaceUrl = `/v1/network-interfaces/${eni.networkInterfaceId}`;
  expect(await api.ok('GET', interfaceUrl)).toMatchObject({ association, privateIpAddresses: [{ association }] });
  expect(await api.ok('GET', `/v1/instances/${instance.instanceId}`)).toMatchObject({ publicIpAddress: publicIp, publicDnsName });
  for (const query of [
    `elastic-ips?filter=public-ip:${publicIp}`,
    `elastic-ips?filter=instance-id:${instance.instanceId}`,
    `network-interfaces?filter=association.public-ip:${publicIp}`,
    `instances?filter=ip-address:${publicIp}`,
  ])
    expect((await api.ok('GET', `/v1/${query}`)).items, query).toHaveLength(1);
  expect((await api.call('DELETE', `/v1/elastic-ips/${allocationId}`)).body.error.code).toBe('InvalidIPAddress.InUse');
  expect((await api.call('DELETE', `/v1/elastic-ip-associations/${associationId}`)).status).toBe(204);
  expect((await api.call('DELETE', `/v1/elastic-ip-associations/${associationId}`)).status).toBe(404);
  expect(await api.ok('GET', interfaceUrl)).not.toHaveProperty('association');
});

it('an automatic public address comes and goes with the run of its instance', async () => {
  const { subnetId } = await publicNetwork();
  const launch = { networkInterfaces: [{ subnetId, associatePublicIpAddress: true }] };
  const [instance] = (await api.ok('POST', '/v1/instances', launch)).instances;
  expect(instance).toMatchObject({ publicIpAddress: '203.0.113.1', networkInterfaces: [{ association: { kind: 'automatic' } }] });
  expect((await api.ok('GET', '/v1/elastic-ips?filter=kind:automatic')).items).toHaveLength(1);
  expect(await api.ok('POST', `/v1/instances/${instance.instanceId}/stop`)).not.toHaveProperty('publicIpAddress');
  expect((await api.ok('GET', '/v1/elastic-ips')).items).toEqual([]);
});

describe('NAT gateways', () => {
  it('are pending until the host has them, then available; deleted ones are still shown', async () => {
    const { subnetId, vpc } = await publicNetwork();
    const { allocationId, publicIp } = await api.ok('POST', '/v1/elastic-ips', {});
    api.host.realises = false;
    const made = await api.call('POST', '/v1/nat-gateways', { subnetId, allocationId, tags });
    expect([made.status, made.body]).toMatchObject([201, { state: 'pending', connectivityType: 'public', tags }]);
    const { natGatewayId, natGatewayAddresses } = made.body;
    const [{ networkInterfaceId }] = natGatewayAddresses;
    expect(natGatewayAddresses).toEqual([{ networkInterfaceId, privateIp: '10.0.1.5', allocationId, publicIp }]);
    expect(await api.ok('GET', `/v1/network-interfaces/${networkInterfaceId}`)).toMatchObject({
      status: 'in-use',
      interfaceType: 'nat_gateway',
      requesterId: natGatewayId,
      groups: [],
      association: { publicIp },
    });
    api.status.record(natGatewayId);
    const url = `/v1/nat-gateways/${natGatewayId}`;
    expect(await api.ok('GET', url)).toMatchObject({ state: 'available', condition: { realised: true } });
    expect((await api.ok('GET', '/v1/nat-gateways?filter=state:available')).items).toHaveLength(1);
    const routes = `/v1/route-tables/${vpc.mainRouteTableId}/routes`;
    expect((await api.ok('POST', routes, { destination: '0.0.0.0/0', natGatewayId })).routes[1]).toMatchObject({
      state: 'active',
      target: { kind: 'natGateway', natGatewayId },
    });
    expect((await api.call('DELETE', url)).status).toBe(204);
    expect(await api.ok('GET', url)).toMatchObject({ state: 'deleting' });
    await api.deps.transact([{ command: 'finishNatGateway', input: { natGatewayId } }]);
    expect(await api.ok('GET', url)).toMatchObject({ state: 'deleted' });
    expect((await api.ok('GET', `/v1/route-tables/${vpc.mainRouteTableId}`)).routes[1].state).toBe('blackhole');
  });
});

it('VPC peering connections are asked for, accepted, rejected and deleted', async () => {
  const [one, two] = [await makeNetwork(api), await makeNetwork(api, '10.1.0.0/16', '10.1.1.0/24')];
  const ask = () => api.ok('POST', '/v1/vpc-peering-connections', { vpcId: one.vpcId, peerVpcId: two.vpcId, tags });
  const first = await ask();
  expect(first).toMatchObject({ requesterVpcId: one.vpcId, accepterVpcId: two.vpcId, status: 'pending-acceptance', tags });
  const url = (connection: any) => `/v1/vpc-peering-connections/${connection.vpcPeeringConnectionId}`;
  expect(await api.ok('POST', `${url(first)}/reject`)).toMatchObject({ status: 'rejected' });
  const second = await ask();
  expect(await api.ok('POST', `${url(second)}/accept`)).toMatchObject({ status: 'active' });
  expect((await api.ok('GET', '/v1/vpc-peering-connections?filter=status-code:active')).items).toHaveLength(1);
  expect((await api.call('DELETE', url(second))).status).toBe(204);
  expect(await api.ok('GET', url(second))).toMatchObject({ status: 'deleted' });
});

it('network ACLs get entries and subnets', async () => {
  const { vpc, vpcId, subnetId } = await makeNetwork(api);
  const { networkAclId } = await api.ok('POST', '/v1/network-acls', { vpcId });
  const url = `/v1/network-acls/${networkAclId}`;
  const entry = {
    ruleNumber: 100,
    egress: false,
    ruleAction: 'allow',
    protocol: 'tcp',
    cidr: '0.0.0.0/0',
    portRange: { from: 80, to: 80 },
  };
  const added = await api.call('POST', `${url}/entries`, entry);
  expect([added.status, added.body.entries]).toEqual([201, [entry]]);
  expect((await api.ok('PUT', `${url}/entries`, { ...entry, ruleAction: 'deny' })).entries).toEqual([{ ...entry, ruleAction: 'deny' }]);
  expect((await api.call('DELETE', `${url}/entries`, { ruleNumber: 100, egress: false })).status).toBe(204);
  const [{ associationId }] = (await api.ok('GET', `/v1/network-acls/${vpc.defaultNetworkAclId}`)).associations;
  const replaced = await api.ok('PUT', `/v1/network-acl-associations/${associationId}`, { networkAclId });
  expect(replaced).toEqual({ associationId: expect.stringMatching(/^aclassoc-/), networkAclId, subnetId });
  expect((await api.ok('GET', `/v1/network-acls?filter=association.subnet-id:${subnetId}`)).items).toMatchObject([{ networkAclId }]);
  expect((await api.call('PUT', `/v1/network-acl-associations/${associationId}`, { networkAclId })).status).toBe(404);
});

it('VPN connections have routes, which gateways propagate; keys are never shown', async () => {
  const { vpc, vpcId } = await makeNetwork(api);
  const { vpnGatewayId } = await api.ok('POST', '/v1/vpn-gateways', {});
  expect(await api.ok('POST', `/v1/vpn-gateways/${vpnGatewayId}/attach`, { vpcId })).toMatchObject({ vpcId, amazonSideAsn: 64512 });
  const { customerGatewayId } = await api.ok('POST', '/v1/customer-gateways', { ipAddress: '192.0.2.10' });
  const { vpnConnectionId } = await api.ok('POST', '/v1/vpn-connections', { vpnGatewayId, customerGatewayId });
  const url = `/v1/vpn-connections/${vpnConnectionId}`;
  const added = await api.call('POST', `${url}/routes`, { destination: '192.168.0.0/16' });
  expect([added.status, added.body.routes]).toEqual([201, ['192.168.0.0/16']]);
  const { keys } = api.store.snapshot().get('vpnConnection', vpnConnectionId) ?? {};
  expect(keys?.gateway).toMatch(/^[0-9a-f]{64}$/);
  expect(JSON.stringify(await api.ok('GET', url))).not.toContain(keys?.gateway);

  const propagation = `/v1/route-tables/${vpc.mainRouteTableId}/propagations/${vpnGatewayId}`;
  const propagated = { destination: '192.168.0.0/16', target: { kind: 'gateway', gatewayId: vpnGatewayId }, state: 'active' };
  expect(await api.ok('PUT', propagation)).toMatchObject({
    propagatingGatewayIds: [vpnGatewayId],
    routes: [{ origin: 'CreateRouteTable' }, { ...propagated, origin: 'EnableVgwRoutePropagation' }],
  });
  expect((await api.call('DELETE', propagation)).status).toBe(204);
  expect((await api.ok('GET', `/v1/route-tables/${vpc.mainRouteTableId}`)).routes).toHaveLength(1);
  expect((await api.call('DELETE', `${url}/routes`, { destination: '192.168.0.0/16' })).status).toBe(204);
  expect(await api.ok('POST', `/v1/vpn-gateways/${vpnGatewayId}/detach`)).not.toHaveProperty('vpcId');
});

it('a VPC gets DHCP options, and the standard ones back', async () => {
  const { vpcId } = await makeNetwork(api);
  const { dhcpOptionsId } = await api.ok('POST', '/v1/dhcp-options', { domainName: 'corp.example' });
  expect(await api.ok('POST', `/v1/vpcs/${vpcId}/dhcp-options`, { dhcpOptionsId })).toMatchObject({ vpcId, dhcpOptionsId });
  expect((await api.call('DELETE', `/v1/dhcp-options/${dhcpOptionsId}`)).body.error.code).toBe('DependencyViolation');
  expect(await api.ok('POST', `/v1/vpcs/${vpcId}/dhcp-options`, { dhcpOptionsId: 'default' })).toMatchObject({ dhcpOptionsId: 'default' });
  expect((await api.call('DELETE', `/v1/dhcp-options/${dhcpOptionsId}`)).status).toBe(204);
});

it('a batch builds a public network as one change', async () => {
  const { results } = await api.ok('POST', '/v1/batch', {
    commands: [
      { command: 'createVpc', input: { cidrBlock: '10.0.0.0/16' } },
      { command: 'createInternetGateway' },
      { command: 'attachInternetGateway', input: { internetGatewayId: '$1.internetGatewayId', vpcId: '$0.vpcId' } },
      { command: 'createRouteTable', input: { vpcId: '$0.vpcId' } },
      { command: 'createRoute', input: { routeTableId: '$3.routeTableId', destination: '0.0.0.0/0', gatewayId: '$1.internetGatewayId' } },
    ],
  });
  expect((await api.ok('GET', `/v1/route-tables/${results[3].routeTableId}`)).routes[1]).toMatchObject({ state: 'active' });
});

it('changes are told as events: of the gateway, and of what else is shown otherwise', async () => {
  const { eni, instance } = await publicNetwork();
  const { allocationId, publicIp } = await api.ok('POST', '/v1/elastic-ips', { tags });
  const seen: any[] = [];
  const stop = api.deps.events.subscribe(({ event }) => seen.push(JSON.parse(JSON.stringify(event))));
  const { association } = await api.ok('POST', `/v1/elastic-ips/${allocationId}/associate`, { instanceId: instance.instanceId });
  await api.call('DELETE', `/v1/elastic-ip-associations/${association.associationId}`);
  await api.call('DELETE', `/v1/elastic-ips/${allocationId}`);
  stop();
  const changes = seen.filter(({ type }) => type !== 'status');
  const shown = ['elasticIp', 'networkInterface', 'instance'];
  expect(changes.map(({ type, kind }) => `${kind} ${type}`)).toEqual([
    ...shown.map((kind) => `${kind} modified`),
    ...shown.map((kind) => `${kind} modified`),
    'elasticIp deleted',
  ]);
  expect(changes.slice(0, 3)).toMatchObject([
    { id: allocationId, view: { association } },
    { id: eni.networkInterfaceId, view: { association: { publicIp } } },
    { id: instance.instanceId, view: { publicIpAddress: publicIp } },
  ]);
  expect(changes[4].view).not.toHaveProperty('association');
});
