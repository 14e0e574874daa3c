import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { COMMANDS } from '../../commands/index.js';
import { parseInput } from '../../commands/input-errors.js';
import { apiError } from '../../model/errors.js';
import { idSchema } from '../../model/ids.js';
import type { Snapshot } from '../../model/snapshot.js';
import type { HttpDeps } from '../deps.js';
import type { CommandRoute, PathParams, ProcedureRoute, QueryRoute, Route } from './route.js';
import { viewContext } from './view.js';

const NO_QUERY = z.strictObject({});

declare module 'fastify' {
  interface FastifyContextConfig {
    /** For the OpenAPI document: the command whose input, without the path parameters, is the body. */
    readonly bodyOf?: Pick<CommandRoute, 'command' | 'params'>;
  }
}

/** Adds routes to the app. Their schemas only document: checking is done here, and by the command, so that all faults read alike. */
export function addRoutes(app: FastifyInstance, deps: HttpDeps, routes: readonly Route[]): void {
  for (const route of routes) {
    if (route.kind === 'command') addCommandRoute(app, deps, route);
    else if (route.kind === 'query') addQueryRoute(app, deps, route);
    else addProcedureRoute(app, deps, route);
  }
}

function addCommandRoute(app: FastifyInstance, deps: HttpDeps, route: CommandRoute): void {
  const { command, method, params, status, settle, render } = route;
  const Params = paramsSchema(params);
  app.route({
    method,
    url: route.path,
    config: { bodyOf: { command, params } },
    schema: {
      operationId: command,
      summary: COMMANDS[command].summary.replace(/\.$/, ''),
      tags: [route.tag],
      ...(Object.keys(params).length > 0 && { params: Params }),
      response: { [status]: route.response ?? z.null().describe('Done.') },
    },
    handler: async (request, reply) => {
      parseInput(NO_QUERY, request.query);
      const values = parseInput(Params, request.params);
      const call = { command, input: { ...bodyObject(request.body, params), ...values } };
      const { results, after } = await deps.transact([call]);
      if (settle) await settled(deps, after, reply);
      if (!render) return reply.code(status).send();
      const now = deps.snapshot();
      const context = viewContext(deps, now);
      const find = (kind: any, id: string): any => {
        const record = now.get(kind, id) ?? after.get(kind, id);
        if (!record) throw new Error(`${command} left no ${kind} ${id}`);
        return record;
      };
      return reply.code(status).send(render({ params: values, result: results[0], context, find }));
    },
  });
}

function addProcedureRoute(app: FastifyInstance, deps: HttpDeps, route: ProcedureRoute): void {
  const { path, operationId, summary, tag, body, status, response, run } = route;
  app.route({
    method: 'POST',
    url: path,
    schema: { operationId, summary, tags: [tag], body, response: { [status]: response ?? z.null().describe('Done.') } },
    handler: async (request, reply) => {
      parseInput(NO_QUERY, request.query);
      const input = parseInput(body, bodyObject(request.body, {}));
      return reply.code(status).send(await run({ body: input, deps, settle: (after) => settled(deps, after, reply) }));
    },
  });
}

/** Waits for the kernel, no longer than the caller does. */
export async function settled(deps: Pick<HttpDeps, 'settle'>, after: Snapshot, reply: FastifyReply): Promise<void> {
  const gone = new AbortController();
  const abort = () => gone.abort();
  reply.raw.once('close', abort);
  await deps.settle(after, gone.signal);
  reply.raw.off('close', abort);
}

function addQueryRoute(app: FastifyInstance, deps: HttpDeps, route: QueryRoute): void {
  const Params = paramsSchema(route.params);
  const Query = route.query ?? NO_QUERY;
  app.route({
    method: 'GET',
    url: route.path,
    schema: {
      operationId: route.operationId,
      summary: route.summary,
      tags: [route.tag],
      ...(Object.keys(route.params).length > 0 && { params: Params }),
      ...(route.query && { querystring: route.query }),
      response: { 200: route.response },
    },
    handler: async (request: FastifyRequest) =>
      route.read({
        params: parseInput(Params, request.params),
        query: parseInput(Query, request.query),
        deps,
        context: viewContext(deps, deps.snapshot()),
      }),
  });
}

function paramsSchema(params: PathParams): z.ZodType<Record<string, string>> {
  const shape = Object.entries(params).map(([name, kind]) => [name, kind === 'any' ? z.string() : idSchema(kind)] as const);
  return z.strictObject(Object.fromEntries(shape)) as unknown as z.ZodType<Record<string, string>>;
}

/** @throws {ApiError} MalformedRequest when the body is no object; UnknownParameter when it repeats a part of the path. */
function bodyObject(body: unknown, params: PathParams): object {
  if (body === undefined || body === null) return {};
  if (typeof body !== 'object' || Array.isArray(body)) throw apiError('MalformedRequest', { reason: 'The body must be a JSON object' });
  const repeated = Object.keys(params).find((name) => name in body);
  if (repeated !== undefined) throw apiError('UnknownParameter', { name: repeated });
  return body;
}
