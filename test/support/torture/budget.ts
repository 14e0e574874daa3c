import { appendFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';

/** What `scripts/torture` sets; without it a test runs as part of the suites, short and with a seed that never changes. */
const { TORTURE_SECONDS, TORTURE_SEED, TORTURE_PARTS, TORTURE_REPORT } = process.env;

const SEED = Number(TORTURE_SEED ?? 20_240_229);
const SECONDS = Number(TORTURE_SECONDS ?? 100);
/** How the time is shared between the parts that run; faults have a fixed list and take what they need. */
const SHARES = { crash: 0.35, kill: 0.2, drift: 0.15, model: 0.15, fuzz: 0.15 } as const;

export interface Budget {
  readonly seed: number;
  readonly dice: Dice;
  /** Seconds that the part has. */
  readonly seconds: number;
  /** For vitest: the part's time, and as much again for the last round on a busy machine. */
  readonly timeout: number;
  /** Whether there is time for another round; the clock starts with the first question. */
  goesOn(): boolean;
  /** Facts for the report; what was noted until the test ended is written, however it ended. */
  readonly facts: Record<string, unknown>;
}

export function budget(part: keyof typeof SHARES): Budget {
  const running = (TORTURE_PARTS?.split(',') ?? Object.keys(SHARES)).map((each) => SHARES[each as keyof typeof SHARES] ?? 0);
  const seconds = (SECONDS * SHARES[part]) / (running.reduce((sum, share) => sum + share, 0) || 1);
  let end: number | undefined;
  return {
    seed: SEED,
    dice: dice(SEED),
    seconds,
    timeout: seconds * 4000 + 240_000,
    goesOn: () => {
      end ??= performance.now() + seconds * 1000;
      return performance.now() < end;
    },
    facts: {},
  };
}

/** Inside a test: tells what was done in words, and to the report when there is one. */
export function reports({ seed, facts }: Pick<Budget, 'seed' | 'facts'>, part: string): void {
  const start = performance.now();
  onTestFinished(({ task }) => {
    const line = { part, seed, passed: task.result?.state !== 'fail', seconds: Math.round((performance.now() - start) / 1000), ...facts };
    if (TORTURE_REPORT !== undefined) appendFileSync(TORTURE_REPORT, `${JSON.stringify(line)}\n`);
  });
}

export interface Dice {
  /** 0 ≤ x < 1 */
  roll(): number;
  /** A whole number, 0 ≤ n < below. */
  below(n: number): number;
  /** @throws {RangeError} when there is none. */
  pick<T>(from: readonly T[]): T;
  chance(probability: number): boolean;
}

/** Repeatable randomness (mulberry32). */
export function dice(seed: number): Dice {
  let state = seed;
  const roll = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number) => Math.floor(roll() * n);
  return {
    roll,
    below,
    chance: (probability) => roll() < probability,
    pick: <T>(from: readonly T[]) => {
      if (from.length === 0) throw new RangeError('nothing to choose from');
      return from[below(from.length)] as T;
    },
  };
}
