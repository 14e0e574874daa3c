import { apiError, invalidValue } from '../../../model/errors.js';
import type { Instance } from '../../../model/instance.js';
import { zoneIdOf } from '../../../model/zone.js';
import { instanceState } from '../../rest/status.js';
import { type Action, type Actions, commandAction, need, type Region, recordOf } from '../action.js';
import { describe, existing } from '../describe.js';
import type { Tree } from '../params.js';
import { never } from '../shown-filters.js';
import { instanceFilters } from './instance-filters.js';
import { instanceTree, metadataOptionsTree, stateTree } from './instance-tree.js';
import { launchInput, metadataOptions } from './launch.js';

function reservations(instances: readonly Instance[], region: Region): Tree[] {
  const groups = new Map<string, Instance[]>();
  for (const instance of instances) groups.set(instance.reservationId, [...(groups.get(instance.reservationId) ?? []), instance]);
  return [...groups.values()].map((members) => reservation(members, region));
}

function reservation(members: readonly Instance[], region: Region): Tree {
  return {
    ReservationId: members[0]?.reservationId,
    OwnerId: members[0]?.ownerId,
    Groups: [],
    Instances: [...members].sort((a, b) => a.launchIndex - b.launchIndex).map((instance) => instanceTree(instance, region)),
  };
}

/** `Start…`, `Stop…`, `TerminateInstances`: all of the instances or none, told with the state before and after. */
function stateChange(command: 'startInstance' | 'stopInstance' | 'terminateInstance', list: string, ignores: readonly string[]): Action {
  return {
    heeds: ['InstanceIds'],
    ignores,
    answer: async ({ input, region, run }) => {
      const ids = instanceIds(input, region());
      const stateOf = (id: string) => {
        const now = region();
        return stateTree(instanceState(recordOf(now, 'instance', id), now));
      };
      const before = new Map(ids.map((id) => [id, stateOf(id)]));
      await run(ids.map((instanceId) => ({ command, input: { instanceId } })));
      return { [list]: ids.map((id) => ({ InstanceId: id, PreviousState: before.get(id), CurrentState: stateOf(id) })) };
    },
  };
}

function instanceIds(input: Tree, region: Region): string[] {
  return [...new Set(need<string[]>(input, 'InstanceIds'))].map((id) => existing(region, 'instance', id).instanceId);
}

function userDataValue({ userData, userDataBase64 }: Instance): Tree {
  const value = userData === undefined ? userDataBase64 : Buffer.from(userData).toString('base64');
  return value === undefined ? {} : { Value: value };
}

const constant = (value: Tree) => () => value;
/** Attribute → its members of the answer. */
const ATTRIBUTES: Readonly<Record<string, (instance: Instance, region: Region) => Tree>> = {
  instanceType: (instance) => ({ InstanceType: { Value: instance.instanceType } }),
  userData: (instance) => ({ UserData: userDataValue(instance) }),
  disableApiTermination: (instance) => ({ DisableApiTermination: { Value: instance.disableApiTermination } }),
  disableApiStop: constant({ DisableApiStop: { Value: false } }),
  instanceInitiatedShutdownBehavior: (instance) => ({ InstanceInitiatedShutdownBehavior: { Value: instance.shutdownBehavior } }),
  sourceDestCheck: (instance, region) => ({ SourceDestCheck: { Value: instanceTree(instance, region).SourceDestCheck } }),
  groupSet: (instance, region) => ({ Groups: instanceTree(instance, region).SecurityGroups }),
  rootDeviceName: constant({ RootDeviceName: { Value: '/dev/xvda' } }),
  blockDeviceMapping: constant({ BlockDeviceMappings: [] }),
  productCodes: constant({ ProductCodes: [] }),
  ebsOptimized: constant({ EbsOptimized: { Value: false } }),
  enaSupport: constant({ EnaSupport: { Value: true } }),
  enclaveOptions: constant({ EnclaveOptions: { Enabled: false } }),
  sriovNetSupport: constant({}),
  kernel: constant({}),
  ramdisk: constant({}),
};

/** `Attribute=…&Value=…` as the newer form says it. */
function spelledOut(input: Tree): Tree {
  if (input.Attribute === undefined) return input;
  const { Attribute, Value, ...rest } = input;
  const name = String(Attribute).charAt(0).toUpperCase() + String(Attribute).slice(1);
  const flag = /^true$/i.test(Value ?? '') ? true : /^false$/i.test(Value ?? '') ? false : undefined;
  return {
    ...rest,
    [name]: { Value: ['SourceDestCheck', 'DisableApiTermination', 'DisableApiStop', 'EbsOptimized'].includes(name) ? flag : Value },
  };
}

/** Attributes that can only be off. */
const FIXED = ['DisableApiStop', 'EbsOptimized'];
const CHANGEABLE = ['InstanceType', 'UserData', 'DisableApiTermination', 'InstanceInitiatedShutdownBehavior', 'SourceDestCheck', 'Groups'];

function changeInput(given: Tree): object {
  const input = spelledOut(given);
  const unknown = Object.keys(input).find((name) => name !== 'InstanceId' && !CHANGEABLE.includes(name) && !FIXED.includes(name));
  if (unknown !== undefined) throw apiError('UnsupportedOperation', { reason: `The attribute ${unknown} cannot be changed here` });
  for (const name of FIXED)
    if (input[name]?.Value) throw apiError('UnsupportedOperation', { reason: `The attribute ${name} cannot be turned on here` });
  return {
    instanceId: need(input, 'InstanceId'),
    instanceType: input.InstanceType?.Value,
    userDataBase64: input.UserData && (input.UserData.Value ?? '').replaceAll(/\s/g, ''),
    disableApiTermination: input.DisableApiTermination?.Value,
    shutdownBehavior: input.InstanceInitiatedShutdownBehavior?.Value,
    sourceDestCheck: input.SourceDestCheck?.Value,
    groupIds: input.Groups,
  };
}

const PASSED = { Status: 'ok', Details: [{ Name: 'reachability', Status: 'passed' }] };
const NOT_APPLICABLE = { Status: 'not-applicable', Details: [] };

function statusTree(instance: Instance, region: Region): Tree {
  const state = instanceState(instance, region);
  const checks =
    state === 'running'
      ? PASSED
      : state === 'pending'
        ? { Status: 'initializing', Details: [{ Name: 'reachability', Status: 'initializing' }] }
        : NOT_APPLICABLE;
  return {
    InstanceId: instance.instanceId,
    AvailabilityZone: instance.availabilityZone,
    AvailabilityZoneId: zoneIdOf(instance.availabilityZone),
    InstanceState: stateTree(state),
    InstanceStatus: checks,
    SystemStatus: checks,
    Events: [],
  };
}

export const instanceActions: Actions = {
  RunInstances: {
    heeds: [
      'ImageId',
      'InstanceType',
      'MinCount',
      'MaxCount',
      'KeyName',
      'Placement',
      'SubnetId',
      'SecurityGroupIds',
      'SecurityGroups',
      'PrivateIpAddress',
      'Ipv6Addresses',
      'Ipv6AddressCount',
      'NetworkInterfaces',
      'UserData',
      'DisableApiTermination',
      'InstanceInitiatedShutdownBehavior',
      'MetadataOptions',
      'TagSpecifications',
      'ClientToken',
    ],
    ignores: ['BlockDeviceMappings', 'CreditSpecification', 'CapacityReservationSpecification', 'MaintenanceOptions', 'CpuOptions'],
    answer: async ({ input, region, run }) => {
      const [result] = await run([{ command: 'runInstances', input: launchInput(input, region()) }]);
      const now = region();
      return reservation(
        result.instanceIds.map((id: string) => recordOf(now, 'instance', id)),
        now,
      );
    },
  },
  DescribeInstances: describe({
    kind: 'instance',
    ids: 'InstanceIds',
    list: 'Reservations',
    tree: instanceTree,
    collect: reservations,
    ignores: ['IncludeManagedResources'],
    more: instanceFilters,
    idsOrPages: true,
  }),
  StartInstances: stateChange('startInstance', 'StartingInstances', ['AdditionalInfo']),
  StopInstances: stateChange('stopInstance', 'StoppingInstances', ['Force', 'SkipOsShutdown']),
  TerminateInstances: stateChange('terminateInstance', 'TerminatingInstances', ['Force', 'SkipOsShutdown']),
  RebootInstances: {
    heeds: ['InstanceIds'],
    answer: async ({ input, region, run }) => {
      await run(instanceIds(input, region()).map((instanceId) => ({ command: 'rebootInstance', input: { instanceId } })));
      return {};
    },
  },
  DescribeInstanceStatus: describe({
    kind: 'instance',
    ids: 'InstanceIds',
    list: 'InstanceStatuses',
    tree: statusTree,
    heeds: ['IncludeAllInstances'],
    ignores: ['IncludeManagedResources'],
    where: (instance, input) => input.IncludeAllInstances === true || instance.state === 'running',
    idsOrPages: true,
    more: (region) => ({
      ...never('application-status.status', 'attached-ebs-status.status', 'operator.principal'),
      ...never('event.code', 'event.description', 'event.instance-event-id'),
      ...never('event.not-after', 'event.not-before', 'event.not-before-deadline'),
      'operator.managed': () => ['false'],
      'availability-zone-id': (instance) => [zoneIdOf(instance.availabilityZone)],
      'instance-status.status': (instance) => [statusTree(instance, region).InstanceStatus.Status],
      'system-status.status': (instance) => [statusTree(instance, region).SystemStatus.Status],
      'instance-status.reachability': (instance) => statusTree(instance, region).InstanceStatus.Details.map((each: Tree) => each.Status),
      'system-status.reachability': (instance) => statusTree(instance, region).SystemStatus.Details.map((each: Tree) => each.Status),
    }),
  }),
  DescribeInstanceAttribute: {
    heeds: ['InstanceId', 'Attribute'],
    answer: ({ input, region }) => {
      const now = region();
      const instance = existing(now, 'instance', need(input, 'InstanceId'));
      const name = need<string>(input, 'Attribute');
      const attribute = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined;
      if (!attribute)
        throw invalidValue(`Value (${name.slice(0, 80)}) for parameter attribute is invalid; use ${Object.keys(ATTRIBUTES).join(', ')}`);
      return { InstanceId: instance.instanceId, ...attribute(instance, now) };
    },
  },
  ModifyInstanceAttribute: commandAction({
    heeds: ['InstanceId', 'Attribute', 'Value', ...CHANGEABLE, ...FIXED],
    command: 'modifyInstance',
    input: changeInput,
  }),
  ModifyInstanceMetadataOptions: commandAction({
    heeds: ['InstanceId', 'HttpTokens', 'HttpPutResponseHopLimit', 'HttpEndpoint', 'HttpProtocolIpv6', 'InstanceMetadataTags'],
    command: 'modifyInstanceMetadataOptions',
    input: (input) => ({ instanceId: need(input, 'InstanceId'), ...metadataOptions(input) }),
    answer: ({ input, region }) => ({
      InstanceId: input.InstanceId,
      InstanceMetadataOptions: metadataOptionsTree(recordOf(region, 'instance', input.InstanceId)),
    }),
  }),
  DescribeInstanceCreditSpecifications: describe({
    kind: 'instance',
    ids: 'InstanceIds',
    list: 'InstanceCreditSpecifications',
    tree: ({ instanceId, instanceType }) => ({
      InstanceId: instanceId,
      CpuCredits: instanceType.startsWith('t2.') ? 'standard' : 'unlimited',
    }),
    idsOrPages: true,
    where: ({ instanceType, state }) => /^t\d/.test(instanceType) && state !== 'terminated',
  }),
  GetConsoleOutput: {
    heeds: ['InstanceId', 'Latest'],
    answer: async ({ input, region, deps }) => {
      const { instanceId } = existing(region(), 'instance', need(input, 'InstanceId'));
      const { output, timestamp } = { timestamp: undefined, output: '', ...(await deps.runtime.consoleOutput(instanceId)) };
      return { InstanceId: instanceId, Output: Buffer.from(output).toString('base64'), Timestamp: timestamp };
    },
  },
};
