import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOf } from '../../../agent/kernel/port.js';
import { HOST_NAMESPACE, INTERNET_NAMESPACE, isHostEndName, ROUTER_LINK } from '../../../agent/kernel/resources.js';
import type { ElasticIp } from '../../../agent/model/elastic-ip.js';
import { type Id, type IdKind, mintId } from '../../../agent/model/ids.js';
import type { NetworkInterface } from '../../../agent/model/network-interface.js';
import type { Route, RouteTable } from '../../../agent/model/route-table.js';
import type { Snapshot } from '../../../agent/model/snapshot.js';
import { planUnit } from '../../../agent/planner/plan.js';
import { INTERNET_UNIT } from '../../../agent/planner/presence.js';
import { affectedUnits, allUnits, unitNamespaces, unitNeeds } from '../../../agent/planner/units.js';
import { order } from '../../../agent/reconcile/order.js';
import { HOST, ingress, ofKind, openEgress, SETTINGS, WorldBuilder } from '../../support/builders.js';

const OWNED = { ownerId: '123456789012', tags: {} };
const TIME = '2026-01-01T00:00:00.000Z';
/** Ids that differ in their first digits: names of kernel objects are cut from those. */
const id = <K extends IdKind>(kind: K, number: number): Id<K> => mintId(kind, (digits) => number.toString(16).padEnd(digits, '0'));

const IGW = id('internetGateway', 1);
const EIGW = id('egressOnlyInternetGateway', 2);
const PCX = id('vpcPeeringConnection', 3);
const NAT = id('natGateway', 4);
const NAT_ATTACHMENT = id('attachment', 0x123456789);

/** Two VPCs with a peering connection, one of them with every sort of gateway. */
function lab() {
  const world = new WorldBuilder();
  const vpc = world.vpc({ ipv6Range: 'fd00:1::/56' });
  const peer = world.vpc({ cidrBlock: '10.9.0.0/16' });
  const open = world.subnet(vpc, '10.0.1.0/24', { ipv6Range: 'fd00:1::/64' });
  const closed = world.subnet(vpc, '10.0.2.0/24', { ipv6Range: 'fd00:1:0:1::/64' });
  const far = world.subnet(peer, '10.9.1.0/24');
  const group = world.group(vpc, openEgress());
  const farGroup = world.group(peer, [ingress('icmp', group), ...openEgress()]);
  const [one, two, three] = [world.instance(vpc), world.instance(vpc), world.instance(peer)];
  const first = world.networkInterface(open, '10.0.1.10', { to: one, groups: [group] });
  const second = world.networkInterface(closed, '10.0.2.10', { to: two, groups: [group] });
  const third = world.networkInterface(far, '10.9.1.10', { to: three, groups: [farGroup] });
  const natEni = world.networkInterface(open, '10.0.1.20', {
    groups: [],
    combinationIndex: 0,
    interfaceType: 'nat_gateway',
    requesterManaged: true,
    sourceDestCheck: false,
  });
  world.put('internetGateway', { ...OWNED, internetGatewayId: IGW, vpcId: vpc.vpcId });
  world.put('egressOnlyInternetGateway', { ...OWNED, egressOnlyInternetGatewayId: EIGW, vpcId: vpc.vpcId });
  world.put('vpcPeeringConnection', {
    ...OWNED,
    vpcPeeringConnectionId: PCX,
    requesterVpcId: vpc.vpcId,
    accepterVpcId: peer.vpcId,
    status: 'active',
    createTime: TIME,
  });
  world.put('natGateway', {
    ...OWNED,
    natGatewayId: NAT,
    vpcId: vpc.vpcId,
    subnetId: open.subnetId,
    connectivityType: 'public',
    networkInterfaceId: natEni.networkInterfaceId,
    attachmentId: NAT_ATTACHMENT,
    privateIp: '10.0.1.20',
    hostId: HOST,
    state: 'available',
    createTime: TIME,
  });
  const routes: Route[] = [
    { destination: '0.0.0.0/0', target: { kind: 'gateway', gatewayId: IGW } },
    { destination: '::/0', target: { kind: 'egressOnlyInternetGateway', egressOnlyInternetGatewayId: EIGW } },
    { destination: '10.9.0.0/16', target: { kind: 'vpcPeeringConnection', vpcPeeringConnectionId: PCX } },
  ];
  const openTable = world.routeTable(vpc, { subnets: [open], routes });
  const closedTable = world.routeTable(vpc, {
    subnets: [closed],
    routes: [{ destination: '0.0.0.0/0', target: { kind: 'natGateway', natGatewayId: NAT } }],
  });
  const address = elasticIp(1, first);
  world.put('elasticIp', address);
  const plan = (unit: string) => planUnit(world.snapshot(), SETTINGS, unit);
  return {
    world,
    vpc,
    peer,
    open,
    closed,
    group,
    farGroup,
    one,
    two,
    three,
    first,
    second,
    third,
    natEni,
    openTable,
    closedTable,
    address,
    plan,
  };
}
type Lab = ReturnType<typeof lab>;

function elasticIp(number: number, eni?: NetworkInterface): ElasticIp {
  return {
    ...OWNED,
    allocationId: id('elasticIp', number),
    publicIp: `203.0.113.${number}`,
    kind: 'elastic',
    ...(eni && {
      association: {
        associationId: id('elasticIpAssociation', number),
        networkInterfaceId: eni.networkInterfaceId,
        privateIpAddress: eni.privateIpAddresses[0] ?? '',
        vpcId: eni.vpcId,
      },
    }),
  };
}

describe('internet gateway', () => {
  it('translates the associated addresses, and nothing else passes', () => {
    const { plan } = lab();
    const [table] = ofKind(plan(IGW), 'nft');
    expect(table?.translations).toEqual({ '203.0.113.1': '10.0.1.10' });
    expect(table?.text).toContain('add element inet enid inward { 203.0.113.1 : 10.0.1.10 }');
    expect(table?.text).toContain('add element inet enid outward { 10.0.1.10 : 203.0.113.1 }');
    expect(table?.text).toMatch(/add chain inet enid forward \{ type filter hook forward priority 0; policy drop; \}/);
  });

  it('gets routes: the public address in the internet, the VPC behind it, the rows of the route tables', () => {
    const { plan, vpc, openTable } = lab();
    const routes = ofKind(plan(IGW), 'route').map(({ netns, table, destination, device }) => [netns, table, destination, device].join(' '));
    expect(routes).toContain(`${INTERNET_NAMESPACE} 254 203.0.113.1/32 g1000000000000`);
    expect(routes).toContain(`${IGW} 254 10.0.0.0/16 vpc0`);
    expect(routes).toContain(`${vpc.vpcId} ${1000 + openTable.index} 0.0.0.0/0 ${ROUTER_LINK.internetGateway}`);
  });

  it('leaves IPv6 to the gateway that a subnet has its route to', () => {
    const { plan, world, openTable } = lab();
    const inbound = (unit: string) =>
      ofKind(plan(unit), 'route').flatMap(({ netns, destination }) =>
        netns === INTERNET_NAMESPACE && destination.includes(':') ? [destination] : [],
      );
    expect([inbound(IGW), inbound(EIGW)]).toEqual([[], ['fd00:1::/64']]);
    world.put('routeTable', { ...openTable, routes: [{ destination: '::/0', target: { kind: 'gateway', gatewayId: IGW } }] });
    expect([inbound(IGW), inbound(EIGW)]).toEqual([['fd00:1::/64'], []]);
  });

  it('detached: nothing is left of it, and its rows are blackholes', () => {
    const { plan, world, vpc, openTable } = lab();
    world.put('internetGateway', { ...OWNED, internetGatewayId: IGW });
    expect(plan(IGW)).toEqual([]);
    expect(ofKind(plan(vpc.vpcId), 'route')).toContainEqual(
      expect.objectContaining({ table: 1000 + openTable.index, destination: '0.0.0.0/0', type: 'blackhole' }),
    );
  });
});

describe('NAT gateway', () => {
  it('has its interface in a namespace of its own, which takes the routes', () => {
    const { plan, natEni, closedTable } = lab();
    const objects = plan(natEni.networkInterfaceId);
    const [pair] = ofKind(objects, 'veth');
    expect(pair?.peer).toMatchObject({ netns: NAT, name: 'eth0' });
    expect(pair && isHostEndName(pair.name)).toBe(true);
    // No groups, no check: what it forwards passes.
    expect(pair && [pair.group & 1, pair.group >>> 12]).toEqual([0, 0]);
    expect(ofKind(objects, 'route')).toContainEqual(
      expect.objectContaining({ table: 1000 + closedTable.index, destination: '0.0.0.0/0', gateway: '10.0.1.20' }),
    );
    expect(ofKind(plan(NAT), 'nft')[0]?.text).toContain('oifname "eth0" snat ip to 10.0.1.20');
  });

  it('keeps a VPC without instances alive', () => {
    const { plan, world, vpc, one, two, first, second, natEni } = lab();
    for (const eni of [first, second]) world.detach(eni);
    for (const instance of [one, two]) world.put('instance', { ...instance, state: 'stopped' });
    expect(plan(vpc.vpcId)).not.toEqual([]);
    expect([...allUnits(world.snapshot(), HOST)]).toEqual(expect.arrayContaining([vpc.vpcId, NAT, natEni.networkInterfaceId, IGW]));
  });
});

it('peering: the members of a group that the other side names are in its router too', () => {
  const { plan, peer, group, first, second, world } = lab();
  const members = () => ofKind(plan(PCX), 'member').map(({ netns, set, entry }) => `${netns} ${set} ${entry}`);
  expect(members()).toEqual([`${peer.vpcId} ${group.groupId}.4 10.0.1.10`, `${peer.vpcId} ${group.groupId}.4 10.0.2.10`]);
  world.detach(second);
  expect(members()).toEqual([`${peer.vpcId} ${group.groupId}.4 10.0.1.10`]);
  expect(first.groupIds).toEqual([group.groupId]);
});

it('host access: on by setting', () => {
  const { world } = lab();
  const devices = (hostAccess: boolean) =>
    ofKind(planUnit(world.snapshot(), { ...SETTINGS, hostAccess }, INTERNET_UNIT), 'veth').map(({ peer }) => peer.name);
  expect([devices(true), devices(false)]).toEqual([['enid-internet'], []]);
});

describe('uplink', () => {
  const planned = (settings: object) => planUnit(lab().world.snapshot(), { ...SETTINGS, ...settings }, INTERNET_UNIT);
  const uplink = { device: 'eth7', isRouter: false };
  const inHost = (settings: object) => planned(settings).filter(({ netns }) => netns === HOST_NAMESPACE);
  const routes = (settings: object) => ofKind(planned(settings), 'route').filter(({ netns }) => netns === INTERNET_NAMESPACE);

  it('unset, or without host access: no default route, neither table nor settings in the host', () => {
    for (const settings of [{}, { uplink, hostAccess: false }]) {
      expect(routes(settings).map(({ destination }) => destination)).not.toContain('0.0.0.0/0');
      expect(inHost(settings).filter(({ kind }) => kind === 'nft' || kind === 'sysctl')).toEqual([]);
    }
  });

  it('set: a default route over the link, one table and the forwarding of two devices in the host', () => {
    expect(routes({ uplink })).toContainEqual(expect.objectContaining({ destination: '0.0.0.0/0', type: 'unicast', device: 'host0' }));
    const added = inHost({ uplink }).filter((object) => !inHost({}).some((other) => keyOf(other) === keyOf(object)));
    expect(added.map(keyOf)).toEqual([
      'nft host',
      'sysctl host net/ipv4/conf/enid-internet/forwarding',
      'sysctl host net/ipv4/conf/eth7/forwarding',
    ]);
    const text = ofKind(added, 'nft')[0]?.text;
    expect(text).toContain('iifname "enid-internet" oifname "eth7" masquerade');
    expect(text).toContain('iifname "enid-internet" oifname != "eth7" drop');
    expect(text).toContain('iifname "eth7" oifname "enid-internet" ct state != { established, related } drop');
  });

  it("the lab's own ranges lead nowhere, a pool of one's own too, and each is there once", () => {
    const closed = (publicPool: string) =>
      routes({ uplink, publicPool }).flatMap(({ type, destination }) => (type === 'blackhole' ? [destination] : []));
    expect(closed('203.0.113.0/24')).toEqual(['203.0.113.0/24', '192.0.2.0/24', '198.51.100.0/24']);
    expect(closed('100.64.0.0/24')).toEqual(['100.64.0.0/24', '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24']);
  });

  it('what a host that is a router forwards for others stays its own affair', () => {
    const text = (isRouter: boolean) => ofKind(inHost({ uplink: { ...uplink, isRouter } }), 'nft')[0]?.text;
    expect(text(false)).toContain('iifname "eth7" oifname != "enid-internet"');
    expect(text(true)).not.toContain('iifname "eth7" oifname != ');
  });

  it('opens last and closes first', () => {
    const ops = (verb: 'create' | 'delete') =>
      order(planned({ uplink }).map((object) => ({ op: { verb, object }, unit: INTERNET_UNIT, needs: [] }))).map(({ op }) =>
        keyOf(op.object),
      );
    const forwarding = ['enid-internet', 'eth7'].map((device) => `sysctl host net/ipv4/conf/${device}/forwarding`);
    expect(ops('create').slice(-3)).toEqual([...forwarding, 'route internet 254 0.0.0.0/0']);
    expect(ops('delete').slice(0, 2)).toEqual(forwarding);
  });
});

it('needs and namespaces', () => {
  const { world, vpc, peer, natEni } = lab();
  const snapshot = world.snapshot();
  expect(unitNeeds(snapshot, IGW)).toEqual([vpc.vpcId, INTERNET_UNIT]);
  expect(unitNeeds(snapshot, PCX)).toEqual([vpc.vpcId, peer.vpcId]);
  expect(unitNeeds(snapshot, natEni.networkInterfaceId)).toEqual([vpc.vpcId, NAT]);
  expect(unitNamespaces(snapshot, IGW)).toEqual([IGW, vpc.vpcId, INTERNET_NAMESPACE]);
  expect(unitNamespaces(snapshot, natEni.networkInterfaceId)).toEqual([vpc.vpcId, NAT]);
});

/** Things that happen, each to any state. */
const CHANGES: Readonly<Record<string, (lab: Lab) => void>> = {
  'igw detached': ({ world }) => void world.put('internetGateway', { ...OWNED, internetGatewayId: IGW }),
  'igw attached': ({ world, vpc }) => void world.put('internetGateway', { ...OWNED, internetGatewayId: IGW, vpcId: vpc.vpcId }),
  'igw attached elsewhere': ({ world, peer }) => void world.put('internetGateway', { ...OWNED, internetGatewayId: IGW, vpcId: peer.vpcId }),
  'eigw deleted': ({ world }) => world.delete('egressOnlyInternetGateway', EIGW),
  'eigw made': ({ world, vpc }) =>
    void world.put('egressOnlyInternetGateway', { ...OWNED, egressOnlyInternetGatewayId: EIGW, vpcId: vpc.vpcId }),
  'address associated': ({ world, second }) => void world.put('elasticIp', elasticIp(1, second)),
  'address associated in the peer': ({ world, third }) => void world.put('elasticIp', elasticIp(1, third)),
  'address free': ({ world }) => void world.put('elasticIp', elasticIp(1)),
  'another address': ({ world, first }) => void world.put('elasticIp', elasticIp(2, first)),
  'address released': ({ world }) => world.delete('elasticIp', id('elasticIp', 2)),
  'peering deleted': ({ world }) =>
    void world.put('vpcPeeringConnection', { ...world.must('vpcPeeringConnection', PCX), status: 'deleted' }),
  'peering active': ({ world }) => void world.put('vpcPeeringConnection', { ...world.must('vpcPeeringConnection', PCX), status: 'active' }),
  'nat deleting': ({ world }) => void world.put('natGateway', { ...world.must('natGateway', NAT), state: 'deleting' }),
  'nat available': ({ world }) => void world.put('natGateway', { ...world.must('natGateway', NAT), state: 'available' }),
  'IPv6 to igw': ({ world, openTable }) => routes(world, openTable, [{ destination: '::/0', target: { kind: 'gateway', gatewayId: IGW } }]),
  'IPv6 to eigw': ({ world, openTable }) =>
    routes(world, openTable, [
      { destination: '::/0', target: { kind: 'egressOnlyInternetGateway', egressOnlyInternetGatewayId: EIGW } },
      { destination: '0.0.0.0/0', target: { kind: 'natGateway', natGatewayId: NAT } },
    ]),
  'no routes': ({ world, openTable }) => routes(world, openTable, []),
  'closed to igw': ({ world, closedTable }) =>
    routes(world, closedTable, [{ destination: '0.0.0.0/0', target: { kind: 'gateway', gatewayId: IGW } }]),
  'closed to peer': ({ world, closedTable }) =>
    routes(world, closedTable, [
      { destination: '10.9.1.0/24', target: { kind: 'vpcPeeringConnection', vpcPeeringConnectionId: PCX } },
      { destination: '10.0.1.0/24', target: { kind: 'natGateway', natGatewayId: NAT } },
    ]),
  'subnet without IPv6': ({ world, open }) => {
    const { ipv6, ...rest } = world.must('subnet', open.subnetId);
    world.put('subnet', rest);
  },
  'subnet with IPv6': ({ world, open }) => void world.put('subnet', open),
  'table of the open subnet': ({ world, open, openTable }) => {
    const table = world.must('routeTable', openTable.routeTableId);
    const associations = table.associations.length > 0 ? [] : [{ associationId: 'rtbassoc-1', subnetId: open.subnetId }];
    world.put('routeTable', { ...table, associations });
  },
  'one stops': ({ world, one }) => void world.put('instance', { ...one, state: 'stopped' }),
  'one runs': ({ world, one }) => void world.put('instance', one),
  'two stops': ({ world, two }) => void world.put('instance', { ...two, state: 'stopped' }),
  'two runs': ({ world, two }) => void world.put('instance', two),
  'three stops': ({ world, three }) => void world.put('instance', { ...three, state: 'stopped' }),
  'three runs': ({ world, three }) => void world.put('instance', three),
  'first detached': ({ world, first }) => void world.detach(first),
  'first attached': ({ world, first }) => void world.put('networkInterface', first),
  'first in another group': ({ world, first, vpc }) =>
    void world.put('networkInterface', { ...first, groupIds: [vpc.defaultSecurityGroupId] }),
  'peer names no group': ({ world, farGroup }) => void world.put('securityGroup', { ...farGroup, rules: openEgress() }),
  'peer names a group': ({ world, farGroup }) => void world.put('securityGroup', farGroup),
  'a second range': ({ world, vpc }) =>
    void world.put('vpc', { ...vpc, secondaryCidrBlocks: [{ associationId: 'vpc-cidr-assoc-2', cidrBlock: '10.1.0.0/16' }] }),
  'one range': ({ world, vpc }) => void world.put('vpc', vpc),
};

function routes(world: WorldBuilder, { routeTableId }: RouteTable, list: readonly Route[]): void {
  world.put('routeTable', { ...world.must('routeTable', routeTableId), routes: list });
}

describe('affected units', () => {
  // A plan is a set: its objects come in the order of the records, which a change that undoes another may turn around.
  const planOf = (snapshot: Snapshot, unit: string) =>
    JSON.stringify(
      planUnit(snapshot, SETTINGS, unit)
        .map((object) => JSON.stringify(object))
        .sort(),
    );
  const plansOf = (snapshot: Snapshot, units: Iterable<string>) => new Map([...units].map((unit) => [unit, planOf(snapshot, unit)]));
  const names = Object.keys(CHANGES);

  it('hold every unit that plans differently; no two units plan one object; all units hold every one that plans anything', () => {
    const commits = fc.array(fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(commits, (sequence) => {
        const state = lab();
        const { world, vpc, peer, one, two, three, first, second, third, natEni } = state;
        const units = [
          ...[vpc.vpcId, peer.vpcId, INTERNET_UNIT, IGW, EIGW, PCX, NAT],
          ...[one, two, three].map(({ instanceId }) => instanceId),
          ...[first, second, third, natEni].map(({ networkInterfaceId }) => networkInterfaceId),
        ];
        for (const commit of sequence) {
          const event = world.commit(() => {
            for (const name of commit) CHANGES[name]?.(state);
          });
          const affected = affectedUnits(event, HOST);
          const [was, is] = [plansOf(event.before, units), plansOf(event.after, units)];
          const changed = units.filter((unit) => was.get(unit) !== is.get(unit));
          expect(changed.filter((unit) => !affected.has(unit))).toEqual([]);
          const everything = new Set(allUnits(event.after, HOST));
          expect(units.filter((unit) => is.get(unit) !== '[]' && !everything.has(unit))).toEqual([]);
          const keys = units.flatMap((unit) => planUnit(event.after, SETTINGS, unit).map(keyOf));
          expect(keys.length).toBe(new Set(keys).size);
        }
      }),
      { numRuns: 40 },
    );
  }, 30_000);
});
