import { attachNetworkInterface, detachNetworkInterface, moveNetworkInterface } from './attachments.js';
import type { Command } from './command.js';
import { modifyInstance, rebootInstance, startInstance, stopInstance, terminateInstance } from './instances.js';
import { createNetworkInterface, deleteNetworkInterface, modifyNetworkInterface } from './network-interfaces.js';
import { createPrefixList, deletePrefixList, modifyPrefixList } from './prefix-lists.js';
import { assignIpv6Addresses, assignPrivateIpAddresses, unassignIpv6Addresses, unassignPrivateIpAddresses } from './private-addresses.js';
import {
  associateRouteTable,
  createRouteTable,
  deleteRouteTable,
  disassociateRouteTable,
  replaceRouteTableAssociation,
} from './route-tables.js';
import { createRoute, deleteRoute, replaceRoute } from './routes.js';
import { runInstances } from './run-instances.js';
import { authorizeSecurityGroupRules, modifySecurityGroupRule, revokeSecurityGroupRules } from './security-group-rules.js';
import { createSecurityGroup, deleteSecurityGroup } from './security-groups.js';
import { createSubnet, deleteSubnet, modifySubnet } from './subnets.js';
import { finishDetach, finishStop, finishTerminate, forgetExpired, reset } from './system.js';
import { createTags, deleteTags } from './tags.js';
import { createVpc, deleteVpc, modifyVpc } from './vpcs.js';

/** What callers may ask for: REST, batches, the EC2 protocol and labs share it. */
export const PUBLIC_COMMANDS = {
  createVpc,
  modifyVpc,
  deleteVpc,
  createSubnet,
  modifySubnet,
  deleteSubnet,
  createNetworkInterface,
  modifyNetworkInterface,
  deleteNetworkInterface,
  assignPrivateIpAddresses,
  unassignPrivateIpAddresses,
  assignIpv6Addresses,
  unassignIpv6Addresses,
  attachNetworkInterface,
  detachNetworkInterface,
  moveNetworkInterface,
  runInstances,
  startInstance,
  stopInstance,
  rebootInstance,
  terminateInstance,
  modifyInstance,
  createSecurityGroup,
  deleteSecurityGroup,
  authorizeSecurityGroupRules,
  revokeSecurityGroupRules,
  modifySecurityGroupRule,
  createPrefixList,
  modifyPrefixList,
  deletePrefixList,
  createRouteTable,
  deleteRouteTable,
  associateRouteTable,
  disassociateRouteTable,
  replaceRouteTableAssociation,
  createRoute,
  replaceRoute,
  deleteRoute,
  createTags,
  deleteTags,
} satisfies Record<string, Command>;

/** What only the agent itself may ask for. */
export const SYSTEM_COMMANDS = { finishDetach, finishStop, finishTerminate, forgetExpired, reset } satisfies Record<string, Command>;

export const COMMANDS = { ...PUBLIC_COMMANDS, ...SYSTEM_COMMANDS } satisfies Record<string, Command>;

export type PublicCommandName = keyof typeof PUBLIC_COMMANDS;
export type CommandName = keyof typeof COMMANDS;

/** Whether a caller's text names a command that callers may ask for. */
export function isPublicCommand(name: string): name is PublicCommandName {
  return Object.hasOwn(PUBLIC_COMMANDS, name);
}
