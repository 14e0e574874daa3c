import type { FastifyInstance } from 'fastify';
import { apiError } from '../../model/errors.js';
import type { Credentials } from '../credentials.js';
import type { HttpDeps } from '../deps.js';
import { isEc2Request } from './request.js';

const XML = 'text/xml;charset=UTF-8';

/** Actions and their shapes are many: they are loaded when the daemon listens already. */
const answers = () => import('./answer.js');

/** Adds the EC2 query endpoint at `/`: a façade over the commands that REST has. */
export function addEc2(app: FastifyInstance, deps: HttpDeps, credentials: () => Credentials): void {
  app.addHook('onListen', async () => void (await answers()));
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.route({
      method: ['GET', 'POST'],
      url: '/',
      schema: { hide: true },
      handler: async (request, reply) => {
        if (!isEc2Request(request)) throw apiError('NotFound', { reason: 'There is nothing at /; /docs lists the API' });
        const { answerEc2 } = await answers();
        return reply.type(XML).send(await answerEc2(request, reply, deps, credentials()));
      },
    });
  });
}
