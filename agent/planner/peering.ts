import type { KernelObject } from '../kernel/port.js';
import { gatewayLinkName, MAIN_TABLE, routerNamespace, SET, SYSCTLS } from '../kernel/resources.js';
import { familyOf } from '../model/address.js';
import { interfaceAddresses } from '../model/network-interface.js';
import type { Snapshot } from '../model/snapshot.js';
import { vpcRanges } from '../model/vpc.js';
import { type GatewayLink, linkObjects, namespaceWith, routeOver, rowsOver } from './gateway-link.js';
import type { PlanSettings } from './plan.js';
import { isGatewayPresent, presentInterface } from './presence.js';
import { vpcRouting } from './routing.js';

/**
 * A peering connection: a namespace between the two routers that knows the ranges of both VPCs and nothing else, so that nothing passes
 * through one VPC to a third.
 */
export function planPeering(snapshot: Snapshot, settings: PlanSettings, peeringId: string): KernelObject[] {
  const peering = snapshot.get('vpcPeeringConnection', peeringId);
  if (!peering || !isGatewayPresent(snapshot, settings.hostId, peeringId)) return [];
  const sides = [peering.requesterVpcId, peering.accepterVpcId].map((vpcId, index) => ({
    vpcId,
    link: {
      gatewayId: peeringId,
      near: { netns: routerNamespace(vpcId), device: gatewayLinkName('p', peeringId) },
      far: { netns: peeringId, device: `vpc${index}` },
    } satisfies GatewayLink,
  }));
  return [
    ...namespaceWith(peeringId, SYSCTLS.gateway),
    ...sides.flatMap(({ vpcId, link }) => {
      const vpc = snapshot.get('vpc', vpcId);
      return [
        ...linkObjects(link, settings.mtu),
        ...(vpc ? vpcRanges(vpc).map((range) => routeOver(link, 'far', MAIN_TABLE, range)) : []),
        ...rowsOver(link, vpcRouting(snapshot, vpcId).rowsTo.get(peeringId) ?? []),
      ];
    }),
    ...sides.flatMap(({ vpcId }) => {
      const other = sides.find((side) => side.vpcId !== vpcId);
      return other ? membersFrom(snapshot, settings, vpcId, other.vpcId) : [];
    }),
  ];
}

/** Members of groups of one VPC that rules of the other name: its router has sets of them too. */
function membersFrom(snapshot: Snapshot, { hostId }: PlanSettings, from: string, into: string): KernelObject[] {
  return peerReferences(snapshot, from, into).flatMap((groupId) =>
    snapshot
      .by('networkInterface', 'groupId', groupId)
      .filter((eni) => presentInterface(snapshot, hostId, eni.networkInterfaceId))
      .flatMap((eni) =>
        interfaceAddresses(eni).map(
          (address): KernelObject => ({
            kind: 'member',
            netns: routerNamespace(snapshot.get('vpc', into)?.vpcId ?? eni.vpcId),
            set: SET.group(groupId, familyOf(address)),
            entry: address,
          }),
        ),
      ),
  );
}

/** Groups of VPC `from` that groups in use in VPC `into` name as peers. */
export function peerReferences(snapshot: Snapshot, from: string, into: string): string[] {
  const inUse = new Set(snapshot.by('groupCombination', 'vpcId', into).flatMap(({ groupIds }) => groupIds as readonly string[]));
  return snapshot
    .by('securityGroup', 'vpcId', from)
    .map(({ groupId }) => groupId)
    .filter((groupId) => snapshot.by('securityGroup', 'peerId', groupId).some((user) => user.vpcId === into && inUse.has(user.groupId)));
}
