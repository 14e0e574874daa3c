import { createHash } from 'node:crypto';
import pino from 'pino';
import { transact } from '../../../agent/commands/transact.js';
import { createLinuxKernel } from '../../../agent/kernel/linux.js';
import { type Kernel, type KernelObject, keyOf, type PlannedOp } from '../../../agent/kernel/port.js';
import type { Snapshot } from '../../../agent/model/snapshot.js';
import { planUnit } from '../../../agent/planner/plan.js';
import { allUnits } from '../../../agent/planner/units.js';
import { diff } from '../../../agent/reconcile/diff.js';
import type { FinishCall } from '../../../agent/reconcile/finish.js';
import { ReconcileLoop } from '../../../agent/reconcile/loop.js';
import { StatusBoard } from '../../../agent/reconcile/status-board.js';
import { createMemoryStore } from '../../../agent/store/memory.js';
import { HOST, SETTINGS } from '../builders.js';

const log = pino({ level: 'silent' });

/**
 * Store, commands, loop and real kernel of an agent in this process, which can die before any step and start again at once. A step
 * is an operation on the kernel, or a commit of what the kernel has completed. What dies does nothing more; what it had asked the
 * kernel for stays. The store is what survives.
 */
export class Host {
  readonly store = createMemoryStore();
  /** Steps that were taken since it was last emptied. */
  readonly steps: string[] = [];
  /** The step before which the agent last died. */
  diedBefore = '';
  /** Steps until the agent dies. */
  #fate: number | undefined;
  #end: () => void = () => {};
  #isDead = false;
  /** Told of the end. */
  #witnesses: (() => void)[] = [];
  #loop: ReconcileLoop | undefined;
  #status = new StatusBoard(Date.now, Math.random);
  #serial = 0;

  /** Afterwards a new agent runs and has made its first pass. Rejects with `Died` when it was to die in that. */
  async start(): Promise<void> {
    const kernel = createLinuxKernel({ log });
    const life = { dead: false };
    this.#isDead = false;
    this.#witnesses = [];
    this.#status = new StatusBoard(Date.now, () => 0.5);
    const loop = new ReconcileLoop({
      store: this.store,
      kernel: this.#mortal(kernel, life),
      runtime: {
        start: async () => {},
        end: async () => {},
        forget: async () => {},
        consoleOutput: async () => undefined,
        initPid: () => undefined,
      },
      status: this.#status,
      settings: { ...SETTINGS, region: 'us-east-1' },
      resyncMs: 3_600_000,
      log,
      finish: (calls) => this.#finish(calls, life),
    });
    this.#end = () => {
      life.dead = true;
      void loop.stop();
      kernel.close();
    };
    this.#loop = loop;
    await this.#unlessDead(loop.start());
  }

  stop(): void {
    this.#end();
  }

  /** Lets the agent die before the step of that number from now on. */
  dieBefore(step: number): void {
    this.#fate = step;
  }

  /** Whether the agent is still to die. */
  get isDoomed(): boolean {
    return this.#fate !== undefined;
  }

  spare(): void {
    this.#fate = undefined;
  }

  /** The commands as one change, durable; resolves when the kernel has it. Rejects with `Died` when the agent did before. */
  async call(...calls: readonly { readonly command: any; readonly input: unknown }[]): Promise<any[]> {
    const { results, after } = await transact(this.store, this.#context, calls);
    await this.#unlessDead(this.#loop?.settled(after) ?? Promise.resolve());
    return [...results];
  }

  /** Waits until everything that is under way is done. */
  async quiet(): Promise<void> {
    for (;;) {
      const before = this.store.snapshot();
      await this.#unlessDead(this.#loop?.settled(before) ?? Promise.resolve());
      if (this.store.snapshot() === before) return;
    }
  }

  get snapshot(): Snapshot {
    return this.store.snapshot();
  }

  get faults() {
    return this.#status.faults();
  }

  plan(): KernelObject[] {
    return [...allUnits(this.snapshot, HOST)].flatMap((unit) => planUnit(this.snapshot, SETTINGS, unit));
  }

  /** Operations that a fresh look at the kernel asks for; empty when it is as planned. */
  async difference(): Promise<string[]> {
    const kernel = createLinuxKernel({ log });
    try {
      const wanted = new Map(this.plan().map((object) => [keyOf(object), object]));
      return diff(wanted, await kernel.observe()).map(({ verb, object }) => `${verb} ${keyOf(object)}`);
    } finally {
      kernel.close();
    }
  }

  #context = () => ({
    now: new Date().toISOString(),
    randomHex: (digits: number) =>
      createHash('sha256')
        .update(`torture ${++this.#serial}`)
        .digest('hex')
        .slice(0, digits),
    hostId: HOST,
    ownerId: '123456789012',
    region: 'us-east-1',
    zones: ['us-east-1a'],
    limits: { rulesPerDirection: 60, groupsPerInterface: 5 },
    publicPool: SETTINGS.publicPool,
  });

  #mortal(kernel: Kernel, life: { dead: boolean }): Kernel {
    const forever = new Promise<never>(() => {});
    return {
      ...kernel,
      observe: async (namespaces) => {
        const observed = await kernel.observe(namespaces);
        return life.dead ? forever : observed;
      },
      apply: async (ops) => {
        if (life.dead) return forever;
        const taken = this.#take(ops);
        const results = await kernel.apply(taken);
        if (taken.length === ops.length) return results;
        this.diedBefore = nameOf(ops[taken.length]);
        this.#die();
        return forever;
      },
    };
  }

  async #finish(calls: readonly FinishCall[], life: { dead: boolean }): Promise<void> {
    if (life.dead) return new Promise(() => {});
    const step = calls.map(({ command }) => command).join(' ');
    if (!this.#survives(step)) {
      this.diedBefore = step;
      this.#die();
      return new Promise(() => {});
    }
    await transact(this.store, this.#context, calls);
  }

  /** Those of the operations that are carried out before the end. */
  #take(ops: readonly PlannedOp[]): readonly PlannedOp[] {
    const end = ops.findIndex((op) => !this.#survives(nameOf(op)));
    return end < 0 ? ops : ops.slice(0, end);
  }

  #survives(step: string): boolean {
    if (this.#fate === 0) return false;
    if (this.#fate !== undefined) this.#fate--;
    this.steps.push(step);
    return true;
  }

  #die(): void {
    this.#fate = undefined;
    this.#end();
    this.#isDead = true;
    for (const witness of this.#witnesses.splice(0)) witness();
  }

  #unlessDead<T>(work: Promise<T>): Promise<T> {
    if (this.#isDead) return Promise.reject(new Died(this.diedBefore));
    return Promise.race([work, new Promise<never>((_, reject) => this.#witnesses.push(() => reject(new Died(this.diedBefore))))]);
  }
}

export class Died extends Error {
  constructor(step: string) {
    super(`died before: ${step}`);
  }
}

const nameOf = (planned: PlannedOp | undefined): string => (planned ? `${planned.op.verb} ${planned.op.object.kind}` : '');
