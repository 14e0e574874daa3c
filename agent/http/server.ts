import { randomUUID } from 'node:crypto';
import type { Server as HttpsServer } from 'node:https';
import { Server as TlsServer } from 'node:tls';
import fastify, { type FastifyHttpsOptions, type FastifyInstance, type FastifyServerOptions, LogController } from 'fastify';
import { peerUid } from '../kernel/peer-uid.js';
import { limitPeers } from '../lib/limit-peers.js';
import { apiError } from '../model/errors.js';
import { addAudit } from './audit.js';
import { readCredentials } from './credentials.js';
import type { HttpDeps } from './deps.js';
import { addEc2 } from './ec2/endpoint.js';
import { addEvents, type EventStreamOptions } from './events.js';
import { addGuard, pathOf } from './guard.js';
import { addHealth } from './health.js';
import { ARRIVAL_MS, addRateLimit, addSecurityHeaders, CONNECTIONS, HEADER_LIMIT } from './limits.js';
import { assertListenIsSafe, isLoopback, listenAddress } from './listen.js';
import { addOpenApi } from './openapi.js';
import { onChangeOf } from './reload.js';
import { BODY_LIMIT, envelope, renderError } from './render-error.js';
import { REST_ROUTES } from './rest/index.js';
import { addRoutes } from './rest/register.js';
import { NO_SCHEMAS } from './schemas.js';
import { readTls, type TlsFiles } from './tls.js';

export interface ServerOptions extends Partial<EventStreamOptions> {
  /** The product's version, for the API's description. */
  readonly version?: string;
  /** How often files that may change are looked at, milliseconds. */
  readonly lookMs?: number;
  /** How long a request may take to arrive, milliseconds: its headers, all of it. */
  readonly arrivalMs?: { readonly headers: number; readonly request: number };
}

/**
 * The HTTP side, not listening: tests inject, the daemon calls `listen`. Closing it ends event streams and answers what is under way.
 * @throws {ConfigError} when the listener would be unsafe (see `assertListenIsSafe`). @throws {Error} when a TLS file cannot be read.
 */
export async function buildServer(
  given: HttpDeps,
  { heartbeatMs = 15_000, version = '0.0.0', lookMs, arrivalMs = ARRIVAL_MS }: ServerOptions = {},
): Promise<FastifyInstance> {
  const { config, log } = given;
  assertListenIsSafe(config);
  const tls = readTls(config);
  let credentials = readCredentials(config);
  const app = createApp(given, tls, arrivalMs);
  const routes = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ method, url }) => {
    routes.set(url, new Set([...(routes.get(url) ?? []), ...[method].flat()]));
  });
  app.setErrorHandler(renderError);
  app.setNotFoundHandler((request, reply) => renderError(unknownRoute(request.method, pathOf(request), routes), request, reply));
  takeEmptyJson(app);

  // A kept connection that is busy while the server closes would otherwise hold it up until it times out.
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) void reply.header('connection', 'close');
    done(null, payload);
  });
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  addSecurityHeaders(app, { tls: tls !== undefined });
  const deps = addAudit(app, given);
  const loopback = isLoopback(listenAddress(config.listen).host);
  addGuard(app, {
    config,
    credentials: () => credentials,
    limit: await addRateLimit(app, config.requestsPerSecond),
    uidOf: ({ socket }) => (loopback ? peerUid(socket) : undefined),
  });
  followFiles(app, log, lookMs, [
    {
      files: [config.credentialsFile],
      reload: () => {
        credentials = readCredentials(config);
      },
    },
    {
      files: [config.tlsCert, config.tlsKey],
      reload: () => {
        const renewed = readTls(config);
        if (renewed && app.server instanceof TlsServer) app.server.setSecureContext(renewed);
      },
    },
  ]);
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    const seconds = reply.elapsedTime / 1000;
    if (route !== '/v1/events')
      deps.metrics.request({ method: route === 'none' ? 'any' : request.method, route, status: reply.statusCode }, seconds);
    request.log.debug(
      { method: request.method, path: pathOf(request), status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'answered',
    );
    done();
  });

  addOpenApi(app, version);
  addHealth(app, deps);
  addRoutes(app, deps, REST_ROUTES);
  addEc2(app, deps, () => credentials);
  addEvents(app, deps, { heartbeatMs });
  await app.ready();
  return app;
}

/** What is wrong in a changed file is told, and the settings before it stay in force. */
function followFiles(
  app: FastifyInstance,
  log: HttpDeps['log'],
  lookMs: number | undefined,
  followed: readonly { readonly files: readonly (string | undefined)[]; readonly reload: () => void }[],
): void {
  for (const { files, reload } of followed) {
    const named = files.filter((file) => file !== undefined);
    const stop = onChangeOf(
      named,
      () => {
        try {
          reload();
          log.info({ files: named }, 'files were read again');
        } catch (error) {
          log.warn(
            { files: named, reason: error instanceof Error ? error.message : String(error) },
            'changed files cannot be used: the earlier content stays in force',
          );
        }
      },
      lookMs,
    );
    app.addHook('onClose', async () => stop());
  }
}

/** What Node says of a request that it gives up on. */
const WIRE_FAULTS: Readonly<Record<string, readonly [status: string, reason: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request took too long to arrive'],
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    `The request line and headers must not be larger than ${HEADER_LIMIT} bytes together`,
  ],
};

function createApp(deps: HttpDeps, tls: TlsFiles | undefined, arrivalMs: Required<ServerOptions>['arrivalMs']): FastifyInstance {
  const options: FastifyServerOptions = {
    ...NO_SCHEMAS,
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: BODY_LIMIT,
    requestTimeout: arrivalMs.request,
    keepAliveTimeout: 65_000,
    genReqId: () => randomUUID(),
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
    frameworkErrors: renderError,
    clientErrorHandler: ({ code }, socket) => {
      if (!socket.writable) return socket.destroy();
      const [status, reason] = WIRE_FAULTS[code ?? ''] ?? ['400 Bad Request', 'The request is not valid HTTP'];
      const body = JSON.stringify(envelope(apiError('MalformedRequest', { reason }), randomUUID()));
      socket.end(
        `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
      );
    },
  };
  const http = {
    maxHeaderSize: HEADER_LIMIT,
    headersTimeout: arrivalMs.headers,
    requestTimeout: arrivalMs.request,
    connectionsCheckingInterval: Math.min(5000, arrivalMs.headers / 2),
  };
  // The kind of server is part of the type; nobody here asks for it.
  const app = tls
    ? (fastify({
        ...(options as FastifyHttpsOptions<HttpsServer>),
        https: { ...http, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: arrivalMs.headers },
      }) as unknown as FastifyInstance)
    : fastify({ ...options, http });
  app.server.maxConnections = CONNECTIONS.all;
  limitPeers(app.server, CONNECTIONS.perPeer);
  return app;
}

/** A POST without a body is fine whatever its content type says: `start` and `stop` need none. */
function takeEmptyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else void parse(request, String(body), done);
  });
}

function unknownRoute(method: string, path: string, routes: ReadonlyMap<string, ReadonlySet<string>>) {
  const parts = path.split('/');
  for (const [pattern, methods] of routes) {
    const wanted = pattern.split('/');
    if (wanted.length !== parts.length || !wanted.every((part, i) => part.startsWith(':') || part === parts[i])) continue;
    return apiError('MethodNotAllowed', { reason: `${path} does not take ${method}; it takes ${[...methods].join(', ')}` });
  }
  return apiError('NotFound', { reason: `There is nothing at ${path.slice(0, 200)}; /docs lists the API` });
}
