import { execFileSync } from 'node:child_process';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startAgent, type TestAgent } from '../support/agent.js';
import { temporaryFile } from '../support/cli.js';
import { dockerIsMissing, startDocker, type TestDocker } from '../support/container-engine.js';
import { inside, pings, serve, tcp, until } from '../support/traffic.js';
import { buildWorld, type World } from '../support/world.js';

const missing = dockerIsMissing();
const IMAGE = 'ami-0c0ffee0c0ffee0c0';
const ABSENT_IMAGE = 'ami-0badbadbadbadbad0';
const WAIT = 30_000;

describe.skipIf(missing)(`containers as instances${missing === undefined ? '' : `: ${missing}`}`, () => {
  let docker: TestDocker;
  let agent: TestAgent;
  let world: World;
  let client: { instanceId: string; address: string };
  beforeAll(async () => {
    docker = await startDocker();
    const images = `${IMAGE}=busybox,${ABSENT_IMAGE}=nobody/nothing`;
    agent = await startAgent({ args: ['--allow-reset', '--container-socket', docker.socket, '--container-images', images] });
    world = await buildWorld(agent, { ipv6: true });
    client = await world.instance();
  }, 120_000);
  afterAll(async () => {
    await agent?.call('POST', '/v1/reset');
    await agent?.dispose();
    await docker?.dispose();
  }, 120_000);

  const run = (name: string, ...options: string[]) => docker.run('run', '-d', '--name', name, ...options, 'busybox', 'sleep', '3600');
  const post = (fields: object) => agent.call('POST', '/v1/instances/register', { subnetId: world.subnetA, ...fields });
  const register = async (containerId: string, fields: object = {}) => {
    const body = { subnetId: world.subnetA, groupIds: [world.defaultGroupId], containerId, ...fields };
    return agent.ok('POST', '/v1/instances/register', body);
  };
  const show = (instanceId: string) => agent.ok('GET', `/v1/instances/${instanceId}`);
  const becomes = (instanceId: string, state: string) =>
    until(async () => (await show(instanceId)).state === state, WAIT, `${instanceId} is ${state}`);

  it('a running one gets interfaces while it runs, with MAC, name, address and routes, and keeps them over a restart', async () => {
    await run('web', '--network', 'none');
    const instance = await register('web');
    expect(instance).toMatchObject({ state: 'running', holder: { kind: 'container', name: 'web' } });
    expect(await pings(client.instanceId, instance.privateIpAddress)).toBe(true);
    const six = { vpcId: world.vpcId, cidrBlock: '10.0.6.0/24', ipv6: true, availabilityZone: 'us-east-1a' };
    const { subnetId } = await agent.ok('POST', '/v1/subnets', six);
    const spare = await world.networkInterface({ subnetId, ipv6AddressCount: 1 });
    await agent.ok('POST', `/v1/network-interfaces/${spare.networkInterfaceId}/attach`, {
      instanceId: instance.instanceId,
      deviceIndex: 1,
    });
    const seen = () => docker.run('exec', 'web', 'cat', '/sys/class/net/eth0/address', '/sys/class/net/eth1/address');
    const macs = `${instance.networkInterfaces[0].macAddress}\n${spare.macAddress}`;
    expect(await seen()).toBe(macs);
    // The engine has switched IPv6 off in its container.
    expect(await docker.run('exec', 'web', 'ip', '-6', 'addr', 'show', 'dev', 'eth1')).toContain(spare.ipv6Addresses[0]);
    const address = spare.privateIpAddresses[0].privateIpAddress;
    for (const each of [instance.privateIpAddress, address]) expect(await pings(client.instanceId, each)).toBe(true);

    await docker.run('restart', '-t', '0', 'web');
    await until(() => pings(client.instanceId, address), WAIT, 'the second interface is back');
    await until(() => pings(client.instanceId, instance.privateIpAddress), WAIT, 'the first interface is back');
    expect(await seen()).toBe(macs);
    await becomes(instance.instanceId, 'running');
  });

  it('stops and starts with its container; its removal ends it, with the interface that goes with it', async () => {
    await run('db', '--network', 'none');
    const instance = await register('db');
    await docker.run('stop', '-t', '0', 'db');
    await becomes(instance.instanceId, 'stopped');
    expect((await show(instance.instanceId)).stateReason.message).toContain('db does not run');
    await docker.run('start', 'db');
    await becomes(instance.instanceId, 'running');
    expect(await pings(client.instanceId, instance.privateIpAddress)).toBe(true);
    const kept = await world.networkInterface();
    await agent.ok('POST', `/v1/network-interfaces/${kept.networkInterfaceId}/attach`, { instanceId: instance.instanceId, deviceIndex: 1 });
    await docker.run('rm', '-f', 'db');
    await becomes(instance.instanceId, 'terminated');
    const own = instance.networkInterfaces[0].networkInterfaceId;
    expect((await agent.call('GET', `/v1/network-interfaces/${own}`)).status).toBe(404);
    expect(await agent.ok('GET', `/v1/network-interfaces/${kept.networkInterfaceId}`)).toMatchObject({ status: 'available' });
  });

  it('root in it, with rights over its network, is held by the groups all the same', async () => {
    await run('root', '--network', 'none', '--cap-add', 'NET_ADMIN', '--cap-add', 'SYS_ADMIN');
    const groupId = await world.group('tcp/80 from 10.0.0.0/16');
    const instance = await register('root', { groupIds: [groupId] });
    await serve(instance.instanceId, 'tcp:80', 'tcp:81');
    for (const argv of [
      ['iptables', '-F'],
      ['nft', 'flush', 'ruleset'],
    ])
      await inside(instance.instanceId, ...argv);
    await docker.run('exec', 'root', 'ip', 'link', 'set', 'eth0', 'promisc', 'on');
    await until(async () => (await tcp(client.instanceId, instance.privateIpAddress, 80)) === client.address, WAIT, 'port 80 passes');
    expect(await tcp(client.instanceId, instance.privateIpAddress, 81)).toBeUndefined();
    await docker.run('exec', 'root', 'ip', 'link', 'del', 'eth0');
    await until(
      async () => (await tcp(client.instanceId, instance.privateIpAddress, 80)) === client.address,
      WAIT,
      'the device is put back',
    );
    expect(await docker.run('exec', 'root', 'cat', '/sys/class/net/eth0/address')).toBe(instance.networkInterfaces[0].macAddress);
  });

  it('deregistered, it is left as it was', async () => {
    await run('plain', '--network', 'none');
    const { instanceId } = await register('plain');
    await agent.ok('DELETE', `/v1/instances/${instanceId}`);
    expect(await docker.run('exec', 'plain', 'ls', '/sys/class/net')).toBe('lo');
    expect(await docker.run('inspect', '-f', '{{.State.Running}}', 'plain')).toBe('true');
  });

  it('in a lab file: up registers it, down leaves it as it was', async () => {
    await run('guest', '--network', 'none');
    const file = temporaryFile('lab.yaml');
    onTestFinished(() => file.remove());
    file.write(`lab: containers
vpcs: { v: { cidr: 10.9.0.0/16 } }
subnets: { s: { vpc: v, cidr: 10.9.1.0/24 } }
groups: { open: { vpc: v, ingress: [tcp/80 from anywhere] } }
instances:
  guest: { container: guest, interfaces: [{ subnet: s, groups: [open] }] }
  own: { interfaces: [{ subnet: s }] }
expect:
  - own -> guest tcp/80 passes
  - everything else is dropped
`);
    const eni = async (...argv: string[]) => {
      const env = { ENID_ENDPOINT: agent.endpoint };
      const { stdout, stderr } = await execa(process.execPath, ['dist/agent/cli/main.js', '--json', ...argv, file.path], {
        reject: false,
        env,
      });
      expect(stderr).toBe('');
      return JSON.parse(stdout);
    };
    await eni('lab', 'up');
    const { checks } = await eni('lab', 'test');
    expect(checks.filter((check: any) => !check.asExpected)).toEqual([]);
    expect((await eni('lab', 'up')).steps).toEqual([]);
    await eni('lab', 'down');
    expect(await docker.run('exec', 'guest', 'ls', '/sys/class/net')).toBe('lo');
    expect(await docker.run('inspect', '-f', '{{.State.Running}}', 'guest')).toBe('true');
  });

  it('with a network of its own takes interfaces beside it, and keeps its way out', async () => {
    await run('bridged');
    const { body } = await post({ containerId: 'bridged' });
    expect(body.error).toMatchObject({ code: 'IncorrectState', message: expect.stringContaining('eth0') });
    const wayOut = async () => (await docker.run('exec', 'bridged', 'ip', 'route')).split('\n').filter((line) => /default/.test(line));
    const route = await wayOut();
    const instance = await register('bridged', { deviceIndex: 1 });
    const [eni] = instance.networkInterfaces;
    expect(await pings(client.instanceId, eni.privateIpAddress)).toBe(true);
    expect(route).toHaveLength(1);
    expect(await wayOut()).toEqual(route);
    await docker.run('rm', '-f', 'bridged');
    await becomes(instance.instanceId, 'terminated');
  });

  it('one that enid starts from an image runs with its instance', async () => {
    const { body } = await agent.call('POST', '/v1/instances', {
      imageId: IMAGE,
      subnetId: world.subnetA,
      groupIds: [world.defaultGroupId],
    });
    const { instanceId, privateIpAddress, holder } = body.instances[0];
    expect(holder).toMatchObject({ kind: 'image', image: 'busybox', containerName: `enid-${instanceId}` });
    await becomes(instanceId, 'running');
    expect(await pings(client.instanceId, privateIpAddress)).toBe(true);
    const inspect = (format: string) => docker.run('inspect', '-f', format, `enid-${instanceId}`);
    expect(await inspect('{{.HostConfig.NetworkMode}} {{.HostConfig.Privileged}} {{index .Config.Labels "enid.instance"}}')).toBe(
      `none false ${instanceId}`,
    );
    expect(await docker.run('exec', `enid-${instanceId}`, 'cat', '/etc/resolv.conf')).toContain('nameserver 10.0.0.2');

    await agent.ok('POST', `/v1/instances/${instanceId}/stop`);
    await until(async () => (await inspect('{{.State.Running}}')) === 'false', WAIT, 'the container stops');
    await agent.ok('POST', `/v1/instances/${instanceId}/start`);
    await becomes(instanceId, 'running');
    expect(await pings(client.instanceId, privateIpAddress)).toBe(true);
    const started = await inspect('{{.State.StartedAt}}');
    await agent.ok('POST', `/v1/instances/${instanceId}/reboot`);
    await until(async () => (await inspect('{{.State.StartedAt}}')) !== started, WAIT, 'the container is started again');
    await until(() => pings(client.instanceId, privateIpAddress), WAIT, 'reachable after the reboot');
    await agent.ok('DELETE', `/v1/instances/${instanceId}`);
    await until(async () => (await docker.run('ps', '-aq', '--filter', `name=enid-${instanceId}`)) === '', WAIT, 'the container goes');
  });

  it('one whose image is not there has a condition that says so', async () => {
    const { instances } = await agent.ok('POST', '/v1/instances', { imageId: ABSENT_IMAGE, subnetId: world.subnetA });
    const { instanceId } = instances[0];
    await until(async () => /nobody\/nothing/.test((await show(instanceId)).condition?.message ?? ''), WAIT, 'a condition');
    expect(await show(instanceId)).toMatchObject({ state: 'pending' });
    await agent.ok('DELETE', `/v1/instances/${instanceId}`);
    await becomes(instanceId, 'terminated');
  });

  it('outlive the agent, and an engine that goes away and comes back', async () => {
    await run('lasting', '--network', 'none', '--restart', 'always');
    const instance = await register('lasting');
    const index = () => execFileSync('ip', ['-n', instance.instanceId, '-j', 'link', 'show', 'dev', 'eth0'], { encoding: 'utf8' });
    const before = index();
    await agent.kill();
    await agent.start();
    expect(index()).toBe(before);
    await becomes(instance.instanceId, 'running');

    await docker.stop();
    await until(
      async () =>
        /does not|ended/.test((await show(instance.instanceId)).condition?.message ?? '') ||
        (await show(instance.instanceId)).state === 'stopped',
      WAIT,
      'a condition or a stop',
    );
    expect((await post({ containerId: 'lasting' })).body.error).toMatchObject({ code: 'ServiceUnavailable' });
    await docker.start();
    await until(() => pings(client.instanceId, instance.privateIpAddress), WAIT * 2, 'reachable again');
    await becomes(instance.instanceId, 'running');
  }, 240_000);

  describe('that cannot be', () => {
    it.each<[string, () => Promise<string>, string, RegExp]>([
      ['unknown', async () => 'nobody', 'InvalidParameterValue', /docker ps/],
      [
        'stopped',
        async () => docker.run('create', '--name', 'idle', '--network', 'none', 'busybox', 'sleep', '1'),
        'IncorrectState',
        /start it first/,
      ],
      ["with the host's network", () => run('hostly', '--network', 'host'), 'OperationNotPermitted', /host's network/],
      [
        "with another container's network",
        async () => {
          const other = await run('shared', '--network', 'none');
          await run('sharing', '--network', `container:${other}`);
          return 'sharing';
        },
        'OperationNotPermitted',
        /shares the network of/,
      ],
      [
        'registered already',
        async () => {
          const id = await run('twice', '--network', 'none');
          await register('twice');
          return id.slice(0, 12);
        },
        'Resource.AlreadyAssociated',
        /registered as i-/,
      ],
    ])('%s', async (_what, make, code, says) => {
      const { status, body } = await post({ containerId: await make() });
      expect({ status, ...body.error }).toMatchObject({ status: 400, code, message: expect.stringMatching(says) });
    });
  });
});
