import { chmodSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateVpcCommand, DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Config } from '../../agent/config/schema.js';
import { readCredentials } from '../../agent/http/credentials.js';
import { assertListenIsSafe } from '../../agent/http/listen.js';
import { startApi, type TestApi } from '../support/api.js';

const FULL = 'correct-horse-battery';
const READER = 'wrong-horse-paperclip';
const TEXT = `tokens:
  - { name: deploy, scope: full, token: ${FULL} }
  - { name: graphs, scope: read-only, token: ${READER} }
accessKeys:
  - { id: AKIAFULLFULLFULL1, scope: full, secret: fullfullfullfull }
  - { id: AKIAREADREADREAD1, scope: read-only, secret: readreadreadread }
`;
const TOKENS_ONLY = TEXT.slice(0, TEXT.indexOf('accessKeys'));

let dir: string;
let api: TestApi | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'enid-credentials-'));
});
afterEach(async () => {
  await api?.close();
  api = undefined;
  rmSync(dir, { recursive: true });
});

function fileWith(text: string, mode = 0o600): string {
  const path = join(dir, 'credentials');
  writeFileSync(`${path}.new`, text);
  chmodSync(`${path}.new`, mode);
  renameSync(`${path}.new`, path);
  return path;
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const BLOCK = { cidrBlock: '10.0.0.0/16' };

describe('a credentials file that cannot be used', () => {
  it.each([
    ['readable by the group', TEXT, 0o640, /mode 0640.*chmod 600/],
    ['readable by all', TEXT, 0o604, /mode 0604.*chmod 600/],
    ['writable by the group', TEXT, 0o620, /mode 0620.*chmod 600/],
    ['empty', '', 0o600, /at least one/],
    ['no mapping', '- a', 0o600, /expected object/i],
    ['no YAML', 'tokens: [', 0o600, /not valid YAML/],
    ['a key that is not known', `${TEXT}\n${FULL}x: 1`, 0o600, /a key that is not known/],
    ['a short token', 'tokens: [{ name: a, scope: full, token: short-secret }]', 0o600, /tokens\.0\.token: .*16/],
    ['a token with a blank', 'tokens: [{ name: a, scope: full, token: "correct horse battery" }]', 0o600, /blanks/],
    ['no scope', `tokens: [{ name: a, token: ${FULL} }]`, 0o600, /tokens\.0\.scope/],
    ['a scope that is not known', `tokens: [{ name: a, scope: admin, token: ${FULL} }]`, 0o600, /tokens\.0\.scope/],
    ['no name', `tokens: [{ name: "", scope: full, token: ${FULL} }]`, 0o600, /tokens\.0\.name/],
    ['a name that would break lines', `tokens: [{ name: "a\\nb", scope: full, token: ${FULL} }]`, 0o600, /tokens\.0\.name/],
    ['one name twice', TEXT.replace('graphs', 'deploy'), 0o600, /name of a token deploy is there twice/],
    ['one token twice', TEXT.replace(READER, FULL), 0o600, /two tokens are the same/],
    ['one access key twice', TEXT.replace('AKIAREAD', 'AKIAFULL').replace('READREAD1', 'FULLFULL1'), 0o600, /is there twice/],
    ['a bad access key', 'accessKeys: [{ id: "AK:IA", scope: full, secret: fullfullfullfull }]', 0o600, /accessKeys\.0\.id/],
  ])('%s', (_name, text, mode, reason) => {
    const read = () => readCredentials({ credentialsFile: fileWith(text, mode) });
    expect(read).toThrow(reason);
    expect(read).not.toThrow(new RegExp(`${FULL}|short-secret|correct horse|fullfullfullfull`));
  });

  it('is not there, or is a directory', () => {
    expect(() => readCredentials({ credentialsFile: join(dir, 'none') })).toThrow(/cannot be read/);
    expect(() => readCredentials({ credentialsFile: dir })).toThrow(/not a regular file/);
  });

  it('may be a link to a file that is safe itself', () => {
    symlinkSync(fileWith(TEXT), join(dir, 'link'));
    expect(readCredentials({ credentialsFile: join(dir, 'link') }).tokenBearer(FULL)?.name).toBe('deploy');
  });

  it('stops the start', async () => {
    await expect(startApi({ config: { credentialsFile: fileWith(TEXT, 0o644) } })).rejects.toThrow(/chmod 600/);
  });

  it('counts as a token for an address that the network reaches', () => {
    const config = Config.parse({ listen: '0.0.0.0:8780', credentialsFile: '/credentials', insecureHttp: true });
    expect(() => assertListenIsSafe(config)).not.toThrow();
  });
});

describe('scopes of tokens', () => {
  it.each([
    ['nobody reads', 'GET', '/v1/vpcs', {}, 401],
    ['full reads', 'GET', '/v1/vpcs', bearer(FULL), 200],
    ['full changes', 'POST', '/v1/vpcs', bearer(FULL), 201],
    ['read-only reads', 'GET', '/v1/vpcs', bearer(READER), 200],
    ['read-only reads metrics', 'GET', '/metrics', bearer(READER), 200],
    ['read-only reads the audit log', 'GET', '/v1/audit', bearer(READER), 200],
    ['read-only creates', 'POST', '/v1/vpcs', bearer(READER), 403],
    ['read-only deletes', 'DELETE', '/v1/vpcs/vpc-0123456789abcdef0', bearer(READER), 403],
    ['read-only changes', 'PATCH', '/v1/vpcs/vpc-0123456789abcdef0', bearer(READER), 403],
    ['read-only tags', 'PUT', '/v1/tags/vpc-0123456789abcdef0', bearer(READER), 403],
    ['read-only sends a batch', 'POST', '/v1/batch', bearer(READER), 403],
    ['read-only resets', 'POST', '/v1/reset', bearer(READER), 403],
    ['read-only asks for EC2 by its token', 'POST', '/?Action=DescribeVpcs&Version=2016-11-15', bearer(READER), 200],
    ['read-only changes by EC2', 'POST', '/?Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0/16', bearer(READER), 403],
    ['read-only changes by an EC2 GET', 'GET', '/?Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0/16', bearer(READER), 403],
    [
      'read-only tries a change by EC2',
      'POST',
      '/?Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0/16&DryRun=true',
      bearer(READER),
      403,
    ],
  ] as [string, string, string, Record<string, string>, number][])('%s', async (_name, method, path, headers, status) => {
    api = await startApi({ config: { credentialsFile: fileWith(TOKENS_ONLY) } });
    const answer = path.startsWith('/?')
      ? { status: (await api.app.inject({ method: method as 'GET', url: path, headers })).statusCode }
      : await api.call(method, path, method === 'POST' && path === '/v1/vpcs' ? BLOCK : undefined, headers);
    expect(answer.status).toBe(status);
    expect(api.store.snapshot().revision).toBe(status === 201 ? 1 : 0);
    expect(JSON.stringify(api.log)).not.toMatch(new RegExp(`${FULL}|${READER}`));
  });
});

describe('scopes of access keys', () => {
  const client = (url: string, accessKeyId: string, secretAccessKey: string) =>
    new EC2Client({ region: 'us-east-1', endpoint: url, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 });

  it('read-only signs for Describe and for nothing else', async () => {
    api = await startApi({ config: { credentialsFile: fileWith(TEXT) } });
    const url = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const full = client(url, 'AKIAFULLFULLFULL1', 'fullfullfullfull');
    const reader = client(url, 'AKIAREADREADREAD1', 'readreadreadread');
    const forger = client(url, 'AKIAFULLFULLFULL1', 'readreadreadread');
    const create = new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' });
    await expect(reader.send(create)).rejects.toMatchObject({ Code: 'UnauthorizedOperation' });
    await expect(forger.send(create)).rejects.toMatchObject({ Code: 'SignatureDoesNotMatch' });
    expect(api.store.snapshot().revision).toBe(0);
    await full.send(create);
    expect((await reader.send(new DescribeVpcsCommand({}))).Vpcs).toHaveLength(1);
    const { items } = (await api.call('GET', '/v1/audit', undefined, bearer(READER))).body;
    expect(items.map(({ kind, who, outcome, code }: any) => [kind, who, outcome, code])).toEqual([
      ['access-key', 'AKIAFULLFULLFULL1', 'done', undefined],
      ['access-key', 'AKIAREADREADREAD1', 'refused', 'UnauthorizedOperation'],
    ]);
  });
});

describe('a credentials file that changes', { timeout: 30_000 }, () => {
  const until = (condition: () => Promise<void>) => vi.waitFor(condition, { timeout: 10_000, interval: 30 });
  const status = async (token: string) => (await api?.call('GET', '/v1/vpcs', undefined, bearer(token)))?.status;

  it('is read again: tokens come and go without a restart', async () => {
    const credentialsFile = fileWith(TOKENS_ONLY);
    api = await startApi({ config: { credentialsFile }, lookMs: 20 });
    expect(await status(FULL)).toBe(200);
    fileWith(TOKENS_ONLY.replace(FULL, 'another-horse-battery'));
    await until(async () => expect(await status('another-horse-battery')).toBe(200));
    expect(await status(FULL)).toBe(401);
  });

  it.each([
    ['others can read it now', () => fileWith(TOKENS_ONLY.replace(FULL, 'another-horse-battery'), 0o644)],
    ['it is broken now', () => fileWith('tokens: [')],
    ['it is empty now', () => fileWith('')],
    ['it is gone', () => rmSync(join(dir, 'credentials'))],
  ])('%s: what was in it stays in force, and the log tells', async (_name, change) => {
    api = await startApi({ config: { credentialsFile: fileWith(TOKENS_ONLY) }, lookMs: 20 });
    change();
    await until(async () => expect(JSON.stringify(api?.log)).toContain('the earlier content stays in force'));
    expect(await status(FULL)).toBe(200);
    expect((await api.call('GET', '/v1/vpcs')).status).toBe(401);
  });

  it('never opens REST by losing its tokens', async () => {
    api = await startApi({ config: { credentialsFile: fileWith(TOKENS_ONLY) }, lookMs: 20 });
    fileWith(TEXT.slice(TEXT.indexOf('accessKeys')));
    await until(async () => expect(await status(FULL)).toBe(401));
    expect((await api.call('GET', '/v1/vpcs')).status).toBe(401);
  });
});
