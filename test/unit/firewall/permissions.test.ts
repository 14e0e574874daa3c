import { describe, expect, it } from 'vitest';
import { joined } from '../../../agent/firewall/permission.js';
import type { PrefixList, SecurityGroup, SecurityGroupRule } from '../../../agent/model/security-group.js';
import { egress, ingress, openEgress, WorldBuilder } from '../../support/builders.js';
import { type FlowSpec, Router } from '../../support/flows.js';

type Peers = { readonly clients: SecurityGroup; readonly list4: PrefixList; readonly list6: PrefixList };
type Rules = (peers: Peers) => SecurityGroupRule[];

const ALL: Rules = () => openEgress();
const ping = { protocol: 'icmp', icmp: { type: 8, code: 0 } } as const;
const ping6 = { protocol: 'icmpv6', icmp: { type: 128, code: 0 } } as const;
const tcp = (port: number): FlowSpec => ({ protocol: 'tcp', port });
const udp = (port: number): FlowSpec => ({ protocol: 'udp', port });
/** The same over IPv6. */
const v6 = (spec: FlowSpec): FlowSpec => ({ ...spec, src: 'fd00:1::a', dst: 'fd00:1::b' });

/** A client (10.0.1.10, group `clients`) opens a flow to a server (10.0.1.20) whose group has only the rules of the row. */
const INGRESS: [string, Rules, FlowSpec, 'accept' | 'drop'][] = [
  ['no rule at all', () => [], tcp(80), 'drop'],
  ['all traffic from everywhere, tcp', () => [ingress('-1', '0.0.0.0/0')], tcp(80), 'accept'],
  ['all traffic from everywhere, icmp', () => [ingress('-1', '0.0.0.0/0')], ping, 'accept'],
  ['all traffic from everywhere, another protocol', () => [ingress('-1', '0.0.0.0/0')], { protocol: 47 }, 'accept'],
  ['all of IPv4 is not all of IPv6', () => [ingress('-1', '0.0.0.0/0')], v6(tcp(80)), 'drop'],
  ['all of IPv6 is not all of IPv4', () => [ingress('-1', '::/0')], tcp(80), 'drop'],
  ['all of IPv6', () => [ingress('-1', '::/0')], v6(tcp(80)), 'accept'],
  ['a port', () => [ingress('tcp', '10.0.1.0/24', 80)], tcp(80), 'accept'],
  ['another port', () => [ingress('tcp', '10.0.1.0/24', 80)], tcp(81), 'drop'],
  ['another protocol on the port', () => [ingress('tcp', '10.0.1.0/24', 80)], udp(80), 'drop'],
  ['first port of a range', () => [ingress('udp', '10.0.1.0/24', [5000, 5010])], udp(5000), 'accept'],
  ['last port of a range', () => [ingress('udp', '10.0.1.0/24', [5000, 5010])], udp(5010), 'accept'],
  ['below a range', () => [ingress('udp', '10.0.1.0/24', [5000, 5010])], udp(4999), 'drop'],
  ['above a range', () => [ingress('udp', '10.0.1.0/24', [5000, 5010])], udp(5011), 'drop'],
  ['all ports, written out', () => [ingress('tcp', '10.0.1.0/24', [0, 65535])], tcp(1), 'accept'],
  ['all ports, left out', () => [ingress('tcp', '10.0.1.0/24')], tcp(1), 'accept'],
  ['port 0 only is not all ports', () => [ingress('tcp', '10.0.1.0/24', 0)], tcp(1), 'drop'],
  ['a range of addresses that does not hold the client', () => [ingress('tcp', '10.0.2.0/24', 80)], tcp(80), 'drop'],
  ['the client alone', () => [ingress('tcp', '10.0.1.10/32', 80)], tcp(80), 'accept'],
  ['the client alone, IPv6', () => [ingress('tcp', 'fd00:1::a/128', 80)], v6(tcp(80)), 'accept'],
  ['the neighbour alone, IPv6', () => [ingress('tcp', 'fd00:1::c/128', 80)], v6(tcp(80)), 'drop'],
  ['the group of the client', ({ clients }) => [ingress('tcp', clients, 80)], tcp(80), 'accept'],
  ['the group of the client, IPv6', ({ clients }) => [ingress('tcp', clients, 80)], v6(tcp(80)), 'accept'],
  ['the group of the client, another port', ({ clients }) => [ingress('tcp', clients, 80)], tcp(443), 'drop'],
  ['a prefix list', ({ list4 }) => [ingress('tcp', list4, 80)], tcp(80), 'accept'],
  ['a prefix list of the other family', ({ list6 }) => [ingress('tcp', list6, 80)], tcp(80), 'drop'],
  ['a prefix list, IPv6', ({ list6 }) => [ingress('tcp', list6, 80)], v6(tcp(80)), 'accept'],
  ['a prefix list that is gone', ({ list4 }) => [ingress('tcp', { ...list4, prefixListId: 'pl-gone' as never }, 80)], tcp(80), 'drop'],
  ['ping by type', () => [ingress('icmp', '10.0.0.0/8', [8, -1])], ping, 'accept'],
  ['ping by type and code', () => [ingress('icmp', '10.0.0.0/8', [8, 0])], ping, 'accept'],
  ['ping, but another code', () => [ingress('icmp', '10.0.0.0/8', [8, 1])], ping, 'drop'],
  ['another ICMP type', () => [ingress('icmp', '10.0.0.0/8', [13, -1])], ping, 'drop'],
  ['every ICMP type', () => [ingress('icmp', '10.0.0.0/8', [-1, -1])], ping, 'accept'],
  ['ICMP is not ICMPv6', () => [ingress('icmp', 'fd00::/8', [-1, -1])], v6(ping6), 'drop'],
  ['ICMPv6 ping', () => [ingress('icmpv6', 'fd00::/8', [128, 0])], v6(ping6), 'accept'],
  ['ICMPv6 by number', () => [ingress('58', 'fd00::/8', [128, 0])], v6(ping6), 'accept'],
  ['ICMPv6 is not ICMP', () => [ingress('icmpv6', '10.0.0.0/8', [-1, -1])], ping, 'drop'],
  ['a protocol by number', () => [ingress('47', '10.0.0.0/8')], { protocol: 47 }, 'accept'],
  ['tcp by number, with a port', () => [ingress('6', '10.0.0.0/8', 80)], tcp(80), 'accept'],
  ['tcp by number, another port', () => [ingress('6', '10.0.0.0/8', 80)], tcp(81), 'drop'],
  ['another protocol by number', () => [ingress('47', '10.0.0.0/8')], { protocol: 50 }, 'drop'],
  ['protocol 0 is not every protocol', () => [ingress('0', '10.0.0.0/8')], tcp(80), 'drop'],
  ['a protocol that does not exist', () => [ingress('banana', '10.0.0.0/8')], tcp(80), 'drop'],
  ['a name that every object has', () => [ingress('constructor', '10.0.0.0/8')], tcp(80), 'drop'],
  ['ICMP type 255 is not every type', () => [ingress('icmp', '10.0.0.0/8', [255, -1])], ping, 'drop'],
  ['ports the wrong way round', () => [ingress('tcp', '10.0.0.0/8', [90, 80])], tcp(85), 'drop'],
  ['one of several rules', () => [ingress('udp', '10.0.0.0/8', 53), ingress('tcp', '10.0.0.0/8', 80)], tcp(80), 'accept'],
  ['an egress rule is no ingress rule', () => [egress('tcp', '10.0.0.0/8', 80)], tcp(80), 'drop'],
];

const EGRESS: [string, Rules, FlowSpec, 'accept' | 'drop'][] = [
  ['everything', ALL, tcp(80), 'accept'],
  ['everything, IPv6', ALL, v6(tcp(80)), 'accept'],
  ['no rule at all', () => [], tcp(80), 'drop'],
  ['no rule at all, IPv6', () => [], v6(tcp(80)), 'drop'],
  ['a port', () => [egress('tcp', '10.0.0.0/8', 80)], tcp(80), 'accept'],
  ['another port', () => [egress('tcp', '10.0.0.0/8', 80)], tcp(443), 'drop'],
  ['another range', () => [egress('tcp', '10.1.0.0/16', 80)], tcp(80), 'drop'],
  ['the server’s address', () => [egress('tcp', '10.0.1.20/32', 80)], tcp(80), 'accept'],
  ['the server’s address, IPv6', () => [egress('tcp', 'fd00:1::b/128', 80)], v6(tcp(80)), 'accept'],
  ['a group that the server is not in', ({ clients }) => [egress('tcp', clients, 80)], tcp(80), 'drop'],
  ['an ingress rule is no egress rule', () => [ingress('tcp', '0.0.0.0/0', 80)], tcp(80), 'drop'],
];

/** Two interfaces with groups of the row's making. */
function pair(clientRules: Rules, serverRules: Rules) {
  const world = new WorldBuilder();
  const vpc = world.vpc({ ipv6Range: 'fd00:1::/56' });
  const subnet = world.subnet(vpc, '10.0.1.0/24', { ipv6Range: 'fd00:1::/64' });
  const marker = world.group(vpc, []);
  const lists = { list4: world.prefixList(['10.0.1.8/29', '0.0.0.0/0']), list6: world.prefixList(['fd00:1::/64'], { family: 6 }) };
  const peers = { clients: marker, ...lists };
  const clients = world.group(vpc, clientRules(peers));
  const servers = world.group(vpc, serverRules(peers));
  const place = (address: string, ipv6: string, groups: SecurityGroup[]) =>
    world.networkInterface(subnet, address, { to: world.instance(vpc), groups, ipv6: [ipv6] });
  const client = place('10.0.1.10', 'fd00:1::a', [clients, marker]);
  const server = place('10.0.1.20', 'fd00:1::b', [servers]);
  return { router: new Router(world.snapshot()), client, server };
}

describe('ingress', () => {
  it.each(INGRESS)('%s', (_name, rules, spec, verdict) => {
    const { router, client, server } = pair(ALL, rules);
    const flow = router.flow(client, server, spec);
    expect(flow.original()).toBe(verdict);
    // Whatever may come in is answered, though the server's group lets nothing out.
    if (verdict === 'accept') expect(flow.reply()).toBe('accept');
    else expect(flow.last?.counted).toMatch(/^ingress-drops/);
  });
});

describe('egress', () => {
  it.each(EGRESS)('%s', (_name, rules, spec, verdict) => {
    const { router, client, server } = pair(rules, () => [ingress('-1', '0.0.0.0/0'), ingress('-1', '::/0')]);
    const flow = router.flow(client, server, spec);
    expect(flow.original()).toBe(verdict);
    // The client's group lets nothing in, but answers come back.
    if (verdict === 'accept') expect(flow.reply()).toBe('accept');
    else expect(flow.last?.counted).toMatch(/^egress-drops/);
  });
});

describe('joined', () => {
  const tcp = (...ports: [number, number][]) => ({
    anywhere: false,
    matches: [{ kind: 'protocol', number: 6, ports: ports.map(([from, to]) => ({ from, to })) } as const],
  });
  const from = (cidr: string) => ({ kind: 'address', side: 'src', cidr }) as const;

  it.each([
    ['ports of one protocol', [tcp([80, 80]), tcp([443, 443])], [tcp([80, 80], [443, 443])]],
    ['neighbouring and overlapping ports', [tcp([90, 95]), tcp([80, 89]), tcp([85, 92])], [tcp([80, 95])]],
    ['the same twice', [tcp([80, 80]), tcp([80, 80])], [tcp([80, 80])]],
    ['a range within another', [tcp([1, 100]), tcp([5, 6])], [tcp([1, 100])]],
  ])('%s', (_name, permissions, expected) => expect(joined(permissions)).toEqual(expected));

  it.each([
    ['peers', { ...tcp([80, 80]), matches: [...tcp([80, 80]).matches, from('10.0.0.0/8')] }],
    ['protocols', { anywhere: false, matches: [{ kind: 'protocol', number: 17, ports: [{ from: 80, to: 80 }] } as const] }],
    ['everywhere and somewhere', { ...tcp([80, 80]), anywhere: true }],
    ['some ports and all', { anywhere: false, matches: [{ kind: 'protocol', number: 6 } as const] }],
  ])('never of different %s', (_name, other) => expect(joined([tcp([81, 81]), other])).toEqual([tcp([81, 81]), other]));
});
