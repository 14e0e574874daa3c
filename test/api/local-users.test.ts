import { execa } from 'execa';
import { afterEach, describe, expect, it } from 'vitest';
import { startApi, type TestApi } from '../support/api.js';

let api: TestApi | undefined;
afterEach(() => api?.close());

const REQUEST = `const [url, method] = process.argv.slice(1);
  const body = method === 'POST' ? { body: JSON.stringify({ cidrBlock: '10.0.0.0/16' }), headers: { 'content-type': 'application/json' } } : {};
  fetch(url + '/v1/vpcs', { method, ...body }).then((answer) => console.log(answer.status));`;

/** Asks as another user of this machine. */
async function ask(uid: number, url: string, method: 'GET' | 'POST'): Promise<number> {
  const argv = ['--reuid', String(uid), '--clear-groups', process.execPath, '-e', REQUEST, url, method];
  return Number((await execa('setpriv', argv)).stdout);
}

describe.skipIf(process.getuid?.() !== 0)('users of this machine (needs root, to be others)', { timeout: 60_000 }, () => {
  it.each(['127.0.0.1', '::1'])('stand in the audit log by their number, over %s', async (host) => {
    api = await startApi();
    const url = await api.app.listen({ host, port: 0 });
    expect(await ask(54321, url, 'POST')).toBe(201);
    const [entry] = (await api.ok('GET', '/v1/audit')).items;
    expect(entry).toMatchObject({ kind: 'local', who: 'uid 54321', uid: 54321, outcome: 'done' });
  });

  it('may be named: nobody else is let in but root', async () => {
    api = await startApi({ config: { localUids: [54321] } });
    const url = await api.app.listen({ host: '127.0.0.1', port: 0 });
    expect(await ask(54321, url, 'GET')).toBe(200);
    expect(await ask(0, url, 'GET')).toBe(200);
    expect(await ask(54322, url, 'GET')).toBe(401);
    expect(await ask(54322, url, 'POST')).toBe(401);
    expect(api.store.snapshot().revision).toBe(0);
    // Whose user is not known is nobody.
    expect((await api.call('GET', '/v1/vpcs')).status).toBe(401);
    expect((await api.call('GET', '/healthz')).status).toBe(200);
  });
});
