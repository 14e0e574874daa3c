/** A model of what the API promises, in a few lines and without the product's code: the expectations of the model-based test. */

export interface ModelInterface {
  readonly id: string;
  /** Primary first. */
  addresses: string[];
  groups: string[];
  at?: { readonly instance: string; readonly index: number };
  /** Goes with its instance. */
  readonly isPrimary: boolean;
}

export class Town {
  /** Instances by id: whether they run. */
  readonly instances = new Map<string, boolean>();
  readonly interfaces = new Map<string, ModelInterface>();
  /** Groups by id: whom they let ping. */
  readonly groups = new Map<string, 'nobody' | 'members' | 'all'>();

  get running(): string[] {
    return [...this.instances].filter(([, runs]) => runs).map(([id]) => id);
  }

  of(instance: string): ModelInterface[] {
    return [...this.interfaces.values()].filter(({ at }) => at?.instance === instance);
  }

  primaryOf(instance: string): ModelInterface {
    const found = this.of(instance).find(({ isPrimary }) => isPrimary);
    if (!found) throw new Error(`${instance} has no primary interface`);
    return found;
  }

  get spare(): ModelInterface[] {
    return [...this.interfaces.values()].filter(({ isPrimary }) => !isPrimary);
  }

  freeIndex(instance: string): number {
    const taken = new Set(this.of(instance).map(({ at }) => at?.index));
    return [1, 2, 3].find((index) => !taken.has(index)) ?? 0;
  }

  /** An address of the subnet that nobody has, from a number. */
  freeAddress(n: number): string {
    const taken = new Set([...this.interfaces.values()].flatMap(({ addresses }) => addresses));
    for (let i = 0; ; i++) {
      const address = `10.0.1.${20 + ((n + i) % 200)}`;
      if (!taken.has(address)) return address;
    }
  }

  /** Addresses that are left in the subnet: 256, less the five that are kept back, less those in use. */
  get freeCount(): number {
    return 251 - [...this.interfaces.values()].reduce((sum, { addresses }) => sum + addresses.length, 0);
  }

  /** Whether a ping from one interface reaches another: some group of the receiver lets it in. All let everything out. */
  passes(from: ModelInterface, to: ModelInterface): boolean {
    return to.groups.some((group) => {
      const whom = this.groups.get(group);
      return whom === 'all' || (whom === 'members' && from.groups.includes(group));
    });
  }
}
