import { type FSWatcher, watch } from 'node:fs';
import type { Logger } from 'pino';
import { stoppedWithGuest } from '../commands/guest-states.js';
import type { CommandCall } from '../commands/transact.js';
import { isHeldNetns, netnsIdentity, prepareNetnsDirectory } from '../kernel/netns.js';
import type { NamespaceHolder } from '../kernel/port.js';
import { NETNS_DIR } from '../kernel/resources.js';
import { type Instance, isForeign, isLive } from '../model/instance.js';
import type { Snapshot } from '../model/snapshot.js';
import type { Keeper } from '../services/keeper.js';
import type { Store } from '../store/store.js';
import type { Containers } from './containers.js';
import { containerName, type LaunchedContainers } from './launched.js';
import { locateNamespace, locateProcess, type Whereabouts } from './locate.js';

export interface GuestWatcherDeps {
  readonly store: Pick<Store, 'snapshot' | 'watch'>;
  readonly hostId: string;
  /** Milliseconds; only differences count. */
  readonly now: () => number;
  /** Called with units that have to be planned again. */
  readonly onChange: (units: readonly string[]) => void;
  readonly run: (calls: readonly CommandCall[]) => Promise<unknown>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly containers?: Containers;
  readonly launched?: LaunchedContainers;
}

/** What makes no event is looked at this often. */
const POLL_MS = 1000;
/** A guest that is away for longer has stopped; one that comes back before was restarted. */
const GRACE_MS = 3000;

/**
 * Knows where the namespaces of others are that instances of this host are in, as long as they are there, and takes note in the model
 * when a guest stops, starts or goes. Nothing of it is stored: it is found out again after a restart.
 * As a keeper it tells, unit by unit, what is wrong.
 */
export class GuestWatcher implements Keeper {
  /** Input of the planner; changes in place. */
  readonly holders = new Map<string, NamespaceHolder>();
  /** What keeps an instance from being realised, in words. */
  private readonly troubles = new Map<string, string>();
  private readonly absentSince = new Map<string, number>();
  private readonly calls = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private names: FSWatcher | undefined;
  private unwatch: (() => void) | undefined;
  private found: { readonly snapshot: Snapshot; readonly guests: readonly Instance[] } | undefined;

  constructor(private readonly deps: GuestWatcherDeps) {}

  /** Afterwards `holders` is complete, and stays so. */
  start(): void {
    prepareNetnsDirectory();
    // Nobody has planned anything yet.
    this.considerAll();
    this.unwatch = this.deps.store.watch(({ changes }) => {
      if (changes.some(({ kind }) => kind === 'instance')) this.look();
    });
    this.names = watch(NETNS_DIR, { persistent: false }, (_event, name) => {
      if (this.guests().some(({ holder }) => holder.kind === 'namespace' && holder.name === name)) this.look();
    });
    this.names.on('error', (error) => this.deps.log.warn({ err: error }, 'cannot watch names of namespaces, looking at them every second'));
    this.timer = setInterval(() => this.look(), POLL_MS);
    this.timer.unref();
  }

  stop(): void {
    this.unwatch?.();
    this.names?.close();
    clearInterval(this.timer);
  }

  drifted(): Set<string> {
    return new Set();
  }

  concerned(units: Iterable<string>): string[] {
    return [...units].filter((unit) => this.troubles.has(unit));
  }

  async keep(unit: string): Promise<void> {
    const trouble = this.troubles.get(unit);
    if (trouble !== undefined) throw new Error(trouble);
  }

  async endIn(): Promise<void> {}

  /** Looks at all guests, and acts on what has changed. */
  look(): void {
    const changed = this.considerAll();
    const snapshot = this.deps.store.snapshot();
    const units = changed.flatMap((id) => [
      id,
      ...snapshot.by('networkInterface', 'instanceId', id).map(({ networkInterfaceId }) => networkInterfaceId),
    ]);
    if (units.length > 0) this.deps.onChange(units);
    this.deps.launched?.sync();
  }

  /** Returns the instances of whose guests something else is known now. */
  private considerAll(): string[] {
    const guests = this.guests();
    const changed = guests.filter((guest) => this.consider(guest, this.locate(guest))).map(({ instanceId }) => instanceId);
    this.forgetAllBut(new Set(guests.map(({ instanceId }) => instanceId)));
    return changed;
  }

  /** Looked for once in each state: at rest, nothing is done every second but to find that it is the same. */
  private guests(): readonly Instance[] {
    const snapshot = this.deps.store.snapshot();
    if (this.found?.snapshot !== snapshot) {
      const guests = snapshot.by('instance', 'hostId', this.deps.hostId).filter((instance) => isForeign(instance) && isLive(instance));
      this.found = { snapshot, guests };
    }
    return this.found.guests;
  }

  private locate(guest: Instance): Whereabouts {
    const { holder, instanceId } = guest;
    const { containers, launched } = this.deps;
    if (holder.kind === 'process') return locateProcess(holder);
    if (holder.kind === 'namespace') return locateNamespace(holder);
    if (!containers || !launched) return { state: 'unknown', reason: 'no container engine is configured; set containerSocket' };
    if (holder.kind === 'container') return containers.locate(holder.containerId);
    const reason = guest.state === 'running' ? launched.waitsFor(guest) : undefined;
    return reason === undefined ? containers.locate(containerName(instanceId)) : { state: 'unknown', reason: containers.trouble ?? reason };
  }

  /** Returns whether what is known of it has changed. */
  private consider(guest: Instance, found: Whereabouts): boolean {
    const { instanceId } = guest;
    const before = this.holders.get(instanceId);
    const now = found.state === 'there' ? found.holder : found.state === 'unknown' ? asItIs(instanceId) : undefined;
    if (now) this.holders.set(instanceId, now);
    else this.holders.delete(instanceId);
    const trouble = found.state === 'there' || guest.state !== 'running' ? undefined : found.reason;
    const isNews = before?.identity !== now?.identity || trouble !== this.troubles.get(instanceId);
    if (trouble === undefined) this.troubles.delete(instanceId);
    else this.troubles.set(instanceId, trouble);
    this.record(guest, found);
    return isNews;
  }

  private record(guest: Instance, found: Whereabouts): void {
    const { instanceId } = guest;
    if (found.state !== 'absent') this.absentSince.delete(instanceId);
    switch (found.state) {
      case 'there':
        // Those that are enid's own run when their instances do, not the other way round.
        if (stoppedWithGuest(guest) && guest.holder.kind !== 'image')
          this.call({ command: 'guestStarted', input: { instanceId } }, instanceId);
        return;
      case 'gone':
        if (guest.state !== 'shutting-down') this.call({ command: 'guestGone', input: { instanceId, reason: found.reason } }, instanceId);
        return;
      case 'absent': {
        const since = this.absentSince.get(instanceId) ?? this.deps.now();
        this.absentSince.set(instanceId, since);
        if (guest.state === 'running' && this.deps.now() - since >= GRACE_MS)
          this.call({ command: 'guestStopped', input: { instanceId, reason: found.reason } }, instanceId);
        return;
      }
      case 'unknown':
        return;
    }
  }

  /** One at a time for each; what fails is tried again at the next look. */
  private call(call: CommandCall, instanceId: string): void {
    if (this.calls.has(instanceId)) return;
    this.calls.add(instanceId);
    this.deps.log.info({ instanceId, ...(call.input as object) }, call.command);
    // Not within a commit's own notification.
    setImmediate(() => {
      this.deps
        .run([call])
        .catch((error: unknown) => this.deps.log.warn({ err: error, instanceId }, `${call.command} failed, will retry`))
        .finally(() => this.calls.delete(instanceId));
    });
  }

  private forgetAllBut(known: ReadonlySet<string>): void {
    for (const map of [this.holders, this.troubles, this.absentSince]) for (const id of map.keys()) if (!known.has(id)) map.delete(id);
  }
}

/** What the instance's name is on: it stays so while nobody can tell what it should be on. */
function asItIs(instanceId: string): NamespaceHolder | undefined {
  const identity = isHeldNetns(instanceId) ? netnsIdentity(instanceId) : undefined;
  return identity === undefined ? undefined : { path: `${NETNS_DIR}/${instanceId}`, identity };
}
