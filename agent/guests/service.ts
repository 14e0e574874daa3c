import type { Config } from '../config/schema.js';
import { isForeign, isLive } from '../model/instance.js';
import { Containers } from './containers.js';
import { createDockerEngine } from './docker.js';
import { containerName, LaunchedContainers } from './launched.js';
import { type ResolveGuest, resolveLocal } from './resolve.js';
import { GuestWatcher, type GuestWatcherDeps } from './watcher.js';

export interface GuestService {
  readonly watcher: GuestWatcher;
  readonly resolve: ResolveGuest;
  /** Afterwards it is known where guests are, as far as anybody can tell. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** An engine that hangs does not keep the agent from starting. */
const FIRST_ANSWER_MS = 3000;

/** Guests of all kinds; containers only with the socket of an engine. */
export function createGuestService(config: Pick<Config, 'containerSocket' | 'region'>, deps: GuestWatcherDeps): GuestService {
  const { containerSocket, region } = config;
  if (containerSocket === undefined) {
    const watcher = new GuestWatcher(deps);
    return { watcher, resolve: resolveLocal, start: async () => watcher.start(), stop: async () => watcher.stop() };
  }
  const { store, hostId, now, log } = deps;
  const engine = createDockerEngine(containerSocket);
  const onChange = () => watcher.look();
  const tracked = () =>
    store
      .snapshot()
      .by('instance', 'hostId', hostId)
      .filter((instance) => isForeign(instance) && isLive(instance))
      .flatMap(({ instanceId, holder }) =>
        holder.kind === 'container' ? [holder.containerId] : holder.kind === 'image' ? [containerName(instanceId)] : [],
      );
  const containers = new Containers({ engine, log, tracked, onChange, onConnect: () => launched.find() });
  const launched = new LaunchedContainers({ engine, containers, snapshot: () => store.snapshot(), hostId, region, now, log, onChange });
  const watcher = new GuestWatcher({ ...deps, containers, launched });
  return {
    watcher,
    resolve: (reference) => (reference.containerId === undefined ? resolveLocal(reference) : containers.resolve(reference.containerId)),
    start: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, FIRST_ANSWER_MS);
      });
      await Promise.race([containers.start(), late]);
      clearTimeout(timer);
      watcher.start();
    },
    stop: async () => {
      watcher.stop();
      await containers.stop();
    },
  };
}
