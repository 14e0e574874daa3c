import type { FastifyInstance, RouteOptions } from 'fastify';

/**
 * Serves the API's description as `/openapi.json` and for people at `/docs`. It is made when it is first asked for: what makes it takes
 * longer to load and to run than a start has time for. Register before the routes.
 */
export function addOpenApi(app: FastifyInstance, version: string): void {
  const described: RouteOptions[] = [];
  app.addHook('onRoute', (route) => void described.push(route));
  let docs: Promise<FastifyInstance> | undefined;
  for (const url of ['/openapi.json', '/docs', '/docs/*']) {
    app.get(url, { schema: { hide: true } }, async ({ method, raw }, reply) => {
      docs ??= import('./docs.js').then(({ buildDocs }) => buildDocs(described, version));
      const { statusCode, headers, rawPayload } = await (await docs).inject({ method: method as 'GET' | 'HEAD', url: raw.url ?? url });
      const { connection: _, date: __, ...own } = headers;
      return reply.code(statusCode).headers(own).send(rawPayload);
    });
  }
}
