import { afterEach, describe, expect, it } from 'vitest';
import { makeNetwork, startApi, type TestApi } from '../support/api.js';
import { cliOver, fetchInto } from '../support/cli.js';

let api: TestApi | undefined;
afterEach(() => api?.close());

const entries = async (query = '') => (await (api as TestApi).ok('GET', `/v1/audit${query}`)).items;
const TOKEN = 'correct-horse-battery';

describe('the audit log', () => {
  it('tells of a change who made it, of what, and the outcome', async () => {
    api = await startApi();
    const { vpcId, subnetId } = await makeNetwork(api);
    await api.call('POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.1.0/24', availabilityZone: 'us-east-1a' });
    const [refused, second, first] = await entries();
    expect(first).toMatchObject({ kind: 'local', who: 'local', peer: '127.0.0.1', commands: ['createVpc'], outcome: 'done' });
    expect(first.ids).toContain(vpcId);
    expect(second).toMatchObject({ request: 'POST /v1/subnets', commands: ['createSubnet'] });
    expect(second.ids).toEqual([vpcId, subnetId]);
    expect(refused).toMatchObject({ outcome: 'refused', code: 'InvalidSubnet.Conflict', ids: [vpcId] });
    expect(Date.parse(first.time)).toBeLessThanOrEqual(Date.parse(refused.time));
    expect(new Set([refused.requestId, second.requestId, first.requestId]).size).toBe(3);
  });

  it('is silent about what changes nothing: reading, and trying', async () => {
    api = await startApi();
    await api.ok('GET', '/v1/vpcs');
    await api.app.inject({ method: 'POST', url: '/?Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0/16&DryRun=true' });
    expect(await entries()).toEqual([]);
  });

  it('writes batches as one entry, and a reset', async () => {
    api = await startApi();
    const create = { command: 'createVpc', input: { cidrBlock: '10.0.0.0/16' } };
    await api.ok('POST', '/v1/batch', { commands: [create, create] });
    await api.ok('POST', '/v1/reset');
    const [reset, batch] = await entries();
    expect(batch).toMatchObject({ request: 'POST /v1/batch', commands: ['createVpc'], outcome: 'done' });
    expect(batch.ids.filter((id: string) => id.startsWith('vpc-'))).toHaveLength(2);
    expect(reset).toMatchObject({ commands: ['reset'], outcome: 'done' });
  });

  it('holds no secret, whatever is sent', async () => {
    api = await startApi({ config: { token: TOKEN } });
    const headers = { authorization: `Bearer ${TOKEN}` };
    const secret = 'hunter2hunter2hunter2';
    const { body: vpc } = await api.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16', tags: { password: secret } }, headers);
    const subnet = { vpcId: vpc.vpcId, cidrBlock: '10.0.1.0/24', availabilityZone: 'us-east-1a' };
    const { body: made } = await api.call('POST', '/v1/subnets', subnet, headers);
    await api.call('POST', '/v1/instances', { subnetId: made.subnetId, userData: `#!/bin/sh\necho ${secret}` }, headers);
    await api.call('POST', `/v1/vpcs?token=${secret}`, { cidrBlock: secret }, headers);
    await api.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }, { authorization: `Bearer ${secret}` });
    const { items } = (await api.call('GET', '/v1/audit', undefined, headers)).body;
    expect(items.map(({ who, code }: any) => [who, code])).toEqual([
      ['', 'AuthFailure'],
      ['configuration', undefined],
      ['configuration', undefined],
      ['configuration', undefined],
    ]);
    expect(JSON.stringify(items)).not.toMatch(new RegExp(`${secret}|${TOKEN}`));
  });

  it('does not let failing callers push out the rest: many become one entry', async () => {
    api = await startApi({ config: { token: TOKEN } });
    for (let i = 0; i < 20; i++) await api.call('GET', '/v1/vpcs', undefined, { authorization: `Bearer wrong-horse-${i}-battery` });
    const { items } = (await api.call('GET', '/v1/audit', undefined, { authorization: `Bearer ${TOKEN}` })).body;
    expect(items).toHaveLength(1);
    const metrics = await api.call('GET', '/metrics', undefined, { authorization: `Bearer ${TOKEN}` });
    expect(metrics.body).toContain('enid_http_refused_callers_total{code="AuthFailure"} 20');
  });

  it('does not keep a change from being answered when it cannot be written, and a metric tells', async () => {
    api = await startApi();
    api.deps.audit.close();
    await api.ok('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
    expect((await api.call('GET', '/metrics')).body).toContain('enid_audit_failures_total 1');
  });
});

describe('GET /v1/audit', () => {
  it('comes in pages, the newest first', async () => {
    api = await startApi();
    for (let i = 0; i < 12; i++) await api.ok('POST', '/v1/vpcs', { cidrBlock: `10.${i}.0.0/16` });
    const all = await entries();
    const first = await api.ok('GET', '/v1/audit?maxResults=5');
    const second = await api.ok('GET', `/v1/audit?maxResults=5&nextToken=${first.nextToken}`);
    // What comes meanwhile shifts no page.
    await api.ok('POST', '/v1/vpcs', { cidrBlock: '10.99.0.0/16' });
    const third = await api.ok('GET', `/v1/audit?maxResults=5&nextToken=${second.nextToken}`);
    expect([...first.items, ...second.items, ...third.items]).toEqual(all);
    expect(third.nextToken).toBeUndefined();
  });

  it('takes filters', async () => {
    api = await startApi();
    const { vpcId, subnetId } = await makeNetwork(api);
    await api.call('DELETE', `/v1/vpcs/${vpcId}`);
    expect(await entries('?filter=outcome:refused')).toHaveLength(1);
    expect(await entries(`?filter=resource-id:${subnetId}`)).toHaveLength(1);
    expect(await entries('?filter=command:create*')).toHaveLength(2);
    expect(await entries('?filter=command:create*&filter=code:*')).toHaveLength(0);
  });

  it.each([
    ['?nextToken=x', 'InvalidNextToken'],
    ['?nextToken=1.', 'InvalidNextToken'],
    ['?nextToken=-1.5', 'InvalidNextToken'],
    ['?maxResults=0', 'InvalidParameterValue'],
    ['?maxResults=100000', 'InvalidParameterValue'],
    ['?filter=password:x', 'InvalidParameterValue'],
    ['?since=yesterday', 'UnknownParameter'],
  ])('refuses %s', async (query, code) => {
    api = await startApi();
    const answer = await api.call('GET', `/v1/audit${query}`);
    expect([answer.status, answer.body.error.code]).toEqual([400, code]);
  });

  it('is empty past the end', async () => {
    api = await startApi();
    expect((await api.ok('GET', '/v1/audit?nextToken=1.0')).items).toEqual([]);
  });
});

describe('eni audit', () => {
  it('prints what happened, the newest last', async () => {
    api = await startApi();
    const eni = cliOver({ fetch: fetchInto(api) });
    const { vpcId } = await makeNetwork(api);
    await api.call('DELETE', `/v1/vpcs/${vpcId}`);
    const { out, code } = await eni('audit');
    expect(code).toBe(0);
    expect(
      out
        .split('\n')
        .slice(0, 4)
        .map((line) => line.split(/ {2,}/).slice(3, 5)),
    ).toEqual([
      ['WHAT', 'OUTCOME'],
      ['createVpc', 'done'],
      ['createSubnet', 'done'],
      ['deleteVpc', 'DependencyViolation'],
    ]);
    const limited = JSON.parse((await eni('audit', '--json', '--limit', '1', '--filter', 'outcome=done')).out);
    expect(limited.map((entry: any) => entry.commands)).toEqual([['createSubnet']]);
    expect(await eni('audit', '--limit', 'all')).toMatchObject({ code: 2 });
  });
});
