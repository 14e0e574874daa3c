import { z } from 'zod';
import { containerName } from '../../guests/launched.js';
import { instanceNamespace } from '../../kernel/resources.js';
import type { Instance } from '../../model/instance.js';
import { NetworkInterfaceView, networkInterfaceView } from './network-interfaces.js';
import { nounRoutes, requirePath } from './noun.js';
import { type CommandRoute, commandRoute, queryRoute } from './route.js';
import { instanceState } from './status.js';
import { ConditionView, conditionField, nounFields, pick, shownId, shownTime, type ViewContext } from './view.js';

export const InstanceView = z
  .strictObject({
    instanceId: shownId('instance'),
    state: z.enum(['pending', 'running', 'stopping', 'stopped', 'shutting-down', 'terminated']),
    stateReason: z.strictObject({ code: z.string(), message: z.string() }).optional(),
    reservationId: shownId('reservation'),
    launchIndex: z.number().int(),
    launchTime: shownTime('Of the last start.'),
    terminationTime: shownTime('When it was terminated.').optional(),
    vpcId: shownId('vpc'),
    subnetId: shownId('subnet').optional().describe('Of the primary interface.'),
    availabilityZone: z.string(),
    instanceType: z.string(),
    imageId: z.string(),
    keyName: z.string().optional(),
    hostId: z.string().describe('The host that realises it.'),
    privateIpAddress: z.string().optional().describe('Primary address of the primary interface.'),
    privateDnsName: z.string().optional(),
    publicIpAddress: z.string().optional().describe("The primary interface's."),
    publicDnsName: z.string().optional(),
    networkInterfaces: z.array(NetworkInterfaceView).describe('By device index.'),
    holder: z
      .discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('netns') }),
        z.strictObject({ kind: z.literal('namespace'), name: z.string() }),
        z.strictObject({ kind: z.literal('container'), containerId: z.string(), name: z.string() }),
        z.strictObject({ kind: z.literal('image'), image: z.string(), command: z.array(z.string()).optional(), containerName: z.string() }),
        z.strictObject({ kind: z.literal('process'), pid: z.number().int() }),
      ])
      .describe(
        "What holds its network namespace: enid itself, or somebody else's namespace by name, container or process, or a container that enid started from an image.",
      ),
    namespace: z.string().describe('Its network namespace: ip netns exec NAMESPACE …'),
    initPid: z.number().int().optional().describe('First process of its PID namespace, as the host numbers it; while its user data runs.'),
    userData: z.string().optional(),
    userDataBase64: z.string().optional().describe('Instead of userData, where that is no text.'),
    sourceBasedRouting: z.boolean(),
    disableApiTermination: z.boolean(),
    shutdownBehavior: z.enum(['stop', 'terminate']),
    metadataOptions: z.strictObject({
      httpEndpoint: z.enum(['enabled', 'disabled']),
      httpTokens: z.enum(['optional', 'required']),
      httpPutResponseHopLimit: z.number().int(),
      httpProtocolIpv6: z.enum(['enabled', 'disabled']),
      instanceMetadataTags: z.enum(['enabled', 'disabled']),
    }),
    ...nounFields,
    condition: ConditionView.optional(),
  })
  .meta({ id: 'Instance' });

const Reservation = z.strictObject({ reservationId: shownId('reservation'), instances: z.array(InstanceView) }).meta({ id: 'Reservation' });

const ConsoleOutput = z
  .strictObject({
    instanceId: shownId('instance'),
    output: z.string().describe('The last 64 KiB that the user data wrote since the last start.'),
    timestamp: shownTime('When the last of it was written.').optional(),
  })
  .meta({ id: 'ConsoleOutput' });

export function instanceView(instance: Instance, context: ViewContext): z.output<typeof InstanceView> {
  const { instanceId } = instance;
  const interfaces = context.snapshot
    .by('networkInterface', 'instanceId', instanceId)
    .map((eni) => networkInterfaceView(eni, context))
    .sort((a, b) => (a.attachment?.deviceIndex ?? 0) - (b.attachment?.deviceIndex ?? 0));
  const primary = interfaces.find((eni) => eni.attachment?.deviceIndex === 0);
  const initPid = context.initPid(instanceId);
  return {
    ...pick(instance, ['instanceId', 'stateReason', 'reservationId', 'launchIndex', 'launchTime', 'terminationTime', 'vpcId']),
    ...pick(instance, [
      'availabilityZone',
      'instanceType',
      'imageId',
      'keyName',
      'hostId',
      'userData',
      'userDataBase64',
      'sourceBasedRouting',
    ]),
    ...pick(instance, ['disableApiTermination', 'shutdownBehavior', 'metadataOptions', 'ownerId', 'tags']),
    state: instanceState(instance, context),
    ...(primary && { subnetId: primary.subnetId, privateIpAddress: primary.privateIpAddress, privateDnsName: primary.privateDnsName }),
    ...(primary?.association && { publicIpAddress: primary.association.publicIp }),
    ...(primary?.association?.publicDnsName !== undefined && { publicDnsName: primary.association.publicDnsName }),
    networkInterfaces: interfaces,
    holder: holderView(instance),
    namespace: instanceNamespace(instanceId as Instance['instanceId']),
    ...(initPid !== undefined && { initPid }),
    ...conditionField(context, instanceId),
  };
}

function holderView({ holder, instanceId }: Instance): z.output<typeof InstanceView>['holder'] {
  if (holder.kind === 'image')
    return {
      ...pick(holder, ['kind', 'image']),
      ...(holder.command && { command: [...holder.command] }),
      containerName: containerName(instanceId),
    };
  return holder.kind === 'process' ? { kind: 'process', pid: holder.pid } : holder;
}

const TAG = 'Instances';
const one = { params: { instanceId: 'instance' }, tag: TAG } as const;

const action = (verb: string, command: CommandRoute['command']) =>
  commandRoute({
    ...one,
    method: 'POST',
    path: `/v1/instances/:instanceId/${verb}`,
    command,
    status: 200,
    response: InstanceView,
    render: ({ params, find, context }) => instanceView(find('instance', params.instanceId), context),
  });

export const instanceRoutes = [
  ...nounRoutes({
    kind: 'instance',
    noun: 'Instance',
    plural: 'Instances',
    path: '/v1/instances',
    idField: 'instanceId',
    schema: InstanceView,
    view: instanceView,
    modify: 'modifyInstance',
    delete: 'terminateInstance',
    tag: TAG,
  }),
  commandRoute({
    method: 'POST',
    path: '/v1/instances',
    tag: TAG,
    command: 'runInstances',
    status: 201,
    response: Reservation,
    render: ({ result, find, context }) => ({
      reservationId: result.reservationId,
      instances: result.instanceIds.map((id: string) => instanceView(find('instance', id), context)),
    }),
  }),
  commandRoute({
    method: 'POST',
    path: '/v1/instances/register',
    tag: TAG,
    command: 'registerInstance',
    status: 201,
    response: InstanceView,
    render: ({ result, find, context }) => instanceView(find('instance', result.instanceId), context),
  }),
  action('start', 'startInstance'),
  action('stop', 'stopInstance'),
  action('reboot', 'rebootInstance'),
  commandRoute({
    ...one,
    method: 'PATCH',
    path: '/v1/instances/:instanceId/metadata-options',
    command: 'modifyInstanceMetadataOptions',
    status: 200,
    response: InstanceView,
    // Answers of the metadata service come from the state itself.
    settle: false,
    render: ({ params, find, context }) => instanceView(find('instance', params.instanceId), context),
  }),
  queryRoute({
    ...one,
    path: '/v1/instances/:instanceId/console-output',
    operationId: 'getConsoleOutput',
    summary: 'What the user data of an instance wrote',
    response: ConsoleOutput,
    read: async ({ params, deps, context }) => {
      const { instanceId } = requirePath(context.snapshot, 'instance', params.instanceId);
      return { instanceId, output: '', ...(await deps.runtime.consoleOutput(instanceId)) };
    },
  }),
];
