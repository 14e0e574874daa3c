import type { CommandContext } from '../commands/command.js';
import { type Guest, guestKey, referenceIn } from '../commands/guest.js';
import type { CommandCall } from '../commands/transact.js';
import { type ApiError, apiError } from '../model/errors.js';
import type { ResolveGuest } from './resolve.js';

/** Looks up the guests that calls name, before the calls are decided on. What is wrong with one is told by the call that names it. */
export async function prepareGuests(calls: readonly CommandCall[], resolve: ResolveGuest): Promise<NonNullable<CommandContext['guest']>> {
  const found = new Map<string, Guest | ApiError>();
  for (const { command, input } of calls) {
    const reference = command === 'registerInstance' ? referenceIn(input) : undefined;
    if (!reference) continue;
    found.set(guestKey(reference), await Promise.resolve(reference).then(resolve).catch(asApiError));
  }
  return (reference) => {
    const guest =
      found.get(guestKey(reference)) ?? apiError('InvalidParameterValue', { reason: 'A guest must be named as it is, not by a reference' });
    if (guest instanceof Error) throw guest;
    return guest;
  };
}

function asApiError(error: unknown): ApiError {
  if (error instanceof Error && 'code' in error && 'status' in error) return error as ApiError;
  throw error;
}
