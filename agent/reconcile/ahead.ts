import type { KernelOp, ObjectKind, PlannedOp } from '../kernel/port.js';

/** What stands in namespaces that are there, and goes again without a trace. */
const TRACELESS: ReadonlySet<ObjectKind> = new Set(['sysctl', 'set', 'member', 'ruleset', 'nft', 'address', 'neighbour', 'route', 'rule']);

/**
 * The part of some ordered operations that makes and changes, if all of it may be done while the disk is still taking the state that wants
 * it: nothing that is there ends by it, so that it can be undone should the state come to nothing. Else nothing.
 */
export function aheadOf(ordered: readonly PlannedOp[]): readonly PlannedOp[] {
  const made = ordered.slice(0, 1 + ordered.findLastIndex(({ op }) => op.verb !== 'delete'));
  return made.every(({ op }) => isTraceless(op)) ? made : [];
}

function isTraceless({ verb, object }: KernelOp): boolean {
  if (object.kind === 'veth' || object.kind === 'macvlan') return verb === 'create';
  // A table that translates cuts the flows that it translates otherwise from then on.
  if (object.kind === 'nft' && object.translations) return false;
  return verb !== 'delete' && TRACELESS.has(object.kind);
}
