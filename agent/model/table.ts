import { PersistentMap } from './persistent-map.js';

export type IndexDefinitions<R> = Readonly<Record<string, (record: R) => readonly string[]>>;

type Ids = PersistentMap<true>;
type Indexes = Readonly<Record<string, PersistentMap<Ids>>>;

/** An immutable table of records with secondary indexes. `with` shares all that did not change, whatever the size of the table. */
export class Table<R> {
  private constructor(
    private readonly definitions: IndexDefinitions<R>,
    private readonly rows: PersistentMap<R>,
    private readonly indexes: Indexes,
  ) {}

  static empty<R>(definitions: IndexDefinitions<R>): Table<R> {
    const indexes = Object.keys(definitions).map((name) => [name, PersistentMap.empty<Ids>()] as const);
    return new Table(definitions, PersistentMap.empty<R>(), Object.fromEntries(indexes));
  }

  get size(): number {
    return this.rows.size;
  }

  get(id: string): R | undefined {
    return this.rows.get(id);
  }

  /** In no particular order, as all lists of a table. */
  values(): R[] {
    return this.rows.values();
  }

  ids(): string[] {
    return this.rows.keys();
  }

  entries(): [id: string, record: R][] {
    return this.rows.entries();
  }

  by(index: string, key: string): R[] {
    const found: R[] = [];
    for (const id of this.indexes[index]?.get(key)?.keys() ?? []) {
      const row = this.rows.get(id);
      if (row !== undefined) found.push(row);
    }
    return found;
  }

  /** How many records `by` would find. */
  count(index: string, key: string): number {
    return this.indexes[index]?.get(key)?.size ?? 0;
  }

  with(changes: Iterable<readonly [id: string, record: R | undefined]>): Table<R> {
    return this.rows.size === 0 ? this.filled(changes) : this.changed(changes);
  }

  /** An empty table with these records. */
  private filled(changes: Iterable<readonly [id: string, record: R | undefined]>): Table<R> {
    const records = new Map(changes);
    for (const [id, record] of records) if (record === undefined) records.delete(id);
    const rows = [...records] as [string, R][];
    const indexes = Object.entries(this.definitions).map(([name, keysOf]) => {
      const found = new Map<string, [string, true][]>();
      for (const [id, record] of rows) {
        for (const key of keysOf(record)) {
          const ids = found.get(key);
          if (ids) ids.push([id, true]);
          else found.set(key, [[id, true]]);
        }
      }
      return [name, PersistentMap.from([...found].map(([key, ids]) => [key, PersistentMap.from(ids)] as const))] as const;
    });
    return new Table(this.definitions, PersistentMap.from(rows), Object.fromEntries(indexes));
  }

  private changed(changes: Iterable<readonly [id: string, record: R | undefined]>): Table<R> {
    let rows = this.rows;
    const indexes: Record<string, PersistentMap<Ids>> = { ...this.indexes };
    for (const [id, record] of changes) {
      const previous = rows.get(id);
      rows = record === undefined ? rows.delete(id) : rows.set(id, record);
      for (const [name, keysOf] of Object.entries(this.definitions)) {
        const index = indexes[name];
        if (index) indexes[name] = reindex(index, id, previous ? keysOf(previous) : [], record ? keysOf(record) : []);
      }
    }
    return new Table(this.definitions, rows, indexes);
  }
}

function reindex(index: PersistentMap<Ids>, id: string, before: readonly string[], after: readonly string[]): PersistentMap<Ids> {
  let result = index;
  for (const key of before) {
    if (after.includes(key)) continue;
    const left = result.get(key)?.delete(id);
    result = left && left.size > 0 ? result.set(key, left) : result.delete(key);
  }
  for (const key of after) {
    if (before.includes(key)) continue;
    result = result.set(key, (result.get(key) ?? PersistentMap.empty<true>()).set(id, true));
  }
  return result;
}
