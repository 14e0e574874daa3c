import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Server as HttpsServer } from 'node:https';
import fastify, { type FastifyHttpsOptions, type FastifyInstance, type FastifyServerOptions, LogController } from 'fastify';
import type { Config } from '../config/schema.js';
import { apiError } from '../model/errors.js';
import type { HttpDeps } from './deps.js';
import { addEc2 } from './ec2/endpoint.js';
import { addEvents, type EventStreamOptions } from './events.js';
import { addGuard, assertListenIsSafe, pathOf } from './guard.js';
import { addHealth } from './health.js';
import { addOpenApi } from './openapi.js';
import { BODY_LIMIT, envelope, renderError } from './render-error.js';
import { REST_ROUTES } from './rest/index.js';
import { addRoutes } from './rest/register.js';

export interface ServerOptions extends Partial<EventStreamOptions> {
  /** The product's version, for the API's description. */
  readonly version?: string;
}

/**
 * The HTTP side, not listening: tests inject, the daemon calls `listen`. Closing it ends event streams and answers what is under way.
 * @throws {ConfigError} when the listener would be unsafe (see `assertListenIsSafe`). @throws {Error} when a TLS file cannot be read.
 */
export async function buildServer(
  deps: HttpDeps,
  { heartbeatMs = 15_000, version = '0.0.0' }: ServerOptions = {},
): Promise<FastifyInstance> {
  assertListenIsSafe(deps.config);
  const app = createApp(deps, tlsOptions(deps.config));
  const routes = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ method, url }) => {
    routes.set(url, new Set([...(routes.get(url) ?? []), ...[method].flat()]));
  });
  app.setValidatorCompiler(() => (value) => ({ value }));
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.setErrorHandler(renderError);
  app.setNotFoundHandler((request, reply) => renderError(unknownRoute(request.method, pathOf(request), routes), request, reply));
  takeEmptyJson(app);

  // A kept connection that is busy while the server closes would otherwise hold it up until it times out.
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  app.addHook('onSend', async (_request, reply) => {
    if (closing) void reply.header('connection', 'close');
  });
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
  });
  addGuard(app, deps.config);
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const seconds = reply.elapsedTime / 1000;
    if (route !== '/v1/events')
      deps.metrics.request({ method: route === 'none' ? 'any' : request.method, route, status: reply.statusCode }, seconds);
    request.log.debug(
      { method: request.method, path: pathOf(request), status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'answered',
    );
  });

  await addOpenApi(app, version);
  addHealth(app, deps);
  addRoutes(app, deps, REST_ROUTES);
  addEc2(app, deps);
  addEvents(app, deps, { heartbeatMs });
  await app.ready();
  return app;
}

function createApp(deps: HttpDeps, tls: { cert: Buffer; key: Buffer } | undefined): FastifyInstance {
  const options: FastifyServerOptions = {
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: BODY_LIMIT,
    requestTimeout: 30_000,
    keepAliveTimeout: 65_000,
    genReqId: () => randomUUID(),
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
    frameworkErrors: renderError,
    clientErrorHandler: (_error, socket) => {
      if (!socket.writable) return socket.destroy();
      const body = JSON.stringify(envelope(apiError('MalformedRequest', { reason: 'The request is not valid HTTP' }), randomUUID()));
      socket.end(
        `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
      );
    },
  };
  // The kind of server is part of the type; nobody here asks for it.
  return tls ? (fastify({ ...(options as FastifyHttpsOptions<HttpsServer>), https: tls }) as unknown as FastifyInstance) : fastify(options);
}

function tlsOptions({ tlsCert, tlsKey }: Config): { cert: Buffer; key: Buffer } | undefined {
  return tlsCert === undefined || tlsKey === undefined ? undefined : { cert: readFileSync(tlsCert), key: readFileSync(tlsKey) };
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
