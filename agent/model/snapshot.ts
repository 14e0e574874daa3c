import type { ClientToken } from './client-token.js';
import type { GroupCombination } from './group-combination.js';
import type { Instance } from './instance.js';
import type { NetworkAcl } from './network-acl.js';
import type { NetworkInterface } from './network-interface.js';
import type { RouteTable } from './route-table.js';
import type { PrefixList, SecurityGroup } from './security-group.js';
import type { Subnet } from './subnet.js';
import { type IndexDefinitions, Table } from './table.js';
import type { Vpc } from './vpc.js';

/** Every kind of record in the model. A new noun is one line here and one in `INDEXES`. */
export interface Records {
  vpc: Vpc;
  subnet: Subnet;
  routeTable: RouteTable;
  securityGroup: SecurityGroup;
  groupCombination: GroupCombination;
  prefixList: PrefixList;
  networkAcl: NetworkAcl;
  networkInterface: NetworkInterface;
  instance: Instance;
  clientToken: ClientToken;
}
export type RecordKind = keyof Records;

/** Lookups other than by id. Each index function returns the keys under which a record is found. */
export const INDEXES = {
  vpc: {},
  subnet: { vpcId: (r: Subnet) => [r.vpcId] },
  routeTable: { vpcId: (r: RouteTable) => [r.vpcId] },
  securityGroup: { vpcId: (r: SecurityGroup) => [r.vpcId] },
  groupCombination: { vpcId: (r: GroupCombination) => [r.vpcId] },
  prefixList: {},
  networkAcl: { vpcId: (r: NetworkAcl) => [r.vpcId] },
  networkInterface: {
    vpcId: (r: NetworkInterface) => [r.vpcId],
    subnetId: (r: NetworkInterface) => [r.subnetId],
    groupId: (r: NetworkInterface) => r.groupIds,
    instanceId: (r: NetworkInterface) => (r.attachment ? [r.attachment.instanceId] : []),
    attachmentId: (r: NetworkInterface) => (r.attachment ? [r.attachment.attachmentId] : []),
    macAddress: (r: NetworkInterface) => [r.macAddress],
    /** `<vpcId> <address>`: a private address is unique within its VPC. */
    address: (r: NetworkInterface) => [...r.privateIpAddresses, ...r.ipv6Addresses].map((a) => `${r.vpcId} ${a}`),
    /** `<vpcId> <index>` */
    combination: (r: NetworkInterface) => [`${r.vpcId} ${r.combinationIndex}`],
  },
  instance: { vpcId: (r: Instance) => [r.vpcId], hostId: (r: Instance) => [r.hostId] },
  clientToken: {},
} satisfies { [K in RecordKind]: IndexDefinitions<Records[K]> };

export const RECORD_KINDS = Object.keys(INDEXES) as RecordKind[];

export type IndexName<K extends RecordKind> = keyof (typeof INDEXES)[K] & string;

export type Change = { [K in RecordKind]: { readonly kind: K; readonly id: string; readonly record: Records[K] | undefined } }[RecordKind];

export type Tables = { readonly [K in RecordKind]: Table<Records[K]> };

/** The whole desired state at one revision of the store. Immutable: `with` returns a new one that shares what did not change. */
export class Snapshot {
  private constructor(
    readonly revision: number,
    readonly tables: Tables,
  ) {}

  static readonly empty = new Snapshot(
    0,
    mapKinds((kind) => Table.empty(INDEXES[kind] as IndexDefinitions<Records[typeof kind]>)),
  );

  get<K extends RecordKind>(kind: K, id: string): Records[K] | undefined {
    return this.table(kind).get(id);
  }

  all<K extends RecordKind>(kind: K): Iterable<Records[K]> {
    return this.table(kind).values();
  }

  /** Records found under `key` in the named index, in no particular order. */
  by<K extends RecordKind>(kind: K, index: IndexName<K>, key: string): Records[K][] {
    return this.table(kind).by(index, key);
  }

  with(revision: number, changes: readonly Change[]): Snapshot {
    return new Snapshot(
      revision,
      mapKinds((kind) => {
        const rows = changes.flatMap((change) => (change.kind === kind ? [[change.id, change.record] as const] : []));
        return rows.length > 0 ? (this.tables[kind] as Table<unknown>).with(rows) : this.tables[kind];
      }),
    );
  }

  private table<K extends RecordKind>(kind: K): Table<Records[K]> {
    return this.tables[kind];
  }
}

/** One table per kind. The compiler cannot follow a mapped type through a loop over its keys: this is the one cast for it. */
function mapKinds(tableOf: (kind: RecordKind) => unknown): Tables {
  return Object.fromEntries(RECORD_KINDS.map((kind) => [kind, tableOf(kind)])) as unknown as Tables;
}
