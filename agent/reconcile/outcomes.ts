import { type KernelOp, keyOf, type OpResult } from '../kernel/port.js';
import type { Outcome } from './status-board.js';

/** Units whose operations failed or were skipped, with the first reason. */
export function faultsOf(results: readonly OpResult[]): Map<string, Outcome> {
  const faults = new Map<string, Outcome>();
  for (const result of results) {
    const { unit } = result.planned;
    if (result.outcome === 'done' || faults.has(unit)) continue;
    faults.set(
      unit,
      result.outcome === 'failed'
        ? { reason: result.error.kind, message: result.error.message }
        : { reason: 'blocked', message: `waits for ${result.blockedBy}` },
    );
  }
  return faults;
}

/** Of several operations on one object the last. */
export function unique(ops: readonly KernelOp[]): KernelOp[] {
  return [...new Map(ops.map((op) => [keyOf(op.object), op])).values()];
}
