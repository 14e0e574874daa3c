import { STATE_CODES } from '../../../commands/noun-filters.js';
import type { Instance } from '../../../model/instance.js';
import { INSTANCE_TYPES } from '../../../model/instance-types.js';
import { zoneIdOf } from '../../../model/zone.js';
import { instanceView } from '../../rest/instances.js';
import { type Region, tagList } from '../action.js';
import type { Tree } from '../params.js';
import { associationTree, groupSet, type InterfaceView } from './interfaces.js';

export type InstanceView = ReturnType<typeof instanceView>;

export function stateTree(name: string): Tree {
  return { Code: Number(STATE_CODES[name] ?? 0), Name: name };
}

export function metadataOptionsTree({ metadataOptions }: Pick<Instance, 'metadataOptions'>): Tree {
  return {
    State: 'applied',
    HttpEndpoint: metadataOptions.httpEndpoint,
    HttpTokens: metadataOptions.httpTokens,
    HttpPutResponseHopLimit: metadataOptions.httpPutResponseHopLimit,
    HttpProtocolIpv6: metadataOptions.httpProtocolIpv6,
    InstanceMetadataTags: metadataOptions.instanceMetadataTags,
  };
}

/** What no part of enid has, as the cloud says it of a plain instance. */
const CONSTANTS: Tree = {
  BlockDeviceMappings: [],
  ClientToken: '',
  EbsOptimized: false,
  EnaSupport: true,
  Hypervisor: 'xen',
  Monitoring: { State: 'disabled' },
  ProductCodes: [],
  RootDeviceName: '/dev/xvda',
  RootDeviceType: 'ebs',
  VirtualizationType: 'hvm',
  CapacityReservationSpecification: { CapacityReservationPreference: 'open' },
  HibernationOptions: { Configured: false },
  EnclaveOptions: { Enabled: false },
  MaintenanceOptions: { AutoRecovery: 'default' },
  PlatformDetails: 'Linux/UNIX',
  UsageOperation: 'RunInstances',
  CurrentInstanceBootMode: 'legacy-bios',
};

export function instanceTree(instance: Instance, region: Region): Tree {
  const view = instanceView(instance, region);
  const type = INSTANCE_TYPES.get(instance.instanceType);
  const primary = view.networkInterfaces.find((eni) => eni.attachment?.deviceIndex === 0);
  const threads = type && type.vcpus > 1 && type.architecture === 'x86_64' ? 2 : 1;
  return {
    ...CONSTANTS,
    InstanceId: view.instanceId,
    ImageId: view.imageId,
    InstanceType: view.instanceType,
    AmiLaunchIndex: view.launchIndex,
    Architecture: type?.architecture ?? 'x86_64',
    KeyName: view.keyName,
    LaunchTime: view.launchTime,
    UsageOperationUpdateTime: view.launchTime,
    State: stateTree(view.state),
    StateReason: view.stateReason && { Code: view.stateReason.code, Message: view.stateReason.message },
    StateTransitionReason: view.stateReason ? view.stateReason.message.replace(/^[\w.]+: User initiated \w+/, 'User initiated') : '',
    Placement: {
      AvailabilityZone: view.availabilityZone,
      AvailabilityZoneId: zoneIdOf(view.availabilityZone),
      GroupName: '',
      Tenancy: 'default',
    },
    CpuOptions: { CoreCount: (type?.vcpus ?? 1) / threads, ThreadsPerCore: threads },
    MetadataOptions: metadataOptionsTree(instance),
    PrivateDnsName: view.privateDnsName ?? '',
    PublicDnsName: view.publicDnsName ?? '',
    // A terminated instance is in no network any more.
    ...(view.state !== 'terminated' && { VpcId: view.vpcId }),
    SubnetId: view.subnetId,
    PrivateIpAddress: view.privateIpAddress,
    PublicIpAddress: view.publicIpAddress,
    ...(primary && {
      SourceDestCheck: primary.sourceDestCheck,
      PrivateDnsNameOptions: {
        HostnameType: 'ip-name',
        EnableResourceNameDnsARecord: false,
        EnableResourceNameDnsAAAARecord: false,
      },
    }),
    Ipv6Address: primary?.ipv6Addresses[0],
    SecurityGroups: primary ? groupSet(primary) : [],
    NetworkInterfaces: view.networkInterfaces.map(attachedTree),
    Tags: tagList(view.tags),
  };
}

function attachedTree(view: InterfaceView): Tree {
  const { attachment } = view;
  return {
    NetworkInterfaceId: view.networkInterfaceId,
    SubnetId: view.subnetId,
    VpcId: view.vpcId,
    Description: view.description,
    OwnerId: view.ownerId,
    Status: view.status,
    InterfaceType: view.interfaceType,
    MacAddress: view.macAddress,
    SourceDestCheck: view.sourceDestCheck,
    PrivateIpAddress: view.privateIpAddress,
    PrivateDnsName: view.privateDnsName,
    Groups: groupSet(view),
    PrivateIpAddresses: view.privateIpAddresses.map(({ privateIpAddress, primary, privateDnsName, association }) => ({
      PrivateIpAddress: privateIpAddress,
      PrivateDnsName: privateDnsName,
      Primary: primary,
      Association: instanceAssociation(association, view.ownerId),
    })),
    Ipv6Addresses: view.ipv6Addresses.map((Ipv6Address) => ({ Ipv6Address })),
    Association: instanceAssociation(view.association, view.ownerId),
    ...(attachment && {
      Attachment: {
        AttachmentId: attachment.attachmentId,
        DeviceIndex: attachment.deviceIndex,
        NetworkCardIndex: attachment.networkCardIndex,
        Status: attachment.status,
        AttachTime: attachment.attachTime,
        DeleteOnTermination: attachment.deleteOnTermination,
      },
    }),
  };
}

/** Inside an instance's description associations go without their ids. */
function instanceAssociation(association: InterfaceView['association'], ownerId: string): Tree | undefined {
  const tree = associationTree(association, ownerId);
  return tree && { PublicIp: tree.PublicIp, PublicDnsName: tree.PublicDnsName, IpOwnerId: tree.IpOwnerId };
}
