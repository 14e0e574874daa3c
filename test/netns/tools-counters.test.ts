import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readCounters } from '../../agent/kernel/counters.js';
import { run } from '../../agent/kernel/exec.js';
import { addMembers, ensureSets } from '../../agent/kernel/netlink/nft-sets.js';
import { createNetns } from '../../agent/kernel/netns.js';
import { DROP_SETS, SET } from '../../agent/kernel/resources.js';
import { NamespaceSockets } from '../../agent/kernel/sockets.js';
import { nft } from '../support/kernel.js';

const ROUTER = 'vpc-00000000000000001';
const A = { netns: 'i-0000000000000000a', hostEnd: 'e4a000000000000', address: '10.0.1.10', address6: '2001:db8::a' };
const B = { netns: 'i-0000000000000000b', hostEnd: 'e8f000000000000', address: '10.0.2.11', address6: '2001:db8::b' };
const sockets = new NamespaceSockets();
const ip = (netns: string, line: string) => run('ip', line.split(' '), { netns, timeoutMs: 5000 });
/** Sends pings in quick succession; returns how many answers came. */
async function ping(from: { netns: string }, count: number, ...argv: string[]): Promise<number> {
  const { stdout } = await run('sh', ['-c', 'ping "$@" || true', 'sh', '-i', '0.05', '-W', '0.3', '-c', String(count), ...argv], {
    netns: from.netns,
    timeoutMs: 10_000,
  });
  return Number(/(\d+) received/.exec(stdout)?.[1]);
}
const counters = () => readCounters(sockets, ROUTER, [{ hostEnd: A.hostEnd }, { hostEnd: B.hostEnd }, { hostEnd: 'eabsent' }]);
const of = (end: { hostEnd: string }) => {
  const found = counters().get(end.hostEnd);
  if (!found) throw new Error(`no counters of ${end.hostEnd}`);
  return found;
};

beforeAll(async () => {
  for (const netns of [ROUTER, A.netns, B.netns]) createNetns(netns);
  await ip(ROUTER, 'link set lo up');
  for (const { netns, hostEnd, address, address6 } of [A, B]) {
    await ip(ROUTER, `link add ${hostEnd} group 1 type veth peer name eth0 netns ${netns}`);
    for (const setting of [
      `net.ipv4.conf.${hostEnd}.proxy_arp=1`,
      `net.ipv4.neigh.${hostEnd}.proxy_delay=0`,
      `net.ipv6.conf.${hostEnd}.accept_dad=0`,
      'net.ipv4.ip_forward=1',
      'net.ipv6.conf.all.forwarding=1',
    ])
      await run('sysctl', ['-q', '-w', setting], { netns: ROUTER, timeoutMs: 5000 });
    await run('sysctl', ['-q', '-w', 'net.ipv6.conf.eth0.accept_dad=0'], { netns, timeoutMs: 5000 });
    await ip(ROUTER, `link set ${hostEnd} up`);
    await ip(netns, 'link set eth0 up');
    await ip(ROUTER, `route add ${address}/32 dev ${hostEnd}`);
    await ip(ROUTER, `route add ${address6}/128 dev ${hostEnd}`);
    await ip(netns, `addr add ${address}/32 dev eth0`);
    await ip(netns, `addr add ${address6}/128 dev eth0 nodad`);
    await ip(netns, 'route add default dev eth0');
    const { stdout } = await ip(ROUTER, `-6 addr show dev ${hostEnd} scope link`);
    await ip(netns, `route add default via ${/inet6 (\S+)\//.exec(stdout)?.[1]} dev eth0`);
  }
  const netfilter = sockets.netfilter(ROUTER);
  const families = [4, 6] as const;
  const { outcomes } = ensureSets(
    netfilter,
    families.flatMap((family) => [
      { name: SET.own(family), type: 'address,device' as const, family, counters: false },
      ...DROP_SETS.map((name) => ({ name: name(family), type: 'device' as const, family, counters: true })),
    ]),
  );
  const members = [A, B].flatMap(({ hostEnd, address, address6 }) => [
    { set: SET.own(4), entry: `${address},${hostEnd}` },
    { set: SET.own(6), entry: `${address6},${hostEnd}` },
    ...families.flatMap((family) => DROP_SETS.map((name) => ({ set: name(family), entry: hostEnd }))),
  ]);
  expect([...outcomes, ...addMembers(netfilter, members)].filter((failure) => failure !== null)).toEqual([]);
  for (const family of families) for (const line of rulesFor(family)) nft(ROUTER, line);
  // Sources that are not the interface's, and a route that leads astray.
  await ip(A.netns, 'addr add 7.7.7.7/32 dev eth0');
  await ip(A.netns, 'addr add 2001:db8:7::7/128 dev eth0 nodad');
  await ip(ROUTER, `route add 9.9.9.9/32 via ${B.address} dev ${B.hostEnd} onlink`);
  await ip(ROUTER, `route add 2001:db8:9::9/128 via ${B.address6} dev ${B.hostEnd} onlink`);
});
afterAll(() => sockets.close());

/**
 * The drop rules of a router. In place of groups, which let through what they do, hop limits: what comes with 42 is for no egress rule,
 * with 32 for no ingress rule.
 */
function rulesFor(family: 4 | 6): string[] {
  const [ip, hops] = family === 4 ? ['ip', 'ip ttl'] : ['ip6', 'ip6 hoplimit'];
  const before = family === 6 ? ['ip6 saddr fe80::/10 accept', 'ip6 saddr :: accept'] : [];
  const prerouting = [
    ...before,
    `iifgroup & 0x1 == 0x1 ${ip} saddr . iifname != @own${family} iifname @source-check-drops${family} drop`,
    `iifgroup & 0x1 == 0x1 ${ip} saddr . iifname != @own${family} drop`,
  ];
  const forward = [
    `oifgroup & 0x1 == 0x1 ${ip} daddr . oifname != @own${family} oifname @dest-check-drops${family} drop`,
    `${hops} 41 iifname @egress-drops${family} drop`,
    `${hops} 31 oifname @ingress-drops${family} drop`,
  ];
  return [
    `add chain ${ip} enid prerouting { type filter hook prerouting priority -300; }`,
    `add chain ${ip} enid forward { type filter hook forward priority 0; }`,
    ...prerouting.map((line) => `add rule ${ip} enid prerouting ${line}`),
    ...forward.map((line) => `add rule ${ip} enid forward ${line}`),
  ];
}

it('traffic is counted as the instance sees it', async () => {
  const before = { a: of(A), b: of(B) };
  expect(await ping(A, 3, B.address)).toBe(3);
  const after = { a: of(A), b: of(B) };
  // The first packets of a device may bring ARP and router solicitations with them, so at least.
  expect(after.a.txPackets - before.a.txPackets).toBeGreaterThanOrEqual(3);
  expect(after.b.rxPackets - before.b.rxPackets).toBeGreaterThanOrEqual(3);
  expect(after.b.rxBytes - before.b.rxBytes).toBeGreaterThanOrEqual(3 * 98);
  // A router solicitation may come between the two readings: then once more.
  await vi.waitFor(async () => {
    const { stdout } = await ip(A.netns, '-j -s link show eth0');
    const [{ stats64 }] = JSON.parse(stdout) as [{ stats64: Record<'rx' | 'tx', { packets: number; bytes: number }> }];
    expect(of(A)).toMatchObject({
      rxPackets: stats64.rx.packets,
      rxBytes: stats64.rx.bytes,
      txPackets: stats64.tx.packets,
      txBytes: stats64.tx.bytes,
    });
  });
});

const none = { ingressGroupDrops: 0, egressGroupDrops: 0, sourceCheckDrops: 0, destinationCheckDrops: 0 };
const drops = (end: { hostEnd: string }) => {
  const { ingressGroupDrops, egressGroupDrops, sourceCheckDrops, destinationCheckDrops } = of(end);
  return { ingressGroupDrops, egressGroupDrops, sourceCheckDrops, destinationCheckDrops };
};

describe('drops are counted at the interface that they concern, and only there', () => {
  it.each([
    ['egress rules', ['-t', '42', B.address], A, 'egressGroupDrops'],
    ['egress rules, IPv6', ['-t', '42', B.address6], A, 'egressGroupDrops'],
    ['ingress rules', ['-t', '32', B.address], B, 'ingressGroupDrops'],
    ['ingress rules, IPv6', ['-t', '32', B.address6], B, 'ingressGroupDrops'],
    ['source check', ['-I', '7.7.7.7', B.address], A, 'sourceCheckDrops'],
    ['source check, IPv6', ['-I', '2001:db8:7::7', B.address6], A, 'sourceCheckDrops'],
    ['destination check', ['9.9.9.9'], B, 'destinationCheckDrops'],
    ['destination check, IPv6', ['-I', A.address6, '2001:db8:9::9'], B, 'destinationCheckDrops'],
  ] as const)('%s', async (_name, argv, concerned, counter) => {
    const before = { a: drops(A), b: drops(B) };
    expect(await ping(A, 4, ...argv)).toBe(0);
    const added = (end: typeof A, was: typeof none) =>
      Object.fromEntries(Object.entries(drops(end)).map(([name, value]) => [name, value - was[name as keyof typeof none]]));
    expect(added(A, before.a)).toEqual({ ...none, ...(concerned === A && { [counter]: 4 }) });
    expect(added(B, before.b)).toEqual({ ...none, ...(concerned === B && { [counter]: 4 }) });
  });
});

it('what does not exist is left out', () => {
  expect([...counters().keys()].sort()).toEqual([A.hostEnd, B.hostEnd]);
  expect(readCounters(sockets, 'vpc-absent', [{ hostEnd: A.hostEnd }]).size).toBe(0);
});

it('many devices are read at once, with the same result', async () => {
  const many = Array.from({ length: 100 }, (_, i) => ({ hostEnd: `eabsent${i}` }));
  const found = readCounters(sockets, ROUTER, [...many, { hostEnd: A.hostEnd }]);
  expect([...found.keys()]).toEqual([A.hostEnd]);
  expect(found.get(A.hostEnd)).toEqual(counters().get(A.hostEnd));
});
