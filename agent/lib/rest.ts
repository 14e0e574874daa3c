import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How often it is looked whether the process rests. */
const LOOK_MS = 5000;
/** Share of a core below which it does. */
const RESTING = 0.02;
/** How much larger than after the last collection the heap must be for another to be worth while. */
const GROWTH = 1.5;

export interface RestDeps {
  /** Microseconds of processor time that the process has used. */
  readonly cpuUs: () => number;
  readonly heapBytes: () => number;
  readonly collect: () => void;
}

/**
 * Collects garbage when the process comes to rest: V8 does so only while something is allocated, so an agent that has been busy would keep
 * what it used then for hours. Call every `elapsedMs`; does nothing while there is something to do.
 */
export function collectAtRest({ cpuUs, heapBytes, collect }: RestDeps): (elapsedMs: number) => void {
  let cpu = cpuUs();
  let collected = 0;
  return (elapsedMs) => {
    const before = cpu;
    cpu = cpuUs();
    if (cpu - before > elapsedMs * 1000 * RESTING || heapBytes() < collected * GROWTH) return;
    collect();
    collected = heapBytes();
    cpu = cpuUs();
  };
}

/** The same for this process, from now on. */
export function keepSmallAtRest(): void {
  // Contexts that are made after the flag have the function (https://nodejs.org/api/v8.html#v8setflagsfromstringflags).
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const look = collectAtRest({
    cpuUs: () => {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
    heapBytes: () => process.memoryUsage().heapUsed,
    collect: gc,
  });
  setInterval(() => look(LOOK_MS), LOOK_MS).unref();
}
