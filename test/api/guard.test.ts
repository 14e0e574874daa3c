import { afterEach, describe, expect, it } from 'vitest';
import { Config } from '../../agent/config/schema.js';
import { assertListenIsSafe } from '../../agent/http/listen.js';
import { startApi, type TestApi } from '../support/api.js';

let api: TestApi | undefined;
afterEach(() => api?.close());

const TOKEN = 'correct-horse-battery';

describe('the token', () => {
  it.each([
    ['no header', '/v1/vpcs', {}, 401],
    ['the right token', '/v1/vpcs', { authorization: `Bearer ${TOKEN}` }, 200],
    ['the scheme in other letters', '/v1/vpcs', { authorization: `bearer ${TOKEN}` }, 200],
    ['a wrong token', '/v1/vpcs', { authorization: 'Bearer wrong-horse-battery-12' }, 401],
    ['the beginning of the token', '/v1/vpcs', { authorization: `Bearer ${TOKEN.slice(0, -1)}` }, 401],
    ['the token and more', '/v1/vpcs', { authorization: `Bearer ${TOKEN}x` }, 401],
    ['another scheme', '/v1/vpcs', { authorization: `Basic ${TOKEN}` }, 401],
    ['the token alone', '/v1/vpcs', { authorization: TOKEN }, 401],
    ['the token in the query', `/v1/vpcs?token=${TOKEN}`, {}, 401],
    ['a path that does not exist', '/v1/nothing', {}, 401],
    ['metrics', '/metrics', {}, 401],
    ['events', '/v1/events', {}, 401],
    ['the description', '/openapi.json', {}, 401],
    ['health', '/healthz', {}, 200],
    ['readiness', '/readyz?verbose', {}, 200],
    ['a path that begins like health', '/healthz/../v1/vpcs', {}, 401],
  ] as [string, string, Record<string, string>, number][])('%s', async (_name, path, headers, status) => {
    api = await startApi({ config: { token: TOKEN } });
    const answer = await api.call('GET', path, undefined, headers);
    expect(answer.status).toBe(status);
    if (status === 401) {
      expect(answer.body.error.code).toBe('AuthFailure');
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
    }
    expect(JSON.stringify(api.log)).not.toContain(TOKEN);
  });
});

describe('names and origins', () => {
  it.each([
    ['loopback by number', 'GET', { host: '127.0.0.1:8780' }, 200],
    ['loopback by name', 'GET', { host: 'LOCALHOST:8780' }, 200],
    ['loopback in IPv6', 'GET', { host: '[::1]:8780' }, 200],
    ['a name that was made to resolve to loopback', 'GET', { host: 'evil.example:8780' }, 403],
    ['a name that begins like loopback', 'GET', { host: '127.0.0.1.evil.example' }, 403],
    ['a name that ends like loopback', 'GET', { host: 'evil.localhost.example' }, 403],
    ['no origin: a program', 'POST', { host: 'localhost:8780' }, 201],
    ['its own origin', 'POST', { host: 'localhost:8780', origin: 'http://localhost:8780' }, 201],
    ['its own origin at the usual port', 'POST', { host: 'localhost', origin: 'http://localhost' }, 201],
    ['another origin', 'POST', { host: 'localhost:8780', origin: 'https://evil.example' }, 403],
    ['another port', 'POST', { host: 'localhost:8780', origin: 'http://localhost:3000' }, 403],
    ['an opaque origin', 'POST', { host: 'localhost:8780', origin: 'null' }, 403],
    ['another site without an origin', 'POST', { host: 'localhost:8780', 'sec-fetch-site': 'cross-site' }, 403],
    [
      'reading from another origin: the browser keeps the answer from it',
      'GET',
      { host: 'localhost', origin: 'https://evil.example' },
      200,
    ],
  ] as [string, string, Record<string, string>, number][])('%s', async (_name, method, headers, status) => {
    api = await startApi();
    const answer = await api.call(method, '/v1/vpcs', method === 'POST' ? { cidrBlock: '10.0.0.0/16' } : undefined, headers);
    expect(answer.status).toBe(status);
    if (status === 403) {
      expect(answer.body.error.code).toBe('UnauthorizedOperation');
      expect(api.store.snapshot().revision).toBe(0);
    }
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('answers to any name on an address that the network reaches', async () => {
    api = await startApi({ config: { listen: '0.0.0.0:8780', token: TOKEN, insecureHttp: true } });
    const answer = await api.call('GET', '/v1/vpcs', undefined, { host: 'enid.example', authorization: `Bearer ${TOKEN}` });
    expect(answer.status).toBe(200);
  });
});

describe('assertListenIsSafe', () => {
  const tls = { tlsCert: '/cert.pem', tlsKey: '/key.pem' };
  it.each([
    ['127.0.0.1:8780', {}, undefined],
    ['127.8.8.8:8780', {}, undefined],
    ['[::1]:8780', {}, undefined],
    ['localhost:8780', {}, undefined],
    ['0.0.0.0:8780', {}, /set a token/],
    ['[::]:8780', {}, /set a token/],
    ['192.0.2.1:8780', tls, /set a token/],
    ['host.example:8780', {}, /set a token/],
    ['0.0.0.0:8780', { token: TOKEN }, /tlsCert and tlsKey.*--insecure-http/],
    ['0.0.0.0:8780', { insecureHttp: true }, /set a token/],
    ['0.0.0.0:8780', { token: TOKEN, insecureHttp: true }, undefined],
    ['0.0.0.0:8780', { token: TOKEN, ...tls }, undefined],
    ['127.0.0.1:8780', { tlsCert: '/cert.pem' }, /together/],
    ['0.0.0.0:8780', { token: TOKEN, tlsKey: '/key.pem' }, /together/],
  ] as [string, Partial<Config>, RegExp | undefined][])('%s %j', (listen, given, refusal) => {
    const check = () => assertListenIsSafe(Config.parse({ listen, ...given }));
    if (refusal) expect(check).toThrow(refusal);
    else expect(check).not.toThrow();
  });

  it('is asked before anything is built', async () => {
    await expect(startApi({ config: { listen: '0.0.0.0:8780' } })).rejects.toThrow(/set a token/);
  });
});
