import { z } from 'zod';
import { hostEndName, instanceEndName } from '../../kernel/resources.js';
import { apiError } from '../../model/errors.js';
import { INTERFACE_PERMISSIONS, type NetworkInterface, primaryAddress } from '../../model/network-interface.js';
import { nounRoutes, requirePath } from './noun.js';
import { type CommandRoute, commandRoute, queryRoute } from './route.js';
import { attachmentStatus, interfaceStatus, privateDnsName, publicDnsName } from './status.js';
import { ConditionView, nounFields, shownId, shownTime, type ViewContext } from './view.js';

const AttachmentView = z
  .strictObject({
    attachmentId: shownId('attachment'),
    instanceId: shownId('instance'),
    deviceIndex: z.number().int(),
    networkCardIndex: z.number().int(),
    status: z.enum(['attaching', 'attached', 'detaching']),
    deleteOnTermination: z.boolean(),
    attachTime: shownTime('When it was attached.'),
    device: z
      .strictObject({
        netns: z.string().describe('Network namespace of the instance.'),
        name: z.string().describe('Name in the instance.'),
        hostEnd: z.string().optional().describe("Name in the VPC's router namespace; macvlan interfaces have none."),
        parent: z.string().optional().describe('Device of the host that a macvlan interface is on.'),
      })
      .optional()
      .describe('The Linux device; only while the instance runs.'),
  })
  .meta({ id: 'Attachment' });

const PublicAddressView = z
  .strictObject({
    publicIp: z.string(),
    publicDnsName: z.string().optional().describe('Where the VPC has enableDnsHostnames.'),
    allocationId: shownId('elasticIp'),
    associationId: shownId('elasticIpAssociation'),
    kind: z.enum(['elastic', 'automatic']),
  })
  .meta({ id: 'PublicAddress' });

export const NetworkInterfaceView = z
  .strictObject({
    networkInterfaceId: shownId('networkInterface'),
    status: z.enum(['pending', 'available', 'attaching', 'in-use', 'detaching']),
    subnetId: shownId('subnet'),
    vpcId: shownId('vpc'),
    availabilityZone: z.string(),
    description: z.string(),
    interfaceType: z.enum(['interface', 'nat_gateway', 'vpc_endpoint', 'branch']),
    requesterManaged: z.boolean(),
    requesterId: z.string().optional(),
    macAddress: z.string(),
    sourceDestCheck: z.boolean(),
    groupIds: z.array(shownId('securityGroup')),
    groups: z.array(z.strictObject({ groupId: shownId('securityGroup'), groupName: z.string() })),
    privateIpAddress: z.string().describe('The primary one.'),
    privateDnsName: z.string(),
    privateIpAddresses: z
      .array(
        z.strictObject({
          privateIpAddress: z.string(),
          primary: z.boolean(),
          privateDnsName: z.string(),
          association: PublicAddressView.optional(),
        }),
      )
      .describe('Primary first.'),
    association: PublicAddressView.optional().describe("The primary address's public one."),
    ipv6Addresses: z.array(z.string()),
    attachment: AttachmentView.optional(),
    permissions: z
      .array(
        z.strictObject({
          networkInterfacePermissionId: shownId('networkInterfacePermission'),
          accountId: z.string(),
          permission: z.enum(INTERFACE_PERMISSIONS),
        }),
      )
      .optional()
      .describe('What other accounts may do with it.'),
    createTime: shownTime('When it was created.'),
    ...nounFields,
    condition: ConditionView.optional(),
  })
  .meta({ id: 'NetworkInterface' });

export function networkInterfaceView(eni: NetworkInterface, context: ViewContext): z.output<typeof NetworkInterfaceView> {
  const { snapshot, region } = context;
  const status = attachmentStatus(eni, context);
  const publicAddresses = publicAddressViews(eni, context);
  // Without spreads, which cost several times as much: lists have thousands of these.
  return {
    networkInterfaceId: eni.networkInterfaceId,
    status: interfaceStatus(eni, context),
    subnetId: eni.subnetId,
    vpcId: eni.vpcId,
    availabilityZone: eni.availabilityZone,
    description: eni.description,
    interfaceType: eni.interfaceType,
    requesterManaged: eni.requesterManaged,
    requesterId: eni.requesterId,
    macAddress: eni.macAddress,
    sourceDestCheck: eni.sourceDestCheck,
    groupIds: [...eni.groupIds],
    groups: eni.groupIds.map((groupId) => ({ groupId, groupName: snapshot.get('securityGroup', groupId)?.groupName ?? '' })),
    privateIpAddress: primaryAddress(eni),
    privateDnsName: privateDnsName(primaryAddress(eni), region),
    privateIpAddresses: eni.privateIpAddresses.map((privateIpAddress, i) => ({
      privateIpAddress,
      primary: i === 0,
      privateDnsName: privateDnsName(privateIpAddress, region),
      association: publicAddresses.get(privateIpAddress),
    })),
    association: publicAddresses.get(primaryAddress(eni)),
    ipv6Addresses: [...eni.ipv6Addresses],
    attachment: eni.attachment && status && attachmentView(eni.attachment, status, snapshot, eni.subnetId),
    permissions: eni.permissions && [...eni.permissions],
    createTime: eni.createTime,
    ownerId: eni.ownerId,
    tags: eni.tags,
    condition: context.status.condition(eni.networkInterfaceId),
  };
}

/** By private address. */
function publicAddressViews(eni: NetworkInterface, { snapshot, region }: ViewContext): Map<string, z.output<typeof PublicAddressView>> {
  const named = snapshot.get('vpc', eni.vpcId)?.enableDnsHostnames;
  return new Map(
    snapshot.by('elasticIp', 'networkInterfaceId', eni.networkInterfaceId).flatMap(({ publicIp, allocationId, kind, association }) => {
      if (!association) return [];
      const { privateIpAddress, associationId } = association;
      return [
        [
          privateIpAddress,
          { publicIp, ...(named && { publicDnsName: publicDnsName(publicIp, region) }), allocationId, associationId, kind },
        ],
      ];
    }),
  );
}

function attachmentView(
  attachment: NonNullable<NetworkInterface['attachment']>,
  status: z.output<typeof AttachmentView>['status'],
  snapshot: ViewContext['snapshot'],
  subnetId: string,
): z.output<typeof AttachmentView> {
  const running = snapshot.get('instance', attachment.instanceId)?.state === 'running';
  const { attachmentId, instanceId, deviceIndex, networkCardIndex, deleteOnTermination, attachTime } = attachment;
  const parent = snapshot.get('subnet', subnetId)?.parent?.device;
  const hostSide = parent === undefined ? { hostEnd: hostEndName(attachmentId) } : { parent };
  const hasDevice = running && status !== 'detaching';
  return {
    attachmentId,
    instanceId,
    deviceIndex,
    networkCardIndex,
    deleteOnTermination,
    attachTime,
    status,
    device: hasDevice ? { netns: instanceId, name: instanceEndName(deviceIndex), ...hostSide } : undefined,
  };
}

const CountersView = z
  .strictObject({
    networkInterfaceId: shownId('networkInterface'),
    rxBytes: z.number().describe('Bytes that arrived at the interface.'),
    rxPackets: z.number(),
    txBytes: z.number().describe('Bytes that the interface sent.'),
    txPackets: z.number(),
    ingressGroupDrops: z.number().describe('Packets to the interface that no rule of its groups let in.'),
    egressGroupDrops: z
      .number()
      .describe(
        'Packets of the interface that no rule of its groups let out, that the router itself has no use for, or that are past the limit of flows.',
      ),
    sourceCheckDrops: z
      .number()
      .describe(
        "Packets of the interface with a source that is not the interface's; without source check only those that meet another limit.",
      ),
    destinationCheckDrops: z.number().describe("Packets to the interface with a destination that is not the interface's."),
    frameDrops: z
      .number()
      .describe('Frames of the interface that mean nothing to a router: for another MAC, with VLAN tags, of unknown kinds.'),
  })
  .meta({ id: 'InterfaceCounters', description: 'Since the device was made; a move or a stop starts anew.' });

const PATH = '/v1/network-interfaces';
const TAG = 'Network interfaces';

/** `POST /v1/network-interfaces/:id/<verb>`: a command on the interface, answered with the interface as it is then. */
const action = (verb: string, command: CommandRoute['command']) =>
  commandRoute({
    method: 'POST',
    path: `${PATH}/:networkInterfaceId/${verb}`,
    params: { networkInterfaceId: 'networkInterface' },
    tag: TAG,
    command,
    status: 200,
    response: NetworkInterfaceView,
    render: ({ params, find, context }) => networkInterfaceView(find('networkInterface', params.networkInterfaceId), context),
  });

export const networkInterfaceRoutes = [
  ...nounRoutes({
    kind: 'networkInterface',
    noun: 'NetworkInterface',
    plural: 'NetworkInterfaces',
    path: PATH,
    idField: 'networkInterfaceId',
    schema: NetworkInterfaceView,
    view: networkInterfaceView,
    create: { command: 'createNetworkInterface', settle: false },
    modify: 'modifyNetworkInterface',
    delete: 'deleteNetworkInterface',
    tag: TAG,
  }),
  action('attach', 'attachNetworkInterface'),
  action('detach', 'detachNetworkInterface'),
  action('move', 'moveNetworkInterface'),
  action('permissions', 'createNetworkInterfacePermission'),
  commandRoute({
    method: 'DELETE',
    path: '/v1/network-interface-permissions/:networkInterfacePermissionId',
    params: { networkInterfacePermissionId: 'networkInterfacePermission' },
    tag: TAG,
    command: 'deleteNetworkInterfacePermission',
    status: 204,
  }),
  action('assign-private-ip-addresses', 'assignPrivateIpAddresses'),
  action('unassign-private-ip-addresses', 'unassignPrivateIpAddresses'),
  action('assign-ipv6-addresses', 'assignIpv6Addresses'),
  action('unassign-ipv6-addresses', 'unassignIpv6Addresses'),
  queryRoute({
    path: `${PATH}/:networkInterfaceId/counters`,
    params: { networkInterfaceId: 'networkInterface' },
    operationId: 'getNetworkInterfaceCounters',
    summary: 'Bytes, packets and drops of an attached interface',
    tag: TAG,
    response: CountersView,
    read: async ({ params, deps, context }) => {
      const { networkInterfaceId } = requirePath(context.snapshot, 'networkInterface', params.networkInterfaceId);
      const counters = (await deps.counters([networkInterfaceId])).get(networkInterfaceId);
      if (!counters)
        throw apiError('IncorrectState', {
          reason: `${networkInterfaceId} has no device now, so it counts nothing: attach it to a running instance`,
        });
      return { networkInterfaceId, ...counters };
    },
  }),
];
