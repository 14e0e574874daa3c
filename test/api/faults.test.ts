import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ErrorEnvelope } from '../../agent/http/render-error.js';
import { StoreConflict, StoreFault } from '../../agent/store/store.js';
import { listenOnSocket, startApi, type TestApi } from '../support/api.js';

let api: TestApi;
afterEach(() => api.close());

const SECRET = 'the secret detail';

describe('faults of the agent', () => {
  it.each([
    ['a store that takes nothing', () => new StoreFault(`disk full: ${SECRET}`), 503, 'ServiceUnavailable', 40],
    ['a store that is ahead', () => new StoreConflict(SECRET), 503, 'ServiceUnavailable', 40],
    ['a bug', () => new TypeError(SECRET), 500, 'InternalError', 50],
    ['something thrown that is no error', () => ({ statusCode: 418, message: SECRET }), 500, 'InternalError', 50],
  ])('%s', async (_name, fault, status, code, level) => {
    api = await startApi({
      expectsFaults: true,
      deps: {
        transact: async () => {
          throw fault();
        },
      },
    });
    const answer = await api.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
    expect([answer.status, answer.body.error.code]).toEqual([status, code]);
    expect(JSON.stringify(answer.body)).not.toContain(SECRET);
    const logged = api.log.filter((line) => line.level >= 40);
    expect(logged).toEqual([expect.objectContaining({ level, requestId: answer.headers['x-request-id'] })]);
    expect(JSON.stringify(logged)).toContain(SECRET);
  });

  it('is silent about faults of the caller', async () => {
    api = await startApi();
    expect((await api.call('POST', '/v1/vpcs', {})).status).toBe(400);
    expect(api.log.filter((line) => line.level >= 30)).toEqual([]);
  });

  it('finishes what is under way while it stops, and then does not wait for kept connections', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    api = await startApi({ deps: { settle: () => held } });
    const listener = await listenOnSocket(api);
    const connection = connect(listener.path);
    let text = '';
    connection.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    const ended = once(connection, 'close');
    const body = '{"cidrBlock":"10.0.0.0/16"}';
    connection.write(
      `POST /v1/vpcs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await expect.poll(() => api.store.snapshot().revision).toBe(1);
    const closed = api.close();
    await expect.poll(() => existsSync(listener.path)).toBe(false);
    release();
    await closed;
    await ended;
    expect(text).toMatch(/^HTTP\/1\.1 201 Created\r\n/);
    expect(text).toMatch(/^connection: close\r$/im);
  });

  it('a caller who hangs up in the middle of the body is no fault of the agent', async () => {
    api = await startApi();
    const listener = await listenOnSocket(api);
    const connection = connect(listener.path);
    connection.write('POST /v1/vpcs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"cidr');
    await listener.get('/healthz').then((answer) => answer.resume());
    connection.destroy();
    await expect.poll(() => new Promise((resolve) => api.app.server.getConnections((_error, count) => resolve(count)))).toBeLessThan(2);
    await listener.get('/healthz').then((answer) => answer.resume());
    expect(api.log.filter(({ level }) => level >= 40)).toEqual([]);
  });

  it('answers what is not HTTP in the same envelope', async () => {
    api = await startApi();
    const listener = await listenOnSocket(api);
    const connection = connect(listener.path);
    let text = '';
    connection.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    const ended = once(connection, 'close');
    connection.write('HELO enid\r\n\r\n');
    await ended;
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request/);
    expect(ErrorEnvelope.parse(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).error.code).toBe('MalformedRequest');
  });
});
