import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { pino } from 'pino';
import { expect } from 'vitest';
import { openAuditLog } from '../../agent/audit/log.js';
import type { CommandContext } from '../../agent/commands/command.js';
import { transact } from '../../agent/commands/transact.js';
import { Config } from '../../agent/config/schema.js';
import { prepareGuests } from '../../agent/guests/prepare.js';
import type { ResolveGuest } from '../../agent/guests/resolve.js';
import type { HttpDeps } from '../../agent/http/deps.js';
import { EventHub } from '../../agent/http/event-hub.js';
import { createMetrics } from '../../agent/http/metrics.js';
import { publishEvents } from '../../agent/http/publish-events.js';
import { ErrorEnvelope } from '../../agent/http/render-error.js';
import { REST_ROUTES } from '../../agent/http/rest/index.js';
import { buildServer, type ServerOptions } from '../../agent/http/server.js';
import type { InterfaceCounters } from '../../agent/kernel/port.js';
import { IMAGES } from '../../agent/model/images.js';
import type { Snapshot } from '../../agent/model/snapshot.js';
import { finishCalls } from '../../agent/reconcile/finish.js';
import { StatusBoard } from '../../agent/reconcile/status-board.js';
import { createMemoryStore } from '../../agent/store/memory.js';
import type { Store } from '../../agent/store/store.js';

export interface Answer<T = any> {
  readonly status: number;
  readonly body: T;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** The API over a store in memory and a host that realises everything at once, unless told otherwise. */
export interface TestApi {
  readonly app: FastifyInstance;
  readonly deps: HttpDeps;
  readonly store: Store;
  readonly status: StatusBoard;
  /** Lines of the log. */
  readonly log: readonly Record<string, any>[];
  /** Switches of the pretended host. */
  readonly host: { realises: boolean; counters: Map<string, InterfaceCounters> };
  /** Every answer is checked against the schema that its route documents. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** As `call`; an error answer fails the test. Returns the body. */
  ok(method: string, path: string, body?: unknown): Promise<any>;
  /** Sends bytes as they are. */
  raw(options: InjectOptions): Promise<Answer>;
  close(): Promise<void>;
}

export interface TestApiOptions extends ServerOptions {
  readonly config?: Partial<Config>;
  readonly deps?: Partial<HttpDeps>;
  readonly store?: Store;
  /** Looks guests up; absent: the host takes none. */
  readonly guests?: ResolveGuest;
  /** Internal errors are answers and not failures of the test. */
  readonly expectsFaults?: boolean;
}

export const TEST_COUNTERS: InterfaceCounters = {
  rxBytes: 100,
  rxPackets: 1,
  txBytes: 200,
  txPackets: 2,
  ingressGroupDrops: 3,
  egressGroupDrops: 4,
  sourceCheckDrops: 5,
  destinationCheckDrops: 6,
  frameDrops: 7,
};

export async function startApi({
  config: given,
  deps: replaced,
  guests,
  store = createMemoryStore(),
  expectsFaults = false,
  ...options
}: TestApiOptions = {}): Promise<TestApi> {
  const config = Config.parse({ hostId: 'host-a', allowReset: true, ...given });
  const zones = ['us-east-1a', 'us-east-1b', 'us-east-1c'];
  const log: Record<string, any>[] = [];
  const status = new StatusBoard(Date.now, () => 0.5);
  const auditDir = mkdtempSync(join(tmpdir(), 'enid-audit-'));
  const host = { realises: true, counters: new Map<string, InterfaceCounters>() };
  let serial = 0;
  const context = (): CommandContext => ({
    now: new Date().toISOString(),
    randomHex: (digits) => createHash('sha256').update(String(++serial)).digest('hex').slice(0, digits),
    hostId: config.hostId,
    ownerId: config.accountId,
    region: config.region,
    zones,
    limits: { rulesPerDirection: config.rulesPerDirection, groupsPerInterface: config.groupsPerInterface },
    publicPool: config.publicPool,
    ...(!config.anyImage && { imageIds: IMAGES.map((image) => image.imageId) }),
  });
  const run: HttpDeps['transact'] = async (calls, options) => {
    const guest = guests && (await prepareGuests(calls, guests));
    return transact(store, () => ({ ...context(), ...(guest && { guest }) }), calls, options);
  };
  const deps: HttpDeps = {
    config,
    zones,
    log: pino({ level: 'debug' }, { write: (line: string) => void log.push(JSON.parse(line)) }),
    transact: run,
    settle: async () => {
      if (!host.realises) return;
      const units = unitsOf(store.snapshot());
      const calls = finishCalls(store.snapshot(), config.hostId, units, () => true);
      if (calls.length > 0) await run(calls);
      for (const unit of unitsOf(store.snapshot())) status.record(unit);
    },
    snapshot: () => store.snapshot(),
    status,
    counters: async (ids) => new Map([...host.counters].filter(([id]) => ids.includes(id))),
    discards: () => ({ header: 1, address: 2, noRoute: 3, fragment: 4, reversePath: 5 }),
    runtime: {
      consoleOutput: async () => ({ output: 'hello\n', timestamp: '2026-01-01T00:00:00.000Z' }),
      initPid: (instanceId) => (store.snapshot().get('instance', instanceId)?.state === 'running' ? 4711 : undefined),
    },
    hostFacts: async () => ({ os: { distribution: 'Test' } }),
    features: () => ({
      kernel: '6.18.0',
      features: { devgroup: true, vxlan: false },
      tools: { nft: 'v1', iptables: null },
      missing: [{ feature: 'vxlan', disables: 'several hosts' }],
    }),
    events: new EventHub('t'),
    metrics: createMetrics({ processMetrics: false }),
    audit: openAuditLog({ dir: auditDir }),
    reset: async () => void (await run([{ command: 'reset', input: {} }])),
    waitsFor: () => [],
    ...replaced,
  };
  const stopEvents = publishEvents(deps, store, status);
  const app = await buildServer(deps, options);

  const raw = async (request: InjectOptions): Promise<Answer> => {
    const answer = await app.inject(request);
    const isJson = String(answer.headers['content-type']).startsWith('application/json');
    const body = answer.payload !== '' && isJson ? JSON.parse(answer.payload) : answer.payload;
    const result = { status: answer.statusCode, body, headers: answer.headers as Answer['headers'] };
    if (answer.statusCode === 500 && !expectsFaults) throw new Error(`internal error: ${JSON.stringify(log.at(-1)?.err ?? log.slice(-3))}`);
    checkAnswer(String(request.method), String(request.url), result);
    return result;
  };
  const call: TestApi['call'] = (method, path, body, headers = {}) =>
    raw({
      method: method as 'GET',
      url: path,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    });
  return {
    app,
    deps,
    store,
    status,
    log,
    host,
    call,
    raw,
    ok: async (method, path, body) => {
      const answer = await call(method, path, body);
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
    close: async () => {
      stopEvents();
      await app.close();
      deps.audit.close();
      rmSync(auditDir, { recursive: true, force: true });
    },
  };
}

function unitsOf(snapshot: Snapshot): string[] {
  const running = snapshot.all('instance').filter((instance) => instance.state !== 'terminated' && instance.state !== 'stopped');
  const attached = snapshot.all('networkInterface').filter((eni) => eni.attachment);
  return [
    ...snapshot.all('vpc').map((vpc) => vpc.vpcId),
    ...running.map((i) => i.instanceId),
    ...attached.map((eni) => eni.networkInterfaceId),
    ...snapshot.all('natGateway').map((gateway) => gateway.natGatewayId),
  ];
}

/** Every answer, of whatever test, is what the API's description says. */
function checkAnswer(method: string, url: string, { status, body, headers }: Answer): void {
  expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  if (status >= 400 && !url.startsWith('/readyz')) {
    expect(ErrorEnvelope.parse(body).error.requestId).toBe(headers['x-request-id']);
    expect(JSON.stringify(body)).not.toMatch(/\bat .*\.[jt]s:\d/);
    return;
  }
  const parts = (url.split('?', 1)[0] ?? '').split('/');
  const route = REST_ROUTES.find((each) => {
    const pattern = each.path.split('/');
    const routeMethod = each.kind === 'command' ? each.method : each.kind === 'query' ? 'GET' : 'POST';
    return (
      routeMethod === method && pattern.length === parts.length && pattern.every((part, i) => part.startsWith(':') || part === parts[i])
    );
  });
  if (!route) return;
  if (route.kind !== 'query') expect(status).toBe(route.status);
  if (route.response) route.response.parse(body);
  else expect(body).toBe('');
}

/** A VPC with a subnet, ready for interfaces. */
export async function makeNetwork(api: TestApi, cidrBlock = '10.0.0.0/16', subnetBlock = '10.0.1.0/24') {
  const vpc = await api.ok('POST', '/v1/vpcs', { cidrBlock });
  const subnet = await api.ok('POST', '/v1/subnets', { vpcId: vpc.vpcId, cidrBlock: subnetBlock, availabilityZone: 'us-east-1a' });
  return { vpc, subnet, vpcId: vpc.vpcId as string, subnetId: subnet.subnetId as string };
}

/** Serves the API on a socket in the file system, for what injection cannot show: connections. Gone when the API is closed. */
export async function listenOnSocket(api: TestApi): Promise<{ path: string; get: (url: string) => Promise<IncomingMessage> }> {
  const path = join(mkdtempSync(join(tmpdir(), 'enid-api-')), 'socket');
  await api.app.listen({ path });
  return {
    path,
    get: (url) =>
      new Promise((resolve, reject) => {
        request({ socketPath: path, path: url, headers: { host: 'localhost' } }, resolve)
          .once('error', reject)
          .end();
      }),
  };
}
