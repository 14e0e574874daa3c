import { apiError } from '../../../model/errors.js';
import type { NetworkInterfacePermission } from '../../../model/network-interface.js';
import { type Actions, commandAction, need, type Region } from '../action.js';
import { chosen, describePlain } from '../describe.js';
import type { Tree } from '../params.js';

interface Item extends NetworkInterfacePermission {
  readonly networkInterfaceId: string;
}

function items({ snapshot }: Region): Item[] {
  return snapshot
    .all('networkInterface')
    .flatMap(({ networkInterfaceId, permissions = [] }) => permissions.map((permission) => ({ ...permission, networkInterfaceId })));
}

function itemTree(item: Item): Tree {
  return {
    NetworkInterfacePermissionId: item.networkInterfacePermissionId,
    NetworkInterfaceId: item.networkInterfaceId,
    AwsAccountId: item.accountId,
    Permission: item.permission,
    PermissionState: { State: 'granted' },
  };
}

function find(region: Region, id: string): Item {
  const item = items(region).find((each) => each.networkInterfacePermissionId === id);
  if (!item) throw missing(id);
  return item;
}

const missing = (id: string) => apiError('InvalidNetworkInterfacePermissionID.NotFound', { id: id.slice(0, 80) });

export const interfacePermissionActions: Actions = {
  CreateNetworkInterfacePermission: commandAction({
    heeds: ['NetworkInterfaceId', 'AwsAccountId', 'Permission'],
    command: 'createNetworkInterfacePermission',
    input: (input) => ({
      networkInterfaceId: need(input, 'NetworkInterfaceId'),
      accountId: need(input, 'AwsAccountId'),
      permission: need(input, 'Permission'),
    }),
    answer: ({ result, region }) => ({ InterfacePermission: itemTree(find(region, result.networkInterfacePermissionId)) }),
  }),
  DeleteNetworkInterfacePermission: commandAction({
    heeds: ['NetworkInterfacePermissionId', 'Force'],
    command: 'deleteNetworkInterfacePermission',
    input: (input) => ({ networkInterfacePermissionId: need(input, 'NetworkInterfacePermissionId'), force: input.Force }),
    answer: () => ({ Return: true }),
  }),
  DescribeNetworkInterfacePermissions: describePlain({
    list: 'NetworkInterfacePermissions',
    maxResults: [5, 255],
    heeds: ['NetworkInterfacePermissionIds'],
    items: (region, input) =>
      chosen(items(region), input.NetworkInterfacePermissionIds, (item) => item.networkInterfacePermissionId, missing),
    key: (item) => item.networkInterfacePermissionId,
    tree: itemTree,
    filters: {
      'network-interface-permission.network-interface-permission-id': (item) => [item.networkInterfacePermissionId],
      'network-interface-permission.network-interface-id': (item) => [item.networkInterfaceId],
      'network-interface-permission.aws-account-id': (item) => [item.accountId],
      'network-interface-permission.aws-service': () => [],
      'network-interface-permission.permission': (item) => [item.permission],
    },
  }),
};
