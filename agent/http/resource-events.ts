import { z } from 'zod';
import { TAGGED_KINDS, type TaggedKind, taggedKindOf } from '../model/resource.js';
import type { Change, Snapshot } from '../model/snapshot.js';
import type { Condition } from '../reconcile/status.js';
import type { CommitEvent } from '../store/store.js';
import type { ResourceEvent } from './event-hub.js';
import type { ViewContext } from './rest/view.js';
import { viewOf } from './rest/views.js';

/** Kinds of resources that events tell of. */
export const EVENT_KINDS = Object.keys(TAGGED_KINDS) as TaggedKind[];

export const ResourceEventView = z
  .strictObject({
    type: z.enum(['created', 'modified', 'deleted', 'status']),
    kind: z.string().describe(`One of ${EVENT_KINDS.join(', ')}.`),
    id: z.string(),
    at: z.string(),
    revision: z.number().int(),
    view: z.record(z.string(), z.unknown()).optional().describe('The resource as its GET shows it; absent when it was deleted.'),
  })
  .meta({ id: 'ResourceEvent' });

type Context = (snapshot: Snapshot) => ViewContext;

/** What a commit means to those who watch resources: one event per resource that changed, or is shown otherwise. */
export function commitEvents({ before, after, changes }: CommitEvent, context: Context, at: string): ResourceEvent[] {
  const own = changes.flatMap((change) => {
    const { kind, id } = change;
    if (!isEventKind(kind)) return [];
    const type = change.record === undefined ? 'deleted' : before.get(kind, id) === undefined ? 'created' : 'modified';
    return [resourceEvent(type, kind, id, after, context, at)];
  });
  const told = new Set(own.map((event) => event.id));
  const others = [...publicAddressViews(before, after, changes)].filter(([id, kind]) => !told.has(id) && after.get(kind, id));
  return [...own, ...others.map(([id, kind]) => resourceEvent('modified', kind, id, after, context, at))];
}

/** An interface is shown with its public addresses and an instance with its interface's, though neither record has them. */
function publicAddressViews(before: Snapshot, after: Snapshot, changes: readonly Change[]): Map<string, 'networkInterface' | 'instance'> {
  const shown = new Map<string, 'networkInterface' | 'instance'>();
  for (const { kind, id } of changes) {
    if (kind !== 'elasticIp') continue;
    for (const snapshot of [before, after]) {
      const eni = snapshot.get('networkInterface', snapshot.get('elasticIp', id)?.association?.networkInterfaceId ?? '');
      if (!eni) continue;
      shown.set(eni.networkInterfaceId, 'networkInterface');
      if (eni.attachment) shown.set(eni.attachment.instanceId, 'instance');
    }
  }
  return shown;
}

/** What it means that a unit of the kernel was realised, or could not be. An instance's state depends on its interfaces'. */
export function statusEvents({ unit }: Pick<Condition, 'unit'>, snapshot: Snapshot, context: Context, at: string): ResourceEvent[] {
  const ids = [unit, snapshot.get('networkInterface', unit)?.attachment?.instanceId];
  return ids.flatMap((id) => {
    const kind = id === undefined ? undefined : taggedKindOf(id);
    if (id === undefined || kind === undefined || kind === 'securityGroupRule' || !snapshot.get(kind, id)) return [];
    return [resourceEvent('status', kind, id, snapshot, context, at)];
  });
}

function resourceEvent(
  type: ResourceEvent['type'],
  kind: TaggedKind,
  id: string,
  snapshot: Snapshot,
  context: Context,
  at: string,
): ResourceEvent {
  const record = snapshot.get(kind, id);
  return {
    type,
    kind,
    id,
    at,
    revision: snapshot.revision,
    ...(record && { view: shownWhenRead(() => viewOf(kind, record, context(snapshot))) }),
  };
}

/** A value that is made when it is written as JSON: most events are read by nobody. */
function shownWhenRead(make: () => unknown): { toJSON(): unknown } {
  let made: unknown;
  return {
    toJSON() {
      made ??= make();
      return made;
    },
  };
}

function isEventKind(kind: Change['kind']): kind is TaggedKind {
  return kind in TAGGED_KINDS;
}
