import type { Logger } from 'pino';
import type { Kernel, KernelOp, OpResult, PlannedOp } from '../kernel/port.js';
import { keyOf } from '../kernel/port.js';
import { isId } from '../model/ids.js';
import type { Snapshot } from '../model/snapshot.js';
import { planUnit } from '../planner/plan.js';
import { affectedUnits, allUnits, unitNamespaces, unitNeeds } from '../planner/units.js';
import type { Store } from '../store/store.js';
import { aheadOf } from './ahead.js';
import { type FinishCall, finishCalls } from './finish.js';
import { LEFTOVERS, Ledger } from './ledger.js';
import { Lookout } from './lookout.js';
import { order } from './order.js';
import { faultsOf, unique } from './outcomes.js';
import { type ProcessDeps, Processes } from './processes.js';
import { resyncPause } from './resync.js';
import type { Outcome, StatusBoard } from './status-board.js';

export interface LoopDeps extends ProcessDeps {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly status: StatusBoard;
  /** Pause between full comparisons; longer where they cost much (see `resyncPause`). */
  readonly resyncMs: number;
  readonly log: Logger;
  /** Commits what the kernel has completed: detachments, stops, terminations. */
  readonly finish: (calls: readonly FinishCall[]) => Promise<void>;
  readonly onPass?: (pass: PassReport) => void;
  readonly onComparison?: (comparison: ComparisonReport) => void;
}

/** One of the periodic comparisons. */
export interface ComparisonReport {
  /** Processor time of the whole process while it lasted. */
  readonly cpuMs: number;
  /** Until the next one begins. */
  readonly pauseMs: number;
}

export interface PassReport {
  /** Whether the pass compared everything with a fresh observation. */
  readonly full: boolean;
  readonly units: number;
  readonly operations: number;
  readonly failures: number;
  readonly durationMs: number;
}

/**
 * The level-triggered heart: commits, kernel notifications, timers and start-up mark things dirty; one pass at a time
 * plans what is dirty, compares it with what the kernel is known to have, and carries out the difference.
 * What adds to the kernel may begin while the disk takes the state that wants it; what ends something, and every answer, waits until it is durable.
 * Invariants: passes never overlap; a commit's units are in the first pass that starts after it; an observation never
 * overrules what the agent did while it was taken; operations of one unit's failure never stop another unit's.
 */
export class ReconcileLoop {
  private readonly ledger = new Ledger();
  private readonly dirty = new Set<string>();
  private readonly lookout: Lookout;
  private readonly retries = new Map<string, NodeJS.Timeout>();
  private readonly waiters: { revision: number; resolve: () => void }[] = [];
  private readonly processes: Processes;
  private resyncTimer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private stopped = false;
  private unwatch: (() => void) | undefined;

  constructor(private readonly deps: LoopDeps) {
    this.processes = new Processes(deps);
    this.lookout = new Lookout({ ...deps, ledger: this.ledger, onArrival: () => this.wake() });
  }

  /** Takes the kernel over: observes everything, makes it match, sweeps leftovers. From then on keeps it so. */
  async start(): Promise<void> {
    const { store, kernel, settings } = this.deps;
    this.unwatch = store.watchHead((event) => this.markDirty(affectedUnits(event, settings.hostId)));
    await this.lookout.observe();
    this.markDirty(allUnits(store.snapshot(), settings.hostId));
    await this.idle();
    kernel.watch((netns) => this.lookout.noteDrift(netns));
    this.resyncAfter(this.deps.resyncMs);
  }

  markDirty(units: Iterable<string>): void {
    for (const unit of units) this.dirty.add(unit);
    this.wake();
  }

  /** Resolves when a pass has dealt with everything up to that state, faults included. */
  settled(state: Snapshot): Promise<void> {
    if (!this.running && this.dirty.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ revision: state.revision, resolve }));
  }

  /** Compares everything with the kernel now. Resolves when the comparison has been acted on. */
  async resync(): Promise<void> {
    await this.lookout.observe();
    await this.idle();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.unwatch?.();
    this.lookout.stop();
    for (const timer of [this.resyncTimer, ...this.retries.values()]) clearTimeout(timer);
    await this.running;
    for (const waiter of this.waiters.splice(0)) waiter.resolve();
  }

  private resyncAfter(pauseMs: number): void {
    if (this.stopped) return;
    this.resyncTimer = setTimeout(async () => {
      const before = process.cpuUsage();
      await this.resync();
      const { user, system } = process.cpuUsage(before);
      const cpuMs = (user + system) / 1000;
      const next = resyncPause(this.deps.resyncMs, cpuMs, this.ledger.size);
      this.deps.onComparison?.({ cpuMs, pauseMs: next });
      this.resyncAfter(next);
    }, pauseMs);
  }

  private async idle(): Promise<void> {
    while (this.running) await this.running;
  }

  private wake(): void {
    if (this.running || this.stopped) return;
    this.running = (async () => {
      // Commits of one turn of the event loop share a pass.
      await new Promise(setImmediate);
      while (!this.stopped && (this.dirty.size > 0 || this.lookout.hasArrivals)) await this.pass();
    })()
      .catch((error: unknown) => this.deps.log.error({ err: error }, 'reconcile pass failed'))
      .finally(() => {
        this.running = undefined;
        if (this.dirty.size === 0) for (const waiter of this.waiters.splice(0)) waiter.resolve();
        else this.wake();
      });
  }

  private async pass(): Promise<void> {
    const started = performance.now();
    const { store, settings, log } = this.deps;
    const snapshot = store.head();
    const durable = this.isDurable(snapshot);
    const units = new Set(this.dirty);
    this.dirty.clear();
    const early = snapshot !== store.snapshot() && this.mayBegin(units);
    if (!early && !(await durable)) return this.markDirty(units);
    for (const unit of units) this.ledger.plan(unit, planUnit(snapshot, settings, unit));
    const ahead = early ? await this.carryOut(aheadOf(this.ordered(this.ledger.work(units), snapshot))) : [];
    // It came to nothing: what was made is undone.
    if (!(await durable)) return this.markDirty(units);
    const faults = faultsOf(ahead);

    const seen = this.lookout.absorb();
    const full = seen.includes(undefined);
    const work = full
      ? this.ledger.workIn()
      : [...this.ledger.work(units), ...seen.flatMap((namespaces) => this.ledger.workIn(namespaces))];
    const planned = this.ordered(work, snapshot).filter(({ unit }) => !faults.has(unit));
    for (const { unit } of planned) units.add(unit);

    const unended = await this.processes.end(snapshot, planned);
    const ops = planned.filter(({ unit, op }) => !(op.verb === 'delete' && (unended.has(unit) || unended.has(op.object.netns))));
    const lastMade = ops.findLastIndex(({ op }) => op.verb !== 'delete');
    const late = new Set(ops.filter((planned, place) => place > lastMade && this.canWait(planned)));
    const results = await this.carryOut(ops.filter((planned) => !late.has(planned)));
    for (const [unit, outcome] of [...faultsOf(results), ...unended]) faults.set(unit, outcome);
    if (full) for (const unit of this.deps.services?.drifted() ?? []) units.add(unit);
    // Before the instances: their user data may ask for names.
    for (const [unit, outcome] of await this.processes.keepServices(units, faults)) faults.set(unit, outcome);
    const hasNamespace = (unit: string) => this.ledger.has(keyOf({ kind: 'netns', netns: unit }));
    for (const [unit, outcome] of await this.processes.startInstances(store.snapshot(), units, faults, hasNamespace))
      faults.set(unit, outcome);
    this.report(units, faults);
    await this.finish(units);

    this.answer(snapshot);
    const stillDue = [...late].filter(({ unit }) => !faults.has(unit));
    if (stillDue.length > 0) {
      const lateFaults = faultsOf(await this.carryOut(stillDue));
      this.report(new Set(lateFaults.keys()), lateFaults);
      for (const [unit, outcome] of lateFaults) faults.set(unit, outcome);
    }
    const operations = ahead.length + ops.length;
    const report = { full, units: units.size, operations, failures: faults.size, durationMs: performance.now() - started };
    this.deps.onPass?.(report);
    log[operations > 0 ? 'info' : 'debug'](report, 'reconcile pass');
  }

  private isDurable(head: Snapshot): Promise<boolean> {
    return this.deps.store.commit(head.revision, []).then(
      () => true,
      () => false,
    );
  }

  /** Whether plans can be made from a state that is not durable yet: of who has a namespace that is not there yet, only the durable state tells. */
  private mayBegin(units: ReadonlySet<string>): boolean {
    return [...units].every((unit) => isId('networkInterface', unit) || this.ledger.wantsAny(unit));
  }

  private ordered(work: readonly KernelOp[], snapshot: Snapshot): PlannedOp[] {
    return order(unique(work).map((op) => this.attribute(op, snapshot)));
  }

  private async carryOut(ops: readonly PlannedOp[]): Promise<OpResult[]> {
    if (ops.length === 0) return [];
    if (this.deps.log.isLevelEnabled('debug'))
      this.deps.log.debug({ operations: ops.slice(0, 40).map(({ op }) => `${op.verb} ${keyOf(op.object)}`) }, 'operations');
    this.ledger.begin(ops);
    const results = await this.deps.kernel.apply(ops);
    this.ledger.record(results);
    return results;
  }

  /** The old device of an interface that has a new one: traffic has left it, and its deletion takes the kernel a while. */
  private canWait({ op, unit }: PlannedOp): boolean {
    return op.verb === 'delete' && op.object.kind === 'veth' && this.ledger.wantsAny(unit);
  }

  /** Tells those who wait for that state. */
  private answer(state: Snapshot): void {
    const done = this.waiters.filter((waiter) => waiter.revision <= state.revision);
    for (const waiter of done) {
      this.waiters.splice(this.waiters.indexOf(waiter), 1);
      waiter.resolve();
    }
  }

  private attribute(op: KernelOp, snapshot: Snapshot): PlannedOp {
    const unit = this.ledger.unitOf(op);
    return { op, unit, needs: op.verb === 'delete' ? [] : unitNeeds(snapshot, unit) };
  }

  private report(units: ReadonlySet<string>, faults: ReadonlyMap<string, Outcome>): void {
    const { status, log } = this.deps;
    for (const unit of units) {
      clearTimeout(this.retries.get(unit));
      this.retries.delete(unit);
      const fault = faults.get(unit);
      const pause = status.record(unit, fault);
      if (fault && pause !== undefined) {
        log.warn({ unit, ...fault, retryMs: Math.round(pause) }, 'unit is not realised, will retry');
        this.retries.set(
          unit,
          setTimeout(() => this.retry(unit), pause),
        );
      } else if (this.ledger.isGone(unit)) status.forget(unit);
    }
  }

  /** What a failed operation left behind is unknown: look before trying again. */
  private async retry(unit: string): Promise<void> {
    this.retries.delete(unit);
    const namespaces = unit === LEFTOVERS ? [] : unitNamespaces(this.deps.store.snapshot(), unit);
    await this.lookout.observe(namespaces.length > 0 ? new Set(namespaces) : undefined);
    this.markDirty([unit]);
  }

  private async finish(units: Iterable<string>): Promise<void> {
    const calls = finishCalls(this.deps.store.snapshot(), this.deps.settings.hostId, units, (unit) => this.ledger.isGone(unit));
    if (calls.length === 0) return;
    try {
      await this.deps.finish(calls);
    } catch (error) {
      this.deps.log.error({ err: error }, 'completing detachments and terminations failed, will retry');
      for (const unit of units)
        this.retries.set(
          unit,
          setTimeout(() => this.markDirty([unit]), 1000),
        );
    }
  }
}
