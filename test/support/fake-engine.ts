import { createServer, type Server, type ServerResponse } from 'node:http';
import { type Container, type ContainerEngine, type ContainerEvent, type ContainerSpec, EngineError } from '../../agent/guests/engine.js';

/** A container engine in memory. Containers that run have the process of the test. Trusted while the contract suite passes on it. */
export class FakeEngine implements ContainerEngine {
  readonly containers = new Map<string, Container>();
  readonly images = new Set(['busybox']);
  /** Switch: it does not answer. */
  down = false;
  private readonly followers = new Set<{ tell: (event: ContainerEvent) => void; end: () => void }>();

  async inspect(reference: string): Promise<Container | undefined> {
    this.answer();
    return this.find(reference);
  }

  async list(label: string): Promise<readonly string[]> {
    this.answer();
    return [...this.containers.values()].filter(({ labels }) => label in labels).map(({ name }) => name);
  }

  async create({ name, image, labels }: ContainerSpec): Promise<void> {
    this.answer();
    if (!this.images.has(image)) throw new EngineError('refused', `No such image: ${image}`);
    if (this.find(name)) throw new EngineError('refused', `The name ${name} is taken`);
    const id = `${this.containers.size + 1}`.padStart(64, 'c');
    this.containers.set(id, { id, name, running: false, pid: 0, networkMode: 'none', labels });
  }

  async start(name: string): Promise<void> {
    this.set(name, { running: true, pid: process.pid }, 'start');
  }

  async restart(name: string): Promise<void> {
    await this.stop(name);
    await this.start(name);
  }

  async stop(name: string): Promise<void> {
    this.answer();
    if (this.find(name)?.running) this.set(name, { running: false, pid: 0 }, 'die');
  }

  async remove(name: string): Promise<void> {
    await this.stop(name);
    const found = this.find(name);
    if (!found) return;
    this.containers.delete(found.id);
    this.tell('destroy', found);
  }

  events(onOpen: () => void, onEvent: (event: ContainerEvent) => void, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.down) return reject(new EngineError('unreachable', 'the engine does not answer'));
      const follower = { tell: onEvent, end: resolve };
      this.followers.add(follower);
      signal.addEventListener('abort', () => {
        this.followers.delete(follower);
        resolve();
      });
      onOpen();
    });
  }

  /** It ends: streams too. */
  stopEngine(): void {
    this.down = true;
    for (const { end } of this.followers) end();
    this.followers.clear();
  }

  private find(reference: string): Container | undefined {
    return [...this.containers.values()].find(({ id, name }) => name === reference || id.startsWith(reference));
  }

  private set(name: string, state: Pick<Container, 'running' | 'pid'>, action: ContainerEvent['action']): void {
    this.answer();
    const found = this.find(name);
    if (!found) throw new EngineError('refused', `No such container: ${name}`);
    if (found.running === state.running) return;
    this.containers.set(found.id, { ...found, ...state });
    this.tell(action, found);
  }

  private tell(action: ContainerEvent['action'], { id, name }: Container): void {
    for (const { tell } of this.followers) tell({ action, id, name });
  }

  private answer(): void {
    if (this.down) throw new EngineError('unreachable', 'the engine does not answer');
  }
}

/** The fake behind a socket, as Docker's API: answers have the shape of recorded ones. */
export function serveDocker(engine: FakeEngine, socket: string): Promise<Server> {
  const server = createServer(async (request, answer) => {
    const url = new URL(request.url ?? '', 'http://engine');
    const [, , name = '', verb = ''] = url.pathname.split('/').map(decodeURIComponent);
    let text = '';
    for await (const chunk of request) text += chunk;
    try {
      if (url.pathname === '/events') return stream(engine, answer);
      if (url.pathname === '/containers/json') {
        const [label = ''] = JSON.parse(url.searchParams.get('filters') ?? '{}').label;
        return reply(
          answer,
          200,
          (await engine.list(label)).map((each) => ({ Id: '1', Names: [`/${each}`] })),
        );
      }
      if (url.pathname === '/containers/create') {
        const { Image, Cmd, Hostname, Labels, HostConfig } = JSON.parse(text);
        const dns = { dnsServers: HostConfig.Dns, dnsSearch: HostConfig.DnsSearch[0] };
        const spec = { name: url.searchParams.get('name') ?? '', image: Image, command: Cmd, hostname: Hostname, labels: Labels, ...dns };
        await engine.create(spec);
        return reply(answer, 201, { Id: '1', Warnings: [] });
      }
      const found = await engine.inspect(name);
      if (!found) return reply(answer, 404, { message: `No such container: ${name}` });
      if (request.method === 'DELETE') await engine.remove(name);
      else if (verb === 'json') return reply(answer, 200, inspection(found));
      else if ((verb === 'start') === found.running && verb !== 'restart') return reply(answer, 304);
      else await engine[verb as 'start' | 'stop' | 'restart'](name);
      reply(answer, 204);
    } catch (error) {
      reply(answer, 409, { message: (error as Error).message });
    }
  });
  return new Promise((resolve) => server.listen(socket, () => resolve(server)));
}

function reply(answer: ServerResponse, status: number, body?: unknown): void {
  answer.writeHead(status, { 'content-type': 'application/json' });
  answer.end(body === undefined ? undefined : JSON.stringify(body));
}

function stream(engine: FakeEngine, answer: ServerResponse): void {
  const end = new AbortController();
  answer.once('close', () => end.abort());
  const send = ({ action, id, name }: ContainerEvent) => {
    const event = { status: action, id, from: 'busybox', Type: 'container', Action: action, Actor: { ID: id, Attributes: { name } } };
    answer.write(`${JSON.stringify(event)}\n`);
  };
  void engine
    .events(
      () => {
        answer.writeHead(200, { 'content-type': 'application/json' });
        answer.flushHeaders();
      },
      send,
      end.signal,
    )
    .finally(() => answer.end());
}

const inspection = ({ id, name, running, pid, networkMode, labels }: Container): object => ({
  Id: id,
  Name: `/${name}`,
  State: { Status: running ? 'running' : 'exited', Running: running, Paused: false, Pid: pid, StartedAt: '2026-01-01T00:00:00Z' },
  HostConfig: { NetworkMode: networkMode },
  Config: { Image: 'busybox', Labels: labels },
});
