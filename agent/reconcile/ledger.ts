import { type KernelObject, type KernelOp, keyOf, type ObjectKey, type ObjectMap, type OpResult, type PlannedOp } from '../kernel/port.js';
import { diff, isSame } from './diff.js';

/** Unit of kernel objects of ours that no unit of the model wants: leftovers. */
export const LEFTOVERS = 'leftovers';

/** An observation under way: what the agent itself touched meanwhile is not believed from it. */
export interface Observation {
  readonly touched: Set<ObjectKey>;
}

/**
 * What every unit wants of the kernel, and what the kernel is known to have. Pure bookkeeping: planning one unit and
 * comparing it costs the size of that unit, however large the host is.
 */
export class Ledger {
  private readonly desired = new Map<string, ObjectMap>();
  private readonly known = new Map<ObjectKey, KernelObject>();
  /** Keys that a unit wants, or once wanted and the kernel still has. */
  private readonly keys = new Map<string, Set<ObjectKey>>();
  private readonly owners = new Map<ObjectKey, string>();
  private readonly observations = new Set<Observation>();

  /** Replaces what a unit wants. */
  plan(unit: string, objects: readonly KernelObject[]): void {
    const wanted = new Map(objects.map((object) => [keyOf(object), object] as const));
    const keys = this.keys.get(unit) ?? new Set();
    for (const [key, object] of wanted) {
      const owner = this.owners.get(key);
      if (owner !== undefined && owner !== unit) this.keys.get(owner)?.delete(key);
      this.owners.set(key, unit);
      keys.add(key);
      this.keep(key, object);
    }
    for (const key of keys) if (!wanted.has(key) && (!this.known.has(key) || this.owners.get(key) !== unit)) this.release(unit, keys, key);
    this.keys.set(unit, keys);
    if (wanted.size > 0) this.desired.set(unit, wanted);
    else this.desired.delete(unit);
    this.tidy(unit);
  }

  /** Whether the kernel is known to hold nothing of the unit and the unit wants nothing. */
  isGone(unit: string): boolean {
    return !this.keys.has(unit);
  }

  wantsAny(unit: string): boolean {
    return this.desired.has(unit);
  }

  has(key: ObjectKey): boolean {
    return this.known.has(key);
  }

  /** How many objects the kernel is known to hold. */
  get size(): number {
    return this.known.size;
  }

  /** Units with at least one object wanted or known. */
  units(): Iterable<string> {
    return this.keys.keys();
  }

  /** What has to be done for some units. */
  work(units: Iterable<string>): KernelOp[] {
    const wanted = new Map<ObjectKey, KernelObject>();
    const actual = new Map<ObjectKey, KernelObject>();
    for (const unit of units) for (const key of this.keys.get(unit) ?? []) this.compare(key, wanted, actual);
    return diff(wanted, actual);
  }

  /**
   * What has to be done for everything in some namespaces; for everything when absent. A pair that has to be made takes along the
   * namespace of its other end: what hung on the old device there is gone too.
   */
  workIn(namespaces?: ReadonlySet<string>): KernelOp[] {
    if (namespaces === undefined) return this.isSettled() ? [] : diff(...this.within(() => true));
    const [wanted, actual] = this.within((netns) => namespaces.has(netns));
    const reached = new Set(namespaces);
    for (const [key, object] of wanted) if (object.kind === 'veth' && !actual.has(key)) reached.add(object.peer.netns);
    return reached.size === namespaces.size ? diff(wanted, actual) : diff(...this.within((netns) => reached.has(netns)));
  }

  /** Whether all is known to be as it is wanted: the same objects, after `absorb`. */
  private isSettled(): boolean {
    let wanted = 0;
    for (const objects of this.desired.values()) {
      for (const [key, object] of objects) if (this.known.get(key) !== object) return false;
      wanted += objects.size;
    }
    return wanted === this.known.size;
  }

  private within(isInScope: (netns: string) => boolean): [wanted: ObjectMap, actual: ObjectMap] {
    const wanted = new Map<ObjectKey, KernelObject>();
    const actual = new Map<ObjectKey, KernelObject>();
    for (const objects of this.desired.values()) for (const [key, object] of objects) if (isInScope(object.netns)) wanted.set(key, object);
    for (const [key, object] of this.known) if (isInScope(object.netns)) actual.set(key, object);
    return [wanted, actual];
  }

  unitOf(op: KernelOp): string {
    return this.owners.get(keyOf(op.object)) ?? LEFTOVERS;
  }

  beginObservation(): Observation {
    const observation = { touched: new Set<ObjectKey>() };
    this.observations.add(observation);
    return observation;
  }

  abandon(observation: Observation): void {
    this.observations.delete(observation);
  }

  /** Takes over what was observed in some namespaces (in all of ours when absent). */
  absorb(observation: Observation, observed: ObjectMap, namespaces?: ReadonlySet<string>): void {
    this.observations.delete(observation);
    const { touched } = observation;
    for (const [key, object] of this.known) {
      const inScope = namespaces === undefined || namespaces.has(object.netns);
      if (inScope && !touched.has(key) && !observed.has(key)) this.forget(key);
    }
    for (const [key, object] of observed) {
      if (touched.has(key)) continue;
      this.known.set(key, object);
      const wanted = this.wanted(key);
      if (wanted) this.keep(key, wanted);
    }
  }

  /** Called with the operations before they run: an observation that overlaps them must not be believed about them. */
  begin(ops: readonly PlannedOp[]): void {
    for (const { op } of ops) this.touch(keyOf(op.object));
  }

  /** Takes over what the operations did. Of a failed one nothing is known until the next observation. */
  record(results: readonly OpResult[]): void {
    for (const { planned, outcome } of results) {
      const key = keyOf(planned.op.object);
      this.touch(key);
      if (outcome !== 'done') continue;
      if (planned.op.verb === 'delete') this.forget(key);
      else this.known.set(key, planned.op.object);
    }
  }

  /** What is as wanted is kept once: with thousands of objects, copies would be most of the memory, and comparing them most of the time. */
  private keep(key: ObjectKey, wanted: KernelObject): void {
    const known = this.known.get(key);
    if (known && known !== wanted && isSame(wanted, known)) this.known.set(key, wanted);
  }

  private compare(key: ObjectKey, wanted: Map<ObjectKey, KernelObject>, actual: Map<ObjectKey, KernelObject>): void {
    const want = this.wanted(key);
    const have = this.known.get(key);
    if (want) wanted.set(key, want);
    if (have) actual.set(key, have);
  }

  private wanted(key: ObjectKey): KernelObject | undefined {
    return this.desired.get(this.owners.get(key) ?? '')?.get(key);
  }

  private forget(key: ObjectKey): void {
    this.known.delete(key);
    const unit = this.owners.get(key);
    const keys = unit === undefined ? undefined : this.keys.get(unit);
    if (unit === undefined || !keys || this.desired.get(unit)?.has(key)) return;
    this.release(unit, keys, key);
    this.tidy(unit);
  }

  private release(unit: string, keys: Set<ObjectKey>, key: ObjectKey): void {
    keys.delete(key);
    if (this.owners.get(key) === unit) this.owners.delete(key);
  }

  private tidy(unit: string): void {
    if (this.keys.get(unit)?.size === 0) this.keys.delete(unit);
  }

  private touch(key: ObjectKey): void {
    for (const { touched } of this.observations) touched.add(key);
  }
}
