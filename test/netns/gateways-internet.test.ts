import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { gatewaysOf } from '../support/gateways.js';
import { inside, pings, serve, tcp, until } from '../support/traffic.js';
import { useAgent, type World } from '../support/world.js';

const setup = useAgent();
/** A machine on the lab's internet: an address of its own range. */
const SERVER = '198.51.100.80';
const INTERNET = 'internet';
const EVERYTHING = '0.0.0.0/0';

/** Subnet A public, subnet B private; a group that lets TCP 7000 and pings in from everywhere. */
async function publicWorld() {
  const world = await setup.world();
  const gateways = gatewaysOf(world);
  const igw = await gateways.internetGateway();
  const table = await gateways.routeTable(world.subnetA, [EVERYTHING, igw]);
  const open = await world.group('tcp/7000 from any', 'icmp from any');
  const machine = (options: Parameters<World['instance']>[0] = {}) => world.instance({ groupIds: [open], ...options });
  return { ...world, ...gateways, igw, table, open, machine };
}

describe('elastic address', () => {
  it('out and in: packets bear the elastic address, only while it is associated', async () => {
    const { machine, elasticIp, associate, agent } = await publicWorld();
    const a = await machine();
    await serve(INTERNET, 'tcp:7001');
    await serve(a.instanceId, 'tcp:7000');
    const { allocationId, publicIp } = await elasticIp();
    expect(await pings(a.instanceId, SERVER)).toBe(false);
    expect(await tcp(INTERNET, publicIp, 7000)).toBeUndefined();

    const associationId = await associate(allocationId, { networkInterfaceId: a.eni.networkInterfaceId });
    expect(await tcp(a.instanceId, SERVER, 7001)).toBe(publicIp);
    expect(await pings(a.instanceId, SERVER)).toBe(true);
    expect(await tcp(INTERNET, publicIp, 7000)).toBeDefined();
    expect(await pings(INTERNET, publicIp)).toBe(true);

    await agent.ok('DELETE', `/v1/elastic-ip-associations/${associationId}`);
    expect(await tcp(a.instanceId, SERVER, 7001)).toBeUndefined();
    expect(await tcp(INTERNET, publicIp, 7000)).toBeUndefined();
    await agent.ok('DELETE', `/v1/elastic-ips/${allocationId}`);
    expect((await inside(INTERNET, 'ip', 'route', 'get', publicIp)).exitCode).not.toBe(0);
  });

  it('hairpin: another instance of the VPC reaches it, and is seen with its own; one without is not let through', async () => {
    const { machine, elasticIp, associate } = await publicWorld();
    const [a, b, bare] = [await machine(), await machine(), await machine()];
    const [first, second] = [await elasticIp(), await elasticIp()];
    await serve(b.instanceId, 'tcp:7000');
    await associate(second.allocationId, { instanceId: b.instanceId });
    expect(await tcp(a.instanceId, second.publicIp, 7000)).toBeUndefined();
    await associate(first.allocationId, { instanceId: a.instanceId });
    expect(await tcp(a.instanceId, second.publicIp, 7000)).toBe(first.publicIp);
    expect(await tcp(bare.instanceId, second.publicIp, 7000)).toBeUndefined();
  });

  it('re-associated live: new connections go to the new instance', async () => {
    const { machine, elasticIp, associate } = await publicWorld();
    const [a, b] = [await machine(), await machine()];
    const { allocationId, publicIp } = await elasticIp();
    const who = async () =>
      (await inside(INTERNET, 'bash', '-c', `exec 3<>/dev/tcp/${publicIp}/7000 && echo x >&3 && read -t 1 -u 3 && read -t 1 -u 3`))
        .exitCode;
    await serve(a.instanceId, 'tcp:7000');
    await associate(allocationId, { instanceId: a.instanceId });
    expect(await who()).toBe(0);
    await associate(allocationId, { instanceId: b.instanceId });
    expect(await who()).not.toBe(0);
    await serve(b.instanceId, 'tcp:7000');
    expect(await who()).toBe(0);
    expect(await pings(a.instanceId, SERVER)).toBe(false);
    expect(await pings(b.instanceId, SERVER)).toBe(true);
  });

  it('re-associated: a flow that is under way, same ports, goes to the new instance and not to the old one', async () => {
    const { machine, elasticIp, associate, group } = await publicWorld();
    const any = await group('all from any');
    const [a, b] = [await machine({ groupIds: [any] }), await machine({ groupIds: [any] })];
    const { allocationId, publicIp } = await elasticIp();
    await serve(a.instanceId, 'udp:7002');
    await associate(allocationId, { instanceId: a.instanceId });
    expect(await sameFlow(publicIp)).toBe(true);
    await associate(allocationId, { instanceId: b.instanceId });
    expect(await sameFlow(publicIp)).toBe(false);
    await serve(b.instanceId, 'udp:7002');
    expect(await sameFlow(publicIp)).toBe(true);
  });

  it('on a secondary private address', async () => {
    const { machine, elasticIp, associate, agent } = await publicWorld();
    const a = await machine();
    await serve(INTERNET, 'tcp:7001');
    const path = `/v1/network-interfaces/${a.eni.networkInterfaceId}/assign-private-ip-addresses`;
    await agent.ok('POST', path, { privateIpAddresses: ['10.0.1.99'] });
    const { allocationId, publicIp } = await elasticIp();
    await associate(allocationId, { networkInterfaceId: a.eni.networkInterfaceId, privateIpAddress: '10.0.1.99' });
    expect(await pings(INTERNET, publicIp)).toBe(true);
    expect(await pings(a.instanceId, SERVER)).toBe(false);
    expect(await pings(a.instanceId, SERVER, '-I', '10.0.1.99')).toBe(true);
  });

  it('a private subnet stays unreachable, until its table has a route to the gateway', async () => {
    const { machine, elasticIp, associate, subnetB, table, routeTable, agent } = await publicWorld();
    const b = await machine({ subnetId: subnetB });
    const { allocationId, publicIp } = await elasticIp();
    await associate(allocationId, { instanceId: b.instanceId });
    expect(await pings(INTERNET, publicIp)).toBe(false);
    expect(await pings(b.instanceId, SERVER)).toBe(false);
    const { associationId } = await agent.ok('POST', `/v1/route-tables/${table}/associations`, { subnetId: subnetB });
    expect(await pings(INTERNET, publicIp)).toBe(true);
    expect(await pings(b.instanceId, SERVER)).toBe(true);
    await agent.ok('PUT', `/v1/route-table-associations/${associationId}`, { routeTableId: await routeTable(undefined) });
    expect(await pings(INTERNET, publicIp)).toBe(false);
  });

  it('security groups apply to what comes from the internet', async () => {
    const { machine, elasticIp, associate, agent, defaultGroupId } = await publicWorld();
    const a = await machine({ groupIds: [defaultGroupId] });
    await serve(a.instanceId, 'tcp:7000');
    const { allocationId, publicIp } = await elasticIp();
    await associate(allocationId, { instanceId: a.instanceId });
    expect(await pings(a.instanceId, SERVER)).toBe(true);
    expect(await tcp(INTERNET, publicIp, 7000)).toBeUndefined();
    const rules = `/v1/security-groups/${defaultGroupId}/rules`;
    const rule = { protocol: 'tcp', fromPort: 7000, toPort: 7000, peer: { cidr: '198.51.100.0/24' } };
    await agent.ok('POST', rules, { direction: 'ingress', rules: [rule] });
    expect(await tcp('internet', publicIp, 7000)).toBeDefined();
    expect(await pings(INTERNET, publicIp)).toBe(false);
  });

  it('opens from the host, which nothing in the lab can open connections to', async () => {
    const { machine, elasticIp, associate } = await publicWorld();
    const a = await machine();
    await serve(a.instanceId, 'tcp:7000');
    const { allocationId, publicIp } = await elasticIp();
    await associate(allocationId, { instanceId: a.instanceId });
    expect(await fromHost(publicIp, 7000)).toBe('198.51.100.1');
    expect(await pings(a.instanceId, SERVER)).toBe(true);
    expect(await pings(a.instanceId, '198.51.100.1')).toBe(false);
  });
});

/** Whether a datagram from one and the same port of the internet is answered. */
async function sameFlow(address: string): Promise<boolean> {
  const script = `const s = require('node:dgram').createSocket('udp4');
    s.bind(5555, () => s.send('x', 7002, '${address}'));
    s.on('message', () => process.exit(0));
    setTimeout(() => process.exit(1), 800);`;
  return (await inside(INTERNET, process.execPath, '-e', script)).exitCode === 0;
}

/** Who a server behind a public address sees when the host connects. */
async function fromHost(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: 2000 });
    const end = (seen: string | undefined) => {
      socket.destroy();
      resolve(seen);
    };
    socket.once('data', (line) => end(String(line).split(' ')[0]));
    socket.once('error', () => end(undefined));
    socket.once('timeout', () => end(undefined));
  });
}

describe('automatic public address', () => {
  it('comes with the launch into such a subnet, and goes with the stop', async () => {
    const { agent, machine, subnetA } = await publicWorld();
    await agent.ok('PATCH', `/v1/subnets/${subnetA}`, { mapPublicIpOnLaunch: true });
    const a = await machine();
    const { items } = await agent.ok('GET', '/v1/elastic-ips');
    expect(items).toMatchObject([{ kind: 'automatic', association: { networkInterfaceId: a.eni.networkInterfaceId } }]);
    const { publicIp } = items[0];
    expect(await pings(INTERNET, publicIp)).toBe(true);
    expect(await pings(a.instanceId, SERVER)).toBe(true);
    await agent.ok('POST', `/v1/instances/${a.instanceId}/stop`, {});
    await until(async () => (await agent.ok('GET', '/v1/elastic-ips')).items.length === 0, 5000, 'address gone');
    expect(await pings(INTERNET, publicIp)).toBe(false);
    await agent.ok('POST', `/v1/instances/${a.instanceId}/start`, {});
    await until(() => pings(a.instanceId, SERVER), 5000, 'a new address works');
  });
});

describe('the gateway as a target', () => {
  it('detached: blackhole, nothing passes; attached again: all as before', async () => {
    const { agent, vpcId, machine, igw, table, routeState, elasticIp, associate } = await publicWorld();
    const a = await machine();
    const { allocationId } = await elasticIp();
    const associationId = await associate(allocationId, { instanceId: a.instanceId });
    expect(await pings(a.instanceId, SERVER)).toBe(true);
    const detach = () => agent.call('POST', `/v1/internet-gateways/${igw}/detach`, { vpcId });
    expect((await detach()).body.error.code).toBe('DependencyViolation');
    await agent.ok('DELETE', `/v1/elastic-ip-associations/${associationId}`);
    expect((await detach()).status).toBeLessThan(300);
    expect(await routeState(table, EVERYTHING)).toBe('blackhole');
    expect((await inside(vpcId, 'ip', 'route', 'show', 'table', 'all', 'type', 'blackhole', EVERYTHING)).stdout).toContain('blackhole');
    expect((await inside(vpcId, 'ip', 'link', 'show', 'igw0')).exitCode).not.toBe(0);
    expect(await pings(a.instanceId, SERVER)).toBe(false);
    await agent.ok('POST', `/v1/internet-gateways/${igw}/attach`, { vpcId });
    await associate(allocationId, { instanceId: a.instanceId });
    expect(await routeState(table, EVERYTHING)).toBe('active');
    expect(await pings(a.instanceId, SERVER)).toBe(true);
  });
});
