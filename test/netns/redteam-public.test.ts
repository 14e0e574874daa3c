import { describe, expect, it } from 'vitest';
import { gatewaysOf } from '../support/gateways.js';
import { attacker, hasScapy, type Listener, listener } from '../support/redteam.js';
import { inside } from '../support/traffic.js';
import { type Machine, useAgent } from '../support/world.js';

/**
 * A hostile instance and the elastic addresses of others. As in `redteam-packets` each attack is followed by the same as it is allowed, which
 * must arrive: so the attack was sent, and everything before it has been dealt with.
 */
const setup = useAgent();
const [OPEN, CLOSED] = [5000, 6000];
const INTERNET = 'internet';
const EVERYTHING = '0.0.0.0/0';
/** A machine on the lab's internet. */
const SERVER = '198.51.100.80';
/** Where a route leads that has lost its target. */
const LOST = '192.168.7.0/24';

type Counter = readonly [whose: 'attacker' | 'victim' | 'closed', counter: string];
type Place = 'victim' | 'closed' | 'internet';
const EVERYWHERE: readonly Place[] = ['victim', 'closed', 'internet'];
/** What an elastic address is asked for goes by the gateway, and is dropped behind it. */
const MACHINES: readonly Place[] = ['victim', 'closed'];

interface Attack {
  readonly name: string;
  readonly packet: string;
  /** Where a user sees it. */
  readonly counted: Counter;
  readonly unseen: readonly Place[];
}

const attacks = (counted: Counter, unseen: readonly Place[], packets: Readonly<Record<string, string>>): Attack[] =>
  Object.entries(packets).map(([name, packet]) => ({ name, packet, counted, unseen }));

/** In scapy's terms: `a` attacks, `vp` and `cp` are elastic addresses of others, `ap` its own, `fp` nobody's. */
const ATTACKS: readonly Attack[] = [
  ...attacks(['attacker', 'sourceCheckDrops'], EVERYWHERE, {
    "another's elastic address as source, to the internet": `IP(src=vp,dst="${SERVER}")/UDP(dport=${OPEN})/marker`,
    "another's elastic address as source, to its owner": `IP(src=vp,dst=v)/UDP(dport=${OPEN})/marker`,
    "another's elastic address as source and destination": `IP(src=vp,dst=vp)/UDP(dport=${OPEN})/marker`,
    'its own elastic address as source': `IP(src=ap,dst="${SERVER}")/UDP(dport=${OPEN})/marker`,
    'an elastic address that nobody has as source': `IP(src=fp,dst="${SERVER}")/UDP(dport=${OPEN})/marker`,
    "an answer in another's name": `IP(src=vp,dst="${SERVER}")/TCP(sport=${OPEN},dport=80,flags="SA")/marker`,
    "an ICMP error in another's name": `IP(src=vp,dst="${SERVER}")/ICMP(type=3,code=1)/IP(src="${SERVER}",dst=vp)/UDP()/marker`,
  }),
  ...attacks(['closed', 'ingressGroupDrops'], MACHINES, {
    'an elastic address without any rule': `IP(src=a,dst=cp)/UDP(dport=${OPEN})/marker`,
    'the same in fragments': `fragment(IP(id=77,src=a,dst=cp)/UDP(dport=${OPEN})/marker/("x"*64), fragsize=16)`,
  }),
  ...attacks(['victim', 'ingressGroupDrops'], MACHINES, {
    'a closed port of an elastic address': `IP(src=a,dst=vp)/UDP(dport=${CLOSED})/marker`,
    'a connection to an elastic address': 'IP(src=a,dst=vp)/TCP(dport=22,flags="S")/marker',
  }),
  // It ends in the gateway, which is as far as it may get.
  ...attacks(['attacker', 'txPackets'], MACHINES, {
    'an elastic address that nobody has': `IP(src=a,dst=fp)/UDP(dport=${OPEN})/marker`,
  }),
  // What a router itself drops, or does not heed, passes no rule: it was sent, and that is all there is to see.
  ...attacks(['attacker', 'txPackets'], EVERYWHERE, {
    'where a route has lost its target': `IP(src=a,dst="192.168.7.7")/UDP(dport=${OPEN})/marker`,
    "a gratuitous ARP for another's elastic address":
      'Ether(src=own_mac,dst="ff:ff:ff:ff:ff:ff")/ARP(op=1,hwsrc=own_mac,psrc=vp,pdst=vp)/marker',
    "an ARP answer about another's elastic address, to the router":
      'Ether(src=own_mac,dst=router)/ARP(op=2,hwsrc=own_mac,psrc=vp,hwdst=router,pdst=gw)/marker',
    "an ARP question with another's elastic address":
      'Ether(src=own_mac,dst="ff:ff:ff:ff:ff:ff")/ARP(op=1,hwsrc=own_mac,psrc=vp,pdst=gw)/marker',
  }),
];

async function battlefield() {
  const world = await setup.world();
  const { agent, vpcId, subnetA, instance, group, networkInterface } = world;
  const { internetGateway, routeTable, elasticIp, associate, routeState } = gatewaysOf(world);
  const target = await networkInterface();
  const igw = await internetGateway();
  const table = await routeTable(subnetA, [EVERYTHING, igw], [LOST, target.networkInterfaceId]);
  expect(await routeState(table, LOST)).toBe('blackhole');
  const open = await group(`udp/${OPEN} from any`);
  const nothing = await group();
  const [a, v, closed] = [await instance(), await instance({ groupIds: [open] }), await instance({ groupIds: [nothing] })];
  const give = async ({ eni }: Machine) => {
    const { allocationId, publicIp } = await elasticIp();
    await associate(allocationId, { networkInterfaceId: eni.networkInterfaceId });
    return publicIp;
  };
  const [ap, vp, cp] = [await give(a), await give(v), await give(closed)];
  const names = { a: a.address, v: v.address, gw: '10.0.1.1', router: '02:00:00:00:00:01', ap, vp, cp, fp: (await elasticIp()).publicIp };
  const machines = { attacker: a, victim: v, closed };
  const counter = async ([whose, field]: Counter): Promise<number> => {
    const { networkInterfaceId } = machines[whose].eni;
    return (await agent.ok('GET', `/v1/network-interfaces/${networkInterfaceId}/counters`))[field];
  };
  return { vpcId, a, v, closed, names, counter };
}

async function arrives(at: Listener, marker: string): Promise<void> {
  await expect.poll(async () => (await at.seen()).has(marker), { timeout: 5000, interval: 10, message: `${marker} arrives` }).toBe(true);
}

const neighbours = async (netns: string) => (await inside(netns, 'ip', 'neigh', 'show', 'nud', 'permanent')).stdout.split('\n').sort();

describe.skipIf(!hasScapy)('a hostile instance and the elastic addresses of others (needs scapy: python3-scapy)', () => {
  it('sends nothing in their name, gets in nowhere without a rule, and takes nothing that is theirs', { timeout: 120_000 }, async () => {
    const { vpcId, a, v, closed, names, counter } = await battlefield();
    const [victim, closedOne, internet, thief, before] = await Promise.all([
      listener(v.instanceId, OPEN, CLOSED),
      listener(closed.instanceId, OPEN),
      listener(INTERNET),
      listener(a.instanceId, OPEN),
      neighbours(vpcId),
    ]);
    const { send } = await attacker(a.instanceId, names);
    const findings: string[] = [];
    for (const [i, { name, packet, counted }] of ATTACKS.entries()) {
      const count = await counter(counted);
      await send(packet, `attack-${i}`);
      const sent = await counter(counted);
      await send(`IP(src=a,dst=vp)/UDP(sport=1000,dport=${OPEN})/marker`, `allowed-${i}`);
      await arrives(victim, `allowed-${i}`);
      // The packet that was allowed is sent, too, and dropped nowhere.
      const now = counted[1] === 'txPackets' ? sent : await counter(counted);
      if (now <= count) findings.push(`not counted (${counted}): ${name}`);
    }
    const places = { victim, closed: closedOne, internet };
    for (const [place, each] of Object.entries(places)) {
      const seen = await each.seen();
      for (const [i, { name, unseen }] of ATTACKS.entries())
        if (unseen.includes(place as Place) && seen.has(`attack-${i}`)) findings.push(`reached the ${place}: ${name}`);
    }
    expect(findings).toEqual([]);
    expect(await neighbours(vpcId)).toEqual(before);

    // Whoever gives himself the address gets nothing that is sent to it: neither from the internet nor from the VPC.
    await inside(a.instanceId, 'ip', 'address', 'add', `${names.vp}/32`, 'dev', 'eth0');
    await send('Ether(src=own_mac,dst="ff:ff:ff:ff:ff:ff")/ARP(op=2,hwsrc=own_mac,psrc=vp,pdst=vp)/marker', 'claim');
    const outside = await inside(INTERNET, 'bash', '-c', `echo -n '<<outside>>' > /dev/udp/${names.vp}/${OPEN}`);
    expect(outside.exitCode, outside.stderr).toBe(0);
    const neighbour = await attacker(closed.instanceId, { c: closed.address, vp: names.vp });
    await neighbour.send(`IP(src=c,dst=vp)/UDP(dport=${OPEN})/marker`, 'inside');
    for (const marker of ['outside', 'inside']) await arrives(victim, marker);
    const stolen = await thief.seen();
    expect(['outside', 'inside'].filter((marker) => stolen.has(marker))).toEqual([]);
  });
});
