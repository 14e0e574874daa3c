import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { apiError } from '../model/errors.js';

/** Bytes of a request's line and headers together. */
export const HEADER_LIMIT = 16 * 1024;
/** Milliseconds that a request may take to arrive: its headers, all of it. */
export const ARRIVAL_MS = { headers: 10_000, request: 30_000 } as const;
/** Open connections, and those of one address; event streams are among them. */
export const CONNECTIONS = { all: 4096, perPeer: 2048 } as const;

const WINDOW_MS = 10_000;

/**
 * Counts requests per client: of a token together, else of an address. Register before the hooks that ask.
 * @returns what counts one request. @throws {ApiError} RequestLimitExceeded past the limit, with `Retry-After` on the answer.
 */
export async function addRateLimit(app: FastifyInstance, requestsPerSecond: number): Promise<(request: FastifyRequest) => Promise<void>> {
  if (requestsPerSecond === 0) return async () => {};
  await app.register(rateLimit, { global: false });
  const count = app.createRateLimit({
    max: (requestsPerSecond * WINDOW_MS) / 1000,
    timeWindow: WINDOW_MS,
    keyGenerator: ({ principal, ip }) => (principal?.kind === 'token' ? `token ${principal.name}` : `address ${ip}`),
  });
  return async (request) => {
    const result = await count(request);
    if (result.isAllowed || !result.isExceeded) return;
    throw apiError('RequestLimitExceeded', {
      reason: `More than ${requestsPerSecond} requests per second of one client; try again in ${Math.max(1, result.ttlInSeconds)} s (setting requestsPerSecond)`,
    });
  };
}

/** What a browser may do with answers; pages for people say for themselves what they load. */
const HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};
const API_POLICY = "default-src 'none'; frame-ancestors 'none'";
const PAGE_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

export function addSecurityHeaders(app: FastifyInstance, { tls }: { readonly tls: boolean }): void {
  app.addHook('onSend', (_request, reply: FastifyReply, payload, done) => {
    for (const [name, value] of Object.entries(HEADERS)) void reply.header(name, value);
    if (tls) void reply.header('strict-transport-security', 'max-age=31536000');
    if (!reply.hasHeader('content-security-policy')) void reply.header('content-security-policy', isPage(reply) ? PAGE_POLICY : API_POLICY);
    if (!isPage(reply) && !reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store');
    done(null, payload);
  });
}

/** HTML and what it loads. */
function isPage(reply: FastifyReply): boolean {
  return !/^(application\/json|text\/xml|text\/plain|text\/event-stream)/.test(
    String(reply.getHeader('content-type') ?? 'application/json'),
  );
}
