import { apiError } from '../../../model/errors.js';
import { need, type Region, refuseUnheeded, tagsFor, wholeNumber } from '../action.js';
import type { Tree } from '../params.js';
import { checkPlainInterface, interfaceSpec, SPEC_MEMBERS } from './interfaces.js';

/** The request of `RunInstances` as the command takes it. */
export function launchInput(input: Tree, region: Region): object {
  refuseUnheeded(input.Placement ?? {}, ['AvailabilityZone'], 'Placement.');
  const interfaces = (input.NetworkInterfaces ?? []) as readonly Tree[];
  if (input.LaunchTemplate !== undefined) throw apiError('UnsupportedOperation', { reason: 'Launch templates are not served' });
  return {
    imageId: need(input, 'ImageId'),
    instanceType: input.InstanceType,
    minCount: need(input, 'MinCount'),
    maxCount: need(input, 'MaxCount'),
    keyName: input.KeyName,
    availabilityZone: input.Placement?.AvailabilityZone,
    subnetId: input.SubnetId,
    groupIds: groupIds(input, region),
    privateIpAddress: input.PrivateIpAddress,
    ipv6Addresses: input.Ipv6Addresses?.map((each: Tree) => need(each, 'Ipv6Address')),
    ipv6AddressCount: wholeNumber(input.Ipv6AddressCount),
    networkInterfaces: interfaces.length > 0 ? interfaces.map(launchInterface) : undefined,
    userDataBase64: input.UserData?.replaceAll(/\s/g, ''),
    disableApiTermination: input.DisableApiTermination,
    shutdownBehavior: input.InstanceInitiatedShutdownBehavior,
    metadataOptions: input.MetadataOptions && metadataOptions(input.MetadataOptions),
    tags: tagsFor(input, 'instance', ['network-interface', 'volume']),
    networkInterfaceTags: tagsFor(input, 'network-interface', ['instance', 'volume']),
    clientToken: input.ClientToken,
  };
}

function launchInterface(spec: Tree, place: number): object {
  refuseUnheeded(
    spec,
    [
      ...SPEC_MEMBERS,
      'DeviceIndex',
      'NetworkInterfaceId',
      'SubnetId',
      'AssociatePublicIpAddress',
      'DeleteOnTermination',
      'InterfaceType',
      'NetworkCardIndex',
    ],
    `NetworkInterface.${place + 1}.`,
  );
  checkPlainInterface(spec);
  return {
    ...interfaceSpec(spec),
    deviceIndex: need(spec, 'DeviceIndex'),
    networkInterfaceId: spec.NetworkInterfaceId,
    subnetId: spec.SubnetId,
    associatePublicIpAddress: spec.AssociatePublicIpAddress,
    deleteOnTermination: spec.DeleteOnTermination,
  };
}

/** @throws {ApiError} InvalidGroup.NotFound, VPCIdNotSpecified, InvalidParameterCombination */
function groupIds(input: Tree, { snapshot }: Region): string[] | undefined {
  const names = (input.SecurityGroups ?? []) as readonly string[];
  const ids = (input.SecurityGroupIds ?? []) as string[];
  if (names.length === 0) return ids.length > 0 ? ids : undefined;
  if (input.SubnetId !== undefined || ids.length > 0)
    throw apiError('InvalidParameterCombination', { reason: 'Groups go by name in the default VPC only; give SecurityGroupId' });
  const standard = snapshot.all('vpc').find((vpc) => vpc.isDefault);
  if (!standard) throw apiError('VPCIdNotSpecified', {});
  const groups = snapshot.by('securityGroup', 'vpcId', standard.vpcId);
  return names.map((name) => {
    const group = groups.find((each) => each.groupName === name);
    if (!group) throw apiError('InvalidGroup.NotFound', { id: name });
    return group.groupId;
  });
}

export function metadataOptions(options: Tree): object {
  return {
    httpEndpoint: options.HttpEndpoint,
    httpTokens: options.HttpTokens,
    httpPutResponseHopLimit: options.HttpPutResponseHopLimit,
    httpProtocolIpv6: options.HttpProtocolIpv6,
    instanceMetadataTags: options.InstanceMetadataTags,
  };
}
