import { expect, it } from 'vitest';
import { Draft } from '../../../agent/commands/draft.js';
import { COMMANDS } from '../../../agent/commands/index.js';
import { World } from './world.js';

/** Time of `work` in milliseconds; the least of several runs, so that a busy machine does not count. */
function best(runs: number, work: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    work();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

/** A VPC with as many instances, a quarter of the interfaces each. */
function crowd(interfaces: number) {
  const world = new World();
  const { vpcId } = world.run('createVpc', { cidrBlock: '10.0.0.0/16' });
  const { subnetId } = world.run('createSubnet', { vpcId, cidrBlock: '10.0.0.0/16' });
  const instanceIds: string[] = [];
  for (let i = 0; i < interfaces / 1000; i++)
    instanceIds.push(...world.run('runInstances', { subnetId, instanceType: 'm5.large', count: 1000 }).instanceIds);
  return { world, subnetId, instanceIds };
}

it('a call among 4,000 interfaces costs little more than among a thousand', { timeout: 60_000 }, () => {
  const cost = (interfaces: number) => {
    const { world, subnetId, instanceIds } = crowd(interfaces);
    let next = 0;
    return best(150, () => {
      const { networkInterfaceId } = world.run('createNetworkInterface', { subnetId });
      world.run('attachNetworkInterface', { networkInterfaceId, instanceId: instanceIds[next++], deviceIndex: 1 });
    });
  };
  const [few, many] = [cost(1000), cost(4000)];
  process.stdout.write(`create + attach, committed in memory: ${few.toFixed(3)} ms at 1,000, ${many.toFixed(3)} ms at 4,000 interfaces\n`);
  expect(many).toBeLessThan(few * 2 + 0.5);
});

it('a batch of 2,000 costs no more for each than one of 200', { timeout: 60_000 }, () => {
  const { world, subnetId } = crowd(1000);
  const { run } = COMMANDS.createNetworkInterface;
  const batch = (size: number) =>
    best(3, () => {
      const draft = new Draft(world.state);
      for (let i = 0; i < size; i++) run(draft, { subnetId } as Parameters<typeof run>[1], world.context);
      expect(draft.changes()).toHaveLength(size);
    }) / size;
  const [small, large] = [batch(200), batch(2000)];
  expect(large).toBeLessThan(small * 3 + 0.2);
});
