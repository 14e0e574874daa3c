import type { Family, KernelObject } from '../kernel/port.js';
import { METADATA, routerNamespace } from '../kernel/resources.js';
import { hostCidr } from '../model/address.js';
import { isId, type VpcId } from '../model/ids.js';
import type { Snapshot } from '../model/snapshot.js';
import { isVpcPresent } from './presence.js';

/**
 * The metadata service of a VPC: a unit of its own, so that a VPC without a working one is a VPC all the same. It answers in the
 * router's namespace: which VPC a question comes from is told by the listener, which interface by the source address.
 */
export const metadataUnit = (vpcId: string): string => `imds-${vpcId.slice('vpc-'.length)}`;

/** The VPC whose metadata service a unit is. */
export function metadataVpcId(unit: string): VpcId | undefined {
  const vpcId = unit.replace(/^imds-/, 'vpc-');
  return unit.startsWith('imds-') && isId('vpc', vpcId) ? vpcId : undefined;
}

export interface MetadataListener {
  readonly vpcId: VpcId;
  readonly netns: string;
  readonly family: Family;
  readonly address: string;
}

/** Where a unit shall listen on this host; nowhere when it shall not exist here. */
export function metadataListeners(snapshot: Snapshot, hostId: string, unit: string): MetadataListener[] {
  const vpcId = metadataVpcId(unit);
  const vpc = vpcId && snapshot.get('vpc', vpcId);
  if (!vpc || !isVpcPresent(snapshot, hostId, vpcId)) return [];
  const families: readonly Family[] = vpc.ipv6 ? [4, 6] : [4];
  return families.map((family) => ({ vpcId, netns: routerNamespace(vpcId), family, address: METADATA.address[family] }));
}

export function planMetadata(snapshot: Snapshot, { hostId }: { readonly hostId: string }, unit: string): KernelObject[] {
  return metadataListeners(snapshot, hostId, unit).map(({ netns, address }) => ({
    kind: 'address',
    netns,
    device: 'lo',
    address: hostCidr(address),
  }));
}
