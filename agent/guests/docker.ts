import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { parseComplaint, parseEvent, parseInspection, parseList } from './docker-wire.js';
import { type ContainerEngine, type ContainerSpec, EngineError } from './engine.js';

/** Bound of a call; stopping a container may take its grace on top. */
const CALL_TIMEOUT_MS = 15_000;
const STOP_GRACE_SECONDS = 5;

/** The Docker API at a Unix socket; Podman's compatible one serves too. Opens nothing before it is used. */
export function createDockerEngine(socketPath: string): ContainerEngine {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const unreachable = (error: Error) =>
    new EngineError('unreachable', `the container engine at ${socketPath} does not answer: ${error.message}`, { cause: error });

  const send = (method: string, path: string, options: { body?: unknown; signal?: AbortSignal; timeout?: number } = {}) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const { body, signal, timeout } = options;
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const headers = payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
      const call: ClientRequest = request(
        // The host part is of no interest to the other side.
        {
          socketPath,
          method,
          path,
          headers,
          host: 'engine',
          ...(signal ? { signal, agent: false } : { agent }),
          ...(timeout && { timeout }),
        },
        resolve,
      );
      call.once('timeout', () => call.destroy(new Error(`no answer within ${timeout} ms`)));
      call.once('error', (error) => reject(unreachable(error)));
      call.end(payload);
    });

  /** The body of a good answer; `undefined` for one of the statuses that are as good. @throws {EngineError} */
  const ask = async (method: string, path: string, { body, settled = [] }: { body?: unknown; settled?: readonly number[] } = {}) => {
    const answer = await send(method, path, { body, timeout: CALL_TIMEOUT_MS });
    const said = await text(answer).catch((error: Error) => {
      throw unreachable(error);
    });
    const status = answer.statusCode ?? 0;
    if (settled.includes(status)) return undefined;
    if (status >= 300) throw new EngineError('refused', parseComplaint(said));
    return said === '' ? undefined : (JSON.parse(said) as unknown);
  };
  const container = (reference: string) => `/containers/${encodeURIComponent(reference)}`;

  return {
    inspect: async (reference) => {
      const body = await ask('GET', `${container(reference)}/json`, { settled: [404] });
      return body === undefined ? undefined : parseInspection(body);
    },
    list: async (label) => parseList(await ask('GET', `/containers/json?all=true&${filters({ label: [label] })}`)),
    create: async (spec) => void (await ask('POST', `/containers/create?name=${encodeURIComponent(spec.name)}`, { body: creation(spec) })),
    start: async (name) => void (await ask('POST', `${container(name)}/start`, { settled: [304] })),
    restart: async (name) => void (await ask('POST', `${container(name)}/restart?t=${STOP_GRACE_SECONDS}`)),
    stop: async (name) => void (await ask('POST', `${container(name)}/stop?t=${STOP_GRACE_SECONDS}`, { settled: [304, 404] })),
    remove: async (name) => void (await ask('DELETE', `${container(name)}?force=true&v=true`, { settled: [404] })),
    events: async (onOpen, onEvent, signal) => {
      const stream = await send('GET', `/events?${filters({ type: ['container'] })}`, { signal });
      if (stream.statusCode !== 200) throw new EngineError('refused', parseComplaint(await text(stream)));
      onOpen();
      try {
        for await (const line of createInterface({ input: stream })) {
          const event = parseEvent(line);
          if (event) onEvent(event);
        }
      } catch (error) {
        if (!signal.aborted) throw unreachable(error as Error);
      }
    },
  };
}

const filters = (by: Readonly<Record<string, readonly string[]>>): string => `filters=${encodeURIComponent(JSON.stringify(by))}`;

/** Without a network of the engine's, and with no more rights than any container has. */
function creation({ image, command, hostname, dnsServers, dnsSearch, labels }: ContainerSpec): object {
  return {
    Image: image,
    ...(command && { Cmd: command }),
    Hostname: hostname,
    Labels: labels,
    HostConfig: { NetworkMode: 'none', Dns: dnsServers, DnsSearch: [dnsSearch] },
  };
}
