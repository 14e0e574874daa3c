import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { listenOnSocket, startApi } from '../support/api.js';

const dir = mkdtempSync(join(tmpdir(), 'enid-tls-'));
afterEach(() => rmSync(dir, { recursive: true }));

const noOpenssl = spawnSync('openssl', ['version']).status !== 0;

it.skipIf(noOpenssl)('serves TLS with the certificate of the configuration (needs openssl to make one)', async () => {
  const [tlsKey, tlsCert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const argv = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', tlsKey, '-out', tlsCert];
  execFileSync('openssl', [...argv, '-days', '2', '-subj', '/CN=enid.test', '-addext', 'subjectAltName=DNS:enid.test'], {
    stdio: 'ignore',
  });
  const api = await startApi({ config: { listen: '0.0.0.0:8780', token: 'correct-horse-battery', tlsCert, tlsKey } });
  const { path } = await listenOnSocket(api);
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const headers = { authorization: 'Bearer correct-horse-battery' };
    request({ socketPath: path, path: '/v1/vpcs', servername: 'enid.test', ca: readFileSync(tlsCert), headers, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .once('error', reject)
      .end();
  });
  expect(status).toBe(200);
  await api.close();
});
