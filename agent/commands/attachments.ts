import { z } from 'zod';
import { apiError, invalidValue } from '../model/errors.js';
import { mintId } from '../model/ids.js';
import type { Instance } from '../model/instance.js';
import type { Attachment, NetworkInterface } from '../model/network-interface.js';
import { checkAddressesFor, instanceTypeOf } from './address-limits.js';
import { type CommandContext, command } from './command.js';
import type { Draft } from './draft.js';
import { attachmentId, deleteOnTermination, deviceIndex, instanceId, networkInterfaceId } from './fields.js';
import { type AttachedInterface, interfacesOf, isAttached, notFound, required, requiredInstance } from './lookup.js';

export const attachNetworkInterface = command({
  summary: 'Attach a network interface to a running or stopped instance of its VPC and zone.',
  input: z.strictObject({
    networkInterfaceId,
    instanceId,
    deviceIndex,
    deleteOnTermination: deleteOnTermination.optional().describe('Whether the interface is deleted with the instance. Default false.'),
  }),
  run: (draft, input, context) => {
    const eni = required(draft, 'networkInterface', input.networkInterfaceId);
    const instance = requiredInstance(draft, input.instanceId);
    if (eni.attachment)
      throw apiError('InvalidNetworkInterface.InUse', {
        reason: `Interface: ${eni.networkInterfaceId} in use: it is attached to ${eni.attachment.instanceId}; detach it first, or move it`,
      });
    checkPlace(draft, eni, instance, input.deviceIndex);
    return attach(draft, eni, instance, input.deviceIndex, input.deleteOnTermination ?? false, context);
  },
});

export const detachNetworkInterface = command({
  summary: 'Detach a network interface. The primary one cannot be detached.',
  input: z.strictObject({
    networkInterfaceId: networkInterfaceId.optional(),
    attachmentId: attachmentId.optional().describe('The attachment; or networkInterfaceId.'),
    force: z
      .boolean()
      .optional()
      .describe('Forget the attachment at once, without waiting for the host to take the device away. Default false.'),
  }),
  run: (draft, input) => {
    const { attachment, ...eni } = attachedSubject(draft, input.networkInterfaceId, input.attachmentId);
    checkNotPrimary(attachment);
    if (input.force) draft.put('networkInterface', { ...eni, pastAttachment: attachment });
    else {
      checkNotDetaching(eni.networkInterfaceId, attachment);
      draft.put('networkInterface', { ...eni, attachment: { ...attachment, status: 'detaching' } });
    }
    return {};
  },
});

export const moveNetworkInterface = command({
  summary: 'Move an attached network interface to another instance or device index, make before break.',
  input: z.strictObject({
    networkInterfaceId,
    instanceId: instanceId.describe('Where to.'),
    deviceIndex,
    deleteOnTermination: deleteOnTermination.optional().describe('Whether the interface is deleted with the instance. Default: as before.'),
  }),
  run: (draft, input, context) => {
    const { attachment, ...eni } = attachedSubject(draft, input.networkInterfaceId, undefined);
    const instance = requiredInstance(draft, input.instanceId);
    checkNotPrimary(attachment);
    checkNotDetaching(eni.networkInterfaceId, attachment);
    if (attachment.instanceId === input.instanceId && attachment.deviceIndex === input.deviceIndex)
      throw invalidValue(`${eni.networkInterfaceId} is at device index ${input.deviceIndex} of ${input.instanceId} already`);
    const free = draft.put('networkInterface', eni);
    checkPlace(draft, free, instance, input.deviceIndex);
    return attach(draft, free, instance, input.deviceIndex, input.deleteOnTermination ?? attachment.deleteOnTermination, context);
  },
});

/** Writes the attachment; the place has been checked. */
export function attach(
  draft: Draft,
  eni: NetworkInterface,
  instance: Instance,
  deviceIndex: number,
  deleteOnTermination: boolean,
  context: CommandContext,
): { attachmentId: Attachment['attachmentId'] } {
  const attachment: Attachment = {
    attachmentId: mintId('attachment', context.randomHex),
    instanceId: instance.instanceId,
    deviceIndex,
    networkCardIndex: 0,
    deleteOnTermination,
    attachTime: context.now,
    status: 'attached',
  };
  draft.put('networkInterface', { ...eni, attachment });
  return { attachmentId: attachment.attachmentId };
}

/**
 * That an interface can be at a device index of an instance.
 * @throws {ApiError} IncorrectInstanceState, InvalidParameterCombination, InvalidParameterValue, AttachmentLimitExceeded, PrivateIpAddressLimitExceeded or the code given for it
 */
export function checkPlace(
  draft: Draft,
  eni: NetworkInterface,
  instance: Instance,
  deviceIndex: number,
  limitCode?: 'InvalidInterface.IpAddressLimitExceeded',
): void {
  const { instanceId, instanceType } = instance;
  if (eni.requesterManaged)
    throw apiError('OperationNotPermitted', { reason: `${eni.networkInterfaceId} is managed by ${eni.requesterId}` });
  if (instance.state !== 'running' && instance.state !== 'stopped')
    throw apiError('IncorrectInstanceState', { reason: `Instance ${instanceId} is ${instance.state}; it must be running or stopped` });
  if (eni.vpcId !== instance.vpcId)
    throw apiError('InvalidParameterCombination', {
      reason: `You may not attach a network interface to an instance if they are not in the same VPC: ${eni.vpcId} and ${instance.vpcId}`,
    });
  if (eni.availabilityZone !== instance.availabilityZone)
    throw apiError('InvalidParameterCombination', {
      reason: `You may not attach a network interface to an instance if they are not in the same availability zone: ${eni.availabilityZone} and ${instance.availabilityZone}`,
    });
  const others = interfacesOf(draft, instanceId);
  const type = instanceTypeOf(instanceType);
  if (others.some(({ attachment }) => attachment.deviceIndex === deviceIndex))
    throw invalidValue(`Instance '${instanceId}' already has an interface attached at device index '${deviceIndex}'; choose a free one`);
  if (others.length >= type.maxNetworkInterfaces)
    throw apiError('AttachmentLimitExceeded', {
      reason: `Interface count ${others.length + 1} exceeds the limit for ${instanceType}, which is ${type.maxNetworkInterfaces}`,
    });
  checkAddressesFor(eni, instanceType, limitCode);
}

function attachedSubject(draft: Draft, networkInterfaceId: string | undefined, attachmentId: string | undefined): AttachedInterface {
  if (networkInterfaceId === undefined && attachmentId === undefined) throw apiError('MissingParameter', { name: 'attachmentId' });
  const eni =
    networkInterfaceId === undefined
      ? draft.by('networkInterface', 'attachmentId', attachmentId ?? '')[0]
      : required(draft, 'networkInterface', networkInterfaceId);
  if (attachmentId !== undefined && eni?.attachment?.attachmentId !== attachmentId) throw notFound('attachment', attachmentId);
  if (!eni || !isAttached(eni)) throw apiError('IncorrectState', { reason: `${networkInterfaceId} is not attached` });
  return eni;
}

function checkNotPrimary({ deviceIndex, networkCardIndex }: Attachment): void {
  if (deviceIndex === 0)
    throw apiError('OperationNotPermitted', {
      reason: `The network interface at device index ${deviceIndex} and networkCard index ${networkCardIndex} cannot be detached.`,
    });
}

function checkNotDetaching(networkInterfaceId: string, attachment: Attachment): void {
  if (attachment.status === 'detaching')
    throw apiError('IncorrectState', {
      reason: `Attachment ${attachment.attachmentId} of ${networkInterfaceId} is being detached already`,
    });
}
