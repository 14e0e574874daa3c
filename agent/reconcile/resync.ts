/** Share of a core that the periodic comparisons of a large host take, beside the garbage that is collected after them. */
const SHARE = 1 / 500;
/** A host with fewer objects, some hundred interfaces' worth, keeps the configured pause whatever the processor does besides. */
const LARGE = 3000;
/** Never longer than so many times the configured pause. */
const LONGEST = 10;

/** Pause before the next full comparison, after one that took so much CPU on a host with so many objects; milliseconds. */
export function resyncPause(resyncMs: number, costMs: number, objects: number): number {
  if (objects < LARGE) return resyncMs;
  return Math.min(Math.max(resyncMs, costMs / SHARE), resyncMs * LONGEST);
}
