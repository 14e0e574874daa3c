import type { Family, KernelObject } from '../kernel/port.js';
import {
  DROP_SETS,
  groupWord,
  hostEndName,
  instanceEndName,
  linkAlias,
  MAIN_TABLE,
  ROUTER_LINK_LOCAL,
  ROUTER_MAC,
  RULE_PRIORITY,
  routerNamespace,
  routeTableNumber,
  SET,
  sourceTable,
  subnetDevices,
} from '../kernel/resources.js';
import { FAMILIES, familyOf, hostCidr } from '../model/address.js';
import { isForeign } from '../model/instance.js';
import { interfaceAddresses, primaryAddress } from '../model/network-interface.js';
import type { Snapshot } from '../model/snapshot.js';
import { gatewayAddress, type Subnet } from '../model/subnet.js';
import { linkLocalAddress } from './link-local.js';
import { macvlanGateway, planMacvlanDevice } from './macvlan.js';
import type { PlanSettings } from './plan.js';
import { type PresentInterface, presentInterface } from './presence.js';
import { type VpcRouting, vpcRouting } from './routing.js';

/** Everything of one attached interface, in the router's namespace and in the instance's. */
export function planInterface(snapshot: Snapshot, settings: PlanSettings, networkInterfaceId: string): KernelObject[] {
  const present = presentInterface(snapshot, settings.hostId, networkInterfaceId);
  const subnet = present && snapshot.get('subnet', present.eni.subnetId);
  if (!present || !subnet) return [];
  const routing = vpcRouting(snapshot, present.eni.vpcId);
  if (!isHeld(snapshot, settings, present)) return closedRows(present, routing);
  const { parent } = subnet;
  if (parent) {
    const { netns } = present.holder;
    const via = macvlanGateway(subnet);
    const device = instanceEndName(present.deviceIndex);
    const families = FAMILIES.filter((family) => family === 4 || present.eni.ipv6Addresses.length > 0);
    return [
      ...planMacvlanDevice(present, { ...subnet, parent }, settings.mtu),
      ...targetRows(present, { netns: routerNamespace(subnet.vpcId), device: subnetDevices(subnet.subnetId).router.name }, routing),
      ...families.map((family): KernelObject => ({ kind: 'neighbour', netns, device, address: via.address[family], mac: via.mac })),
      ...instanceSide(snapshot, present, { netns, device }, subnet, via.address),
    ];
  }
  const ends = endsOf(present, routing);
  return [
    vethOf(present, ends, routing, settings),
    ...members(present, ends),
    ...routerSide(present, ends),
    ...targetRows(present, ends.router, routing),
    ...instanceSide(snapshot, present, ends.instance, subnet, { 4: gatewayAddress(subnet.cidrBlock), 6: ROUTER_LINK_LOCAL }),
  ];
}

/** Whether the namespace that the interface is to be in is there, as far as that is not up to us. */
function isHeld(snapshot: Snapshot, { holders }: PlanSettings, { holder }: PresentInterface): boolean {
  const instance = snapshot.get('instance', holder.unit);
  return !instance || !isForeign(instance) || (holders?.has(instance.instanceId) ?? false);
}

/** Rows that lead to an interface stay while it cannot be there, so that nothing takes a less specific one instead. */
function closedRows({ eni }: PresentInterface, { rowsTo }: VpcRouting): KernelObject[] {
  return (rowsTo.get(eni.networkInterfaceId) ?? []).map(({ tableIndex, destination }) => ({
    kind: 'route',
    netns: routerNamespace(eni.vpcId),
    table: routeTableNumber(tableIndex),
    destination,
    type: 'blackhole',
  }));
}

interface Ends {
  readonly router: { readonly netns: string; readonly device: string };
  readonly instance: { readonly netns: string; readonly device: string };
  /** What the two speak: IPv6 where the interface has an address of it, or is the target of such a route. */
  readonly families: readonly Family[];
  /** The interface's link-local IPv6 address, where they speak IPv6. */
  readonly linkLocal: readonly string[];
}

function endsOf({ eni, attachmentId, deviceIndex, holder }: PresentInterface, { rowsTo }: VpcRouting): Ends {
  const isIpv6Target = rowsTo.get(eni.networkInterfaceId)?.some(({ family }) => family === 6) ?? false;
  const hasIpv6 = eni.ipv6Addresses.length > 0 || isIpv6Target;
  return {
    router: { netns: routerNamespace(eni.vpcId), device: hostEndName(attachmentId) },
    instance: { netns: holder.netns, device: instanceEndName(deviceIndex) },
    families: hasIpv6 ? FAMILIES : [4],
    linkLocal: hasIpv6 ? [linkLocalAddress(eni.macAddress)] : [],
  };
}

function vethOf({ eni }: PresentInterface, { router, instance, families }: Ends, routing: VpcRouting, { mtu }: PlanSettings): KernelObject {
  const check = eni.sourceDestCheck;
  return {
    kind: 'veth',
    netns: router.netns,
    name: router.device,
    alias: linkAlias(eni.networkInterfaceId),
    mac: ROUTER_MAC,
    group: groupWord({ check, routeTableIndex: routing.tableOf(eni.subnetId), combinationIndex: eni.combinationIndex }),
    rpFilter: check ? 1 : 0,
    ipv6: families.includes(6),
    mtu,
    peer: { netns: instance.netns, name: instance.device, mac: eni.macAddress },
  };
}

const EVERYTHING: Readonly<Record<Family, string>> = { 4: '0.0.0.0/0', 6: '::/0' };

function members({ eni }: PresentInterface, { router, families, linkLocal }: Ends): KernelObject[] {
  const { netns, device } = router;
  const member = (set: string, entry: string): KernelObject => ({ kind: 'member', netns, set, entry });
  const addresses = interfaceAddresses(eni);
  return [
    ...[...addresses, ...linkLocal].map((address) => member(SET.own(familyOf(address)), `${address},${device}`)),
    ...addresses.flatMap((address) => eni.groupIds.map((groupId) => member(SET.group(groupId, familyOf(address)), address))),
    ...families.flatMap((family) => DROP_SETS.map((name) => member(name(family), device))),
  ];
}

/** In the router: how packets get to the interface. */
function routerSide({ eni }: PresentInterface, { router, linkLocal }: Ends): KernelObject[] {
  const addresses = interfaceAddresses(eni);
  return [
    ...[...addresses, ...linkLocal].map((address): KernelObject => ({ kind: 'neighbour', ...router, address, mac: eni.macAddress })),
    ...addresses.map(
      (address): KernelObject => ({ kind: 'route', ...router, table: MAIN_TABLE, destination: hostCidr(address), type: 'unicast' }),
    ),
  ];
}

/** Rows of route tables that lead to the interface. */
function targetRows({ eni }: PresentInterface, router: Ends['router'], { rowsTo }: VpcRouting): KernelObject[] {
  const rows = rowsTo.get(eni.networkInterfaceId) ?? [];
  return rows.map(({ tableIndex, family, destination }) => ({
    kind: 'route',
    ...router,
    table: routeTableNumber(tableIndex),
    destination,
    type: 'unicast',
    gateway: family === 4 ? primaryAddress(eni) : linkLocalAddress(eni.macAddress),
    onlink: true,
  }));
}

/** In the instance: the addresses, and the ways out. */
function instanceSide(
  snapshot: Snapshot,
  present: PresentInterface,
  instance: Ends['instance'],
  subnet: Subnet,
  gateway: Readonly<Record<Family, string>>,
): KernelObject[] {
  const { eni, deviceIndex, holder } = present;
  const length = subnet.cidrBlock.slice(subnet.cidrBlock.indexOf('/'));
  const defaults = (table: number, families: readonly Family[]): KernelObject[] =>
    families.map((family) => ({
      kind: 'route',
      ...instance,
      table,
      destination: EVERYTHING[family],
      type: 'unicast',
      gateway: gateway[family],
    }));
  const families = FAMILIES.filter((family) => family === 4 || eni.ipv6Addresses.length > 0);
  const inMain = families.filter((family) => (family === 4 ? deviceIndex === 0 : isFirstWithIpv6(snapshot, present)));
  const ownTable = deviceIndex > 0 && holder.sourceBasedRouting ? sourceTable(deviceIndex) : undefined;
  return [
    ...eni.privateIpAddresses.map((address): KernelObject => ({ kind: 'address', ...instance, address: `${address}${length}` })),
    ...eni.ipv6Addresses.map(
      (address): KernelObject => ({ kind: 'address', ...instance, address: subnet.parent ? `${address}/64` : hostCidr(address) }),
    ),
    ...defaults(MAIN_TABLE, inMain),
    ...(ownTable === undefined
      ? []
      : [
          { kind: 'route', ...instance, table: ownTable, destination: subnet.cidrBlock, type: 'unicast' } as const,
          ...defaults(ownTable, families),
          ...sourceRules(present, instance.netns, ownTable),
        ]),
  ];
}

function sourceRules({ eni, deviceIndex }: PresentInterface, netns: string, table: number): KernelObject[] {
  return interfaceAddresses(eni).map((address) => ({
    kind: 'rule',
    netns,
    family: familyOf(address),
    priority: RULE_PRIORITY.sourceAddress + deviceIndex,
    from: hostCidr(address),
    table,
  }));
}

/** As with router advertisements in the cloud, IPv6 leaves by the first interface that has it, which need not be the primary one. */
function isFirstWithIpv6(snapshot: Snapshot, { eni, deviceIndex, holder }: PresentInterface): boolean {
  if (eni.ipv6Addresses.length === 0) return false;
  return snapshot
    .by('networkInterface', 'instanceId', holder.unit)
    .every(
      (other) => other.attachment?.status !== 'attached' || other.ipv6Addresses.length === 0 || other.attachment.deviceIndex >= deviceIndex,
    );
}
