import { PassThrough } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { parseInput } from '../commands/input-errors.js';
import { apiError } from '../model/errors.js';
import type { HttpDeps } from './deps.js';
import type { NumberedEvent } from './event-hub.js';
import { EVENT_KINDS, ResourceEventView } from './resource-events.js';

/** How many streams are served at once; each costs memory for what its client has not read yet. */
const MAX_STREAMS = 256;
/** A client that lets this much pile up, bytes, is cut off; it reconnects and resumes, or resyncs. */
const MAX_BACKLOG = 1024 * 1024;
/** Milliseconds that a client should wait before it reconnects. */
const RETRY_MS = 2000;

export interface EventStreamOptions {
  /** A comment line after this long without an event, milliseconds, so that nobody in between gives the connection up. */
  readonly heartbeatMs: number;
}

const EventQuery = z.strictObject({
  kinds: z
    .string()
    .optional()
    .describe(`Only events of these kinds, with commas between: ${EVENT_KINDS.join(', ')}.`),
});

/**
 * `GET /v1/events`: everything that happens, as server-sent events. Without `Last-Event-ID` from now on; with it from there
 * on, or a `resync` event when that is too long ago: what the client knows may be stale, it should list anew.
 */
export function addEvents(
  app: FastifyInstance,
  deps: Pick<HttpDeps, 'events' | 'log' | 'metrics'>,
  { heartbeatMs }: EventStreamOptions,
): void {
  const streams = new Set<PassThrough>();
  const heartbeat = setInterval(() => {
    for (const stream of streams) stream.write(':\n\n');
  }, heartbeatMs);
  heartbeat.unref();
  app.addHook('preClose', async () => {
    clearInterval(heartbeat);
    for (const stream of streams) stream.end();
  });

  const schema = {
    operationId: 'streamEvents',
    summary: 'Everything that happens, as server-sent events',
    description:
      'One event per change of a resource; `data` is a ResourceEvent. The header Last-Event-ID resumes; an event named `resync` tells that events were missed.',
    tags: ['Observation'],
    querystring: EventQuery,
    response: { 200: { description: 'A stream that does not end', content: { 'text/event-stream': { schema: ResourceEventView } } } },
  };
  app.get('/v1/events', { schema, exposeHeadRoute: false }, async (request, reply) => {
    const wanted = wantedKinds(parseInput(EventQuery, request.query).kinds);
    if (streams.size >= MAX_STREAMS) throw apiError('RequestLimitExceeded', { reason: `There are ${MAX_STREAMS} event streams already` });

    const stream = new PassThrough();
    const send = ({ eventId, event }: NumberedEvent) => {
      if (wanted && !wanted.has(event.kind)) return;
      stream.write(`id: ${eventId}\ndata: ${JSON.stringify(event)}\n\n`);
      if (stream.readableLength + stream.writableLength + (reply.raw.writableLength ?? 0) <= MAX_BACKLOG) return;
      deps.log.warn({ requestId: request.id }, 'event stream cut off: its client does not keep up');
      stream.destroy();
      reply.raw.destroy();
    };
    stream.write(`retry: ${RETRY_MS}\n`);
    const lastId = request.headers['last-event-id'];
    const missed = typeof lastId === 'string' && lastId !== '' ? deps.events.since(lastId) : [];
    if (missed) for (const each of missed) send(each);
    else stream.write(`event: resync\ndata: {"type":"resync"}\n`);
    // An id without data is no event, but the client resumes from it.
    stream.write(`id: ${deps.events.position}\n\n`);

    const unsubscribe = deps.events.subscribe(send);
    streams.add(stream);
    deps.metrics.eventStreams.set(streams.size);
    const forget = () => {
      unsubscribe();
      streams.delete(stream);
      deps.metrics.eventStreams.set(streams.size);
    };
    stream.once('close', forget);
    reply.raw.once('close', () => stream.destroy());
    return reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no').type('text/event-stream').send(stream);
  });
}

function wantedKinds(text: string | undefined): ReadonlySet<string> | undefined {
  if (text === undefined || text === '') return undefined;
  const kinds = text.split(',');
  const unknown = kinds.find((kind) => !EVENT_KINDS.some((known) => known === kind));
  if (unknown !== undefined)
    throw apiError('InvalidParameterValue', { reason: `kinds: there is no kind '${unknown}'; there are ${EVENT_KINDS.join(', ')}` });
  return new Set(kinds);
}
