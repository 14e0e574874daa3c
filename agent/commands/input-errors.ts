import type { z } from 'zod';
import { type ApiError, apiError, invalidValue } from '../model/errors.js';
import { idKindOf, idKindOfPattern } from '../model/ids.js';
import { ID_ERRORS } from '../model/resource.js';

type Issue = z.core.$ZodIssue;

/**
 * Checks a command's input against its schema.
 * @throws {ApiError} MissingParameter, UnknownParameter, an id's `.Malformed` code, or InvalidParameterValue; the message names the field.
 */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const parsed = schema.safeParse(input ?? {}, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw inputError(parsed.error.issues);
}

/** The caller's fault of a failed check. Only the first issue is told: a missing or unknown field before a bad value. */
export function inputError(issues: readonly Issue[]): ApiError {
  const flat = issues.map((issue) => innermost(issue, []));
  const first = flat.find(isMissing) ?? flat.find((issue) => issue.code === 'unrecognized_keys') ?? flat[0];
  return first ? faultOf(first) : invalidValue('The input is not valid');
}

/** The issue that says most: of a union's branches, the one that the input came nearest to. */
function innermost(issue: Issue, prefix: readonly PropertyKey[]): Issue {
  const path = [...prefix, ...issue.path];
  if (issue.code === 'invalid_union' && issue.input !== undefined && issue.errors.length > 0) {
    const branches = issue.errors.map((branch) => branch.map((inner) => innermost(inner, path)));
    const best = branches.sort((a, b) => distance(a, path) - distance(b, path))[0]?.[0];
    if (best && distance([best], path) < WRONG_TYPE) return best;
  }
  if ((issue.code === 'invalid_key' || issue.code === 'invalid_element') && issue.issues[0]) return innermost(issue.issues[0], path);
  return { ...issue, path };
}

const WRONG_TYPE = 100;

/** How far an input is from a branch: wrong type altogether, then unknown or missing fields, then bad values. */
function distance(issues: readonly Issue[], path: readonly PropertyKey[]): number {
  const costs = issues.map((issue) => {
    if (issue.code === 'invalid_type' && issue.path.length === path.length) return WRONG_TYPE;
    if (issue.code === 'unrecognized_keys') return 10 * issue.keys.length;
    return isMissing(issue) ? 10 : 1;
  });
  return Math.max(0, ...costs);
}

/** A field that is not there at all; the message of whatever its schema then says would mislead. */
function isMissing(issue: Issue): boolean {
  const absent = issue.code === 'invalid_type' || issue.code === 'invalid_value' || issue.code === 'invalid_union';
  return absent && issue.input === undefined && issue.path.length > 0;
}

function faultOf(issue: Issue): ApiError {
  const name = fieldName(issue.path);
  if (isMissing(issue)) return apiError('MissingParameter', { name });
  if (issue.code === 'unrecognized_keys') return apiError('UnknownParameter', { name: fieldName([...issue.path, issue.keys[0] ?? '']) });
  const value = shown(issue.input);
  if (issue.code === 'invalid_format' && issue.pattern && typeof issue.input === 'string') {
    const kind = idKindOfPattern(issue.pattern);
    const code = kind && ID_ERRORS[kind]?.malformed;
    if (kind && code) return apiError(code, { id: shownId(issue.input) });
  }
  return invalidValue(`Value (${value}) for parameter ${name || 'input'} is invalid: ${reasonOf(issue)}`);
}

/** `networkInterfaces.0.subnetId` */
function fieldName(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}

function reasonOf(issue: Issue): string {
  if (issue.code === 'invalid_type') return `must be ${article(issue.expected)}`;
  if (issue.code === 'invalid_value') return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
  return issue.message;
}

function article(type: string): string {
  if (type === 'int') return 'a whole number';
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

/** A value as an error message may repeat it: JSON, and not too long. */
export function shown(value: unknown): string {
  const text = (typeof value === 'string' ? value : JSON.stringify(value)) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function shownId(id: string): string {
  const kind = idKindOf(id);
  return kind ? `${id} (the id of another kind: ${kind})` : shown(id);
}
