import type { Actions } from '../action.js';
import { connectionActions } from './connections.js';
import { gatewayActions } from './gateways.js';
import { groupActions } from './groups.js';
import { instanceActions } from './instances.js';
import { interfaceActions } from './interfaces.js';
import { networkAclActions } from './network-acls.js';
import { prefixListActions } from './prefix-lists.js';
import { regionActions } from './region.js';
import { routeActions } from './routes.js';
import { vpcActions } from './vpcs.js';

/** Every action that the EC2 endpoint serves. */
export const ACTIONS: Actions = {
  ...vpcActions,
  ...interfaceActions,
  ...instanceActions,
  ...groupActions,
  ...routeActions,
  ...networkAclActions,
  ...gatewayActions,
  ...connectionActions,
  ...prefixListActions,
  ...regionActions,
};
