import { appendFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { Watchdog } from './hang.js';

/** What `scripts/torture` sets; without it a test runs as part of the suites, short and with a seed that never changes. */
const { TORTURE_SECONDS, TORTURE_SEED, TORTURE_PARTS, TORTURE_REPORT } = process.env;

const SEED = Number(TORTURE_SEED ?? 20_240_229);
const SECONDS = Number(TORTURE_SECONDS ?? 100);
/** How the time is shared between the parts that run, two side by side where they bear it; faults have a fixed list and take what they need. */
const SHARES = { crash: 0.5, kill: 0.5, model: 0.2, fuzz: 0.2, drift: 0.15 } as const;
const ALONE = ['drift'];
/** Longer than any round or first step of a part takes on a busy machine. */
const HANGS_MS = 300_000;

export interface Budget {
  readonly seed: number;
  readonly dice: Dice;
  /** Seconds that the part has. */
  readonly seconds: number;
  /** For vitest: the part's time, and as much again for the last round on a busy machine. */
  readonly timeout: number;
  /** Whether there is time for another round; the clock starts with the first question. */
  goesOn(): boolean;
  /** Tells the watchdog what happens from now on. */
  doing(what: string): void;
  /** Facts for the report; what was noted until the test ended is written, however it ended. */
  readonly facts: Record<string, unknown>;
}

export function budget(part: keyof typeof SHARES): Budget {
  const running = (TORTURE_PARTS?.split(',') ?? Object.keys(SHARES)).filter((each): each is keyof typeof SHARES => each in SHARES);
  const seconds = (SECONDS * SHARES[part]) / lengthOf(running.includes(part) ? running : [part]);
  let watchdog: Watchdog | undefined;
  let end: number | undefined;
  return {
    seed: SEED,
    dice: dice(SEED),
    seconds,
    timeout: seconds * 4000 + 240_000,
    doing: (what) => {
      watchdog ??= watch(part);
      watchdog.says(what);
    },
    goesOn: () => {
      end ??= performance.now() + seconds * 1000;
      return performance.now() < end;
    },
    facts: {},
  };
}

/** Length of a run of these parts, in shares. */
function lengthOf(parts: readonly (keyof typeof SHARES)[]): number {
  const sum = (these: readonly (keyof typeof SHARES)[]) => these.reduce((total, part) => total + SHARES[part], 0);
  const pairs = parts.filter((part) => !ALONE.includes(part));
  return sum(parts.filter((part) => ALONE.includes(part))) + Math.max(sum(pairs) / 2, ...pairs.map((part) => SHARES[part]));
}

function watch(part: string): Watchdog {
  const watchdog = new Watchdog(`torture, part ${part}, seed ${SEED}`, HANGS_MS);
  onTestFinished(async () => void (await watchdog.end()));
  return watchdog;
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
