import { AddressUse } from './address-use.js';
import type { ClientToken } from './client-token.js';
import type { DhcpOptions } from './dhcp-options.js';
import type { ElasticIp } from './elastic-ip.js';
import type { EgressOnlyInternetGateway, InternetGateway, NatGateway } from './gateway.js';
import { combinationKey, type GroupCombination } from './group-combination.js';
import type { Instance } from './instance.js';
import type { KeyPair } from './key-pair.js';
import type { NetworkAcl } from './network-acl.js';
import { interfaceAddresses, type NetworkInterface } from './network-interface.js';
import type { Route, RouteTable, RouteTarget } from './route-table.js';
import type { PrefixList, SecurityGroup, SecurityGroupRule } from './security-group.js';
import type { Subnet } from './subnet.js';
import { type IndexDefinitions, Table } from './table.js';
import type { Vpc } from './vpc.js';
import type { VpcPeeringConnection } from './vpc-peering-connection.js';
import type { CustomerGateway, VpnConnection, VpnGateway } from './vpn.js';

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
  internetGateway: InternetGateway;
  egressOnlyInternetGateway: EgressOnlyInternetGateway;
  natGateway: NatGateway;
  elasticIp: ElasticIp;
  vpcPeeringConnection: VpcPeeringConnection;
  vpnGateway: VpnGateway;
  customerGateway: CustomerGateway;
  vpnConnection: VpnConnection;
  dhcpOptions: DhcpOptions;
  keyPair: KeyPair;
  clientToken: ClientToken;
}
export type RecordKind = keyof Records;

/** Lookups other than by id. Each index function returns the keys under which a record is found. */
export const INDEXES = {
  vpc: { dhcpOptionsId: (r: Vpc) => [r.dhcpOptionsId] },
  subnet: { vpcId: (r: Subnet) => [r.vpcId] },
  routeTable: {
    vpcId: (r: RouteTable) => [r.vpcId],
    associationId: (r: RouteTable) => [
      ...r.associations.map((a) => a.associationId),
      ...(r.mainAssociationId ? [r.mainAssociationId] : []),
    ],
    subnetId: (r: RouteTable) => r.associations.flatMap((a) => (a.subnetId ? [a.subnetId] : [])),
    /** What the routes name: targets of every kind but local, and prefix lists. */
    refersTo: (r: RouteTable) => [...new Set(r.routes.flatMap(routeReferences))],
    propagatingGatewayId: (r: RouteTable) => r.propagatingGatewayIds,
  },
  securityGroup: {
    vpcId: (r: SecurityGroup) => [r.vpcId],
    ruleId: (r: SecurityGroup) => r.rules.map((rule) => rule.ruleId),
    /** Groups and prefix lists that the rules name as peers. */
    peerId: (r: SecurityGroup) => [...new Set(r.rules.flatMap(peerIds))],
  },
  groupCombination: {
    vpcId: (r: GroupCombination) => [r.vpcId],
    /** `<vpcId> <group>,<group>… <subnetId or nothing>` */
    groups: (r: GroupCombination) => [combinationKey(r)],
  },
  prefixList: {},
  networkAcl: {
    vpcId: (r: NetworkAcl) => [r.vpcId],
    subnetId: (r: NetworkAcl) => r.associations.map((a) => a.subnetId),
    associationId: (r: NetworkAcl) => r.associations.map((a) => a.associationId),
  },
  networkInterface: {
    vpcId: (r: NetworkInterface) => [r.vpcId],
    subnetId: (r: NetworkInterface) => [r.subnetId],
    groupId: (r: NetworkInterface) => r.groupIds,
    instanceId: (r: NetworkInterface) => (r.attachment ? [r.attachment.instanceId] : []),
    permissionId: (r: NetworkInterface) => (r.permissions ?? []).map((permission) => permission.networkInterfacePermissionId),
    pastAttachmentId: (r: NetworkInterface) => (r.pastAttachment ? [r.pastAttachment.attachmentId] : []),
    attachmentId: (r: NetworkInterface) => (r.attachment ? [r.attachment.attachmentId] : []),
    macAddress: (r: NetworkInterface) => [r.macAddress],
    /** `<vpcId> <address>`: a private address is unique within its VPC. */
    address: (r: NetworkInterface) => interfaceAddresses(r).map((a) => `${r.vpcId} ${a}`),
    /** `<vpcId> <index>` */
    combination: (r: NetworkInterface) => [`${r.vpcId} ${r.combinationIndex}`],
  },
  instance: { vpcId: (r: Instance) => [r.vpcId], hostId: (r: Instance) => [r.hostId] },
  internetGateway: { vpcId: (r: InternetGateway) => (r.vpcId ? [r.vpcId] : []) },
  egressOnlyInternetGateway: { vpcId: (r: EgressOnlyInternetGateway) => [r.vpcId] },
  natGateway: {
    vpcId: (r: NatGateway) => [r.vpcId],
    subnetId: (r: NatGateway) => [r.subnetId],
    hostId: (r: NatGateway) => [r.hostId],
    networkInterfaceId: (r: NatGateway) => [r.networkInterfaceId],
  },
  elasticIp: {
    publicIp: (r: ElasticIp) => [r.publicIp],
    associationId: (r: ElasticIp) => (r.association ? [r.association.associationId] : []),
    networkInterfaceId: (r: ElasticIp) => (r.association ? [r.association.networkInterfaceId] : []),
    /** VPC of the interface that it is associated with. */
    vpcId: (r: ElasticIp) => (r.association ? [r.association.vpcId] : []),
  },
  vpcPeeringConnection: {
    /** Both ends. */
    vpcId: (r: VpcPeeringConnection) => [r.requesterVpcId, r.accepterVpcId],
  },
  vpnGateway: { vpcId: (r: VpnGateway) => (r.vpcId ? [r.vpcId] : []) },
  customerGateway: { ipAddress: (r: CustomerGateway) => [r.ipAddress] },
  vpnConnection: {
    vpnGatewayId: (r: VpnConnection) => [r.vpnGatewayId],
    customerGatewayId: (r: VpnConnection) => [r.customerGatewayId],
    outsideIpAddress: (r: VpnConnection) => [r.outsideIpAddress],
    tunnelInsideCidr: (r: VpnConnection) => [r.tunnelInsideCidr],
  },
  dhcpOptions: {},
  keyPair: { keyName: (r: KeyPair) => [r.keyName] },
  clientToken: {},
} satisfies { [K in RecordKind]: IndexDefinitions<Records[K]> };

/** Name of each kind's identity field. */
export const ID_FIELD: { readonly [K in RecordKind]: keyof Records[K] & string } = {
  vpc: 'vpcId',
  subnet: 'subnetId',
  routeTable: 'routeTableId',
  securityGroup: 'groupId',
  groupCombination: 'combinationId',
  prefixList: 'prefixListId',
  networkAcl: 'networkAclId',
  networkInterface: 'networkInterfaceId',
  instance: 'instanceId',
  internetGateway: 'internetGatewayId',
  egressOnlyInternetGateway: 'egressOnlyInternetGatewayId',
  natGateway: 'natGatewayId',
  elasticIp: 'allocationId',
  vpcPeeringConnection: 'vpcPeeringConnectionId',
  vpnGateway: 'vpnGatewayId',
  customerGateway: 'customerGatewayId',
  vpnConnection: 'vpnConnectionId',
  dhcpOptions: 'dhcpOptionsId',
  keyPair: 'keyPairId',
  clientToken: 'tokenId',
};

export const RECORD_KINDS = Object.keys(INDEXES) as RecordKind[];

export type IndexName<K extends RecordKind> = keyof (typeof INDEXES)[K] & string;

export type Change = { [K in RecordKind]: { readonly kind: K; readonly id: string; readonly record: Records[K] | undefined } }[RecordKind];

export type Tables = { readonly [K in RecordKind]: Table<Records[K]> };

/** The whole desired state at one revision of the store. Immutable: `with` returns a new one that shares what did not change. */
export class Snapshot {
  private constructor(
    readonly revision: number,
    readonly tables: Tables,
    /** Which private addresses interfaces hold; follows the table of interfaces. */
    readonly addressUse: AddressUse,
  ) {}

  static readonly empty = new Snapshot(
    0,
    mapKinds((kind) => Table.empty(INDEXES[kind] as IndexDefinitions<Records[typeof kind]>)),
    AddressUse.empty,
  );

  get<K extends RecordKind>(kind: K, id: string): Records[K] | undefined {
    return this.table(kind).get(id);
  }

  /** Every record of a kind, in no particular order. */
  all<K extends RecordKind>(kind: K): Records[K][] {
    return this.table(kind).values();
  }

  /** Records found under `key` in the named index, in no particular order. */
  by<K extends RecordKind>(kind: K, index: IndexName<K>, key: string): Records[K][] {
    return this.table(kind).by(index, key);
  }

  /** How many records `by` would find. */
  count<K extends RecordKind>(kind: K, index: IndexName<K>, key: string): number {
    return this.table(kind).count(index, key);
  }

  with(revision: number, changes: readonly Change[]): Snapshot {
    const rows = new Map<RecordKind, (readonly [string, unknown])[]>();
    for (const { kind, id, record } of changes) {
      const ofKind = rows.get(kind);
      if (ofKind) ofKind.push([id, record]);
      else rows.set(kind, [[id, record]]);
    }
    const changed = [...rows].map(([kind, ofKind]) => [kind, (this.tables[kind] as Table<unknown>).with(ofKind)] as const);
    const tables: Tables = { ...this.tables, ...Object.fromEntries(changed) };
    let use = this.addressUse;
    for (const change of changes) {
      if (change.kind !== 'networkInterface') continue;
      // An address may go from one interface to another within the changes: the new table says whether it is held.
      for (const { vpcId, address } of addressesTouched(this.get('networkInterface', change.id), change.record))
        use = use.with(vpcId, address, tables.networkInterface.count('address', `${vpcId} ${address}`) > 0);
    }
    return new Snapshot(revision, tables, use);
  }

  private table<K extends RecordKind>(kind: K): Table<Records[K]> {
    return this.tables[kind];
  }
}

function addressesTouched(...versions: (NetworkInterface | undefined)[]): { vpcId: string; address: string }[] {
  return versions.flatMap((eni) => (eni ? interfaceAddresses(eni).map((address) => ({ vpcId: eni.vpcId, address })) : []));
}

function peerIds({ peer }: SecurityGroupRule): string[] {
  if (peer.kind === 'group') return [peer.groupId];
  return peer.kind === 'prefixList' ? [peer.prefixListId] : [];
}

function routeReferences({ destination, target }: Route): string[] {
  return destination.startsWith('pl-') ? [...targetIds(target), destination] : targetIds(target);
}

function targetIds(target: RouteTarget): string[] {
  switch (target.kind) {
    case 'local':
      return [];
    case 'gateway':
      return [target.gatewayId];
    case 'natGateway':
      return [target.natGatewayId];
    case 'egressOnlyInternetGateway':
      return [target.egressOnlyInternetGatewayId];
    case 'networkInterface':
      return [target.networkInterfaceId];
    case 'vpcPeeringConnection':
      return [target.vpcPeeringConnectionId];
  }
}

/** One table per kind. The compiler cannot follow a mapped type through a loop over its keys: this is the one cast for it. */
function mapKinds(tableOf: (kind: RecordKind) => unknown): Tables {
  return Object.fromEntries(RECORD_KINDS.map((kind) => [kind, tableOf(kind)])) as unknown as Tables;
}
