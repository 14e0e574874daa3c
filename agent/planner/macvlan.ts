import { guardText } from '../firewall/guard.js';
import type { KernelObject } from '../kernel/port.js';
import {
  groupWord,
  HOST_NAMESPACE,
  instanceEndName,
  linkAlias,
  MAIN_TABLE,
  routerNamespace,
  SET,
  subnetDevices,
} from '../kernel/resources.js';
import { familyOf, hostCidr } from '../model/address.js';
import { interfaceAddresses } from '../model/network-interface.js';
import type { Snapshot } from '../model/snapshot.js';
import { gatewayAddress, hostAddress, type Subnet, type SubnetParent } from '../model/subnet.js';
import { linkLocalAddress } from './link-local.js';
import type { PlanSettings } from './plan.js';
import { isVpcPresent, type PresentInterface, presentInterface } from './presence.js';
import { vpcRouting } from './routing.js';

/** Subnets on a device of the host: their interfaces are macvlan devices there, and the router and the host may have one too. */

export type ParentedSubnet = Subnet & { readonly parent: SubnetParent };

export function parentedSubnets(snapshot: Snapshot, vpcId: string): ParentedSubnet[] {
  return snapshot.by('subnet', 'vpcId', vpcId).filter((subnet): subnet is ParentedSubnet => subnet.parent !== undefined);
}

/** Interfaces of a subnet that exist on the host. */
export function presentInterfacesOf(snapshot: Snapshot, hostId: string, subnetId: string): PresentInterface[] {
  return snapshot
    .by('networkInterface', 'subnetId', subnetId)
    .flatMap(({ networkInterfaceId }) => presentInterface(snapshot, hostId, networkInterfaceId) ?? [])
    .sort((a, b) => (a.eni.networkInterfaceId < b.eni.networkInterfaceId ? -1 : 1));
}

/**
 * What a subnet on a device of the host needs there beside its interfaces: the guard of the device, and the devices of the VPC's router and
 * of the host. A unit of its own, named by the subnet's id: without the device the VPC is a VPC all the same.
 */
export function planParentedSubnet(snapshot: Snapshot, settings: PlanSettings, subnetId: string): KernelObject[] {
  const subnet = snapshot.get('subnet', subnetId);
  if (!subnet?.parent || !isVpcPresent(snapshot, settings.hostId, subnet.vpcId)) return [];
  const { device, hostAccess, combinationIndex } = subnet.parent;
  const ours = subnetDevices(subnet.subnetId);
  const routeTableIndex = vpcRouting(snapshot, subnet.vpcId).tableOf(subnetId);
  const common = { kind: 'macvlan', alias: subnetId, mtu: settings.mtu, parent: device } as const;
  const router = { netns: routerNamespace(subnet.vpcId), device: ours.router.name };
  return [
    { kind: 'parent', netns: HOST_NAMESPACE, device, ...guardOf(snapshot, settings, subnet) },
    {
      ...common,
      netns: router.netns,
      name: router.device,
      mac: ours.router.mac,
      group: groupWord({ check: false, routeTableIndex, combinationIndex }),
      end: 'router',
    },
    ...[subnet.cidrBlock, ...(subnet.ipv6 ? [subnet.ipv6.cidrBlock] : [])].map(
      (range): KernelObject => ({ kind: 'route', ...router, table: MAIN_TABLE, destination: range, type: 'unicast' }),
    ),
    { kind: 'member', netns: router.netns, set: SET.own(6), entry: `${linkLocalAddress(ours.router.mac)},${router.device}` },
    ...(hostAccess
      ? ([
          { ...common, netns: HOST_NAMESPACE, name: ours.host.name, mac: ours.host.mac, group: 0, end: 'host' },
          { kind: 'address', netns: HOST_NAMESPACE, device: ours.host.name, address: hostCidr(hostAddress(subnet.cidrBlock)) },
        ] as const)
      : []),
  ];
}

function guardOf(snapshot: Snapshot, { hostId }: PlanSettings, { subnetId, parent }: Subnet) {
  const { router, host } = subnetDevices(subnetId);
  const interfaces = presentInterfacesOf(snapshot, hostId, subnetId).map(({ eni }) => ({
    mac: eni.macAddress,
    addresses: { 4: eni.privateIpAddresses, 6: [...eni.ipv6Addresses, linkLocalAddress(eni.macAddress)] },
    check: eni.sourceDestCheck,
  }));
  return guardText(parent?.device ?? '', interfaces, [router.mac, ...(parent?.hostAccess ? [host.mac] : [])]);
}

/** The device of an interface, the way from the router to it, and what its addresses are members of. */
export function planMacvlanDevice(
  { eni, deviceIndex, holder }: PresentInterface,
  { subnetId, parent }: ParentedSubnet,
  mtu: number,
): KernelObject[] {
  const { router, host } = subnetDevices(subnetId);
  const netns = routerNamespace(eni.vpcId);
  const linkLocal = linkLocalAddress(eni.macAddress);
  return [
    {
      kind: 'macvlan',
      netns: holder.netns,
      name: instanceEndName(deviceIndex),
      alias: linkAlias(eni.networkInterfaceId),
      mac: eni.macAddress,
      group: groupWord({ check: eni.sourceDestCheck, routeTableIndex: 0, combinationIndex: eni.combinationIndex }),
      mtu,
      parent: parent.device,
      end: 'instance',
    },
    ...[...interfaceAddresses(eni), linkLocal].flatMap((address): KernelObject[] => {
      const family = familyOf(address);
      return [
        { kind: 'neighbour', netns, device: router.name, address, mac: eni.macAddress },
        { kind: 'member', netns, set: SET.own(family), entry: `${address},${router.name}` },
        ...(address === linkLocal
          ? []
          : [
              { kind: 'route', netns, device: router.name, table: MAIN_TABLE, destination: hostCidr(address), type: 'unicast' } as const,
              ...eni.groupIds.map((groupId) => ({ kind: 'member', netns, set: SET.group(groupId, family), entry: address }) as const),
            ]),
      ];
    }),
    ...(parent.hostAccess
      ? eni.privateIpAddresses.map(
          (address): KernelObject => ({
            kind: 'route',
            netns: HOST_NAMESPACE,
            device: host.name,
            table: MAIN_TABLE,
            destination: hostCidr(address),
            type: 'unicast',
          }),
        )
      : []),
  ];
}

/** How an interface on a device of the host gets out of its subnet: the router's own device, which its guest need not look for. */
export function macvlanGateway({ subnetId, cidrBlock }: Subnet): {
  readonly mac: string;
  readonly address: Readonly<Record<4 | 6, string>>;
} {
  const { mac } = subnetDevices(subnetId).router;
  return { mac, address: { 4: gatewayAddress(cidrBlock), 6: linkLocalAddress(mac) } };
}
