import { type ServiceSpec, type Supervisor, unitOfService } from './service.js';

/** Services that a unit shall have now, none when it shall not exist here. */
export type PlanServices = (unit: string) => readonly ServiceSpec[];

/** Something beside kernel objects that units want and that lives in their namespaces: a reconcile pass keeps it after the objects are made. */
export interface Keeper {
  /** Units of which something has gone wrong, or that have what they do not want. Reads, changes nothing. */
  drifted(): Set<string>;
  /** Those of the units that have or want something. */
  concerned(units: Iterable<string>): string[];
  /** Afterwards the unit has what it wants, and nothing else. @throws the first fault, after trying all. */
  keep(unit: string): Promise<void>;
  /** Before a namespace goes: whatever is in it would keep its devices alive, unseen. */
  endIn(netns: string): Promise<void>;
}

/** Several as one. */
export function keepers(...all: readonly Keeper[]): Keeper {
  return {
    drifted: () => new Set(all.flatMap((each) => [...each.drifted()])),
    concerned: (units) => {
      const asked = [...units];
      return [...new Set(all.flatMap((each) => each.concerned(asked)))];
    },
    keep: async (unit) => {
      const results = await Promise.allSettled(all.filter((each) => each.concerned([unit]).length > 0).map((each) => each.keep(unit)));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
    },
    endIn: async (netns) => void (await Promise.all(all.map((each) => each.endIn(netns)))),
  };
}

/** Makes the processes of the data plane match what units want: the services' part of a reconcile pass. */
export class ServiceKeeper implements Keeper {
  constructor(
    private readonly supervisor: Supervisor,
    private readonly plan: PlanServices,
  ) {}

  /** Units of which a service that they want has died, or that have one they do not want. Reads processes, changes nothing. */
  drifted(): Set<string> {
    const units = new Set<string>();
    for (const name of this.supervisor.list()) {
      const unit = unitOfService(name);
      if (!this.plan(unit).some((spec) => spec.name === name) || this.supervisor.pid(name) === undefined) units.add(unit);
    }
    return units;
  }

  /** Those of the units that have or want services. */
  concerned(units: Iterable<string>): string[] {
    const having = new Set(this.supervisor.list().map(unitOfService));
    return [...units].filter((unit) => having.has(unit) || this.plan(unit).length > 0);
  }

  /** Afterwards the unit's services run as it wants, and others of it do not. @throws the first fault, after trying all. */
  async keep(unit: string): Promise<void> {
    const wanted = this.plan(unit);
    const surplus = this.supervisor.list().filter((name) => unitOfService(name) === unit && !wanted.some((spec) => spec.name === name));
    const results = await Promise.allSettled([
      ...surplus.map((name) => this.supervisor.remove(name)),
      ...wanted.map((spec) => this.supervisor.ensure(spec)),
    ]);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Before a namespace goes: a process in it would keep its devices alive, unseen. */
  endIn(netns: string): Promise<void> {
    return this.supervisor.endIn(netns);
  }
}
