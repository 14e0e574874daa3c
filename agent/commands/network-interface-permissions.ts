import { z } from 'zod';
import { apiError } from '../model/errors.js';
import { idSchema, mintId } from '../model/ids.js';
import { INTERFACE_PERMISSIONS } from '../model/network-interface.js';
import { command } from './command.js';
import { networkInterfaceId } from './fields.js';
import { notFound, required } from './lookup.js';

/** Grants of interfaces to other accounts. There is one account here: they are kept and told, and change no packet. */

const accountId = z
  .string()
  .regex(/^\d{12}$/, 'must be an account id of 12 digits')
  .describe('The account that may do it.');

export const createNetworkInterfacePermission = command({
  summary: 'Allow an account to attach an interface, or to associate addresses with it.',
  input: z.strictObject({ networkInterfaceId, accountId, permission: z.enum(INTERFACE_PERMISSIONS).describe('What it may do.') }),
  run: (draft, { networkInterfaceId, accountId, permission }, context) => {
    const eni = required(draft, 'networkInterface', networkInterfaceId);
    if (eni.requesterManaged) throw apiError('OperationNotPermitted', { reason: `${networkInterfaceId} is managed by ${eni.requesterId}` });
    const permissions = eni.permissions ?? [];
    const other = permissions.find((each) => each.accountId !== accountId);
    if (other)
      throw apiError('OperationNotPermitted', {
        reason: `${networkInterfaceId} can be granted to one account at a time; ${other.accountId} has ${other.networkInterfacePermissionId}`,
      });
    const same = permissions.find((each) => each.permission === permission);
    if (same) return { networkInterfacePermissionId: same.networkInterfacePermissionId };
    const networkInterfacePermissionId = mintId('networkInterfacePermission', context.randomHex);
    draft.put('networkInterface', { ...eni, permissions: [...permissions, { networkInterfacePermissionId, accountId, permission }] });
    return { networkInterfacePermissionId };
  },
});

export const deleteNetworkInterfacePermission = command({
  summary: 'Take a permission for an interface back.',
  input: z.strictObject({
    networkInterfacePermissionId: idSchema('networkInterfacePermission').describe('The permission.'),
    force: z.boolean().optional().describe('Even while the account has the interface attached. Default false.'),
  }),
  run: (draft, { networkInterfacePermissionId: id, force }) => {
    const [eni] = draft.by('networkInterface', 'permissionId', id);
    const permission = eni?.permissions?.find((each) => each.networkInterfacePermissionId === id);
    if (!eni || !permission) throw notFound('networkInterfacePermission', id);
    const instance = eni.attachment && draft.get('instance', eni.attachment.instanceId);
    if (instance?.ownerId === permission.accountId && permission.permission === 'INSTANCE-ATTACH' && !force)
      throw apiError('OperationNotPermitted', {
        reason: `${permission.accountId} has ${eni.networkInterfaceId} attached to ${instance.instanceId}; detach it first, or use force`,
      });
    const { permissions = [], ...rest } = eni;
    const left = permissions.filter((each) => each !== permission);
    draft.put('networkInterface', left.length > 0 ? { ...rest, permissions: left } : rest);
    return {};
  },
});
