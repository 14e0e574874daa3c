import { randomBytes } from 'node:crypto';
import { execaSync } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KernelObject, keyOf } from '../../agent/kernel/port.js';
import { SYSCTLS, TUNNEL, tunnelName } from '../../agent/kernel/resources.js';
import { endWireguard, readWireguard } from '../../agent/kernel/wireguard.js';
import { tunnelKeys } from '../../agent/vpn/keys.js';
import { differences, inNetns, ip, pings, realise, testKernel } from '../support/kernel.js';
import { CAN_TUNNEL } from '../support/vpn.js';

/** Two ends and a cable between them: the kernel layer's part of a tunnel, without planner and daemon. */

const digits = randomBytes(9).toString('hex').slice(0, 17);
const V = `vgw-${digits}`;
const C = `cgw-${digits}`;
const NEAR = tunnelName('wg', 'v', `vpn-${digits}`);
const FAR = tunnelName('wg', 'c', `vpn-${digits}`);
const keys = { near: tunnelKeys(randomBytes(32).toString('hex')), far: tunnelKeys(randomBytes(32).toString('hex')) };

const namespace = (netns: string): KernelObject[] => [
  { kind: 'netns', netns },
  ...Object.entries(SYSCTLS.gateway).map(([path, value]): KernelObject => ({ kind: 'sysctl', netns, path, value })),
];

type Wireguard = Extract<KernelObject, { kind: 'wireguard' }>;
const wireguard = (netns: string, device: string, allowedIps: readonly string[]): Wireguard => {
  const [own, other] = netns === V ? [keys.near, keys.far] : [keys.far, keys.near];
  return {
    kind: 'wireguard',
    netns,
    device,
    privateKey: own.privateKey,
    listenPort: TUNNEL.firstPort,
    peer: {
      publicKey: other.publicKey,
      endpoint: `192.0.2.${netns === V ? 2 : 1}:${TUNNEL.firstPort}`,
      keepaliveSeconds: 10,
      allowedIps,
    },
  };
};

const cable: KernelObject = {
  kind: 'veth',
  netns: V,
  name: 'plv000000000001',
  alias: 'cable',
  mac: '02:00:00:00:00:01',
  group: 0,
  rpFilter: 0,
  ipv6: true,
  mtu: 1500,
  peer: { netns: C, name: 'plc000000000001', mac: '02:00:00:00:00:02' },
};

const world = (allowedIps: readonly string[] = ['169.254.32.2/32', '192.168.0.0/16']): KernelObject[] => [
  ...namespace(V),
  ...namespace(C),
  cable,
  { kind: 'address', netns: V, device: 'plv000000000001', address: '192.0.2.1/24' },
  { kind: 'address', netns: C, device: 'plc000000000001', address: '192.0.2.2/24' },
  { kind: 'address', netns: C, device: 'lo', address: '192.168.0.1/32' },
  { kind: 'address', netns: C, device: 'lo', address: '172.16.0.1/32' },
  { kind: 'tun', netns: V, name: NEAR, mtu: TUNNEL.mtu },
  { kind: 'tun', netns: C, name: FAR, mtu: TUNNEL.mtu },
  { kind: 'address', netns: V, device: NEAR, address: '169.254.32.1/30' },
  { kind: 'address', netns: C, device: FAR, address: '169.254.32.2/30' },
  { kind: 'route', netns: V, table: 254, destination: '192.168.0.0/16', type: 'unicast', device: NEAR },
  { kind: 'route', netns: V, table: 254, destination: '172.16.0.0/16', type: 'unicast', device: NEAR },
  wireguard(V, NEAR, allowedIps),
  wireguard(C, FAR, ['169.254.32.1/32']),
];

const kernel = testKernel();
const work = async () => (await differences(kernel, world())).map(({ verb, object }) => `${verb} ${keyOf(object)}`);
/** Whether the process's own number is another after some work. */
const pidsOf = (device: string): string => execaSync('pgrep', ['-f', `^wireguard-go ${device}$`], { reject: false }).stdout;

beforeAll(async () => {
  if (CAN_TUNNEL) await realise(kernel, world());
});
afterAll(async () => {
  kernel.close();
  // Processes would outlive the test's namespaces.
  for (const device of [NEAR, FAR]) await endWireguard(device);
});

describe.skipIf(!CAN_TUNNEL)('a tunnel', () => {
  it('carries packets of its MTU, whole, and is then as planned', async () => {
    expect(pings(V, '192.168.0.1')).toBe(true);
    expect(inNetns(V, 'ping', '-c1', '-W1', '-M', 'do', '-s', String(TUNNEL.mtu - 28), '169.254.32.2').exitCode).toBe(0);
    expect(inNetns(V, 'ping', '-c1', '-W1', '-M', 'do', '-s', String(TUNNEL.mtu - 27), '169.254.32.2').stderr).toContain(
      'message too long',
    );
    expect(await work()).toEqual([]);
  });

  it('takes and sends what its settings allow, and learns more without a new session', async () => {
    expect(pings(V, '172.16.0.1')).toBe(false);
    const wider = ['169.254.32.2/32', '172.16.0.0/16', '192.168.0.0/16'];
    const before = pidsOf(NEAR);
    await realise(kernel, world(wider));
    expect(pings(V, '172.16.0.1')).toBe(true);
    expect((await readWireguard(NEAR))?.peer.allowedIps).toEqual(wider);
    await realise(kernel, world());
    expect(pings(V, '172.16.0.1')).toBe(false);
    expect(pings(V, '192.168.0.1')).toBe(true);
    expect(pidsOf(NEAR)).toBe(before);
  });

  it('is watched: the end of its process is a change', async () => {
    const changed = new Promise<string>((resolve) => kernel.watch(resolve));
    execaSync('kill', ['-9', pidsOf(NEAR)]);
    expect(await changed).toBe(V);
    expect(await work()).toEqual([`create wireguard ${V} ${NEAR}`]);
    await realise(kernel, world());
    expect(pings(V, '192.168.0.1')).toBe(true);
    expect(await work()).toEqual([]);
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ['device down', ['ip', 'link', 'set', NEAR, 'down'], [`update tun ${V} ${NEAR}`]],
    ['another MTU', ['ip', 'link', 'set', NEAR, 'mtu', '1500'], [`update tun ${V} ${NEAR}`]],
    ['sources not checked', ['sysctl', '-qw', `net.ipv4.conf.${NEAR}.rp_filter=0`], [`update tun ${V} ${NEAR}`]],
    ['device deleted', ['ip', 'link', 'del', NEAR], [`create tun ${V} ${NEAR}`, `create wireguard ${V} ${NEAR}`]],
    ['socket deleted', ['rm', `/var/run/wireguard/${NEAR}.sock`], [`create wireguard ${V} ${NEAR}`]],
  ])('%s is seen and repaired', async (_name, argv, expected) => {
    inNetns(V, ...argv);
    await expect.poll(work).toEqual(expect.arrayContaining([...expected]));
    for (const _pass of [1, 2]) await realise(kernel, world());
    expect(await work()).toEqual([]);
    expect(pings(V, '192.168.0.1')).toBe(true);
  });

  it('is made again in a namespace that was lost, and the process in the lost one ends', async () => {
    const before = pidsOf(FAR);
    expect(before).not.toBe('');
    execaSync('ip', ['netns', 'del', C]);
    for (const _pass of [1, 2]) await realise(kernel, world());
    expect(pings(V, '192.168.0.1')).toBe(true);
    expect(pidsOf(FAR)).toMatch(/^\d+$/);
    expect(pidsOf(FAR)).not.toBe(before);
  });

  it('takes its processes with it', async () => {
    const rest = world().filter(
      ({ kind, ...object }) => !('device' in object && object.device === NEAR) && kind !== 'wireguard' && kind !== 'tun',
    );
    await realise(
      kernel,
      rest.filter((object) => !('device' in object && object.device === FAR)),
    );
    expect(pidsOf(NEAR)).toBe('');
    expect(pidsOf(FAR)).toBe('');
    expect(ip(V, 'link')).not.toContain(NEAR);
    expect(await readWireguard(NEAR)).toBeUndefined();
  });
});
