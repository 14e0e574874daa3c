import { DeviceIndexes, type NamedDevices } from './device-indexes.js';
import { faultOf, type KernelError, toKernelError } from './errors.js';
import { type Bench, EXECUTORS, type Executor, type Workshop } from './executors.js';
import type { NetlinkSocket } from './netlink/socket.js';
import { type KernelObject, type KernelOp, keyOf, type ObjectKind, type ObjectSpecs, type OpResult, type PlannedOp } from './port.js';
import { HOST_NAMESPACE } from './resources.js';

/** Operations that run together at most: what is not ours is not noticed in the namespaces meanwhile. */
const RUN_LENGTH = 256;

/**
 * Carries operations out in order. What follows each other and goes the same way (requests to one namespace, members of its
 * sets, …) goes together. Once an operation has failed, later ones of its unit and of units that need it are skipped; those
 * that went together with it have been tried, and their results say what came of it.
 */
export async function applyOps(ops: readonly PlannedOp[], workshop: Workshop): Promise<OpResult[]> {
  const { monitor } = workshop;
  // Nobody cares any more, and the kernel offers whatever it has to tell to the listeners of all namespaces in turn.
  const ending = new Set(ops.filter(isNetnsDeletion));
  for (const { op } of ending) monitor.untrack(op.object.netns);
  const results = await applyInOrder(ops, workshop);
  for (const { planned, outcome } of results) if (ending.has(planned) && outcome !== 'done') monitor.track(planned.op.object.netns);
  return results;
}

const isNetnsDeletion = ({ op }: PlannedOp): boolean => op.verb === 'delete' && op.object.kind === 'netns';

async function applyInOrder(ops: readonly PlannedOp[], workshop: Workshop): Promise<OpResult[]> {
  const bench = { ...workshop, devices: new DeviceIndexes(workshop.sockets) };
  const results: OpResult[] = [];
  const faulty = new Map<string, string>();
  const blockerOf = ({ unit, needs }: PlannedOp): string | undefined => {
    const cause = [unit, ...needs].find((name) => faulty.has(name));
    return cause === undefined ? undefined : (faulty.get(cause) ?? cause);
  };
  let run: PlannedOp[] = [];
  let lane: string | undefined;
  const finishRun = async () => {
    const outcomes = run.length > 0 ? await together(run, bench) : [];
    for (const [index, planned] of run.entries()) {
      const error = outcomes[index] ?? null;
      results.push(error ? { planned, outcome: 'failed', error: faultOf(error, describe(planned.op)) } : { planned, outcome: 'done' });
      if (error && !faulty.has(planned.unit)) faulty.set(planned.unit, planned.unit);
    }
    run = [];
  };
  for (const planned of ops) {
    const next = laneOf(planned.op);
    if (next !== lane || run.length === RUN_LENGTH) await finishRun();
    lane = next;
    const blockedBy = blockerOf(planned);
    if (blockedBy === undefined) {
      run.push(planned);
      continue;
    }
    // Results keep the order of the operations.
    await finishRun();
    results.push({ planned, outcome: 'skipped', blockedBy });
    if (!faulty.has(planned.unit)) faulty.set(planned.unit, blockedBy);
  }
  await finishRun();
  return results;
}

function executorOf<K extends ObjectKind>(object: KernelObject<K>, verb: KernelOp['verb']): Executor<K> {
  return EXECUTORS[object.kind as K][verb];
}

function laneOf({ verb, object }: KernelOp): string {
  const executor = executorOf(object, verb);
  return executor.by === 'requests' ? `requests ${object.netns}` : `${verb} ${object.kind} ${executor.lane(object)}`;
}

/** A run of operations of one lane. */
async function together(run: readonly PlannedOp[], bench: Bench): Promise<(KernelError | null)[]> {
  const [first] = run;
  if (!first) return [];
  const namespaces = new Set(run.flatMap(({ op: { object } }) => placesOf(object)));
  return bench.monitor.quietly(namespaces, () => {
    const executor = executorOf(first.op.object, first.op.verb);
    if (executor.by === 'requests') return sendTogether(first.op.object.netns, run, bench);
    bench.devices.forget();
    return executor.run(
      run.map(({ op }) => op.object),
      bench,
      run.map(({ op }) => (op.verb === 'update' ? op.from : undefined)),
    );
  });
}

/** Packet filters tell by a way of their own (see `Monitor.quietlyInRules`). */
const FILTERS: ReadonlySet<ObjectKind> = new Set(['set', 'member', 'ruleset', 'nft']);

/** Namespaces where an object shows among devices, addresses, routes and settings. */
function placesOf(object: KernelObject): string[] {
  if (FILTERS.has(object.kind)) return [];
  if (object.kind === 'veth') return [object.netns, object.peer.netns];
  return object.kind === 'macvlan' ? [object.netns, HOST_NAMESPACE] : [object.netns];
}

/** Requests of several kinds of objects for one namespace. */
function sendTogether(netns: string, run: readonly PlannedOp[], bench: Bench): (KernelError | null)[] {
  let socket: NetlinkSocket;
  try {
    socket = bench.sockets.route(netns);
  } catch (error) {
    const fault = toKernelError(error);
    return run.map(({ op }) => (op.verb === 'delete' && fault.kind === 'not-found' ? null : fault));
  }
  const devices = bench.devices.in(netns);
  const built = run.map(({ op }) => requestsOf(op, devices, bench));
  const answers = socket.batch(built.flatMap(({ requests }) => requests)).values();
  return run.map(({ op }, index) => {
    const { requests = [], settled = [], error = null, after } = built[index] ?? {};
    const own = requests.map(() => answers.next().value ?? null);
    const fault = error ?? own.find((answer) => answer && !settled.includes(answer.errno ?? '')) ?? null;
    if (!fault) after?.(keyOf(op.object), bench);
    return fault;
  });
}

interface Built {
  readonly requests: readonly Buffer[];
  readonly settled?: readonly string[];
  readonly after?: (key: string, bench: Bench) => void;
  readonly error?: KernelError;
}

function requestsOf({ object, verb }: KernelOp, devices: NamedDevices, bench: Bench): Built {
  const executor = executorOf(object, verb);
  if (executor.by !== 'requests') return { requests: [] };
  const { settled, after } = executor;
  try {
    return { requests: executor.build(object, devices, bench), settled, ...(after && { after }) };
  } catch (error) {
    return { requests: [], error: toKernelError(error) };
  }
}

const WORDS: { readonly [K in ObjectKind]: (spec: ObjectSpecs[K]) => string } = {
  netns: ({ netns }) => `namespace ${netns}`,
  sysctl: ({ netns, path, value }) => `setting ${path} = ${value} in ${netns}`,
  set: ({ netns, name }) => `set ${name} in ${netns}`,
  member: ({ netns, set, entry }) => `member ${entry} of set ${set} in ${netns}`,
  ruleset: ({ netns, family }) => `IPv${family} rules in ${netns}`,
  nft: ({ netns }) => `nft table in ${netns}`,
  veth: ({ netns, name, peer }) => `veth ${name} in ${netns} with ${peer.name} in ${peer.netns}`,
  macvlan: ({ netns, name, parent }) => `macvlan ${name} in ${netns} on ${parent}`,
  parent: ({ device }) => `guard of the host's device ${device}`,
  tun: ({ netns, name }) => `tunnel device ${name} in ${netns}`,
  wireguard: ({ netns, device }) => `WireGuard of ${device} in ${netns}`,
  address: ({ netns, device, address }) => `address ${address} on ${device} in ${netns}`,
  neighbour: ({ netns, device, address }) => `neighbour ${address} on ${device} in ${netns}`,
  route: ({ netns, table, destination }) => `route ${destination} in table ${table} in ${netns}`,
  rule: ({ netns, family, priority, table }) => `IPv${family} routing rule ${priority} to table ${table} in ${netns}`,
};

/** An operation in words: `create address 10.0.1.4/24 on eth0 in i-…`. */
function describe({ verb, object }: KernelOp): string {
  return `${verb} ${wordsOf(object)}`;
}

function wordsOf<K extends ObjectKind>(object: KernelObject<K>): string {
  return (WORDS[object.kind] as (spec: unknown) => string)(object);
}
