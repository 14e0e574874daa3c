import type { Condition, StatusReader } from './status.js';

export interface Outcome {
  readonly reason: string;
  readonly message: string;
}

/** First and longest pause before a failed unit is tried again, milliseconds. */
const BACKOFF_MS = { first: 200, longest: 30_000 } as const;

/** Conditions of all units, in memory: they are observed, never stored. Tells listeners when one turns. */
export class StatusBoard implements StatusReader {
  private readonly conditions = new Map<string, Condition>();
  private readonly listeners = new Set<(condition: Condition) => void>();

  constructor(
    private readonly now: () => number,
    /** 0 ≤ x < 1; spreads retries. */
    private readonly random: () => number,
  ) {}

  condition(unit: string): Condition | undefined {
    return this.conditions.get(unit);
  }

  faults(): Condition[] {
    return [...this.conditions.values()].filter((condition) => !condition.realised);
  }

  onTurn(listener: (condition: Condition) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Records a pass over a unit: `fault` absent when it is as planned. Returns milliseconds until the next attempt after a fault. */
  record(unit: string, fault?: Outcome): number | undefined {
    const previous = this.conditions.get(unit);
    const turned = previous?.realised !== !fault || previous?.message !== fault?.message;
    const since = turned ? new Date(this.now()).toISOString() : previous.since;
    if (!fault) {
      if (turned) this.set({ unit, realised: true, since, failures: 0 });
      return undefined;
    }
    const failures = (previous?.failures ?? 0) + 1;
    const pause = Math.min(BACKOFF_MS.first * 2 ** (failures - 1), BACKOFF_MS.longest) * (0.75 + this.random() / 2);
    this.set({ unit, realised: false, ...fault, since, failures, nextAttempt: new Date(this.now() + pause).toISOString() }, turned);
    return pause;
  }

  /** Forgets a unit that no longer exists. */
  forget(unit: string): void {
    this.conditions.delete(unit);
  }

  private set(condition: Condition, turned = true): void {
    this.conditions.set(condition.unit, condition);
    if (turned) for (const listener of this.listeners) listener(condition);
  }
}
