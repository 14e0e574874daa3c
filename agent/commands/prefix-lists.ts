import { z } from 'zod';
import { apiError, invalidValue } from '../model/errors.js';
import { mintId } from '../model/ids.js';
import type { PrefixList } from '../model/security-group.js';
import { idempotent } from './client-token.js';
import { command } from './command.js';
import { clientToken, prefixListId, tags, text } from './fields.js';
import { required } from './lookup.js';
import { checkRuleLimit } from './permissions.js';
import { parseRange } from './ranges.js';
import { checkTags } from './tags.js';

const name = text(255).min(1, 'must not be empty').describe('Name of the list.');
const maxEntries = z
  .number()
  .int('must be a whole number')
  .min(1)
  .max(1000)
  .describe('Entries it may have; a rule that names the list counts as so many.');
const Entry = z.strictObject({
  cidr: z.string().describe("A range of the list's family."),
  description: text(255).optional().describe('Free text.'),
});
type Entry = z.output<typeof Entry>;

export const createPrefixList = idempotent(
  'createPrefixList',
  command({
    summary: 'Create a prefix list: named ranges that rules refer to.',
    input: z.strictObject({
      name,
      family: z.union([z.literal(4), z.literal(6)]).describe('4 or 6.'),
      maxEntries,
      entries: z.array(Entry).max(1000).optional().describe('The ranges.'),
      tags,
      clientToken,
    }),
    run: (draft, input, context) => {
      const list: PrefixList = {
        prefixListId: mintId('prefixList', context.randomHex),
        name: checkName(input.name),
        family: input.family,
        maxEntries: input.maxEntries,
        version: 1,
        entries: [],
        ownerId: context.ownerId,
        tags: checkTags(input.tags),
      };
      draft.put('prefixList', withEntries(list, input.entries ?? [], []));
      return { prefixListId: list.prefixListId };
    },
  }),
);

export const modifyPrefixList = command({
  summary: "Change a prefix list's name, size or ranges.",
  input: z.strictObject({
    prefixListId,
    name: name.optional(),
    maxEntries: maxEntries.optional(),
    addEntries: z.array(Entry).max(1000).optional().describe('Ranges to add; one that is there gets the new description.'),
    removeEntries: z
      .array(z.strictObject({ cidr: z.string() }))
      .max(1000)
      .optional()
      .describe('Ranges to remove.'),
    currentVersion: z.number().int().optional().describe('Refuse the change when the list is at another version.'),
  }),
  run: (draft, input, context) => {
    const list = required(draft, 'prefixList', input.prefixListId);
    if (input.currentVersion !== undefined && input.currentVersion !== list.version)
      throw apiError('PrefixListVersionMismatch', {
        reason: `${list.prefixListId} is at version ${list.version}, not ${input.currentVersion}; read it again`,
      });
    const changesEntries = (input.addEntries?.length ?? 0) + (input.removeEntries?.length ?? 0) > 0;
    const changed: PrefixList = {
      ...list,
      name: input.name === undefined ? list.name : checkName(input.name),
      maxEntries: input.maxEntries ?? list.maxEntries,
      version: changesEntries ? list.version + 1 : list.version,
      modified: true,
    };
    draft.put(
      'prefixList',
      withEntries(
        changed,
        input.addEntries ?? [],
        (input.removeEntries ?? []).map((entry) => entry.cidr),
      ),
    );
    for (const group of draft.by('securityGroup', 'peerId', list.prefixListId)) checkRuleLimit(draft, group, context);
    return { prefixListId: list.prefixListId };
  },
});

export const deletePrefixList = command({
  summary: 'Delete a prefix list that nothing refers to.',
  input: z.strictObject({ prefixListId }),
  run: (draft, { prefixListId }) => {
    required(draft, 'prefixList', prefixListId);
    const users: string[] = [
      ...draft.by('securityGroup', 'peerId', prefixListId).map((group) => group.groupId),
      ...draft.by('routeTable', 'refersTo', prefixListId).map((table) => table.routeTableId),
    ];
    if (users.length > 0)
      throw apiError('DependencyViolation', { reason: `The prefix list ${prefixListId} is in use by ${users.sort().join(', ')}` });
    draft.delete('prefixList', prefixListId);
    return {};
  },
});

function checkName(wanted: string): string {
  if (wanted.startsWith('com.amazonaws')) throw invalidValue(`Invalid prefix list name '${wanted}': it must not begin with com.amazonaws`);
  return wanted;
}

function withEntries(list: PrefixList, add: readonly Entry[], remove: readonly string[]): PrefixList {
  const entries = new Map(list.entries.map((entry) => [entry.cidr, entry]));
  for (const text of remove) {
    const { text: cidr } = parseRange(text, 'removeEntries', list.family);
    if (!entries.delete(cidr)) throw invalidValue(`${list.prefixListId} has no entry ${cidr}`);
  }
  for (const { cidr: text, description } of add) {
    const { text: cidr } = parseRange(text, 'entries', list.family);
    entries.set(cidr, { cidr, ...(description !== undefined && { description }) });
  }
  if (entries.size > list.maxEntries)
    throw apiError('PrefixListMaxEntriesExceeded', {
      reason: `${list.prefixListId} may have ${list.maxEntries} entries; this would make ${entries.size}`,
    });
  return { ...list, entries: [...entries.values()] };
}
