import type { Logger } from 'pino';
import { toKernelError } from '../kernel/errors.js';
import type { Kernel } from '../kernel/port.js';
import { unitNamespaces } from '../planner/units.js';
import type { Store } from '../store/store.js';
import type { Ledger, Observation } from './ledger.js';
import type { StatusBoard } from './status-board.js';

/** Unit of the looking itself: a fault while the kernel cannot be observed. */
const OBSERVATION = 'observation';

export interface LookoutDeps {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly status: StatusBoard;
  readonly log: Logger;
  readonly ledger: Ledger;
  /** There is something to absorb. */
  readonly onArrival: () => void;
}

interface Arrival {
  readonly observation: Observation;
  readonly observed: Awaited<ReturnType<Kernel['observe']>>;
  /** Absent: everything of ours. */
  readonly namespaces?: ReadonlySet<string>;
}

/** Looks at the kernel beside the running passes: at all of it when asked, and at namespaces in which it tells of a change. What cannot be looked at is tried again. */
export class Lookout {
  readonly #deps: LookoutDeps;
  readonly #drifted = new Set<string>();
  readonly #arrivals: Arrival[] = [];
  #retry: NodeJS.Timeout | undefined;
  #followsDrift = false;
  #stopped = false;

  constructor(deps: LookoutDeps) {
    this.#deps = deps;
  }

  get hasArrivals(): boolean {
    return this.#arrivals.length > 0;
  }

  /** The ledger takes over what was seen. In which namespaces, one for each look; `undefined`: in all of ours. */
  absorb(): (ReadonlySet<string> | undefined)[] {
    return this.#arrivals.splice(0).map(({ observation, observed, namespaces }) => {
      this.#deps.ledger.absorb(observation, observed, namespaces);
      return namespaces;
    });
  }

  /** Resolves when what was seen can be absorbed, or a next try is due. */
  async observe(namespaces?: ReadonlySet<string>): Promise<void> {
    const { kernel, ledger, onArrival } = this.#deps;
    const observation = ledger.beginObservation();
    try {
      const observed = await kernel.observe(namespaces);
      this.#arrivals.push({ observation, observed, ...(namespaces && { namespaces }) });
      if (namespaces === undefined) this.#canObserve();
      onArrival();
    } catch (error) {
      ledger.abandon(observation);
      this.#cannotObserve(error);
    }
  }

  /** Something in a namespace is not as it was left: looks at it soon, and at what hangs together with it. */
  noteDrift(netns: string): void {
    this.#drifted.add(netns);
    void this.#followDrift();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
  }

  #canObserve(): void {
    const { status } = this.#deps;
    clearTimeout(this.#retry);
    if (status.condition(OBSERVATION)) status.record(OBSERVATION);
    status.forget(OBSERVATION);
  }

  /** Nobody knows what has changed where: the next try looks at everything. */
  #cannotObserve(error: unknown): void {
    if (this.#stopped) return;
    const { status, log } = this.#deps;
    const { kind: reason, message } = toKernelError(error);
    const pause = status.record(OBSERVATION, { reason, message }) ?? 0;
    log.error({ err: error, retryMs: Math.round(pause) }, 'observing the kernel failed, will retry');
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.observe(), pause);
  }

  async #followDrift(): Promise<void> {
    if (this.#followsDrift) return;
    this.#followsDrift = true;
    try {
      while (this.#drifted.size > 0 && !this.#stopped) {
        const changed = new Set(this.#drifted);
        this.#drifted.clear();
        // Devices have an end in a router and one in an instance: look at both.
        const snapshot = this.#deps.store.snapshot();
        for (const netns of [...changed]) {
          const instance = snapshot.get('instance', netns);
          if (instance) changed.add(instance.vpcId);
          else for (const other of unitNamespaces(snapshot, netns)) changed.add(other);
        }
        await this.observe(changed);
      }
    } finally {
      this.#followsDrift = false;
    }
  }
}
