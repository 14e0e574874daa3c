import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { openAuditLog } from './audit/log.js';
import type { CommandContext } from './commands/command.js';
import { transact } from './commands/transact.js';
import type { Config } from './config/schema.js';
import { prepareGuests } from './guests/prepare.js';
import { createGuestService } from './guests/service.js';
import { hostFacts } from './host/facts.js';
import type { HttpDeps } from './http/deps.js';
import { EventHub } from './http/event-hub.js';
import { listenAddress } from './http/listen.js';
import { createMetrics } from './http/metrics.js';
import { publishEvents } from './http/publish-events.js';
import { buildServer } from './http/server.js';
import { createMetadataService } from './imds/service.js';
import { createInstanceRuntime } from './instances/linux.js';
import { readDiscards } from './kernel/discards.js';
import { hasFlowLimit } from './kernel/feature-table.js';
import type { InterfaceCounters, Kernel, KernelFeatures, MacvlanQuery } from './kernel/port.js';
import { HOST_NAMESPACE, hostEndName, instanceEndName, routerNamespace } from './kernel/resources.js';
import { isForwarding } from './kernel/sysctl.js';
import { systemClock } from './lib/clock.js';
import { imagesOf } from './model/images.js';
import { interfaceAddresses } from './model/network-interface.js';
import { unfitness } from './model/parent-device.js';
import type { Snapshot } from './model/snapshot.js';
import { planServices } from './planner/services.js';
import { ReconcileLoop } from './reconcile/loop.js';
import { StatusBoard } from './reconcile/status-board.js';
import { keepers, ServiceKeeper } from './services/keeper.js';
import { unitOfService } from './services/service.js';
import { createSupervisor } from './services/supervisor.js';
import type { Store } from './store/store.js';
import { tunnelKind } from './vpn/tunnel-kind.js';

export interface Daemon {
  /** URL of the API. */
  readonly url: string;
  /** Stops serving and reconciling; the data plane stays as it is. */
  stop(): Promise<void>;
}

const HOUSEKEEPING_MS = 60_000;

/** What is open already when the daemon starts; it closes it. */
export interface Opened {
  readonly kernel: Kernel;
  readonly features: KernelFeatures;
  readonly store: Store;
}

/**
 * The composition root: builds each part once, starts in order, stops in reverse. Resolves when the API serves and the
 * first pass over the kernel is done.
 */
export async function startDaemon(config: Config, log: Logger, { kernel, features, store }: Opened): Promise<Daemon> {
  const zones = config.zones ?? ['a', 'b', 'c'].map((letter) => `${config.region}${letter}`);
  const runtime = createInstanceRuntime({ dataDir: config.dataDir, log, userDataTimeoutMs: config.userDataTimeoutMs });
  const supervisor = createSupervisor({
    dataDir: config.dataDir,
    log,
    onExit: (name) => loop.markDirty([unitOfService(name)]),
  });
  const status = new StatusBoard(systemClock.now, Math.random);
  const context = (): CommandContext => ({
    now: systemClock.iso(),
    randomHex,
    hostId: config.hostId,
    ownerId: config.accountId,
    region: config.region,
    zones,
    limits: { rulesPerDirection: config.rulesPerDirection, groupsPerInterface: config.groupsPerInterface },
    publicPool: config.publicPool,
    containers: { images: config.containerImages, hasEngine: config.containerSocket !== undefined },
    ...(!config.anyImage && { imageIds: imagesOf(config.containerImages).map((image) => image.imageId) }),
    parentFault: (device) => parentFault(kernel, features, device),
  });
  const run: HttpDeps['transact'] = async (calls, options) => {
    const guest = await prepareGuests(calls, guests.resolve);
    return transact(store, () => ({ ...context(), guest }), calls, options);
  };
  const guests = createGuestService(config, {
    store,
    hostId: config.hostId,
    now: systemClock.now,
    onChange: (units) => loop.markDirty(units),
    run,
    log,
  });
  const metrics = createMetrics();
  const audit = openAuditLog({ dir: `${config.dataDir}/audit` });
  const settings = {
    hostId: config.hostId,
    mtu: config.mtu,
    region: config.region,
    publicPool: config.publicPool,
    hostAccess: config.hostAccess,
    tunnel: tunnelKind(features),
    holders: guests.watcher.holders,
    flowsPerInterface: hasFlowLimit(features) ? config.flowsPerInterface : 0,
    ...(config.uplink !== undefined && { uplink: { device: config.uplink, isRouter: isForwarding(HOST_NAMESPACE) } }),
  };
  const metadata = createMetadataService({
    hostId: config.hostId,
    region: config.region,
    dataDir: config.dataDir,
    snapshot: () => store.snapshot(),
    now: systemClock.now,
    log,
  });
  const loop = new ReconcileLoop({
    store,
    kernel,
    runtime,
    services: keepers(new ServiceKeeper(supervisor, (unit) => planServices(store.snapshot(), settings, unit)), metadata, guests.watcher),
    status,
    settings,
    resyncMs: config.resyncSeconds * 1000,
    log,
    finish: async (calls) => void (await run(calls)),
    onPass: metrics.reconcile.pass,
    onComparison: metrics.reconcile.comparison,
  });
  let ready = false;
  const deps: HttpDeps = {
    config,
    zones,
    log,
    transact: run,
    settle: (after, signal) => bounded(loop.settled(after), config.settleTimeoutMs, signal),
    snapshot: () => store.snapshot(),
    status,
    counters: (ids) => readCounters(kernel, store.snapshot(), config.hostId, ids),
    discards: (vpcId) => readDiscards(routerNamespace(vpcId)),
    runtime,
    hostFacts,
    features: () => features,
    events: new EventHub(randomHex(8)),
    metrics,
    audit,
    reset: async () => {
      const { after } = await run([{ command: 'reset', input: {} }]);
      await loop.settled(after);
    },
    waitsFor: () => (ready ? [] : ['the first pass over the kernel']),
  };
  const stopEvents = publishEvents(deps, store, status);
  const server = await buildServer(deps);
  await guests.start();
  await loop.start();
  // Nothing was ever written: this is the first start.
  if (config.defaultVpc && store.snapshot().revision === 0) await run([{ command: 'createDefaultVpc', input: {} }]);
  const url = await server.listen(listenAddress(config.listen));
  ready = true;
  // The first reading takes a while and runs tools: neither in front of a request nor of readiness.
  hostFacts().catch((error: unknown) => log.warn({ err: error }, 'reading facts about the host failed'));
  const housekeeping = setInterval(() => {
    run([{ command: 'forgetExpired', input: {} }]).catch((error: unknown) => log.warn({ err: error }, 'forgetting expired records failed'));
  }, HOUSEKEEPING_MS);

  return {
    url,
    stop: async () => {
      ready = false;
      clearInterval(housekeeping);
      stopEvents();
      await server.close();
      await guests.stop();
      await loop.stop();
      metadata.close();
      supervisor.close();
      kernel.close();
      await store.close();
      audit.close();
    },
  };
}

function randomHex(digits: number): string {
  return randomBytes((digits + 1) >> 1)
    .toString('hex')
    .slice(0, digits);
}

/** Resolves with the work, after `ms`, or when the caller has gone: whichever comes first. */
async function bounded(work: Promise<void>, ms: number, signal?: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([work, end]);
  clearTimeout(timer);
}

/** Why no subnet can be on a device of this host. */
function parentFault(
  kernel: Kernel,
  { features, tools }: KernelFeatures,
  device: string,
): ReturnType<NonNullable<CommandContext['parentFault']>> {
  if (features.macvlan === false)
    return { unsupported: true, reason: 'This kernel has no macvlan devices (CONFIG_MACVLAN): subnets on a device of the host need them' };
  if (tools.nft === null)
    return {
      unsupported: true,
      reason: 'The tool nft is missing: it filters and guards the interfaces of subnets on a device of the host',
    };
  const reason = unfitness(device, kernel.hostDevice(device));
  return reason === undefined ? undefined : { unsupported: false, reason };
}

async function readCounters(
  kernel: Kernel,
  snapshot: Snapshot,
  hostId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, InterfaceCounters>> {
  const onWire: (MacvlanQuery & { readonly id: string })[] = [];
  const queries = new Map<string, { id: string; hostEnd: string; mac: string; addresses: readonly string[] }[]>();
  for (const id of ids) {
    const eni = snapshot.get('networkInterface', id);
    if (!eni?.attachment || snapshot.get('instance', eni.attachment.instanceId)?.hostId !== hostId) continue;
    const parent = snapshot.get('subnet', eni.subnetId)?.parent?.device;
    if (parent !== undefined) {
      const { instanceId, deviceIndex } = eni.attachment;
      onWire.push({ id, netns: instanceId, device: instanceEndName(deviceIndex), mac: eni.macAddress, parent });
      continue;
    }
    const query = { id, hostEnd: hostEndName(eni.attachment.attachmentId), mac: eni.macAddress, addresses: interfaceAddresses(eni) };
    const router = routerNamespace(eni.vpcId);
    queries.set(router, [...(queries.get(router) ?? []), query]);
  }
  const counters = new Map<string, InterfaceCounters>();
  const counted = onWire.length > 0 ? await kernel.macvlanCounters(onWire) : undefined;
  for (const { id, mac } of onWire) {
    const found = counted?.get(mac);
    if (found) counters.set(id, found);
  }
  for (const [router, wanted] of queries) {
    const found = await kernel.counters(router, wanted);
    for (const { id, hostEnd } of wanted) {
      const counted = found.get(hostEnd);
      if (counted) counters.set(id, counted);
    }
  }
  return counters;
}
