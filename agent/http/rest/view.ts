import { z } from 'zod';
import { ID_PREFIX, type IdKind } from '../../model/ids.js';
import type { Snapshot } from '../../model/snapshot.js';
import type { Condition, StatusReader } from '../../reconcile/status.js';
import { type TunnelKind, tunnelKind } from '../../vpn/tunnel-kind.js';
import type { HttpDeps } from '../deps.js';

/** What a view is made from: the wanted state, and what became of it on this host. */
export interface ViewContext {
  readonly snapshot: Snapshot;
  readonly status: StatusReader;
  readonly region: string;
  /** PID of an instance's first process, in the host's view. */
  readonly initPid: (instanceId: string) => number | undefined;
  /** How VPN tunnels are made on this host. */
  readonly tunnel: TunnelKind;
}

export function viewContext(deps: Pick<HttpDeps, 'status' | 'config' | 'runtime' | 'features'>, snapshot: Snapshot): ViewContext {
  const { status, config, runtime } = deps;
  const tunnel = tunnelKind(deps.features());
  return { snapshot, status, region: config.region, initPid: (instanceId) => runtime.initPid(instanceId), tunnel };
}

/** Ids in answers are shown, not checked. */
export const shownId = (kind: IdKind) => z.string().meta({ examples: [`${ID_PREFIX[kind]}-0123456789abcdef0`] });
export const shownTime = (description: string) => z.string().meta({ description, format: 'date-time' });

export const ShownTags = z.record(z.string(), z.string()).describe('Tags, key to value.');

/** Fields of every noun. */
export const nounFields = {
  ownerId: z.string().describe('Account that owns it.'),
  tags: ShownTags,
};

export const ConditionView = z
  .strictObject({
    unit: z.string().describe('The VPC, instance or network interface.'),
    realised: z.boolean().describe('Whether the kernel of this host is as the model says.'),
    reason: z.string().optional().describe('Kind of fault.'),
    message: z.string().optional().describe('What was tried and what the kernel answered.'),
    since: shownTime('Since when it has been so.'),
    failures: z.number().int().describe('Passes in a row that failed.'),
    nextAttempt: shownTime('When it is tried again.').optional(),
  })
  .meta({ id: 'Condition', description: 'What became of a resource on this host.' });

/** The condition as an optional field of a view; absent until a pass has looked. */
export function conditionField(context: ViewContext, unit: string): { condition?: Condition } {
  const condition = context.status.condition(unit);
  return condition ? { condition } : {};
}

/** Copies the named fields that have a value: what is internal, or new in the model, is not shown by accident. */
export function pick<R extends object, K extends keyof R & string>(record: R, keys: readonly K[]): Pick<R, K> {
  const picked = {} as Pick<R, K>;
  for (const key of keys) if (record[key] !== undefined) picked[key] = record[key];
  return picked;
}
