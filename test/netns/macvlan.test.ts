import { execa } from 'execa';
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { gatewaysOf } from '../support/gateways.js';
import { inside, pings, serve, tcp, until } from '../support/traffic.js';
import { makeWire, PARENT, WIRE } from '../support/wire.js';
import { useAgent } from '../support/world.js';

/** What is peculiar to subnets on a device of the host; what they have in common with all is in conformance.ts. */
const setup = useAgent(['--resync-seconds', '2', '--log-level', 'debug']);
const world = (fields: Record<string, unknown> = {}) => setup.world({}, { parentDevice: PARENT, ...fields });
const ip = (...argv: string[]) => execa('ip', argv);

beforeAll(async () => {
  await ip('link', 'add', 'bridge0', 'type', 'bridge');
  await ip('link', 'add', 'port0', 'type', 'veth', 'peer', 'name', 'port1');
  await ip('link', 'set', 'port0', 'master', 'bridge0');
  await ip('tuntap', 'add', 'dev', 'tun7', 'mode', 'tun');
  await makeWire();
});
beforeEach(async () => void (await inside(WIRE, 'ip', 'addr', 'flush', 'dev', 'out0')));

describe('bad input', () => {
  it.each([
    ['missing0', /the host has no device missing0/],
    ['lo', /loopback/],
    ['port0', /port of bridge0; name bridge0/],
    ['tun7', /no Ethernet/],
    [PARENT, /subnet-.* is on it/],
  ])('a subnet is refused on %s, with the reason', async (parentDevice, reason) => {
    const { agent, vpcId } = await world();
    const { status, body } = await agent.call('POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.9.0/24', parentDevice });
    expect([status, body.error.code]).toEqual([400, 'InvalidParameterValue']);
    expect(body.error.message).toMatch(reason);
  });

  it("is refused on one of enid's own devices", async () => {
    const { agent, vpcId, subnetA, instance } = await world({ hostAccess: true });
    await instance();
    const parentDevice = `enid-${subnetA.slice('subnet-'.length).slice(0, 10)}`;
    const { body } = await agent.call('POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.9.0/24', parentDevice });
    expect(body.error.message).toMatch(/one of enid's own/);
  });
});

describe('the host and the wire', () => {
  it('the host reaches its own instances by a device of its own, as their groups allow; without access it does not', async () => {
    const { agent, instance, group, subnetA } = await world({ hostAccess: true });
    const web = await group('tcp/80 from 10.0.1.3/32');
    const a = await instance({ groupIds: [web] });
    await serve(a.instanceId, 'tcp:80', 'tcp:81');
    const fromHost = async (port: number) =>
      (
        await execa('timeout', ['1', 'bash', '-c', `exec 3<>/dev/tcp/${a.address}/${port} && read -r -t 1 -u 3 line && echo $line`], {
          reject: false,
        })
      ).stdout;
    expect(await fromHost(80)).toContain('10.0.1.3');
    expect(await fromHost(81)).toBe('');
    await agent.ok('PATCH', `/v1/subnets/${subnetA}`, { hostAccess: false });
    await until(async () => !(await ip('-br', 'link')).stdout.includes('enid-'), 5000, "the host's device goes");
    expect((await ip('route')).stdout).not.toContain('10.0.1.');
  });

  it('a machine on the wire is a peer: groups apply to it, and it cannot take the address of an interface', async () => {
    const { agent, instance, group } = await world();
    const some = await group('icmp from 10.0.1.200/32');
    const victims = await group('icmp from 10.0.1.99/32');
    const a = await instance({ groupIds: [some] });
    const guarded = await instance({ groupIds: [victims] });
    await ip('-n', WIRE, 'addr', 'add', '10.0.1.200/24', 'dev', 'out0');
    expect(await pings(WIRE, a.address)).toBe(true);
    expect(await pings(WIRE, guarded.address)).toBe(false);
    expect(await pings(a.instanceId, '10.0.1.200')).toBe(true);
    expect(await pings(WIRE, '10.0.1.1')).toBe(true);
    // Nobody's address is allowed in; then an interface gets it, and the wire may not use it any more.
    await ip('-n', WIRE, 'addr', 'add', '10.0.1.99/24', 'dev', 'out0');
    expect(await pings(WIRE, guarded.address, '-I', '10.0.1.99')).toBe(true);
    await agent.ok('POST', `/v1/network-interfaces/${a.eni.networkInterfaceId}/assign-private-ip-addresses`, {
      privateIpAddresses: ['10.0.1.99'],
    });
    expect(await pings(WIRE, guarded.address, '-I', '10.0.1.99')).toBe(false);
  });

  it('two interfaces of one instance on one wire each answer for themselves', async () => {
    const { instance, networkInterface, agent, group } = await world();
    const open = await group('icmp from any');
    const [a, b] = [await instance({ groupIds: [open] }), await instance({ groupIds: [open] })];
    const second = await networkInterface({ groupIds: [open] });
    await agent.ok('POST', `/v1/network-interfaces/${second.networkInterfaceId}/attach`, { instanceId: a.instanceId, deviceIndex: 1 });
    expect(await pings(b.instanceId, second.privateIpAddress)).toBe(true);
    expect(await pings(b.instanceId, a.address)).toBe(true);
    const macOf = async (address: string) =>
      JSON.parse((await inside(b.instanceId, 'ip', '-j', 'neigh', 'show', address)).stdout)[0].lladdr;
    expect([await macOf(a.address), await macOf(second.privateIpAddress)]).toEqual([a.eni.macAddress, second.macAddress]);
  });
});

describe('namespaces of others', () => {
  it('have interfaces on the wire too: one goes from guest to guest, groups hold, a namespace made anew gets its own back, and nothing is left', async () => {
    const { agent, instance, group, networkInterface, subnetA } = await world();
    const web = await group('tcp/80 from any', 'icmp from any');
    const client = await instance({ groupIds: [web] });
    const register = async (netns: string) => {
      await ip('netns', 'add', netns);
      onTestFinished(async () => void (await ip('netns', 'del', netns).catch(() => {})));
      return agent.ok('POST', '/v1/instances/register', { netns, subnetId: subnetA, groupIds: [web], instanceType: 'm5.large' });
    };
    const [blue, green] = [await register('blue'), await register('green')];
    await inside('blue', 'nft', 'add', 'table', 'ip', 'mine');
    for (const guest of [blue, green]) expect(await pings(client.instanceId, guest.privateIpAddress)).toBe(true);

    const spare = await networkInterface({ groupIds: [web] });
    const path = `/v1/network-interfaces/${spare.networkInterfaceId}`;
    const reaches = () => pings(client.instanceId, spare.privateIpAddress);
    const macIn = async (netns: string, device: string) =>
      JSON.parse((await inside(netns, 'ip', '-j', 'link', 'show', device)).stdout || '[{}]')[0].address;
    expect(await reaches()).toBe(false);
    await agent.ok('POST', `${path}/attach`, { instanceId: blue.instanceId, deviceIndex: 1 });
    expect([await reaches(), await macIn('blue', 'eth1')]).toEqual([true, spare.macAddress]);
    await serve('green', 'tcp:80', 'tcp:81');
    await agent.ok('POST', `${path}/move`, { instanceId: green.instanceId, deviceIndex: 1 });
    expect([await macIn('blue', 'eth1'), await macIn('green', 'eth1')]).toEqual([undefined, spare.macAddress]);
    expect(await tcp(client.instanceId, spare.privateIpAddress, 80)).toBe(client.address);
    expect(await tcp(client.instanceId, spare.privateIpAddress, 81)).toBeUndefined();
    await agent.ok('POST', `${path}/detach`);
    expect(await reaches()).toBe(false);

    await ip('netns', 'del', 'blue');
    await ip('netns', 'add', 'blue');
    // The one without a name answers until it is let go of.
    await until(
      async () => (await macIn('blue', 'eth0')) === blue.networkInterfaces[0].macAddress,
      20_000,
      'its device in the new namespace',
    );
    await until(() => pings(client.instanceId, blue.privateIpAddress), 20_000, 'reachable in the new namespace');
    await inside('blue', 'nft', 'add', 'table', 'ip', 'mine');
    for (const { instanceId } of [blue, green]) await agent.ok('DELETE', `/v1/instances/${instanceId}`);
    expect((await ip('-n', 'blue', '-br', 'link')).stdout.trim().split('\n')).toHaveLength(1);
    expect((await inside('blue', 'nft', 'list', 'tables')).stdout.trim()).toBe('table ip mine');
    expect((await inside('green', 'nft', 'list', 'tables')).stdout.trim()).toBe('');
    expect((await ip('-n', 'blue', 'neigh', 'show')).stdout).toBe('');
  });
});

describe('what the router does', () => {
  it('network ACLs stand between the subnet and others, where no guest can reach them', async () => {
    const { agent, instance, group, vpcId, subnetA, subnetB } = await world();
    const open = await group('all from any');
    const [a, b, c] = [
      await instance({ groupIds: [open] }),
      await instance({ groupIds: [open] }),
      await instance({ subnetId: subnetB, groupIds: [open] }),
    ];
    expect(await pings(c.instanceId, a.address)).toBe(true);
    const { networkAclId } = await agent.ok('POST', '/v1/network-acls', { vpcId });
    const { items } = await agent.ok('GET', '/v1/network-acls');
    const [{ associationId }] = items.flatMap((acl: any) => acl.associations).filter((each: any) => each.subnetId === subnetA);
    await agent.ok('PUT', `/v1/network-acl-associations/${associationId}`, { networkAclId });
    expect(await pings(c.instanceId, a.address)).toBe(false);
    expect(await pings(a.instanceId, c.address)).toBe(false);
    expect(await pings(a.instanceId, b.address)).toBe(true);
  });

  it('an elastic address works in and out', async () => {
    const made = await world();
    const { internetGateway, routeTable, elasticIp, associate } = gatewaysOf(made);
    await routeTable(made.subnetA, ['0.0.0.0/0', await internetGateway()]);
    const a = await made.instance({ groupIds: [await made.group('tcp/7000 from any')] });
    const { allocationId, publicIp } = await elasticIp();
    await associate(allocationId, { networkInterfaceId: a.eni.networkInterfaceId });
    await serve('internet', 'tcp:7001');
    await serve(a.instanceId, 'tcp:7000', 'tcp:7002');
    expect(await tcp(a.instanceId, '198.51.100.80', 7001)).toBe(publicIp);
    expect(await tcp('internet', publicIp, 7000)).toBeDefined();
    expect(await tcp('internet', publicIp, 7002)).toBeUndefined();
    expect((await inside(a.instanceId, 'getent', 'hosts', 'www.example.com')).stdout).not.toBe('');
  });

  it("an appliance on the wire forwards for others with the check off, and its groups' consent is not taken for the receiver's", async () => {
    const { agent, instance, group, vpcId, subnetB } = await world();
    const open = await group('all from any');
    const picky = await group('tcp/80 from 10.0.2.0/24');
    const appliance = await instance({ groupIds: [open] });
    await agent.ok('PATCH', `/v1/network-interfaces/${appliance.eni.networkInterfaceId}`, { sourceDestCheck: false });
    await inside(appliance.instanceId, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
    const { subnetId: subnetC } = await agent.ok('POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.3.0/24' });
    const { routeTable } = gatewaysOf({ agent, vpcId } as Parameters<typeof gatewaysOf>[0]);
    await routeTable(subnetB, ['10.0.3.0/24', appliance.eni.networkInterfaceId]);
    await routeTable(subnetC, ['10.0.2.0/24', appliance.eni.networkInterfaceId]);
    const client = await instance({ subnetId: subnetB, groupIds: [open] });
    const server = await instance({ subnetId: subnetC, groupIds: [picky] });
    await serve(server.instanceId, 'tcp:80', 'tcp:81');
    const { stdout } = await inside(client.instanceId, 'ip', 'route', 'get', server.address);
    expect(stdout).toContain('10.0.2.1');
    expect(await tcp(client.instanceId, server.address, 80)).toBe(client.address);
    expect((await agent.ok('GET', `/v1/network-interfaces/${appliance.eni.networkInterfaceId}/counters`)).rxPackets).toBeGreaterThan(2);
    expect(await tcp(client.instanceId, server.address, 81)).toBeUndefined();
    await inside(appliance.instanceId, 'sysctl', '-qw', 'net.ipv4.ip_forward=0');
    expect(await tcp(client.instanceId, server.address, 80)).toBeUndefined();
  });
});

describe('what others do', () => {
  it("a guest's own rules stay, and apply besides", async () => {
    const { instance, group, agent } = await world();
    const open = await group('all from any');
    const [a, b] = [await instance({ groupIds: [open] }), await instance({ groupIds: [open] })];
    await inside(a.instanceId, 'nft', 'add table ip mine; add chain ip mine in { type filter hook input priority 0; }');
    await inside(a.instanceId, 'nft', 'add rule ip mine in icmp type echo-request drop');
    expect(await pings(b.instanceId, a.address)).toBe(false);
    await agent.ok('POST', `/v1/security-groups/${open}/rules`, {
      direction: 'ingress',
      rules: [{ protocol: 'tcp', fromPort: 1, toPort: 1, peer: { cidr: '10.9.0.0/16' } }],
    });
    expect((await inside(a.instanceId, 'nft', 'list', 'tables')).stdout).toContain('table ip mine');
    expect(await pings(b.instanceId, a.address)).toBe(false);
    await inside(a.instanceId, 'nft', 'delete', 'table', 'ip', 'mine');
    expect(await pings(b.instanceId, a.address)).toBe(true);
  });

  it('the device goes down, and away: conditions say so in words, other subnets work on, and all is well when it is back', async () => {
    const { agent, instance, group, subnetA, subnetB, vpcId } = await world();
    const open = await group('all from any');
    const [a, b, c] = [
      await instance({ groupIds: [open] }),
      await instance({ groupIds: [open] }),
      await instance({ subnetId: subnetB, groupIds: [open] }),
    ];
    const condition = async () => (await agent.ok('GET', `/v1/subnets/${subnetA}`)).condition;
    const works = () => pings(b.instanceId, a.address);
    expect(await works()).toBe(true);
    await ip('link', 'set', PARENT, 'down');
    await until(async () => /is down; bring it up/.test((await condition()).message ?? ''), 30_000, 'a condition that says down');
    expect(await works()).toBe(false);
    await ip('link', 'set', PARENT, 'up');
    await until(async () => (await condition()).realised && (await works()), 20_000, 'recovery from down');
    await ip('link', 'del', PARENT);
    await until(async () => /no device par0/.test((await condition()).message ?? ''), 30_000, 'a condition that says gone');
    expect((await inside(a.instanceId, 'ip', 'link', 'show', 'eth0')).exitCode).not.toBe(0);
    expect((await agent.ok('GET', `/v1/vpcs/${vpcId}`)).condition.realised).toBe(true);
    const other = await instance({ subnetId: subnetB, groupIds: [open] });
    expect(await pings(other.instanceId, c.address)).toBe(true);
    await ip('link', 'add', PARENT, 'type', 'veth', 'peer', 'name', 'out0', 'netns', WIRE);
    await ip('-n', WIRE, 'link', 'set', 'out0', 'up');
    await ip('link', 'set', PARENT, 'up');
    await until(async () => (await condition()).realised && (await works()), 20_000, 'recovery from gone');
    expect(JSON.parse((await inside(a.instanceId, 'ip', '-j', 'link', 'show', 'eth0')).stdout)[0].address).toBe(a.eni.macAddress);
  });

  it('somebody empties the host’s rules: the guard is put back', async () => {
    const { instance } = await world();
    await instance();
    await execa('nft', ['flush', 'ruleset']);
    await until(async () => (await execa('nft', ['list', 'tables'])).stdout.includes(`netdev enid-${PARENT}`), 30_000, 'the guard');
  });

  it('a restarted agent finds everything as it was; teardown leaves nothing in the host’s own namespace', async () => {
    const { agent, instance } = await world({ hostAccess: true });
    await instance();
    const before = agent.log.length;
    expect(await agent.stop()).toBe(0);
    await agent.start();
    const [first] = agent.log.slice(before).filter((line) => line.msg === 'reconcile pass');
    expect(first).toMatchObject({ full: true, operations: 0, failures: 0 });
    await agent.stop();
    await execa(process.execPath, ['dist/agent/cli/main.js', 'teardown', '--data-dir', agent.dataDir]);
    expect((await ip('-br', 'link')).stdout).not.toContain('enid-');
    expect((await execa('nft', ['list', 'tables'])).stdout).not.toContain('enid');
    await agent.start();
  });
});
