import { describe, expect, it } from 'vitest';
import { attacker, hasScapy, listener } from '../support/redteam.js';
import { inside, openConnection, serve } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

/** Floods of new flows: whoever holds too many gets no more, and nobody else notices. */
const LIMIT = 640;
const setup = useAgent(['--flows-per-interface', String(LIMIT)]);
const PORT = 5000;

/** The same frame from many ports, without a checksum to mend. */
const fromPorts = (count: number) =>
  `(lambda f: [f[:34] + p.to_bytes(2, "big") + f[36:] for p in range(2000, ${2000 + count})])(bytes(Ether(src=own_mac,dst=router)/IP(src=a,dst=v)/UDP(dport=${PORT},chksum=0)/marker))`;
/** The same from many addresses: what is added to the source is taken from the IP id, so that the checksum holds. */
const fromAddresses = (count: number) =>
  `(lambda f: [f[:18] + (65535 - x).to_bytes(2, "big") + f[20:28] + x.to_bytes(2, "big") + f[30:] for x in range(1, ${1 + count})])(bytes(Ether(src=own_mac,dst=router)/IP(id=65535,src="198.18.0.0",dst=v)/UDP(sport=999,dport=${PORT},chksum=0)/marker))`;

async function battlefield() {
  const world = await setup.world();
  const { agent, vpcId, instance, group } = world;
  const open = await group(`udp/${PORT} from any`, 'tcp/7000 from any');
  const [a, v, n] = [await instance({ groupIds: [open] }), await instance({ groupIds: [open] }), await instance({ groupIds: [open] })];
  // Flows that nobody answers end soon.
  await inside(vpcId, 'sh', '-c', 'echo 8 >/proc/sys/net/netfilter/nf_conntrack_udp_timeout');
  const victim = await listener(v.instanceId, PORT);
  const names = { a: a.address, v: v.address, n: n.address, router: '02:00:00:00:00:01' };
  const [hostile, neighbour] = await Promise.all([attacker(a.instanceId, names), attacker(n.instanceId, names)]);
  const hasArrived = async (marker: string) => (await victim.seen()).has(marker);
  return {
    ...world,
    ...{ a, v, hostile },
    tracked: async () => Number((await inside(vpcId, 'cat', '/proc/sys/net/netfilter/nf_conntrack_count')).stdout),
    drops: async (): Promise<number> => {
      const counters = await agent.ok('GET', `/v1/network-interfaces/${a.eni.networkInterfaceId}/counters`);
      return counters.egressGroupDrops + counters.sourceCheckDrops;
    },
    neighbourPasses: async (marker: string) => {
      await neighbour.send(`IP(src=n,dst=v)/UDP(sport=1234,dport=${PORT})/marker`, marker);
      await expect.poll(() => hasArrived(marker), { timeout: 5000, interval: 20 }).toBe(true);
    },
    hasArrived,
  };
}

describe.skipIf(!hasScapy)('a flood of flows (needs scapy: python3-scapy)', { timeout: 180_000 }, () => {
  it('from one address: stops at the limit, is counted, and ends with the flood; flows that there are go on', async () => {
    const { a, v, hostile, tracked, drops, neighbourPasses, hasArrived } = await battlefield();
    await serve(v.instanceId, 'tcp:7000');
    const connection = await openConnection(a.instanceId, v.address, 7000);
    const few = await hostile.send(fromPorts(150), 'few');
    expect(await drops()).toBe(0);
    expect(await tracked()).toBeGreaterThanOrEqual(few);
    await hostile.send(fromPorts(6000), 'flood');
    expect(await drops()).toBeGreaterThan(2000);
    expect(await tracked()).toBeLessThan(LIMIT * 4);
    expect(await connection.answers()).toBe(true);
    await neighbourPasses('meanwhile');
    const again = async () => {
      await hostile.send(`IP(src=a,dst=v)/UDP(sport=1500,dport=${PORT})/marker`, 'again');
      return hasArrived('again');
    };
    expect(await again()).toBe(false);
    await expect.poll(again, { timeout: 60_000, interval: 500 }).toBe(true);
  });

  it('from many addresses, by an interface without source check: those have one limit together', async () => {
    const { agent, a, hostile, tracked, drops, neighbourPasses } = await battlefield();
    await agent.ok('PATCH', `/v1/network-interfaces/${a.eni.networkInterfaceId}`, { sourceDestCheck: false });
    await hostile.send(fromAddresses(20_000), 'flood');
    expect(await tracked()).toBeLessThan(LIMIT * 4 * 3);
    expect(await drops()).toBeGreaterThan(5000);
    await neighbourPasses('meanwhile');
  });
});
