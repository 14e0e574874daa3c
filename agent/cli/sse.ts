/** Server-sent events, read from a byte stream. @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream */

export interface ServerEvent {
  /** `message` when the stream names none. */
  readonly type: string;
  readonly data: string;
}

/** Where a reader is; outlives a connection, so that the next one goes on from there. */
export interface EventCursor {
  lastEventId?: string;
  /** How long to wait before connecting again, milliseconds. */
  retryMs: number;
}

/** Events of a stream, until it ends; moves the cursor. An event that is cut off by the end is not delivered. */
export async function* readEvents(stream: AsyncIterable<Uint8Array>, cursor: EventCursor): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let id = cursor.lastEventId;
  let type = 'message';
  let data: string[] = [];
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    // A lone carriage return at the end may be the first half of a CRLF: it waits for the next chunk.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [field, value] = splitField(line);
      if (line === '') {
        if (id !== undefined) cursor.lastEventId = id;
        if (data.length > 0) yield { type, data: data.join('\n') };
        type = 'message';
        data = [];
      } else if (field === 'data') data.push(value);
      else if (field === 'event') type = value;
      else if (field === 'id' && !value.includes('\0')) id = value;
      else if (field === 'retry' && /^\d+$/.test(value)) cursor.retryMs = Number(value);
    }
  }
}

/** A comment has the empty field name. */
function splitField(line: string): [field: string, value: string] {
  const colon = line.indexOf(':');
  if (colon < 0) return [line, ''];
  const value = line.slice(colon + 1);
  return [line.slice(0, colon), value.startsWith(' ') ? value.slice(1) : value];
}
