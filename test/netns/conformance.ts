import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { inside, openConnection, pings, serve, tcp, udp, until } from '../support/traffic.js';
import { type Machine, rule, useAgent } from '../support/world.js';

/**
 * What an attached interface does, whatever driver makes it. In each test subnet A is one of the driver, subnet B one of veth pairs. Where
 * drivers differ, the difference is a field here and a row in docs/macvlan.md.
 */
export interface Driver {
  readonly name: string;
  /** Of subnet A. */
  readonly subnet: Record<string, unknown>;
  /** Routers between two interfaces of the subnet: 1, or 0 where they talk directly. */
  readonly hopsWithinSubnet: 0 | 1;
  /** Packets that a move may cost of a stream of one per 10 ms. */
  readonly lostInMove: number;
  /** Prefix length of IPv6 addresses. */
  readonly ipv6PrefixLength: 128 | 64;
  /** What a drift is repaired of, and how long that may take; only with a notification of it. */
  readonly enforcement: { readonly securityGroups: string; readonly sourceDestCheck: string };
  /** Takes the groups of an instance's eth0 away, where root can. */
  readonly disarm: (instanceId: string, vpcId: string) => Promise<unknown>;
}

const FOREIGN = '198.51.100.7';
const TTL = 64;

export function conformance(driver: Driver): void {
  describe(`driver ${driver.name}`, () => {
    const setup = useAgent(['--resync-seconds', '2', '--log-level', 'debug']);
    const world = (vpc?: Record<string, unknown>) => setup.world(vpc, driver.subnet);
    const path = (machine: Machine) => `/v1/network-interfaces/${machine.eni.networkInterfaceId}`;
    const counters = (machine: Machine) => setup.agent.ok('GET', `${path(machine)}/counters`);
    const modify = (machine: Machine, change: Record<string, unknown>) => setup.agent.ok('PATCH', path(machine), change);
    const link = async (netns: string, device: string) =>
      JSON.parse((await inside(netns, 'ip', '-j', 'addr', 'show', 'dev', device)).stdout || '[{}]')[0];

    it('identity: MAC, address, MTU and way out are the interface’s; peers, other subnets, the router and what it serves answer', async () => {
      const { instance, subnetA, subnetB, group } = await world();
      const open = await group('all from any');
      const [a, b, c] = [
        await instance({ groupIds: [open] }),
        await instance({ groupIds: [open] }),
        await instance({ subnetId: subnetB, groupIds: [open] }),
      ];
      const eth0 = await link(a.instanceId, 'eth0');
      expect(eth0).toMatchObject({ address: a.eni.macAddress, mtu: 1500, operstate: 'UP' });
      expect(eth0.addr_info[0]).toMatchObject({ local: a.address, prefixlen: 24 });
      expect((await inside(a.instanceId, 'ip', 'route', 'show', 'default')).stdout).toContain('via 10.0.1.1 dev eth0');
      const { stdout } = await inside(a.instanceId, 'ping', '-c1', '-W1', b.address);
      expect(stdout).toContain(`ttl=${TTL - driver.hopsWithinSubnet}`);
      for (const address of ['10.0.1.1', '10.0.2.1', c.address]) expect(await pings(a.instanceId, address)).toBe(true);
      expect(await pings(c.instanceId, a.address)).toBe(true);
      await serve(b.instanceId, 'tcp:80', 'udp:53');
      for (const client of [a, c]) {
        expect(await tcp(client.instanceId, b.address, 80)).toBe(client.address);
        expect(await udp(client.instanceId, b.address, 53)).toBe(true);
      }
      const url = 'http://169.254.169.254/latest/meta-data/mac';
      expect((await inside(a.instanceId, 'curl', '-s', '-m', '2', url)).stdout).toBe(a.eni.macAddress);
      const subnet = await setup.agent.ok('GET', `/v1/subnets/${subnetA}`);
      expect(subnet).toMatchObject({ driver: driver.name, enforcement: driver.enforcement });
    });

    it('groups, ingress: what no rule names is dropped and counted; a rule opens at once; a reference names the members of a group', async () => {
      const { agent, instance, group } = await world();
      const clients = await group();
      const servers = await group(`tcp/80 from ${clients}`, 'icmp from self');
      const [server, client, stranger] = [
        await instance({ groupIds: [servers] }),
        await instance({ groupIds: [clients] }),
        await instance({ groupIds: [servers] }),
      ];
      await serve(server.instanceId, 'tcp:80', 'tcp:81');
      expect(await tcp(client.instanceId, server.address, 80)).toBe(client.address);
      expect(await tcp(stranger.instanceId, server.address, 80)).toBeUndefined();
      expect(await pings(stranger.instanceId, server.address)).toBe(true);
      expect(await pings(client.instanceId, server.address)).toBe(false);
      expect(await tcp(client.instanceId, server.address, 81)).toBeUndefined();
      expect((await counters(server)).ingressGroupDrops).toBeGreaterThan(0);
      expect((await counters(client)).ingressGroupDrops).toBe(0);
      await agent.ok('POST', `/v1/security-groups/${servers}/rules`, {
        direction: 'ingress',
        rules: [rule(`tcp/81 from ${client.address}/32`)],
      });
      expect(await tcp(client.instanceId, server.address, 81)).toBe(client.address);
      // Membership: the stranger becomes a client.
      await modify(stranger, { groupIds: [servers, clients] });
      expect(await tcp(stranger.instanceId, server.address, 80)).toBe(stranger.address);
      await modify(stranger, { groupIds: [servers] });
      expect(await tcp(stranger.instanceId, server.address, 80)).toBeUndefined();
    });

    it('groups, egress: only what rules name leaves, answers always do; a connection outlives the rule that let it in', async () => {
      const { agent, instance, group, vpcId } = await world();
      const open = await group('all from any');
      const prefixList = await agent.ok('POST', '/v1/prefix-lists', {
        name: 'peers',
        family: 4,
        maxEntries: 5,
        entries: [{ cidr: '10.0.1.0/24' }, { cidr: '10.0.1.128/25' }],
      });
      const { groupId: closed } = await agent.ok('POST', '/v1/security-groups', { vpcId, groupName: 'closed', description: 'no egress' });
      const revoke = (direction: string, ...rules: string[]) =>
        agent.ok('DELETE', `/v1/security-groups/${closed}/rules`, { direction, rules: rules.map(rule) });
      await revoke('egress', 'all to any');
      await agent.ok('POST', `/v1/security-groups/${closed}/rules`, {
        direction: 'ingress',
        rules: [rule(`tcp/80 from ${prefixList.prefixListId}`)],
      });
      const [inner, peer] = [await instance({ groupIds: [closed] }), await instance({ groupIds: [open] })];
      await serve(inner.instanceId, 'tcp:80');
      await serve(peer.instanceId, 'tcp:90');
      expect(await tcp(inner.instanceId, peer.address, 90)).toBeUndefined();
      expect((await counters(inner)).egressGroupDrops).toBeGreaterThan(0);
      expect(await tcp(peer.instanceId, inner.address, 80)).toBe(peer.address);
      const connection = await openConnection(peer.instanceId, inner.address, 80);
      expect(await connection.answers()).toBe(true);
      await revoke('ingress', `tcp/80 from ${prefixList.prefixListId}`);
      expect(await connection.answers()).toBe(true);
      expect(await tcp(peer.instanceId, inner.address, 80)).toBeUndefined();
      await agent.ok('POST', `/v1/security-groups/${closed}/rules`, { direction: 'egress', rules: [rule(`tcp/90 to ${peer.address}/32`)] });
      expect(await tcp(inner.instanceId, peer.address, 90)).toBe(inner.address);
    });

    it('source and destination check: foreign addresses are dropped and counted, pass with the check off, are dropped again', async () => {
      const { agent, instance, group, vpcId } = await world();
      const open = await group('all from any');
      const [sender, receiver] = [await instance({ groupIds: [open] }), await instance({ groupIds: [open] })];
      await inside(sender.instanceId, 'ip', 'addr', 'add', `${FOREIGN}/32`, 'dev', 'lo');
      await serve(sender.instanceId, 'tcp:80');
      const { routeTableId } = (await agent.ok('GET', `/v1/route-tables?filter=vpc-id:${vpcId}`)).items[0];
      await agent.ok('POST', `/v1/route-tables/${routeTableId}/routes`, {
        destination: `${FOREIGN}/32`,
        networkInterfaceId: sender.eni.networkInterfaceId,
      });
      const spoofed = () => pings(sender.instanceId, receiver.address, '-I', FOREIGN);
      expect(await pings(sender.instanceId, receiver.address)).toBe(true);
      expect(await spoofed()).toBe(false);
      expect((await counters(sender)).sourceCheckDrops).toBe(1);
      expect(await tcp(receiver.instanceId, FOREIGN, 80)).toBeUndefined();
      expect((await counters(sender)).destinationCheckDrops).toBeGreaterThan(0);
      await modify(sender, { sourceDestCheck: false });
      expect(await spoofed()).toBe(true);
      expect(await tcp(receiver.instanceId, FOREIGN, 80)).toBe(receiver.address);
      await modify(sender, { sourceDestCheck: true });
      expect(await spoofed()).toBe(false);
      expect((await counters(receiver)).sourceCheckDrops).toBe(0);
    });

    it('secondary addresses, IPv6: they come and go while the interface is attached', async () => {
      const { agent, instance, group, vpcId } = await setup.world({ ipv6: true }, { ...driver.subnet, ipv6: true });
      const open = await group('all from any');
      await agent.ok('POST', `/v1/security-groups/${open}/rules`, {
        direction: 'ingress',
        rules: [{ protocol: '-1', peer: { cidr6: '::/0' } }],
      });
      const [a, b] = [await instance({ groupIds: [open], ipv6AddressCount: 1 }), await instance({ groupIds: [open], ipv6AddressCount: 1 })];
      const [aAddress, bAddress] = [a.eni.ipv6Addresses[0], b.eni.ipv6Addresses[0]];
      expect((await link(a.instanceId, 'eth0')).addr_info).toContainEqual(
        expect.objectContaining({ local: aAddress, prefixlen: driver.ipv6PrefixLength }),
      );
      await until(() => pings(a.instanceId, bAddress), 10_000, 'IPv6 between peers');
      expect((await agent.ok('GET', `/v1/vpcs/${vpcId}`)).condition.realised).toBe(true);
      const extra = '10.0.1.77';
      expect(await pings(b.instanceId, extra)).toBe(false);
      await agent.ok('POST', `${path(a)}/assign-private-ip-addresses`, { privateIpAddresses: [extra] });
      await until(() => pings(b.instanceId, extra), 5000, 'the secondary address answers');
      expect(await pings(a.instanceId, b.address, '-I', extra)).toBe(true);
      await agent.ok('POST', `${path(a)}/unassign-private-ip-addresses`, { privateIpAddresses: [extra] });
      expect(await pings(b.instanceId, extra)).toBe(false);
    });

    it('hot attach, move and detach: MAC and address go along, and a stream of packets hardly notices', async () => {
      const { agent, instance, networkInterface, group } = await world();
      const open = await group('all from any');
      const [one, two, client] = [
        await instance({ groupIds: [open] }),
        await instance({ groupIds: [open] }),
        await instance({ groupIds: [open] }),
      ];
      const eni = await networkInterface({ groupIds: [open], privateIpAddress: '10.0.1.100' });
      const act = (verb: string, body: object) => agent.ok('POST', `/v1/network-interfaces/${eni.networkInterfaceId}/${verb}`, body);
      expect(await pings(client.instanceId, '10.0.1.100')).toBe(false);
      await act('attach', { instanceId: one.instanceId, deviceIndex: 1 });
      await until(() => pings(client.instanceId, '10.0.1.100'), 5000, 'the attached interface answers');
      expect((await link(one.instanceId, 'eth1')).address).toBe(eni.macAddress);
      const stream = inside(client.instanceId, 'ping', '-i', '0.01', '-c', '150', '-W', '1', '10.0.1.100');
      await act('move', { instanceId: two.instanceId, deviceIndex: 1 });
      const received = Number(/(\d+) received/.exec((await stream).stdout)?.[1]);
      expect(150 - received).toBeLessThanOrEqual(driver.lostInMove);
      expect((await link(two.instanceId, 'eth1')).address).toBe(eni.macAddress);
      await until(async () => (await inside(one.instanceId, 'ip', 'link', 'show', 'eth1')).exitCode !== 0, 5000, 'the old device goes');
      expect((await act('detach', {})).status).toBe('available');
      expect((await inside(two.instanceId, 'ip', 'link', 'show', 'eth1')).exitCode).not.toBe(0);
      expect(await pings(client.instanceId, '10.0.1.100')).toBe(false);
    });

    it('what is changed behind its back is put back: device, address, rules; then a pass has nothing to do', async () => {
      const { agent, instance, group, vpcId } = await world();
      const open = await group('icmp from any');
      const [a, b] = [await instance({ groupIds: [open] }), await instance({ groupIds: [open] })];
      await serve(a.instanceId, 'tcp:80');
      const healthy = async () => (await pings(b.instanceId, a.address)) && (await tcp(b.instanceId, a.address, 80)) === undefined;
      const sabotage: readonly (readonly [string, () => Promise<unknown>])[] = [
        ['device down', () => inside(a.instanceId, 'ip', 'link', 'set', 'eth0', 'down')],
        ['address deleted', () => inside(a.instanceId, 'ip', 'addr', 'flush', 'dev', 'eth0')],
        ['MAC changed', () => inside(a.instanceId, 'ip', 'link', 'set', 'eth0', 'address', '02:00:11:22:33:44')],
        ['device renamed', () => inside(a.instanceId, 'sh', '-c', 'ip link set eth0 down; ip link set eth0 name mine')],
        ['device deleted', () => inside(a.instanceId, 'ip', 'link', 'del', 'eth0')],
        ['rules taken away', () => driver.disarm(a.instanceId, vpcId)],
      ];
      expect(await healthy()).toBe(true);
      for (const [what, act] of sabotage) {
        await act();
        await until(healthy, 15_000, `repair of: ${what}`);
      }
      const settled = () => {
        const full = agent.log.filter((line) => line.msg === 'reconcile pass' && line.full);
        return full.at(-1)?.operations === 0;
      };
      await until(settled, 15_000, 'a full pass without operations');
    });

    it('terminated, nothing is left: no device, rule or name', async () => {
      const { agent, instance, subnetB } = await world();
      const machines = [await instance(), await instance({ subnetId: subnetB })];
      for (const { instanceId } of machines) await agent.ok('DELETE', `/v1/instances/${instanceId}`);
      const leftovers = async () => {
        const namespaces = (await execa('ip', ['netns', 'list'])).stdout.split('\n').filter((line) => /^(i|vpc)-/.test(line));
        const devices = (await execa('ip', ['-br', 'link'])).stdout.split('\n').filter((line) => line.startsWith('enid-'));
        const tables = (await execa('nft', ['list', 'tables'])).stdout.split('\n').filter((line) => line.includes('enid'));
        return [...namespaces, ...devices, ...tables];
      };
      await until(async () => (await leftovers()).length === 0, 10_000, 'an empty kernel');
    });
  });
}
