import { type Change, ID_FIELD, type IndexName, type RecordKind, type Records, type Snapshot } from '../model/snapshot.js';

/** A snapshot with uncommitted writes on top: reads see the writes. Thrown away when a command fails. */
export class Draft {
  /** The state as written so far. */
  private current: Snapshot;
  private readonly touched = new Map<string, { readonly kind: RecordKind; readonly id: string }>();

  constructor(readonly base: Snapshot) {
    this.current = base;
  }

  get state(): Snapshot {
    return this.current;
  }

  get<K extends RecordKind>(kind: K, id: string): Records[K] | undefined {
    return this.current.get(kind, id);
  }

  /** Records found under `key` in the named index, in no particular order. */
  by<K extends RecordKind>(kind: K, index: IndexName<K>, key: string): Records[K][] {
    return this.current.by(kind, index, key);
  }

  count<K extends RecordKind>(kind: K, index: IndexName<K>, key: string): number {
    return this.current.count(kind, index, key);
  }

  all<K extends RecordKind>(kind: K): Records[K][] {
    return this.current.all(kind);
  }

  ids(kind: RecordKind): string[] {
    return this.current.tables[kind].ids();
  }

  put<K extends RecordKind>(kind: K, record: Records[K]): Records[K] {
    this.write(kind, String(record[ID_FIELD[kind]]), record);
    return record;
  }

  delete(kind: RecordKind, id: string): void {
    this.write(kind, id, undefined);
  }

  /** Runs `work`; when it throws, what it wrote is taken back and the fault passed on. */
  attempt<T>(work: () => T): T {
    const saved = this.current;
    try {
      return work();
    } catch (error) {
      this.current = saved;
      throw error;
    }
  }

  /** One change per record that was written, with its last value; a record made and deleted again leaves none. */
  changes(): Change[] {
    return [...this.touched.values()].flatMap(({ kind, id }) => {
      const record = this.current.get(kind, id);
      return record === this.base.get(kind, id) ? [] : [{ kind, id, record } as Change];
    });
  }

  private write(kind: RecordKind, id: string, record: unknown): void {
    this.touched.set(`${kind} ${id}`, { kind, id });
    this.current = this.current.with(this.base.revision, [{ kind, id, record } as Change]);
  }
}
