import type { z } from 'zod';
import type { PublicCommandName } from '../../commands/index.js';
import { apiError } from '../../model/errors.js';
import { ID_ERRORS, type TaggedKind } from '../../model/resource.js';
import type { Records, Snapshot } from '../../model/snapshot.js';
import { nounList } from './list.js';
import { commandRoute, queryRoute, type Route } from './route.js';
import type { ViewContext } from './view.js';

export interface NounOptions<K extends TaggedKind> {
  readonly kind: K;
  /** Names the operations: `getVpc`, `listVpcs`. */
  readonly noun: string;
  readonly plural: string;
  /** Of the list. */
  readonly path: string;
  readonly idField: keyof Records[K] & string;
  readonly schema: z.ZodType;
  readonly view: (record: Records[K], context: ViewContext) => object;
  readonly create?: { readonly command: PublicCommandName; readonly settle?: boolean };
  readonly modify?: PublicCommandName;
  readonly delete?: PublicCommandName;
  /** Heading in the API's description. */
  readonly tag: string;
}

/** The five routes that every noun has, as far as it has the commands for them: list, create, get, modify, delete. */
export function nounRoutes<K extends TaggedKind>(options: NounOptions<K>): Route[] {
  const { kind, noun, path, idField, schema, view, tag, create, modify } = options;
  const one = { path: `${path}/:${idField}`, params: { [idField]: kind }, tag };
  const words = noun.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const routes: Route[] = [
    nounList(options),
    queryRoute({
      ...one,
      operationId: `get${noun}`,
      summary: `One ${words}`,
      response: schema,
      read: ({ params, context }) => view(requirePath(context.snapshot, kind, params[idField] ?? ''), context),
    }),
  ];
  if (create)
    routes.push(
      commandRoute({
        method: 'POST',
        path,
        tag,
        status: 201,
        response: schema,
        ...create,
        render: ({ result, find, context }) => view(find(kind, result[idField]), context),
      }),
    );
  if (modify)
    routes.push(
      commandRoute({
        ...one,
        method: 'PATCH',
        command: modify,
        status: 200,
        response: schema,
        render: ({ params, find, context }) => view(find(kind, params[idField] ?? ''), context),
      }),
    );
  if (options.delete) routes.push(commandRoute({ ...one, method: 'DELETE', command: options.delete, status: 204 }));
  return routes;
}

/** The record that a path names. @throws {ApiError} the kind's `.NotFound` code. */
export function requirePath<K extends TaggedKind>(snapshot: Snapshot, kind: K, id: string): Records[K] {
  const record = snapshot.get(kind, id);
  if (!record) throw apiError(ID_ERRORS[kind]?.notFound ?? 'InvalidID', { id });
  return record;
}

/** `POST <path>/:id/<verb>`: a command on a resource, answered with the resource as it is then. */
export function nounAction<K extends TaggedKind>(
  { kind, path, idField, schema, view, tag }: NounOptions<K>,
  verb: string,
  command: PublicCommandName,
): Route {
  return commandRoute({
    method: 'POST',
    path: `${path}/:${idField}/${verb}`,
    params: { [idField]: kind },
    tag,
    command,
    status: 200,
    response: schema,
    render: ({ params, find, context }) => view(find(kind, params[idField] ?? ''), context),
  });
}
