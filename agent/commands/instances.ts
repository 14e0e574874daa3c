import { z } from 'zod';
import { type ApiError, apiError } from '../model/errors.js';
import type { Instance } from '../model/instance.js';
import { INSTANCE_TYPES } from '../model/instance-types.js';
import { checkAddressesFor } from './address-limits.js';
import { combinationIndex } from './combinations.js';
import { type CommandContext, command } from './command.js';
import type { Draft } from './draft.js';
import { instanceId, text } from './fields.js';
import { checkMetadataTags, instanceFields, metadataOptionFields, metadataOptionsFrom, userDataFrom } from './instance-fields.js';
import { groupIds } from './interface-spec.js';
import { interfacesOf, required, requiredInstance } from './lookup.js';
import { giveAutomatic, releaseAutomatic } from './public-addresses.js';
import { groupsFor } from './security-groups.js';

/** A user's request is the reason of every stop and termination that the API knows. */
const BY_USER = (now: string, what: string) => ({
  code: 'Client.UserInitiatedShutdown',
  message: `Client.UserInitiatedShutdown: User initiated ${what} (${now.slice(0, 19).replace('T', ' ')} GMT)`,
});

export const startInstance = command({
  summary: 'Start a stopped instance; its interfaces and addresses are the ones it had, but for an automatic public one.',
  input: z.strictObject({ instanceId }),
  run: (draft, { instanceId }, context) => {
    const instance = requiredInstance(draft, instanceId);
    if (instance.state === 'running') return {};
    if (instance.state !== 'stopped') throw wrongState(instance, 'started');
    startAgain(draft, instance, context);
    return {};
  },
});

/** Afterwards a stopped instance shall run. */
export function startAgain(draft: Draft, instance: Instance, context: CommandContext): void {
  const { stateReason: _reason, ...rest } = instance;
  draft.put('instance', { ...rest, state: 'running', bootSerial: instance.bootSerial + 1, launchTime: context.now });
  for (const eni of interfacesOf(draft, instance.instanceId)) giveAutomatic(draft, eni, context);
}

export const stopInstance = command({
  summary: 'Stop an instance: its processes end, its interfaces and addresses stay, but for an automatic public one.',
  input: z.strictObject({ instanceId, force: z.boolean().optional().describe('Accepted; a stop always ends the processes.') }),
  run: (draft, { instanceId }, context) => {
    const instance = requiredInstance(draft, instanceId);
    if (instance.state === 'stopping' || instance.state === 'stopped') return {};
    if (instance.state !== 'running') throw wrongState(instance, 'stopped');
    draft.put('instance', { ...instance, state: 'stopping', stateReason: BY_USER(context.now, 'shutdown') });
    releaseAutomatic(draft, instanceId);
    return {};
  },
});

export const rebootInstance = command({
  summary: 'Reboot a running instance: its processes end and its user data runs again.',
  input: z.strictObject({ instanceId }),
  run: (draft, { instanceId }) => {
    const instance = requiredInstance(draft, instanceId);
    if (instance.state !== 'running') throw wrongState(instance, 'rebooted');
    draft.put('instance', { ...instance, bootSerial: instance.bootSerial + 1 });
    return {};
  },
});

export const terminateInstance = command({
  summary: 'Terminate an instance. Interfaces attached with deleteOnTermination go with it, the others become available.',
  input: z.strictObject({ instanceId }),
  run: (draft, { instanceId }, context) => {
    const instance = required(draft, 'instance', instanceId);
    if (instance.state === 'terminated' || instance.state === 'shutting-down') return {};
    if (instance.disableApiTermination)
      throw apiError('OperationNotPermitted', {
        reason: `The instance '${instanceId}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
      });
    draft.put('instance', { ...instance, state: 'shutting-down', stateReason: BY_USER(context.now, 'shutdown') });
    releaseAutomatic(draft, instanceId);
    return {};
  },
});

export const modifyInstance = command({
  summary: 'Change attributes of an instance; instanceType and userData only while it is stopped.',
  input: z.strictObject({
    instanceId,
    instanceType: text(40).optional().describe('Must take the interfaces and addresses that the instance has.'),
    ...instanceFields,
    sourceDestCheck: z.boolean().optional().describe('Of the only interface; with several, change the interface.'),
    groupIds: groupIds.optional().describe('Of the only interface; with several, change the interface.'),
  }),
  run: (draft, input, context) => {
    const { instanceId, instanceType, userData, userDataBase64, metadataOptions, sourceDestCheck, groupIds, ...change } = input;
    const instance = requiredInstance(draft, instanceId);
    const changesUserData = userData !== undefined || userDataBase64 !== undefined;
    if ((instanceType !== undefined || changesUserData) && instance.state !== 'stopped')
      throw apiError('IncorrectInstanceState', {
        reason: `The instance '${instanceId}' is not in the 'stopped' state; stop it to change its type or user data`,
      });
    if (instanceType !== undefined) checkType(draft, instance, instanceType);
    const { userData: oldText, userDataBase64: oldBytes, ...rest } = instance;
    const changed: Instance = {
      ...rest,
      ...(changesUserData
        ? userDataFrom({ userData, userDataBase64 })
        : { ...(oldText !== undefined && { userData: oldText }), ...(oldBytes !== undefined && { userDataBase64: oldBytes }) }),
      ...Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)),
      instanceType: instanceType ?? instance.instanceType,
      metadataOptions: metadataOptionsFrom(metadataOptions, instance.metadataOptions),
    };
    checkMetadataTags(changed);
    draft.put('instance', changed);
    if (sourceDestCheck === undefined && groupIds === undefined) return {};
    const eni = onlyInterface(draft, instanceId);
    const groups = groupIds === undefined ? eni.groupIds : groupsFor(draft, eni.vpcId, groupIds, context);
    const index = combinationIndex(draft, eni, groups);
    draft.put('networkInterface', {
      ...eni,
      sourceDestCheck: sourceDestCheck ?? eni.sourceDestCheck,
      groupIds: groups,
      combinationIndex: index,
    });
    return {};
  },
});

export const modifyInstanceMetadataOptions = command({
  summary: 'Change the options of the metadata service for an instance; they hold from the next request on.',
  input: z.strictObject({ instanceId, ...metadataOptionFields }),
  run: (draft, { instanceId, ...options }) => {
    if (Object.values(options).every((value) => value === undefined))
      throw apiError('MissingParameter', { name: Object.keys(metadataOptionFields).join(' or ') });
    const instance = requiredInstance(draft, instanceId);
    const changed = { ...instance, metadataOptions: metadataOptionsFrom(options, instance.metadataOptions) };
    checkMetadataTags(changed);
    draft.put('instance', changed);
    return {};
  },
});

function wrongState(instance: Instance, verb: string): ApiError {
  return apiError('IncorrectInstanceState', {
    reason: `The instance '${instance.instanceId}' is not in a state from which it can be ${verb}: it is ${instance.state}`,
  });
}

function checkType(draft: Draft, instance: Instance, instanceType: string): void {
  const type = INSTANCE_TYPES.get(instanceType);
  if (!type)
    throw apiError('InvalidInstanceAttributeValue', { reason: `'${instanceType}' is no instance type; GET /v1/instance-types lists them` });
  const interfaces = interfacesOf(draft, instance.instanceId);
  if (interfaces.length > type.maxNetworkInterfaces)
    throw apiError('AttachmentLimitExceeded', {
      reason: `Interface count ${interfaces.length} exceeds the limit for ${instanceType}, which is ${type.maxNetworkInterfaces}`,
    });
  for (const eni of interfaces) checkAddressesFor(eni, instanceType);
}

/** @throws {ApiError} InvalidInstanceID when there are several. */
export function onlyInterface(draft: Draft, instanceId: string) {
  const [only, ...others] = interfacesOf(draft, instanceId);
  if (!only || others.length > 0)
    throw apiError('InvalidInstanceID', {
      reason: `There are multiple interfaces attached to instance '${instanceId}'. Please specify an interface ID for the operation instead.`,
    });
  return only;
}
