/** How often it is looked whether the process rests. */
const LOOK_MS = 5000;
/** Share of a core below which it does. */
const RESTING = 0.02;
/** How much more than after the last collection the process must hold for another to be worth while. */
const GROWTH = 1.2;

export interface RestDeps {
  /** Microseconds of processor time that the process has used. */
  readonly cpuUs: () => number;
  /** What the process holds of the machine's memory: much of it can be free to V8, which keeps it. */
  readonly heldBytes: () => number;
  readonly collect: () => Promise<void>;
}

/**
 * Collects garbage when the process comes to rest: V8 does so only while something is allocated, so an agent that has been busy would keep
 * what it used then for hours. Call every `elapsedMs`; does nothing while there is something to do.
 */
export function collectAtRest({ cpuUs, heldBytes, collect }: RestDeps): (elapsedMs: number) => Promise<void> {
  let cpu = cpuUs();
  let collected = 0;
  return async (elapsedMs) => {
    const before = cpu;
    cpu = cpuUs();
    if (cpu - before > elapsedMs * 1000 * RESTING || heldBytes() < collected * GROWTH) return;
    await collect();
    collected = heldBytes();
    cpu = cpuUs();
  };
}

/** The same for this process, from now on. */
export function keepSmallAtRest(): void {
  const look = collectAtRest({
    cpuUs: () => {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
    heldBytes: () => process.memoryUsage.rss(),
    collect: collectGarbage,
  });
  // A Node without inspector cannot.
  const looking = setInterval(() => look(LOOK_MS).catch(() => clearInterval(looking)), LOOK_MS).unref();
}

/**
 * Afterwards what is garbage has gone back to the system: the collection that developers' tools ask for
 * (https://chromedevtools.github.io/devtools-protocol/v8/HeapProfiler). V8's own `gc` leaves the memory with the process.
 */
async function collectGarbage(): Promise<void> {
  const { Session } = await import('node:inspector/promises');
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.collectGarbage');
  // Not from within its own answer.
  setImmediate(() => session.disconnect());
}
