import { AsyncLocalStorage } from 'node:async_hooks';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type AuditEntry, idsIn } from '../audit/entry.js';
import { ApiError, type ErrorCode } from '../model/errors.js';
import type { HttpDeps } from './deps.js';
import { pathOf } from './guard.js';
import { asApiError } from './render-error.js';

type Audited = Pick<HttpDeps, 'transact' | 'reset' | 'audit' | 'log' | 'metrics'>;

/** Codes of callers who were not let in. */
const UNAUTHENTICATED: ReadonlySet<ErrorCode> = new Set([
  'AuthFailure',
  'MissingAuthenticationToken',
  'IncompleteSignature',
  'InvalidClientTokenId',
  'SignatureDoesNotMatch',
  'RequestExpired',
  'UnauthorizedOperation',
]);
/** An address that fails to authenticate is written down this often at most, milliseconds, and then with how often it failed: it shall not push out the rest. */
const FAILURE_PAUSE_MS = 10_000;
const MAX_FAILING_PEERS = 1000;

/**
 * Whatever the given `transact` and `reset` do is written down with the request that asked for it, after it was decided and before anybody
 * is answered. When that cannot be done the change stands; the daemon's log and a metric tell.
 */
export function addAudit<D extends Audited>(app: FastifyInstance, deps: D, now: () => number = Date.now): D {
  const current = new AsyncLocalStorage<FastifyRequest>();
  app.addHook('preHandler', (request, _reply, done) => current.run(request, done));
  const write = (request: FastifyRequest, what: Pick<AuditEntry, 'commands' | 'ids' | 'outcome' | 'code' | 'count'>) => {
    const entry = { ...whoAsks(request), ...what, time: new Date(now()).toISOString() };
    try {
      deps.audit.append(entry);
    } catch (error) {
      deps.metrics.auditFailures.inc();
      deps.log.error({ err: error, entry }, 'the audit log cannot be written');
    }
  };
  const audited = async <T>(
    commands: readonly string[],
    inputs: readonly unknown[],
    work: () => Promise<T>,
    results: (done: T) => unknown,
  ) => {
    const request = current.getStore();
    const record = (outcome: AuditEntry['outcome'], ids: readonly unknown[], code?: string) =>
      request && write(request, { commands: [...new Set(commands)], ids: idsIn(...ids), outcome, ...(code !== undefined && { code }) });
    try {
      const done = await work();
      record('done', [inputs, results(done)]);
      return done;
    } catch (error) {
      const known = asApiError(error);
      record(known && known.status < 500 ? 'refused' : 'failed', [inputs], known?.code ?? 'InternalError');
      throw error;
    }
  };

  const failing = new Map<string, { since: number; more: number }>();
  app.addHook('onError', async (request, _reply, error) => {
    if (!(error instanceof ApiError) || !UNAUTHENTICATED.has(error.code)) return;
    deps.metrics.refusedCallers.inc({ code: error.code });
    const peer = failing.get(request.ip);
    if (peer && now() - peer.since < FAILURE_PAUSE_MS) {
      peer.more += 1;
      return;
    }
    failing.delete(request.ip);
    failing.set(request.ip, { since: now(), more: 0 });
    const [oldest] = failing.keys();
    if (failing.size > MAX_FAILING_PEERS && oldest !== undefined) failing.delete(oldest);
    const count = (peer?.more ?? 0) + 1;
    write(request, { commands: [], ids: [], outcome: 'refused', code: error.code, ...(count > 1 && { count }) });
  });
  return {
    ...deps,
    transact: (calls, options) =>
      options?.dryRun
        ? deps.transact(calls, options)
        : audited(
            calls.map(({ command }) => command),
            calls.map(({ input }) => input),
            () => deps.transact(calls, options),
            ({ results }) => results,
          ),
    reset: () => audited(['reset'], [], deps.reset, () => []),
  };
}

function whoAsks(request: FastifyRequest): Pick<AuditEntry, 'requestId' | 'kind' | 'who' | 'uid' | 'peer' | 'request'> {
  const { principal, id, ip, method } = request;
  return {
    requestId: id,
    kind: principal?.kind ?? 'unknown',
    who: principal?.name ?? '',
    ...(principal?.uid !== undefined && { uid: principal.uid }),
    peer: ip ?? '',
    request: `${method} ${pathOf(request).slice(0, 200)}`,
  };
}
