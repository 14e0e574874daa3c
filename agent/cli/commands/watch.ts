import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { AgentUnreachable } from '../errors.js';
import type { Io } from '../io.js';
import { type Paint, padEnd, printable } from '../output/text.js';
import { action, type Session } from '../session.js';
import { type EventCursor, readEvents } from '../sse.js';
import { examples } from './shared.js';

const View = z.looseObject({
  tags: z.record(z.string(), z.string()).optional(),
  status: z.string().optional(),
  state: z.string().optional(),
  groupName: z.string().optional(),
  attachment: z.looseObject({ instanceId: z.string(), deviceIndex: z.number() }).optional(),
  condition: z.looseObject({ realised: z.boolean(), message: z.string().optional() }).optional(),
});
export const ResourceEvent = z.looseObject({
  type: z.string(),
  kind: z.string(),
  id: z.string(),
  at: z.string(),
  view: View.optional().catch(undefined),
});
export type ResourceEvent = z.output<typeof ResourceEvent>;

export function watchCommand(program: Command, io: Io): void {
  program
    .command('watch')
    .description('Follow what happens, live; goes on by itself after an interruption')
    .option('--kinds <kinds>', 'only these, with commas: networkInterface,instance,vpc,…')
    .addHelpText('after', examples('eni watch', 'eni watch --kinds networkInterface', 'eni watch --json | jq .id'))
    .action(action(io, (session, _args, { kinds }) => watch(session, kinds)));
}

/** Prints events until ctrl-c. Fails only when the agent can't be reached at the start. */
async function watch(session: Session, kinds: string | undefined): Promise<void> {
  const { io, client, json, paint } = session;
  const cursor: EventCursor = { retryMs: 1000 };
  const line = eventLines(paint);
  let connected = false;
  while (!io.signal.aborted) {
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream' };
      if (cursor.lastEventId !== undefined) headers['last-event-id'] = cursor.lastEventId;
      const stream = await client.open(kinds === undefined ? '/v1/events' : `/v1/events?${new URLSearchParams({ kinds })}`, headers);
      if (!connected) io.err(`watching ${client.endpoint}, ctrl-c ends\n`);
      else io.err('connected again\n');
      connected = true;
      for await (const event of readEvents(stream, cursor)) {
        if (event.type === 'resync') io.err('some events were missed\n');
        else if (json) io.out(`${event.data}\n`);
        else io.out(`${line(ResourceEvent.parse(JSON.parse(event.data)))}\n`);
      }
    } catch (error) {
      if (io.signal.aborted) return;
      if (!connected || !isInterruption(error)) throw error;
    }
    if (io.signal.aborted) return;
    io.err('connection lost, trying again\n');
    await wait(cursor.retryMs, undefined, { signal: io.signal }).catch(() => {});
  }
}

/** A stream that breaks off fails with a TypeError of fetch's; a daemon that is being restarted is unreachable. */
function isInterruption(error: unknown): boolean {
  return error instanceof AgentUnreachable || error instanceof TypeError;
}

const VERB_STYLE = { created: 'green', deleted: 'red', modified: 'cyan', status: 'yellow' } as const;

/** Makes lines of events; remembers the last state of each resource to tell what it was before. */
export function eventLines(paint: Paint): (event: ResourceEvent) => string {
  const known = new Map<string, { name: string; state: string }>();
  return ({ type, kind, id, at, view }) => {
    const before = known.get(id);
    const name = view?.tags?.['enid:name'] ?? view?.tags?.Name ?? view?.groupName ?? before?.name ?? '';
    const state = view?.status ?? view?.state ?? '';
    if (type === 'deleted') known.delete(id);
    else known.set(id, { name, state });
    const style = VERB_STYLE[type as keyof typeof VERB_STYLE];
    const details = [name && `(${name})`, stateChange(before?.state, state), place(view), fault(view)].filter((text) => text !== '');
    const clock = at.slice(11, 23);
    return `${paint('dim', clock)}  ${style ? paint(style, padEnd(type, 8)) : padEnd(type, 8)}  ${padEnd(kind, 16)}  ${id}  ${printable(details.join('  '))}`.trimEnd();
  };
}

function stateChange(before: string | undefined, now: string): string {
  if (now === '') return before ?? '';
  return before === undefined || before === '' || before === now ? now : `${before} → ${now}`;
}

function place(view: ResourceEvent['view']): string {
  return view?.attachment ? `eth${view.attachment.deviceIndex} of ${view.attachment.instanceId}` : '';
}

function fault(view: ResourceEvent['view']): string {
  return view?.condition && !view.condition.realised ? `fault: ${view.condition.message ?? 'not realised'}` : '';
}
