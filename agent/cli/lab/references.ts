import { cidr, contains, containsCidr, parseCidr } from '../../model/address.js';
import { type EndpointRef, INTERNET } from './expect.js';
import { checkGateways, checkRouteTargets } from './references-gateways.js';
import { guestText, type LabFile, type LabInterface } from './schema.js';
import { inlineName } from './targets.js';

/** What can only be checked with the whole lab file in view: names that must exist, things that must fit. Pure. */

export interface LabIssue {
  readonly path: readonly PropertyKey[];
  /** Points at the key and not at its value. */
  readonly onKey: boolean;
  readonly message: string;
}

export function checkReferences(lab: LabFile): LabIssue[] {
  const issues: LabIssue[] = [];
  const report = (path: readonly PropertyKey[], message: string) => void issues.push({ path, onKey: false, message });
  const must: Must = (kind, name, path) => {
    if (name in lab[kind]) return true;
    const known = Object.keys(lab[kind]);
    report(path, `${kind} has no '${name}'${known.length > 0 ? ` (it has ${known.join(', ')})` : ''}`);
    return false;
  };

  for (const [name, subnet] of Object.entries(lab.subnets)) {
    if (!must('vpcs', subnet.vpc, ['subnets', name, 'vpc'])) continue;
    const vpc = lab.vpcs[subnet.vpc];
    if (vpc && !containsCidr(cidr(vpc.cidr), cidr(subnet.cidr)))
      report(['subnets', name, 'cidr'], `${subnet.cidr} is not within ${vpc.cidr} of VPC ${subnet.vpc}`);
    if (vpc && subnet.ipv6 !== undefined && vpc.ipv6 === undefined)
      report(['subnets', name, 'ipv6'], `VPC ${subnet.vpc} has no IPv6 range: give it one (ipv6: true)`);
  }
  for (const [name, list] of Object.entries(lab.prefixLists)) {
    list.entries.forEach((entry, i) => {
      if (parseCidr(entry)?.family !== list.family) report(['prefixLists', name, 'entries', i], `'${entry}' is no IPv${list.family} range`);
    });
    if (name in lab.groups) report(['prefixLists', name], `'${name}' is a group too: rules could not tell them apart`);
  }
  checkGroups(lab, report, must);
  const vpcOf = (subnet: string) => lab.subnets[subnet]?.vpc;
  const checkInterface = (entry: LabInterface, path: readonly PropertyKey[]) => {
    if (!must('subnets', entry.subnet, [...path, 'subnet'])) return;
    const range = lab.subnets[entry.subnet]?.cidr;
    const addresses = [
      ...(entry.address ? [[entry.address, 'address'] as const] : []),
      ...entry.addresses.map((a, i) => [a, 'addresses', i] as const),
    ];
    for (const [address, ...where] of addresses)
      if (range && !contains(cidr(range), address)) report([...path, ...where], `${address} is not in ${range} of subnet ${entry.subnet}`);
    entry.groups?.forEach((group, i) => {
      if (must('groups', group, [...path, 'groups', i]) && lab.groups[group]?.vpc !== vpcOf(entry.subnet))
        report([...path, 'groups', i], `group ${group} is of VPC ${lab.groups[group]?.vpc}, the interface of ${vpcOf(entry.subnet)}`);
    });
  };
  for (const [name, entry] of Object.entries(lab.interfaces)) checkInterface(entry, ['interfaces', name]);

  const users = new Map<string, string>();
  const guests = new Map<string, string>();
  for (const [name, instance] of Object.entries(lab.instances)) {
    const vpcs = new Set<string | undefined>();
    instance.interfaces.forEach((entry, i) => {
      const path = ['instances', name, 'interfaces', i];
      if (typeof entry !== 'string') {
        checkInterface(entry, path);
        vpcs.add(vpcOf(entry.subnet));
        const inline = inlineName(name, instance.index + i);
        if (inline in lab.interfaces) report(path, `it would be called ${inline}, but interfaces has one of that name`);
        return;
      }
      if (!must('interfaces', entry, path)) return;
      vpcs.add(vpcOf(lab.interfaces[entry]?.subnet ?? ''));
      const other = users.get(entry);
      if (other !== undefined) report(path, `${entry} is an interface of ${other} already`);
      users.set(entry, name);
    });
    if (vpcs.size > 1)
      report(['instances', name, 'interfaces'], `interfaces of one instance must be of one VPC, not ${[...vpcs].join(' and ')}`);
    const guest = guestText(instance);
    const holder = guest === undefined ? undefined : guests.get(guest);
    if (holder !== undefined) report(['instances', name], `${guest} is ${holder} already`);
    if (guest !== undefined) guests.set(guest, name);
  }
  checkGateways(lab, report, must);
  checkRouteTables(lab, report, must);
  checkRouteTargets(lab, report, must);
  checkExpectations(lab, report);
  return issues;
}

export type Report = (path: readonly PropertyKey[], message: string) => void;
type Kind = 'vpcs' | 'subnets' | 'groups' | 'interfaces' | 'elasticAddresses' | 'vpnGateways' | 'dhcpOptions';
/** Reports a name that the part of the file does not have. */
export type Must = (kind: Kind, name: string, path: readonly PropertyKey[]) => boolean;

function checkGroups(lab: LabFile, report: Report, must: Must): void {
  for (const [name, group] of Object.entries(lab.groups)) {
    must('vpcs', group.vpc, ['groups', name, 'vpc']);
    if (name === 'default' || name.startsWith('sg-')) report(['groups', name], `a group can't be called '${name}'`);
    for (const direction of ['ingress', 'egress'] as const) {
      group[direction]?.forEach(({ rules }, i) => {
        const peer = rules[0]?.peer;
        if (peer?.kind !== 'name' || peer.name in lab.prefixLists) return;
        const path = ['groups', name, direction, i];
        const other = lab.groups[peer.name];
        if (!other) report(path, `there is no group and no prefix list '${peer.name}'`);
        else if (other.vpc !== group.vpc) report(path, `group ${peer.name} is of VPC ${other.vpc}, this one of ${group.vpc}`);
      });
    }
  }
}

function checkRouteTables(lab: LabFile, report: Report, must: Must): void {
  const users = new Map<string, string>();
  for (const [name, table] of Object.entries(lab.routeTables)) {
    must('vpcs', table.vpc, ['routeTables', name, 'vpc']);
    if (table.main) {
      const other = users.get(`main ${table.vpc}`);
      if (other !== undefined) report(['routeTables', name], `${other} is the main table of ${table.vpc} already`);
      users.set(`main ${table.vpc}`, name);
      if (table.subnets.length > 0)
        report(['routeTables', name, 'subnets'], 'the main table is used by every subnet that has no other: leave this out');
    }
    table.subnets.forEach((subnet, i) => {
      const path = ['routeTables', name, 'subnets', i];
      if (!must('subnets', subnet, path)) return;
      const other = users.get(subnet);
      if (other !== undefined) report(path, `subnet ${subnet} uses ${other} already`);
      users.set(subnet, name);
      if (lab.subnets[subnet]?.vpc !== table.vpc)
        report(path, `subnet ${subnet} is of VPC ${lab.subnets[subnet]?.vpc}, the table of ${table.vpc}`);
    });
  }
}

function checkExpectations(lab: LabFile, report: Report): void {
  let elses = 0;
  lab.expect.forEach((expectation, i) => {
    const path = ['expect', i];
    if (expectation.kind === 'everythingElse') {
      if (++elses > 1) report(path, "'everything else' can be said only once");
      return;
    }
    for (const { instance, interface: name } of [...expectation.sources, ...expectation.targets] satisfies EndpointRef[]) {
      const found = lab.instances[instance];
      if (!found && isOutside(lab, instance)) {
        if (name !== undefined) report(path, `${instance} is not of the lab's own: it has no interface '${name}'`);
      } else if (!found) report(path, `there is no instance '${instance}'`);
      else if (name !== undefined && interfaceIndex(found, instance, name) < 0) report(path, `${instance} has no interface '${name}'`);
    }
  });
}

interface Outside {
  readonly instances: Readonly<Record<string, unknown>>;
  readonly customerGateways: Readonly<Record<string, unknown>>;
}

/** Whether an endpoint of expectations is no instance: the internet, or a customer's network. */
export function isOutside(lab: Outside, name: string): boolean {
  return !(name in lab.instances) && (name === INTERNET || name in lab.customerGateways);
}

/** Device index of an interface given as `ethN` or by name; −1 when the instance has no such. */
export function interfaceIndex({ interfaces, index }: InterfaceList, instance: string, name: string): number {
  const device = /^(?:eth|(.+)-eth)(\d+)$/.exec(name);
  const place = Number(device?.[2]) - index;
  if (device && (device[1] === undefined || (device[1] === instance && typeof interfaces[place] === 'object')))
    return place in interfaces ? place + index : -1;
  return interfaces.includes(name) ? interfaces.indexOf(name) + index : -1;
}

/** Interfaces of an instance, from a device index on. */
interface InterfaceList {
  readonly interfaces: readonly unknown[];
  readonly index: number;
}
