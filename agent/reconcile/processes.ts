import type { InstanceRuntime } from '../instances/runtime.js';
import type { PlannedOp } from '../kernel/port.js';
import { isInstanceNamespace } from '../kernel/resources.js';
import type { Snapshot } from '../model/snapshot.js';
import { bootOf } from '../planner/boot.js';
import type { PlanSettings } from '../planner/plan.js';
import type { Keeper } from '../services/keeper.js';
import type { Outcome } from './status-board.js';

export interface ProcessDeps {
  readonly runtime: InstanceRuntime;
  /** Processes and listeners that units want beside kernel objects; absent: none. */
  readonly services?: Keeper;
  readonly settings: PlanSettings & { readonly region: string };
}

type Faults = ReadonlyMap<string, Outcome>;

/** What lives in namespaces, within a pass: ended before its namespace goes, started once it is there. Faults are of their units. */
export class Processes {
  constructor(private readonly deps: ProcessDeps) {}

  /**
   * No process or listener may outlive its namespace: it would keep the devices in it alive, unseen. That goes for a namespace that is about to go, and
   * for one that somebody else took the name from, in whose place another is about to be made. Namespaces are named after their units.
   */
  async end(snapshot: Snapshot, planned: readonly PlannedOp[]): Promise<Map<string, Outcome>> {
    const touched = planned.filter(({ op }) => op.object.kind === 'netns').map(({ op }) => ({ verb: op.verb, netns: op.object.netns }));
    const ending = touched.filter(({ verb, netns }) => verb === 'delete' || !isInstanceNamespace(netns)).map(({ netns }) => netns);
    return attempt('instance', ending, async (netns) => {
      if (!isInstanceNamespace(netns)) return this.deps.services?.endIn(netns);
      await this.deps.runtime.end(netns);
      if (!snapshot.get('instance', netns)) await this.deps.runtime.forget(netns);
    });
  }

  async keepServices(units: ReadonlySet<string>, faults: Faults): Promise<Map<string, Outcome>> {
    const { services } = this.deps;
    if (!services) return new Map();
    const concerned = services.concerned([...units].filter((unit) => !faults.has(unit)));
    return attempt('service', concerned, (unit) => services.keep(unit));
  }

  /** `hasNamespace`: whether the kernel has the unit's. */
  startInstances(
    snapshot: Snapshot,
    units: ReadonlySet<string>,
    faults: Faults,
    hasNamespace: (unit: string) => boolean,
  ): Promise<Map<string, Outcome>> {
    const starting = [...units].filter((unit) => !faults.has(unit) && hasNamespace(unit));
    return attempt('instance', starting, async (unit) => {
      const boot = bootOf(snapshot, this.deps.settings, unit);
      if (boot) await this.deps.runtime.start(boot);
    });
  }
}

async function attempt(
  reason: 'instance' | 'service',
  units: readonly string[],
  work: (unit: string) => Promise<void> | undefined,
): Promise<Map<string, Outcome>> {
  const faults = new Map<string, Outcome>();
  await Promise.all(
    units.map((unit) =>
      Promise.resolve(work(unit)).catch((error: unknown) => {
        faults.set(unit, { reason, message: error instanceof Error ? error.message : String(error) });
      }),
    ),
  );
  return faults;
}
