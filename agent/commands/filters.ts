import { apiError, invalidValue } from '../model/errors.js';
import { digestOf } from './client-token.js';

/** Filtering and paging of lists. Pure; what each noun can be filtered by stands in `noun-filters.ts`. */

/** An item passes when one of its values under the name matches one of the filter's; several filters must all pass. */
export interface Filter {
  readonly name: string;
  readonly values: readonly string[];
}

/** What can be filtered by: name → the item's values. */
export type FilterTable<T, F = unknown> = Readonly<Record<string, (item: T, facts: F) => readonly string[]>>;

/** As many as the cloud takes, over all filters of a request. */
const MAX_VALUES = 200;

/**
 * A filter as a query parameter writes it: `name:value`, `name:value,value`, `tag:NAME:value`. A backslash takes the meaning
 * from a comma, an asterisk, a question mark, or a colon in a tag's name.
 * @throws {ApiError} InvalidParameterValue
 */
export function parseFilter(text: string): Filter {
  const match = /^(tag:(?:\\.|[^:\\])+|(?!tag:)[^:]+):(.*)$/s.exec(text);
  if (!match?.[1] || match[2] === undefined)
    throw invalidValue(`Value (${text}) for parameter filter is invalid: write name:value, for example vpc-id:vpc-0123456789abcdef0`);
  const name = match[1].startsWith('tag:') ? match[1].replaceAll(/\\(.)/gs, '$1') : match[1];
  return { name, values: splitList(match[2]) };
}

/** Cuts at commas that no backslash stands before; the backslashes stay for `wildcard`. */
function splitList(text: string): string[] {
  const values = [''];
  for (const token of text.match(/\\.|[^\\]|\\$/gsu) ?? []) {
    if (token === ',') values.push('');
    else values.push(`${values.pop()}${token}`);
  }
  return values;
}

/** @throws {ApiError} InvalidParameterValue for a name that the table does not have, FilterLimitExceeded */
export function applyFilters<T, F>(items: readonly T[], table: FilterTable<T, F>, filters: readonly Filter[], facts: F): T[] {
  const count = filters.reduce((sum, filter) => sum + filter.values.length, 0);
  if (count > MAX_VALUES) throw apiError('FilterLimitExceeded', { reason: `A request can have ${MAX_VALUES} filter values, not ${count}` });
  const tests = filters.map(({ name, values }) => {
    const valuesOf = reader(table, name);
    const patterns = values.map(wildcard);
    return (item: T) => valuesOf(item, facts).some((value) => patterns.some((pattern) => pattern(value)));
  });
  return items.filter((item) => tests.every((test) => test(item)));
}

function reader<T, F>(table: FilterTable<T, F>, name: string): (item: T, facts: F) => readonly string[] {
  if (Object.hasOwn(table, name)) return table[name] ?? (() => []);
  if (name.startsWith('tag:') && Object.hasOwn(table, 'tag-key')) {
    const key = name.slice('tag:'.length);
    return (item) => {
      const { tags } = item as { tags?: Readonly<Record<string, string>> };
      const value = tags && Object.hasOwn(tags, key) ? tags[key] : undefined;
      return value === undefined ? [] : [value];
    };
  }
  throw invalidValue(
    `The filter '${name}' is invalid; the filters are: ${Object.keys(table).sort().join(', ')}${'tag-key' in table ? ', tag:NAME' : ''}`,
  );
}

/** `*` any characters, `?` one; a backslash before them makes them plain. Compared as they are, upper and lower case apart. */
function wildcard(pattern: string): (value: string) => boolean {
  if (!/[*?\\]/.test(pattern)) return (value) => value === pattern;
  const tokens = pattern.match(/\\.|\*+|[^\\*]|\\$/gsu) ?? [];
  return (value) => matches(tokens, value);
}

/** Backtracks to the last asterisk only, so that no pattern takes long. */
function matches(tokens: readonly string[], value: string): boolean {
  const characters = [...value];
  let token = 0;
  let at = 0;
  let star = -1;
  let starAt = 0;
  while (at < characters.length) {
    const wanted = tokens[token];
    if (wanted?.startsWith('*')) {
      star = token++;
      starAt = at;
    } else if (wanted !== undefined && (wanted === '?' || plain(wanted) === characters[at])) {
      token++;
      at++;
    } else if (star >= 0) {
      token = star + 1;
      at = ++starAt;
    } else return false;
  }
  return tokens.slice(token).every((rest) => rest.startsWith('*'));
}

function plain(token: string): string {
  return token.length > 1 && token.startsWith('\\') ? token.slice(1) : token;
}

export interface Page {
  /** 5 to 1000; all when absent. */
  readonly maxResults?: number | undefined;
  readonly nextToken?: string | undefined;
}

/**
 * One page of a list, in the order of a key that is unique in it. `scope` is whatever names the list and its filters:
 * a token is good for the same scope only. Items that come or go between two pages never make another be left out or shown twice.
 * @throws {ApiError} InvalidNextToken
 */
export function paginate<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  page: Page,
  scope: unknown,
): { items: T[]; nextToken?: string } {
  const keyed = items.map((item) => ({ key: keyOf(item), item })).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const mark = digestOf(scope).slice(0, 16);
  const after = page.nextToken === undefined ? undefined : keyOfToken(page.nextToken, mark);
  const rest = after === undefined ? keyed : keyed.filter(({ key }) => key > after);
  const shown = rest.slice(0, page.maxResults ?? rest.length);
  const last = shown.at(-1);
  return {
    items: shown.map(({ item }) => item),
    ...(last && shown.length < rest.length && { nextToken: btoa(`${mark} ${encodeURIComponent(last.key)}`) }),
  };
}

function keyOfToken(token: string, mark: string): string {
  try {
    const [tokenMark, key, ...more] = atob(token).split(' ');
    if (tokenMark === mark && key !== undefined && more.length === 0) return decodeURIComponent(key);
  } catch {
    // Not base64, or not ours: told below.
  }
  throw apiError('InvalidNextToken', {});
}
