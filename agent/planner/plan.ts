import type { KernelObject, NamespaceHolder } from '../kernel/port.js';
import { isId } from '../model/ids.js';
import type { Snapshot } from '../model/snapshot.js';
import type { TunnelKind } from '../vpn/tunnel-kind.js';
import { planInstance } from './instance.js';
import { planInterface } from './interface.js';
import { planInternet } from './internet.js';
import { planEgressOnlyInternetGateway, planInternetGateway } from './internet-gateway.js';
import { planParentedSubnet } from './macvlan.js';
import { metadataVpcId, planMetadata } from './metadata.js';
import { planNatGateway } from './nat-gateway.js';
import { planPeering } from './peering.js';
import { INTERNET_UNIT } from './presence.js';
import { planResolver, resolverVpcId } from './resolver.js';
import { planRouter } from './router.js';
import { planCustomerGateway, planVpnConnection, planVpnGateway } from './vpn.js';

export interface Uplink {
  /** In the host's own namespace. */
  readonly device: string;
  /** Whether the host forwards by itself: then what it forwards for others stays its own affair. */
  readonly isRouter: boolean;
}

export interface PlanSettings {
  readonly hostId: string;
  /** Of interfaces, bytes. */
  readonly mtu: number;
  /** Range of public addresses. */
  readonly publicPool: string;
  /** Whether the host itself reaches public addresses and the lab's internet. */
  readonly hostAccess: boolean;
  /** Where the lab's internet goes on to the host's real network; absent: nowhere. Needs `hostAccess`. */
  readonly uplink?: Uplink;
  /** Namespaces of others that instances are in, by instance: as long as they are there. */
  readonly holders?: ReadonlyMap<string, NamespaceHolder>;
  /** Flows that connection tracking may hold for one interface; absent or 0: no limit. */
  readonly flowsPerInterface?: number;
  /** How VPN tunnels are made: by WireGuard (when absent), or as plain links on hosts without it. */
  readonly tunnel?: TunnelKind;
}

/**
 * What this host's kernel shall hold for a unit: a VPC, a subnet on a device of the host, an instance, a network interface or a gateway, named by its id, or the internet.
 * Nothing when the unit shall not exist here. No two units plan the same object.
 */
export function planUnit(snapshot: Snapshot, settings: PlanSettings, unit: string): KernelObject[] {
  if (isId('networkInterface', unit)) return planInterface(snapshot, settings, unit);
  if (isId('instance', unit)) return planInstance(snapshot, settings, unit);
  if (resolverVpcId(unit) !== undefined) return planResolver(snapshot, settings, unit);
  if (metadataVpcId(unit) !== undefined) return planMetadata(snapshot, settings, unit);
  if (isId('subnet', unit)) return planParentedSubnet(snapshot, settings, unit);
  if (isId('vpc', unit)) return planRouter(snapshot, settings, unit);
  if (isId('internetGateway', unit)) return planInternetGateway(snapshot, settings, unit);
  if (isId('egressOnlyInternetGateway', unit)) return planEgressOnlyInternetGateway(snapshot, settings, unit);
  if (isId('natGateway', unit)) return planNatGateway(snapshot, settings, unit);
  if (isId('vpcPeeringConnection', unit)) return planPeering(snapshot, settings, unit);
  if (isId('vpnGateway', unit)) return planVpnGateway(snapshot, settings, unit);
  if (isId('customerGateway', unit)) return planCustomerGateway(snapshot, settings, unit);
  if (isId('vpnConnection', unit)) return planVpnConnection(snapshot, settings, unit);
  if (unit === INTERNET_UNIT) return planInternet(snapshot, settings);
  return [];
}
