import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Config } from '../config/schema.js';
import { apiError } from '../model/errors.js';
import type { Credentials, Principal } from './credentials.js';
import { isEc2Request } from './ec2/request.js';
import { isLoopback, listenAddress } from './listen.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** `undefined`: not recognised, or not yet (the EC2 endpoint checks signatures when it has the body). */
    principal: Principal | undefined;
  }
}

/** Paths that answer without a token: whoever restarts a sick daemon has none. */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz']);
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

export interface GuardParts {
  readonly config: Pick<Config, 'listen' | 'localUids'>;
  readonly credentials: () => Credentials;
  /** Counts the request for its client. @throws {ApiError} RequestLimitExceeded */
  readonly limit: (request: FastifyRequest) => Promise<void>;
  /** User of the program at the other end of a connection within this machine. */
  readonly uidOf: (request: FastifyRequest) => number | undefined;
}

/** Refuses, before anything is read of the body, requests that may not be answered. Answers in the common envelope. */
export function addGuard(app: FastifyInstance, { config, credentials, limit, uidOf }: GuardParts): void {
  const loopback = isLoopback(listenAddress(config.listen).host);
  const uids = config.localUids && new Set([0, process.getuid?.() ?? 0, ...config.localUids]);
  app.decorateRequest('principal', undefined);
  app.addHook('onRequest', async (request) => {
    // A web page whose name was made to resolve to 127.0.0.1 still sends its own name.
    if (loopback && !isLoopback(hostOf(request.headers.host)))
      throw apiError('UnauthorizedOperation', { reason: 'This listener answers only to the names localhost, 127.0.0.1 and [::1]' });
    const known = credentials();
    // With access keys the EC2 endpoint checks signatures itself: its clients know no bearer tokens.
    const signed = known.wantsSignature && isEc2Request(request);
    if (known.wantsToken) request.principal = bearerOf(request, known);
    else if (!signed) request.principal = localCaller(uidOf(request));
    await limit(request);
    if (!signed && !OPEN_PATHS.has(pathOf(request))) {
      if (!request.principal) throw missingToken(isEc2Request(request));
      if (!known.wantsToken && uids && !uids.has(request.principal.uid ?? -1))
        throw apiError('AuthFailure', { reason: 'Your user is not one of those who may call the API of this machine (localUids)' });
    }
    refuseOtherOrigins(request);
    // What an EC2 request does stands in its parameters: the endpoint looks at them.
    if (!isEc2Request(request) && !SAFE_METHODS.has(request.method)) refuseReader(request.principal);
  });
}

const localCaller = (uid: number | undefined): Principal => ({
  kind: 'local',
  name: uid === undefined ? 'local' : `uid ${uid}`,
  scope: 'full',
  ...(uid !== undefined && { uid }),
});

/** @throws {ApiError} UnauthorizedOperation when the caller may only read. */
export function refuseReader(principal: Principal | undefined): void {
  if (principal?.scope === 'read-only')
    throw apiError('UnauthorizedOperation', {
      reason: `The ${principal.kind} '${principal.name}' is for reading only: it changes nothing`,
    });
}

function missingToken(isEc2: boolean) {
  return apiError('AuthFailure', {
    reason: isEc2
      ? 'The daemon has a token and no accessKeys: configure accessKeys for clients of EC2'
      : 'The request must carry the header Authorization: Bearer, with a token of the configuration',
  });
}

function refuseOtherOrigins(request: FastifyRequest): void {
  // EC2 changes things by GET too, which pages of other origins can make a browser send.
  if (isEc2Request(request) && !['none', 'same-origin', undefined].includes(request.headers['sec-fetch-site'] as string | undefined))
    throw apiError('UnauthorizedOperation', { reason: 'A page of another origin may not ask for anything here' });
  if (!SAFE_METHODS.has(request.method) && !isSameOrigin(request))
    throw apiError('UnauthorizedOperation', { reason: 'A page of another origin may not change anything here' });
}

function hostOf(header: string | undefined): string {
  return (header ?? '')
    .replace(/:\d*$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
}

export function pathOf(request: Pick<FastifyRequest, 'url'>): string {
  return request.url.split('?', 1)[0] ?? '';
}

function bearerOf(request: FastifyRequest, credentials: Credentials): Principal | undefined {
  const match = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '');
  return match?.[1] === undefined ? undefined : credentials.tokenBearer(match[1]);
}

/** Browsers name the page's origin with every request that can change something; other programs name none. */
function isSameOrigin({ headers }: FastifyRequest): boolean {
  if (headers.origin === undefined) return headers['sec-fetch-site'] === undefined || headers['sec-fetch-site'] !== 'cross-site';
  return URL.canParse(headers.origin) && new URL(headers.origin).host === stripDefaultPort(headers.host ?? '', headers.origin);
}

function stripDefaultPort(host: string, origin: string): string {
  return host.toLowerCase().replace(origin.startsWith('https:') ? /:443$/ : /:80$/, '');
}
