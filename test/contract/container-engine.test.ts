import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDockerEngine } from '../../agent/guests/docker.js';
import type { ContainerEngine, ContainerEvent, ContainerSpec } from '../../agent/guests/engine.js';
import { FakeEngine, serveDocker } from '../support/fake-engine.js';

const SPEC: ContainerSpec = {
  name: 'enid-i-1',
  image: 'busybox',
  command: ['sleep', '1'],
  hostname: 'ip-10-0-1-4',
  dnsServers: ['10.0.0.2'],
  dnsSearch: 'ec2.internal',
  labels: { 'enid.instance': 'i-1' },
};

let dir: string;
let server: Server | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'enid-engine-'));
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  rmSync(dir, { recursive: true, force: true });
});

describe.each<[string, () => Promise<ContainerEngine>]>([
  ['in memory', async () => new FakeEngine()],
  [
    'at a socket',
    async () => {
      const socket = join(dir, 'engine.sock');
      server = await serveDocker(new FakeEngine(), socket);
      return createDockerEngine(socket);
    },
  ],
])('a container engine %s', (_where, make) => {
  it('makes, starts, stops and removes a container, each of them twice', async () => {
    const engine = await make();
    expect(await engine.inspect(SPEC.name)).toBeUndefined();
    await engine.create(SPEC);
    expect(await engine.inspect(SPEC.name)).toMatchObject({ name: SPEC.name, running: false, networkMode: 'none', labels: SPEC.labels });
    for (const _ of [1, 2]) await engine.start(SPEC.name);
    const running = await engine.inspect(SPEC.name);
    expect(running).toMatchObject({ running: true, pid: expect.any(Number) });
    expect(await engine.inspect(running?.id.slice(0, 12) ?? '')).toEqual(running);
    await engine.restart(SPEC.name);
    for (const _ of [1, 2]) await engine.stop(SPEC.name);
    expect(await engine.inspect(SPEC.name)).toMatchObject({ running: false });
    expect(await engine.list('enid.instance')).toEqual([SPEC.name]);
    expect(await engine.list('other')).toEqual([]);
    for (const _ of [1, 2]) await engine.remove(SPEC.name);
    expect(await engine.inspect(SPEC.name)).toBeUndefined();
  });

  it('says no in its own words', async () => {
    const engine = await make();
    await expect(engine.create({ ...SPEC, image: 'nobody/nothing' })).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('nobody/nothing'),
    });
    await expect(engine.start('nobody')).rejects.toMatchObject({ kind: 'refused', message: expect.stringContaining('nobody') });
  });

  it('tells of what starts, ends and goes, until it is no longer asked', async () => {
    const engine = await make();
    const heard: ContainerEvent[] = [];
    const end = new AbortController();
    let following: Promise<void> | undefined;
    await new Promise<void>((resolve) => {
      following = engine.events(resolve, (event) => heard.push(event), end.signal);
    });
    await engine.create(SPEC);
    await engine.start(SPEC.name);
    await engine.remove(SPEC.name);
    await vi.waitFor(() => expect(heard.map(({ action }) => action)).toEqual(['start', 'die', 'destroy']));
    expect(new Set(heard.map(({ name }) => name))).toEqual(new Set([SPEC.name]));
    end.abort();
    await following;
  });
});

it('a socket without an engine is unreachable', async () => {
  const engine = createDockerEngine(join(dir, 'nobody.sock'));
  await expect(engine.inspect('web')).rejects.toMatchObject({ kind: 'unreachable', message: expect.stringContaining('nobody.sock') });
  await expect(
    engine.events(
      () => {},
      () => {},
      new AbortController().signal,
    ),
  ).rejects.toMatchObject({ kind: 'unreachable' });
});
