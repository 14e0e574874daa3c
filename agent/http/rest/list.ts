import { z } from 'zod';
import type { FilterFacts } from '../../commands/filter-facts.js';
import { applyFilters, type FilterTable, paginate, parseFilter } from '../../commands/filters.js';
import { filterRecords, NOUN_FILTERS } from '../../commands/noun-filters.js';
import type { TaggedKind } from '../../model/resource.js';
import type { NounOptions } from './noun.js';
import { type QueryRequest, queryRoute } from './route.js';
import { attachmentStatus, instanceState, interfaceStatus, natGatewayState, privateDnsName } from './status.js';
import type { ViewContext } from './view.js';

/** Query of every list. A parameter that is given once arrives as text, more often as a list. */
export function listQuery(filterNames: readonly string[]) {
  return z.strictObject({
    filter: z
      .union([z.array(z.string()), z.string()])
      .optional()
      .describe(`name:value, repeatable; several values with commas, * and ? as wildcards. Names: ${[...filterNames].sort().join(', ')}.`),
    maxResults: z
      .string()
      .refine((text) => /^\d{1,4}$/.test(text) && Number(text) >= 5 && Number(text) <= 1000, { message: 'must be 5 to 1000' })
      .optional()
      .describe('Most items of one answer, 5 to 1000; all when absent.'),
    nextToken: z.string().optional().describe('From the answer before, to go on after it.'),
  });
}
type ListQuery = z.output<ReturnType<typeof listQuery>>;

function pageOf<T>(items: readonly T[], keyOf: (item: T) => string, { filter, maxResults, nextToken }: ListQuery, list: string) {
  return paginate(items, keyOf, { nextToken, ...(maxResults !== undefined && { maxResults: Number(maxResults) }) }, { list, filter });
}

const filtersOf = ({ filter }: ListQuery) => [filter ?? []].flat().map(parseFilter);

function listOf(item: z.ZodType) {
  return z.strictObject({ items: z.array(item), nextToken: z.string().optional().describe('Absent: there is no more.') });
}

/** `GET /v1/<noun>s` */
export function nounList<K extends TaggedKind>({ kind, plural, path, idField, schema, view, tag }: NounOptions<K>) {
  const table = NOUN_FILTERS[kind];
  return queryRoute({
    path,
    operationId: `list${plural}`,
    summary: `All that match the filters`,
    tag,
    query: listQuery([...Object.keys(table), 'tag:NAME']),
    response: listOf(schema).meta({ id: `${plural}Page` }),
    read: ({ query, context }) => {
      const records = filterRecords(kind, filtersOf(query), filterFacts(context));
      const page = pageOf(
        records,
        (record) => `${'createTime' in record ? record.createTime : ''} ${String(record[idField])}`,
        query,
        path,
      );
      return { ...page, items: page.items.map((record) => view(record, context)) };
    },
  });
}

export interface PlainListOptions<T> {
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly tag: string;
  readonly item: z.ZodType<T>;
  /** Unique in the list; its order. */
  readonly key: (item: T) => string;
  readonly filters: FilterTable<T, undefined>;
  readonly items: (request: Pick<QueryRequest<any, unknown>, 'deps' | 'context'>) => readonly T[];
}

/** A list of what is no record: zones, types, tags, conditions. */
export function plainList<T>({ path, operationId, summary, tag, item, key, filters, items }: PlainListOptions<T>) {
  return queryRoute({
    path,
    operationId,
    summary,
    tag,
    query: listQuery(Object.keys(filters)),
    response: listOf(item).meta({ id: `${operationId.replace('list', '')}Page` }),
    read: ({ query, deps, context }) =>
      pageOf(applyFilters(items({ deps, context }), filters, filtersOf(query), undefined), key, query, path),
  });
}

/** What filters ask beside the record. */
export function filterFacts(context: ViewContext): FilterFacts {
  return {
    snapshot: context.snapshot,
    interfaceStatus: (eni) => interfaceStatus(eni, context),
    attachmentStatus: (eni) => attachmentStatus(eni, context) ?? 'detached',
    instanceState: (instance) => instanceState(instance, context),
    natGatewayState: (gateway) => natGatewayState(gateway, context),
    privateDnsName: (address) => privateDnsName(address, context.region),
  };
}
