import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { refuseRealDevices, startAgent } from '../support/agent.js';
import { gatewaysOf } from '../support/gateways.js';
import { inside, pings, serve, tcp, until } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

/** The real network of these tests: a namespace at the other end of a pair. Its addresses are none of the lab's. */
const OUTSIDE = 'outside';
const UPLINK = { device: 'uplink0', address: '100.64.0.1' } as const;
const SERVER = '100.64.0.2';
const FORWARDING = `net.ipv4.conf.${UPLINK.device}.forwarding`;
const WITHIN_MS = 8000;

async function host(command: string): Promise<string> {
  const [file = '', ...argv] = command.split(' ');
  return (await execa(file, argv)).stdout;
}

async function makeUplink(): Promise<void> {
  await host(`ip link add ${UPLINK.device} type veth peer name eth0 netns ${OUTSIDE}`);
  await host(`ip addr add ${UPLINK.address}/24 dev ${UPLINK.device}`);
  await host(`ip link set ${UPLINK.device} up`);
  await host(`ip -n ${OUTSIDE} addr add ${SERVER}/24 dev eth0`);
  await host(`ip -n ${OUTSIDE} link set eth0 up`);
  // An outsider that knows the way in.
  for (const range of ['203.0.113.0/24', '198.51.100.0/24', '10.99.0.0/24'])
    await host(`ip -n ${OUTSIDE} route add ${range} via ${UPLINK.address}`);
}

// Before the agents start: they are given the device.
beforeAll(async () => {
  await host(`ip netns add ${OUTSIDE}`);
  await host(`ip -n ${OUTSIDE} link set lo up`);
  await makeUplink();
});

/** An instance with an elastic address, that lets everything in; servers on both sides. */
async function publicInstance(setup: ReturnType<typeof useAgent>) {
  const world = await setup.world();
  const gateways = gatewaysOf(world);
  const igw = await gateways.internetGateway();
  await gateways.routeTable(world.subnetA, ['0.0.0.0/0', igw]);
  const machine = await world.instance({ groupIds: [await world.group('all from any')] });
  const { allocationId, publicIp } = await gateways.elasticIp();
  await gateways.associate(allocationId, { instanceId: machine.instanceId });
  await serve(OUTSIDE, 'tcp:7001');
  await serve(machine.instanceId, 'tcp:7000');
  return { ...world, machine, publicIp, igw };
}

const ownTable = () => execa('nft', ['list', 'table', 'inet', 'enid'], { reject: false });
const defaultRoute = async () => (await inside('internet', 'ip', 'route', 'show', 'default')).stdout;
const internetCondition = async (agent: ReturnType<typeof useAgent>['agent']) =>
  JSON.stringify(
    (await agent.ok('GET', '/v1/conditions')).items.filter((item: any) => JSON.stringify(item).includes(FORWARDING.replaceAll('.', '/'))),
  );

describe('with an uplink', () => {
  const setup = useAgent(['--uplink', UPLINK.device, '--resync-seconds', '1']);

  it('reaches the real network, and is seen with the address of the device', async () => {
    const { machine, publicIp } = await publicInstance(setup);
    expect(await tcp(machine.instanceId, SERVER, 7001)).toBe(UPLINK.address);
    expect(await pings(machine.instanceId, SERVER)).toBe(true);
    expect(await tcp('internet', publicIp, 7000)).toBeDefined();
  });

  it('lets nobody open a connection in: not into the lab, not from the lab to the host, not through the host elsewhere', async () => {
    const { machine, publicIp } = await publicInstance(setup);
    await host('ip netns add elsewhere');
    await host('ip link add else0 type veth peer name eth0 netns elsewhere');
    await host('ip addr add 10.99.0.1/24 dev else0');
    await host('ip link set else0 up');
    await host('ip -n elsewhere addr add 10.99.0.2/24 dev eth0');
    await host('ip -n elsewhere link set eth0 up');
    await host('ip -n elsewhere route add default via 10.99.0.1');
    expect(await pings(OUTSIDE, UPLINK.address)).toBe(true);
    expect(await tcp(OUTSIDE, publicIp, 7000)).toBeUndefined();
    expect(await pings(OUTSIDE, publicIp)).toBe(false);
    expect(await pings(OUTSIDE, '198.51.100.53')).toBe(false);
    for (const address of [UPLINK.address, '198.51.100.1', '10.99.0.1', '10.99.0.2'])
      expect(await pings(machine.instanceId, address)).toBe(false);
    expect(await pings(OUTSIDE, '10.99.0.2')).toBe(false);
    await host('ip link delete else0');
    await host('ip netns delete elsewhere');
  });

  it("keeps the lab's own ranges in", async () => {
    const { machine } = await publicInstance(setup);
    const strays = ['192.0.2.9', '198.51.100.9', '203.0.113.200', '169.254.7.7'];
    for (const address of strays) {
      await host(`ip -n ${OUTSIDE} addr add ${address}/32 dev lo`);
      // Where the host would send it: a route of the host's own must not be what keeps it in.
      await host(`ip route add ${address}/32 via ${SERVER}`);
    }
    for (const address of strays) expect(await pings(machine.instanceId, address)).toBe(false);
    await host(`ip -n ${OUTSIDE} addr add 100.65.0.9/32 dev lo`);
    await host(`ip route add 100.65.0.9/32 via ${SERVER}`);
    expect(await pings(machine.instanceId, '100.65.0.9')).toBe(true);
    for (const address of [...strays, '100.65.0.9']) await host(`ip route delete ${address}/32`);
  });

  it('repairs what somebody took away, and touches no table but its own', async () => {
    const { machine } = await publicInstance(setup);
    await host('nft add table inet others');
    await host('nft add chain inet others keep');
    await host('nft delete table inet enid');
    await until(() => tcp(machine.instanceId, SERVER, 7001).then((seen) => seen === UPLINK.address), WITHIN_MS, 'table repaired');
    await host('nft flush chain inet enid postrouting');
    await until(async () => (await ownTable()).stdout.includes('masquerade'), WITHIN_MS, 'chain repaired');
    await host(`sysctl -qw ${FORWARDING}=0`);
    await until(() => pings(machine.instanceId, SERVER), WITHIN_MS, 'forwarding repaired');
    await inside('internet', 'ip', 'route', 'delete', 'default');
    await until(() => pings(machine.instanceId, SERVER), WITHIN_MS, 'route repaired');
    expect(await host('nft list tables')).toContain('table inet others');
    await host('nft delete table inet others');
  });

  it('is gone with the last internet gateway', async () => {
    const { agent } = await publicInstance(setup);
    expect((await ownTable()).exitCode).toBe(0);
    expect(await host(`sysctl -n ${FORWARDING}`)).toBe('1');
    await host('nft add table inet others');
    await agent.ok('POST', '/v1/reset');
    expect((await ownTable()).exitCode).not.toBe(0);
    expect(await host(`sysctl -n ${FORWARDING}`)).toBe('0');
    expect(await host('sysctl -n net.ipv4.ip_forward')).toBe('0');
    expect(await host('nft list tables')).toBe('table inet others');
    await host('nft delete table inet others');
  });

  it('is gone after a restart without the setting, and back with it', async () => {
    const { agent, machine } = await publicInstance(setup);
    await agent.stop();
    const other = await startAgent({ dataDir: agent.dataDir });
    expect((await ownTable()).exitCode).not.toBe(0);
    expect(await host(`sysctl -n ${FORWARDING}`)).toBe('0');
    expect(await defaultRoute()).toBe('');
    await other.stop();
    await agent.start();
    expect(await tcp(machine.instanceId, SERVER, 7001)).toBe(UPLINK.address);
  });

  it('closed while the device is missing, in words; the rest of the lab works', async () => {
    await host(`ip link delete ${UPLINK.device}`);
    const { agent, machine, publicIp } = await publicInstance(setup);
    expect(await internetCondition(agent)).toContain(`no device ${UPLINK.device}`);
    expect(await defaultRoute()).toBe('');
    expect(await tcp('internet', publicIp, 7000)).toBeDefined();
    await makeUplink();
    await until(() => pings(machine.instanceId, SERVER), 20_000, 'uplink back');
    await until(async () => (await internetCondition(agent)) === '[]', WITHIN_MS, 'no fault any more');
  });
});

describe('without an uplink', () => {
  const setup = useAgent();

  it('nothing leaves, and the host has not one rule or setting more', async () => {
    const { machine, publicIp } = await publicInstance(setup);
    expect(await pings(machine.instanceId, SERVER)).toBe(false);
    expect(await tcp(OUTSIDE, publicIp, 7000)).toBeUndefined();
    expect(await defaultRoute()).toBe('');
    expect(await host('nft list ruleset')).toBe('');
    expect(await host(`sysctl -n ${FORWARDING}`)).toBe('0');
  });
});

it('tests refuse any other device', async () => {
  for (const args of [['--uplink', 'lo'], ['--uplink=eth0']]) await expect(refuseRealDevices({ args })).rejects.toThrow('refused in tests');
  await expect(refuseRealDevices({ env: { ENID_UPLINK: 'eth0' } })).rejects.toThrow('refused in tests');
  await refuseRealDevices({ args: ['--uplink', UPLINK.device] });
});
