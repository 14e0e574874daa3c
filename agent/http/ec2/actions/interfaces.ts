import { apiError, invalidValue } from '../../../model/errors.js';
import type { NetworkInterface } from '../../../model/network-interface.js';
import { zoneIdOf } from '../../../model/zone.js';
import { networkInterfaceView } from '../../rest/network-interfaces.js';
import { type ActionRequest, type Actions, commandAction, need, type Region, recordOf, tagList, tagsFor, wholeNumber } from '../action.js';
import { describe, existing } from '../describe.js';
import type { Tree } from '../params.js';
import { never } from '../shown-filters.js';

export type InterfaceView = ReturnType<typeof networkInterfaceView>;

/** As in the cloud an automatic address belongs to the cloud and has no allocation. */
export function associationTree(association: InterfaceView['association'], ownerId: string): Tree | undefined {
  if (!association) return undefined;
  const common = { PublicIp: association.publicIp, PublicDnsName: association.publicDnsName ?? '' };
  if (association.kind === 'automatic') return { ...common, IpOwnerId: 'amazon' };
  return { ...common, IpOwnerId: ownerId, AllocationId: association.allocationId, AssociationId: association.associationId };
}

export function groupSet(view: InterfaceView): Tree[] {
  return view.groups.map(({ groupId, groupName }) => ({ GroupId: groupId, GroupName: groupName }));
}

function interfaceTree(eni: NetworkInterface, region: Region): Tree {
  const view = networkInterfaceView(eni, region);
  const { attachment, ownerId } = view;
  return {
    NetworkInterfaceId: view.networkInterfaceId,
    Status: view.status,
    SubnetId: view.subnetId,
    VpcId: view.vpcId,
    AvailabilityZone: view.availabilityZone,
    AvailabilityZoneId: zoneIdOf(view.availabilityZone),
    Description: view.description,
    InterfaceType: view.interfaceType,
    OwnerId: ownerId,
    RequesterManaged: view.requesterManaged,
    RequesterId: view.requesterId,
    MacAddress: view.macAddress,
    SourceDestCheck: view.sourceDestCheck,
    Groups: groupSet(view),
    PrivateIpAddress: view.privateIpAddress,
    PrivateDnsName: view.privateDnsName,
    PrivateIpAddresses: view.privateIpAddresses.map(({ privateIpAddress, primary, privateDnsName, association }) => ({
      PrivateIpAddress: privateIpAddress,
      PrivateDnsName: privateDnsName,
      Primary: primary,
      Association: associationTree(association, ownerId),
    })),
    Ipv6Addresses: view.ipv6Addresses.map((Ipv6Address) => ({ Ipv6Address })),
    Ipv6Address: view.ipv6Addresses[0],
    Association: associationTree(view.association, ownerId),
    Attachment: attachment && attachmentTree(attachment, ownerId),
    TagSet: tagList(view.tags),
  };
}

const describeInterfaces = describe({
  kind: 'networkInterface',
  ids: 'NetworkInterfaceIds',
  list: 'NetworkInterfaces',
  tree: interfaceTree,
  ignores: ['IncludeManagedResources'],
  idsOrPages: true,
  more: (region) => ({
    ...never('operator.principal'),
    'operator.managed': () => ['false'],
    'association.ip-owner-id': (eni) => owners(eni, region),
    'addresses.association.owner-id': (eni) => owners(eni, region),
    'association.public-dns-name': (eni) => {
      const name = networkInterfaceView(eni, region).association?.publicDnsName;
      return name === undefined ? [] : [name];
    },
    'availability-zone-id': (eni) => [zoneIdOf(eni.availabilityZone)],
    'network-interface-owner-id': (eni) => [eni.ownerId],
    'attachment.network-card-index': (eni) => (eni.attachment ? [String(eni.attachment.networkCardIndex)] : []),
    'private-dns-name': (eni) => networkInterfaceView(eni, region).privateIpAddresses.map((address) => address.privateDnsName),
  }),
});

/**
 * Interfaces that are asked for by an attachment that has ended, with it as `detached`: clients that wait for a detachment look until they
 * see that word, which the cloud shows for a while.
 */
function lastDetached({ input, region }: ActionRequest): Tree[] {
  const [filter, ...others] = (input.Filters ?? []) as readonly Tree[];
  if (filter?.Name !== 'attachment.attachment-id' || others.length > 0) return [];
  const now = region();
  return ((filter.Values ?? []) as readonly string[]).flatMap((attachmentId) => {
    const [eni] = now.snapshot.by('networkInterface', 'pastAttachmentId', attachmentId);
    if (!eni?.pastAttachment || eni.attachment) return [];
    return [{ ...interfaceTree(eni, now), Attachment: attachmentTree({ ...eni.pastAttachment, status: 'detached' }, eni.ownerId) }];
  });
}

function attachmentTree(attachment: ShownAttachment, ownerId: string): Tree {
  return {
    AttachmentId: attachment.attachmentId,
    InstanceId: attachment.instanceId,
    InstanceOwnerId: ownerId,
    DeviceIndex: attachment.deviceIndex,
    NetworkCardIndex: attachment.networkCardIndex,
    Status: attachment.status,
    AttachTime: attachment.attachTime,
    DeleteOnTermination: attachment.deleteOnTermination,
  };
}
type ShownAttachment = Omit<NonNullable<InterfaceView['attachment']>, 'status' | 'device'> & { readonly status: string };

/** What a new interface shall have, for the commands; shared by its own call and by launches. */
export const SPEC_MEMBERS = [
  'Description',
  'PrivateIpAddress',
  'PrivateIpAddresses',
  'SecondaryPrivateIpAddressCount',
  'Ipv6Addresses',
  'Ipv6AddressCount',
  'Groups',
];

export function interfaceSpec(input: Tree): object {
  const ipv6 = (input.Ipv6Addresses ?? []).map((each: Tree) => need(each, 'Ipv6Address'));
  return {
    description: input.Description,
    privateIpAddress: input.PrivateIpAddress,
    privateIpAddresses: input.PrivateIpAddresses?.map((each: Tree) => ({
      privateIpAddress: need(each, 'PrivateIpAddress'),
      primary: each.Primary,
    })),
    secondaryPrivateIpAddressCount: wholeNumber(input.SecondaryPrivateIpAddressCount),
    // None at all is something else than the subnet's default.
    ipv6Addresses: ipv6.length > 0 || input.Ipv6AddressCount === 0 ? ipv6 : undefined,
    ipv6AddressCount: wholeNumber(input.Ipv6AddressCount),
    groupIds: input.Groups?.length ? input.Groups : undefined,
  };
}

/** @throws {ApiError} UnsupportedOperation */
export function checkPlainInterface(input: Tree): void {
  if ((input.InterfaceType ?? 'interface') !== 'interface')
    throw apiError('UnsupportedOperation', { reason: `Interfaces of type ${input.InterfaceType} are not served; 'interface' is` });
  if ((input.NetworkCardIndex ?? 0) !== 0)
    throw invalidValue(`Value (${input.NetworkCardIndex}) for parameter networkCardIndex is invalid: instances have one network card, 0`);
}

const ATTRIBUTES: Readonly<Record<string, (tree: Tree) => Tree>> = {
  description: ({ Description }) => ({ Description: { Value: Description } }),
  groupSet: ({ Groups }) => ({ Groups }),
  sourceDestCheck: ({ SourceDestCheck }) => ({ SourceDestCheck: { Value: SourceDestCheck } }),
  attachment: ({ Attachment }) => ({ Attachment }),
  associatePublicIpAddress: ({ Association }) => ({ AssociatePublicIpAddress: Association !== undefined }),
};

const id = (input: Tree) => need<string>(input, 'NetworkInterfaceId');

export const interfaceActions: Actions = {
  CreateNetworkInterface: commandAction({
    heeds: ['SubnetId', ...SPEC_MEMBERS, 'InterfaceType', 'TagSpecifications', 'ClientToken'],
    command: 'createNetworkInterface',
    input: (input) => {
      checkPlainInterface(input);
      return {
        subnetId: need(input, 'SubnetId'),
        ...interfaceSpec(input),
        tags: tagsFor(input, 'network-interface'),
        clientToken: input.ClientToken,
      };
    },
    answer: ({ result, region, input }) => ({
      NetworkInterface: interfaceTree(recordOf(region, 'networkInterface', result.networkInterfaceId), region),
      ClientToken: input.ClientToken,
    }),
  }),
  DeleteNetworkInterface: commandAction({
    heeds: ['NetworkInterfaceId'],
    command: 'deleteNetworkInterface',
    input: (input) => ({ networkInterfaceId: id(input) }),
  }),
  DescribeNetworkInterfaces: {
    ...describeInterfaces,
    answer: async (request) => {
      const answer = await describeInterfaces.answer(request);
      const [first] = answer.NetworkInterfaces;
      return first ? answer : { ...answer, NetworkInterfaces: lastDetached(request) };
    },
  },
  DescribeNetworkInterfaceAttribute: {
    heeds: ['NetworkInterfaceId', 'Attribute'],
    answer: ({ input, region }) => {
      const now = region();
      const eni = existing(now, 'networkInterface', id(input));
      const attribute = ATTRIBUTES[need<string>(input, 'Attribute')];
      if (!attribute)
        throw invalidValue(`Value (${input.Attribute}) for parameter attribute is invalid; use ${Object.keys(ATTRIBUTES).join(', ')}`);
      return { NetworkInterfaceId: eni.networkInterfaceId, ...attribute(interfaceTree(eni, now)) };
    },
  },
  ModifyNetworkInterfaceAttribute: commandAction({
    heeds: ['NetworkInterfaceId', 'Description', 'Groups', 'SourceDestCheck', 'Attachment'],
    command: 'modifyNetworkInterface',
    input: (input) => ({
      networkInterfaceId: id(input),
      description: input.Description && (input.Description.Value ?? ''),
      groupIds: input.Groups,
      sourceDestCheck: input.SourceDestCheck && need(input.SourceDestCheck, 'Value'),
      attachmentId: input.Attachment && need(input.Attachment, 'AttachmentId'),
      deleteOnTermination: input.Attachment?.DeleteOnTermination,
    }),
  }),
  ResetNetworkInterfaceAttribute: commandAction({
    heeds: ['NetworkInterfaceId', 'SourceDestCheck'],
    command: 'modifyNetworkInterface',
    input: (input) => {
      if (input.SourceDestCheck === undefined) throw apiError('MissingParameter', { name: 'SourceDestCheck' });
      return { networkInterfaceId: id(input), sourceDestCheck: true };
    },
  }),
  AttachNetworkInterface: commandAction({
    heeds: ['NetworkInterfaceId', 'InstanceId', 'DeviceIndex', 'NetworkCardIndex'],
    command: 'attachNetworkInterface',
    input: (input) => {
      checkPlainInterface(input);
      return { networkInterfaceId: id(input), instanceId: need(input, 'InstanceId'), deviceIndex: need(input, 'DeviceIndex') };
    },
    answer: ({ result }) => ({ AttachmentId: result.attachmentId, NetworkCardIndex: 0 }),
  }),
  DetachNetworkInterface: commandAction({
    heeds: ['AttachmentId', 'Force'],
    command: 'detachNetworkInterface',
    input: (input) => ({ attachmentId: need(input, 'AttachmentId'), force: input.Force }),
  }),
  AssignPrivateIpAddresses: commandAction({
    heeds: ['NetworkInterfaceId', 'PrivateIpAddresses', 'SecondaryPrivateIpAddressCount', 'AllowReassignment'],
    command: 'assignPrivateIpAddresses',
    input: (input) => ({
      networkInterfaceId: id(input),
      privateIpAddresses: input.PrivateIpAddresses,
      secondaryPrivateIpAddressCount: wholeNumber(input.SecondaryPrivateIpAddressCount),
      allowReassignment: input.AllowReassignment,
    }),
    answer: ({ result }) => ({
      NetworkInterfaceId: result.networkInterfaceId,
      AssignedPrivateIpAddresses: result.assignedPrivateIpAddresses.map((PrivateIpAddress: string) => ({ PrivateIpAddress })),
    }),
  }),
  UnassignPrivateIpAddresses: commandAction({
    heeds: ['NetworkInterfaceId', 'PrivateIpAddresses'],
    command: 'unassignPrivateIpAddresses',
    input: (input) => ({ networkInterfaceId: id(input), privateIpAddresses: need(input, 'PrivateIpAddresses') }),
  }),
  AssignIpv6Addresses: commandAction({
    heeds: ['NetworkInterfaceId', 'Ipv6Addresses', 'Ipv6AddressCount'],
    command: 'assignIpv6Addresses',
    input: (input) => ({
      networkInterfaceId: id(input),
      ipv6Addresses: input.Ipv6Addresses,
      ipv6AddressCount: wholeNumber(input.Ipv6AddressCount),
    }),
    answer: ({ result }) => ({ NetworkInterfaceId: result.networkInterfaceId, AssignedIpv6Addresses: result.assignedIpv6Addresses }),
  }),
  UnassignIpv6Addresses: commandAction({
    heeds: ['NetworkInterfaceId', 'Ipv6Addresses'],
    command: 'unassignIpv6Addresses',
    input: (input) => ({ networkInterfaceId: id(input), ipv6Addresses: need(input, 'Ipv6Addresses') }),
    answer: ({ input }) => ({ NetworkInterfaceId: input.NetworkInterfaceId, UnassignedIpv6Addresses: input.Ipv6Addresses }),
  }),
};

function owners(eni: NetworkInterface, { snapshot }: Region): string[] {
  return snapshot
    .by('elasticIp', 'networkInterfaceId', eni.networkInterfaceId)
    .map((address) => (address.kind === 'automatic' ? 'amazon' : address.ownerId));
}
