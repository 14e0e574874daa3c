import type {
  AttachmentId,
  EgressOnlyInternetGatewayId,
  ElasticIpId,
  InternetGatewayId,
  NatGatewayId,
  NetworkInterfaceId,
  SubnetId,
  VpcId,
} from './ids.js';
import type { Noun } from './tags.js';

/** The way between a VPC and the lab's internet, both ways, for interfaces with public addresses. A VPC has at most one. */
export interface InternetGateway extends Noun {
  readonly internetGatewayId: InternetGatewayId;
  /** The VPC that it is attached to. */
  readonly vpcId?: VpcId;
}

/** The way out for IPv6: connections from inside only. Belongs to one VPC for life. */
export interface EgressOnlyInternetGateway extends Noun {
  readonly egressOnlyInternetGatewayId: EgressOnlyInternetGatewayId;
  readonly vpcId: VpcId;
}

/**
 * Source NAT behind an interface of its own. That interface is requester-managed, has its check off and carries no `attachment`: the
 * gateway's record says where it is. A public gateway's elastic address is associated with that interface (see `ElasticIp`).
 */
export interface NatGateway extends Noun {
  readonly natGatewayId: NatGatewayId;
  readonly vpcId: VpcId;
  readonly subnetId: SubnetId;
  readonly connectivityType: 'public' | 'private';
  /** Present when public. */
  readonly allocationId?: ElasticIpId;
  /** Its interface; gone from the model once the gateway is `deleted`. */
  readonly networkInterfaceId: NetworkInterfaceId;
  /** Names the interface's device ends, as an interface's attachment does. */
  readonly attachmentId: AttachmentId;
  /** What the interface's addresses were; kept for the record after deletion. */
  readonly privateIp: string;
  readonly publicIp?: string;
  /** The host that realises it. */
  readonly hostId: string;
  /**
   * Where it shall be. `available` reads `pending` until it is realised; `deleting` becomes `deleted` once the host reports everything
   * of it gone. A deleted one is listed for an hour.
   */
  readonly state: 'available' | 'deleting' | 'deleted';
  readonly createTime: string;
  readonly deleteTime?: string;
}
