import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventHub, type ResourceEvent } from '../../agent/http/event-hub.js';
import { listenOnSocket, makeNetwork, startApi, type TestApi } from '../support/api.js';

let api: TestApi;
beforeEach(async () => {
  api = await startApi({ heartbeatMs: 20 });
});
afterEach(() => api.close());

interface Stream {
  /** Text so far. */
  text(): string;
  /** Data of the events so far. */
  events(): any[];
  /** The last event id that a client would remember. */
  lastId(): string | undefined;
  readonly ended: Promise<void>;
  close(): void;
  readonly readable: Readable;
}

async function open(query = '', headers: Record<string, string> = {}): Promise<Stream> {
  const answer = await api.app.inject({ method: 'GET', url: `/v1/events${query}`, headers, payloadAsStream: true });
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'text/event-stream']);
  const readable = answer.stream();
  let text = '';
  readable.on('data', (chunk) => {
    text += chunk;
  });
  const ended = new Promise<void>((resolve) => readable.once('close', resolve));
  return {
    text: () => text,
    events: () => [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? '')),
    lastId: () => [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1],
    ended,
    close: () => readable.destroy(),
    readable,
  };
}

describe('/v1/events', () => {
  it('tells creations, changes, what the kernel made of them, and deletions, with the view', async () => {
    const stream = await open();
    const vpc = await api.ok('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
    await api.ok('PATCH', `/v1/vpcs/${vpc.vpcId}`, { enableDnsHostnames: true });
    await api.call('DELETE', `/v1/vpcs/${vpc.vpcId}`);
    const ofVpc = () => stream.events().filter((event) => event.kind === 'vpc');
    await expect.poll(() => ofVpc().map((event) => event.type)).toEqual(['created', 'status', 'modified', 'deleted']);
    const [created, status, modified, deleted] = ofVpc();
    expect(created).toMatchObject({ id: vpc.vpcId, revision: 1, view: { vpcId: vpc.vpcId, enableDnsHostnames: false } });
    expect(status.view).toEqual(vpc);
    expect(modified).toMatchObject({ revision: 2, view: { enableDnsHostnames: true } });
    expect(deleted).toEqual({ type: 'deleted', kind: 'vpc', id: vpc.vpcId, revision: 3, at: expect.any(String) });
    expect(stream.events().map((event) => event.kind)).toEqual(expect.arrayContaining(['securityGroup', 'routeTable', 'networkAcl']));
  });

  it('begins with a hint for reconnecting, and beats while nothing happens', async () => {
    const stream = await open();
    await expect.poll(() => stream.text()).toMatch(/^retry: \d+\nid: \S+\n\n(:\n\n){2}/);
  });

  it('tells that an instance is running once its primary interface is there', async () => {
    const { subnetId } = await makeNetwork(api);
    const stream = await open('?kinds=instance');
    await api.ok('POST', '/v1/instances', { subnetId });
    await expect.poll(() => stream.events().map((event) => event.view.state)).toEqual(['pending', 'pending', 'running']);
  });

  it('tells only the kinds that were asked for', async () => {
    const stream = await open('?kinds=subnet,networkInterface');
    const { subnetId } = await makeNetwork(api);
    await api.ok('POST', '/v1/network-interfaces', { subnetId });
    await expect
      .poll(() => stream.events().map((event) => `${event.type} ${event.kind}`))
      .toEqual(['created subnet', 'created networkInterface']);
  });

  it('resumes after the last event id, without gap and without repetition', async () => {
    const first = await open('?kinds=vpc');
    await api.ok('POST', '/v1/vpcs', { cidrBlock: '10.1.0.0/16' });
    await expect.poll(() => first.events().length).toBe(2);
    first.close();
    await first.ended;
    await api.ok('POST', '/v1/vpcs', { cidrBlock: '10.2.0.0/16' });
    const second = await open('?kinds=vpc', { 'last-event-id': first.lastId() ?? '' });
    await api.ok('POST', '/v1/vpcs', { cidrBlock: '10.3.0.0/16' });
    const created = () => second.events().filter((event) => event.type === 'created');
    await expect.poll(() => created().map((event) => event.view.cidrBlock)).toEqual(['10.2.0.0/16', '10.3.0.0/16']);
    expect(second.text()).not.toContain('resync');
  });

  it('remembers its place before the first event', async () => {
    await api.ok('POST', '/v1/vpcs', { cidrBlock: '10.1.0.0/16' });
    const first = await open();
    await expect.poll(() => first.lastId()).toBeDefined();
    first.close();
    await api.ok('POST', '/v1/vpcs', { cidrBlock: '10.2.0.0/16' });
    const second = await open('?kinds=vpc', { 'last-event-id': first.lastId() ?? '' });
    await expect.poll(() => second.events().map((event) => event.view.cidrBlock)).toEqual(['10.2.0.0/16', '10.2.0.0/16']);
  });

  it.each(['12-3-anotherlife', 'nonsense', '0-99-t'])('asks for a resync after the unknown event id %s', async (id) => {
    const stream = await open('', { 'last-event-id': id });
    await expect.poll(() => stream.text()).toMatch(/event: resync\ndata: {"type":"resync"}\nid: \S+\n\n/);
  });

  it('ends when the server closes', async () => {
    const stream = await open();
    await api.close();
    await stream.ended;
  });

  it('cuts off a client that does not read, and goes on for the others', async () => {
    const { get } = await listenOnSocket(api);
    const [slow, quick] = [await get('/v1/events'), await get('/v1/events')];
    const ended = new Promise<void>((resolve) => slow.once('close', resolve));
    slow.once('error', () => undefined).pause();
    let received = 0;
    quick.on('data', (chunk: Buffer) => {
      received += chunk.toString().split('"revision":1,').length - 1;
    });
    const event: ResourceEvent = {
      type: 'modified',
      kind: 'vpc',
      id: 'vpc-1',
      at: '',
      revision: 1,
      view: { filler: 'x'.repeat(64 * 1024) },
    };
    for (let sent = 1; sent <= 100; sent++) {
      api.deps.events.publish(event);
      await expect.poll(() => received, { interval: 1 }).toBe(sent);
    }
    slow.resume();
    await ended;
    expect(slow.complete).toBe(false);
    expect(api.log.filter((line) => line.level === 40)).toEqual([expect.objectContaining({ msg: expect.stringContaining('cut off') })]);
    quick.destroy();
  });

  it('counts open streams, and forgets those that closed', async () => {
    const { get } = await listenOnSocket(api);
    const stream = await get('/v1/events');
    const streams = async () => /^enid_event_streams (\d+)$/m.exec((await api.call('GET', '/metrics')).body)?.[1];
    expect(await streams()).toBe('1');
    stream.once('error', () => undefined).destroy();
    await expect.poll(streams).toBe('0');
  });
});

describe('EventHub', () => {
  const event = (revision: number): ResourceEvent => ({ type: 'modified', kind: 'vpc', id: 'vpc-1', at: '', revision });
  it('knows the newest events, and says so when older ones are asked for', () => {
    const hub = new EventHub('a1', 8);
    const start = hub.position;
    const ids = [1, 2, 3, 3, 4].map((revision) => {
      hub.publish(event(revision));
      return hub.position;
    });
    expect(new Set(ids).size).toBe(5);
    expect(hub.since(start)?.map((each) => each.eventId)).toEqual(ids);
    expect(hub.since(ids[2] ?? '')?.map((each) => each.eventId)).toEqual(ids.slice(3));
    expect(hub.since(ids[4] ?? '')).toEqual([]);
    for (let i = 0; i < 8; i++) hub.publish(event(5 + i));
    expect(hub.since(start)).toBeUndefined();
    expect(hub.since(ids[4] ?? '')?.length ?? 8).toBe(8);
    expect(hub.since('4-5-b2')).toBeUndefined();
  });
});
