import type { FilterFacts } from '../../commands/filter-facts.js';
import { applyFilters, type Filter, type FilterTable, paginate } from '../../commands/filters.js';
import { listKey, NOUN_FILTERS } from '../../commands/noun-filters.js';
import { apiError, invalidValue } from '../../model/errors.js';
import { isId } from '../../model/ids.js';
import { ID_ERRORS, type TaggedKind } from '../../model/resource.js';
import type { Records } from '../../model/snapshot.js';
import { filterFacts } from '../rest/list.js';
import { type Action, need, type Region } from './action.js';
import type { Tree } from './params.js';

/** The `Describe…` actions: by ids, by filters, in pages. */

export interface DescribeOptions<K extends TaggedKind> {
  readonly kind: K;
  /** Parameter with the ids. */
  readonly ids: string;
  /** Member of the answer. */
  readonly list: string;
  readonly tree: (record: Records[K], region: Region) => Tree;
  /** Parameter with the filters, where it is not `Filters`. */
  readonly filters?: string;
  /** Filters beside those of the noun. */
  readonly more?: (region: Region) => FilterTable<Records[K], FilterFacts>;
  /** Which records the action shows at all. */
  readonly shows?: (record: Records[K]) => boolean;
  /** Narrows by further parameters. */
  readonly where?: (record: Records[K], input: Tree) => boolean;
  /** Refuses further parameters. */
  readonly check?: (input: Tree, region: Region) => void;
  readonly heeds?: readonly string[];
  readonly ignores?: readonly string[];
  /** Whether the answer comes in pages; true unless the API has none. */
  readonly pages?: boolean;
  /** Fewest and most items of a page; 5 to 1000 unless told. */
  readonly maxResults?: PageRange;
  /** Whether ids and pages exclude each other. */
  readonly idsOrPages?: boolean;
  /** Makes the list's items out of the page's records, where that is not one each. */
  readonly collect?: (records: readonly Records[K][], region: Region) => Tree[];
}

export function describe<K extends TaggedKind>(options: DescribeOptions<K>): Action {
  const { kind, ids, list, tree, filters = 'Filters', pages = true, shows = () => true, where, check, more, collect } = options;
  const heeds = [ids, filters, ...(pages ? ['MaxResults', 'NextToken'] : []), ...(options.heeds ?? [])];
  return {
    heeds,
    ...(options.ignores && { ignores: options.ignores }),
    answer: ({ input, region }) => {
      const now = region();
      check?.(input, now);
      const wanted = input[ids] as string[] | undefined;
      const chosen = wanted && wanted.length > 0 ? named(kind, wanted, shows, now) : now.snapshot.all(kind).filter(shows);
      const table = { ...NOUN_FILTERS[kind], ...more?.(now) } as FilterTable<Records[K], FilterFacts>;
      const asked = filtersOf(input[filters]);
      const found = applyFilters(where ? chosen.filter((record) => where(record, input)) : chosen, table, asked, filterFacts(now));
      if (options.idsOrPages && wanted?.length && input.MaxResults !== undefined)
        throw apiError('InvalidParameterCombination', { reason: `The parameter ${ids} cannot be used with the parameter maxResults` });
      const { items, ...rest } = page(found, (record) => listKey(kind, record), input, { list, wanted, asked }, options.maxResults);
      return { [list]: collect ? collect(items, now) : items.map((record) => tree(record, now)), ...(pages && rest) };
    },
  };
}

/** @throws {ApiError} the kind's `.Malformed` and `.NotFound` codes */
function named<K extends TaggedKind>(kind: K, ids: readonly string[], shows: (record: Records[K]) => boolean, region: Region) {
  return [...new Set(ids)].map((id) => existing(region, kind, id, shows));
}

/** The record of an id. @throws {ApiError} the kind's `.Malformed` and `.NotFound` codes */
export function existing<K extends TaggedKind>(
  { snapshot }: Pick<Region, 'snapshot'>,
  kind: K,
  id: string,
  shows: (record: Records[K]) => boolean = () => true,
): Records[K] {
  const codes = ID_ERRORS[kind];
  if (!isId(kind, id)) throw apiError(codes?.malformed ?? 'InvalidID', { id: String(id).slice(0, 80) });
  const record = snapshot.get(kind, id);
  if (!record || !shows(record)) throw apiError(codes?.notFound ?? 'InvalidID', { id });
  return record;
}

/** A describe action over what is no record. */
export function describePlain<T>(options: {
  readonly list: string;
  readonly items: (region: Region, input: Tree) => readonly T[];
  readonly key: (item: T) => string;
  readonly tree: (item: T, region: Region) => Tree;
  readonly filters: FilterTable<T, Region>;
  readonly filtersName?: string;
  readonly heeds?: readonly string[];
  readonly ignores?: readonly string[];
  readonly pages?: boolean;
  readonly maxResults?: PageRange;
}): Action {
  const { list, items, key, tree, filters, filtersName = 'Filters', pages = true, heeds = [], ignores } = options;
  return {
    heeds: [...(Object.keys(filters).length > 0 ? [filtersName] : []), ...(pages ? ['MaxResults', 'NextToken'] : []), ...heeds],
    ...(ignores && { ignores }),
    answer: ({ input, region }) => {
      const now = region();
      const asked = filtersOf(input[filtersName]);
      const found = applyFilters(items(now, input), filters, asked, now);
      const { MaxResults: _size, NextToken: _token, ...scope } = input;
      const { items: shown, ...rest } = page(found, key, input, { list, scope }, options.maxResults);
      return { [list]: shown.map((item) => tree(item, now)), ...(pages && rest) };
    },
  };
}

export type PageRange = readonly [fewest: number, most: number];

/** The page that `MaxResults` and `NextToken` ask for. @throws {ApiError} InvalidParameterValue, InvalidNextToken */
export function page<T>(
  items: readonly T[],
  key: (item: T) => string,
  input: Tree,
  scope: unknown,
  [fewest, most]: PageRange = [5, 1000],
): { items: T[]; NextToken?: string } {
  const maxResults = input.MaxResults as number | undefined;
  if (maxResults !== undefined && !(Number.isInteger(maxResults) && maxResults >= fewest && maxResults <= most))
    throw invalidValue(`Value ( ${maxResults} ) for parameter maxResults is invalid. Expecting a value between ${fewest} and ${most}.`);
  const { items: shown, nextToken } = paginate(items, key, { maxResults, nextToken: input.NextToken || undefined }, scope);
  return { items: shown, ...(nextToken !== undefined && { NextToken: nextToken }) };
}

/** @throws {ApiError} MissingParameter */
export function filtersOf(list: readonly Tree[] | undefined): Filter[] {
  return (list ?? []).map((filter) => ({ name: need<string>(filter, 'Name'), values: filter.Values ?? [] }));
}

/** The named items, all where none is named. */
export function chosen<T>(
  items: readonly T[],
  wanted: readonly string[] | undefined,
  keyOf: (item: T) => string,
  missing: (id: string) => Error,
): T[] {
  if (!wanted?.length) return [...items];
  return wanted.map((id) => {
    const found = items.find((item) => keyOf(item) === id);
    if (!found) throw missing(id);
    return found;
  });
}
