import { apiError } from '../model/errors.js';
import { type Command, command } from './command.js';

/** Tokens are remembered this long. */
export const TOKEN_LIFETIME_MS = 24 * 60 * 60 * 1000;

/**
 * A command that answers a repeated request with the first answer, when the requests carry the same token.
 * @throws {ApiError} IdempotentParameterMismatch when they differ in anything else.
 */
export function idempotent<I extends { clientToken?: string | undefined }, O>(name: string, definition: Command<I, O>): Command<I, O> {
  return command({
    ...definition,
    run: (draft, input, context) => {
      const { clientToken, ...parameters } = input;
      if (clientToken === undefined) return definition.run(draft, input, context);
      const tokenId = `${name} ${clientToken}`;
      const digest = digestOf(parameters);
      const known = draft.get('clientToken', tokenId);
      if (known && !isExpired(known.createTime, context.now)) {
        if (known.digest !== digest) throw apiError('IdempotentParameterMismatch', { token: clientToken });
        return known.result as O;
      }
      const result = definition.run(draft, input, context);
      draft.put('clientToken', { tokenId, digest, result, createTime: context.now });
      return result;
    },
  });
}

export function isExpired(createTime: string, now: string): boolean {
  return Date.parse(now) - Date.parse(createTime) > TOKEN_LIFETIME_MS;
}

/** 128 bits over the parameters, whatever the order of their keys. Not for secrets: only the caller itself could mislead it. */
export function digestOf(value: unknown): string {
  const text = canonical(value);
  return [0x811c9dc5, 0x01234567, 0x89abcdef, 0x2545f491].map((seed) => fnv1a(text, seed)).join('');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`)
    .join(',')}}`;
}

function fnv1a(text: string, seed: number): string {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
