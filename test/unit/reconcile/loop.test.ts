import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CommandName } from '../../../agent/commands/index.js';
import { transact } from '../../../agent/commands/transact.js';
import type { InstanceRuntime } from '../../../agent/instances/runtime.js';
import { KernelError } from '../../../agent/kernel/errors.js';
import { keyOf } from '../../../agent/kernel/port.js';
import { Snapshot } from '../../../agent/model/snapshot.js';
import { type ComparisonReport, ReconcileLoop } from '../../../agent/reconcile/loop.js';
import { StatusBoard } from '../../../agent/reconcile/status-board.js';
import { GroupCommitStore } from '../../../agent/store/group-commit.js';
import { StoreFault } from '../../../agent/store/store.js';
import { FakeKernel } from '../../support/fake-kernel.js';

const HOST = 'host-a';
const started: ReconcileLoop[] = [];
afterEach(async () => {
  for (const loop of started.splice(0)) await loop.stop();
});

/** What runs in instances, as a list of calls. */
function fakeRuntime(calls: string[]): InstanceRuntime {
  return {
    start: async ({ instanceId }) => void calls.push(`start ${instanceId}`),
    end: async (instanceId) => void calls.push(`end ${instanceId}`),
    forget: async (instanceId) => void calls.push(`forget ${instanceId}`),
    consoleOutput: async () => undefined,
    initPid: () => undefined,
  };
}

function harness() {
  const disk = { gate: Promise.resolve() };
  const store = new GroupCommitStore(Snapshot.empty, { write: () => disk.gate, close: async () => undefined });
  const kernel = new FakeKernel();
  const calls: string[] = [];
  const status = new StatusBoard(Date.now, () => 0.5);
  let serial = 0;
  const context = () => ({
    now: new Date(1_700_000_000_000 + serial).toISOString(),
    randomHex: (digits: number) => (++serial).toString(16).padStart(4, '0').padEnd(digits, '0').slice(0, digits),
    hostId: HOST,
    ownerId: '123456789012',
    region: 'us-east-1',
    zones: ['us-east-1a'],
    limits: { rulesPerDirection: 60, groupsPerInterface: 5 },
    publicPool: '203.0.113.0/24',
  });
  const comparisons: ComparisonReport[] = [];
  const start = async (resyncMs = 1_000_000) => {
    const loop = new ReconcileLoop({
      store,
      kernel,
      runtime: fakeRuntime(calls),
      status,
      settings: { hostId: HOST, mtu: 1500, publicPool: '203.0.113.0/24', hostAccess: true, region: 'us-east-1' },
      resyncMs,
      onComparison: (comparison) => comparisons.push(comparison),
      log: pino({ level: 'silent' }),
      finish: async (finished) => void (await transact(store, context, finished)),
    });
    started.push(loop);
    await loop.start();
    return loop;
  };
  const run = async (command: CommandName, input: unknown) => (await transact(store, context, [{ command, input }])).results[0] as any;
  const network = async () => {
    const { vpcId } = await run('createVpc', { cidrBlock: '10.0.0.0/16' });
    const { subnetId } = await run('createSubnet', { vpcId, cidrBlock: '10.0.1.0/24', availabilityZone: 'us-east-1a' });
    const instance = async () => (await run('runInstances', { instanceType: 'm5.large', subnetId })).instanceIds[0] as string;
    const eni = async () => (await run('createNetworkInterface', { subnetId })).networkInterfaceId as string;
    return { vpcId, instance, eni };
  };
  const settled = (loop: ReconcileLoop) => loop.settled(store.snapshot());
  return { store, disk, kernel, calls, status, comparisons, start, run, network, settled };
}

describe('reconcile loop', () => {
  it('makes what the store wants, then does nothing; a second life does nothing either', async () => {
    const { kernel, start, network } = harness();
    await (await network()).instance();
    const loop = await start();
    const done = kernel.log.length;
    expect(done).toBeGreaterThan(20);
    await loop.resync();
    await loop.stop();
    await start();
    expect(kernel.log.slice(done)).toEqual([]);
  });

  it('compares again and again, and tells what that cost', async () => {
    const { kernel, comparisons, start, network } = harness();
    await (await network()).instance();
    await start(5);
    const done = kernel.log.length;
    await vi.waitFor(() => expect(comparisons.length).toBeGreaterThan(2), 10_000);
    expect(comparisons.every(({ cpuMs, pauseMs }) => cpuMs >= 0 && pauseMs === 5)).toBe(true);
    expect(kernel.log.slice(done)).toEqual([]);
  });

  it('plans only what a commit touches', async () => {
    const { kernel, store, start, run, network, settled } = harness();
    const { instance, eni } = await network();
    const instanceId = await instance();
    const networkInterfaceId = await eni();
    const loop = await start();
    const before = kernel.log.length;
    await run('attachNetworkInterface', { networkInterfaceId, instanceId, deviceIndex: 1 });
    await settled(loop);
    const ops = kernel.log.slice(before);
    expect(ops.filter((op) => op.startsWith('create veth'))).toHaveLength(1);
    expect(ops.filter((op) => op.includes(' netns ') || op.includes(' ruleset '))).toEqual([]);
    expect(store.snapshot().get('networkInterface', networkInterfaceId)?.attachment?.status).toBe('attached');
  });

  describe('while the disk takes a state', () => {
    /** An instance, a spare interface, and a disk whose next write waits for `end`. */
    const slowDisk = async () => {
      const parts = harness();
      const { instance, eni } = await parts.network();
      const where = { instanceId: await instance(), deviceIndex: 1, networkInterfaceId: await eni() };
      const loop = await parts.start();
      const before = new Map(parts.kernel.objects);
      let end: (error?: Error) => void = () => {};
      const hold = () => {
        parts.disk.gate = new Promise((resolve, reject) => {
          end = (error) => (error ? reject(error) : resolve());
        });
      };
      const has = (kind: string) => [...parts.kernel.objects.keys()].some((key) => key.startsWith(kind) && !before.has(key));
      const condition = () => parts.status.condition(where.networkInterfaceId);
      return { ...parts, where, loop, before, hold, end: (error?: Error) => end(error), has, condition };
    };

    it('what it adds is made; it counts when the disk has it', async () => {
      const { kernel, where, loop, hold, end, has, condition, run, settled } = await slowDisk();
      hold();
      const call = run('attachNetworkInterface', where);
      await expect.poll(() => has('veth')).toBe(true);
      expect(condition()).toBeUndefined();
      const done = kernel.log.length;
      end();
      await call;
      await settled(loop);
      expect([condition()?.realised, kernel.log.slice(done)]).toEqual([true, []]);
    });

    it('what it takes away stays', async () => {
      const { kernel, where, loop, hold, end, run, settled } = await slowDisk();
      await run('attachNetworkInterface', where);
      await settled(loop);
      const attached = new Map(kernel.objects);
      hold();
      const call = run('detachNetworkInterface', { networkInterfaceId: where.networkInterfaceId });
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      expect(kernel.objects).toEqual(attached);
      end();
      await call;
      await settled(loop);
      expect(kernel.objects.size).toBeLessThan(attached.size);
    });

    it('and fails, all that was made goes', async () => {
      const { store, kernel, disk, where, loop, before, hold, end, has, condition, run, settled } = await slowDisk();
      const revision = store.snapshot().revision;
      hold();
      const call = run('attachNetworkInterface', where);
      await expect.poll(() => has('veth')).toBe(true);
      end(new StoreFault('full'));
      await expect(call).rejects.toThrow('full');
      disk.gate = Promise.resolve();
      await settled(loop);
      expect([kernel.objects, condition(), store.snapshot().revision]).toEqual([before, undefined, revision]);
      await run('attachNetworkInterface', where);
      await settled(loop);
      expect([has('veth'), condition()?.realised]).toEqual([true, true]);
    });

    it('and the kernel refuses, it is tried once, and told when the disk has it', async () => {
      const { kernel, where, loop, hold, end, condition, run, settled } = await slowDisk();
      kernel.fails = ({ op }) => (op.object.kind === 'veth' ? { kind: 'busy', message: 'create veth: EBUSY' } : undefined);
      const tries = () => kernel.log.filter((op) => op.startsWith('create veth')).length;
      const earlier = tries();
      hold();
      const call = run('attachNetworkInterface', where);
      await expect.poll(tries).toBe(earlier + 1);
      end();
      await call;
      await settled(loop);
      expect([condition()?.message, tries()]).toEqual(['create veth: EBUSY', earlier + 1]);
      kernel.fails = () => undefined;
      await expect.poll(() => condition()?.realised).toBe(true);
    });
  });

  it('a detachment ends in the model once the kernel holds nothing of it', async () => {
    const { kernel, store, start, run, network, settled } = harness();
    const { instance, eni } = await network();
    const instanceId = await instance();
    const networkInterfaceId = await eni();
    await run('attachNetworkInterface', { networkInterfaceId, instanceId, deviceIndex: 1 });
    const loop = await start();
    kernel.fails = ({ op }) =>
      op.verb === 'delete' && op.object.kind === 'veth' ? { kind: 'busy', message: 'delete veth: EBUSY' } : undefined;
    const attachment = () => store.snapshot().get('networkInterface', networkInterfaceId)?.attachment;
    await run('detachNetworkInterface', { networkInterfaceId });
    await settled(loop);
    expect(attachment()?.status).toBe('detaching');
    kernel.fails = () => undefined;
    await expect.poll(attachment).toBeUndefined();
  });

  it('terminate ends the processes first, then takes everything away', async () => {
    const { kernel, calls, store, start, run, network, settled } = harness();
    const instanceId = await (await network()).instance();
    const loop = await start();
    expect(calls).toEqual([`start ${instanceId}`]);
    await run('terminateInstance', { instanceId });
    await settled(loop);
    expect(calls[1]).toBe(`end ${instanceId}`);
    expect(store.snapshot().get('instance', instanceId)?.state).toBe('terminated');
    expect([...kernel.objects.keys()]).toEqual([]);
  });

  it('a failing interface says so in words, holds nobody up, and heals', async () => {
    const { kernel, status, start, run, network, settled } = harness();
    const { instance, eni } = await network();
    const instanceId = await instance();
    const networkInterfaceId = await eni();
    const loop = await start();
    const message = 'create veth eth1: EEXIST: File exists';
    kernel.fails = ({ op, unit }) => (unit === networkInterfaceId && op.object.kind === 'veth' ? { kind: 'exists', message } : undefined);
    await run('attachNetworkInterface', { networkInterfaceId, instanceId, deviceIndex: 1 });
    const other = await instance();
    await settled(loop);
    expect(status.condition(networkInterfaceId)).toMatchObject({ realised: false, message });
    expect(status.condition(other)?.realised).toBe(true);
    kernel.fails = () => undefined;
    await expect.poll(() => status.condition(networkInterfaceId)?.realised).toBe(true);
    expect(status.faults()).toEqual([]);
  });

  it('units that need a failed one wait and name it', async () => {
    const { kernel, status, start, network, settled } = harness();
    const loop = await start();
    kernel.fails = ({ op }) => (op.object.kind === 'ruleset' ? { kind: 'busy', message: 'iptables-restore: lock held' } : undefined);
    const { vpcId, instance } = await network();
    await instance();
    await settled(loop);
    expect(status.condition(vpcId)?.realised).toBe(false);
    expect(status.faults().map(({ message }) => message)).toContain(`waits for ${vpcId}`);
    expect([...kernel.objects.values()].some(({ kind }) => kind === 'veth')).toBe(false);
  });

  it('repairs what is changed behind its back and sweeps leftovers of ours', async () => {
    const { kernel, status, start, network } = harness();
    const { vpcId, instance } = await network();
    const instanceId = await instance();
    const loop = await start();
    const whole = new Map(kernel.objects);
    const [route = ''] = [...whole].find(([, object]) => object.kind === 'route' && object.netns === instanceId) ?? [];
    kernel.drift(instanceId, (objects) => objects.delete(route));
    await expect.poll(() => kernel.objects.has(route)).toBe(true);

    const leftover = { kind: 'member', netns: vpcId, set: 'own4', entry: '10.0.1.99,e00000000000000' } as const;
    kernel.drift(vpcId, (objects) => objects.set(keyOf(leftover), leftover));
    await expect.poll(() => kernel.objects.has(keyOf(leftover))).toBe(false);
    expect(new Map(kernel.objects)).toEqual(whole);
    await loop.resync();
    expect(status.faults()).toEqual([]);
  });

  it('a kernel that cannot be observed is a condition, and is looked at again soon', async () => {
    const { kernel, status, start } = harness();
    const { observe } = kernel;
    let attempts = 0;
    kernel.observe = async () => {
      attempts++;
      throw new KernelError('iptables-save: killed after 10000 ms', { kind: 'timeout' });
    };
    await start();
    expect(status.condition('observation')).toMatchObject({
      realised: false,
      reason: 'timeout',
      message: expect.stringContaining('killed'),
    });
    await expect.poll(() => attempts).toBeGreaterThan(1);
    kernel.observe = observe.bind(kernel);
    await expect.poll(() => status.condition('observation'), { timeout: 5000 }).toBeUndefined();
  });

  it('what the agent does during an observation is not overruled by it', async () => {
    const { kernel, start, run, network, settled } = harness();
    const { instance, eni } = await network();
    const instanceId = await instance();
    const networkInterfaceId = await eni();
    const loop = await start();
    const old = await kernel.observe();
    kernel.observe = async () => {
      await run('attachNetworkInterface', { networkInterfaceId, instanceId, deviceIndex: 1 });
      await settled(loop);
      return old;
    };
    const before = kernel.log.length;
    await loop.resync();
    const ops = kernel.log.slice(before);
    expect(ops.filter((op) => op.startsWith('create veth'))).toHaveLength(1);
    expect(new Set(ops).size).toBe(ops.length);
    expect(ops.filter((op) => op.startsWith('delete'))).toEqual([]);
  });

  it('a move is answered before the old device is gone', async () => {
    const { kernel, store, start, run, network, settled } = harness();
    const { instance, eni } = await network();
    const [one, two] = [await instance(), await instance()];
    const networkInterfaceId = await eni();
    await run('attachNetworkInterface', { networkInterfaceId, instanceId: one, deviceIndex: 1 });
    const loop = await start();
    let release = () => {};
    const apply = kernel.apply.bind(kernel);
    kernel.apply = async (ops) => {
      if (ops.some(({ op }) => op.verb === 'delete' && op.object.kind === 'veth'))
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      return apply(ops);
    };
    await run('moveNetworkInterface', { networkInterfaceId, instanceId: two, deviceIndex: 1 });
    await settled(loop);
    const devices = () => [...kernel.objects.values()].filter((object) => object.kind === 'veth' && object.alias === networkInterfaceId);
    expect(devices()).toHaveLength(2);
    release();
    await expect.poll(() => devices().length).toBe(1);
    expect(store.snapshot().get('networkInterface', networkInterfaceId)?.attachment?.instanceId).toBe(two);
  });

  it('stop keeps everything in the kernel', async () => {
    const { kernel, start, network } = harness();
    await (await network()).instance();
    const loop = await start();
    const size = kernel.objects.size;
    await loop.stop();
    expect(kernel.objects.size).toBe(size);
  });
});
