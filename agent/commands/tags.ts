import { z } from 'zod';
import { apiError } from '../model/errors.js';
import { type TaggedKind, taggedKindOf } from '../model/resource.js';
import { MAX_TAGS, TagKey, TagMap, type Tags } from '../model/tags.js';
import { command } from './command.js';
import type { Draft } from './draft.js';
import { checkMetadataTags } from './instance-fields.js';
import { notFound, required } from './lookup.js';

const resourceId = z.string().describe('Any resource that carries tags: its id.');

export const createTags = command({
  summary: 'Add tags to a resource, or change the values of those it has.',
  input: z.strictObject({ resourceId, tags: TagMap.describe('Keys and values.') }),
  run: (draft, { resourceId, tags }) => {
    updateTags(draft, resourceId, (old) => checkTags({ ...old, ...tags }));
    return {};
  },
});

export const deleteTags = command({
  summary: 'Remove tags from a resource; keys that it has not are no fault.',
  input: z.strictObject({ resourceId, keys: z.array(TagKey).optional().describe('Which; all when left out.') }),
  run: (draft, { resourceId, keys }) => {
    updateTags(draft, resourceId, (old) => (keys ? Object.fromEntries(Object.entries(old).filter(([key]) => !keys.includes(key))) : {}));
    return {};
  },
});

/** @throws {ApiError} TagLimitExceeded */
export function checkTags(tags: Tags | undefined): Tags {
  const size = Object.keys(tags ?? {}).length;
  if (size > MAX_TAGS)
    throw apiError('TagLimitExceeded', { reason: `The maximum number of tags for a resource is ${MAX_TAGS}; this would make ${size}` });
  return tags ?? {};
}

function updateTags(draft: Draft, resourceId: string, update: (tags: Tags) => Tags): void {
  const kind = taggedKindOf(resourceId);
  if (kind === undefined) throw apiError('InvalidID', { id: resourceId });
  if (kind === 'securityGroupRule') updateRuleTags(draft, resourceId, update);
  else updateRecordTags(draft, kind, resourceId, update);
}

function updateRecordTags<K extends TaggedKind>(draft: Draft, kind: K, id: string, update: (tags: Tags) => Tags): void {
  const record = required(draft, kind, id);
  const changed = { ...record, tags: update(record.tags) };
  const instance = kind === 'instance' ? draft.get('instance', id) : undefined;
  if (instance) checkMetadataTags({ ...instance, tags: changed.tags });
  draft.put(kind, changed);
}

function updateRuleTags(draft: Draft, ruleId: string, update: (tags: Tags) => Tags): void {
  const [group] = draft.by('securityGroup', 'ruleId', ruleId);
  if (!group) throw notFound('securityGroupRule', ruleId);
  const rules = group.rules.map((rule) => (rule.ruleId === ruleId ? { ...rule, tags: update(rule.tags) } : rule));
  draft.put('securityGroup', { ...group, rules });
}
