import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../agent/kernel/exec.js';
import { createNetns } from '../../agent/kernel/netns.js';
import { readSysctls, writeSysctls } from '../../agent/kernel/sysctl.js';

const A = 'i-0000000000000000a';
const B = 'i-0000000000000000b';
const timeoutMs = 5000;
const CHAIN = 'add table ip t\nadd chain ip t c\n';
const directory = mkdtempSync(join(tmpdir(), 'enid-exec-'));

beforeAll(() => {
  createNetns(A);
  createNetns(B);
});

const netnsOf = async (options: { netns?: string }) => (await run('readlink', ['/proc/self/ns/net'], { ...options, timeoutMs })).stdout;
const here = () => run('readlink', [`/proc/${process.pid}/ns/net`], { timeoutMs }).then(({ stdout }) => stdout);

describe('running a tool', () => {
  it('happens in the named namespace, or in the own one', async () => {
    const [a, b, own] = await Promise.all([netnsOf({ netns: A }), netnsOf({ netns: B }), netnsOf({})]);
    expect(new Set([a, b, own]).size).toBe(3);
    expect(own).toBe(await here());
  });

  it('leaves the process in its own namespace, also when the tool does not exist', async () => {
    const before = await here();
    await expect(run('no-such-tool-of-enid', [], { netns: A, timeoutMs })).rejects.toMatchObject({ kind: 'unsupported' });
    expect(await here()).toBe(before);
  });

  it('takes arguments and input as they are', async () => {
    const odd = '$(touch x); "a" \' `id` \n*';
    expect((await run('printf', ['%s|', odd, 'b'], { timeoutMs })).stdout).toBe(`${odd}|b|`);
    expect((await run('cat', [], { input: `${odd}\n`, timeoutMs })).stdout).toBe(`${odd}\n`);
  });

  it('reads nothing when there is no input', async () => {
    expect((await run('cat', [], { timeoutMs })).stdout).toBe('');
  });

  it.each([
    [
      'a namespace that does not exist',
      () => run('true', [], { netns: 'i-absent', timeoutMs }),
      'not-found',
      /no network namespace i-absent/,
    ],
    [
      'a tool that is not installed',
      () => run('no-such-tool-of-enid', [], { timeoutMs }),
      'unsupported',
      /no-such-tool-of-enid: not installed/,
    ],
    [
      'a device that does not exist',
      () => run('ip', ['link', 'set', 'absent', 'up'], { netns: A, timeoutMs }),
      'not-found',
      /ip link set absent up: exit code 1: Cannot find device "absent"/,
    ],
    [
      'a value out of range',
      () => run('nft', ['-f', '-'], { input: `${CHAIN}add rule ip t c tcp dport 99999 drop\n`, netns: A, timeoutMs }),
      'other',
      /nft -f -: exit code 1: [\s\S]*99999/,
    ],
    [
      'a set that does not exist',
      () => run('nft', ['-f', '-'], { input: `${CHAIN}add rule ip t c ip saddr @absent drop\n`, netns: A, timeoutMs }),
      'not-found',
      /nft -f -: exit code 1: [\s\S]*absent/,
    ],
    [
      'words that the tool does not know',
      () => run('nft', ['-f', '-'], { input: 'add nonsense\n', netns: A, timeoutMs }),
      'invalid',
      /nft -f -: exit code 1: [\s\S]*nonsense/,
    ],
    ['too much output', () => run('yes', [], { timeoutMs, maxOutput: 1000 }), 'other', /yes: killed, as it printed too much/],
  ] as const)('fails in words: %s', async (_name, action, kind, words) => {
    await expect(action()).rejects.toMatchObject({ name: 'KernelError', kind, message: expect.stringMatching(words) });
  });

  it('kills a tool that hangs, and what it has started', async () => {
    const pids = join(directory, 'pids');
    const script = join(directory, 'hang.sh');
    writeFileSync(script, `sleep 300 & echo $$ $! > ${pids}; trap '' TERM; wait; sleep 300\n`);
    const started = performance.now();
    await expect(run('sh', [script], { timeoutMs: 300 })).rejects.toMatchObject({
      kind: 'timeout',
      message: expect.stringMatching(/killed after 300 ms/),
    });
    expect(performance.now() - started).toBeLessThan(2000);
    const running = readFileSync(pids, 'utf8').trim().split(' ').filter(isRunning);
    expect(running).toEqual([]);
  });

  it('kills the tool when its caller gives up, and does not start one for a caller that already has', async () => {
    const controller = new AbortController();
    const running = run('sleep', ['300'], { timeoutMs: 60_000, signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await expect(running).rejects.toMatchObject({ kind: 'other', message: 'sleep 300: killed, as its caller gave up' });
    const mark = join(directory, 'mark');
    await expect(run('touch', [mark], { timeoutMs, signal: controller.signal })).rejects.toThrow();
    expect(existsSync(mark)).toBe(false);
  });
});

/** A zombie that nobody has reaped yet counts as ended. */
function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('settings', () => {
  const value = (netns: string, path: string) => readSysctls(netns, [path]).get(path);

  it('are written and read in the namespace they belong to', () => {
    const settings = [
      { path: 'net/ipv4/ip_forward', value: '1' },
      { path: 'net/ipv6/conf/all/forwarding', value: '1' },
      { path: 'net/ipv4/ping_group_range', value: '0 2147483647' },
      { path: 'net/ipv4/neigh/lo/proxy_delay', value: '0' },
    ];
    expect(writeSysctls(A, settings)).toEqual([null, null, null, null]);
    const paths = settings.map(({ path }) => path);
    expect(readSysctls(A, paths)).toEqual(new Map(settings.map((setting) => [setting.path, setting.value])));
    expect(value(B, 'net/ipv4/ip_forward')).not.toBe('1');
    expect(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim()).toBe('0');
  });

  it.each([
    ['a device that does not exist', 'net/ipv4/conf/absent/rp_filter', '1', 'not-found', 'no device absent'],
    ['a setting that does not exist', 'net/ipv4/nonsense', '1', 'unsupported', 'no such setting'],
    ['a setting of a feature that is missing', 'net/nonsense/max', '1', 'unsupported', 'no such setting'],
    ['a value that the kernel refuses', 'net/ipv4/ip_forward', 'yes', 'invalid', 'set net/ipv4/ip_forward to yes: EINVAL'],
    ['a path that leads elsewhere', 'net/../kernel/hostname', 'x', 'invalid', "not a setting's path"],
  ] as const)('%s: refused, the others are written', (_name, path, wrong, kind, words) => {
    writeSysctls(B, [{ path: 'net/ipv4/ip_default_ttl', value: '64' }]);
    const results = writeSysctls(B, [
      { path, value: wrong },
      { path: 'net/ipv4/ip_default_ttl', value: '77' },
    ]);
    expect(results).toEqual([expect.objectContaining({ kind, message: expect.stringContaining(words) }), null]);
    expect(value(B, 'net/ipv4/ip_default_ttl')).toBe('77');
  });

  it('that do not exist are left out of what is read', () => {
    expect([...readSysctls(A, ['net/ipv4/nonsense', 'net/ipv4/ip_forward']).keys()]).toEqual(['net/ipv4/ip_forward']);
    expect(() => readSysctls('i-absent', [])).toThrow(expect.objectContaining({ kind: 'not-found' }));
  });
});
