import { expect, it } from 'vitest';
import { resyncPause } from '../../../agent/reconcile/resync.js';

it.each([
  ['of a small host keep the configured pause', 15_000, 20, 500, 15_000],
  ['of a small host keep it also when the processor is busy', 1_000, 900, 500, 1_000],
  ['of a large host take a 500th of a core', 15_000, 200, 10_000, 100_000],
  ['never wait more than ten pauses', 15_000, 5_000, 10_000, 150_000],
  ['never wait less than one', 60_000, 100, 10_000, 60_000],
] as const)('comparisons %s', (_what, pause, cost, objects, expected) => {
  expect(resyncPause(pause, cost, objects)).toBe(expected);
});
