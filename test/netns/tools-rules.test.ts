import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fingerprint } from '../../agent/firewall/scan.js';
import { run } from '../../agent/kernel/exec.js';
import { probeFeatures } from '../../agent/kernel/features.js';
import { readFingerprint, restoreRuleset, saveRuleset } from '../../agent/kernel/iptables.js';
import { createNetns } from '../../agent/kernel/netns.js';

const NS = 'vpc-00000000000000001';
const timeoutMs = 5000;

beforeAll(() => void createNetns(NS));

/** A small rule set of our shape; `mark` makes another version of it. */
const ruleset = (mark: string) => `*raw
:PREROUTING ACCEPT [0:0]
:source-check - [0:0]
-A PREROUTING -m devgroup --src-group 0x1/0x1 -m comment --comment "enid:${mark}.0" -j source-check
-A source-check -m comment --comment "enid:${mark}1.0" -j DROP
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:sg-1.in - [0:0]
-A FORWARD -m conntrack --ctstate RELATED -m comment --comment "enid:${mark}2.0" -j ACCEPT
-A FORWARD -m connmark --mark 0x3/0x3 -m comment --comment "enid:${mark}2.1" -j ACCEPT
-A sg-1.in -p tcp -m tcp --dport 22 -m comment --comment "enid:${mark}3.0" -j ACCEPT
COMMIT
`;

describe.each([4, 6] as const)('rules of a namespace, IPv%i', (family) => {
  const tool = family === 4 ? 'iptables' : 'ip6tables';
  const change = (...argv: string[]) => run(tool, argv, { netns: NS, timeoutMs });

  it('after a restore the fingerprint is that of the text', async () => {
    const before = await readFingerprint(NS, family);
    await restoreRuleset(NS, family, ruleset('a'));
    expect(await readFingerprint(NS, family)).toBe(fingerprint(ruleset('a')));
    expect(before).not.toBe(fingerprint(ruleset('a')));
    await restoreRuleset(NS, family, ruleset('a'));
    expect(await readFingerprint(NS, family)).toBe(fingerprint(ruleset('a')));
    expect(await saveRuleset(NS, family)).toContain('-A sg-1.in -p tcp -m tcp --dport 22');
  });

  it.each([
    ['a rule of somebody else', ['-A', 'INPUT', '-j', 'ACCEPT']],
    ['a rule that is gone', ['-D', 'FORWARD', '1']],
    ['another policy', ['-P', 'FORWARD', 'ACCEPT']],
    ['a chain of somebody else', ['-N', 'theirs']],
    ['all rules gone', ['-F']],
  ])('%s changes it, and the same restore repairs it', async (_name, argv) => {
    await change(...argv);
    expect(await readFingerprint(NS, family)).not.toBe(fingerprint(ruleset('a')));
    await restoreRuleset(NS, family, ruleset('a'));
    expect(await readFingerprint(NS, family)).toBe(fingerprint(ruleset('a')));
  });

  it('a text with a bad line in a table leaves that table as it was', async () => {
    const bad = ruleset('b').replace('-A sg-1.in', '-A FORWARD -m nonsense -j ACCEPT\n-A sg-1.in').split('*filter')[1];
    await expect(restoreRuleset(NS, family, `*filter${bad}`)).rejects.toMatchObject({
      kind: 'unsupported',
      message: expect.stringContaining('nonsense'),
    });
    expect(await readFingerprint(NS, family)).toBe(fingerprint(ruleset('a')));
  });

  it('restores that come at the same moment all succeed', async () => {
    await Promise.all(['c', 'd', 'e', 'f'].map((mark) => restoreRuleset(NS, family, ruleset(mark))));
    await restoreRuleset(NS, family, ruleset('a'));
    expect(await readFingerprint(NS, family)).toBe(fingerprint(ruleset('a')));
  });
});

it('a namespace that does not exist has no rules to read or to load', async () => {
  await expect(readFingerprint('vpc-absent', 4)).rejects.toMatchObject({ kind: 'not-found' });
  await expect(restoreRuleset('vpc-absent', 4, ruleset('a'))).rejects.toMatchObject({ kind: 'not-found' });
});

describe('what the kernel offers', () => {
  const path = process.env.PATH;
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'enid-tools-'));
  });
  afterEach(() => {
    process.env.PATH = path;
    rmSync(directory, { recursive: true });
  });

  it('is found without leaving a trace', async () => {
    const traces = async () => [
      readFileSync('/proc/self/mountinfo', 'utf8'),
      (await run('ip', ['-o', 'link'], { timeoutMs })).stdout,
      (await run('ip', ['rule'], { timeoutMs })).stdout,
      (await run('iptables-save', [], { timeoutMs })).stdout,
      (await run('ipset', ['list', '-n'], { timeoutMs })).stdout,
    ];
    const before = await traces();
    const { kernel, features, tools, missing } = await probeFeatures();
    expect(await traces()).toEqual(before);
    expect(kernel).toBe(readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim());
    // What the other tests of this directory use all the time.
    for (const name of ['netns', 'veth', 'ipset hash:net,iface', 'iptables devgroup', 'ip6tables set', 'policy routing'])
      expect([name, features[name]]).toEqual([name, true]);
    expect(tools.iptables).toMatch(/^1\.\d+\.\d+ \((nf_tables|legacy)\)$/);
    expect(missing.map(({ feature }) => feature)).toEqual([
      ...Object.keys(features).filter((name) => !features[name]),
      ...Object.keys(tools)
        .filter((name) => tools[name] === null)
        .map((name) => `${name} (tool)`),
    ]);
  });

  it('a match that is missing is named, and only that', async () => {
    const real = (await run('which', ['ip6tables-restore'], { timeoutMs })).stdout.trim();
    const fake =
      '#!/bin/sh\nt=$(cat)\ncase "$t" in *devgroup*) echo "Couldn\'t load match" >&2; exit 2;; esac\nprintf \'%s\\n\' "$t" | REAL "$@"\n';
    writeFileSync(join(directory, 'ip6tables-restore'), fake.replace('REAL', real), { mode: 0o755 });
    process.env.PATH = `${directory}:${path}`;
    const { features, missing } = await probeFeatures();
    expect(missing.filter(({ feature }) => feature.includes('tables '))).toEqual([
      { feature: 'ip6tables devgroup', disables: expect.stringContaining('security groups') },
    ]);
    expect(features['iptables devgroup']).toBe(true);
  });

  it('tools that are missing are named', async () => {
    process.env.PATH = directory;
    const { tools, features, missing } = await probeFeatures();
    expect(Object.values(tools).filter((version) => version !== null)).toEqual([]);
    expect(features['iptables set']).toBe(false);
    expect(features.veth).toBe(true);
    expect(missing.map(({ feature }) => feature)).toEqual(expect.arrayContaining(['iptables (tool)', 'iptables set', 'ip (tool)']));
  });
});
