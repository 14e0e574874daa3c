import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startAgent, type TestAgent } from '../support/agent.js';
import { Tools } from '../support/torture/tools.js';
import { pings, until } from '../support/traffic.js';
import { buildWorld, type World } from '../support/world.js';

/** Every wait is for what must come; machines that are busy take their time. */
const PATIENCE_MS = 90_000;
const TIMEOUT = 300_000;
/** Seconds that a hung tool would sleep; tells its child from those of others. */
const HANG = 100_000 + process.pid;

const conditions = async (agent: TestAgent): Promise<any[]> =>
  (await agent.ok('GET', '/v1/conditions')).items.filter(({ realised }: any) => !realised);
const recovered = (agent: TestAgent) => until(async () => (await conditions(agent)).length === 0, PATIENCE_MS, 'recovery');

describe('tools that fail', () => {
  let agent: TestAgent;
  let tools: Tools;
  let world: World;
  beforeAll(async () => {
    tools = new Tools();
    // No full comparison comes to help.
    agent = await startAgent({ env: { PATH: tools.path }, args: ['--resync-seconds', '3600'] });
    world = await buildWorld(agent);
    await world.instance();
  }, TIMEOUT);
  afterAll(async () => {
    await agent?.dispose();
    tools?.dispose();
  });

  const BUSY = 'echo "Error: Could not process rule: Device or resource busy" >&2; exit 1';
  const changeRules = async () => void (await world.instance({ groupIds: [await world.group('tcp/80 from 10.0.0.0/16')] }));
  const addGateway = async () => {
    const { internetGatewayId } = await agent.ok('POST', '/v1/internet-gateways', {});
    await agent.ok('POST', `/v1/internet-gateways/${internetGatewayId}/attach`, { vpcId: world.vpcId });
    onTestFinished(async () => {
      await agent.ok('POST', `/v1/internet-gateways/${internetGatewayId}/detach`, { vpcId: world.vpcId });
      await agent.ok('DELETE', `/v1/internet-gateways/${internetGatewayId}`);
    });
  };

  it.each<[what: string, tool: string, script: string | undefined, work: () => Promise<void>, reason: string, message: RegExp]>([
    ['rules of a router: nft that fails', 'nft', BUSY, changeRules, 'busy', /rules in vpc-.*nft.*busy/],
    ['rules of a router: nft missing', 'nft', undefined, changeRules, 'unsupported', /rules in vpc-.*nft.*not installed/],
    ['rules of a router: nft killed by somebody', 'nft', 'kill -9 $$', changeRules, 'other', /rules in vpc-.*nft.*SIGKILL/],
    [
      'rules of a router: nft hung, with a child of its own',
      'nft',
      `sleep ${HANG}`,
      changeRules,
      'timeout',
      /rules in vpc-.*nft.*killed after/,
    ],
    ['a gateway: nft missing', 'nft', undefined, addGateway, 'unsupported', /nft.*not installed/],
    ['a gateway: nft that fails', 'nft', BUSY, addGateway, 'busy', /nft.*busy/],
  ])('%s: a condition in words, and recovery', { timeout: TIMEOUT }, async (_what, tool, script, work, reason, message) => {
    await recovered(agent);
    onTestFinished(() => tools.restore(tool));
    if (script === undefined) tools.remove(tool);
    else tools.replace(tool, script);
    await work();
    await until(
      async () => (await conditions(agent)).some((each) => each.reason === reason && message.test(each.message)),
      PATIENCE_MS,
      `condition ${reason}`,
    ).catch(async (error: unknown) => {
      throw new Error(JSON.stringify(await conditions(agent)), { cause: error });
    });
    expect((await agent.call('GET', '/healthz')).status).toBe(200);
    tools.restore(tool);
    await recovered(agent);
    // Nothing that was hung is left.
    expect((await execa('pgrep', ['-f', `sleep ${HANG}`], { reject: false })).stdout).toBe('');
  });

  it('nft that lists nothing at a restart: it starts, says so, and recovers', { timeout: TIMEOUT }, async () => {
    await addGateway();
    await agent.stop();
    onTestFinished(() => tools.restore('nft'));
    const real = (await execa('which', ['nft'])).stdout;
    const refusal = 'echo "Error: Could not fetch rule set generation id" >&2; exit 1';
    tools.replace('nft', `case "$*" in *list*) ${refusal};; esac\nexec ${real} "$@"`);
    await agent.start();
    const [condition] = await conditions(agent);
    expect(condition).toMatchObject({ unit: 'observation', message: expect.stringContaining('generation id') });
    tools.restore('nft');
    await recovered(agent);
    expect((await world.instance()).instanceId).toMatch(/^i-/);
    await recovered(agent);
  });
});

describe('a kernel that tells more than anybody can read', () => {
  it('notifications that were lost count as a change', { timeout: TIMEOUT }, async () => {
    const agent = await startAgent({ args: ['--resync-seconds', '3600'] });
    onTestFinished(() => agent.dispose());
    const { instance, vpcId } = await buildWorld(agent);
    const [a, b] = [await instance(), await instance()];
    expect(await dropsOf(agent.pid)).toBe(0);
    process.kill(agent.pid, 'SIGSTOP');
    // Enough to fill the receive buffer of whoever listens, then the one that matters.
    const flood = Array.from({ length: 50_000 }, () => 'route add 192.0.2.0/24 dev lo\nroute del 192.0.2.0/24 dev lo').join('\n');
    await execa('ip', ['-n', vpcId, '-batch', '-'], { input: `${flood}\n` });
    await execa('ip', ['-n', vpcId, 'route', 'del', `${b.address}/32`]);
    expect(await pings(a.instanceId, b.address)).toBe(false);
    expect(await dropsOf(agent.pid)).toBeGreaterThan(0);
    process.kill(agent.pid, 'SIGCONT');
    await until(() => pings(a.instanceId, b.address), PATIENCE_MS, 'repair');
    expect(agent.log.filter(({ level }) => level >= 50)).toEqual([]);
  });
});

/** SO_MEMINFO, whose last word counts what was dropped, of every netlink socket of a process: the one that hears of all namespaces is in none with a name. */
const DROPS = `
import ctypes, os, socket, struct, sys
pid, drops = int(sys.argv[1]), 0
handle = os.pidfd_open(pid)
for name in os.listdir(f'/proc/{pid}/fd'):
    fd = ctypes.CDLL(None).syscall(438, handle, int(name), 0)
    if fd < 0 or not os.readlink(f'/proc/self/fd/{fd}').startswith('socket:'): continue
    end = socket.socket(fileno=fd)
    if end.family == socket.AF_NETLINK: drops += struct.unpack('9I', end.getsockopt(socket.SOL_SOCKET, 55, 36))[8]
print(drops)
`;

/** How many notifications the process has lost. */
async function dropsOf(pid: number): Promise<number> {
  const { stdout } = await execa('python3', ['-c', DROPS, String(pid)]);
  return Number(stdout);
}

describe('a disk that takes nothing', () => {
  let agent: TestAgent | undefined;
  let disk: string;
  let dataDir: string;
  const mounted = async (...options: string[]) => {
    disk = mkdtempSync(join(tmpdir(), 'enid-disk-'));
    await execa('mount', ['-t', 'tmpfs', '-o', ['mode=0700', ...options].join(','), 'none', disk]);
    dataDir = join(disk, 'data');
  };
  afterEach(async () => {
    rmSync(join(disk, 'filler'), { force: true });
    // Also ends the services, which the agent of the next test would not know.
    await agent?.dispose();
    await execa('umount', ['-l', disk]);
    rmSync(disk, { recursive: true, force: true });
  });

  it('full: changes are refused in words, what exists goes on, and room again is enough', { timeout: TIMEOUT }, async () => {
    await mounted('size=2m');
    agent = await startAgent({ dataDir });
    const { instance, networkInterface } = await buildWorld(agent);
    const [a, b] = [await instance(), await instance()];
    const before = (await agent.ok('GET', '/v1/network-interfaces')).items.length;
    fill(join(disk, 'filler'));
    const answers = new Set<string>();
    // Some fit into pages that the file has already.
    for (let i = 0; i < 200 && !answers.has('503 ServiceUnavailable'); i++) {
      const { status, body } = await agent.call('POST', '/v1/network-interfaces', {
        subnetId: a.eni.subnetId,
        description: 'x'.repeat(250),
      });
      answers.add(status < 300 ? 'made' : `${status} ${body.error.code}`);
    }
    expect([...answers].filter((answer) => answer !== 'made')).toEqual(['503 ServiceUnavailable']);
    expect(await pings(a.instanceId, b.address)).toBe(true);
    expect((await agent.call('GET', '/healthz')).status).toBe(200);
    const kept = (await agent.ok('GET', '/v1/network-interfaces')).items.length;
    rmSync(join(disk, 'filler'));
    await until(
      async () => (await agent?.call('POST', '/v1/network-interfaces', { subnetId: a.eni.subnetId }))?.status === 201,
      PATIENCE_MS,
      'a change',
    );
    await agent.kill();
    await agent.start();
    expect((await agent.ok('GET', '/v1/network-interfaces')).items.length).toBe(kept + 1);
    expect(kept).toBeGreaterThanOrEqual(before);
    await networkInterface();
  });

  it('full at the start, or read-only: it refuses to start and says why', { timeout: TIMEOUT }, async () => {
    await mounted('size=2m');
    agent = await startAgent({ dataDir });
    await agent.stop();
    fill(join(disk, 'filler'));
    await expect(agent.start()).rejects.toThrow(/no space is left/);
    rmSync(join(disk, 'filler'));
    await execa('mount', ['-o', 'remount,ro', disk]);
    await expect(agent.start()).rejects.toThrow(/read-only/);
    await execa('mount', ['-o', 'remount,rw', disk]);
    await agent.start();
    expect((await agent.call('GET', '/readyz')).status).toBe(200);
  });
});

function fill(path: string): void {
  const block = Buffer.alloc(4096);
  try {
    for (;;) writeFileSync(path, block, { flag: 'a' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

describe('no descriptors left', () => {
  it('attachments wait with a condition, and come when there are some again', { timeout: TIMEOUT }, async () => {
    const agent = await startAgent();
    onTestFinished(() => agent.dispose());
    const { instance, subnetA } = await buildWorld(agent);
    const a = await instance();
    const open = () => readdirSync(`/proc/${agent.pid}/fd`).length;
    const limit = (count: number) => execa('prlimit', ['--pid', String(agent.pid), `--nofile=${count}:`]);
    const before = Number(/^Max open files +(\d+)/m.exec(readFileSync(`/proc/${agent.pid}/limits`, 'utf8'))?.[1]);
    // The connection that the client keeps goes on; each new namespace needs a socket, more of them than what was open for a moment can leave.
    await agent.ok('GET', '/v1/vpcs');
    await limit(open() + 1);
    const [answer] = await Promise.all([
      agent.call('POST', '/v1/instances', { subnetId: subnetA, count: 12 }).catch((error: unknown) => error as Error),
      until(
        () => agent.log.some(({ level, msg }) => level >= 40 && msg === 'unit is not realised, will retry'),
        PATIENCE_MS,
        'a fault in the log',
      ),
    ]);
    expect(answer).toBeDefined();
    await limit(before);
    await until(async () => (await agent.call('GET', '/healthz').catch(() => undefined))?.status === 200, PATIENCE_MS, 'health');
    await recovered(agent);
    const address = (await instance()).address;
    expect(await pings(a.instanceId, address)).toBe(true);
  });
});
