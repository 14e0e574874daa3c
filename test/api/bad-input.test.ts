import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeNetwork, startApi, type TestApi } from '../support/api.js';

let api: TestApi;
let ids: Record<string, string>;
beforeAll(async () => {
  api = await startApi();
  const { vpcId, subnetId } = await makeNetwork(api);
  const { networkInterfaceId } = await api.ok('POST', '/v1/network-interfaces', { subnetId });
  const [instance] = (await api.ok('POST', '/v1/instances', { subnetId })).instances;
  ids = { vpcId, subnetId, networkInterfaceId, instanceId: instance.instanceId, primary: instance.networkInterfaces[0].networkInterfaceId };
});
afterAll(() => api.close());

const fill = (text: string) => text.replaceAll(/\$([a-z]\w+)/gi, (_, name: string) => ids[name] ?? `unknown ${name}`);

/** A refused request changes nothing. */
async function refused(request: () => Promise<{ status: number; body: any }>, status: number, code: string, says?: RegExp) {
  const before = api.store.snapshot();
  const answer = await request();
  expect([answer.status, answer.body.error.code]).toEqual([status, code]);
  if (says) expect(answer.body.error.message).toMatch(says);
  expect(api.store.snapshot()).toBe(before);
}

const GHOST = '0123456789abcdef0';

describe('commands', () => {
  it.each([
    ['a field is missing', 'POST', '/v1/vpcs', {}, 400, 'MissingParameter', /cidrBlock/],
    ['an unknown field', 'POST', '/v1/vpcs', { cidrBlock: '10.1.0.0/16', cidr: 'x' }, 400, 'UnknownParameter', /cidr\b/],
    ['a wrong type', 'POST', '/v1/vpcs', { cidrBlock: 10 }, 400, 'InvalidParameterValue', /cidrBlock/],
    [
      'a nested unknown field',
      'POST',
      '/v1/instances',
      { networkInterfaces: [{ deviceIndex: 0, subnet: 'x' }] },
      400,
      'UnknownParameter',
      /networkInterfaces\.0\.subnet/,
    ],
    [
      'a range with host bits',
      'POST',
      '/v1/subnets',
      { vpcId: '$vpcId', cidrBlock: '10.0.3.1/24' },
      400,
      'InvalidParameterValue',
      /10\.0\.3\.0\/24/,
    ],
    [
      'an overlapping subnet',
      'POST',
      '/v1/subnets',
      { vpcId: '$vpcId', cidrBlock: '10.0.1.128/25' },
      400,
      'InvalidSubnet.Conflict',
      undefined,
    ],
    [
      'a reserved address',
      'POST',
      '/v1/network-interfaces',
      { subnetId: '$subnetId', privateIpAddress: '10.0.1.1' },
      400,
      'InvalidParameterValue',
      undefined,
    ],
    [
      'a multicast MAC',
      'POST',
      '/v1/network-interfaces',
      { subnetId: '$subnetId', macAddress: '03:00:00:00:01:01' },
      400,
      'InvalidParameterValue',
      /multicast/,
    ],
    ['no id at all', 'GET', '/v1/vpcs/me', undefined, 400, 'InvalidVpcID.Malformed', /me/],
    ['an id of another kind', 'GET', '/v1/vpcs/$subnetId', undefined, 400, 'InvalidVpcID.Malformed', /another kind/],
    [
      'an id of another kind in a body',
      'POST',
      '/v1/subnets',
      { vpcId: '$subnetId', cidrBlock: '10.0.9.0/24' },
      400,
      'InvalidVpcID.Malformed',
      undefined,
    ],
    ['an id that names nothing, to read', 'GET', `/v1/vpcs/vpc-${GHOST}`, undefined, 404, 'InvalidVpcID.NotFound', undefined],
    ['an id that names nothing, to change', 'PATCH', `/v1/vpcs/vpc-${GHOST}`, {}, 404, 'InvalidVpcID.NotFound', undefined],
    ['an id that names nothing, to delete', 'DELETE', `/v1/subnets/subnet-${GHOST}`, undefined, 404, 'InvalidSubnetID.NotFound', undefined],
    [
      'an id that names nothing, counters',
      'GET',
      `/v1/network-interfaces/eni-${GHOST}/counters`,
      undefined,
      404,
      'InvalidNetworkInterfaceID.NotFound',
      undefined,
    ],
    [
      'an id that names nothing, console',
      'GET',
      `/v1/instances/i-${GHOST}/console-output`,
      undefined,
      404,
      'InvalidInstanceID.NotFound',
      undefined,
    ],
    ['an id that names nothing, tags', 'PUT', `/v1/tags/sg-${GHOST}`, { tags: { a: 'b' } }, 404, 'InvalidGroup.NotFound', undefined],
    ['a tag on no resource', 'PUT', '/v1/tags/nothing', { tags: { a: 'b' } }, 400, 'InvalidID', undefined],
    ['deleting what is in use', 'DELETE', '/v1/subnets/$subnetId', undefined, 400, 'DependencyViolation', undefined],
    ['detaching the primary interface', 'POST', '/v1/network-interfaces/$primary/detach', {}, 400, 'OperationNotPermitted', undefined],
    [
      'a part of the path repeated in the body',
      'POST',
      '/v1/network-interfaces/$networkInterfaceId/detach',
      { networkInterfaceId: '$primary' },
      400,
      'UnknownParameter',
      undefined,
    ],
    ['a body that is a list', 'POST', '/v1/vpcs', [], 400, 'MalformedRequest', /object/],
    ['a body that is text', 'POST', '/v1/vpcs', 'x', 400, 'MalformedRequest', /object/],
    [
      'an unknown query parameter of a command',
      'POST',
      '/v1/vpcs?dryRun=1',
      { cidrBlock: '10.1.0.0/16' },
      400,
      'UnknownParameter',
      /dryRun/,
    ],
    ['an unknown query parameter of a list', 'GET', '/v1/vpcs?filters=x', undefined, 400, 'UnknownParameter', /filters/],
    ['an unknown filter', 'GET', '/v1/vpcs?filter=colour:red', undefined, 400, 'InvalidParameterValue', /colour.*vpc-id/],
    ['a filter without a value', 'GET', '/v1/vpcs?filter=vpc-id', undefined, 400, 'InvalidParameterValue', /name:value/],
    ['too small a page', 'GET', '/v1/vpcs?maxResults=4', undefined, 400, 'InvalidParameterValue', /5 to 1000/],
    ['too large a page', 'GET', '/v1/vpcs?maxResults=1001', undefined, 400, 'InvalidParameterValue', /5 to 1000/],
    ['a page that is no number', 'GET', '/v1/vpcs?maxResults=1e2', undefined, 400, 'InvalidParameterValue', undefined],
    ['a token that nobody gave out', 'GET', '/v1/vpcs?nextToken=abc', undefined, 400, 'InvalidNextToken', undefined],
    ['no such path', 'GET', '/v1/nothing', undefined, 404, 'NotFound', /\/docs/],
    ['no such path under a resource', 'POST', '/v1/vpcs/$vpcId/explode', {}, 404, 'NotFound', undefined],
    ['a method that a path does not take', 'PUT', '/v1/vpcs', {}, 405, 'MethodNotAllowed', /GET.*POST/],
    ['a method that a resource does not take', 'POST', '/v1/vpcs/$vpcId', {}, 405, 'MethodNotAllowed', undefined],
    ['a path that is too long', 'GET', `/v1/vpcs/${'x'.repeat(300)}`, undefined, 400, 'MalformedRequest', undefined],
    ['a path that is no URL', 'GET', '/v1/vpcs/%zz', undefined, 400, 'MalformedRequest', undefined],
    ['an unknown command in a batch', 'POST', '/v1/batch', { commands: [{ command: 'explode' }] }, 400, 'InvalidAction', /commands\.0/],
    ["the agent's own command in a batch", 'POST', '/v1/batch', { commands: [{ command: 'reset' }] }, 400, 'InvalidAction', undefined],
    ['a name of an object in a batch', 'POST', '/v1/batch', { commands: [{ command: 'constructor' }] }, 400, 'InvalidAction', undefined],
    ['an empty batch', 'POST', '/v1/batch', { commands: [] }, 400, 'InvalidParameterValue', /commands/],
    [
      'a batch whose last command fails',
      'POST',
      '/v1/batch',
      {
        commands: [
          { command: 'createVpc', input: { cidrBlock: '10.1.0.0/16' } },
          { command: 'createVpc', input: {} },
        ],
      },
      400,
      'MissingParameter',
      undefined,
    ],
    [
      'a batch that refers to nothing',
      'POST',
      '/v1/batch',
      {
        commands: [
          { command: 'createVpc', input: { cidrBlock: '10.1.0.0/16' } },
          { command: 'deleteVpc', input: { vpcId: '$0.subnetId' } },
        ],
      },
      400,
      'InvalidParameterValue',
      undefined,
    ],
    ['events of an unknown kind', 'GET', '/v1/events?kinds=planet', undefined, 400, 'InvalidParameterValue', /planet/],
  ] as [string, string, string, unknown, number, string, RegExp | undefined][])('%s', (_name, method, path, body, status, code, says) =>
    refused(
      () => api.call(method, fill(path), body === undefined ? undefined : JSON.parse(fill(JSON.stringify(body)))),
      status,
      code,
      says,
    ),
  );
});

describe('requests as such', () => {
  const post = (payload: string | Buffer, contentType: string | undefined, more: Record<string, string> = {}): InjectOptions => ({
    method: 'POST',
    url: '/v1/vpcs',
    payload,
    headers: { ...(contentType && { 'content-type': contentType }), ...more },
  });
  it.each([
    ['malformed JSON', post('{"cidrBlock": ', 'application/json'), 400, 'MalformedRequest'],
    ['two JSON values', post('{}{}', 'application/json'), 400, 'MalformedRequest'],
    ['bytes that are no text', post(Buffer.from([0xff, 0xfe, 0x00]), 'application/json'), 400, 'MalformedRequest'],
    ['a prototype in JSON', post('{"cidrBlock":"10.1.0.0/16","__proto__":{"x":1}}', 'application/json'), 400, 'MalformedRequest'],
    ['a constructor in JSON', post('{"constructor":{"prototype":{"x":1}}}', 'application/json'), 400, 'MalformedRequest'],
    ['a form', post('cidrBlock=10.1.0.0/16', 'application/x-www-form-urlencoded'), 415, 'UnsupportedMediaType'],
    ['plain text', post('{"cidrBlock":"10.1.0.0/16"}', 'text/plain'), 415, 'UnsupportedMediaType'],
    ['a content type that is none', post('{}', 'json please'), 415, 'UnsupportedMediaType'],
    ['a body above 1 MiB', post(JSON.stringify({ cidrBlock: 'x'.repeat(1024 * 1024) }), 'application/json'), 413, 'RequestEntityTooLarge'],
    ['an announced body above 1 MiB', post('{}', 'application/json', { 'content-length': '99999999' }), 413, 'RequestEntityTooLarge'],
    ['a method that HTTP has and nobody takes', { method: 'TRACE' as 'GET', url: '/v1/vpcs' }, 405, 'MethodNotAllowed'],
  ] as [string, InjectOptions, number, string][])('%s', (_name, options, status, code) => refused(() => api.raw(options), status, code));

  it('takes a body of up to 1 MiB, and tells what is wrong in it', () =>
    refused(() => api.call('POST', '/v1/vpcs', { cidrBlock: 'x'.repeat(1024 * 1024 - 20) }), 400, 'InvalidParameterValue'));

  it('takes an action with an empty body that says it is JSON', async () => {
    const answer = await api.raw({
      method: 'POST',
      url: fill('/v1/instances/$instanceId/reboot'),
      headers: { 'content-type': 'application/json' },
      payload: '',
    });
    expect(answer.status).toBe(200);
  });

  it('keeps shell metacharacters as they are', async () => {
    const hostile = '$(reboot) `id` ; rm -rf / | & > \' " \\ $IFS %s';
    const eni = await api.ok('POST', '/v1/network-interfaces', {
      subnetId: ids.subnetId,
      description: hostile,
      tags: { [hostile]: hostile },
    });
    expect(await api.ok('GET', `/v1/network-interfaces/${eni.networkInterfaceId}`)).toMatchObject({
      description: hostile,
      tags: { [hostile]: hostile },
    });
  });
});
