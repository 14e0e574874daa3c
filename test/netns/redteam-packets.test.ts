import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { gatewaysOf } from '../support/gateways.js';
import { attacker, hasScapy, type Listener, listener } from '../support/redteam.js';
import { inside } from '../support/traffic.js';
import { buildWorld, type Machine, useAgent } from '../support/world.js';

/**
 * A hostile instance sends what it likes; root in its namespace writes raw frames. Each attack is followed by the same packet as it is
 * allowed, which must arrive: so the attack was really sent, and everything before it has been dealt with.
 */
const setup = useAgent();
const [OPEN, CLOSED] = [5000, 6000];

type Counter = readonly [whose: 'attacker' | 'victim', counter: string];
interface Attack {
  readonly attack: string;
  /** Arrives at the victim's open port. */
  readonly allowed: string;
  /** Where a user sees that it was dropped. */
  readonly counted?: Counter;
}

const UDP4 = `IP(src=a,dst=v)/UDP(sport=1000,dport=${OPEN})/marker`;
const UDP6 = `IPv6(src=a6,dst=v6)/UDP(sport=1000,dport=${OPEN})/marker`;
const DHCP_OFFER = 'UDP(sport=67,dport=68)/BOOTP(op=2,yiaddr=n)/DHCP(options=[("message-type","offer"),"end"])/marker';

const against = (allowed: string, counted: Counter | undefined, attacks: Readonly<Record<string, string>>): [string, Attack][] =>
  Object.entries(attacks).map(([name, attack]) => [name, { attack, allowed, ...(counted && { counted }) }]);

/** The closed port, and beside each attack the same with the open one. */
const toPort = (attacks: Readonly<Record<string, (port: number) => string>>): [string, Attack][] =>
  Object.entries(attacks).map(([name, packet]) => [
    name,
    { attack: packet(CLOSED), allowed: packet(OPEN), counted: ['victim', 'ingressGroupDrops'] },
  ]);

const ATTACKS: readonly [string, Attack][] = [
  ...against(UDP4, ['attacker', 'sourceCheckDrops'], {
    "a neighbour's source": `IP(src=n,dst=v)/UDP(dport=${OPEN})/marker`,
    "the gateway's source": `IP(src=gw,dst=v)/UDP(dport=${OPEN})/marker`,
    "the victim's own source": `IP(src=v,dst=v)/UDP(dport=${OPEN})/marker`,
    'a source on the internet': `IP(src="198.51.100.7",dst=v)/UDP(dport=${OPEN})/marker`,
    'a loopback source': `IP(src="127.0.0.1",dst=v)/UDP(dport=${OPEN})/marker`,
    'a broadcast source': `IP(src="255.255.255.255",dst=v)/UDP(dport=${OPEN})/marker`,
    "a neighbour's source in fragments": `fragment(IP(src=n,dst=v)/UDP(dport=${OPEN})/marker/("x"*64), fragsize=16)`,
    "a neighbour's source under another MAC": `Ether(src="02:de:ad:be:ef:01",dst=router)/IP(src=n,dst=v)/UDP(dport=${OPEN})/marker`,
    'a DHCP server without an address': `Ether(src=own_mac,dst="ff:ff:ff:ff:ff:ff")/IP(src="0.0.0.0",dst="255.255.255.255")/${DHCP_OFFER}`,
    "an ICMP redirect in the gateway's name": 'IP(src=gw,dst=v)/ICMP(type=5,code=1,gw=a)/IP(src=v,dst=n)/UDP()/marker',
    "a question for another's metadata": 'IP(src=v,dst="169.254.169.254")/TCP(dport=80,flags="S")/marker',
  }),
  ...against(UDP6, ['attacker', 'sourceCheckDrops'], {
    "a neighbour's IPv6 source": `IPv6(src=n6,dst=v6)/UDP(dport=${OPEN})/marker`,
    "the router's link-local source": `IPv6(src="fe80::ff:fe00:1",dst=v6)/UDP(dport=${OPEN})/marker`,
    'a mapped IPv4 source': `IPv6(src="::ffff:10.0.6.9",dst=v6)/UDP(dport=${OPEN})/marker`,
    "a router advertisement in the router's name": 'IPv6(src="fe80::ff:fe00:1",dst="ff02::1")/ICMPv6ND_RA()/marker',
    "a neighbour's advertisement from its address":
      'IPv6(src=n6,dst=v6,hlim=255)/ICMPv6ND_NA(tgt=n6,R=0,S=1,O=1)/ICMPv6NDOptDstLLAddr(lladdr=own_mac)/marker',
  }),
  // To the router itself: what it is not there for.
  ...against(UDP4, ['attacker', 'egressGroupDrops'], {
    "the router's ports": '[IP(src=a,dst=gw)/TCP(dport=port,flags="S")/marker for port in (22, 80, 8780)]',
    'other ports where metadata is': 'IP(src=a,dst="169.254.169.254")/TCP(dport=8780,flags="S")/marker',
    'IP in IP': `IP(src=a,dst=gw)/IP(src=n,dst=v)/UDP(dport=${OPEN})/marker`,
    GRE: `IP(src=a,dst=gw)/GRE()/IP(src=n,dst=v)/UDP(dport=${OPEN})/marker`,
    'IPv6 in IPv4': `IP(src=a,dst=gw,proto=41)/IPv6(src=n6,dst=v6)/UDP(dport=${OPEN})/marker`,
    VXLAN: `IP(src=a,dst=gw)/UDP(dport=4789)/VXLAN(vni=1)/Ether()/IP(src=n,dst=v)/UDP(dport=${OPEN})/marker`,
    'a DHCP server': `Ether(src=own_mac,dst="ff:ff:ff:ff:ff:ff")/IP(src=a,dst="255.255.255.255")/${DHCP_OFFER}`,
    'a multicast to all hosts': `Ether(src=own_mac,dst="01:00:5e:00:00:01")/IP(src=a,dst="224.0.0.1")/UDP(dport=${OPEN})/marker`,
    'an ICMP redirect to the router': 'IP(src=a,dst=gw)/ICMP(type=5,code=1,gw=a)/IP(src=gw,dst=n)/UDP()/marker',
  }),
  ...against(UDP6, ['attacker', 'egressGroupDrops'], {
    "the router's ports over IPv6": '[IPv6(src=a6,dst=gw6)/TCP(dport=port,flags="S")/marker for port in (22, 80, 8780)]',
    'IPv4 in IPv6': `IPv6(src=a6,dst=gw6,nh=4)/IP(src=n,dst=v)/UDP(dport=${OPEN})/marker`,
    'a routing header': `IPv6(src=a6,dst=gw6)/IPv6ExtHdrRouting(type=0,addresses=[v6])/UDP(dport=${OPEN})/marker`,
  }),
  ...toPort({
    'a closed port': (port) => `IP(src=a,dst=v)/UDP(sport=2000,dport=${port})/marker`,
    'a closed port from another MAC': (port) =>
      `Ether(src="02:de:ad:be:ef:02",dst=router)/IP(src=a,dst=v)/UDP(sport=2001,dport=${port})/marker`,
    'a closed port in tiny fragments': (port) =>
      `fragment(IP(id=7${port % 1000},src=a,dst=v)/UDP(sport=2002,dport=${port})/marker/("x"*40), fragsize=8)`,
    'a closed port, last fragment first': (port) =>
      `fragment(IP(id=8${port % 1000},src=a,dst=v)/UDP(sport=2003,dport=${port})/marker/("x"*40), fragsize=24)[::-1]`,
    'a closed port behind IP options': (port) => `IP(src=a,dst=v,options=[IPOption_NOP()]*4)/UDP(sport=2004,dport=${port})/marker`,
    'a closed port under a priority tag': (port) =>
      `Ether(src=own_mac,dst=router)/Dot1Q(vlan=0,prio=7)/IP(src=a,dst=v)/UDP(sport=2005,dport=${port})/marker`,
    'a closed port over IPv6': (port) => `IPv6(src=a6,dst=v6)/UDP(sport=2006,dport=${port})/marker`,
    'a closed port in IPv6 fragments': (port) =>
      `fragment6(IPv6(src=a6,dst=v6)/IPv6ExtHdrFragment(id=9${port})/UDP(sport=2007,dport=${port})/marker/("x"*2000), 1280)`,
    'a closed port in the only IPv6 fragment': (port) =>
      `IPv6(src=a6,dst=v6)/IPv6ExtHdrFragment(id=10${port})/UDP(sport=2008,dport=${port})/marker`,
    'a closed port behind IPv6 options': (port) =>
      `IPv6(src=a6,dst=v6)/IPv6ExtHdrHopByHop()/IPv6ExtHdrDestOpt()/UDP(sport=2009,dport=${port})/marker`,
  }),
  ...against(UDP4, ['victim', 'ingressGroupDrops'], {
    'a TCP port': 'IP(src=a,dst=v)/TCP(dport=22,flags="S")/marker',
    'an answer to no question': `IP(src=a,dst=v)/TCP(sport=22,dport=${OPEN},flags="SA")/marker`,
    'an ICMP error about no flow': `IP(src=a,dst=v)/ICMP(type=3,code=1)/IP(src=v,dst=a)/UDP(sport=9,dport=9)/marker`,
    'a tunnel to the victim': `IP(src=a,dst=v)/IP(src=n,dst=v)/UDP(dport=${OPEN})/marker`,
    'an unknown protocol': 'IP(src=a,dst=v,proto=253)/marker',
  }),
  // Frames that mean nothing to a router.
  ...against(UDP4, ['attacker', 'frameDrops'], {
    'a VLAN tag': `Ether(src=own_mac,dst=router)/Dot1Q(vlan=5)/IP(src=a,dst=v)/UDP(dport=${OPEN})/marker`,
    'two VLAN tags': `Ether(src=own_mac,dst=router)/Dot1AD(vlan=5)/Dot1Q(vlan=6)/IP(src=a,dst=v)/UDP(dport=${OPEN})/marker`,
    "the victim's MAC": `Ether(src=own_mac,dst=v_mac)/IP(src=a,dst=v)/UDP(dport=${OPEN})/marker`,
    'an unknown kind of frame': 'Ether(src=own_mac,dst=router,type=0x88b5)/marker',
  }),
  // What the kernel itself drops before any rule: see enid_router_discards_total.
  ...against(UDP4, undefined, {
    'loose source routing': `IP(src=a,dst=gw,options=[IPOption_LSRR(routers=[v])])/UDP(dport=${OPEN})/marker`,
    'strict source routing': `IP(src=a,dst=gw,options=[IPOption_SSRR(routers=[v])])/UDP(dport=${OPEN})/marker`,
    'a broken header': `IP(src=a,dst=v,ihl=4)/UDP(dport=${OPEN})/marker`,
    'a wrong checksum': `IP(src=a,dst=v,chksum=1)/UDP(dport=${OPEN})/marker`,
    'a broken total length': `IP(src=a,dst=v,len=2000)/UDP(dport=${OPEN})/marker`,
    'a broadcast frame to the victim': `Ether(src=own_mac,dst="ff:ff:ff:ff:ff:ff")/IP(src=a,dst=v)/UDP(dport=${OPEN})/marker`,
    'a multicast group': `Ether(src=own_mac,dst="01:00:5e:01:01:01")/IP(src=a,dst="239.1.1.1")/UDP(dport=${OPEN})/marker`,
    "the subnet's broadcast": `IP(src=a,dst="10.0.6.255")/UDP(dport=${OPEN})/marker`,
    'a reserved destination': `IP(src=a,dst="240.0.0.1")/UDP(dport=${OPEN})/marker`,
    'a fragment without a first': `fragment(IP(id=555,src=a,dst=v)/UDP(dport=${OPEN})/("x"*32)/marker, fragsize=32)[1:]`,
    'overlapping fragments': `[
      IP(id=666,src=a,dst=v,flags="MF",proto=17)/Raw(bytes(UDP(sport=3000,dport=${OPEN},len=48,chksum=0))+b"a"*24),
      IP(id=666,src=a,dst=v,frag=0,flags="MF",proto=17)/Raw(bytes(UDP(sport=3000,dport=${CLOSED},len=48,chksum=0))),
      IP(id=666,src=a,dst=v,frag=2,proto=17)/Raw(bytes(marker)+b"b"*16)]`,
    'a gratuitous ARP for a neighbour': 'Ether(src=own_mac,dst="ff:ff:ff:ff:ff:ff")/ARP(op=1,hwsrc=own_mac,psrc=n,pdst=n)/marker',
    'a gratuitous ARP for the gateway': 'Ether(src=own_mac,dst="ff:ff:ff:ff:ff:ff")/ARP(op=2,hwsrc=own_mac,psrc=gw,pdst=gw)/marker',
    'an ARP answer about a neighbour, to the router':
      'Ether(src=own_mac,dst=router)/ARP(op=2,hwsrc=own_mac,psrc=n,hwdst=router,pdst=gw)/marker',
    "an ARP question with a neighbour's address":
      'Ether(src=own_mac,dst="ff:ff:ff:ff:ff:ff")/ARP(op=1,hwsrc=own_mac,psrc=n,pdst=gw)/marker',
    'an ARP answer to the victim': 'Ether(src=own_mac,dst=v_mac)/ARP(op=2,hwsrc=own_mac,psrc=n,hwdst=v_mac,pdst=v)/marker',
    'a neighbour advertisement about another':
      'IPv6(src=a6,dst="ff02::1",hlim=255)/ICMPv6ND_NA(tgt=n6,R=0,S=0,O=1)/ICMPv6NDOptDstLLAddr(lladdr=own_mac)/marker',
    'a neighbour advertisement about another, to the router':
      'IPv6(src=a6,dst="fe80::ff:fe00:1",hlim=255)/ICMPv6ND_NA(tgt=n6,R=0,S=1,O=1)/ICMPv6NDOptDstLLAddr(lladdr=own_mac)/marker',
    'a router advertisement':
      'IPv6(src=a_ll,dst="ff02::1",hlim=255)/ICMPv6ND_RA(routerlifetime=1800)/ICMPv6NDOptPrefixInfo(prefix="fd66::",prefixlen=64)/marker',
    'a loopback destination': `IP(src=a,dst="127.0.0.1")/UDP(dport=${OPEN})/marker`,
    'the IPv6 loopback destination': `IPv6(src=a6,dst="::1")/UDP(dport=${OPEN})/marker`,
    "another VPC's machine, at an address that nobody has here": `IP(src=a,dst=w)/UDP(dport=${OPEN})/marker`,
    "another VPC's range, over the internet": `IP(src=a,dst="10.9.1.9")/UDP(dport=${OPEN})/marker`,
    'the host on the lab’s internet': `IP(src=a,dst="198.51.100.1")/UDP(dport=${OPEN})/marker`,
    'an address of the host': `IP(src=a,dst="192.0.2.99")/UDP(dport=${OPEN})/marker`,
    "the host's link-local address": `IPv6(src=a6,dst=host_ll)/UDP(dport=${OPEN})/marker`,
    "the host's IPv6 address": `IPv6(src=a6,dst="2001:db8:99::99")/UDP(dport=${OPEN})/marker`,
  }),
];

async function battlefield() {
  const world = await setup.world({ ipv6: true });
  const { agent, vpcId, instance, group } = world;
  const { internetGateway, routeTable, elasticIp, associate } = gatewaysOf(world);
  await onHost('ip', 'address', 'replace', '192.0.2.99/32', 'dev', 'lo');
  await onHost('ip', 'address', 'replace', '2001:db8:99::99/128', 'dev', 'lo');
  const { ipv6 } = await agent.ok('GET', `/v1/vpcs/${vpcId}`);
  const range = ipv6.cidrBlock.replace(/\/56$/, '/64');
  const { subnetId } = await agent.ok('POST', '/v1/subnets', {
    vpcId,
    cidrBlock: '10.0.6.0/24',
    ipv6: range,
    availabilityZone: 'us-east-1a',
  });
  const victims = await group(`udp/${OPEN} from any`, `udp/${OPEN} from ::/0`);
  const machine = async () => instance({ subnetId, groupIds: [victims], ipv6AddressCount: 1 });
  const [a, v, n] = [await machine(), await machine(), await machine()];
  const igw = await internetGateway();
  await routeTable(subnetId, ['0.0.0.0/0', igw], ['::/0', igw]);
  for (const { eni } of [a, v]) await associate((await elasticIp()).allocationId, { networkInterfaceId: eni.networkInterfaceId });
  // The same ranges, and one more, where everything is let in.
  const other = await buildWorld(agent);
  const open = await other.group('all from any');
  const elsewhere = await agent.ok('POST', '/v1/subnets', { vpcId: other.vpcId, cidrBlock: '10.0.6.0/24', availabilityZone: 'us-east-1a' });
  const w = await other.instance({ subnetId: elsewhere.subnetId, groupIds: [open], privateIpAddress: '10.0.6.200' });
  const gateways = gatewaysOf(other);
  await gateways.routeTable(elsewhere.subnetId, ['0.0.0.0/0', await gateways.internetGateway()]);

  const ipv6Of = async ({ eni }: Machine) => {
    const [first] = (await agent.ok('GET', `/v1/network-interfaces/${eni.networkInterfaceId}`)).ipv6Addresses;
    return (first.ipv6Address ?? first) as string;
  };
  const linkLocal = async (device: string, netns?: string) => {
    const argv = ['-j', '-6', 'address', 'show', 'dev', device, 'scope', 'link'];
    const { stdout } = netns ? await inside(netns, 'ip', ...argv) : await onHost('ip', ...argv);
    return (JSON.parse(stdout) as any[]).flatMap(({ addr_info = [] }) => addr_info).find(({ local }) => local !== undefined)
      .local as string;
  };
  const names = {
    ...{ a: a.address, v: v.address, n: n.address, w: w.address, gw: '10.0.6.1' },
    ...{ a6: await ipv6Of(a), v6: await ipv6Of(v), n6: await ipv6Of(n), gw6: range.replace('/64', '1') },
    ...{ router: '02:00:00:00:00:01', v_mac: v.eni.macAddress, a_ll: await linkLocal('eth0', a.instanceId) },
    host_ll: await linkLocal('enid-internet'),
  };
  const counter = async ([whose, field]: Counter): Promise<number> => {
    const { eni } = whose === 'attacker' ? a : v;
    return (await agent.ok('GET', `/v1/network-interfaces/${eni.networkInterfaceId}/counters`))[field];
  };
  return { agent, vpcId, a, v, n, w, names, counter };
}

/** In the test's own namespace, which is the host's. */
async function onHost(file: string, ...argv: string[]) {
  return execa(file, argv);
}

async function arrives(at: Listener, marker: string): Promise<void> {
  await expect.poll(async () => (await at.seen()).has(marker), { timeout: 5000, interval: 10, message: `${marker} arrives` }).toBe(true);
}

const neighbours = async (netns: string) =>
  (await inside(netns, 'ip', 'neigh', 'show', 'nud', 'permanent')).stdout.split('\n').sort().join('\n');

describe.skipIf(!hasScapy)('a hostile instance (needs scapy: python3-scapy)', () => {
  it('gets nothing past the router, and what is dropped is counted', { timeout: 240_000 }, async () => {
    const { agent, vpcId, a, v, n, w, names, counter } = await battlefield();
    const [victim, neighbour, stranger, host, router] = await Promise.all([
      listener(v.instanceId, OPEN, CLOSED),
      listener(n.instanceId),
      listener(w.instanceId),
      listener(undefined, OPEN),
      neighbours(vpcId),
    ]);
    const routes = (await inside(v.instanceId, 'ip', '-6', 'route')).stdout;
    const { send } = await attacker(a.instanceId, names);
    const findings: string[] = [];
    for (const [i, [name, { attack, allowed, counted }]] of ATTACKS.entries()) {
      const before = counted && (await counter(counted));
      await send(attack, `attack-${i}`);
      await send(allowed, `allowed-${i}`);
      await arrives(victim, `allowed-${i}`);
      if (counted && before !== undefined && (await counter(counted)) <= before) findings.push(`not counted (${counted}): ${name}`);
    }
    for (const [who, each] of Object.entries({ victim, neighbour, stranger, host })) {
      const seen = await each.seen();
      for (const [i, [name]] of ATTACKS.entries()) if (seen.has(`attack-${i}`)) findings.push(`reached the ${who}: ${name}`);
    }
    expect(findings).toEqual([]);
    const delivered = await victim.delivered();
    for (const i of ATTACKS.keys()) expect([i, delivered[`allowed-${i}`]]).toEqual([i, [OPEN]]);
    // Nobody's neighbours and routes have changed.
    expect(await neighbours(vpcId)).toBe(router);
    expect((await inside(v.instanceId, 'ip', '-6', 'route')).stdout).toBe(routes);
    const metrics = await (await fetch(`${agent.endpoint}/metrics`)).text();
    for (const by of ['header', 'fragment'])
      expect(metrics).toMatch(new RegExp(`enid_router_discards_total\\{vpc_id="${vpcId}",by="${by}"\\} [1-9]`));
  });
});
