import { auditRoutes } from './audit.js';
import { batchRoutes } from './batch.js';
import { dhcpOptionsRoutes } from './dhcp-options.js';
import { elasticIpRoutes } from './elastic-ips.js';
import { gatewayRoutes } from './gateways.js';
import { instanceRoutes } from './instances.js';
import { keyPairRoutes } from './key-pairs.js';
import { networkAclRoutes } from './network-acls.js';
import { networkInterfaceRoutes } from './network-interfaces.js';
import { prefixListRoutes } from './prefix-lists.js';
import type { Route } from './route.js';
import { routeTableRoutes } from './route-tables.js';
import { securityGroupRoutes } from './security-groups.js';
import { subnetRoutes } from './subnets.js';
import { systemRoutes } from './system.js';
import { vpcPeeringConnectionRoutes } from './vpc-peering-connections.js';
import { vpcRoutes } from './vpcs.js';
import { vpnRoutes } from './vpn.js';

export const REST_ROUTES: readonly Route[] = [
  ...vpcRoutes,
  ...subnetRoutes,
  ...networkInterfaceRoutes,
  ...instanceRoutes,
  ...securityGroupRoutes,
  ...routeTableRoutes,
  ...networkAclRoutes,
  ...prefixListRoutes,
  ...gatewayRoutes,
  ...elasticIpRoutes,
  ...vpcPeeringConnectionRoutes,
  ...vpnRoutes,
  ...dhcpOptionsRoutes,
  ...keyPairRoutes,
  ...systemRoutes,
  ...batchRoutes,
  ...auditRoutes,
];
