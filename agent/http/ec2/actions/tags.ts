import { TAGGED_KINDS, type TaggedKind } from '../../../model/resource.js';
import { ID_FIELD } from '../../../model/snapshot.js';
import type { Tags } from '../../../model/tags.js';
import { type Actions, need, type Region, tagMap } from '../action.js';
import { describePlain } from '../describe.js';
import type { Tree } from '../params.js';

interface TagItem {
  readonly resourceId: string;
  readonly resourceType: string;
  readonly key: string;
  readonly value: string;
  /** For the filter `tag:KEY`. */
  readonly tags: Tags;
}

function tagItems({ snapshot }: Region): TagItem[] {
  const items = (resourceId: string, resourceType: string, tags: Tags) =>
    Object.entries(tags).map(([key, value]) => ({ resourceId, resourceType, key, value, tags: { [key]: value } }));
  return [
    ...(Object.keys(TAGGED_KINDS) as TaggedKind[]).flatMap((kind) =>
      snapshot.all(kind).flatMap((record) => items(String(record[ID_FIELD[kind] as keyof typeof record]), TAGGED_KINDS[kind], record.tags)),
    ),
    ...snapshot
      .all('securityGroup')
      .flatMap((group) => group.rules.flatMap((rule) => items(rule.ruleId, 'security-group-rule', rule.tags))),
  ];
}

/** Tags to take away: those whose value is not given, or is the one there. */
function keysToDelete(input: Tree, id: string, region: Region): string[] | undefined {
  const tags = input.Tags as Tree[] | undefined;
  if (!tags?.length) return undefined;
  const held = new Map(
    tagItems(region)
      .filter((item) => item.resourceId === id)
      .map((item) => [item.key, item.value]),
  );
  return tags.filter((tag) => tag.Value === undefined || held.get(tag.Key) === tag.Value).map((tag) => need<string>(tag, 'Key'));
}
export const tagActions: Actions = {
  CreateTags: {
    heeds: ['Resources', 'Tags'],
    answer: async ({ input, run }) => {
      const tags = tagMap(need<Tree[]>(input, 'Tags'));
      await run(need<string[]>(input, 'Resources').map((resourceId) => ({ command: 'createTags', input: { resourceId, tags } })));
      return {};
    },
  },
  DeleteTags: {
    heeds: ['Resources', 'Tags'],
    answer: async ({ input, region, run }) => {
      const now = region();
      await run(
        need<string[]>(input, 'Resources').map((resourceId) => ({
          command: 'deleteTags',
          input: { resourceId, keys: keysToDelete(input, resourceId, now) },
        })),
      );
      return {};
    },
  },
  DescribeTags: describePlain({
    list: 'Tags',
    items: tagItems,
    key: ({ resourceId, key }) => `${resourceId} ${key}`,
    tree: ({ resourceId, resourceType, key, value }) => ({ ResourceId: resourceId, ResourceType: resourceType, Key: key, Value: value }),
    filters: {
      key: ({ key }) => [key],
      value: ({ value }) => [value],
      'resource-id': ({ resourceId }) => [resourceId],
      'resource-type': ({ resourceType }) => [resourceType],
      'tag-key': ({ key }) => [key],
    },
  }),
};
