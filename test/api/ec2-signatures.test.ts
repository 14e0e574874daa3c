import { execFileSync } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCESS_KEY, type Ec2Api, startEc2 } from '../support/ec2.js';

let aws: Ec2Api;
beforeEach(async () => {
  aws = await startEc2({ config: { accessKeys: [`${ACCESS_KEY.id}:${ACCESS_KEY.secret}`] } });
});
afterEach(() => aws.close());

interface Presigned {
  readonly parameters?: Readonly<Record<string, string>>;
  readonly secret?: string;
  readonly key?: string;
  readonly region?: string;
  readonly service?: string;
  readonly terminator?: string;
  /** Seconds from now at which it is signed. */
  readonly offset?: number;
  readonly expires?: string;
  readonly method?: string;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const rfc3986 = (text: string) => encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** A URL with its signature in the query string, after the published steps. */
function presign(options: Presigned = {}): string {
  const { parameters = { Action: 'DescribeVpcs', Version: '2016-11-15' }, secret = ACCESS_KEY.secret, key = ACCESS_KEY.id } = options;
  const { region = 'us-east-1', service = 'ec2', terminator = 'aws4_request', offset = 0, expires = '60', method = 'GET' } = options;
  const time = new Date(Date.now() + offset * 1000).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const scope = [time.slice(0, 8), region, service, terminator];
  const query = Object.entries({
    ...parameters,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': [key, ...scope].join('/'),
    'X-Amz-Date': time,
    'X-Amz-Expires': expires,
    'X-Amz-SignedHeaders': 'host',
  })
    .map((pair) => pair.map(rfc3986).join('='))
    .sort()
    .join('&');
  const request = [method, '/', query, 'host:localhost', '', 'host', sha256('')].join('\n');
  const text = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(request)].join('\n');
  const hmac = (from: string | Buffer, part: string): Buffer => createHmac('sha256', from).update(part).digest();
  const signature = createHmac('sha256', scope.reduce<string | Buffer>(hmac, `AWS4${secret}`))
    .update(text)
    .digest('hex');
  return `/?${query}&X-Amz-Signature=${signature}`;
}

async function get(url: string, method = 'GET'): Promise<[status: number, code: string]> {
  const { statusCode, payload } = await aws.api.app.inject({ method: method as 'GET', url, headers: { host: 'localhost' } });
  return [statusCode, /<Code>([^<]+)</.exec(payload)?.[1] ?? 'none'];
}

describe('a signature in the URL', () => {
  it.each<[string, Presigned]>([
    ['is taken', {}],
    [
      'covers parameters that need encoding',
      { parameters: { Action: 'DescribeVpcs', Version: '2016-11-15', 'Filter.1.Name': 'tag:a b*(é)', 'Filter.1.Value.1': '+ %' } },
    ],
    ['is good for the token service', { service: 'sts', parameters: { Action: 'GetCallerIdentity', Version: '2011-06-15' } }],
    ['is good until it expires', { offset: -50, expires: '60' }],
    ['is good for a week', { offset: -600_000, expires: '604800' }],
    ['is good with a clock that is some minutes fast', { offset: 14 * 60 }],
  ])('%s', async (_name, options) => {
    expect(await get(presign(options))).toEqual([200, 'none']);
  });

  it.each<[string, () => string, number, string]>([
    ['that has expired', () => presign({ offset: -120, expires: '60' }), 400, 'RequestExpired'],
    ['of the future', () => presign({ offset: 16 * 60 }), 400, 'RequestExpired'],
    ['that never expires', () => presign({ expires: '604801' }), 400, 'IncompleteSignature'],
    ['that expires at no time', () => presign({ expires: 'never' }), 400, 'IncompleteSignature'],
    ['of another secret', () => presign({ secret: 'anothersecretanother' }), 403, 'SignatureDoesNotMatch'],
    ['of an unknown key', () => presign({ key: 'AKIDOTHERAKIDOTHR' }), 403, 'InvalidClientTokenId'],
    ['for another region', () => presign({ region: 'eu-west-1' }), 403, 'SignatureDoesNotMatch'],
    ['for another service', () => presign({ service: 's3' }), 403, 'SignatureDoesNotMatch'],
    ['with another terminator', () => presign({ terminator: 'aws5_request' }), 403, 'SignatureDoesNotMatch'],
    ['of another method', () => presign({ method: 'POST' }), 403, 'SignatureDoesNotMatch'],
    ['with a parameter added', () => `${presign()}&DryRun=true`, 403, 'SignatureDoesNotMatch'],
    ['with a parameter changed', () => presign().replace('DescribeVpcs', 'CreateDefaultVpc'), 403, 'SignatureDoesNotMatch'],
    ['with a parameter left out', () => presign().replace(/X-Amz-Date=[^&]+&/, ''), 400, 'IncompleteSignature'],
    ['cut short', () => presign().slice(0, -1), 403, 'SignatureDoesNotMatch'],
    ['of another algorithm', () => presign().replace('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'), 400, 'IncompleteSignature'],
    ['that is none', () => '/?Action=DescribeVpcs&Version=2016-11-15', 403, 'MissingAuthenticationToken'],
  ])('%s is refused', async (_name, url, status, code) => {
    expect(await get(url())).toEqual([status, code]);
    expect(aws.api.store.snapshot().all('vpc')).toEqual([]);
  });

  const python = '/usr/bin/python3';
  const hasBoto = (() => {
    try {
      execFileSync(python, ['-c', 'import boto3'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  })();
  it.skipIf(!hasBoto)('is as boto3 (Debian package python3-boto3) makes it', async () => {
    const script = `import boto3
client = boto3.client('ec2', endpoint_url='http://localhost', region_name='us-east-1', aws_access_key_id='${ACCESS_KEY.id}', aws_secret_access_key='${ACCESS_KEY.secret}')
print(client.generate_presigned_url('describe_vpcs', Params={'Filters': [{'Name': 'tag:a b', 'Values': ['c+d', 'é']}]}, ExpiresIn=60, HttpMethod='GET'))`;
    const url = execFileSync(python, ['-c', script], { encoding: 'utf8' }).trim();
    expect(await get(url.replace('http://localhost', ''))).toEqual([200, 'none']);
    expect(await get(url.replace('http://localhost', '').replace('c%2Bd', 'c%2Be'))).toEqual([403, 'SignatureDoesNotMatch']);
  });
});
