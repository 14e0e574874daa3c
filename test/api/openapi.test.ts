import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS, PUBLIC_COMMANDS } from '../../agent/commands/index.js';
import { REST_ROUTES } from '../../agent/http/rest/index.js';
import { startApi, type TestApi } from '../support/api.js';

type Node = Record<string, any>;
let api: TestApi;
let document: Node;
beforeAll(async () => {
  api = await startApi({ version: '1.2.3' });
  document = await api.ok('GET', '/openapi.json');
});
afterAll(() => api.close());

const operations = (): { path: string; method: string; operation: Node }[] =>
  Object.entries<Node>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Node>(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );

const resolve = (schema: Node): Node => {
  const name = /^#\/components\/schemas\/(.+)$/.exec(schema.$ref ?? '')?.[1];
  return name ? document.components.schemas[name] : schema;
};

/** Every object anywhere below. */
function* nodes(value: unknown): Generator<Node> {
  if (value === null || typeof value !== 'object') return;
  if (!Array.isArray(value)) yield value as Node;
  for (const inner of Object.values(value)) yield* nodes(inner);
}

describe('/openapi.json', () => {
  it('is OpenAPI 3.1 of this version', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'enid', version: '1.2.3' } });
  });

  it('has every route of the API, and nothing else', () => {
    const documented = operations().map(({ path, method }) => `${method} ${path}`);
    const served = REST_ROUTES.map((route) => {
      const method = route.kind === 'command' ? route.method : route.kind === 'query' ? 'GET' : 'POST';
      return `${method} ${route.path.replaceAll(/:(\w+)/g, '{$1}')}`;
    });
    const observed = ['GET /healthz', 'GET /readyz', 'GET /metrics', 'GET /v1/events'];
    expect(documented.sort()).toEqual([...served, ...observed].sort());
  });

  it('names and describes every operation', () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, method, operation } of operations())
      expect(operation, `${method} ${path}`).toMatchObject({
        operationId: expect.any(String),
        summary: expect.any(String),
        tags: [expect.any(String)],
      });
  });

  it('reaches every public command', () => {
    const ids = new Set(operations().map(({ operation }) => operation.operationId));
    expect(Object.keys(PUBLIC_COMMANDS).filter((name) => !ids.has(name))).toEqual([]);
    expect(Object.keys(COMMANDS).filter((name) => !(name in PUBLIC_COMMANDS) && name !== 'reset' && ids.has(name))).toEqual([]);
  });

  it('gives every answer a schema, and every fault the envelope', () => {
    for (const { path, method, operation } of operations()) {
      const where = `${method} ${path}`;
      const success = Object.keys(operation.responses).filter((status) => status.startsWith('2'));
      expect(success, where).toHaveLength(1);
      const answer = operation.responses[success[0] ?? ''];
      if (success[0] !== '204') expect(Object.values<Node>(answer.content)[0]?.schema, where).toBeDefined();
      expect(operation.responses.default.content['application/json'].schema, where).toEqual({ $ref: '#/components/schemas/Error' });
    }
  });

  it('declares every path parameter, and no body field repeats one', () => {
    for (const { path, method, operation } of operations()) {
      const where = `${method} ${path}`;
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = (operation.parameters ?? []).filter((parameter: Node) => parameter.in === 'path');
      expect(
        declared.map((parameter: Node) => parameter.name),
        where,
      ).toEqual(inPath);
      for (const parameter of declared) expect(parameter, where).toMatchObject({ required: true, schema: { type: 'string' } });
      const body = operation.requestBody && resolve(operation.requestBody.content['application/json'].schema);
      if (body) for (const name of inPath) expect(Object.keys(body.properties), where).not.toContain(name);
    }
  });

  it('gives every command that takes more than its path a named body, with its required fields', () => {
    const create = operations().find(({ operation }) => operation.operationId === 'createSubnet')?.operation;
    expect(create?.requestBody.content['application/json'].schema).toEqual({ $ref: '#/components/schemas/CreateSubnetRequest' });
    expect(document.components.schemas.CreateSubnetRequest).toMatchObject({
      type: 'object',
      additionalProperties: false,
      required: expect.arrayContaining(['vpcId', 'cidrBlock']),
      properties: { vpcId: { type: 'string', pattern: expect.stringContaining('vpc-'), description: expect.any(String) } },
    });
    const attach = operations().find(({ operation }) => operation.operationId === 'attachNetworkInterface')?.operation;
    expect(Object.keys(resolve(attach?.requestBody.content['application/json'].schema).properties)).toEqual(
      expect.arrayContaining(['instanceId', 'deviceIndex']),
    );
  });

  it('has no reference to nowhere and no schema that nobody refers to', () => {
    const referred = new Set([...nodes(document)].flatMap((node) => (typeof node.$ref === 'string' ? [node.$ref] : [])));
    const there = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect([...referred].sort()).toEqual(there.sort());
  });

  it('names the schemas that people look for', () => {
    const names = Object.keys(document.components.schemas);
    expect(names).toEqual(
      expect.arrayContaining([
        'Vpc',
        'Subnet',
        'NetworkInterface',
        'Attachment',
        'Instance',
        'SecurityGroup',
        'RouteTable',
        'NetworkAcl',
        'PrefixList',
        'Error',
        'Condition',
        'ResourceEvent',
      ]),
    );
    expect(names.filter((name) => /Input$/.test(name) && name !== 'BatchInput')).toEqual([]);
  });

  it('describes every field of every body', () => {
    const bare = Object.entries<Node>(document.components.schemas)
      .filter(([name]) => name.endsWith('Request'))
      .flatMap(([name, schema]) =>
        Object.entries<Node>(schema.properties)
          .filter(([, field]) => !field.description)
          .map(([field]) => `${name}.${field}`),
      );
    expect(bare).toEqual([]);
  });
});

describe('/docs', () => {
  it('shows the description to people, without anything from elsewhere', async () => {
    const page = await api.app.inject({ method: 'GET', url: '/docs/' });
    expect([page.statusCode, page.headers['content-type']]).toEqual([200, expect.stringMatching(/^text\/html/)]);
    expect(page.payload).not.toMatch(/(src|href)="https?:/);
    expect(page.headers['content-security-policy']).toContain("default-src 'self'");
    expect((await api.app.inject({ method: 'GET', url: '/docs/json' })).json().info.title).toBe('enid');
  });
});
