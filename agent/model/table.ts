export type IndexDefinitions<R> = Readonly<Record<string, (record: R) => readonly string[]>>;

type Rows<R> = ReadonlyMap<string, R>;
type Indexes = Readonly<Record<string, ReadonlyMap<string, ReadonlySet<string>>>>;

/** An immutable table of records with secondary indexes. `with` costs one shallow copy, whatever the number of changes. */
export class Table<R> {
  private constructor(
    private readonly definitions: IndexDefinitions<R>,
    private readonly rows: Rows<R>,
    private readonly indexes: Indexes,
  ) {}

  static empty<R>(definitions: IndexDefinitions<R>): Table<R> {
    return new Table(definitions, new Map(), Object.fromEntries(Object.keys(definitions).map((name) => [name, new Map()])));
  }

  get size(): number {
    return this.rows.size;
  }

  get(id: string): R | undefined {
    return this.rows.get(id);
  }

  values(): Iterable<R> {
    return this.rows.values();
  }

  by(index: string, key: string): R[] {
    const found: R[] = [];
    for (const id of this.indexes[index]?.get(key) ?? []) {
      const row = this.rows.get(id);
      if (row !== undefined) found.push(row);
    }
    return found;
  }

  with(changes: Iterable<readonly [id: string, record: R | undefined]>): Table<R> {
    const rows = new Map(this.rows);
    const indexes: Record<string, Map<string, ReadonlySet<string>>> = {};
    for (const [name, index] of Object.entries(this.indexes)) indexes[name] = new Map(index);
    for (const [id, record] of changes) {
      const previous = rows.get(id);
      if (record === undefined) rows.delete(id);
      else rows.set(id, record);
      for (const [name, keysOf] of Object.entries(this.definitions)) {
        const index = indexes[name];
        if (index) reindex(index, id, previous && keysOf(previous), record && keysOf(record));
      }
    }
    return new Table(this.definitions, rows, indexes);
  }
}

function reindex(
  index: Map<string, ReadonlySet<string>>,
  id: string,
  before: readonly string[] | undefined,
  after: readonly string[] | undefined,
): void {
  for (const key of before ?? []) {
    if (after?.includes(key)) continue;
    const left = new Set(index.get(key));
    left.delete(id);
    if (left.size > 0) index.set(key, left);
    else index.delete(key);
  }
  for (const key of after ?? []) {
    const ids = index.get(key);
    if (!ids?.has(id)) index.set(key, new Set(ids).add(id));
  }
}
