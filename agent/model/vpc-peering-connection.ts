import type { VpcId, VpcPeeringConnectionId } from './ids.js';
import type { Noun } from './tags.js';

/** A link between the routers of two VPCs whose ranges do not overlap. Not transitive; each side needs routes. */
export interface VpcPeeringConnection extends Noun {
  readonly vpcPeeringConnectionId: VpcPeeringConnectionId;
  readonly requesterVpcId: VpcId;
  readonly accepterVpcId: VpcId;
  /** Packets pass while `active` only. `rejected` and `deleted` are final and listed for two hours. */
  readonly status: 'pending-acceptance' | 'active' | 'rejected' | 'deleted';
  readonly createTime: string;
  /** When it was rejected or deleted. */
  readonly endTime?: string;
}

/** The VPC at the other end. */
export function peerVpcId({ requesterVpcId, accepterVpcId }: VpcPeeringConnection, vpcId: string): VpcId {
  return vpcId === requesterVpcId ? accepterVpcId : requesterVpcId;
}

/** Whether it links, or may yet link, its VPCs. */
export function isOpen({ status }: VpcPeeringConnection): boolean {
  return status === 'pending-acceptance' || status === 'active';
}
