import type { NatGateway } from '../model/gateway.js';
import type { Instance } from '../model/instance.js';
import type { NetworkInterface } from '../model/network-interface.js';
import type { TaggedKind } from '../model/resource.js';
import type { Records, Snapshot } from '../model/snapshot.js';
import type { FilterTable } from './filters.js';

/** What the nouns' filters have in common. */

/** What filters may know beside the record: the state, and the words for what this host has made of it. */
export interface FilterFacts {
  readonly snapshot: Snapshot;
  /** `available`, `attaching`, `in-use`, `detaching`. */
  readonly interfaceStatus: (eni: NetworkInterface) => string;
  /** `attaching`, `attached`, `detaching`; only asked for attached interfaces. */
  readonly attachmentStatus: (eni: NetworkInterface) => string;
  /** `pending`, `running`, … */
  readonly instanceState: (instance: Instance) => string;
  /** `pending`, `available`, `deleting`, `deleted`. */
  readonly natGatewayState: (gateway: NatGateway) => string;
  readonly privateDnsName: (address: string) => string;
}

export type NounFilters<K extends TaggedKind> = FilterTable<Records[K], FilterFacts>;

export const bool = (value: boolean) => [String(value)];
export const some = (value: string | number | undefined) => (value === undefined ? [] : [String(value)]);

export const common = {
  'tag-key': (r: { readonly tags: object }) => Object.keys(r.tags),
  'owner-id': (r: { readonly ownerId: string }) => [r.ownerId],
};
