import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeNetwork, startApi, type TestApi } from '../support/api.js';
import { type CliRun, cliOver, fetchInto } from '../support/cli.js';

let api: TestApi;
let run: (...argv: string[]) => Promise<CliRun>;
beforeEach(async () => {
  api = await startApi();
  run = cliOver({ fetch: fetchInto(api) });
});
afterEach(() => api.close());

const DEFAULTS = {
  httpEndpoint: 'enabled',
  httpTokens: 'optional',
  httpPutResponseHopLimit: 1,
  httpProtocolIpv6: 'disabled',
  instanceMetadataTags: 'disabled',
};

async function instance(fields: Record<string, unknown> = {}) {
  const { subnetId } = await makeNetwork(api);
  const { instances } = await api.ok('POST', '/v1/instances', { subnetId, tags: { Name: 'web' }, ...fields });
  return instances[0];
}

describe('options of the metadata service', () => {
  it('by REST: those given change, the others stay', async () => {
    const { instanceId, metadataOptions } = await instance();
    expect(metadataOptions).toEqual(DEFAULTS);
    const path = `/v1/instances/${instanceId}/metadata-options`;
    expect((await api.ok('PATCH', path, { httpTokens: 'required' })).metadataOptions).toEqual({ ...DEFAULTS, httpTokens: 'required' });
    const both = { httpPutResponseHopLimit: 2, instanceMetadataTags: 'enabled' };
    const changed = { ...DEFAULTS, httpTokens: 'required', ...both };
    expect((await api.ok('PATCH', path, both)).metadataOptions).toEqual(changed);
    expect((await api.ok('GET', `/v1/instances/${instanceId}`)).metadataOptions).toEqual(changed);
  });

  it.each([
    [{}, 'MissingParameter'],
    [{ httpTokens: 'sometimes' }, 'InvalidParameterValue'],
    [{ httpPutResponseHopLimit: 0 }, 'InvalidParameterValue'],
    [{ httpPutResponseHopLimit: '2' }, 'InvalidParameterValue'],
    [{ tokens: 'required' }, 'UnknownParameter'],
  ])('refuses %j', async (body, code) => {
    const { instanceId } = await instance();
    const answer = await api.call('PATCH', `/v1/instances/${instanceId}/metadata-options`, body);
    expect([answer.status, answer.body.error.code]).toEqual([400, code]);
  });

  it('by the command line: shows them, and changes them', async () => {
    await instance();
    const shown = await run('--json', 'metadata-options', 'web');
    expect(JSON.parse(shown.out)).toEqual(DEFAULTS);
    const flags = ['--tokens', 'required', '--hop-limit', '3', '--ipv6', 'on', '--tags', 'on', '--service', 'off'];
    const changed = await run('--json', 'metadata-options', 'web', ...flags);
    expect(JSON.parse(changed.out)).toEqual({
      httpEndpoint: 'disabled',
      httpTokens: 'required',
      httpPutResponseHopLimit: 3,
      httpProtocolIpv6: 'enabled',
      instanceMetadataTags: 'enabled',
    });
    expect((await run('metadata-options', 'web')).out).toMatch(/HTTP TOKENS[\s\S]*required/);
    expect((await run('metadata-options', 'web', '--tokens', 'never')).code).toBe(2);
    expect((await run('metadata-options', 'web', '--hop-limit', '65')).code).toBe(1);
  });
});

describe('user data', () => {
  it.each([
    ['text', Buffer.from('#!/bin/sh\necho ü\n'), { userData: '#!/bin/sh\necho ü\n' }],
    ['bytes', Buffer.from([0x1f, 0x8b, 0, 255]), { userDataBase64: Buffer.from([0x1f, 0x8b, 0, 255]).toString('base64') }],
  ])('%s, by REST in base64 and by the command line from a file', async (_name, bytes, fields) => {
    const { userData, userDataBase64, instanceId } = await instance({ userDataBase64: bytes.toString('base64') });
    expect({ ...(userData && { userData }), ...(userDataBase64 && { userDataBase64 }) }).toEqual(fields);
    await api.ok('POST', `/v1/instances/${instanceId}/stop`, {});
    const file = `/tmp/enid-user-data-${process.pid}`;
    writeFileSync(file, bytes);
    const { code, err } = await run(
      'run',
      '--subnet',
      (await api.ok('GET', '/v1/subnets')).items[0].subnetId,
      '--user-data',
      file,
      '--name',
      'two',
    );
    rmSync(file);
    expect([code, err]).toEqual([0, '']);
    const { items } = await api.ok('GET', '/v1/instances?filter=tag:Name:two');
    expect(items[0]).toMatchObject(fields);
  });

  it.each([
    ['both', { userData: 'a', userDataBase64: 'YQ==' }, 'InvalidParameterCombination'],
    ['no base64', { userDataBase64: 'a?' }, 'InvalidParameterValue'],
    ['more than 16 KiB', { userDataBase64: Buffer.alloc(16_385).toString('base64') }, 'InvalidParameterValue'],
  ])('refuses %s', async (_name, fields, code) => {
    const { subnetId } = await makeNetwork(api);
    const answer = await api.call('POST', '/v1/instances', { subnetId, ...fields });
    expect([answer.status, answer.body.error.code]).toEqual([400, code]);
  });
});
