import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ACCEPT, connmarked, DROP, deviceGroup, jump, type Match, type Ruleset, rule } from '../../agent/firewall/ir.js';
import { render } from '../../agent/firewall/render.js';
import { run } from '../../agent/kernel/exec.js';
import { probeFeatures } from '../../agent/kernel/features.js';
import { NETLINK, NetlinkSocket } from '../../agent/kernel/netlink/socket.js';
import { createNetns } from '../../agent/kernel/netns.js';
import { loadRuleset, readRuleset, removeRuleset } from '../../agent/kernel/nft-ruleset.js';
import { nft } from '../support/kernel.js';

const NS = 'vpc-00000000000000001';
const timeoutMs = 5000;

let socket: NetlinkSocket;
beforeAll(() => {
  createNetns(NS);
  socket = new NetlinkSocket(NETLINK.netfilter, { netns: NS });
});
afterAll(() => socket.close());

/** A small rule set of our shape; `port` makes another version of it. */
function ruleset(family: 4 | 6, port: number, forward: 'accept' | 'drop' = 'drop') {
  const related: Match = { kind: 'ctState', states: ['RELATED'] };
  const chains: Ruleset['chains'] = [
    {
      name: 'prerouting',
      hook: { at: 'prerouting', priority: -300, policy: 'accept' },
      rules: [rule(jump('source-check'), deviceGroup('src', 1, 1))],
    },
    { name: 'source-check', rules: [rule(DROP)] },
    { name: 'input', hook: { at: 'input', priority: 0, policy: 'drop' }, rules: [] },
    {
      name: 'forward',
      hook: { at: 'forward', priority: 0, policy: forward },
      rules: [rule(ACCEPT, related), rule(ACCEPT, connmarked(3))],
    },
    { name: 'sg-1.in', rules: [rule(ACCEPT, { kind: 'protocol', number: 6, ports: [{ from: port, to: port }] })] },
  ];
  return render({ family, chains });
}

describe.each([4, 6] as const)('rules of a namespace, IPv%i', (family) => {
  const table = family === 4 ? 'ip enid' : 'ip6 enid';
  const wanted = ruleset(family, 22);
  const load = (text = wanted.text) => loadRuleset(NS, family, text, () => socket);
  const read = () => readRuleset(family, socket);

  it('after a load the fingerprint is that of the text', async () => {
    expect(read()).not.toBe(wanted.fingerprint);
    for (const _time of [1, 2]) {
      await load();
      expect(read()).toBe(wanted.fingerprint);
    }
    expect(nft(NS, `list chain ${table} sg-1.in`)).toMatch(/tcp dport 22 accept comment "enid:\w+"/);
  });

  it('another version has another fingerprint, and takes the place of the one before', async () => {
    const others = [ruleset(family, 23), ruleset(family, 22, 'accept')];
    expect(new Set([wanted, ...others].map(({ fingerprint }) => fingerprint)).size).toBe(3);
    for (const { text, fingerprint } of [...others, wanted]) {
      await load(text);
      expect(read()).toBe(fingerprint);
    }
    expect(nft(NS, `list table ${table}`)).not.toContain('dport 23');
  });

  it('chains that a version does not have any more are gone', async () => {
    const { text, fingerprint } = render({ family, chains: [{ name: 'lone', rules: [rule(DROP)] }] });
    await load(text);
    expect(read()).toBe(fingerprint);
    expect(nft(NS, `list table ${table}`).match(/chain \S+/g)).toEqual(['chain lone']);
    await load();
    expect(read()).toBe(wanted.fingerprint);
  });

  it.each([
    ['a rule of somebody else', 'add rule $ input accept'],
    ['a rule that is gone', 'flush chain $ sg-1.in'],
    ['another policy', 'add chain $ forward { policy accept; }'],
    ['a chain of somebody else', 'add chain $ theirs'],
    ['a chain that is gone', 'delete chain $ sg-1.in'],
    ['all rules gone', 'flush table $'],
    ['the table gone', 'delete table $'],
  ])('%s changes it, and the same load repairs it', async (_name, words) => {
    nft(NS, words.replaceAll('$', table));
    expect(read()).not.toBe(wanted.fingerprint);
    await load();
    expect(read()).toBe(wanted.fingerprint);
  });

  it('a text with a bad line leaves everything as it was', async () => {
    const bad = ruleset(family, 23).text;
    for (const line of [`add rule ${table} forward nonsense accept`, `add rule ${table} forward ct state nonsense accept`]) {
      await expect(load(`${bad}${line}\n`)).rejects.toMatchObject({ name: 'KernelError', message: expect.stringContaining('nonsense') });
      expect(read()).toBe(wanted.fingerprint);
    }
  });

  it('loads that come at the same moment all succeed', async () => {
    await Promise.all([1, 2, 3, 4].map((port) => load(ruleset(family, port).text)));
    await load();
    expect(read()).toBe(wanted.fingerprint);
  });

  it('can be removed, also when there are none', async () => {
    for (const _time of [1, 2]) removeRuleset(family, socket);
    expect(nft(NS, 'list tables').split('\n')).not.toContain(`table ${table}`);
    await load();
  });
});

it('a namespace that does not exist has no rules to read or to load', async () => {
  const open = () => new NetlinkSocket(NETLINK.netfilter, { netns: 'vpc-absent' });
  expect(() => readRuleset(4, open())).toThrow(expect.objectContaining({ kind: 'not-found' }));
  await expect(loadRuleset('vpc-absent', 4, ruleset(4, 22).text, () => socket)).rejects.toMatchObject({ kind: 'not-found' });
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
      (await run('nft', ['list', 'ruleset'], { timeoutMs })).stdout,
    ];
    const before = await traces();
    const { kernel, features, tools, missing } = await probeFeatures();
    expect(await traces()).toEqual(before);
    expect(kernel).toBe(readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim());
    // What the other tests of this directory use all the time.
    for (const name of [
      'netns',
      'veth',
      'nftables',
      'nft ip devgroup',
      'nft ip6 set',
      'nft ip connmark',
      'nft ip6 connlimit',
      'policy routing',
    ])
      expect([name, features[name]]).toEqual([name, true]);
    expect(tools.nft).toMatch(/^\d+\.\d+\.\d+$/);
    expect(missing.map(({ feature }) => feature)).toEqual([
      ...Object.keys(features).filter((name) => !features[name]),
      ...Object.keys(tools)
        .filter((name) => tools[name] === null)
        .map((name) => `${name} (tool)`),
    ]);
  });

  it('a part of rules that is missing is named, and only that', async () => {
    const real = (await run('which', ['nft'], { timeoutMs })).stdout.trim();
    const fake =
      '#!/bin/sh\nt=$(cat)\ncase "$t" in *"table ip6"*group*) echo "Error: syntax error" >&2; exit 1;; esac\nprintf \'%s\\n\' "$t" | REAL "$@"\n';
    writeFileSync(join(directory, 'nft'), fake.replace('REAL', real), { mode: 0o755 });
    process.env.PATH = `${directory}:${path}`;
    const { features, missing } = await probeFeatures();
    expect(missing.filter(({ feature }) => feature.startsWith('nft'))).toEqual([
      { feature: 'nft ip6 devgroup', disables: expect.stringContaining('security groups') },
    ]);
    expect(features['nft ip devgroup']).toBe(true);
  });

  it('tools that are missing are named', async () => {
    process.env.PATH = directory;
    const { tools, features, missing } = await probeFeatures();
    expect(Object.values(tools).filter((version) => version !== null)).toEqual([]);
    expect(features['nft ip set']).toBe(false);
    expect(features.nftables).toBe(true);
    expect(features.veth).toBe(true);
    expect(missing.map(({ feature }) => feature)).toEqual(expect.arrayContaining(['nft (tool)', 'nft ip set', 'ip (tool)']));
  });
});
