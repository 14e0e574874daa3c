import type { FastifyServerOptions } from 'fastify';

/** Schemas of routes only document: nothing is compiled from them, and the compilers are not even loaded. */
export const NO_SCHEMAS: Pick<FastifyServerOptions, 'schemaController'> = {
  schemaController: {
    compilersFactory: {
      // The type knows only those of Ajv.
      buildValidator: (() => () => (value: unknown) => ({ value })) as never,
      buildSerializer: () => () => (value: unknown) => JSON.stringify(value),
    },
  },
};
