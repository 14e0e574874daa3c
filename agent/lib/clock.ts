/** Time as an argument, so that whoever needs it can be tested without waiting. */
export interface Clock {
  /** ISO 8601 with milliseconds, UTC. */
  readonly iso: () => string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds from some fixed point; never goes back. */
  readonly monotonic: () => number;
}

export const systemClock: Clock = {
  iso: () => new Date().toISOString(),
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
