import { describe, expect, it } from 'vitest';
import { keyOf } from '../../../agent/kernel/port.js';
import { isTunnelName, TUNNEL, tunnelName } from '../../../agent/kernel/resources.js';
import { mintId } from '../../../agent/model/ids.js';
import type { Vpc } from '../../../agent/model/vpc.js';
import type { CustomerGateway, VpnConnection, VpnGateway } from '../../../agent/model/vpn.js';
import { planUnit } from '../../../agent/planner/plan.js';
import { affectedUnits, allUnits, unitNamespaces, unitNeeds } from '../../../agent/planner/units.js';
import { tunnelKeys } from '../../../agent/vpn/keys.js';
import { HOST, ofKind, SETTINGS, WorldBuilder } from '../../support/builders.js';

const NOUN = { ownerId: '123456789012', tags: {} };
let minted = 0;
/** Ids that differ in their first digits, in order. */
const digits = (length: number) => (0xa000 + minted++).toString(16).padEnd(length, '0');

/** A VPC with an instance, its gateway, a customer with an office range, a connection; nothing in the route table. */
function lab() {
  const world = new WorldBuilder();
  const site = (cidrBlock: string) => {
    const vpc = world.vpc({ cidrBlock });
    const subnet = world.subnet(vpc, cidrBlock.replace('0.0/16', '1.0/24'));
    const instance = world.instance(vpc);
    world.networkInterface(subnet, cidrBlock.replace('0.0/16', '1.10'), { to: instance });
    return { vpc, instance, gateway: gateway(vpc) };
  };
  const gateway = (vpc?: Vpc): VpnGateway =>
    world.put('vpnGateway', {
      ...NOUN,
      vpnGatewayId: mintId('vpnGateway', digits),
      amazonSideAsn: 64_512,
      ...(vpc && { vpcId: vpc.vpcId }),
    });
  const customer = (ipAddress = '192.0.2.10'): CustomerGateway =>
    world.put('customerGateway', { ...NOUN, customerGatewayId: mintId('customerGateway', digits), ipAddress, bgpAsn: 65_000 });
  const connect = (at: VpnGateway, to: CustomerGateway, routes: readonly string[], n = 1): VpnConnection =>
    world.put('vpnConnection', {
      ...NOUN,
      vpnConnectionId: mintId('vpnConnection', digits),
      vpnGatewayId: at.vpnGatewayId,
      customerGatewayId: to.customerGatewayId,
      staticRoutesOnly: true,
      routes,
      outsideIpAddress: `203.0.113.${n}`,
      tunnelInsideCidr: `169.254.32.${n * 4}/30`,
      keys: { gateway: `${n}1`.repeat(32), customer: `${n}2`.repeat(32) },
      createTime: '2026-01-01T00:00:00.000Z',
    });
  const { vpc, instance, gateway: vgw } = site('10.0.0.0/16');
  const cgw = customer();
  const connection = connect(vgw, cgw, ['192.168.0.0/16']);
  const plan = (unit: string, settings = {}) => planUnit(world.snapshot(), { ...SETTINGS, ...settings }, unit);
  const routes = (unit: string, netns: string) =>
    ofKind(plan(unit), 'route')
      .filter((route) => route.netns === netns)
      .map(({ table, destination, type, device, gateway: hop }) =>
        [table, destination, type === 'unicast' ? (device ?? hop) : type].join(' '),
      );
  const units = [vgw.vpnGatewayId, cgw.customerGatewayId, connection.vpnConnectionId] as const;
  return { world, vpc, instance, vgw, cgw, connection, site, customer, connect, plan, routes, units };
}

describe('gateway, customer and tunnel are planned', () => {
  it.each<[string, (built: ReturnType<typeof lab>) => void, boolean]>([
    ['while the gateway is attached to a VPC whose router is there', () => {}, true],
    ['not while it is attached to none', ({ world, vgw: { vpcId: _, ...vgw } }) => void world.put('vpnGateway', vgw), false],
    ['not on a host without the router', ({ world, instance }) => void world.put('instance', { ...instance, hostId: 'other' }), false],
  ])('%s', (_name, change, are) => {
    const built = lab();
    change(built);
    for (const unit of built.units) {
      expect(built.plan(unit).length > 0).toBe(are);
      expect([...allUnits(built.world.snapshot(), HOST)].includes(unit)).toBe(are);
    }
  });

  it('the gateway alone when it has no connection', () => {
    const { world, connection, plan, units } = lab();
    world.delete('vpnConnection', connection.vpnConnectionId);
    expect(units.map((unit) => plan(unit).length > 0)).toEqual([true, false, false]);
    expect(ofKind(plan(units[0]), 'veth').map(({ name }) => name)).toEqual(['vgw0']);
  });

  it('with needs, in namespaces', () => {
    const { world, vpc, units } = lab();
    const [v, c, t] = units;
    expect(units.map((unit) => unitNeeds(world.snapshot(), unit))).toEqual([[vpc.vpcId, 'internet'], ['internet'], [v, c]]);
    expect(unitNamespaces(world.snapshot(), v)).toEqual([v, vpc.vpcId, 'internet']);
    expect(unitNamespaces(world.snapshot(), c)).toEqual([c, 'internet']);
    expect(unitNamespaces(world.snapshot(), t)).toEqual([v, c]);
  });

  it('no object by two units', () => {
    const { world, site, connect, customer, cgw, vgw } = lab();
    const other = site('10.1.0.0/16');
    connect(other.gateway, cgw, ['192.168.0.0/16', '172.16.0.0/12'], 2);
    connect(vgw, customer('192.0.2.11'), ['192.168.0.0/16', '192.168.8.0/24'], 3);
    const snapshot = world.snapshot();
    const keys = [...allUnits(snapshot, HOST)].flatMap((unit) => planUnit(snapshot, SETTINGS, unit).map(keyOf));
    expect(keys.length).toBe(new Set(keys).size);
  });
});

describe('routes', () => {
  it('of the gateway: the VPC, the customer across the internet, its ranges into the tunnel', () => {
    const { vgw, connection, routes } = lab();
    const netns = vgw.vpnGatewayId;
    expect(routes(netns, netns)).toEqual(['254 10.0.0.0/16 vpc0', '254 192.0.2.10/32 up0']);
    expect(routes(connection.vpnConnectionId, netns)).toEqual([`254 192.168.0.0/16 ${tunnelName('wg', 'v', connection.vpnConnectionId)}`]);
  });

  it('of the customer: the gateway and the internet, the VPC into the tunnel from an address of its own', () => {
    const { cgw, connection, plan, routes } = lab();
    const netns = cgw.customerGatewayId;
    expect(routes(netns, netns)).toEqual(['254 203.0.113.1/32 up0', '254 198.51.100.0/24 up0']);
    const inTunnel = ofKind(plan(connection.vpnConnectionId), 'route').filter((route) => route.netns === netns);
    expect(inTunnel).toMatchObject([{ destination: '10.0.0.0/16', source: '192.168.0.1' }]);
    expect(ofKind(plan(netns), 'address').map(({ address }) => address)).toEqual(['192.0.2.10/32', '192.168.0.1/32']);
  });

  it("of the VPC's tables to the gateway are the gateway's while it is there, else blackholes", () => {
    const { world, vpc, vgw, routes } = lab();
    const table = world.must('routeTable', vpc.mainRouteTableId);
    const target = { kind: 'gateway', gatewayId: vgw.vpnGatewayId } as const;
    const static4 = { destination: '172.16.0.0/12', target };
    world.put('routeTable', {
      ...table,
      routes: [static4, { destination: 'fd99::/64', target }],
      propagatingGatewayIds: [vgw.vpnGatewayId],
    });
    const number = 1000 + table.index;
    expect(routes(vgw.vpnGatewayId, vpc.vpcId)).toEqual([
      `${number} 172.16.0.0/12 vgw0`,
      `${number} 192.168.0.0/16 vgw0`,
      `${number} fd99::/64 blackhole`,
    ]);
    expect(routes(vpc.vpcId, vpc.vpcId).filter((route) => route.startsWith(`${number} `))).toEqual([]);
    const { vpcId: _, ...detached } = vgw;
    world.put('vpnGateway', detached);
    expect(routes(vpc.vpcId, vpc.vpcId).filter((route) => route.startsWith(`${number} `))).toEqual([
      `${number} 172.16.0.0/12 blackhole`,
      `${number} fd99::/64 blackhole`,
    ]);
  });

  it.each<[string, readonly string[], readonly string[], readonly string[]]>([
    ['a range within the VPC stays there', ['10.0.5.0/24', '192.168.0.0/16'], ['192.168.0.0/16'], ['10.0.5.1', '192.168.0.1']],
    ['one that holds the VPC does not', ['10.0.0.0/8'], ['10.0.0.0/8'], ['10.0.0.1']],
    ['everything, without an address of it', ['0.0.0.0/0'], ['0.0.0.0/0'], []],
    ['a single host is its own address', ['192.168.7.7/32'], ['192.168.7.7/32'], ['192.168.7.7']],
  ])('%s', (_name, ranges, inTunnel, addresses) => {
    const { world, connection, plan, cgw } = lab();
    world.put('vpnConnection', { ...connection, routes: ranges });
    const routes = ofKind(plan(connection.vpnConnectionId), 'route').filter(({ netns }) => netns === connection.vpnGatewayId);
    expect(routes.map(({ destination }) => destination)).toEqual(inTunnel);
    const own = ofKind(plan(cgw.customerGatewayId), 'address').map(({ address }) => address.split('/')[0]);
    expect(own.filter((address) => address !== cgw.ipAddress)).toEqual(addresses);
  });

  it('that two connections have go by the first', () => {
    const { connect, customer, vgw, connection, routes } = lab();
    const second = connect(vgw, customer('192.0.2.11'), ['192.168.0.0/16', '172.16.0.0/16'], 2);
    expect(routes(connection.vpnConnectionId, vgw.vpnGatewayId)).toEqual([expect.stringContaining('192.168.0.0/16')]);
    expect(routes(second.vpnConnectionId, vgw.vpnGatewayId)).toEqual([expect.stringContaining('172.16.0.0/16')]);
  });
});

describe('a tunnel', () => {
  it('has two ends that fit', () => {
    const { connection, plan } = lab();
    const [near, far] = ofKind(plan(connection.vpnConnectionId), 'wireguard');
    if (!near || !far) throw new TypeError('no ends');
    expect(near.listenPort).toBe(far.listenPort);
    expect(near.listenPort).toBeGreaterThanOrEqual(TUNNEL.firstPort);
    expect(near.peer).toMatchObject({ endpoint: `192.0.2.10:${far.listenPort}`, allowedIps: ['169.254.32.6/32', '192.168.0.0/16'] });
    expect(far.peer).toMatchObject({ endpoint: `203.0.113.1:${near.listenPort}`, allowedIps: ['10.0.0.0/16', '169.254.32.5/32'] });
    expect(near.peer.publicKey).toBe(tunnelKeys(connection.keys.customer).publicKey);
    expect(far.peer.publicKey).toBe(tunnelKeys(connection.keys.gateway).publicKey);
    expect(near.privateKey).not.toBe(far.privateKey);
    for (const { device } of [near, far]) expect([isTunnelName(device), device.length]).toEqual([true, 15]);
  });

  it('has a port of its own', () => {
    const { connect, customer, vgw, connection, plan } = lab();
    const other = connect(vgw, customer('192.0.2.11'), [], 2);
    const ports = [connection, other].map(({ vpnConnectionId }) => ofKind(plan(vpnConnectionId), 'wireguard')[0]?.listenPort);
    expect(new Set(ports).size).toBe(2);
    for (const port of ports) expect(port).toBeLessThan(65_536);
  });

  it('is a plain link on hosts without WireGuard', () => {
    const { connection, plan, vgw, cgw } = lab();
    const objects = plan(connection.vpnConnectionId, { tunnel: 'plain' });
    expect([...ofKind(objects, 'tun'), ...ofKind(objects, 'wireguard')]).toEqual([]);
    expect(ofKind(objects, 'veth')).toMatchObject([
      { netns: vgw.vpnGatewayId, mtu: TUNNEL.mtu, rpFilter: 1, group: 0, peer: { netns: cgw.customerGatewayId } },
    ]);
    for (const { gateway } of ofKind(objects, 'route')) expect(gateway).toMatch(/^169\.254\.32\.[56]$/);
  });
});

describe('what a change affects', () => {
  it.each<[string, (built: ReturnType<typeof lab>) => void]>([
    ['a range more', ({ world, connection }) => void world.put('vpnConnection', { ...connection, routes: ['172.16.0.0/12'] })],
    ['the connection gone', ({ world, connection }) => world.delete('vpnConnection', connection.vpnConnectionId)],
    ['the gateway detached', ({ world, vgw: { vpcId: _, ...vgw } }) => void world.put('vpnGateway', vgw)],
    ['the last instance stopped', ({ world, instance }) => void world.put('instance', { ...instance, state: 'stopped' })],
  ])('%s: the router, both gateways, the tunnel', (_name, change) => {
    const built = lab();
    const event = built.world.commit(() => change(built));
    const affected = affectedUnits(event, HOST);
    for (const unit of [built.vpc.vpcId, ...built.units]) expect(affected).toContain(unit);
  });

  it('propagation: the gateway and the router', () => {
    const { world, vpc, vgw } = lab();
    const table = world.must('routeTable', vpc.mainRouteTableId);
    const event = world.commit(() => void world.put('routeTable', { ...table, propagatingGatewayIds: [vgw.vpnGatewayId] }));
    expect([...affectedUnits(event, HOST)].sort()).toEqual([vgw.vpnGatewayId, vpc.vpcId].sort());
  });

  it('tags of a connection: nothing', () => {
    const { world, connection } = lab();
    const event = world.commit(() => void world.put('vpnConnection', { ...connection, tags: { Name: 'office' } }));
    expect([...affectedUnits(event, HOST)]).toEqual([]);
  });

  it('everything that is planned otherwise, for any change of routes and attachments', () => {
    const { world, site, connect, customer, cgw, vgw, connection, vpc } = lab();
    const other = site('10.1.0.0/16');
    const second = connect(other.gateway, cgw, ['10.9.0.0/16'], 2);
    const third = connect(vgw, customer('192.0.2.11'), ['192.168.0.0/16'], 3);
    const table = world.must('routeTable', vpc.mainRouteTableId);
    const { vpcId: _, ...detached } = other.gateway;
    const changes: (() => unknown)[] = [
      () => world.put('routeTable', { ...table, propagatingGatewayIds: [vgw.vpnGatewayId] }),
      () => world.put('vpnConnection', { ...second, routes: ['10.9.0.0/16', '192.168.0.0/16'] }),
      () => world.put('vpnConnection', { ...third, routes: ['172.16.0.0/16'] }),
      () => world.delete('vpnConnection', connection.vpnConnectionId),
      () => world.put('vpnGateway', detached),
      () => world.put('vpnGateway', other.gateway),
      () => world.delete('vpnConnection', second.vpnConnectionId),
    ];
    for (const change of changes) {
      const event = world.commit(() => void change());
      const affected = affectedUnits(event, HOST);
      const units = new Set([...allUnits(event.before, HOST), ...allUnits(event.after, HOST)]);
      for (const unit of units) {
        const [was, is] = [event.before, event.after].map((snapshot) => JSON.stringify(planUnit(snapshot, SETTINGS, unit)));
        if (was !== is) expect(affected).toContain(unit);
      }
    }
  });
});

describe('keys', () => {
  it("are X25519 pairs: Bob's of RFC 7748 §6.1", () => {
    expect(tunnelKeys('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb')).toEqual({
      // Clamped, as the RFC uses it.
      privateKey: '58ab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e06b',
      publicKey: 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
    });
  });

  it('the same from the same digits, clamped', () => {
    const keys = tunnelKeys('ff'.repeat(32));
    expect(keys).toEqual(tunnelKeys('ff'.repeat(32)));
    expect(keys.privateKey).toBe(`f8${'ff'.repeat(30)}7f`);
  });
  it('not from anything else', () => {
    expect(() => tunnelKeys('abc')).toThrow(TypeError);
  });
});
