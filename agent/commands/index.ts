import { attachNetworkInterface, detachNetworkInterface, moveNetworkInterface } from './attachments.js';
import {
  associateSubnetCidrBlock,
  associateVpcCidrBlock,
  disassociateSubnetCidrBlock,
  disassociateVpcCidrBlock,
} from './cidr-associations.js';
import type { Command } from './command.js';
import { createDefaultSubnet, createDefaultVpc } from './default-vpc.js';
import { associateDhcpOptions, createDhcpOptions, deleteDhcpOptions } from './dhcp-options.js';
import { allocateAddress, associateAddress, disassociateAddress, releaseAddress } from './elastic-ips.js';
import { guestGone, guestStarted, guestStopped } from './guest-states.js';
import {
  modifyInstance,
  modifyInstanceMetadataOptions,
  rebootInstance,
  startInstance,
  stopInstance,
  terminateInstance,
} from './instances.js';
import {
  attachInternetGateway,
  createEgressOnlyInternetGateway,
  createInternetGateway,
  deleteEgressOnlyInternetGateway,
  deleteInternetGateway,
  detachInternetGateway,
} from './internet-gateways.js';
import { deleteKeyPair, keepKeyPair } from './key-pairs.js';
import { createNatGateway, deleteNatGateway } from './nat-gateways.js';
import {
  createNetworkAcl,
  createNetworkAclEntry,
  deleteNetworkAcl,
  deleteNetworkAclEntry,
  replaceNetworkAclAssociation,
  replaceNetworkAclEntry,
} from './network-acls.js';
import { createNetworkInterfacePermission, deleteNetworkInterfacePermission } from './network-interface-permissions.js';
import { createNetworkInterface, deleteNetworkInterface, modifyNetworkInterface } from './network-interfaces.js';
import { createPrefixList, deletePrefixList, modifyPrefixList } from './prefix-lists.js';
import { assignIpv6Addresses, assignPrivateIpAddresses, unassignIpv6Addresses, unassignPrivateIpAddresses } from './private-addresses.js';
import { registerInstance } from './register-instance.js';
import {
  associateRouteTable,
  createRouteTable,
  deleteRouteTable,
  disassociateRouteTable,
  replaceRouteTableAssociation,
} from './route-tables.js';
import { createRoute, deleteRoute, disableVgwRoutePropagation, enableVgwRoutePropagation, replaceRoute } from './routes.js';
import { runInstances } from './run-instances.js';
import {
  authorizeSecurityGroupRules,
  modifySecurityGroupRule,
  revokeSecurityGroupRules,
  updateSecurityGroupRuleDescriptions,
} from './security-group-rules.js';
import { createSecurityGroup, deleteSecurityGroup } from './security-groups.js';
import { createSubnet, deleteSubnet, modifySubnet } from './subnets.js';
import { finishDetach, finishNatGateway, finishStop, finishTerminate, forgetExpired, reset } from './system.js';
import { createTags, deleteTags } from './tags.js';
import {
  acceptVpcPeeringConnection,
  createVpcPeeringConnection,
  deleteVpcPeeringConnection,
  rejectVpcPeeringConnection,
} from './vpc-peering-connections.js';
import { createVpc, deleteVpc, modifyVpc } from './vpcs.js';
import { createVpnConnection, createVpnConnectionRoute, deleteVpnConnection, deleteVpnConnectionRoute } from './vpn-connections.js';
import {
  attachVpnGateway,
  createCustomerGateway,
  createVpnGateway,
  deleteCustomerGateway,
  deleteVpnGateway,
  detachVpnGateway,
} from './vpn-gateways.js';

/** What callers may ask for: REST, batches, the EC2 protocol and labs share it. */
export const PUBLIC_COMMANDS = {
  createVpc,
  createDefaultVpc,
  createDefaultSubnet,
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
  registerInstance,
  startInstance,
  stopInstance,
  rebootInstance,
  terminateInstance,
  modifyInstance,
  modifyInstanceMetadataOptions,
  createSecurityGroup,
  deleteSecurityGroup,
  authorizeSecurityGroupRules,
  revokeSecurityGroupRules,
  modifySecurityGroupRule,
  updateSecurityGroupRuleDescriptions,
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
  enableVgwRoutePropagation,
  disableVgwRoutePropagation,
  createNetworkAcl,
  deleteNetworkAcl,
  createNetworkAclEntry,
  replaceNetworkAclEntry,
  deleteNetworkAclEntry,
  replaceNetworkAclAssociation,
  createInternetGateway,
  attachInternetGateway,
  detachInternetGateway,
  deleteInternetGateway,
  createEgressOnlyInternetGateway,
  deleteEgressOnlyInternetGateway,
  allocateAddress,
  associateAddress,
  disassociateAddress,
  releaseAddress,
  createNatGateway,
  deleteNatGateway,
  createVpcPeeringConnection,
  acceptVpcPeeringConnection,
  rejectVpcPeeringConnection,
  deleteVpcPeeringConnection,
  createVpnGateway,
  attachVpnGateway,
  detachVpnGateway,
  deleteVpnGateway,
  createCustomerGateway,
  deleteCustomerGateway,
  createVpnConnection,
  deleteVpnConnection,
  createVpnConnectionRoute,
  deleteVpnConnectionRoute,
  createDhcpOptions,
  associateDhcpOptions,
  deleteDhcpOptions,
  deleteKeyPair,
  associateVpcCidrBlock,
  disassociateVpcCidrBlock,
  associateSubnetCidrBlock,
  disassociateSubnetCidrBlock,
  createNetworkInterfacePermission,
  deleteNetworkInterfacePermission,
  createTags,
  deleteTags,
} satisfies Record<string, Command>;

/** What only the agent itself may ask for. */
export const SYSTEM_COMMANDS = {
  keepKeyPair,
  finishDetach,
  finishStop,
  finishTerminate,
  finishNatGateway,
  guestStopped,
  guestStarted,
  guestGone,
  forgetExpired,
  reset,
} satisfies Record<string, Command>;

export const COMMANDS = { ...PUBLIC_COMMANDS, ...SYSTEM_COMMANDS } satisfies Record<string, Command>;

export type PublicCommandName = keyof typeof PUBLIC_COMMANDS;
export type CommandName = keyof typeof COMMANDS;

/** Whether a caller's text names a command that callers may ask for. */
export function isPublicCommand(name: string): name is PublicCommandName {
  return Object.hasOwn(PUBLIC_COMMANDS, name);
}
