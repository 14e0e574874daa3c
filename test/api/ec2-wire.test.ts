import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi, type TestApi } from '../support/api.js';

let api: TestApi;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

const post = (body: string | Buffer, headers: Record<string, string> = {}) =>
  api.app.inject({ method: 'POST', url: '/', payload: body, headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers } });
const codeOf = (xml: string) => /<Code>([^<]+)<\/Code>/.exec(xml)?.[1];

describe('the query endpoint', () => {
  it('answers by POST and by GET, in XML with a request id', async () => {
    const form = 'Action=DescribeVpcs&Version=2016-11-15';
    const answers = [await post(form), await api.app.inject({ method: 'GET', url: `/?${form}` })];
    for (const answer of answers) {
      expect(answer.statusCode).toBe(200);
      expect(answer.headers['content-type']).toMatch(/^text\/xml/);
      expect(answer.payload).toContain(`<requestId>${answer.headers['x-request-id']}</requestId><vpcSet></vpcSet>`);
    }
  });

  it('tells who the caller is', async () => {
    const answer = await post('Action=GetCallerIdentity&Version=2011-06-15');
    expect(answer.payload).toContain('<Account>123456789012</Account>');
  });

  it('leaves visits of browsers alone, and refuses what pages of others make them send', async () => {
    expect((await api.app.inject({ method: 'GET', url: '/' })).statusCode).toBe(404);
    const url = '/?Action=CreateDefaultVpc&Version=2016-11-15';
    for (const site of ['cross-site', 'same-site'])
      expect((await api.app.inject({ method: 'GET', url, headers: { 'sec-fetch-site': site } })).statusCode).toBe(403);
    expect((await post('Action=CreateDefaultVpc&Version=2016-11-15', { origin: 'http://evil.example' })).statusCode).toBe(403);
    expect(api.store.snapshot().all('vpc')).toEqual([]);
  });

  it.each([
    ['nothing', '', 'MissingAction', 400],
    ['no version', 'Action=DescribeVpcs', 'MissingParameter', 400],
    ['an unknown version', 'Action=DescribeVpcs&Version=2099-01-01', 'NoSuchVersion', 400],
    ['an unknown action', 'Action=Nonsense&Version=2016-11-15', 'InvalidAction', 400],
    ['a name of the prototype', 'Action=constructor&Version=2016-11-15', 'InvalidAction', 400],
    ['JSON', '{"Action": "DescribeVpcs"}', 'MissingAction', 400],
    ['bytes that are no UTF-8', Buffer.from([0x41, 0xff, 0xfe]), 'MalformedQueryString', 400],
    ['a parameter of 1 MB', `Action=DescribeVpcs&Version=2016-11-15&NextToken=${'a'.repeat(1_000_000)}`, 'InvalidNextToken', 400],
    ['more than that', `Action=DescribeVpcs&NextToken=${'a'.repeat(1_100_000)}`, 'RequestEntityTooLarge', 413],
    [
      'thousands of filters',
      `Action=DescribeVpcs&Version=2016-11-15${Array.from({ length: 3000 }, (_, i) => `&Filter.${i + 1}.Name=vpc-id&Filter.${i + 1}.Value.1=a`).join('')}`,
      'FilterLimitExceeded',
      400,
    ],
    ['too many parameters', Array.from({ length: 20_000 }, (_, i) => `a${i}=`).join('&'), 'MalformedQueryString', 400],
  ] as const)('refuses %s with a code, never with a 500', async (_name, body, code, status) => {
    const answer = await post(body);
    expect([codeOf(answer.payload), answer.statusCode]).toEqual([code, status]);
    expect(answer.payload).toContain('<RequestID>');
  });

  it('with a token and no access keys asks for these', async () => {
    await api.close();
    api = await startApi({ config: { token: 'a-token-of-sixteen' } });
    const answer = await post('Action=DescribeVpcs&Version=2016-11-15');
    expect([answer.statusCode, codeOf(answer.payload)]).toEqual([401, 'AuthFailure']);
    expect(answer.payload).toContain('accessKeys');
  });

  it('with access keys takes no unsigned request', async () => {
    await api.close();
    api = await startApi({ config: { accessKeys: ['AKIDEXAMPLEAKIDEX:secretsecretsecret'] } });
    const answer = await post('Action=DescribeVpcs&Version=2016-11-15');
    expect([answer.statusCode, codeOf(answer.payload)]).toEqual([403, 'MissingAuthenticationToken']);
  });
});
