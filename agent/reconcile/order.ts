import type { KernelOp, ObjectKind, PlannedOp, VethSpec } from '../kernel/port.js';
import { HOST_NAMESPACE, INTERNET_NAMESPACE, isInstanceNamespace, MAIN_TABLE } from '../kernel/resources.js';
import { ends, hasSamePeer } from './diff.js';

/**
 * Order in which operations are safe: what filters comes before what carries, what is new before the old it replaces goes, and
 * in removal what carries goes before what filters. A break at any point leaves traffic dropped or as it was, never more open.
 *
 * Made and changed: namespaces, settings, sets, rules, tables, set members, blackhole routes, guards of the host's devices, devices, what an instance has (one
 * instance after the other), then elsewhere addresses, neighbours, routes, routing rules, tunnels' processes.
 * Then removed: tunnels' processes, routing rules, routes, neighbours, addresses, devices, set members, rules, tables, guards, sets, settings, namespaces.
 *
 * The uplink opens last of all that is made, so that where its device is missing everything else is there; it closes first.
 *
 * Two exceptions to "removal last, routes after devices":
 * - Blackhole routes need no device and only close: they come before devices are made or make room.
 * - A device whose place (a name in a namespace, at either end; a macvlan's MAC) is wanted by a device that is made goes right before the devices are
 *   made; what hangs on it goes with it. So does a device that is replaced in place, before those that are only made. Of devices that
 *   have swapped places each is in the other's way: the operation itself makes room then.
 */
export function order(ops: readonly PlannedOp[]): PlannedOp[] {
  const wanted = new Set(ops.flatMap(({ op }) => placesTaken(op)));
  // Array.prototype.sort is stable: operations of one rank stay in the order in which units planned them.
  const instances = new Map<string, number>();
  return ops
    .map((planned) => {
      const { netns, kind } = planned.op.object;
      const rank = rankOf(planned.op, wanted);
      if (rank !== RANK['make in instance']) return { planned, rank, instance: 0, within: 0 };
      const instance = instances.get(netns) ?? instances.size;
      instances.set(netns, instance);
      return { planned, rank, instance, within: RANK[`make ${kind}`] };
    })
    .sort((a, b) => a.rank - b.rank || a.instance - b.instance || a.within - b.within)
    .map(({ planned }) => planned);
}

/** They go to one namespace together: what hangs on devices there comes first and opens nothing yet, as no route leads to it. */
const IN_INSTANCE: ReadonlySet<ObjectKind> = new Set(['address', 'neighbour', 'route', 'rule']);

const STEPS = [
  'make netns',
  'make sysctl',
  'make set',
  'make ruleset',
  'make nft',
  'make member',
  'make blackhole',
  'make parent',
  'make room',
  'replace veth',
  'make veth',
  'make macvlan',
  'make tun',
  'make in instance',
  'make address',
  'make neighbour',
  'make route',
  'make local rule',
  'make rule',
  'make wireguard',
  'open uplink',
  'make uplink',
  'close uplink',
  'remove wireguard',
  'remove rule',
  'remove local rule',
  'remove route',
  'remove neighbour',
  'remove address',
  'remove veth',
  'remove macvlan',
  'remove tun',
  'remove member',
  'remove ruleset',
  'remove nft',
  'remove parent',
  'remove set',
  'remove sysctl',
  'remove netns',
] as const;

type Step = (typeof STEPS)[number];
/** Every kind of object has a step in which it is made and one in which it is removed. */
type OrdinaryStep = `make ${ObjectKind}` | `remove ${ObjectKind}`;
const RANK = Object.fromEntries(STEPS.map((step, rank) => [step, rank])) as Record<Step | OrdinaryStep, number>;

function rankOf(op: KernelOp, wanted: ReadonlySet<string>): number {
  return RANK[stepOf(op, wanted)];
}

function stepOf(op: KernelOp, wanted: ReadonlySet<string>): Step {
  const { object, verb } = op;
  if (isUplinkForwarding(object)) return verb === 'delete' ? 'close uplink' : 'open uplink';
  // While packets are looked up by their marks, those within a VPC stay in table main.
  if (object.kind === 'rule' && object.table === MAIN_TABLE) return verb === 'delete' ? 'remove local rule' : 'make local rule';
  if (verb === 'delete') return placesOf(object).some((place) => wanted.has(place)) ? 'make room' : `remove ${object.kind}`;
  if (object.kind === 'route' && object.type === 'blackhole') return 'make blackhole';
  if (isUplinkRoute(object)) return 'make uplink';
  if (IN_INSTANCE.has(object.kind) && isInstanceNamespace(object.netns)) return 'make in instance';
  if (object.kind === 'veth' && verb === 'update') return replaced(op) ? 'replace veth' : 'make veth';
  return `make ${object.kind}`;
}

/** A setting in the host's own namespace: it lets packets pass between the lab's internet and the uplink. */
function isUplinkForwarding({ kind, netns }: KernelOp['object']): boolean {
  return kind === 'sysctl' && netns === HOST_NAMESPACE;
}

/** The default route of the lab's internet. */
function isUplinkRoute(object: KernelOp['object']): boolean {
  return object.kind === 'route' && object.netns === INTERNET_NAMESPACE && object.destination === '0.0.0.0/0';
}

/** Names in namespaces that an operation puts a device's ends at. */
function placesTaken(op: KernelOp): readonly string[] {
  if (op.verb === 'delete' || (op.object.kind === 'veth' && op.verb !== 'create' && !replaced(op))) return [];
  return placesOf(op.object);
}

/** What only one device at a time can have: names in namespaces, a MAC on a device of the host's. */
function placesOf(object: KernelOp['object']): readonly string[] {
  if (object.kind === 'veth') return ends(object);
  return object.kind === 'macvlan' ? [`${object.netns} ${object.name}`, `${object.parent} ${object.mac}`] : [];
}

function replaced(op: KernelOp): VethSpec | undefined {
  if (op.verb !== 'update' || op.object.kind !== 'veth' || op.from.kind !== 'veth') return undefined;
  return hasSamePeer(op.object, op.from) ? undefined : op.from;
}
