import { mkdirSync, readFileSync } from 'node:fs';
import { cpus, totalmem, uptime } from 'node:os';
import { describe, expect, it } from 'vitest';
import { diagnose } from '../../agent/host/doctor.js';
import { hostFacts } from '../../agent/host/facts.js';
import { run } from '../../agent/kernel/exec.js';
import { createNetns } from '../../agent/kernel/netns.js';

const VPC = 'vpc-00000000000000001';
const INSTANCE = 'i-00000000000000001';
const ENI = 'eni-00000000000000001';
const STRAY = 'eni-0000000000000000f';
const ip = (line: string, netns?: string) => run('ip', line.split(' '), { timeoutMs: 5000, ...(netns && { netns }) });
const leftovers = async (known?: ReadonlySet<string>) => (await diagnose(known)).filter(({ subject }) => subject === 'leftovers');

describe('the doctor on this machine', () => {
  it('finds what the tests need in order, and no leftovers in an empty namespace', async () => {
    const findings = await diagnose(new Set());
    expect(findings.filter(({ level }) => level === 'problem')).toEqual([]);
    expect(findings).toContainEqual(expect.objectContaining({ level: 'ok', subject: 'privileges', message: 'root' }));
    expect(await leftovers(new Set())).toEqual([{ level: 'ok', subject: 'leftovers', message: 'none among 0 namespaces' }]);
  });

  it('finds namespaces, devices and directories that nobody knows, and those in the wrong namespace', async () => {
    createNetns(VPC);
    createNetns(INSTANCE);
    createNetns('somebody-elses');
    mkdirSync(`/etc/netns/${INSTANCE}`);
    await ip(`link add e1 type veth peer name eth0 netns ${INSTANCE}`, VPC);
    await ip(`link set e1 alias ${ENI}`, VPC);
    expect(await leftovers(new Set([VPC, INSTANCE, ENI]))).toEqual([
      { level: 'ok', subject: 'leftovers', message: 'none among 2 namespaces' },
    ]);

    expect((await leftovers(new Set([VPC])))[0]).toMatchObject({
      level: 'warning',
      message: `nobody knows of ${INSTANCE}, e1 in ${VPC}, /etc/netns/${INSTANCE}`,
    });
    expect((await leftovers())[0]).toMatchObject({ level: 'note', message: expect.stringContaining('2 namespaces of enid are here') });

    await ip('link add e2 type veth peer name e3');
    await ip(`link set e2 alias ${STRAY}`);
    expect((await leftovers(new Set([VPC, INSTANCE, ENI])))[0]).toMatchObject({
      level: 'warning',
      message: "in the host's own namespace: e2",
    });
    await ip('link delete e2');
  });

  it('tells rules of legacy iptables in a router, which nft does not show', async () => {
    const others = async () => (await diagnose()).filter(({ subject }) => subject === 'rules of others');
    // Those of nft the agent sees, and removes by itself.
    await run('iptables-nft', ['-A', 'FORWARD', '-j', 'ACCEPT'], { netns: VPC, timeoutMs: 5000 });
    expect(await others()).toEqual([{ level: 'ok', subject: 'rules of others', message: 'none in routers' }]);
    await run('iptables-legacy', ['-A', 'FORWARD', '-j', 'ACCEPT'], { netns: VPC, timeoutMs: 5000 });
    expect(await others()).toEqual([
      expect.objectContaining({ level: 'problem', message: expect.stringContaining(`${VPC} holds rules of legacy iptables`) }),
    ]);
    // In instances they are the guest's affair.
    await run('iptables-legacy', ['-A', 'FORWARD', '-j', 'ACCEPT'], { netns: INSTANCE, timeoutMs: 5000 });
    expect((await others())[0]?.message).not.toContain(INSTANCE);
  });

  it('notes that the host forwards nothing', async () => {
    const forwarding = async () => (await diagnose()).filter(({ subject }) => subject === 'forwarding on the host');
    expect(await forwarding()).toEqual([expect.objectContaining({ level: 'ok' })]);
    await run('iptables', ['-P', 'FORWARD', 'DROP'], { timeoutMs: 5000 });
    await run('iptables', ['-N', 'DOCKER-USER'], { timeoutMs: 5000 });
    expect(await forwarding()).toEqual([
      expect.objectContaining({ level: 'note', message: expect.stringContaining("Docker's rules drop") }),
    ]);
  });
});

it('facts are those of this machine', async () => {
  const facts = await hostFacts();
  expect(facts.bootId).toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  expect(facts.kernel).toBe(readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim());
  expect(facts.cpu.threads).toBe(cpus().length);
  expect(facts.memory.totalBytes).toBe(totalmem());
  expect(facts.memory.availableBytes).toBeGreaterThan(0);
  expect(Math.abs(facts.uptimeSeconds - uptime())).toBeLessThan(5);
  const release = readFileSync('/etc/os-release', 'utf8');
  expect(release).toContain(facts.os.distribution.split(' ')[0]);
  expect(release).toContain(facts.os.release);
});
