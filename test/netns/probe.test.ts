import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ProbeTask, runProbes } from '../../agent/cli/lab/probe.js';

/** The prober between two plain namespaces, with a packet filter in the target: what it says must be what the packets did. */

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' });
const inside = (netns: string, ...args: string[]) => ip('netns', 'exec', netns, ...args);
const options = { timeoutMs: 300, signal: new AbortController().signal };

const task = (protocol: 'tcp' | 'udp' | 'icmp', port?: number, family: 4 | 6 = 4): ProbeTask => ({
  from: { namespace: 'probe-a' },
  to: { namespace: 'probe-b', address: family === 4 ? '192.0.2.2' : 'fd00::2' },
  probe: { protocol, family, ...(port !== undefined && { port }) },
  expected: 'dropped',
});
const verdicts = async (...tasks: ProbeTask[]) => (await runProbes(tasks, options)).map((result) => result.verdict);

describe.skipIf(process.getuid?.() !== 0)('prober', () => {
  beforeAll(() => {
    for (const [netns, host] of [
      ['probe-a', 1],
      ['probe-b', 2],
    ] as const) {
      ip('netns', 'add', netns);
      inside(netns, 'sysctl', '-qw', 'net.ipv4.ping_group_range=0 2147483647', 'net.ipv6.conf.default.accept_dad=0');
      if (host === 2) ip('-n', 'probe-a', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'probe-b');
    }
    for (const [netns, host] of [
      ['probe-a', 1],
      ['probe-b', 2],
    ] as const) {
      ip('-n', netns, 'address', 'add', `192.0.2.${host}/24`, 'dev', 'eth0');
      ip('-n', netns, 'address', 'add', `fd00::${host}/64`, 'dev', 'eth0', 'nodad');
      for (const device of ['lo', 'eth0']) ip('-n', netns, 'link', 'set', device, 'up');
    }
  });
  afterAll(() => {
    for (const netns of ['probe-a', 'probe-b']) ip('netns', 'delete', netns);
  });

  it('passes where nothing filters, over IPv4 and IPv6', async () => {
    const tasks = [task('tcp', 80), task('udp', 53), task('icmp'), task('tcp', 80, 6), task('udp', 53, 6), task('icmp', undefined, 6)];
    // The kernel reports the carrier of a new pair up to a second late, and IPv6 waits for it: what should pass is given that time.
    const patient = tasks.map((each) => ({ ...each, expected: 'passes' as const }));
    const results = await runProbes(patient, { ...options, timeoutMs: 700 });
    expect(results.map((result) => result.verdict)).toEqual(tasks.map(() => 'passes'));
  });

  it('tells dropped, refused and one-way from passing, and passes again when the filter is gone', async () => {
    for (const line of [
      'add table ip t; add chain ip t in { type filter hook input priority 0; }; add chain ip t out { type filter hook output priority 0; }',
      'add rule ip t in tcp dport 22 drop',
      'add rule ip t in tcp dport 23 reject with tcp reset',
      'add rule ip t out udp sport 53 drop',
      'add rule ip t in icmp type echo-request drop',
    ])
      inside('probe-b', 'nft', line);
    const tasks = [task('tcp', 22), task('tcp', 23), task('udp', 53), task('icmp'), task('tcp', 80)];
    expect(await verdicts(...tasks)).toEqual(['dropped', 'refused', 'one-way', 'dropped', 'passes']);
    inside('probe-b', 'nft', 'flush', 'ruleset');
    expect(await verdicts(...tasks)).toEqual(tasks.map(() => 'passes'));
  });

  it('is dropped without a route, and fails where the address is not', async () => {
    const far = { ...task('tcp', 80), to: { namespace: 'probe-b', address: '198.51.100.1' } };
    const [listenerFails] = await runProbes([far], options);
    expect(listenerFails).toMatchObject({ verdict: 'failed', detail: expect.stringContaining('cannot listen at 198.51.100.1') });
    expect(await verdicts({ ...task('icmp'), to: { namespace: 'probe-b', address: '198.51.100.1' } })).toEqual(['dropped']);
  });

  it("takes the answer of the instance's own listener", async () => {
    const server = spawn('ip', [
      'netns',
      'exec',
      'probe-b',
      process.execPath,
      '-e',
      "require('net').createServer(s => s.end()).listen(80, () => console.log('up'))",
    ]);
    try {
      await once(server.stdout, 'data');
      const [result] = await runProbes([task('tcp', 80)], options);
      expect(result).toMatchObject({ verdict: 'passes', detail: expect.stringContaining('listener of the instance') });
    } finally {
      server.kill('SIGKILL');
      await once(server, 'exit');
    }
  });

  it('leaves no socket behind and is fast: a thousand probes', async () => {
    const tasks = Array.from({ length: 1000 }, (_, i) => task('tcp', 1000 + (i % 50)));
    const start = performance.now();
    expect(new Set(await verdicts(...tasks))).toEqual(new Set(['passes']));
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(String(inside('probe-b', 'ss', '-Hltn'))).toBe('');
  });
});
