import type { Actions } from '../action.js';
import { cidrActions } from './cidr-blocks.js';
import { dhcpOptionsActions } from './dhcp-options.js';
import { gatewayActions } from './gateways.js';
import { groupActions } from './groups.js';
import { imageActions } from './images.js';
import { instanceTypeActions } from './instance-types.js';
import { instanceActions } from './instances.js';
import { interfacePermissionActions } from './interface-permissions.js';
import { interfaceActions } from './interfaces.js';
import { keyPairActions } from './key-pairs.js';
import { networkAclActions } from './network-acls.js';
import { peeringActions } from './peering.js';
import { prefixListActions } from './prefix-lists.js';
import { regionActions } from './region.js';
import { routeActions } from './routes.js';
import { tagActions } from './tags.js';
import { vpcActions } from './vpcs.js';
import { vpnActions } from './vpn.js';

/** Every action that the EC2 endpoint serves. */
export const ACTIONS: Actions = {
  ...vpcActions,
  ...interfaceActions,
  ...instanceActions,
  ...groupActions,
  ...routeActions,
  ...networkAclActions,
  ...gatewayActions,
  ...peeringActions,
  ...vpnActions,
  ...dhcpOptionsActions,
  ...prefixListActions,
  ...regionActions,
  ...instanceTypeActions,
  ...imageActions,
  ...interfacePermissionActions,
  ...cidrActions,
  ...keyPairActions,
  ...tagActions,
};
