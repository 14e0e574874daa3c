import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { execa } from 'execa';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startAgent } from '../support/agent.js';
import { inside, pings, until } from '../support/traffic.js';
import { buildVpn, CAN_TUNNEL, tunnelProcesses } from '../support/vpn.js';
import { buildWorld, useAgent, type World } from '../support/world.js';

const RANGE = '192.168.0.0/16';
const CORPORATE = '192.168.0.1';

const passes = (log: readonly Record<string, any>[]) => log.filter((line) => line.msg === 'reconcile pass');

async function joined(world: World, peer = RANGE) {
  const groupId = await world.group(`all from ${peer}`);
  const server = await world.instance({ groupIds: [groupId] });
  const vpn = await buildVpn(world, { range: RANGE });
  expect(await pings(vpn.customerGatewayId, server.address)).toBe(true);
  return { ...vpn, office: vpn.customerGatewayId, server };
}

describe.skipIf(!CAN_TUNNEL)('a VPN connection', () => {
  const setup = useAgent(['--resync-seconds', '2', '--log-level', 'debug']);

  /** $V, $C: the gateways; $WV, $WC: the tunnel's devices; $UP: the link of the gateway in the internet. */
  it.each<[what: string, netns: string, argv: string[], withinMs: number]>([
    ['process of the gateway killed', '$V', ['pkill', '-9', '-f', '^wireguard-go $WV$'], 1500],
    ['process of the customer killed', '$C', ['pkill', '-9', '-f', '^wireguard-go $WC$'], 1500],
    ['socket of a process removed', '$V', ['rm', '/var/run/wireguard/$WV.sock'], 1500],
    ['tunnel device deleted', '$V', ['ip', 'link', 'del', '$WV'], 1500],
    ["customer's tunnel device down", '$C', ['ip', 'link', 'set', '$WC', 'down'], 1500],
    ['keys forgotten', '$V', ['wg', 'set', '$WV', 'private-key', '/dev/null'], 4000],
    ['route into the tunnel deleted', '$V', ['ip', 'route', 'del', RANGE], 1500],
    ["customer's route deleted", '$C', ['ip', 'route', 'del', '10.0.0.0/16'], 1500],
    ["customer's address deleted", '$C', ['ip', 'addr', 'del', `${CORPORATE}/32`, 'dev', 'lo'], 1500],
    ['link to the router deleted', '$V', ['ip', 'link', 'del', 'vpc0'], 1500],
    ['link to the internet deleted', '$C', ['ip', 'link', 'del', 'up0'], 1500],
    ['forwarding off', '$V', ['sysctl', '-qw', 'net.ipv4.ip_forward=0'], 4000],
    ['gateway namespace deleted', '$V', ['ip', 'netns', 'del', '$V'], 2000],
    ["customer's namespace deleted", '$C', ['ip', 'netns', 'del', '$C'], 2000],
    ['internet deleted', '$V', ['ip', 'netns', 'del', 'internet'], 2000],
  ])('%s: repaired', async (what, where, argv, withinMs) => {
    const world = await setup.world();
    const { vpnGatewayId, office, vpnConnectionId, server } = await joined(world);
    const digits = vpnConnectionId.slice(4, 16);
    const fill = (text: string) =>
      text.replaceAll('$V', vpnGatewayId).replaceAll('$C', office).replaceAll('$WV', `wgv${digits}`).replaceAll('$WC', `wgc${digits}`);
    const [program = '', ...rest] = argv.map(fill);
    expect((await inside(fill(where), program, ...rest)).exitCode).toBe(0);
    const healed = async () =>
      // The name first: what has lost it goes on working for a while.
      (await inside('internet', 'ip', 'link')).exitCode === 0 &&
      (await pings(server.instanceId, CORPORATE)) &&
      (await pings(office, server.address)) &&
      tunnelProcesses(vpnConnectionId).length === 2;
    await until(healed, withinMs + 1300, `repair after: ${what}`);
  });

  it('leaves alone what its user adds to the corporate network, a host for example', async () => {
    const world = await setup.world();
    const { office, server } = await joined(world);
    const host = 'office-host';
    await execa('ip', ['netns', 'add', host]);
    onTestFinished(() => void execa('ip', ['netns', 'del', host]));
    const ip = (netns: string, ...argv: string[]) => execa('ip', ['-n', netns, ...argv]);
    await ip(office, 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host);
    await ip(office, 'addr', 'add', '192.168.5.1/24', 'dev', 'lan0');
    await ip(office, 'link', 'set', 'lan0', 'up');
    await ip(host, 'addr', 'add', '192.168.5.10/24', 'dev', 'eth0');
    await ip(host, 'link', 'set', 'eth0', 'up');
    await ip(host, 'route', 'add', 'default', 'via', '192.168.5.1');
    expect(await pings(host, server.address)).toBe(true);
    expect(await pings(server.instanceId, '192.168.5.10')).toBe(true);
    const before = world.agent.log.length;
    await until(() => passes(world.agent.log.slice(before)).some(({ full }) => full), 5000, 'full comparison');
    expect(await pings(host, server.address)).toBe(true);
  });
});

describe.skipIf(!CAN_TUNNEL)('restart', () => {
  it('of the daemon: no operation, no lost packet, the same processes; of an emptied host: all as before', async () => {
    const agent = await startAgent({ args: ['--log-level', 'debug', '--allow-reset'] });
    try {
      const { vpnConnectionId, office, server } = await joined(await buildWorld(agent));
      const processes = tunnelProcesses(vpnConnectionId);
      const stream = spawn('ip', ['netns', 'exec', office, 'ping', '-i', '0.01', '-c', '400', '-W', '1', server.address]);
      const ended = once(stream, 'exit');
      let output = '';
      stream.stdout.on('data', (chunk) => {
        output += chunk;
      });
      const before = agent.log.length;
      expect(await agent.stop()).toBe(0);
      await agent.start();
      await ended;
      expect(output).toContain('400 packets transmitted, 400 received, 0% packet loss');
      expect(passes(agent.log.slice(before))[0]).toMatchObject({ full: true, operations: 0, failures: 0 });
      expect(tunnelProcesses(vpnConnectionId)).toEqual(processes);

      await agent.kill();
      for (const netns of readdirSync('/run/netns')) await execa('ip', ['netns', 'del', netns]);
      await agent.start();
      expect(await pings(office, server.address)).toBe(true);
      expect(tunnelProcesses(vpnConnectionId)).toHaveLength(2);
      expect(tunnelProcesses(vpnConnectionId)).not.toEqual(processes);

      await agent.ok('POST', '/v1/reset');
      expect(tunnelProcesses(vpnConnectionId)).toEqual([]);
    } finally {
      await agent.dispose();
    }
  });
});

describe.skipIf(!CAN_TUNNEL)('a host without WireGuard', () => {
  it('has a plain link instead, and says so', async () => {
    // A directory of tools in which wireguard-go is not.
    const tools = await execa('mktemp', ['-d']);
    const found = await execa('bash', [
      '-c',
      'compgen -c | sort -u | while read -r t; do p=$(type -P "$t") && ln -sf "$p" "$0/$t"; done; rm -f "$0/wireguard-go"',
      tools.stdout,
    ]);
    expect(found.exitCode).toBe(0);
    const agent = await startAgent({ env: { PATH: tools.stdout } });
    try {
      const world = await buildWorld(agent);
      const { vpnConnectionId, office, server, connection, addRange, vpnGatewayId } = await joined(world, '0.0.0.0/0');
      expect(tunnelProcesses(vpnConnectionId)).toEqual([]);
      expect(await connection()).toMatchObject({
        tunnel: { kind: 'plain', encrypted: false, status: 'UP', statusMessage: expect.stringContaining('wireguard-go') },
        condition: { realised: true, reason: 'fallback' },
      });
      expect(await pings(server.instanceId, CORPORATE)).toBe(true);
      await inside(office, 'ip', 'addr', 'add', '172.16.0.5/32', 'dev', 'lo');
      expect(await pings(office, server.address, '-I', '172.16.0.5')).toBe(false);
      await addRange('172.16.0.0/16');
      expect(await pings(office, server.address, '-I', '172.16.0.5')).toBe(true);

      // Installed afterwards: the next start of the daemon makes a tunnel of it, a later one without it a link again.
      await agent.stop();
      await execa('ln', ['-s', '/usr/bin/wireguard-go', `${tools.stdout}/wireguard-go`]);
      await agent.start();
      await until(() => pings(office, server.address));
      expect(await connection()).toMatchObject({ tunnel: { kind: 'wireguard', encrypted: true, status: 'UP' } });
      expect((await inside(vpnGatewayId, 'ip', '-o', 'link')).stdout).not.toContain('plv');
      await agent.stop();
      await execa('rm', [`${tools.stdout}/wireguard-go`]);
      await agent.start();
      await until(() => pings(office, server.address));
      expect(tunnelProcesses(vpnConnectionId)).toEqual([]);
    } finally {
      await agent.dispose();
      await execa('rm', ['-r', tools.stdout]);
    }
  });
});

describe.skipIf(!CAN_TUNNEL)('teardown', () => {
  it('ends the processes of tunnels', async () => {
    const agent = await startAgent();
    try {
      const { vpnConnectionId } = await joined(await buildWorld(agent));
      expect(tunnelProcesses(vpnConnectionId)).toHaveLength(2);
      await agent.stop();
      await execa(process.execPath, ['dist/agent/cli/main.js', 'teardown', '--data-dir', agent.dataDir]);
      expect(tunnelProcesses(vpnConnectionId)).toEqual([]);
      expect(readdirSync('/run/netns')).toEqual([]);
    } finally {
      await agent.dispose();
    }
  });
});
