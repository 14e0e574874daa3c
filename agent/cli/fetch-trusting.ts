import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { Readable } from 'node:stream';

/** `fetch` over https that trusts what the given PEM text vouches for, and nothing else. Node's own can't be told so. */
export function fetchTrusting(ca: string): typeof fetch {
  return async (input, init = {}) => {
    const url = new URL(String(input));
    if (url.protocol !== 'https:') return globalThis.fetch(input, init);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const { method = 'GET', body, signal } = init;
      const headers = Object.fromEntries(new Headers(init.headers));
      // No kept connection: it would keep the process.
      const sent = request(url, { method, headers, ca, agent: false, ...(signal && { signal }) }, resolve).once('error', reject);
      sent.end(typeof body === 'string' ? body : undefined);
    });
    const { statusCode: status = 0 } = answer;
    const hasBody = status !== 204 && status !== 304;
    if (!hasBody) answer.resume();
    const stream = hasBody ? (Readable.toWeb(answer) as unknown as ReadableStream) : null;
    return new Response(stream, { status, headers: { 'content-type': answer.headers['content-type'] ?? '' } });
  };
}
