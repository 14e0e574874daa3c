import { z } from 'zod';
import { AgentUnreachable, CliError, RequestRefused } from './errors.js';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface ClientOptions {
  readonly endpoint: string;
  readonly token?: string;
  readonly fetch: typeof fetch;
  readonly signal?: AbortSignal;
}

const Failure = z.object({
  error: z.object({ code: z.string(), message: z.string(), requestId: z.string().optional() }),
});
const Page = z.object({ items: z.array(z.record(z.string(), z.json())), nextToken: z.string().optional() });

export type Resource = Record<string, Json>;

/** The agent's REST interface, as any other program would use it. */
export class Client {
  constructor(private readonly options: ClientOptions) {}

  get endpoint(): string {
    return this.options.endpoint;
  }

  /**
   * One call. Returns the decoded body; `null` when there is none.
   * @throws {RequestRefused} with the agent's code and message. @throws {AgentUnreachable}
   */
  async request(method: Method, path: string, body?: unknown): Promise<Json> {
    const response = await this.send(method, path, {
      accept: 'application/json',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const decoded = decode(text);
    if (response.ok) {
      if (decoded === undefined) throw new AgentUnreachable(this.endpoint, 'the answer is not JSON');
      return decoded;
    }
    throw this.refusal(response, decoded);
  }

  /** A call whose answer is an object. */
  async resource(method: Method, path: string, body?: unknown): Promise<Resource> {
    const answer = await this.request(method, path, body);
    if (answer === null || typeof answer !== 'object' || Array.isArray(answer))
      throw new CliError('Protocol', `${method} ${path} answered ${JSON.stringify(answer)}, expected an object`);
    return answer;
  }

  /** Every item of a list, over all its pages. `filters` are `[name, value]`; a value may hold several, with commas. */
  async list(path: string, filters: readonly (readonly [name: string, value: string])[] = []): Promise<Resource[]> {
    const items: Resource[] = [];
    let nextToken: string | undefined;
    do {
      const query = new URLSearchParams(filters.map(([name, value]): [string, string] => ['filter', filterText(name, value)]));
      if (nextToken !== undefined) query.set('nextToken', nextToken);
      const page = Page.parse(await this.request('GET', query.size > 0 ? `${path}?${query}` : path));
      items.push(...page.items);
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    return items;
  }

  /** An open answer to read from, such as a stream of events. */
  async open(path: string, headers: Record<string, string>): Promise<ReadableStream<Uint8Array>> {
    const response = await this.send('GET', path, headers);
    if (!response.ok) throw this.refusal(response, decode(await response.text()));
    if (!response.body) throw new AgentUnreachable(this.endpoint, 'the answer has no body');
    return response.body;
  }

  private async send(method: Method, path: string, { body, ...headers }: Record<string, string>): Promise<Response> {
    const { endpoint, token, fetch, signal } = this.options;
    try {
      return await fetch(new URL(path, endpoint), {
        method,
        headers: {
          ...headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(body === undefined ? {} : { body }),
        ...(signal && { signal }),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new AgentUnreachable(endpoint, reasonOf(error), error);
    }
  }

  private refusal(response: Response, decoded: Json | undefined): CliError {
    const failure = Failure.safeParse(decoded);
    if (!failure.success) return new AgentUnreachable(this.endpoint, `it answered HTTP ${response.status} and not as an agent does`);
    const { code, message, requestId } = failure.data.error;
    return new RequestRefused(code, message, response.status, requestId);
  }
}

/** A filter as the API writes it: colons in a tag's name carry a backslash, as the first one else ends the name. */
function filterText(name: string, value: string): string {
  const TAG = 'tag:';
  const escaped = name.startsWith(TAG) ? TAG + name.slice(TAG.length).replaceAll(/[\\:]/g, '\\$&') : name;
  return `${escaped}:${value}`;
}

/** `undefined`: not JSON. */
function decode(text: string): Json | undefined {
  if (text === '') return null;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** Why a fetch failed: undici wraps the system's error. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string') return cause.code;
  return cause instanceof Error ? cause.message : String(cause);
}
