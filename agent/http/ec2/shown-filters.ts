import type { FilterTable } from '../../commands/filters.js';
import type { Tree } from './params.js';

/** Filters that look at what an action shows of an item: name → path of members, through lists. */
export function shownFilters<T>(tree: (item: T) => Tree, paths: Readonly<Record<string, string>>): FilterTable<T> {
  return Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, (item: T) => valuesAt(tree(item), path.split('.'))]));
}

/** Documented filters of what no resource here has: they match nothing. */
export function never(...names: readonly string[]): FilterTable<unknown> {
  return Object.fromEntries(names.map((name) => [name, () => []]));
}

function valuesAt(value: unknown, [member, ...rest]: readonly string[]): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => valuesAt(each, member === undefined ? [] : [member, ...rest]));
  if (value === undefined || value === null) return [];
  if (member === undefined) return [String(value)];
  return valuesAt((value as Tree)[member], rest);
}
