import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi, type TestApi } from '../support/api.js';
import { type CliRun, cliOver, fetchInto } from '../support/cli.js';

/** Verbs of `eni` for gateways and what belongs to them, against the API. */

let api: TestApi;
let run: (...argv: string[]) => Promise<CliRun>;
beforeEach(async () => {
  api = await startApi();
  run = cliOver({ fetch: fetchInto(api) });
  await eni('create', 'vpc', '10.0.0.0/16', '--name', 'main', '--ipv6');
  await eni('create', 'subnet', 'main', '10.0.1.0/24', '--name', 'public');
  await eni('create', 'route-table', 'main', '--name', 'table');
});
afterEach(() => api.close());

/** Runs with success and returns what `--json` prints. */
async function eni(...argv: string[]): Promise<any> {
  const { code, out, err } = await run('--json', ...argv);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out);
}
async function table(...argv: string[]): Promise<string> {
  const { code, out, err } = await run(...argv);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
}
const routeTo = async (destination: string) =>
  (await eni('describe', 'route-tables', 'table'))[0].routes.find((route: any) => route.destination === destination);

it('internet and egress gateways are made, attached, routed to, detached and deleted', async () => {
  const gateway = await eni('create', 'internet-gateway', '--attach', 'main', '--name', 'igw');
  expect(gateway).toMatchObject({ vpcId: expect.stringMatching(/^vpc-/), tags: { Name: 'igw' } });
  const egress = await eni('create', 'egress-gateway', 'main');
  await eni('route', 'set', 'table', '0.0.0.0/0', gateway.internetGatewayId);
  await eni('route', 'set', 'table', '::/0', egress.egressOnlyInternetGatewayId);
  expect(await routeTo('0.0.0.0/0')).toMatchObject({ state: 'active', target: { gatewayId: gateway.internetGatewayId } });
  expect(await eni('gateway', 'detach', 'igw')).not.toHaveProperty('vpcId');
  expect(await table('describe', 'route-tables', 'table')).toContain(`0.0.0.0/0 via ${gateway.internetGatewayId} (blackhole)`);
  expect(await eni('gateway', 'attach', 'igw', 'main')).toMatchObject({ vpcId: gateway.vpcId });
  expect(await table('describe', 'internet-gateways')).toMatch(/INTERNET GATEWAY +NAME +VPC\nigw-/);
  expect(await table('describe', 'egress-gateways')).toContain(egress.egressOnlyInternetGatewayId);
  await eni('delete', egress.egressOnlyInternetGatewayId);
  expect(await routeTo('::/0')).toMatchObject({ state: 'blackhole' });
});

it('a route within the VPC leads to an interface, and back to local', async () => {
  await eni('create', 'interface', 'public', '--name', 'firewall');
  await eni('route', 'set', 'table', '10.0.0.0/16', 'firewall');
  expect(await routeTo('10.0.0.0/16')).toMatchObject({ target: { kind: 'networkInterface' } });
  await eni('route', 'set', 'table', '10.0.0.0/16', 'local');
  expect(await routeTo('10.0.0.0/16')).toMatchObject({ target: { kind: 'local' }, origin: 'CreateRouteTable' });
  expect(await run('route', 'set', 'table', '0.0.0.0/0', 'vpc-0123456789abcdef0')).toMatchObject({ code: 2 });
});

it('elastic addresses are found by name and by themselves', async () => {
  await eni('create', 'internet-gateway', '--attach', 'main');
  await eni('create', 'interface', 'public', '--name', 'web', '--address', '10.0.1.10', '--secondary', '10.0.1.11');
  const address = await eni('create', 'address', '--public-ip', '203.0.113.7', '--name', 'www');
  expect(await eni('address', 'associate', 'www', 'web')).toMatchObject({ association: { privateIpAddress: '10.0.1.10' } });
  expect(await eni('address', 'associate', '203.0.113.7', 'web', '--private-address', '10.0.1.11')).toMatchObject({
    association: { privateIpAddress: '10.0.1.11' },
  });
  expect(await run('address', 'associate', 'www', 'web', '--no-reassociation')).toMatchObject({
    code: 1,
    err: expect.stringContaining('Resource.AlreadyAssociated'),
  });
  expect(await table('describe', 'addresses')).toMatch(/203\.0\.113\.7 +eipalloc-\w+ +www +elastic +10\.0\.1\.11 +eni-/);
  expect(await eni('address', 'disassociate', '203.0.113.7')).not.toHaveProperty('association');
  await eni('delete', address.allocationId);
  expect(await table('describe', 'addresses')).toBe('none\n');
});

it('an instance runs with an automatic public address', async () => {
  const { publicIpAddress } = (await eni('run', '--subnet', 'public', '--public-address', 'on')).instances[0];
  expect(publicIpAddress).toBe('203.0.113.1');
  expect(await table('describe', 'instances')).toMatch(/ADDRESS +PUBLIC.*\n.*203\.0\.113\.1/);
  expect(await table('describe', 'interfaces')).toContain('203.0.113.1');
  expect(await run('run', '--interface', 'x', '--public-address', 'on')).toMatchObject({ code: 2 });
});

it('NAT gateways are public with an address, private without', async () => {
  await eni('create', 'internet-gateway', '--attach', 'main');
  await eni('create', 'address', '--name', 'nat-ip');
  const made = await eni('create', 'nat-gateway', 'public', '--address', 'nat-ip', '--name', 'nat');
  expect(made).toMatchObject({ connectivityType: 'public', natGatewayAddresses: [{ publicIp: '203.0.113.1' }] });
  const inner = await eni('create', 'nat-gateway', 'public', '--private-address', '10.0.1.99');
  expect(inner).toMatchObject({ connectivityType: 'private', natGatewayAddresses: [{ privateIp: '10.0.1.99' }] });
  await eni('route', 'set', 'table', '0.0.0.0/0', made.natGatewayId);
  expect(await routeTo('0.0.0.0/0')).toMatchObject({ target: { kind: 'natGateway' } });
  expect(await table('describe', 'nat-gateways')).toMatch(/NAT GATEWAY +NAME +STATE +KIND +PUBLIC/);
  await eni('delete', inner.natGatewayId);
  expect((await eni('describe', inner.natGatewayId)).state).toMatch(/^delet/);
});

it('peering connections are asked for and answered; a name goes on to the next when one has ended', async () => {
  await eni('create', 'vpc', '10.1.0.0/16', '--name', 'data');
  await eni('create', 'peering', 'main', 'data', '--name', 'p');
  expect(await eni('peering', 'reject', 'p')).toMatchObject({ status: 'rejected' });
  const second = await eni('create', 'peering', 'main', 'data', '--name', 'p');
  expect(await eni('peering', 'accept', 'p')).toMatchObject({ status: 'active', vpcPeeringConnectionId: second.vpcPeeringConnectionId });
  await eni('route', 'set', 'table', '10.1.0.0/16', second.vpcPeeringConnectionId);
  expect(await routeTo('10.1.0.0/16')).toMatchObject({ state: 'active' });
  expect(await table('describe', 'peerings')).toMatch(/rejected[\s\S]*active|active[\s\S]*rejected/);
});

describe('network ACLs', () => {
  it('get entries in words, and subnets', async () => {
    await eni('create', 'acl', 'main', '--name', 'dmz');
    await eni('acl', 'add', 'dmz', '100 allow tcp/80 from anywhere');
    await eni('acl', 'add', 'dmz', '100 allow tcp/8080-8090 from anywhere');
    await eni('acl', 'add', 'dmz', '90 deny all to 10.0.9.0/24');
    const text = await table('acl', 'use', 'dmz', 'public');
    expect(text).toMatch(/100 +ingress +allow +tcp\/8080-8090 +0\.0\.0\.0\/0/);
    expect(text).toMatch(/90 +egress +deny +all +10\.0\.9\.0\/24/);
    expect((await eni('describe', 'acls', 'dmz'))[0].associations).toHaveLength(1);
    expect((await eni('acl', 'remove', 'dmz', '90', 'egress')).entries).toHaveLength(1);
    expect(await run('acl', 'add', 'dmz', '100 let tcp/80 from anywhere')).toMatchObject({ code: 2 });
    expect(await run('acl', 'remove', 'dmz', '100', 'in')).toMatchObject({ code: 2 });
  });
});

it('VPN connections get routes, which are propagated', async () => {
  const gateway = await eni('create', 'vpn-gateway', '--attach', 'main', '--asn', '4200000000', '--name', 'vgw');
  expect(gateway).toMatchObject({ amazonSideAsn: 4200000000, vpcId: expect.any(String) });
  await eni('create', 'customer-gateway', '192.0.2.10', '--name', 'office', '--device', 'router');
  const vpn = await eni('create', 'vpn', 'vgw', 'office', '--static', '--route', '192.168.0.0/16', '--name', 'tunnel');
  expect(vpn).toMatchObject({ staticRoutesOnly: true, routes: ['192.168.0.0/16'] });
  expect((await eni('vpn', 'route', 'add', 'tunnel', '172.16.0.0/12')).routes).toEqual(['172.16.0.0/12', '192.168.0.0/16']);
  expect((await eni('vpn', 'route', 'delete', 'tunnel', '192.168.0.0/16')).routes).toEqual(['172.16.0.0/12']);
  await eni('propagate', 'table', 'vgw');
  expect(await routeTo('172.16.0.0/12')).toMatchObject({ origin: 'EnableVgwRoutePropagation', state: 'active' });
  await eni('propagate', 'table', 'vgw', '--off');
  expect(await routeTo('172.16.0.0/12')).toBeUndefined();
  for (const topic of ['vpn-gateways', 'customer-gateways', 'vpns']) expect(await table('describe', topic)).toMatch(/vgw|office|tunnel/);
  expect(await eni('gateway', 'detach', 'vgw', '--vpn')).not.toHaveProperty('vpcId');
});

it('a VPC gets DHCP options', async () => {
  const options = await eni('create', 'dhcp-options', '--domain', 'corp.example', '--name-server', '10.0.0.53', '--name', 'corp');
  expect(await eni('dhcp', 'use', 'main', 'corp')).toMatchObject({ dhcpOptionsId: options.dhcpOptionsId });
  expect(await table('describe', 'dhcp-options', 'corp')).toMatch(/corp\.example +10\.0\.0\.53/);
  expect(await eni('dhcp', 'use', 'main', 'default')).toMatchObject({ dhcpOptionsId: 'default' });
});
