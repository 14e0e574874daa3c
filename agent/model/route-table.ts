import type { NetworkInterfaceId, RouteTableId, SubnetId, VpcId } from './ids.js';
import type { Noun } from './tags.js';

export interface RouteTable extends Noun {
  readonly routeTableId: RouteTableId;
  readonly vpcId: VpcId;
  /** 1 to 2047, unique within the VPC: eleven bits of the device group word, and the kernel's policy-routing table (`kernel/resources.ts`). */
  readonly index: number;
  readonly main: boolean;
  /** Association id of the main table with its VPC; present only when `main`. */
  readonly mainAssociationId?: string;
  readonly associations: readonly RouteTableAssociation[];
  /** Static routes; the local routes of the VPC's own ranges are implied. */
  readonly routes: readonly Route[];
  /** Virtual private gateways whose routes are propagated into this table. */
  readonly propagatingGatewayIds: readonly string[];
}

export interface RouteTableAssociation {
  readonly associationId: string;
  readonly subnetId?: SubnetId;
  readonly gatewayId?: string;
}

export interface Route {
  /** Canonical IPv4 or IPv6 range, or a prefix list's id. */
  readonly destination: string;
  readonly target: RouteTarget;
}

export type RouteTarget =
  | { readonly kind: 'gateway'; readonly gatewayId: string }
  | { readonly kind: 'natGateway'; readonly natGatewayId: string }
  | { readonly kind: 'egressOnlyInternetGateway'; readonly egressOnlyInternetGatewayId: string }
  | { readonly kind: 'networkInterface'; readonly networkInterfaceId: NetworkInterfaceId }
  | { readonly kind: 'vpcPeeringConnection'; readonly vpcPeeringConnectionId: string }
  /** A local route whose target was set back to `local` by ReplaceRoute. */
  | { readonly kind: 'local' };

/** Largest value of `RouteTable.index`: eleven bits of the device group word. */
export const MAX_ROUTE_TABLE_INDEX = 2047;
