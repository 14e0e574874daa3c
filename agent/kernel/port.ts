/**
 * The kernel as the rest of enid sees it: named objects with comparable values. The planner says which objects this
 * host shall have, `observe` says which it has, the diff makes operations, `apply` carries them out. Types only; pure.
 */

import type { HostDevice } from '../model/parent-device.js';

export type Family = 4 | 6;

/** What each kind of object is made of. A new kind does not compile until it is keyed, ordered, observed and applied. */
export interface ObjectSpecs {
  /**
   * A named network namespace under `/run/netns`, loopback up. With `holder` it is somebody else's: the name is put on it and taken off
   * again, and it is left as it is. Observed with an empty identity: a name that no namespace is behind.
   */
  netns: { readonly netns: string; readonly holder?: NamespaceHolder };
  /** A namespace-wide setting, below `/proc/sys`, e.g. `net/ipv4/ip_forward`. */
  sysctl: { readonly netns: string; readonly path: string; readonly value: string };
  /** A set of a router's packet filter, in the table `enid` of its family. Its members are objects of their own, unless rules fill it: `dynamic`, with elements that end by themselves or with what they count. */
  set: {
    readonly netns: string;
    readonly name: string;
    readonly family: Family;
    readonly type: 'address' | 'device' | 'device index' | 'address,device';
    readonly counters: boolean;
    readonly dynamic?: 'permanent' | 'temporary';
  };
  /** `entry` in canonical text: `10.0.1.4`, `e0123…`, `10.0.1.4,e0123…`. Of which family it is, the set's name says (`setFamily`). */
  member: { readonly netns: string; readonly set: string; readonly entry: string };
  /** The chains and rules of a router's packet filter in one address family: `text` loads them, `fingerprint` compares them (see `firewall/render.ts`). */
  ruleset: { readonly netns: string; readonly family: Family; readonly fingerprint: string; readonly text: string };
  /**
   * The nft table of ours in a gateway's namespace: `text` makes it or changes it without a gap, `fingerprint` compares it (see `nft-table.ts`).
   * `elements`: what of it can be changed without making it anew, see `NftElements`; not observed. `translations`, of a table that translates
   * addresses one to one: private by public address; flows that are translated otherwise are cut.
   */
  nft: {
    readonly netns: string;
    readonly fingerprint: string;
    readonly text: string;
    readonly elements?: NftElements;
    readonly translations?: Readonly<Record<string, string>>;
  };
  /** Both ends of an interface's or a gateway's device, both up. */
  veth: VethSpec;
  /** A macvlan device in bridge mode on a device of the host's, up. */
  macvlan: MacvlanSpec;
  /** A device of the host's that carries macvlan devices: fit for it, up, and guarded by the nft table that `text` makes. */
  parent: {
    readonly netns: string;
    readonly device: string;
    readonly fingerprint: string;
    readonly text: string;
    readonly elements?: NftElements;
  };
  /** A device whose other end is a process; strict about sources, up. */
  tun: { readonly netns: string; readonly name: string; readonly mtu: number };
  /** The process that encrypts what a tunnel's device takes, and its settings (see `kernel/wireguard.ts`). Keys are 64 hex digits. */
  wireguard: {
    readonly netns: string;
    readonly device: string;
    readonly privateKey: string;
    readonly listenPort: number;
    readonly peer: {
      readonly publicKey: string;
      /** `ADDRESS:PORT` */
      readonly endpoint: string;
      readonly keepaliveSeconds: number;
      /** What may come from the peer and goes to it, sorted. */
      readonly allowedIps: readonly string[];
    };
  };
  /** An address on a device, with prefix length; IPv6 without duplicate address detection. */
  address: { readonly netns: string; readonly device: string; readonly address: string };
  /** A permanent neighbour entry. */
  neighbour: { readonly netns: string; readonly device: string; readonly address: string; readonly mac: string };
  /** Key: namespace, table, destination. `destination` is a canonical range (`0.0.0.0/0`, `10.0.1.4/32`). */
  route: {
    readonly netns: string;
    readonly table: number;
    readonly destination: string;
    readonly type: 'unicast' | 'blackhole';
    readonly device?: string;
    readonly gateway?: string;
    readonly onlink?: boolean;
    readonly source?: string;
  };
  /** A policy-routing rule `[from …] [to …] [fwmark …] lookup table`. */
  rule: {
    readonly netns: string;
    readonly family: Family;
    readonly priority: number;
    readonly table: number;
    readonly from?: string;
    readonly to?: string;
    readonly mark?: { readonly value: number; readonly mask: number };
  };
}

/** Content of the sets and maps of an nft table, whose chains and rules stay the same as long as `frame` does. */
export interface NftElements {
  readonly family: 'inet' | 'netdev';
  readonly table: string;
  readonly frame: string;
  /** By name. `type` and, of a map, `data` in nft's words, or `ranges`; entries as written, `key` or `key : value`, sorted. */
  readonly sets: Readonly<Record<string, { readonly type: string; readonly data?: string; readonly entries: readonly string[] }>>;
}

export interface NamespaceHolder {
  /** A file that stands for the namespace: `/proc/PID/ns/net`, `/run/netns/NAME`. Says nothing when observed. */
  readonly path: string;
  /**
   * Which namespace that is now, as `netnsIdentity` tells. Such a number is used again once its namespace has ended, but two that are
   * there at one time never share it, and the one that bears a name of ours is there: so equal means the same one.
   */
  readonly identity: string;
}

export interface VethSpec {
  /** Router namespace and name of the host end. */
  readonly netns: string;
  readonly name: string;
  /** The host end's alias: the interface's id. */
  readonly alias: string;
  /** MAC of the host end. */
  readonly mac: string;
  /** Device group word, see `GROUP_WORD`. */
  readonly group: number;
  /** 1: strict (source check on), 0: off. */
  readonly rpFilter: 0 | 1;
  /**
   * Whether the host end speaks IPv6; it then has the router's link-local address. Of a thousand devices that do, each costs the next one a
   * walk over a thousand routes and addresses: the kernel keeps those of one prefix in a list.
   */
  readonly ipv6?: boolean;
  /** Bytes, both ends. */
  readonly mtu: number;
  readonly peer: { readonly netns: string; readonly name: string; readonly mac: string };
}

export interface MacvlanSpec {
  readonly netns: string;
  readonly name: string;
  /** Id of the interface or subnet that it belongs to. */
  readonly alias: string;
  readonly mac: string;
  /** Device group word, see `GROUP_WORD`. */
  readonly group: number;
  /** Bytes. */
  readonly mtu: number;
  /** In the host's own namespace. */
  readonly parent: string;
  /** What is at this end. A router's neither answers ARP for others nor doubts sources: the parent's guard has done that. */
  readonly end: 'instance' | 'router' | 'host';
}

export type ObjectKind = keyof ObjectSpecs;
export type KernelObject<K extends ObjectKind = ObjectKind> = { [P in K]: { readonly kind: P } & ObjectSpecs[P] }[K];

const KEYS: { readonly [K in ObjectKind]: (spec: ObjectSpecs[K]) => readonly (string | number)[] } = {
  netns: (o) => [o.netns],
  sysctl: (o) => [o.netns, o.path],
  set: (o) => [o.netns, o.name],
  member: (o) => [o.netns, o.set, o.entry],
  ruleset: (o) => [o.netns, o.family],
  nft: (o) => [o.netns],
  veth: (o) => [o.netns, o.name],
  macvlan: (o) => [o.netns, o.name],
  parent: (o) => [o.netns, o.device],
  tun: (o) => [o.netns, o.name],
  wireguard: (o) => [o.netns, o.device],
  address: (o) => [o.netns, o.device, o.address],
  neighbour: (o) => [o.netns, o.device, o.address],
  route: (o) => [o.netns, o.table, o.destination],
  rule: (o) => [o.netns, o.family, o.priority, o.from ?? '', o.to ?? '', o.mark ? `${o.mark.value}/${o.mark.mask}` : '', o.table],
};

/** Identity of an object: two objects with one key are the same thing with perhaps different values. */
export type ObjectKey = string;
export function keyOf<K extends ObjectKind>(object: KernelObject<K>): ObjectKey {
  return `${object.kind} ${(KEYS[object.kind] as (spec: unknown) => readonly (string | number)[])(object).join(' ')}`;
}

export type ObjectMap = ReadonlyMap<ObjectKey, KernelObject>;

/** `create` and `delete` succeed when the work is already done; `update` changes `from` into `object` in place. */
export type KernelOp =
  | { readonly verb: 'create'; readonly object: KernelObject }
  | { readonly verb: 'update'; readonly object: KernelObject; readonly from: KernelObject }
  | { readonly verb: 'delete'; readonly object: KernelObject };

/** An operation with the unit it belongs to. After a failure the unit's later ops, and those of units that need it, are skipped. */
export interface PlannedOp {
  readonly op: KernelOp;
  readonly unit: string;
  readonly needs: readonly string[];
}

export type OpResult =
  | { readonly planned: PlannedOp; readonly outcome: 'done' }
  | { readonly planned: PlannedOp; readonly outcome: 'failed'; readonly error: KernelFault }
  /** Not tried, because `blockedBy` failed. */
  | { readonly planned: PlannedOp; readonly outcome: 'skipped'; readonly blockedBy: string };

export type FaultKind = 'not-found' | 'exists' | 'busy' | 'denied' | 'unsupported' | 'no-space' | 'invalid' | 'timeout' | 'other';

/** A kernel operation that failed, in words: what was tried, what the kernel or the tool answered. */
export interface KernelFault {
  readonly kind: FaultKind;
  readonly message: string;
  /** Errno name (`EBUSY`), when there is one. */
  readonly errno?: string;
}

/** What one host's kernel offers. `missing` names each absent feature with what that disables. */
export interface KernelFeatures {
  readonly kernel: string;
  readonly features: Readonly<Record<string, boolean>>;
  readonly tools: Readonly<Record<string, string | null>>;
  readonly missing: readonly { readonly feature: string; readonly disables: string }[];
}

export interface InterfaceCounters {
  /** As the instance sees it: received is what arrived at it. */
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly txBytes: number;
  readonly txPackets: number;
  /** Packets dropped by rules; monotonic while the device lives and its addresses stay. */
  readonly ingressGroupDrops: number;
  readonly egressGroupDrops: number;
  readonly sourceCheckDrops: number;
  readonly destinationCheckDrops: number;
  /** Frames from the instance that mean nothing to a router: for another MAC, with VLAN tags, of unknown kinds. */
  readonly frameDrops: number;
}

export interface Kernel {
  /**
   * Every object of ours in the named namespaces (all of ours on the host when absent). A namespace that does not exist
   * contributes nothing. Foreign objects (a guest's own routes, a user's links) are left out.
   */
  observe(namespaces?: ReadonlySet<string>): Promise<Map<ObjectKey, KernelObject>>;
  /** Carries out the ops in order. Never throws for an op's failure. One result per op, same order. */
  apply(ops: readonly PlannedOp[]): Promise<OpResult[]>;
  /** Calls back with a namespace name after a change there that was not ours. Watches every namespace of ours, also later ones. */
  watch(onChange: (netns: string) => void): void;
  /** Counters by host end; entries with names that do not exist are left out. */
  counters(router: string, hostEnds: readonly CounterQuery[]): Promise<Map<string, InterfaceCounters>>;
  /** Counters of macvlan interfaces, by MAC; those whose device does not exist are left out. */
  macvlanCounters(queries: readonly MacvlanQuery[]): Promise<Map<string, InterfaceCounters>>;
  /** A device of the host's own namespace; `undefined` when there is none. */
  hostDevice(name: string): HostDevice | undefined;
  probe(): Promise<KernelFeatures>;
  /** Releases sockets and watches; leaves the data plane as it is. */
  close(): void;
}

export interface MacvlanQuery {
  readonly netns: string;
  readonly device: string;
  readonly mac: string;
  readonly parent: string;
}

export interface CounterQuery {
  readonly hostEnd: string;
}
