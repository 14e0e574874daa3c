import {
  type InterfaceCounters,
  type Kernel,
  type KernelFault,
  type KernelFeatures,
  type KernelObject,
  keyOf,
  type ObjectKey,
  type OpResult,
  type PlannedOp,
} from '../../agent/kernel/port.js';

/** A kernel in memory with fault switches. Trusted as far as the contract suite passes on it and on the real one. */
export class FakeKernel implements Kernel {
  readonly objects = new Map<ObjectKey, KernelObject>();
  /** Every operation that was tried, in order. */
  readonly log: string[] = [];
  /** Says which operations fail. */
  fails: (planned: PlannedOp) => KernelFault | undefined = () => undefined;
  /** Held operations: `apply` waits for it. */
  gate: Promise<void> = Promise.resolve();
  private listener: ((netns: string) => void) | undefined;

  async observe(namespaces?: ReadonlySet<string>): Promise<Map<ObjectKey, KernelObject>> {
    return new Map([...this.objects].filter(([, object]) => namespaces === undefined || namespaces.has(object.netns)));
  }

  async apply(ops: readonly PlannedOp[]): Promise<OpResult[]> {
    await this.gate;
    const broken = new Set<string>();
    return ops.map((planned): OpResult => {
      const blockedBy = [planned.unit, ...planned.needs].find((unit) => broken.has(unit));
      if (blockedBy !== undefined) {
        broken.add(planned.unit);
        return { planned, outcome: 'skipped', blockedBy };
      }
      this.log.push(`${planned.op.verb} ${keyOf(planned.op.object)}`);
      const error = this.fails(planned);
      if (error) {
        broken.add(planned.unit);
        return { planned, outcome: 'failed', error };
      }
      this.carryOut(planned);
      return { planned, outcome: 'done' };
    });
  }

  watch(onChange: (netns: string) => void): void {
    this.listener = onChange;
  }

  /** Something behind the agent's back: changes the objects and notifies. */
  drift(netns: string, change: (objects: Map<ObjectKey, KernelObject>) => void): void {
    change(this.objects);
    this.listener?.(netns);
  }

  async counters(): Promise<Map<string, InterfaceCounters>> {
    return new Map();
  }

  async macvlanCounters(): Promise<Map<string, InterfaceCounters>> {
    return new Map();
  }

  hostDevice(): undefined {}

  async probe(): Promise<KernelFeatures> {
    return { kernel: 'fake', features: {}, tools: {}, missing: [] };
  }

  close(): void {}

  private carryOut({ op }: PlannedOp): void {
    const key = keyOf(op.object);
    if (op.verb !== 'delete') this.objects.set(key, op.object);
    else {
      this.objects.delete(key);
      // As in Linux: what is in a namespace goes with it.
      if (op.object.kind === 'netns')
        for (const [inner, object] of this.objects) if (object.netns === op.object.netns) this.objects.delete(inner);
    }
  }
}
