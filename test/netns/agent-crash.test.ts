import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { startAgent } from '../support/agent.js';
import { inside, pings, until } from '../support/traffic.js';
import { buildWorld } from '../support/world.js';

/** Repeatable randomness (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

it('kill -9 at any moment: what was acknowledged is there, everything wanted is realised, nothing else is left', {
  timeout: 180_000,
}, async () => {
  const dice = random(20_240_229);
  const agent = await startAgent();
  try {
    const { instance, networkInterface, vpcId } = await buildWorld(agent);
    const [a, b] = [await instance(), await instance()];
    const spare = (await networkInterface()).networkInterfaceId;
    const acknowledged: string[] = [];
    for (let round = 0; round < 10; round++) {
      const calls = [
        instance({ userData: '#!/bin/sh\nsleep 1000 &' }).then(({ instanceId }) => acknowledged.push(instanceId)),
        networkInterface().then(({ networkInterfaceId }) => acknowledged.push(networkInterfaceId)),
        agent
          .call('POST', `/v1/network-interfaces/${spare}/attach`, { instanceId: a.instanceId, deviceIndex: 1 })
          .then(() => agent.call('POST', `/v1/network-interfaces/${spare}/move`, { instanceId: b.instanceId, deviceIndex: 1 }))
          .then(() => agent.call('POST', `/v1/network-interfaces/${spare}/detach`, {})),
      ];
      const outcomes = Promise.allSettled(calls);
      await new Promise((resolve) => setTimeout(resolve, 5 + dice() * 150));
      await agent.kill();
      await outcomes;
      await agent.start();

      const { items: instances } = await agent.ok('GET', '/v1/instances');
      const { items: enis } = await agent.ok('GET', '/v1/network-interfaces');
      const known = new Set([...instances.map((each: any) => each.instanceId), ...enis.map((each: any) => each.networkInterfaceId)]);
      expect(acknowledged.filter((id) => !known.has(id))).toEqual([]);
      const attached = () => agent.ok('GET', '/v1/network-interfaces?filter=status:in-use').then(({ items }) => items);
      await until(async () => (await agent.ok('GET', '/v1/conditions')).items.every((each: any) => each.realised), 5000, 'all realised');
      await until(
        async () => !(await agent.ok('GET', '/v1/network-interfaces')).items.some((each: any) => each.status === 'detaching'),
        5000,
        'detachments completed',
      );
      expect(readdirSync('/run/netns').sort()).toEqual([vpcId, ...instances.map((each: any) => each.instanceId)].sort());
      const hostEnds = (JSON.parse((await inside(vpcId, 'ip', '-j', 'link')).stdout) as { ifname: string }[]).map(({ ifname }) => ifname);
      const wanted = (await attached()).map((each: any) => each.attachment.device.hostEnd);
      expect(hostEnds.filter((name) => name !== 'lo').sort()).toEqual(wanted.sort());
      const routes = (JSON.parse((await inside(vpcId, 'ip', '-j', 'route')).stdout) as { dst: string; dev?: string }[]).filter(
        ({ dev }) => dev,
      );
      expect(routes.map(({ dev }) => dev).sort()).toEqual(wanted.sort());
      expect(await pings(a.instanceId, b.address)).toBe(true);
    }
  } finally {
    await agent.dispose();
  }
});
