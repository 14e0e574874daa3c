import { describe, expect, it } from 'vitest';
import { gatewaysOf } from '../support/gateways.js';
import { inside, pings, serve, tcp, udp, until } from '../support/traffic.js';
import { useAgent, type World } from '../support/world.js';

const setup = useAgent();
const SERVER = '198.51.100.80';
/** The internet's first address: a server bound to all answers from it. */
const NAME_SERVER = '198.51.100.53';
const INTERNET = 'internet';
const EVERYTHING = '0.0.0.0/0';

/** Subnet A public, subnet B private with a machine in it. */
async function privateWorld() {
  const world = await setup.world();
  const gateways = gatewaysOf(world);
  const igw = await gateways.internetGateway();
  await gateways.routeTable(world.subnetA, [EVERYTHING, igw]);
  const table = await gateways.routeTable(world.subnetB);
  const open = await world.group('all from any');
  const machine = (options: Parameters<World['instance']>[0] = {}) => world.instance({ groupIds: [open], ...options });
  const b = await machine({ subnetId: world.subnetB });
  return { ...world, ...gateways, igw, table, open, machine, b };
}

describe('public NAT gateway', () => {
  it('a private subnet gets out under its address, and stays unreachable; deleted: blackhole; another one: out again', async () => {
    const { agent, vpcId, subnetA, elasticIp, natGateway, addRoute, replaceRoute, routeState, table, b } = await privateWorld();
    await serve(INTERNET, 'tcp:7001', 'udp:7002');
    await serve(b.instanceId, 'tcp:7000');
    expect(await tcp(b.instanceId, SERVER, 7001)).toBeUndefined();
    const first = await elasticIp();
    const nat = await natGateway({ subnetId: subnetA, allocationId: first.allocationId });
    expect(nat.state).toBe('available');
    await addRoute(table, [EVERYTHING, nat.natGatewayId]);
    expect(await tcp(b.instanceId, SERVER, 7001)).toBe(first.publicIp);
    expect(await udp(b.instanceId, NAME_SERVER, 7002)).toBe(true);
    expect(await pings(b.instanceId, SERVER)).toBe(true);
    expect(await pings(INTERNET, b.address)).toBe(false);
    expect(await tcp(INTERNET, first.publicIp, 7000)).toBeUndefined();

    await agent.ok('DELETE', `/v1/nat-gateways/${nat.natGatewayId}`);
    const state = async () => (await agent.ok('GET', `/v1/nat-gateways/${nat.natGatewayId}`)).state;
    await until(async () => (await state()) === 'deleted', 5000, 'deleted');
    expect(await routeState(table, EVERYTHING)).toBe('blackhole');
    expect((await inside(vpcId, 'ip', 'route', 'show', 'table', 'all', 'type', 'blackhole', EVERYTHING)).stdout).toContain('blackhole');
    expect(await pings(b.instanceId, SERVER)).toBe(false);

    const second = await natGateway({ subnetId: subnetA, allocationId: first.allocationId });
    await replaceRoute(table, [EVERYTHING, second.natGatewayId]);
    expect(await tcp(b.instanceId, SERVER, 7001)).toBe(first.publicIp);
  });

  it('in a subnet whose network ACL filters: passes what the ACL lets through, and nothing else', async () => {
    const { agent, vpcId, subnetA, elasticIp, natGateway, addRoute, table, b } = await privateWorld();
    await serve(INTERNET, 'tcp:7001', 'tcp:7003');
    const { allocationId, publicIp } = await elasticIp();
    const nat = await natGateway({ subnetId: subnetA, allocationId });
    await addRoute(table, [EVERYTHING, nat.natGatewayId]);
    expect(await tcp(b.instanceId, SERVER, 7003)).toBe(publicIp);

    const { networkAclId } = await agent.ok('POST', '/v1/network-acls', { vpcId });
    const entries = `/v1/network-acls/${networkAclId}/entries`;
    const everything = { ruleNumber: 100, ruleAction: 'allow', protocol: '-1', cidr: EVERYTHING };
    for (const egress of [false, true]) await agent.ok('POST', entries, { ...everything, egress });
    const denied = {
      ruleNumber: 50,
      egress: true,
      ruleAction: 'deny',
      protocol: 'tcp',
      cidr: `${SERVER}/32`,
      portRange: { from: 7003, to: 7003 },
    };
    await agent.ok('POST', entries, denied);
    const { items } = await agent.ok('GET', '/v1/network-acls');
    const associations = items.flatMap((acl: any) => acl.associations);
    const { associationId } = associations.find((association: any) => association.subnetId === subnetA);
    await agent.ok('PUT', `/v1/network-acl-associations/${associationId}`, { networkAclId });
    expect(await tcp(b.instanceId, SERVER, 7001)).toBe(publicIp);
    expect(await tcp(b.instanceId, SERVER, 7003)).toBeUndefined();
    await agent.ok('DELETE', entries, { ruleNumber: 50, egress: true });
    expect(await tcp(b.instanceId, SERVER, 7003)).toBe(publicIp);
  });
});

describe('private NAT gateway', () => {
  it('translates to its private address, within reach of its own subnet', async () => {
    const { natGateway, addRoute, removeRoute, machine, subnetA, table, b, agent } = await privateWorld();
    const target = await machine({ subnetId: subnetA });
    await serve(target.instanceId, 'tcp:7000');
    const nat = await natGateway({ subnetId: subnetA, connectivityType: 'private' });
    const { privateIp, networkInterfaceId } = nat.natGatewayAddresses[0];
    expect(await tcp(b.instanceId, target.address, 7000)).toBe(b.address);
    // More specific than local, so that it is in the way.
    await addRoute(table, [`10.0.1.0/24`, nat.natGatewayId]);
    expect(await tcp(b.instanceId, target.address, 7000)).toBe(privateIp);
    await removeRoute(table, '10.0.1.0/24');
    expect(await tcp(b.instanceId, target.address, 7000)).toBe(b.address);
    const eni = await agent.ok('GET', `/v1/network-interfaces/${networkInterfaceId}`);
    expect(eni).toMatchObject({ requesterManaged: true, sourceDestCheck: false, subnetId: subnetA });
  });
});

describe('NAT instance', () => {
  it('forwards with the check off only', async () => {
    const { agent, machine, subnetA, elasticIp, associate, addRoute, table, b } = await privateWorld();
    await serve(INTERNET, 'tcp:7001');
    const userData = `#!/bin/sh
sysctl -w net.ipv4.ip_forward=1
nft add table ip nat
nft 'add chain ip nat out { type nat hook postrouting priority 100; }'
nft add rule ip nat out oifname eth0 masquerade
`;
    const nat = await machine({ subnetId: subnetA, userData });
    const { allocationId, publicIp } = await elasticIp();
    await associate(allocationId, { instanceId: nat.instanceId });
    await addRoute(table, [EVERYTHING, nat.instanceId]);
    expect(await tcp(b.instanceId, SERVER, 7001)).toBeUndefined();
    const path = `/v1/network-interfaces/${nat.eni.networkInterfaceId}`;
    await agent.ok('PATCH', path, { sourceDestCheck: false });
    await until(async () => (await tcp(b.instanceId, SERVER, 7001)) === publicIp, 5000, 'out through the instance');
    await agent.ok('PATCH', path, { sourceDestCheck: true });
    expect(await tcp(b.instanceId, SERVER, 7001)).toBeUndefined();
  });
});

describe('more specific than local', () => {
  it('an appliance between two subnets sees the traffic, and replaced back, does not; stopped: blackhole; started: heals', async () => {
    const { agent, machine, subnetA, b, table, addRoute, removeRoute, routeState, routeTable } = await privateWorld();
    const target = await machine({ subnetId: subnetA });
    const { subnetId: subnetC } = await agent.ok('POST', '/v1/subnets', {
      vpcId: target.eni.vpcId,
      cidrBlock: '10.0.3.0/24',
      availabilityZone: 'us-east-1a',
    });
    await routeTable(subnetC);
    const userData = '#!/bin/sh\nsysctl -w net.ipv4.ip_forward=1\n';
    const appliance = await machine({ subnetId: subnetC, userData });
    const path = `/v1/network-interfaces/${appliance.eni.networkInterfaceId}`;
    await agent.ok('PATCH', path, { sourceDestCheck: false });
    const ttl = async () => {
      const { stdout } = await inside(b.instanceId, 'ping', '-c', '1', '-W', '0.6', target.address);
      return Number(/ttl=(\d+)/.exec(stdout)?.[1] ?? 0);
    };
    const direct = await ttl();
    expect(direct).toBeGreaterThan(0);
    await addRoute(table, ['10.0.1.0/24', appliance.eni.networkInterfaceId]);
    expect(await pings(b.instanceId, target.address)).toBe(true);
    // The appliance forwards the way there; the way back is direct: look at what the target receives.
    expect(await hops(b.instanceId, target.address)).toContain(appliance.address);
    await agent.ok('POST', `/v1/instances/${appliance.instanceId}/stop`, {});
    await until(async () => (await routeState(table, '10.0.1.0/24')) === 'blackhole', 5000, 'blackhole');
    expect(await pings(b.instanceId, target.address)).toBe(false);
    await agent.ok('POST', `/v1/instances/${appliance.instanceId}/start`, {});
    await until(() => pings(b.instanceId, target.address), 5000, 'heals');
    await removeRoute(table, '10.0.1.0/24');
    expect(await ttl()).toBe(direct);
    expect(await hops(b.instanceId, target.address)).not.toContain(appliance.address);
  });
});

/** Addresses that answer on the way, by pings that live for 1, 2, … hops. */
async function hops(netns: string, address: string): Promise<string> {
  const answers = await Promise.all([1, 2, 3].map((ttl) => inside(netns, 'ping', '-c', '1', '-W', '0.6', '-t', String(ttl), address)));
  return answers.map(({ stdout }) => stdout).join('\n');
}
