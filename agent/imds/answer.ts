import type { Instance } from '../model/instance.js';
import type { Snapshot } from '../model/snapshot.js';
import { find, isLeaf, listing, type Node } from './node.js';
import { issueToken, TOKEN_TTL_SECONDS, tokenLifeMs } from './tokens.js';
import { metadataTree } from './tree.js';

/** What the metadata service answers to a request. Pure: the clock, the key and random bytes come in. */

export interface MetadataRequest {
  readonly method: string;
  /** As on the request line. */
  readonly target: string;
  readonly token?: string;
  readonly ttl?: string;
  readonly isForwarded: boolean;
  readonly family: 4 | 6;
}

export interface MetadataContext {
  readonly snapshot: Snapshot;
  readonly region: string;
  readonly key: Buffer;
  readonly nowMs: number;
  readonly nonce: () => Buffer;
}

export interface MetadataAnswer {
  readonly status: number;
  readonly body: string | Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** IP time to live of the answer; the system's when absent. */
  readonly hopLimit?: number;
}

export const TOKEN_HEADER = 'x-aws-ec2-metadata-token';
export const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds';
const TOKEN_PATH = '/latest/api/token';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-returns.html */
export function answerMetadata(request: MetadataRequest, instance: Instance, context: MetadataContext): MetadataAnswer {
  const { httpEndpoint, httpProtocolIpv6 } = instance.metadataOptions;
  if (httpEndpoint === 'disabled' || (request.family === 6 && httpProtocolIpv6 === 'disabled')) return refusal(403);
  const path = request.target.split('?', 1)[0] ?? '';
  if (path === TOKEN_PATH) return request.method === 'PUT' ? tokenAnswer(request, instance, context) : refusal(405, { allow: 'PUT' });
  if (request.method !== 'GET' && request.method !== 'HEAD') return refusal(405, { allow: 'GET, HEAD' });
  return documentAnswer(request, path, instance, context);
}

function tokenAnswer({ ttl, isForwarded }: MetadataRequest, instance: Instance, { key, nowMs, nonce }: MetadataContext): MetadataAnswer {
  // Somebody forwards requests of others: an open proxy would give away the instance's metadata.
  if (isForwarded) return refusal(403);
  const seconds = ttl !== undefined && /^\d{1,6}$/.test(ttl) ? Number(ttl) : 0;
  if (seconds < TOKEN_TTL_SECONDS.min || seconds > TOKEN_TTL_SECONDS.max) return refusal(400);
  return {
    status: 200,
    body: issueToken(key, instance.instanceId, nowMs + seconds * 1000, nonce()),
    // The connection carries the hop limit from here on.
    headers: { 'content-type': 'text/plain', [TTL_HEADER]: String(seconds), connection: 'close' },
    hopLimit: instance.metadataOptions.httpPutResponseHopLimit,
  };
}

function documentAnswer(
  { token }: MetadataRequest,
  path: string,
  instance: Instance,
  { snapshot, region, key, nowMs }: MetadataContext,
): MetadataAnswer {
  const lifeMs = token === undefined ? undefined : tokenLifeMs(key, instance.instanceId, token, nowMs);
  if (lifeMs === undefined && (token !== undefined || instance.metadataOptions.httpTokens === 'required')) return refusal(401);
  const names = namesOf(path);
  if (names === undefined) return refusal(400);
  const node = find(metadataTree(snapshot, instance, region), names);
  if (node === undefined) return refusal(404);
  return {
    status: 200,
    body: isLeaf(node) ? node : listing(node),
    headers: { 'content-type': contentType(node), ...(lifeMs !== undefined && { [TTL_HEADER]: String(Math.ceil(lifeMs / 1000)) }) },
  };
}

const contentType = (node: Node): string => (Buffer.isBuffer(node) ? 'application/octet-stream' : 'text/plain');

/** A slash more or less makes no difference. `undefined`: a path that cannot be decoded. */
function namesOf(path: string): string[] | undefined {
  try {
    return path
      .split('/')
      .filter((name) => name !== '')
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
};

/** With the page that clients of the cloud's see. */
export function refusal(status: number, headers: Readonly<Record<string, string>> = {}): MetadataAnswer {
  const title = `${status} - ${TITLES[status] ?? 'Error'}`;
  const body = `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
	"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>${title}</title>
 </head>
 <body>
  <h1>${title}</h1>
 </body>
</html>
`;
  return { status, body, headers: { 'content-type': 'text/html', ...headers } };
}
