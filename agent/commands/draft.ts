import type { Change, IndexName, RecordKind, Records, Snapshot } from '../model/snapshot.js';
import { INDEXES } from '../model/snapshot.js';
import type { IndexDefinitions } from '../model/table.js';

/** A snapshot with uncommitted writes on top: reads see the writes. Thrown away when a command fails. */
export class Draft {
  private readonly written = new Map<RecordKind, Map<string, unknown>>();

  constructor(readonly base: Snapshot) {}

  get<K extends RecordKind>(kind: K, id: string): Records[K] | undefined {
    const own = this.own(kind);
    return own?.has(id) ? own.get(id) : this.base.get(kind, id);
  }

  /** Records found under `key` in the named index. */
  by<K extends RecordKind>(kind: K, index: IndexName<K>, key: string): Records[K][] {
    const own = this.own(kind);
    const found = this.base.by(kind, index, key);
    if (!own) return found;
    const keysOf = (INDEXES[kind] as IndexDefinitions<Records[K]>)[index];
    const untouched = found.filter((record) => !own.has(idOf(kind, record)));
    const fresh = [...own.values()].filter(
      (record): record is Records[K] => record !== undefined && keysOf?.(record).includes(key) === true,
    );
    return [...untouched, ...fresh];
  }

  all<K extends RecordKind>(kind: K): Records[K][] {
    const own = this.own(kind);
    const untouched = [...this.base.all(kind)].filter((record) => !own?.has(idOf(kind, record)));
    return [...untouched, ...[...(own?.values() ?? [])].filter((record): record is Records[K] => record !== undefined)];
  }

  put<K extends RecordKind>(kind: K, record: Records[K]): Records[K] {
    this.write(kind, idOf(kind, record), record);
    return record;
  }

  delete(kind: RecordKind, id: string): void {
    this.write(kind, id, undefined);
  }

  changes(): Change[] {
    return [...this.written].flatMap(([kind, rows]) => [...rows].map(([id, record]) => ({ kind, id, record }) as Change));
  }

  private own<K extends RecordKind>(kind: K): Map<string, Records[K] | undefined> | undefined {
    return this.written.get(kind) as Map<string, Records[K] | undefined> | undefined;
  }

  private write(kind: RecordKind, id: string, record: unknown): void {
    const rows = this.written.get(kind) ?? new Map<string, unknown>();
    this.written.set(kind, rows.set(id, record));
  }
}

/** Name of each kind's identity field. */
const ID_FIELD: { readonly [K in RecordKind]: keyof Records[K] & string } = {
  vpc: 'vpcId',
  subnet: 'subnetId',
  routeTable: 'routeTableId',
  securityGroup: 'groupId',
  groupCombination: 'combinationId',
  prefixList: 'prefixListId',
  networkAcl: 'networkAclId',
  networkInterface: 'networkInterfaceId',
  instance: 'instanceId',
  clientToken: 'tokenId',
};

function idOf<K extends RecordKind>(kind: K, record: Records[K]): string {
  return String(record[ID_FIELD[kind]]);
}
