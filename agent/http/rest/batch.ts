import { z } from 'zod';
import { isPublicCommand } from '../../commands/index.js';
import { apiError } from '../../model/errors.js';
import { procedureRoute } from './route.js';

const TAG = 'Batches';
/** One commit should stay one: a larger lab is several batches. */
const MAX_CALLS = 1000;

const Batch = z
  .strictObject({
    commands: z
      .array(
        z.strictObject({
          command: z.string().describe('Operation id of a call that changes something, such as createVpc.'),
          input: z.record(z.string(), z.unknown()).optional().describe('Fields of its body and of its path.'),
        }),
      )
      .min(1, 'must hold at least one command')
      .max(MAX_CALLS, `must hold at most ${MAX_CALLS} commands`),
  })
  .meta({ id: 'Batch' });
const BatchResult = z
  .strictObject({ results: z.array(z.record(z.string(), z.unknown())).describe('One per command, in order: the ids of what it made.') })
  .meta({ id: 'BatchResult' });

export const batchRoutes = [
  procedureRoute({
    path: '/v1/batch',
    operationId: 'batch',
    summary: 'Several commands as one change: all of them, or none. "$0.vpcId" in an input is the vpcId of the first result',
    tag: TAG,
    body: Batch,
    status: 200,
    response: BatchResult,
    run: async ({ body, deps, settle }) => {
      const calls = body.commands.map(({ command, input }, i) => {
        if (!isPublicCommand(command))
          throw apiError('InvalidAction', { reason: `commands.${i}.command: there is no command '${command}' for batches` });
        return { command, input: input ?? {} };
      });
      const { results, after } = await deps.transact(calls);
      await settle(after);
      return { results };
    },
  }),
  procedureRoute({
    path: '/v1/reset',
    operationId: 'reset',
    summary: 'Empty model and kernel; only with --allow-reset',
    tag: TAG,
    body: z.strictObject({}),
    status: 204,
    run: async ({ deps }) => {
      if (!deps.config.allowReset)
        throw apiError('OperationNotPermitted', { reason: 'Reset deletes everything; start the agent with --allow-reset to allow it' });
      await deps.reset();
    },
  }),
];
