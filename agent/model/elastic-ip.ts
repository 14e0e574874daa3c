import type { ElasticIpAssociationId, ElasticIpId, NetworkInterfaceId, VpcId } from './ids.js';
import type { Noun } from './tags.js';

/** A public address of the pool, translated 1:1 to a private one by the internet gateway of the interface's VPC. */
export interface ElasticIp extends Noun {
  readonly allocationId: ElasticIpId;
  /** Unique. */
  readonly publicIp: string;
  /** `automatic`: given to an interface at its instance's start, forgotten when the instance stops; always associated. */
  readonly kind: 'elastic' | 'automatic';
  readonly association?: ElasticIpAssociation;
}

export interface ElasticIpAssociation {
  readonly associationId: ElasticIpAssociationId;
  readonly networkInterfaceId: NetworkInterfaceId;
  /** One of the interface's addresses; no other public address is associated with it. */
  readonly privateIpAddress: string;
  /** The interface's VPC. */
  readonly vpcId: VpcId;
}
