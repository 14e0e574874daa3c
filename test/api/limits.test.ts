import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { listenOnSocket, startApi, type TestApi } from '../support/api.js';

let api: TestApi | undefined;
afterEach(() => api?.close());

const FULL = 'correct-horse-battery';

describe('the rate limit', () => {
  it('stops a client that asks too often, and tells when to come again', async () => {
    api = await startApi({ config: { requestsPerSecond: 1 } });
    for (let i = 0; i < 10; i++) expect((await api.call('GET', '/v1/vpcs')).status).toBe(200);
    const answer = await api.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
    expect([answer.status, answer.body.error.code]).toEqual([429, 'RequestLimitExceeded']);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(api.store.snapshot().revision).toBe(0);
  });

  it('answers EC2 as the cloud does', async () => {
    api = await startApi({ config: { requestsPerSecond: 1 } });
    const ask = () => (api as TestApi).app.inject({ method: 'POST', url: '/?Action=DescribeVpcs&Version=2016-11-15' });
    for (let i = 0; i < 10; i++) expect((await ask()).statusCode).toBe(200);
    const answer = await ask();
    expect(answer.statusCode).toBe(503);
    expect(answer.payload).toContain('<Code>RequestLimitExceeded</Code>');
  });

  it('counts by token, so that who has none uses up nobody else’s', async () => {
    api = await startApi({ config: { requestsPerSecond: 1, token: FULL } });
    for (let i = 0; i < 10; i++) expect((await api.call('GET', '/v1/vpcs')).status).toBe(401);
    expect((await api.call('GET', '/v1/vpcs')).status).toBe(429);
    expect((await api.call('GET', '/v1/vpcs', undefined, { authorization: `Bearer ${FULL}` })).status).toBe(200);
  });

  it('is off with 0', async () => {
    api = await startApi({ config: { requestsPerSecond: 0 } });
    for (let i = 0; i < 30; i++) expect((await api.call('GET', '/v1/vpcs')).status).toBe(200);
  });
});

describe('limits of a request', () => {
  it.each([
    ['a body that is too large', 'POST', { 'content-type': 'application/json' }, 'x'.repeat(1024 * 1024 + 1), 413],
    ['a form', 'POST', { 'content-type': 'application/x-www-form-urlencoded' }, 'cidrBlock=10.0.0.0/16', 415],
    ['a multipart form', 'POST', { 'content-type': 'multipart/form-data; boundary=x' }, '--x--', 415],
    ['plain text, which a page of another origin may send', 'POST', { 'content-type': 'text/plain' }, '{"cidrBlock":"10.0.0.0/16"}', 415],
    ['no type', 'POST', {}, '{"cidrBlock":"10.0.0.0/16"}', 415],
  ] as [string, 'POST', Record<string, string>, string, number][])('%s', async (_name, method, headers, payload, status) => {
    api = await startApi();
    expect((await api.raw({ method, url: '/v1/vpcs', headers, payload })).status).toBe(status);
    expect(api.store.snapshot().revision).toBe(0);
  });

  it.each([
    ['headers that never end', 'GET /v1/vpcs HTTP/1.1\r\nhost: localhost\r\nx: ', ' 408 '],
    [
      'a body that never ends',
      'POST /v1/vpcs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
      ' 408 ',
    ],
    ['nothing at all', '', ''],
    ['headers that are too large', `GET /v1/vpcs HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, ' 431 '],
    ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', ' 400 '],
  ])('ends a connection with %s', async (_name, bytes, status) => {
    api = await startApi({ arrivalMs: { headers: 200, request: 400 } });
    const { path } = await listenOnSocket(api);
    const socket = connect(path);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.write(bytes);
    await new Promise((resolve) => socket.once('close', resolve).once('error', resolve));
    expect(answer.split('\r\n', 1)[0]).toContain(status.trimEnd());
  });
});

describe('headers of answers', () => {
  it.each([
    ['an answer', '/v1/vpcs', "default-src 'none'", 'no-store'],
    ['a fault', '/v1/nothing', "default-src 'none'", 'no-store'],
    ['EC2', '/?Action=DescribeVpcs&Version=2016-11-15', "default-src 'none'", 'no-store'],
    ['the docs', '/docs/', "default-src 'self'", undefined],
  ])('%s', async (_name, url, policy, cache) => {
    api = await startApi();
    const { headers } = await api.app.inject({ method: 'GET', url });
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['content-security-policy']).toContain(policy);
    expect(headers['strict-transport-security']).toBeUndefined();
    if (cache) expect(headers['cache-control']).toBe(cache);
  });

  it('let the docs page load what it needs', async () => {
    api = await startApi();
    const page = await api.app.inject({ method: 'GET', url: '/docs/' });
    const scripts = [...page.payload.matchAll(/<script[^>]*src="([^"]+)"/g)].map(
      ([, src]) => new URL(src ?? '', 'http://localhost/docs/').pathname,
    );
    expect(scripts.length).toBeGreaterThan(0);
    for (const url of scripts) expect((await api.app.inject({ method: 'GET', url })).statusCode).toBe(200);
    expect(page.headers['content-security-policy']).toMatch(/script-src 'self'/);
  });

  it('an unsigned EC2 GET changes nothing, as an image in any page can send it', async () => {
    api = await startApi();
    const url = '/?Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0/16';
    expect((await api.app.inject({ method: 'GET', url })).statusCode).toBe(403);
    expect((await api.app.inject({ method: 'POST', url })).statusCode).toBe(200);
  });
});
