import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { diagnose } from '../../agent/host/doctor.js';
import { gatewaysOf } from '../support/gateways.js';
import { GUEST_ROOT, newMachine } from '../support/machine.js';
import { pings, serve, tcp, until } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

/** A host whose own namespace is full of other people's rules and settings. */
const OUTSIDE = 'outside';
const UPLINK = 'uplink0';
const SERVER = '100.64.0.2';

const host = async (...commands: string[]): Promise<void> => {
  for (const command of commands) {
    const [file = '', ...argv] = command.split(' ');
    await execa(file, argv);
  }
};
const findings = async (subject: string) => (await diagnose()).filter((finding) => finding.subject === subject);

// Before the agent starts: it is given the device.
beforeAll(() =>
  host(
    `ip netns add ${OUTSIDE}`,
    `ip link add ${UPLINK} type veth peer name eth0 netns ${OUTSIDE}`,
    `ip addr add 100.64.0.1/24 dev ${UPLINK}`,
    `ip link set ${UPLINK} up`,
    `ip -n ${OUTSIDE} addr add ${SERVER}/24 dev eth0`,
    `ip -n ${OUTSIDE} link set eth0 up`,
  ),
);
const setup = useAgent(['--uplink', UPLINK]);

/** An instance with an elastic address and one beside it, that let everything in. */
async function publicInstance() {
  const world = await setup.world();
  const gateways = gatewaysOf(world);
  await gateways.routeTable(world.subnetA, ['0.0.0.0/0', await gateways.internetGateway()]);
  const groupIds = [await world.group('all from any')];
  const machine = await world.instance({ groupIds });
  const peer = await world.instance({ groupIds });
  const { allocationId, publicIp } = await gateways.elasticIp();
  await gateways.associate(allocationId, { instanceId: machine.instanceId });
  await serve(machine.instanceId, 'tcp:7000');
  return { machine, peer, publicIp };
}

it('what the host drops in its own namespace is no concern of instances, nor of who reaches them from the host', async () => {
  const restore = [
    'iptables -P INPUT ACCEPT',
    'iptables -F INPUT',
    'iptables -P FORWARD ACCEPT',
    'iptables-legacy -P FORWARD ACCEPT',
    'nft delete table inet firewalld',
    'sysctl -qw net.ipv4.conf.all.rp_filter=0',
  ];
  onTestFinished(() => host(...restore));
  await host(
    // Who lets in only what it asked for, as ufw does.
    'iptables -A INPUT -i lo -j ACCEPT',
    'iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    'iptables -P INPUT DROP',
    'iptables -P FORWARD DROP',
    'iptables-legacy -P FORWARD DROP',
    'nft add table inet firewalld',
    'nft add chain inet firewalld filter_FORWARD { type filter hook forward priority filter + 10 ; policy drop ; }',
    'sysctl -qw net.ipv4.ip_forward=0',
    'sysctl -qw net.ipv4.conf.all.rp_filter=1',
  );
  const { machine, peer, publicIp } = await publicInstance();
  expect(await pings(peer.instanceId, machine.address)).toBe(true);
  expect(await tcp(peer.instanceId, machine.address, 7000)).toBe(peer.address);
  expect(await tcp('internet', publicIp, 7000)).toBeDefined();
  expect((await execa('ping', ['-c1', '-W2', publicIp], { reject: false })).exitCode).toBe(0);
  expect(await findings('net.ipv4.conf.all.rp_filter')).toEqual([expect.objectContaining({ level: 'note' })]);
  expect(await findings('firewalld')).toEqual([expect.objectContaining({ level: 'warning' })]);
});

it.skipIf(spawnSync('which', ['dockerd']).status !== 0)(
  "Docker's rules (Debian package docker.io; skipped without it) stop the uplink alone, and eni doctor says how to let it through",
  async () => {
    const { machine, peer, publicIp } = await publicInstance();
    expect(await pings(machine.instanceId, SERVER)).toBe(true);
    await dockerDaemon();
    expect(await pings(peer.instanceId, machine.address)).toBe(true);
    expect(await tcp('internet', publicIp, 7000)).toBeDefined();
    expect((await execa('ping', ['-c1', '-W2', publicIp], { reject: false })).exitCode).toBe(0);
    expect(await pings(machine.instanceId, SERVER)).toBe(false);

    const [problem] = await findings('forwarding on the host');
    expect(problem).toMatchObject({ level: 'problem', message: `Docker's rules drop what the lab sends by the uplink ${UPLINK}` });
    await host(...(problem?.remedy ?? '').split('; '));
    expect(await pings(machine.instanceId, SERVER)).toBe(true);
    expect(await findings('forwarding on the host')).toEqual([expect.objectContaining({ level: 'ok' })]);
    expect(await pings(OUTSIDE, publicIp)).toBe(false);
  },
);

/** A daemon in this namespace, with files of its own; ends with the test. Resolves when its rules are there. */
async function dockerDaemon(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'enid-dockerd-'));
  const files = ['--data-root', 'root', '--exec-root', 'exec', '--pidfile', 'pid'].map((each, i) => (i % 2 ? join(directory, each) : each));
  const daemon = spawn('dockerd', [...files, '--host', `unix://${directory}/docker.sock`], { stdio: 'ignore' });
  onTestFinished(async () => {
    daemon.kill();
    if (daemon.exitCode === null && daemon.signalCode === null) await once(daemon, 'exit');
    await execa('umount', ['--recursive', '--lazy', directory], { reject: false });
    rmSync(directory, { recursive: true, force: true });
  });
  const rules = async () => (await execa('iptables', ['-S'], { reject: false })).stdout;
  await until(
    async () => /-P FORWARD DROP/.test(await rules()) && (await rules()).includes('-A FORWARD -j DOCKER-USER'),
    60_000,
    "Docker's rules",
  );
}

it('who configures devices is named, with how to tell it to leave ours alone until it has been told', async () => {
  mkdirSync('/run/systemd', { recursive: true });
  await execa('mount', ['-t', 'tmpfs', 'none', '/run/systemd']);
  onTestFinished(() => host('umount /run/systemd'));
  mkdirSync('/run/systemd/netif');
  expect(await findings('systemd-networkd')).toEqual([expect.objectContaining({ level: 'warning' })]);
  mkdirSync('/run/systemd/network');
  await host('cp packaging/systemd/network/10-enid.network /run/systemd/network');
  expect(await findings('systemd-networkd')).toEqual([
    expect.objectContaining({ level: 'note', message: "runs, and leaves enid's devices alone" }),
  ]);
  writeFileSync('/run/systemd/network/10-enid.network', '# enid-*\n');
  expect(await findings('systemd-networkd')).toEqual([expect.objectContaining({ level: 'warning' })]);
});

/** With a read-only /sys it takes devices without udev's word, as in a container. */
const NETWORKD = `
  set -eu
  mount -o remount,ro /sys
  ip link add enid-internet type veth peer name other0
  ip addr add 198.51.100.1/24 dev enid-internet
  ip link set enid-internet up
  ip link set other0 up
  mkdir -p /run/systemd/netif/links
  chown -R systemd-network: /run/systemd/netif
  /lib/systemd/systemd-networkd & manager=$!
  state() { grep -o 'ADMIN_STATE=.*' "/run/systemd/netif/links/$(cat "/sys/class/net/$1/ifindex")" 2>/dev/null || true; }
  tries=300
  until [ -n "$(state enid-internet)" ] && [ "$(state other0)" = ADMIN_STATE=configured ]; do
    tries=$((tries - 1)); [ $tries -gt 0 ] || break
    sleep 0.1
  done
  echo "ours: $(state enid-internet), other: $(state other0)"
  ip -4 -brief addr show dev enid-internet
  kill $manager
  wait $manager || true`;

it.skipIf(!GUEST_ROOT)('a systemd-networkd that wants every device leaves ours alone by the file that comes with the package', async () => {
  const machine = await newMachine();
  const wantsAll = '[Match]\nName=*\n[Network]\nAddress=10.9.9.9/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n';
  writeFileSync(join(machine.root, 'etc/systemd/network/50-all.network'), wantsAll);
  const before = await machine.run(NETWORKD);
  expect(before.all).toContain('ours: ADMIN_STATE=configured');
  cpSync('packaging/systemd/network', join(machine.root, 'usr/lib/systemd/network'), { recursive: true });
  const { all } = await machine.run(NETWORKD);
  expect(all).toContain('ours: ADMIN_STATE=unmanaged, other: ADMIN_STATE=configured');
  expect(all).toMatch(/enid-internet@\S+ +UP +198\.51\.100\.1\/24 *$/m);
});

const NETWORK_MANAGER = `
  set -eu
  ip link add enid-internet type veth peer name other0
  ip addr add 198.51.100.1/24 dev enid-internet
  ip link set enid-internet up
  ip link set other0 up
  rm -rf /run/dbus /run/NetworkManager
  mkdir -p /run/dbus
  mount -o remount,ro /sys
  dbus-daemon --system --fork --print-pid >/run/dbus-pid
  NetworkManager --no-daemon >/dev/null 2>&1 & manager=$!
  state() { nmcli --get-values GENERAL.STATE device show "$1" 2>/dev/null || true; }
  managed() { case "$(state "$1")" in [1-9][0-9]*) [ "$(state "$1" | cut -d' ' -f1)" -gt 20 ] ;; *) false ;; esac }
  tries=300
  until managed other0; do tries=$((tries - 1)); [ $tries -gt 0 ] || break; sleep 0.1; done
  managed other0 && echo 'other: managed'
  managed enid-internet && echo 'ours: managed' || echo "ours: $(state enid-internet)"
  kill $manager $(cat /run/dbus-pid)
  wait $manager || true`;

it.skipIf(!GUEST_ROOT)('a NetworkManager with a list of its own leaves ours alone by the file that comes with the package', async () => {
  const machine = await newMachine();
  const list = '[keyfile]\nunmanaged-devices=interface-name:somebody-elses\n';
  writeFileSync(join(machine.root, 'etc/NetworkManager/conf.d/10-own.conf'), list);
  const before = await machine.run(NETWORK_MANAGER);
  expect(before.all).toMatch(/other: managed\nours: managed/);
  cpSync('packaging/NetworkManager/conf.d', join(machine.root, 'usr/lib/NetworkManager/conf.d'), { recursive: true });
  const { all } = await machine.run(NETWORK_MANAGER);
  expect(all).toMatch(/other: managed\nours: 10 \(unmanaged\)/);
});
