import { firewallInputs } from '../firewall/inputs.js';
import { instanceTable } from '../firewall/instance-table.js';
import type { NftText } from '../firewall/nft-table.js';
import { instanceEndName, METADATA } from '../kernel/resources.js';
import { interfaceAddresses } from '../model/network-interface.js';
import type { Snapshot } from '../model/snapshot.js';
import { gatewayAddress } from '../model/subnet.js';
import { macvlanGateway } from './macvlan.js';
import { type PresentInterface, presentInterface } from './presence.js';
import { resolverAddresses } from './resolver.js';

/** The packet filter inside an instance, where its macvlan interfaces' groups are enforced; `undefined` when it has none of these. */
export function instanceFilter(snapshot: Snapshot, hostId: string, instanceId: string): NftText | undefined {
  const interfaces = snapshot
    .by('networkInterface', 'instanceId', instanceId)
    .flatMap(({ networkInterfaceId }) => presentInterface(snapshot, hostId, networkInterfaceId) ?? [])
    .filter(({ eni }) => snapshot.get('subnet', eni.subnetId)?.parent !== undefined)
    .sort((a, b) => a.deviceIndex - b.deviceIndex);
  const [first] = interfaces;
  if (!first) return undefined;
  const all = firewallInputs(snapshot, first.eni.vpcId);
  const used = new Set(interfaces.map(({ eni }) => eni.combinationIndex));
  const combinations = all.combinations.filter(({ index }) => used.has(index));
  const groupIds = new Set<string>(combinations.flatMap((combination) => combination.groupIds));
  const groups = new Map([...all.groups].filter(([groupId]) => groupIds.has(groupId)));
  const peers = [...groups.values()].flatMap(({ rules }) => rules.map(({ peer }) => peer));
  const named = new Set(peers.flatMap((peer) => (peer.kind === 'group' ? [peer.groupId] : [])));
  const lists = new Set<string>(peers.flatMap((peer) => (peer.kind === 'prefixList' ? [peer.prefixListId] : [])));
  return instanceTable({
    inputs: { ...all, combinations, groups, prefixLists: new Map([...all.prefixLists].filter(([id]) => lists.has(id))) },
    devices: interfaces.map(({ deviceIndex }) => instanceEndName(deviceIndex)),
    members: new Map([...named].sort().map((groupId) => [groupId, membersOf(snapshot, hostId, groupId)])),
    router: routerAddresses(snapshot, interfaces),
  });
}

function membersOf(snapshot: Snapshot, hostId: string, groupId: string): string[] {
  return snapshot
    .by('networkInterface', 'groupId', groupId)
    .flatMap(({ networkInterfaceId }) => presentInterface(snapshot, hostId, networkInterfaceId) ?? [])
    .flatMap(({ eni }) => interfaceAddresses(eni))
    .sort();
}

/** What answers at the router itself. */
function routerAddresses(snapshot: Snapshot, interfaces: readonly PresentInterface[]): string[] {
  const vpcId = interfaces[0]?.eni.vpcId ?? '';
  const vpc = snapshot.get('vpc', vpcId);
  return [
    ...snapshot
      .by('subnet', 'vpcId', vpcId)
      .flatMap(({ cidrBlock, ipv6 }) => [cidrBlock, ...(ipv6 ? [ipv6.cidrBlock] : [])].map(gatewayAddress)),
    ...interfaces.flatMap(({ eni }) => {
      const subnet = snapshot.get('subnet', eni.subnetId);
      return subnet ? [macvlanGateway(subnet).address[6]] : [];
    }),
    ...(vpc ? resolverAddresses(vpc) : []),
    METADATA.address[4],
    METADATA.address[6],
  ];
}
