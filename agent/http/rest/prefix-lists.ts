import { z } from 'zod';
import type { PrefixList } from '../../model/security-group.js';
import { nounRoutes } from './noun.js';
import { nounFields, pick, shownId } from './view.js';

export const PrefixListView = z
  .strictObject({
    prefixListId: shownId('prefixList'),
    name: z.string(),
    family: z.union([z.literal(4), z.literal(6)]),
    maxEntries: z.number().int(),
    version: z.number().int().describe('Grows with every change of the entries.'),
    entries: z.array(z.strictObject({ cidr: z.string(), description: z.string().optional() })),
    ...nounFields,
  })
  .meta({ id: 'PrefixList' });

export function prefixListView(list: PrefixList): z.output<typeof PrefixListView> {
  return {
    ...pick(list, ['prefixListId', 'name', 'family', 'maxEntries', 'version', 'ownerId', 'tags']),
    entries: list.entries.map((entry) => pick(entry, ['cidr', 'description'])),
  };
}

export const prefixListRoutes = nounRoutes({
  kind: 'prefixList',
  noun: 'PrefixList',
  plural: 'PrefixLists',
  path: '/v1/prefix-lists',
  idField: 'prefixListId',
  schema: PrefixListView,
  view: prefixListView,
  create: { command: 'createPrefixList', settle: false },
  modify: 'modifyPrefixList',
  delete: 'deletePrefixList',
  tag: 'Prefix lists',
});
