import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cliOver } from '../support/cli.js';

/** `eni watch` against a server that can drop the connection. */

let connections: { headers: IncomingHttpHeaders; url: string | undefined; response: ServerResponse }[];
let server: ReturnType<typeof createServer>;
let endpoint: string;
beforeEach(async () => {
  connections = [];
  server = createServer((request, response) => {
    connections.push({ headers: request.headers, url: request.url, response });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('retry: 10\n\n');
    server.emit('watcher');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const event = (type: string, status: string, extra: object = {}) =>
  JSON.stringify({
    type,
    kind: 'networkInterface',
    id: 'eni-1',
    at: '2026-01-01T10:20:30.456Z',
    revision: 1,
    ...(type !== 'deleted' && { view: { status, tags: { Name: 'web' }, ...extra } }),
  });

function watch(...argv: string[]) {
  const end = new AbortController();
  const lines: string[] = [];
  let wake = () => {};
  const onOut = (text: string) => {
    lines.push(...text.trimEnd().split('\n'));
    wake();
  };
  const done = cliOver({ fetch, environment: { endpoint }, signal: end.signal, onOut })(...argv);
  return {
    lines,
    /** Resolves once so many lines have been printed. */
    async until(count: number) {
      while (lines.length < count)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    },
    async stop() {
      end.abort();
      return done;
    },
  };
}

describe('eni watch', () => {
  it('prints lines that tell what changed from what', async () => {
    const connected = once(server, 'watcher');
    const watcher = watch('watch', '--kinds', 'networkInterface');
    await connected;
    const { response, url } = connections[0] ?? {};
    expect(url).toBe('/v1/events?kinds=networkInterface');
    response?.write(`id: 1\ndata: ${event('created', 'available')}\n\n`);
    response?.write(`id: 2\ndata: ${event('modified', 'attaching', { attachment: { instanceId: 'i-1', deviceIndex: 1 } })}\n\n`);
    response?.write(`id: 3\ndata: ${event('status', 'attaching', { condition: { realised: false, message: 'EBUSY\u001b[2J' } })}\n\n`);
    response?.write(`id: 4\ndata: ${event('deleted', '')}\n\n`);
    await watcher.until(4);
    expect(watcher.lines).toEqual([
      '10:20:30.456  created   networkInterface  eni-1  (web)  available',
      '10:20:30.456  modified  networkInterface  eni-1  (web)  available → attaching  eth1 of i-1',
      '10:20:30.456  status    networkInterface  eni-1  (web)  attaching  fault: EBUSY\\u001b[2J',
      '10:20:30.456  deleted   networkInterface  eni-1  (web)  attaching',
    ]);
    const { err } = await watcher.stop();
    expect(err).toContain(`watching ${endpoint}`);
  });

  it('goes on after the last event when the connection drops, and says when events were missed', async () => {
    let connected = once(server, 'watcher');
    const watcher = watch('--json', 'watch');
    await connected;
    connections[0]?.response.write(`id: 7-1-t\ndata: ${event('created', 'available')}\n\n`);
    await watcher.until(1);
    connected = once(server, 'watcher');
    connections[0]?.response.destroy();
    await connected;
    expect(connections[1]?.headers['last-event-id']).toBe('7-1-t');
    connections[1]?.response.write(`event: resync\ndata: {"type":"resync"}\nid: 9-3-t\n\n`);
    connections[1]?.response.write(`data: ${event('modified', 'in-use')}\n\n`);
    await watcher.until(2);
    connected = once(server, 'watcher');
    connections[1]?.response.end();
    await connected;
    expect(connections[2]?.headers['last-event-id']).toBe('9-3-t');
    expect(watcher.lines.map((line) => JSON.parse(line).type)).toEqual(['created', 'modified']);
    const { err } = await watcher.stop();
    expect(err).toContain('connection lost, trying again\nconnected again\nsome events were missed\n');
  });

  it('fails at once when nothing answers at the start', async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    expect(await cliOver({ fetch, environment: { endpoint } })('watch')).toMatchObject({ code: 3 });
  });
});
