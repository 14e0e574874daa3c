/** Share of a core that the periodic comparisons of a large host take. */
const SHARE = 1 / 250;
/** A comparison that takes less, milliseconds of CPU, is worth the configured pause whatever its share. */
const CHEAP_MS = 250;
/** Never longer than so many times the configured pause. */
const LONGEST = 10;

/** Pause before the next full comparison, after one that took so much CPU; milliseconds. */
export function resyncPause(resyncMs: number, costMs: number): number {
  if (costMs < CHEAP_MS) return resyncMs;
  return Math.min(Math.max(resyncMs, costMs / SHARE), resyncMs * LONGEST);
}
