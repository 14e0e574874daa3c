import { netnsIdentity } from '../kernel/netns.js';
import { type MetadataListener, metadataVpcId } from '../planner/metadata.js';
import type { Keeper } from '../services/keeper.js';
import type { OpenListener } from './listener.js';

interface Open {
  readonly spec: MetadataListener;
  /** Of the namespace that it is in, whatever bears that one's name now. */
  readonly identity: string | undefined;
  readonly listener: OpenListener;
}

/** Makes the listeners of the metadata service match what units want. They are the daemon's own: they go with it and come back with it. */
export class MetadataKeeper implements Keeper {
  private readonly open = new Map<string, readonly Open[]>();

  constructor(
    /** Where a unit shall listen now. */
    private readonly plan: (unit: string) => readonly MetadataListener[],
    private readonly listen: (spec: MetadataListener) => Promise<OpenListener>,
    private readonly identityOf: (netns: string) => string | undefined = netnsIdentity,
  ) {}

  drifted(): Set<string> {
    const differs = (unit: string, open: readonly Open[]) =>
      open.some((each) => !this.isCurrent(each)) || open.length !== this.plan(unit).length;
    return new Set([...this.open].flatMap(([unit, open]) => (differs(unit, open) ? [unit] : [])));
  }

  concerned(units: Iterable<string>): string[] {
    return [...units].filter((unit) => metadataVpcId(unit) !== undefined && (this.open.has(unit) || this.plan(unit).length > 0));
  }

  async keep(unit: string): Promise<void> {
    const wanted = this.plan(unit);
    const open = this.open.get(unit) ?? [];
    const good = open.filter((each) => this.isCurrent(each) && wanted.some((spec) => isSame(spec, each.spec)));
    for (const each of open) if (!good.includes(each)) each.listener.close();
    this.remember(unit, good);
    for (const spec of wanted) {
      if (good.some((each) => isSame(spec, each.spec))) continue;
      const identity = this.identityOf(spec.netns);
      const listener = await this.listen(spec);
      this.remember(unit, [...(this.open.get(unit) ?? []), { spec, identity, listener }]);
    }
  }

  async endIn(netns: string): Promise<void> {
    for (const [unit, open] of this.open) {
      for (const { spec, listener } of open) if (spec.netns === netns) listener.close();
      this.remember(
        unit,
        open.filter(({ spec }) => spec.netns !== netns),
      );
    }
  }

  close(): void {
    for (const { listener } of [...this.open.values()].flat()) listener.close();
    this.open.clear();
  }

  private isCurrent({ spec, identity }: Open): boolean {
    return identity !== undefined && this.identityOf(spec.netns) === identity;
  }

  private remember(unit: string, open: readonly Open[]): void {
    if (open.length > 0) this.open.set(unit, open);
    else this.open.delete(unit);
  }
}

function isSame(a: MetadataListener, b: MetadataListener): boolean {
  return a.netns === b.netns && a.address === b.address;
}
