import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import fastify, { type FastifyInstance, type RouteOptions } from 'fastify';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { COMMANDS, type CommandName } from '../commands/index.js';
import { ErrorEnvelope } from './render-error.js';
import { NO_SCHEMAS } from './schemas.js';

type JsonObject = Record<string, any>;

const DESCRIPTION = `Elastic network interfaces out of real Linux devices.

A call that changes something answers after the change is durable and, where it matters, after this host's kernel has it
(bounded: then the answer shows a state such as \`attaching\`). Lists take \`filter=name:value\` (repeatable; commas for several values, \`*\` and \`?\`
as wildcards), \`maxResults\` and \`nextToken\`. Unknown fields are refused. Faults come as \`{"error": {"code", "message", "requestId"}}\` with the codes of the EC2 API.`;

/**
 * An app, not listening, that has the description of some routes at `/openapi.json`, and for people at `/docs`. Everything in it is derived:
 * routes from the route tables, bodies from the commands' input schemas, answers from the view schemas.
 */
export async function buildDocs(routes: readonly RouteOptions[], version: string): Promise<FastifyInstance> {
  const app = fastify(NO_SCHEMAS);
  const toJson = createJsonSchemaTransform({});
  const addComponents = createJsonSchemaTransformObject({});
  const bodies = new Map<string, JsonObject>();

  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'enid', version, description: DESCRIPTION, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'Needed when the daemon has a token.' } } },
      security: [{ token: [] }, {}],
    },
    transform: (document: any) => {
      const { schema, url } = toJson(document) as { schema: JsonObject | undefined; url: string };
      const bodyOf = document.route.config?.bodyOf;
      if (!schema || schema.hide) return { schema: schema as any, url };
      const error = toJson({ ...document, schema: { response: { default: ErrorEnvelope } } }) as { schema: JsonObject };
      const response = Object.fromEntries(
        Object.entries<JsonObject>({ ...schema.response, ...error.schema.response }).map(([status, each]) => [
          status,
          described(status, each),
        ]),
      );
      const body = bodyOf && bodySchema(bodyOf.command, Object.keys(bodyOf.params));
      if (!body) return { schema: { ...schema, response } as any, url };
      const name = `${capital(bodyOf.command)}Request`;
      bodies.set(name, body);
      return { schema: { ...schema, response, body: { $ref: `#/components/schemas/${name}` } } as any, url };
    },
    transformObject: (document: any) => {
      const full = addComponents(document) as JsonObject;
      const schemas = { ...full.components.schemas, ...Object.fromEntries(bodies) };
      return { ...full, components: { ...full.components, schemas: onlyReferenced(full.paths, schemas) } } as any;
    },
  });
  await app.register(fastifySwaggerUi, { routePrefix: '/docs', staticCSP: true });
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => reply.send(app.swagger()));
  for (const { method, url, schema, config } of routes) {
    if (schema?.hide || method === 'HEAD') continue;
    app.route({ method, url, handler: async () => undefined, ...(schema && { schema }), ...(config && { config }) });
  }
  await app.ready();
  return app;
}

/** The body of a command's route: its input without what stands in the path. `undefined` when nothing is left. */
function bodySchema(command: CommandName, inPath: readonly string[]): JsonObject | undefined {
  const { $schema: _, ...schema } = z.toJSONSchema(COMMANDS[command].input, {
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
  }) as JsonObject;
  const properties = Object.fromEntries(Object.entries(schema.properties ?? {}).filter(([name]) => !inPath.includes(name)));
  if (Object.keys(properties).length === 0) return undefined;
  const required = (schema.required ?? []).filter((name: string) => !inPath.includes(name));
  return { ...schema, properties, required };
}

function described(status: string, response: JsonObject): JsonObject {
  if (response.description) return response;
  return { ...response, description: status === 'default' ? 'A fault; nothing was changed.' : 'Success.' };
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** The library makes an input and an output form of every named schema; most are used in one form only. */
function onlyReferenced(paths: JsonObject, schemas: JsonObject): JsonObject {
  const used = new Set<string>();
  const follow = (part: unknown) => {
    for (const [, name] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (name === undefined || used.has(name)) continue;
      used.add(name);
      follow(schemas[name] ?? {});
    }
  };
  follow(paths);
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)));
}
