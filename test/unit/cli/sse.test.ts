import { describe, expect, it } from 'vitest';
import { type EventCursor, readEvents } from '../../../agent/cli/sse.js';

async function read(...chunks: string[]) {
  const cursor: EventCursor = { retryMs: 1 };
  async function* stream() {
    for (const chunk of chunks) yield new TextEncoder().encode(chunk);
  }
  const events = [];
  for await (const event of readEvents(stream(), cursor)) events.push(event);
  return { events, cursor };
}

describe('readEvents', () => {
  it.each([
    ['one event', ['id: 1\ndata: a\n\n'], [{ type: 'message', data: 'a' }], '1'],
    ['several lines of data', ['data: a\ndata: b\n\n'], [{ type: 'message', data: 'a\nb' }], undefined],
    ['a named event without space', ['event:resync\ndata:x\n\n'], [{ type: 'resync', data: 'x' }], undefined],
    ['comments', [':\n\n: hi\ndata: a\n\n'], [{ type: 'message', data: 'a' }], undefined],
    [
      'CRLF, cut between its halves',
      ['data: a\r', '\n\r\n', 'data: b\r\n\r\n'],
      [
        { type: 'message', data: 'a' },
        { type: 'message', data: 'b' },
      ],
      undefined,
    ],
    ['a cut in the middle of a character', ['data: \u2713\n\n'], [{ type: 'message', data: '✓' }], undefined],
    ['an id without data is no event, but counts', ['data: a\n\nid: 7\n\n'], [{ type: 'message', data: 'a' }], '7'],
    ['an event cut off by the end, its id with it', ['id: 1\ndata: a\n\nid: 2\ndata: b\n'], [{ type: 'message', data: 'a' }], '1'],
  ])('%s', async (_name, chunks, events, lastEventId) => {
    const found = await read(...chunks);
    expect(found.events).toEqual(events);
    expect(found.cursor.lastEventId).toBe(lastEventId);
  });

  it('takes the time to wait before reconnecting', async () => {
    expect((await read('retry: 2000\n\n')).cursor.retryMs).toBe(2000);
  });

  it('gives the same events however the bytes are cut', async () => {
    const text = 'retry: 5\r\nid: 1\r\ndata: ä→😀\r\n\r\nevent: resync\ndata: {"a":1}\n\n';
    const bytes = [...new TextEncoder().encode(text)];
    const whole = await read(text);
    for (let size = 1; size < 5; size++) {
      async function* pieces() {
        for (let i = 0; i < bytes.length; i += size) yield Uint8Array.from(bytes.slice(i, i + size));
      }
      const events = [];
      for await (const event of readEvents(pieces(), { retryMs: 1 })) events.push(event);
      expect(events).toEqual(whole.events);
    }
  });
});
