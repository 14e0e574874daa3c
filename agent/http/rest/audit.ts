import { z } from 'zod';
import { AuditEntry } from '../../audit/entry.js';
import type { AuditPosition } from '../../audit/log.js';
import { applyFilters, type FilterTable, parseFilter } from '../../commands/filters.js';
import { apiError } from '../../model/errors.js';
import { listQuery } from './list.js';
import { queryRoute } from './route.js';

const FILTERS: FilterTable<AuditEntry, undefined> = {
  who: (entry) => [entry.who],
  kind: (entry) => [entry.kind],
  command: (entry) => entry.commands,
  'resource-id': (entry) => entry.ids,
  outcome: (entry) => [entry.outcome],
  code: (entry) => (entry.code === undefined ? [] : [entry.code]),
  'request-id': (entry) => [entry.requestId],
};
const PAGE_SIZE = 100;

const AuditPage = z
  .strictObject({ items: z.array(AuditEntry), nextToken: z.string().optional().describe('Absent: there is no more.') })
  .meta({ id: 'AuditPage' });

export const auditRoutes = [
  queryRoute({
    path: '/v1/audit',
    operationId: 'listAudit',
    summary: `Who changed what, when, and with which outcome; the newest first, ${PAGE_SIZE} per answer unless maxResults says otherwise`,
    tag: 'Observation',
    query: listQuery(Object.keys(FILTERS)),
    response: AuditPage,
    read: async ({ query: { filter, maxResults, nextToken }, deps }) => {
      const filters = [filter ?? []].flat().map(parseFilter);
      const limit = maxResults === undefined ? PAGE_SIZE : Number(maxResults);
      // Unknown filters are a fault even while there is nothing to filter.
      applyFilters([], FILTERS, filters, undefined);
      const items: AuditEntry[] = [];
      let last: AuditPosition | undefined;
      for await (const { entry, position } of deps.audit.read(nextToken === undefined ? undefined : positionOf(nextToken))) {
        if (applyFilters([entry], FILTERS, filters, undefined).length === 0) continue;
        if (items.length === limit && last) return { items, nextToken: `${last.file}.${last.offset}` };
        items.push(entry);
        last = position;
      }
      return { items };
    },
  }),
];

/** @throws {ApiError} InvalidNextToken */
function positionOf(token: string): AuditPosition {
  const [, file, offset] = /^(\d{1,9})\.(\d{1,12})$/.exec(token) ?? [];
  if (file === undefined || offset === undefined) throw apiError('InvalidNextToken', {});
  return { file: Number(file), offset: Number(offset) };
}
