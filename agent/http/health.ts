import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { HttpDeps } from './deps.js';

const Health = z.strictObject({ status: z.literal('ok') }).meta({ id: 'Health' });
const Readiness = z
  .strictObject({
    status: z.enum(['ready', 'waiting']),
    waitsFor: z.array(z.string()).describe('What is missing, in words; empty when ready.'),
  })
  .meta({ id: 'Readiness' });

/** `/healthz`: the process answers. `/readyz`: the first pass over the kernel is done and the store takes changes. `/metrics`. */
export function addHealth(
  app: FastifyInstance,
  deps: Pick<HttpDeps, 'waitsFor' | 'metrics' | 'snapshot' | 'status' | 'counters' | 'discards' | 'log'>,
): void {
  const tags = ['Observation'];
  app.get(
    '/healthz',
    { schema: { operationId: 'getHealth', summary: 'Whether the process answers', tags, security: [], response: { 200: Health } } },
    async () => ({ status: 'ok' }),
  );
  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'getReadiness',
        summary: 'Whether it can do its work',
        tags,
        security: [],
        response: { 200: Readiness, 503: Readiness },
      },
    },
    async (_request, reply) => {
      const waitsFor = deps.waitsFor();
      const ready = waitsFor.length === 0;
      return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'waiting', waitsFor });
    },
  );
  const response = { 200: { description: 'Prometheus text', content: { 'text/plain': { schema: z.string() } } } };
  app.get(
    '/metrics',
    { schema: { operationId: 'getMetrics', summary: 'Meters in the Prometheus text format', tags, response } },
    async (_request, reply) => {
      const text = await deps.metrics.scrape(deps);
      return reply.type(deps.metrics.registry.contentType).serializer(String).send(text);
    },
  );
}
