import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { execa } from 'execa';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { teardown } from '../../agent/teardown.js';
import { temporaryFile } from '../support/cli.js';
import { inside, pings, serve, tcp, until } from '../support/traffic.js';
import { useAgent, type World } from '../support/world.js';

const CLI = 'dist/agent/cli/main.js';

const host = useAgent();
const ip = (...argv: string[]) => execFileSync('ip', argv, { encoding: 'utf8' });
const addressOf = (instance: any) => instance.privateIpAddress as string;
const at = (id: string) => `/v1/instances/${id}`;

const processes: ChildProcess[] = [];
const namespaces = new Set<string>();
afterEach(() => {
  for (const child of processes.splice(0)) child.kill('SIGKILL');
  for (const name of namespaces) if (readdirSync('/run/netns').includes(name)) ip('netns', 'del', name);
  namespaces.clear();
});

function namespace(name: string): string {
  ip('netns', 'add', name);
  namespaces.add(name);
  return name;
}

/** A process in a network namespace of its own, as `unshare`, systemd-nspawn and LXC make them. */
async function guestProcess(): Promise<number> {
  const child = spawn('unshare', ['--net', 'sleep', '300'], { stdio: 'ignore' });
  processes.push(child);
  const pid = child.pid ?? 0;
  await until(() => readlinkSync(`/proc/${pid}/ns/net`) !== readlinkSync('/proc/self/ns/net'), 5000, 'a namespace of its own');
  return pid;
}

const register = (world: World, fields: object) =>
  host.agent.ok('POST', '/v1/instances/register', { subnetId: world.subnetA, groupIds: [world.defaultGroupId], ...fields });

/** Settings that instances of enid's own get. */
const settingsOf = async (netns: string) => {
  const paths = ['ipv4/ping_group_range', 'ipv6/conf/all/accept_dad', 'ipv6/conf/default/accept_ra'].map((path) => `/proc/sys/net/${path}`);
  return (await inside(netns, 'cat', ...paths)).stdout.split('\n');
};

describe('a namespace that somebody else made', () => {
  it('becomes an instance with MAC, address, name and routes, and is left as it was', async () => {
    const world = await host.world();
    const blue = namespace('blue');
    ip('-n', blue, 'link', 'add', 'own0', 'type', 'veth', 'peer', 'name', 'own1');
    ip('-n', blue, 'addr', 'add', '192.168.7.1/24', 'dev', 'own0');
    ip('-n', blue, 'link', 'set', 'lo', 'up');
    const before = await settingsOf(blue);
    const neighbour = await world.instance();
    const instance = await register(world, { netns: blue });
    expect(instance).toMatchObject({ state: 'running', holder: { kind: 'namespace', name: 'blue' } });
    const [eni] = instance.networkInterfaces;
    const [link] = JSON.parse(ip('-n', blue, '-j', 'addr', 'show', 'dev', 'eth0'));
    expect(link).toMatchObject({
      address: eni.macAddress,
      addr_info: expect.arrayContaining([expect.objectContaining({ local: addressOf(instance) })]),
    });
    expect(await pings(neighbour.instanceId, addressOf(instance))).toBe(true);
    expect(await pings(instance.instanceId, neighbour.address)).toBe(true);
    expect(before).toHaveLength(3);
    expect(await settingsOf(blue)).toEqual(before);

    await host.agent.ok('DELETE', at(instance.instanceId));
    expect(await host.agent.ok('GET', at(instance.instanceId))).toMatchObject({ state: 'terminated' });
    const links = JSON.parse(ip('-n', blue, '-j', 'link', 'show')).map((each: any) => each.ifname);
    expect(links.sort()).toEqual(['lo', 'own0', 'own1']);
    expect(ip('-n', blue, 'rule', 'show').trim().split('\n')).toHaveLength(3);
    expect(ip('-n', blue, 'addr', 'show', 'dev', 'own0')).toContain('192.168.7.1');
    expect(readdirSync('/run/netns')).not.toContain(instance.instanceId);
    expect(readdirSync('/run/enid/netns')).not.toContain(instance.instanceId);
  });

  it('keeps its own way out when its interface is no primary one', async () => {
    const world = await host.world();
    const green = namespace('green');
    ip('-n', green, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'out');
    ip('-n', green, 'addr', 'add', '172.17.0.2/16', 'dev', 'eth0');
    for (const device of ['eth0', 'out']) ip('-n', green, 'link', 'set', device, 'up');
    ip('-n', green, 'route', 'add', 'default', 'via', '172.17.0.1');
    const instance = await register(world, { netns: green, deviceIndex: 1, instanceType: 'm5.large' });
    expect(instance.state).toBe('running');
    expect(ip('-n', green, 'route', 'show', 'default')).toContain('via 172.17.0.1 dev eth0');
    const far = await world.instance({ subnetId: world.subnetB });
    // Another subnet, so by the interface's own routes.
    expect(await pings(far.instanceId, instance.networkInterfaces[0].privateIpAddress)).toBe(true);

    const spare = await world.networkInterface();
    const path = `/v1/network-interfaces/${spare.networkInterfaceId}`;
    await host.agent.ok('POST', `${path}/attach`, { instanceId: instance.instanceId, deviceIndex: 0 });
    const stuck = await host.agent.ok('GET', path);
    expect(stuck.condition).toMatchObject({ realised: false, message: expect.stringContaining('device eth0 of its own') });
    expect(ip('-n', green, 'addr', 'show', 'dev', 'eth0')).toContain('172.17.0.2');
  });

  it('in a lab file: up registers it, lab test sends packets from inside it, down leaves it', async () => {
    await host.world();
    const [blue, green] = [namespace('blue'), namespace('green')];
    ip('-n', green, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'out');
    ip('-n', green, 'addr', 'add', '172.17.0.2/16', 'dev', 'eth0');
    for (const device of ['eth0', 'out']) ip('-n', green, 'link', 'set', device, 'up');
    ip('-n', green, 'route', 'add', 'default', 'via', '172.17.0.1');
    const file = temporaryFile('lab.yaml');
    onTestFinished(() => file.remove());
    file.write(`lab: guests
vpcs: { v: { cidr: 10.9.0.0/16 } }
subnets: { s: { vpc: v, cidr: 10.9.1.0/24 }, t: { vpc: v, cidr: 10.9.2.0/24 } }
groups: { open: { vpc: v, ingress: [tcp/80 from anywhere] } }
instances:
  blue: { netns: blue, interfaces: [{ subnet: s, groups: [open] }] }
  green: { netns: green, index: 1, interfaces: [{ subnet: s, groups: [open] }] }
  own: { interfaces: [{ subnet: t }] }
expect:
  - blue,own -> green/eth1 tcp/80 passes
  - green,own -> blue tcp/80 passes
  - green -> own tcp/80 is dropped
  - everything else is dropped
`);
    const eni = async (...argv: string[]) => {
      const env = { ENID_ENDPOINT: host.agent.endpoint };
      const { stdout, stderr } = await execa(process.execPath, [CLI, '--json', ...argv, file.path], { reject: false, env });
      expect(stderr).toBe('');
      return JSON.parse(stdout);
    };
    expect((await eni('lab', 'up')).steps.length).toBeGreaterThan(5);
    const report = await eni('lab', 'test');
    expect(report.checks.filter((check: any) => !check.asExpected)).toEqual([]);
    expect(report.checks.length).toBeGreaterThan(15);
    expect((await eni('lab', 'up')).steps).toEqual([]);
    await eni('lab', 'down');
    expect(readdirSync('/run/netns').sort()).toEqual(['blue', 'green']);
    expect(readdirSync('/run/enid/netns')).toEqual([]);
    const links = (name: string) => JSON.parse(ip('-n', name, '-j', 'link', 'show')).map((each: any) => each.ifname);
    expect([links(blue), links(green).sort()]).toEqual([['lo'], ['eth0', 'lo', 'out']]);
    expect(ip('-n', green, 'route', 'show', 'default')).toContain('via 172.17.0.1 dev eth0');
  });

  it('that goes and comes back under its name has its interfaces back, with their MAC; while it is away the instance stops', async () => {
    const world = await host.world();
    const neighbour = await world.instance();
    const blue = namespace('blue');
    const instance = await register(world, { netns: blue });
    const { macAddress } = instance.networkInterfaces[0];
    ip('netns', 'del', blue);
    namespace('blue');
    await until(() => pings(neighbour.instanceId, addressOf(instance)), 15_000, 'reachable in the new namespace');
    expect(ip('-n', blue, 'link', 'show', 'dev', 'eth0')).toContain(macAddress);

    ip('netns', 'del', blue);
    const state = async () => (await host.agent.ok('GET', at(instance.instanceId))).state;
    await until(async () => (await state()) === 'stopped', 30_000, 'stopped');
    namespace('blue');
    await until(async () => (await state()) === 'running', 30_000, 'running again');
    expect(await pings(neighbour.instanceId, addressOf(instance))).toBe(true);
  });

  it('of a process: the instance ends with it, and its interface as that is told', async () => {
    const world = await host.world();
    const pid = await guestProcess();
    const instance = await register(world, { pid });
    expect(instance).toMatchObject({ state: 'running', holder: { kind: 'process', pid } });
    const neighbour = await world.instance();
    expect(await pings(neighbour.instanceId, addressOf(instance))).toBe(true);
    const kept = await world.networkInterface();
    await host.agent.ok('POST', `/v1/network-interfaces/${kept.networkInterfaceId}/attach`, {
      instanceId: instance.instanceId,
      deviceIndex: 1,
    });
    processes.pop()?.kill('SIGKILL');
    await until(async () => (await host.agent.ok('GET', at(instance.instanceId))).state === 'terminated', 30_000, 'terminated');
    expect((await host.agent.call('GET', `/v1/network-interfaces/${instance.networkInterfaces[0].networkInterfaceId}`)).status).toBe(404);
    expect(await host.agent.ok('GET', `/v1/network-interfaces/${kept.networkInterfaceId}`)).toMatchObject({ status: 'available' });
  });

  it('keeps to the groups whatever its root does, and gets back a device that it takes away', async () => {
    const world = await host.world();
    const groupId = await world.group('tcp/80 from 10.0.0.0/16', 'icmp from 10.0.0.0/16');
    const client = await world.instance();
    const instance = await register(world, { netns: namespace('blue'), groupIds: [groupId] });
    await serve('blue', 'tcp:80', 'tcp:81');
    const flushes = [
      ['iptables', '-F'],
      ['nft', 'flush', 'ruleset'],
    ];
    for (const argv of flushes) await inside('blue', ...argv);
    expect(await tcp(client.instanceId, addressOf(instance), 80)).toBe(client.address);
    expect(await tcp(client.instanceId, addressOf(instance), 81)).toBeUndefined();
    await inside('blue', 'ip', 'link', 'del', 'eth0');
    await until(() => pings(client.instanceId, addressOf(instance)), 15_000, 'the device is back');
    expect(ip('-n', 'blue', 'link', 'show', 'dev', 'eth0')).toContain(instance.networkInterfaces[0].macAddress);
  });

  it('is found as it was by a restarted daemon, processes included', async () => {
    const world = await host.world();
    const pid = await guestProcess();
    const instance = await register(world, { pid });
    const indexOf = () => JSON.parse(ip('-n', instance.instanceId, '-j', 'link', 'show', 'dev', 'eth0'))[0].ifindex;
    const before = indexOf();
    await host.agent.kill();
    await host.agent.start();
    expect(indexOf()).toBe(before);
    expect(await host.agent.ok('GET', at(instance.instanceId))).toMatchObject({ state: 'running' });
    await host.agent.ok('POST', '/v1/reset');
    expect(processes.at(-1)?.exitCode).toBeNull();
    expect(readlinkSync(`/proc/${pid}/ns/net`)).toMatch(/^net:/);
  });
});

it('teardown leaves the guest as it was', async () => {
  const world = await host.world();
  const blue = namespace('blue');
  ip('-n', blue, 'link', 'set', 'lo', 'up');
  const rules = ip('-n', blue, 'rule', 'show');
  await register(world, { netns: blue, instanceType: 'm5.large', deviceIndex: 1 });
  expect(ip('-n', blue, 'rule', 'show')).not.toBe(rules);
  await host.agent.stop();
  await teardown({ dataDir: host.agent.dataDir, removeData: false });
  expect(ip('-n', blue, 'rule', 'show')).toBe(rules);
  expect(JSON.parse(ip('-n', blue, '-j', 'link', 'show')).map((each: any) => each.ifname)).toEqual(['lo']);
  expect(readdirSync('/run/netns')).toEqual(['blue']);
  await host.agent.start();
});

describe('what cannot become an instance', () => {
  it.each<[string, (world: World) => Promise<object> | object, string, RegExp]>([
    ['nothing named', () => ({}), 'MissingParameter', /containerId, netns or pid/],
    ['two named', () => ({ netns: 'blue', pid: 1 }), 'InvalidParameterCombination', /one of/],
    ['a path', () => ({ netns: '../netns/blue' }), 'InvalidParameterValue', /netns/],
    ['an unknown name', () => ({ netns: 'nobody' }), 'InvalidParameterValue', /ip netns list/],
    ['an unknown process', () => ({ pid: 4_194_304 }), 'InvalidParameterValue', /no process/],
    ["a process in the daemon's own namespace", () => ({ pid: process.pid }), 'OperationNotPermitted', /host's own/],
    ['a router of enid', (world) => ({ netns: world.vpcId }), 'OperationNotPermitted', /enid's own/],
    [
      'an instance of enid',
      async (world) => ({ netns: (await world.instance()).instanceId }),
      'Resource.AlreadyAssociated',
      /registered as i-/,
    ],
    ['a container without an engine', () => ({ containerId: 'web' }), 'UnsupportedOperation', /--container-socket/],
  ])('%s', async (_what, fields, code, says) => {
    const world = await host.world();
    await world.instance();
    const { status, body } = await host.agent.call('POST', '/v1/instances/register', { subnetId: world.subnetA, ...(await fields(world)) });
    expect({ status, ...body.error }).toMatchObject({ status: 400, code, message: expect.stringMatching(says) });
  });

  it('one that is registered already, by whatever name', async () => {
    const world = await host.world();
    const pid = await guestProcess();
    const { instanceId } = await register(world, { pid });
    ip('netns', 'attach', 'alias', String(pid));
    namespaces.add('alias');
    for (const again of [{ pid }, { netns: 'alias' }]) {
      const { body } = await host.agent.call('POST', '/v1/instances/register', { subnetId: world.subnetA, ...again });
      expect(body.error).toMatchObject({ code: 'Resource.AlreadyAssociated', message: expect.stringContaining(instanceId) });
    }
  });

  it('one that has the device or the default route that the interface is to have', async () => {
    const world = await host.world();
    const red = namespace('red');
    ip('-n', red, 'link', 'add', 'own0', 'type', 'veth', 'peer', 'name', 'own1');
    ip('-n', red, 'addr', 'add', '172.17.0.2/16', 'dev', 'own0');
    for (const device of ['own0', 'own1']) ip('-n', red, 'link', 'set', device, 'up');
    ip('-n', red, 'route', 'add', 'default', 'via', '172.17.0.1');
    const refusal = async () =>
      (await host.agent.call('POST', '/v1/instances/register', { subnetId: world.subnetA, netns: red })).body.error;
    expect(await refusal()).toMatchObject({ code: 'IncorrectState', message: expect.stringContaining('default route') });
    ip('-n', red, 'link', 'set', 'own0', 'down');
    ip('-n', red, 'link', 'set', 'own0', 'name', 'eth0');
    expect(await refusal()).toMatchObject({ code: 'IncorrectState', message: expect.stringContaining('eth0') });
  });
});
