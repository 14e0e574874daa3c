import type { IdKind } from '../../model/ids.js';
import type { TaggedKind } from '../../model/resource.js';
import type { Records } from '../../model/snapshot.js';
import { dhcpOptionsView } from './dhcp-options.js';
import { elasticIpView } from './elastic-ips.js';
import { egressOnlyInternetGatewayView, internetGatewayView, natGatewayView } from './gateways.js';
import { instanceView } from './instances.js';
import { keyPairView } from './key-pairs.js';
import { networkAclView } from './network-acls.js';
import { networkInterfaceView } from './network-interfaces.js';
import { prefixListView } from './prefix-lists.js';
import { routeTableView } from './route-tables.js';
import { securityGroupView } from './security-groups.js';
import { subnetView } from './subnets.js';
import type { ViewContext } from './view.js';
import { vpcPeeringConnectionView } from './vpc-peering-connections.js';
import { vpcView } from './vpcs.js';
import { customerGatewayView, vpnConnectionView, vpnGatewayView } from './vpn.js';

/** How each kind of resource is shown, by REST and in events alike. */
export const VIEWS: { readonly [K in TaggedKind & IdKind]: (record: Records[K], context: ViewContext) => object } = {
  vpc: vpcView,
  subnet: subnetView,
  networkInterface: networkInterfaceView,
  instance: instanceView,
  securityGroup: securityGroupView,
  routeTable: routeTableView,
  networkAcl: networkAclView,
  prefixList: prefixListView,
  internetGateway: internetGatewayView,
  egressOnlyInternetGateway: egressOnlyInternetGatewayView,
  natGateway: natGatewayView,
  elasticIp: elasticIpView,
  vpcPeeringConnection: vpcPeeringConnectionView,
  vpnGateway: vpnGatewayView,
  customerGateway: customerGatewayView,
  vpnConnection: vpnConnectionView,
  dhcpOptions: dhcpOptionsView,
  keyPair: keyPairView,
};

export function viewOf<K extends TaggedKind>(kind: K, record: Records[K], context: ViewContext): object {
  return VIEWS[kind](record, context);
}
