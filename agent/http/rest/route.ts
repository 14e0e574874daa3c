import type { z } from 'zod';
import type { CommandName } from '../../commands/index.js';
import type { IdKind } from '../../model/ids.js';
import type { RecordKind, Records, Snapshot } from '../../model/snapshot.js';
import type { HttpDeps } from '../deps.js';
import type { ViewContext } from './view.js';

/** REST as data: what a route is called, what it takes and gives, and which command or view is behind it. */

/** Name of each path parameter → kind of id it must be; `any`: checked by whoever reads it. */
export type PathParams = Readonly<Record<string, IdKind | 'any'>>;
type Values<P extends PathParams> = { readonly [K in keyof P]: string };

export interface Outcome<P extends PathParams = PathParams> {
  readonly params: Values<P>;
  /** The command's result. */
  readonly result: any;
  /** State as it is now: later than the commit when the kernel pass completed something. */
  readonly context: ViewContext;
  /** A record as it is now, or as the commit left it if it has gone since. */
  readonly find: <K extends RecordKind>(kind: K, id: string) => Records[K];
}

export interface CommandRoute<P extends PathParams = any> {
  readonly kind: 'command';
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** Path parameters become fields of the command's input. */
  readonly params: P;
  readonly tag: string;
  readonly command: CommandName;
  readonly status: 200 | 201 | 204;
  /** Absent: the answer has no body. */
  readonly response?: z.ZodType;
  readonly render?: (outcome: Outcome<P>) => unknown;
  /** Whether the answer waits for the kernel pass; true unless nobody could tell the difference. */
  readonly settle: boolean;
}

export interface QueryRequest<P extends PathParams, Q> {
  readonly params: Values<P>;
  readonly query: Q;
  readonly deps: HttpDeps;
  readonly context: ViewContext;
}

export interface QueryRoute<P extends PathParams = any, Q = any> {
  readonly kind: 'query';
  readonly path: string;
  readonly params: P;
  readonly query?: z.ZodType<Q>;
  readonly operationId: string;
  readonly summary: string;
  readonly tag: string;
  readonly response: z.ZodType;
  readonly read: (request: QueryRequest<P, Q>) => unknown;
}

/** A POST that is no single command. */
export interface ProcedureRoute<B = any> {
  readonly kind: 'procedure';
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly tag: string;
  readonly body: z.ZodType<B>;
  readonly status: 200 | 201 | 204;
  readonly response?: z.ZodType;
  /** `settle` waits for the kernel pass of a state, no longer than the caller does. */
  readonly run: (request: {
    readonly body: B;
    readonly deps: HttpDeps;
    readonly settle: (after: Snapshot) => Promise<void>;
  }) => Promise<unknown>;
}

export type Route = CommandRoute | QueryRoute | ProcedureRoute;

export function commandRoute<P extends PathParams = Record<never, never>>(
  route: Omit<CommandRoute<P>, 'kind' | 'settle' | 'params'> & { params?: P; settle?: boolean },
): CommandRoute<P> {
  return { settle: true, ...route, params: route.params ?? ({} as P), kind: 'command' };
}

export function queryRoute<P extends PathParams = Record<never, never>, Q = Record<never, never>>(
  route: Omit<QueryRoute<P, Q>, 'kind' | 'params'> & { params?: P },
): QueryRoute<P, Q> {
  return { ...route, params: route.params ?? ({} as P), kind: 'query' };
}

export function procedureRoute<B>(route: Omit<ProcedureRoute<B>, 'kind'>): ProcedureRoute<B> {
  return { ...route, kind: 'procedure' };
}
