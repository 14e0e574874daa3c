import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startApi, type TestApi } from '../support/api.js';
import { cliOver } from '../support/cli.js';

let dir: string;
let api: TestApi | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'enid-tls-'));
});
afterEach(async () => {
  await api?.close();
  api = undefined;
  rmSync(dir, { recursive: true });
});

const TOKEN = 'correct-horse-battery';
const noOpenssl = spawnSync('openssl', ['version']).status !== 0;
const path = (name: string) => join(dir, name);

/** A certificate for 127.0.0.1 that vouches for itself, with its key. */
function makeCertificate(name: string, commonName = 'enid.test') {
  const files = { tlsKey: path(`${name}-key.pem`), tlsCert: path(`${name}.pem`) };
  const argv = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const names = ['-subj', `/CN=${commonName}`, '-addext', 'subjectAltName=DNS:enid.test,IP:127.0.0.1'];
  execFileSync('openssl', [...argv, '-keyout', files.tlsKey, '-out', files.tlsCert, ...names], { stdio: 'ignore' });
  return files;
}

async function serve(files: { tlsKey: string; tlsCert: string }) {
  api = await startApi({ config: { listen: '0.0.0.0:8780', token: TOKEN, ...files }, lookMs: 20 });
  const url = await api.app.listen({ host: '127.0.0.1', port: 0 });
  return { url, port: Number(new URL(url).port) };
}

/** Common name of the certificate that a new connection is shown. */
const shownName = (port: number, options: object = {}) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    }).once('error', reject);
  });

const unused: typeof fetch = () => Promise.reject(new Error('must not be used'));

describe.skipIf(noOpenssl)('TLS (needs openssl to make certificates)', { timeout: 30_000 }, () => {
  it('serves eni, which trusts the given certificate and reads its token from a file', async () => {
    const files = makeCertificate('a');
    const { url } = await serve(files);
    writeFileSync(path('token'), `${TOKEN}\n`, { mode: 0o600 });
    const eni = cliOver({ fetch: unused });
    const trusting = ['--endpoint', url, '--ca', files.tlsCert, '--token-file', path('token')];
    const created = await eni(...trusting, 'create', 'vpc', '10.0.0.0/16', '--json');
    expect(created).toMatchObject({ code: 0, err: '' });
    const byEnvironment = cliOver({ fetch: unused, environment: { endpoint: url, ca: files.tlsCert, tokenFile: path('token') } });
    expect((await byEnvironment('describe', 'vpcs')).out).toContain('10.0.0.0/16');
    expect(await byEnvironment('--token', 'wrong-horse-battery', 'describe', 'vpcs')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^AuthFailure/),
    });
    const stranger = await eni('--endpoint', url, '--ca', makeCertificate('b').tlsCert, '--token', TOKEN, 'describe', 'vpcs');
    expect(stranger).toMatchObject({ code: 3, err: expect.stringMatching(/DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY/) });
  });

  it('tells eni in words what is wrong with its files', async () => {
    writeFileSync(path('open'), TOKEN, { mode: 0o644 });
    writeFileSync(path('two'), `${TOKEN}\n${TOKEN}\n`, { mode: 0o600 });
    const eni = cliOver({ fetch: unused });
    for (const [argv, reason] of [
      [['--token-file', path('open')], /mode 0644.*chmod 600/],
      [['--token-file', path('two')], /one token and nothing else/],
      [['--token-file', path('none')], /cannot be read/],
      [['--ca', path('none')], /ENOENT/],
    ] as const)
      expect(await eni(...argv, 'describe', 'vpcs')).toMatchObject({ code: 2, err: expect.stringMatching(reason) });
  });

  it('has answers kept to TLS, and speaks no old version', async () => {
    const files = makeCertificate('a');
    const { port } = await serve(files);
    const { headers } = await (api as TestApi).app.inject({ method: 'GET', url: '/healthz' });
    expect(headers['strict-transport-security']).toMatch(/max-age/);
    await expect(shownName(port, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' })).rejects.toThrow();
    expect(await shownName(port, { maxVersion: 'TLSv1.2' })).toBe('enid.test');
  });

  it('takes a renewed certificate without a restart, and keeps the old one while the files do not match', async () => {
    const files = makeCertificate('a');
    const { port } = await serve(files);
    const renewed = makeCertificate('b', 'renewed.test');
    expect(await shownName(port)).toBe('enid.test');
    renameSync(renewed.tlsCert, files.tlsCert);
    await vi.waitFor(() => expect(JSON.stringify(api?.log)).toContain('the earlier content stays in force'), { timeout: 10_000 });
    expect(await shownName(port)).toBe('enid.test');
    renameSync(renewed.tlsKey, files.tlsKey);
    await vi.waitFor(async () => expect(await shownName(port)).toBe('renewed.test'), { timeout: 10_000 });
  });

  it.each([
    ['a key that others can read', (f: { tlsKey: string }) => chmodSync(f.tlsKey, 0o644), /mode 0644.*chmod 600/],
    [
      'a certificate of another key',
      (f: { tlsCert: string }) => renameSync(makeCertificate('b').tlsCert, f.tlsCert),
      /key values mismatch/i,
    ],
    ['a certificate that is none', (f: { tlsCert: string }) => writeFileSync(f.tlsCert, 'no'), /tlsCert/],
    ['no key', (f: { tlsKey: string }) => rmSync(f.tlsKey), /cannot be read/],
  ])('does not start with %s', async (_name, spoil, reason) => {
    const files = makeCertificate('a');
    spoil(files);
    await expect(serve(files)).rejects.toThrow(reason);
  });
});
