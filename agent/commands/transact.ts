import { apiError } from '../model/errors.js';
import type { Snapshot } from '../model/snapshot.js';
import { type Store, StoreConflict } from '../store/store.js';
import type { CommandContext } from './command.js';
import { Draft } from './draft.js';
import { COMMANDS, type CommandName } from './index.js';
import { parseInput } from './input-errors.js';

export interface CommandCall {
  readonly command: CommandName;
  readonly input: unknown;
}

export interface Transaction {
  /** One result per call, in order. */
  readonly results: readonly unknown[];
  readonly before: Snapshot;
  /** The state that holds the outcome; equal to `before` when nothing changed. */
  readonly after: Snapshot;
}

/** Another commit came first that often in a row: the store is contended beyond what a single daemon can cause. */
const MAX_CONFLICTS = 50;

/**
 * Runs the calls one after another on the newest state and commits the outcome as one: all of them, or none.
 * Later calls may name results of earlier ones: the string `$0.vpcId` is the `vpcId` of the first call's result.
 * With `dryRun` everything is checked and nothing committed.
 * @throws {ApiError} the caller's fault; nothing was changed.
 * @throws {StoreFault} the medium failed; nothing was changed.
 */
export async function transact(
  store: Store,
  context: () => CommandContext,
  calls: readonly CommandCall[],
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<Transaction> {
  for (let attempt = 0; attempt < MAX_CONFLICTS; attempt++) {
    const before = store.head();
    const draft = new Draft(before);
    const decision = decide(calls, draft, context);
    try {
      // Also a refusal, and an answer without changes, must not be given on a state that comes to nothing.
      const after = await store.commit(before.revision, dryRun || 'refusal' in decision ? [] : draft.changes());
      if ('refusal' in decision) throw decision.refusal;
      return { results: decision.results, before, after };
    } catch (error) {
      if (!(error instanceof StoreConflict)) throw error;
    }
  }
  throw apiError('RequestLimitExceeded', { reason: 'The state changes too fast for this request; try again' });
}

type Decision = { readonly results: readonly unknown[] } | { readonly refusal: unknown };

function decide(calls: readonly CommandCall[], draft: Draft, context: () => CommandContext): Decision {
  const results: unknown[] = [];
  try {
    for (const call of calls) results.push(runCommand(call, draft, context(), results));
    return { results };
  } catch (refusal) {
    return { refusal };
  }
}

function runCommand(call: CommandCall, draft: Draft, context: CommandContext, earlier: readonly unknown[]): unknown {
  const { input, run } = COMMANDS[call.command];
  return run(draft, parseInput(input, resolveReferences(call.input, earlier)) as never, context);
}

function resolveReferences(value: unknown, results: readonly unknown[]): unknown {
  if (results.length === 0) return value;
  if (typeof value === 'string') {
    const match = /^\$(\d+)\.([\w.]+)$/.exec(value);
    if (!match?.[1] || !match[2]) return value;
    let found: unknown = results[Number(match[1])];
    for (const field of match[2].split('.')) found = (found as Record<string, unknown> | undefined)?.[field];
    if (found === undefined)
      throw apiError('InvalidParameterValue', { reason: `${value} names no result of an earlier command of the batch` });
    return found;
  }
  if (Array.isArray(value)) return value.map((item) => resolveReferences(item, results));
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolveReferences(item, results)]));
  return value;
}
