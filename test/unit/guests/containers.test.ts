import { afterEach, describe, expect, it, vi } from 'vitest';
import { Containers } from '../../../agent/guests/containers.js';
import { FakeEngine } from '../../support/fake-engine.js';

const log = { info: () => {}, warn: () => {} };
const spec = { name: 'web', image: 'busybox', hostname: 'web', dnsServers: [], dnsSearch: '', labels: {} };
let stop: (() => Promise<void>) | undefined;
afterEach(async () => stop?.());

async function follow(engine: FakeEngine) {
  const containers = new Containers({ engine, log, tracked: () => ['web'], onChange: () => {} });
  stop = () => containers.stop();
  await containers.start();
  const becomes = (state: string) => vi.waitFor(() => expect(containers.locate('web').state).toBe(state), { timeout: 20_000 });
  return { containers, becomes };
}

describe('where a container is', () => {
  it('follows its events', async () => {
    const engine = new FakeEngine();
    await engine.create(spec);
    const { containers, becomes } = await follow(engine);
    await becomes('absent');
    await engine.start('web');
    await becomes('there');
    expect(containers.locate('web')).toMatchObject({ holder: { path: `/proc/${process.pid}/ns/net` } });
    await engine.stop('web');
    await becomes('absent');
    await engine.remove('web');
    await becomes('gone');
  });

  it('is not known while the engine is away, and found out again once it is back', async () => {
    const engine = new FakeEngine();
    engine.down = true;
    const { containers, becomes } = await follow(engine);
    expect(containers.locate('web')).toMatchObject({ state: 'unknown', reason: expect.stringContaining('does not answer') });
    engine.down = false;
    await engine.create(spec);
    await engine.start('web');
    await becomes('there');
    engine.stopEngine();
    await becomes('unknown');
    engine.down = false;
    await becomes('there');
  });
});
