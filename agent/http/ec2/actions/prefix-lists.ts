import { apiError, invalidValue } from '../../../model/errors.js';
import type { PrefixList } from '../../../model/security-group.js';
import { type Actions, arn, commandAction, need, type Region, recordOf, tagList, tagsFor } from '../action.js';
import { describe, describePlain, existing } from '../describe.js';
import type { Tree } from '../params.js';

function listTree(list: PrefixList, region: Region, state = list.modified ? 'modify-complete' : 'create-complete'): Tree {
  return {
    PrefixListId: list.prefixListId,
    PrefixListName: list.name,
    PrefixListArn: arn('prefix-list', list.prefixListId, region),
    AddressFamily: `IPv${list.family}`,
    MaxEntries: list.maxEntries,
    Version: list.version,
    State: state,
    OwnerId: list.ownerId,
    Tags: tagList(list.tags),
  };
}

/** @throws {ApiError} InvalidParameterValue */
function family(input: Tree): 4 | 6 {
  const wanted = need<string>(input, 'AddressFamily');
  if (wanted !== 'IPv4' && wanted !== 'IPv6')
    throw invalidValue(`Value (${wanted}) for parameter addressFamily is invalid; use IPv4 or IPv6`);
  return wanted === 'IPv4' ? 4 : 6;
}

const entries = (list: readonly Tree[] | undefined) =>
  list?.map((entry) => ({ cidr: need(entry, 'Cidr'), description: entry.Description }));

/** What names a list: groups by their rules, tables by their routes. */
function users({ snapshot }: Region, prefixListId: string): string[] {
  return [
    ...snapshot.by('securityGroup', 'peerId', prefixListId).map((group) => group.groupId),
    ...snapshot.by('routeTable', 'refersTo', prefixListId).map((table) => table.routeTableId),
  ];
}

export const prefixListActions: Actions = {
  CreateManagedPrefixList: commandAction({
    heeds: ['PrefixListName', 'MaxEntries', 'AddressFamily', 'Entries', 'TagSpecifications', 'ClientToken'],
    command: 'createPrefixList',
    input: (input) => ({
      name: need(input, 'PrefixListName'),
      maxEntries: need(input, 'MaxEntries'),
      family: family(input),
      entries: entries(input.Entries),
      tags: tagsFor(input, 'prefix-list'),
      clientToken: input.ClientToken,
    }),
    answer: ({ result, region }) => ({ PrefixList: listTree(recordOf(region, 'prefixList', result.prefixListId), region) }),
  }),
  ModifyManagedPrefixList: commandAction({
    heeds: ['PrefixListId', 'CurrentVersion', 'PrefixListName', 'AddEntries', 'RemoveEntries', 'MaxEntries'],
    command: 'modifyPrefixList',
    input: (input) => {
      if (input.MaxEntries !== undefined && (input.AddEntries?.length || input.RemoveEntries?.length))
        throw apiError('InvalidParameterCombination', { reason: 'Entries and MaxEntries cannot be changed in one request' });
      return {
        prefixListId: need(input, 'PrefixListId'),
        currentVersion: input.CurrentVersion,
        name: input.PrefixListName,
        addEntries: entries(input.AddEntries),
        removeEntries: input.RemoveEntries?.map((entry: Tree) => ({ cidr: need(entry, 'Cidr') })),
        maxEntries: input.MaxEntries,
      };
    },
    answer: ({ result, region }) => ({
      PrefixList: listTree(recordOf(region, 'prefixList', result.prefixListId), region),
    }),
  }),
  DeleteManagedPrefixList: {
    heeds: ['PrefixListId'],
    answer: async ({ input, region, run }) => {
      const before = region();
      const list = existing(before, 'prefixList', need(input, 'PrefixListId'));
      await run([{ command: 'deletePrefixList', input: { prefixListId: list.prefixListId } }]);
      return { PrefixList: listTree(list, before, 'delete-complete') };
    },
  },
  DescribeManagedPrefixLists: describe({
    kind: 'prefixList',
    ids: 'PrefixListIds',
    list: 'PrefixLists',
    tree: listTree,
    maxResults: [1, 100],
  }),
  DescribePrefixLists: describe({
    kind: 'prefixList',
    ids: 'PrefixListIds',
    list: 'PrefixLists',
    tree: (list) => ({
      PrefixListId: list.prefixListId,
      PrefixListName: list.name,
      Cidrs: list.entries.map((entry) => entry.cidr),
    }),
  }),
  GetManagedPrefixListEntries: describePlain({
    list: 'Entries',
    maxResults: [1, 100],
    heeds: ['PrefixListId', 'TargetVersion'],
    filters: {},
    items: (region, input) => {
      const list = existing(region, 'prefixList', need(input, 'PrefixListId'));
      if (input.TargetVersion !== undefined && input.TargetVersion !== list.version)
        throw invalidValue(`${list.prefixListId} is at version ${list.version}; older ones are not kept`);
      return list.entries;
    },
    key: (entry) => entry.cidr,
    tree: (entry) => ({ Cidr: entry.cidr, Description: entry.description }),
  }),
  GetManagedPrefixListAssociations: describePlain({
    list: 'PrefixListAssociations',
    maxResults: [5, 255],
    heeds: ['PrefixListId'],
    filters: {},
    items: (region, input) => users(region, existing(region, 'prefixList', need(input, 'PrefixListId')).prefixListId),
    key: (id) => id,
    tree: (ResourceId, { accountId }) => ({ ResourceId, ResourceOwner: accountId }),
  }),
};
