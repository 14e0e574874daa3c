import { expect, it } from 'vitest';
import { resyncPause } from '../../../agent/reconcile/resync.js';

it.each([
  ['of a small host keep the configured pause', 15_000, 20, 15_000],
  ['of a test with a short pause, too', 1_000, 90, 1_000],
  ['of a large host take a 250th of a core', 15_000, 300, 75_000],
  ['never wait more than ten pauses', 15_000, 5_000, 150_000],
  ['never wait less than one', 60_000, 230, 60_000],
] as const)('comparisons %s', (_what, pause, cost, expected) => {
  expect(resyncPause(pause, cost)).toBe(expected);
});
