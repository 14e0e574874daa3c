import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { apiError } from '../../model/errors.js';
import { brief } from './params.js';

/** Signature Version 4. @see https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html */

export interface SignedRequest {
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

/** Whose signatures are good. */
export interface Trust {
  readonly secretOf: (accessKeyId: string) => string | undefined;
  readonly region: string;
}

interface Claim {
  readonly accessKeyId: string;
  /** `date/region/service/aws4_request` */
  readonly scope: readonly string[];
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly time: string;
  /** Seconds that a signature in the URL is good for. */
  readonly expires?: number;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
/** @see RequestExpired in https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
const MAX_SKEW_MS = 15 * 60 * 1000;
const MAX_EXPIRES_SECONDS = 7 * 24 * 60 * 60;

/**
 * Checks the signature of a request, in its header or in its URL, and returns the id of its access key. Tells nothing about who may do what.
 * @throws {ApiError} MissingAuthenticationToken, IncompleteSignature, InvalidClientTokenId, RequestExpired, SignatureDoesNotMatch
 */
export function verifySignature(request: SignedRequest, { secretOf, region: ours }: Trust, nowMs: number): string {
  const query = queryOf(request.url);
  const claim = claimOf(request, query);
  checkScope(claim, ours);
  const secret = secretOf(claim.accessKeyId);
  if (secret === undefined)
    throw apiError('InvalidClientTokenId', {
      reason: 'The access key id of the request is not one of the configuration (accessKeys, credentialsFile)',
    });
  checkTime(claim, nowMs);
  const [date = '', region = '', service = ''] = claim.scope;
  const text = [ALGORITHM, claim.time, claim.scope.join('/'), sha256(canonicalRequest(request, query, claim))].join('\n');
  const key = [date, region, service, 'aws4_request'].reduce<Buffer | string>((from, part) => hmac(from, part), `AWS4${secret}`);
  const expected = hmac(key, text);
  const given = Buffer.from(/^[0-9a-f]{64}$/.test(claim.signature) ? claim.signature : '', 'hex');
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw apiError('SignatureDoesNotMatch', {
      reason: 'The request signature we calculated does not match the signature you provided. Check the secret access key',
    });
  return claim.accessKeyId;
}

type Query = readonly (readonly [name: string, value: string])[];

function claimOf(request: SignedRequest, query: Query): Claim {
  const header = single(request.headers.authorization);
  const parameter = (name: string) => query.find(([each]) => each === name)?.[1];
  if (header === undefined) {
    if (parameter('X-Amz-Algorithm') === undefined)
      throw apiError('MissingAuthenticationToken', {
        reason: 'The request must be signed with one of the access keys of the configuration',
      });
    return claim({
      algorithm: parameter('X-Amz-Algorithm'),
      credential: parameter('X-Amz-Credential'),
      signedHeaders: parameter('X-Amz-SignedHeaders'),
      signature: parameter('X-Amz-Signature'),
      time: parameter('X-Amz-Date'),
      expires: parameter('X-Amz-Expires') ?? '',
    });
  }
  const [, algorithm, rest = ''] = /^(\S+)\s+(.*)$/s.exec(header) ?? [];
  const fields = new Map(rest.split(',').map((part) => part.trim().split(/=(.*)/s, 2) as [string, string]));
  const time = single(request.headers['x-amz-date']) ?? basicTime(single(request.headers.date));
  return claim({
    algorithm,
    credential: fields.get('Credential'),
    signedHeaders: fields.get('SignedHeaders'),
    signature: fields.get('Signature'),
    time,
  });
}

function claim(parts: {
  readonly algorithm: string | undefined;
  readonly credential: string | undefined;
  readonly signedHeaders: string | undefined;
  readonly signature: string | undefined;
  readonly time: string | undefined;
  readonly expires?: string;
}): Claim {
  const incomplete = (reason: string) => apiError('IncompleteSignature', { reason });
  const { algorithm, credential, signedHeaders, signature, time, expires } = parts;
  if (algorithm !== ALGORITHM) throw incomplete(`The signature must be of ${ALGORITHM}`);
  if (!credential || !signedHeaders || !signature) throw incomplete('The signature needs Credential, SignedHeaders and Signature');
  if (!time || !/^\d{8}T\d{6}Z$/.test(time))
    throw incomplete('The request needs a time of its signature in X-Amz-Date, like 20300101T000000Z');
  const [accessKeyId = '', ...scope] = credential.split('/');
  if (scope.length !== 4) throw incomplete('The credential must be KEY/DATE/REGION/SERVICE/aws4_request');
  const names = signedHeaders.split(';');
  if (!names.includes('host')) throw incomplete('The header host must be signed');
  if (expires === undefined) return { accessKeyId, scope, signedHeaders: names, signature, time };
  if (!/^\d{1,6}$/.test(expires) || Number(expires) < 1 || Number(expires) > MAX_EXPIRES_SECONDS)
    throw incomplete(`X-Amz-Expires must be 1 to ${MAX_EXPIRES_SECONDS} seconds`);
  return { accessKeyId, scope, signedHeaders: names, signature, time, expires: Number(expires) };
}

/** The token service has an endpoint for all regions; clients sign for it with this one. */
const GLOBAL_REGION = 'us-east-1';

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html */
function checkScope({ scope, time }: Claim, ours: string): void {
  const [date, region = '', service = '', terminator] = scope;
  const refuse = (reason: string) => apiError('SignatureDoesNotMatch', { reason });
  if (terminator !== 'aws4_request') throw refuse("Credential should be scoped with a valid terminator: 'aws4_request'");
  if (service !== 'ec2' && service !== 'sts') throw refuse("Credential should be scoped to correct service: 'ec2'");
  if (region !== ours && !(service === 'sts' && region === GLOBAL_REGION))
    throw refuse(`Credential should be scoped to a valid Region, not '${brief(region)}'. This one is '${ours}'`);
  if (date !== time.slice(0, 8)) throw refuse('Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP');
}

function checkTime({ time, expires }: Claim, nowMs: number): void {
  const signed = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  const latest = expires === undefined ? signed + MAX_SKEW_MS : signed + expires * 1000;
  if (!(nowMs <= latest && nowMs >= signed - MAX_SKEW_MS))
    throw apiError('RequestExpired', {
      reason: `Request has expired. It was signed for ${time}, and it is ${new Date(nowMs).toISOString()}`,
    });
}

function canonicalRequest({ method, url, headers, body }: SignedRequest, query: Query, { signedHeaders }: Claim): string {
  const path = url.split('?', 1)[0] || '/';
  const pairs = query
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y));
  const values = signedHeaders.map((name) => `${name}:${headerText(headers[name])}\n`).join('');
  return [method, path, pairs.map((pair) => pair.join('=')).join('&'), values, signedHeaders.join(';'), sha256(body)].join('\n');
}

function queryOf(url: string): Query {
  const at = url.indexOf('?');
  if (at < 0) return [];
  return url
    .slice(at + 1)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', value = ''] = pair.split(/=(.*)/s, 2);
      return [decode(name), decode(value)] as const;
    });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw apiError('MalformedQueryString', { reason: 'The query string is not URL-encoded UTF-8' });
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const encode = (text: string) => encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const single = (value: string | readonly string[] | undefined) => (typeof value === 'string' ? value : value?.[0]);
const headerText = (value: string | readonly string[] | undefined) =>
  [value ?? []]
    .flat()
    .map((each) => each.trim().replaceAll(/ +/g, ' '))
    .join(',');
const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');
const hmac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest();

/** An HTTP date as the signature writes times. */
function basicTime(date: string | undefined): string | undefined {
  const ms = Date.parse(date ?? '');
  return Number.isNaN(ms) ? undefined : `${new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
}
