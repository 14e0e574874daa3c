import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inside, pings, serve, tcp, until } from '../support/traffic.js';
import { buildVpn, CAN_TUNNEL, tunnelProcesses } from '../support/vpn.js';
import { useAgent } from '../support/world.js';

const RANGE = '192.168.0.0/16';
/** The customer's own address in it. */
const CORPORATE = '192.168.0.1';
/** A server that says how much it was sent on its first connection. */
const SINK = `let n = 0; require('node:net').createServer((s) => s.on('data', (d) => { n += d.length; })
  .on('end', () => { console.log(n); process.exit(); })).listen(9000)`;
/** Filter of captures. */
const FRAGMENTS = '(ip[6:2] & 0x3fff) != 0';

describe.skipIf(!CAN_TUNNEL)('a VPN connection', () => {
  const setup = useAgent();

  it('joins a VPC and a corporate network in both directions while it is there', async () => {
    const world = await setup.world();
    const { vpcId, agent } = world;
    const groupId = await world.group('all from 192.168.0.0/16');
    const server = await world.instance({ groupIds: [groupId] });
    expect(await pings(server.instanceId, CORPORATE)).toBe(false);

    const vpn = await buildVpn(world, { range: RANGE });
    const { customerGatewayId: office, vpnGatewayId, vpnConnectionId } = vpn;
    expect(await vpn.connection()).toMatchObject({ tunnel: { kind: 'wireguard', encrypted: true, status: 'UP', mtu: 1420 } });
    expect(await pings(server.instanceId, CORPORATE)).toBe(true);
    expect(await pings(office, server.address)).toBe(true);
    await serve(server.instanceId, 'tcp:80');
    await serve(office, 'tcp:80');
    expect(await tcp(office, server.address, 80)).toBe(CORPORATE);
    expect(await tcp(server.instanceId, CORPORATE, 80)).toBe(server.address);

    expect(tunnelProcesses(vpnConnectionId)).toHaveLength(2);
    await agent.ok('POST', `/v1/vpn-gateways/${vpnGatewayId}/detach`, {});
    expect(await pings(server.instanceId, CORPORATE)).toBe(false);
    expect(tunnelProcesses(vpnConnectionId)).toEqual([]);
    for (const netns of [office, vpnGatewayId]) expect(existsSync(`/run/netns/${netns}`)).toBe(false);
    expect((await inside(vpcId, 'ip', 'link')).stdout).not.toContain('vgw0');

    await agent.ok('POST', `/v1/vpn-gateways/${vpnGatewayId}/attach`, { vpcId });
    await vpn.propagate('on');
    expect(await pings(office, server.address)).toBe(true);

    await agent.ok('DELETE', `/v1/vpn-connections/${vpnConnectionId}`);
    expect(await pings(server.instanceId, CORPORATE)).toBe(false);
    expect(tunnelProcesses(vpnConnectionId)).toEqual([]);
    for (const netns of [office, 'internet']) expect(existsSync(`/run/netns/${netns}`)).toBe(false);
    // The kernel takes a tun away in its own time after its process.
    const devices = async () => (await inside(vpnGatewayId, 'ip', '-o', 'link')).stdout.split('\n').length;
    await until(async () => (await devices()) === 2, 5000, 'the gateway without the tunnel');
  });

  it('is used by the routes that lead to its gateway: propagated, static, or none', async () => {
    const world = await setup.world();
    const groupId = await world.group('all from 192.168.0.0/16');
    const server = await world.instance({ groupIds: [groupId] });
    const vpn = await buildVpn(world);
    const { mainTableId, vpnGatewayId, customerGatewayId: office } = vpn;
    const routes = async () => (await world.agent.ok('GET', `/v1/route-tables/${mainTableId}`)).routes;
    const reaches = () => pings(server.instanceId, CORPORATE);
    await vpn.addRange(RANGE);
    expect(await reaches()).toBe(false);
    await vpn.propagate('on');
    expect(await reaches()).toBe(true);
    expect(await routes()).toContainEqual(
      expect.objectContaining({ destination: RANGE, origin: 'EnableVgwRoutePropagation', state: 'active' }),
    );
    await vpn.removeRange(RANGE);
    expect(await reaches()).toBe(false);
    await vpn.addRange(RANGE);
    expect(await reaches()).toBe(true);
    await vpn.propagate('off');
    expect(await reaches()).toBe(false);
    expect(await pings(office, server.address)).toBe(false);
    await world.agent.ok('POST', `/v1/route-tables/${mainTableId}/routes`, { destination: RANGE, gatewayId: vpnGatewayId });
    expect(await reaches()).toBe(true);
    expect(await pings(office, server.address)).toBe(true);
    await world.agent.ok('DELETE', `/v1/route-tables/${mainTableId}/routes`, { destination: RANGE });
    expect(await reaches()).toBe(false);
  });

  it('passes what security groups let pass, in and out', async () => {
    const world = await setup.world();
    const groupId = await world.group('tcp/22 from 192.168.0.0/16');
    const server = await world.instance({ groupIds: [groupId] });
    const { customerGatewayId: office } = await buildVpn(world, { range: RANGE });
    await serve(server.instanceId, 'tcp:22', 'tcp:80');
    const rules = `/v1/security-groups/${groupId}/rules`;
    const port80 = { direction: 'ingress', rules: [{ protocol: 'tcp', fromPort: 80, toPort: 80, peer: { cidr: '192.168.0.1/32' } }] };
    expect([await tcp(office, server.address, 22), await tcp(office, server.address, 80)]).toEqual([CORPORATE, undefined]);
    await world.agent.ok('POST', rules, port80);
    expect(await tcp(office, server.address, 80)).toBe(CORPORATE);
    await world.agent.ok('DELETE', rules, port80);
    expect(await tcp(office, server.address, 80)).toBeUndefined();

    expect(await pings(server.instanceId, CORPORATE)).toBe(true);
    const { rules: all } = await world.agent.ok('GET', `/v1/security-groups/${groupId}`);
    const ruleIds = all.filter((rule: any) => rule.direction === 'egress').map((rule: any) => rule.ruleId);
    await world.agent.ok('DELETE', rules, { ruleIds });
    expect(await pings(server.instanceId, CORPORATE)).toBe(false);
  });

  it('takes nothing from ranges that are not behind the customer, nor from the VPC itself', async () => {
    const world = await setup.world();
    const groupId = await world.group('all from 0.0.0.0/0');
    const server = await world.instance({ groupIds: [groupId] });
    const { customerGatewayId: office, mainTableId, vpnGatewayId } = await buildVpn(world, { range: RANGE });
    for (const destination of ['172.16.0.0/16'])
      await world.agent.ok('POST', `/v1/route-tables/${mainTableId}/routes`, { destination, gatewayId: vpnGatewayId });
    for (const address of ['172.16.0.5', '10.0.1.77', '192.168.7.7'])
      await inside(office, 'ip', 'addr', 'add', `${address}/32`, 'dev', 'lo');
    expect(await pings(office, server.address, '-I', '192.168.7.7')).toBe(true);
    for (const foreign of ['172.16.0.5', '10.0.1.77']) expect(await pings(office, server.address, '-I', foreign)).toBe(false);
  });

  it('is encrypted on its way through the internet', async () => {
    const world = await setup.world();
    const groupId = await world.group('all from 192.168.0.0/16');
    const server = await world.instance({ groupIds: [groupId] });
    const { customerGatewayId: office, vpnGatewayId } = await buildVpn(world, { range: RANGE });
    const secret = 'feedc0de0ddba11f';
    const [inTunnel, outside] = await Promise.all([capture(vpnGatewayId, 'vpc0'), capture('internet', 'any')]);
    expect(await pings(office, server.address, '-p', secret, '-s', '400')).toBe(true);
    const [plain, encrypted] = [await inTunnel(secret), await outside('192.0.2.10')];
    // The capture finds the pattern where packets are plain, so that its absence means something.
    expect(plain).toContain(secret);
    expect(plain).toContain(`${server.address}: ICMP echo request`);
    expect(encrypted).not.toContain(secret);
    expect(encrypted).not.toMatch(/ICMP|10\.0\.1\.|192\.168\./);
    expect(encrypted).toMatch(/192\.0\.2\.10\.4\d{4} > 203\.0\.113\.\d+\.4\d{4}: UDP/);
    expect(encrypted).toMatch(/203\.0\.113\.\d+\.4\d{4} > 192\.0\.2\.10\.4\d{4}: UDP/);
  });

  it('tells senders of large packets its MTU, so that whole streams pass without fragments', async () => {
    const world = await setup.world();
    const groupId = await world.group('all from 192.168.0.0/16');
    const server = await world.instance({ groupIds: [groupId] });
    const { customerGatewayId: office } = await buildVpn(world, { range: RANGE });
    const outside = await capture('internet', 'any', FRAGMENTS);
    const big = await inside(server.instanceId, 'ping', '-c', '2', '-i', '0.2', '-W', '1', '-M', 'do', '-s', '1472', CORPORATE);
    expect(big.stdout + big.stderr).toMatch(/mtu ?= ?1420/);
    expect(await pings(server.instanceId, CORPORATE, '-M', 'do', '-s', '1392')).toBe(true);
    for (const [from, to, address] of [
      [server.instanceId, office, CORPORATE],
      [office, server.instanceId, server.address],
    ] as const) {
      const megabyte = 1_000_000;
      const sink = spawn('ip', ['netns', 'exec', to, 'setpriv', '--pdeathsig', 'KILL', process.execPath, '-e', SINK]);
      onTestFinished(() => void sink.kill('SIGKILL'));
      let received = '';
      sink.stdout.on('data', (chunk) => {
        received += chunk;
      });
      const ended = once(sink, 'exit');
      await until(async () => (await inside(to, 'ss', '-Hltn', 'sport = :9000')).stdout !== '');
      await inside(from, 'bash', '-c', `head -c ${megabyte} /dev/zero > /dev/tcp/${address}/9000`);
      await ended;
      expect(Number(received)).toBe(megabyte);
    }
    expect(await outside('')).toBe('');
    // A fragment would have been seen.
    const again = await capture('internet', 'any', FRAGMENTS);
    await inside(office, 'ping', '-c', '1', '-W', '1', '-s', '3000', '198.51.100.80');
    expect(await again('192.0.2.10')).toMatch(/192\.0\.2\.10 > 198\.51\.100\.80/);
  });
});

/** Starts a capture; the returned function waits until it holds `marker` and ends it. */
async function capture(netns: string, device: string, filter = 'ip'): Promise<(marker: string) => Promise<string>> {
  const argv = [
    'netns',
    'exec',
    netns,
    'setpriv',
    '--pdeathsig',
    'KILL',
    'tcpdump',
    '-U',
    '-n',
    '-l',
    '-x',
    '-i',
    device,
    ...filter.split(' ').filter(Boolean),
  ];
  const child = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += String(chunk);
  });
  await new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk) => {
      if (String(chunk).includes('listening on')) resolve();
    });
  });
  // Hex in one piece, for patterns to be found across lines and pairs of bytes.
  const joined = () => `${text}\n${text.replace(/\n\s+0x[0-9a-f]+:\s+/g, '').replace(/(?<=[0-9a-f]{4}) (?=[0-9a-f]{2,4}\b)/g, '')}`;
  return async (marker) => {
    await until(() => joined().includes(marker), 3000, `${marker} in a capture on ${device}`);
    child.kill('SIGINT');
    await once(child, 'exit');
    return text.trim() === '' ? '' : joined();
  };
}
