import type {
  AttachmentId,
  InstanceId,
  NetworkInterfaceId,
  NetworkInterfacePermissionId,
  SecurityGroupId,
  SubnetId,
  VpcId,
} from './ids.js';
import type { Noun } from './tags.js';

/**
 * A network interface and its attachment as the owner wants them. What the kernel made of it is status:
 * an attachment that is wanted but not realised yet reads `attaching`, see `http/rest/views.ts`.
 */
export interface NetworkInterface extends Noun {
  readonly networkInterfaceId: NetworkInterfaceId;
  readonly subnetId: SubnetId;
  readonly vpcId: VpcId;
  readonly availabilityZone: string;
  readonly description: string;
  readonly interfaceType: 'interface' | 'nat_gateway' | 'vpc_endpoint' | 'branch';
  /** True for an interface that a service of the cloud made (a NAT gateway, say). */
  readonly requesterManaged: boolean;
  readonly requesterId?: string;
  readonly macAddress: string;
  readonly sourceDestCheck: boolean;
  /** One to five groups of the same VPC, in the order they were given. None: a NAT gateway's, which lets everything through. */
  readonly groupIds: readonly SecurityGroupId[];
  /** Index of the combination of `groupIds` within the VPC, see `GroupCombination`. 0: nothing filters it. */
  readonly combinationIndex: number;
  /** The first is the primary one. */
  readonly privateIpAddresses: readonly string[];
  readonly ipv6Addresses: readonly string[];
  readonly attachment?: Attachment;
  /** The attachment before: clients that wait for its end look for it by its id. */
  readonly pastAttachment?: Attachment;
  readonly permissions?: readonly NetworkInterfacePermission[];
  /** Made by a launch with an automatic public address: gets a new one at each start (see `ElasticIp`). */
  readonly automaticPublicIp?: true;
  readonly createTime: string;
}

export const INTERFACE_PERMISSIONS = ['INSTANCE-ATTACH', 'EIP-ASSOCIATE'] as const;

/** What another account may do with an interface. */
export interface NetworkInterfacePermission {
  readonly networkInterfacePermissionId: NetworkInterfacePermissionId;
  readonly accountId: string;
  readonly permission: (typeof INTERFACE_PERMISSIONS)[number];
}

export interface Attachment {
  readonly attachmentId: AttachmentId;
  readonly instanceId: InstanceId;
  readonly deviceIndex: number;
  readonly networkCardIndex: number;
  readonly deleteOnTermination: boolean;
  readonly attachTime: string;
  /**
   * `attached`: shall exist (on a running instance, as a device). `detaching`: shall go; the record loses
   * the attachment once the host reports the device gone.
   */
  readonly status: 'attached' | 'detaching';
}

export function primaryAddress(eni: NetworkInterface): string {
  const [first] = eni.privateIpAddresses;
  if (first === undefined) throw new TypeError(`${eni.networkInterfaceId} has no private address`);
  return first;
}

/** All addresses of the interface, IPv4 before IPv6, primary first. */
export function interfaceAddresses(eni: NetworkInterface): string[] {
  return [...eni.privateIpAddresses, ...eni.ipv6Addresses];
}
