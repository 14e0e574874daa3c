import { cidr, overlaps } from '../../model/address.js';
import { aclEntryKey } from './acl-text.js';
import { addressName, deriveParts } from './derive.js';
import type { Must, Report } from './references.js';
import type { LabFile, LabInterface } from './schema.js';
import { findTargets, type TargetPart, targetsOf } from './targets.js';

/** References between the gateways of a lab file and the rest. Pure. */
export function checkGateways(lab: LabFile, report: Report, must: Must): void {
  const { interfaces } = targetsOf(lab) as unknown as { interfaces: Readonly<Record<string, LabInterface>> };
  checkVpcs(lab, report, must);
  checkAddresses(lab, interfaces, report, must);
  checkNatGateways(lab, report, must);
  checkVpn(lab, report, must);
  checkPeerings(lab, report, must);
  checkAcls(lab, report, must);
}

const entries = Object.entries as <T>(record: Readonly<Record<string, T>>) => [string, T][];

function checkVpcs(lab: LabFile, report: Report, must: Must): void {
  const names = new Map<string, string>();
  for (const [name, vpc] of entries(lab.vpcs)) {
    if (vpc.dhcpOptions !== undefined) must('dhcpOptions', vpc.dhcpOptions, ['vpcs', name, 'dhcpOptions']);
    if (vpc.egressOnly !== undefined && vpc.ipv6 === undefined)
      report(
        ['vpcs', name, 'egressOnly'],
        `an egress-only gateway is for IPv6, and VPC ${name} has no range of it: give it one (ipv6: true)`,
      );
    for (const [field, suffix] of [
      ['internet', 'internet'],
      ['egressOnly', 'egress-only'],
    ] as const) {
      if (vpc[field] === undefined) continue;
      const gateway = vpc[field] === true ? `${name}-${suffix}` : vpc[field];
      const other = names.get(gateway);
      if (other !== undefined) report(['vpcs', name, field], `${gateway} is a gateway of VPC ${other} already: a gateway has one VPC`);
      names.set(gateway, name);
    }
  }
}

const needsInternet = (vpc: string | undefined): string => `VPC ${vpc} has no way to the internet: give it a gateway (internet: true)`;

function checkAddresses(lab: LabFile, interfaces: Readonly<Record<string, LabInterface>>, report: Report, must: Must): void {
  const vpcOf = (subnet: string | undefined) => lab.subnets[subnet ?? '']?.vpc;
  const publicIps = new Map<string, string>();
  const unique = (publicIp: string | undefined, path: readonly PropertyKey[], owner: string) => {
    if (publicIp === undefined) return;
    const other = publicIps.get(publicIp);
    if (other !== undefined) report(path, `${publicIp} is the address of ${other} already`);
    publicIps.set(publicIp, owner);
  };
  const privates = new Map<string, string>();
  for (const [name, { publicIp, interface: owner, address }] of entries(lab.elasticAddresses)) {
    const path = ['elasticAddresses', name];
    unique(publicIp, [...path, 'publicIp'], name);
    if (owner === undefined) {
      if (address !== undefined) report([...path, 'address'], 'say of which interface');
      continue;
    }
    const found = interfaces[owner];
    if (!found) {
      must('interfaces', owner, [...path, 'interface']);
      continue;
    }
    const vpc = vpcOf(found.subnet);
    if (vpc !== undefined && lab.vpcs[vpc]?.internet === undefined) report([...path, 'interface'], needsInternet(vpc));
    if (address !== undefined && address !== found.address && !found.addresses.includes(address))
      report([...path, 'address'], `${owner} has no address ${address}`);
    const place = `${owner} ${address ?? found.address ?? 'primary'}`;
    const other = privates.get(place);
    if (other !== undefined) report(path, `${other} is associated with that address of ${owner} already`);
    privates.set(place, name);
  }
  for (const [name, { subnet, public: said, address }] of entries(interfaces)) {
    if (said === undefined) continue;
    const path = placeOf(lab, name);
    const vpc = vpcOf(subnet);
    if (vpc !== undefined && lab.vpcs[vpc]?.internet === undefined) report(path, needsInternet(vpc));
    if (said !== true) unique(said, path, addressName(name));
    if (addressName(name) in lab.elasticAddresses)
      report(path, `its elastic address would be called ${addressName(name)}, but elasticAddresses has one of that name`);
    const other = privates.get(`${name} ${address ?? 'primary'}`) ?? privates.get(`${name} primary`);
    if (other !== undefined) report(path, `${other} is associated with its primary address already`);
  }
}

/** Where `public` of an interface is written. */
function placeOf(lab: LabFile, name: string): readonly PropertyKey[] {
  if (name in lab.interfaces) return ['interfaces', name, 'public'];
  const [, instance = '', index] = /^(.+)-eth(\d+)$/.exec(name) ?? [];
  return ['instances', instance, 'interfaces', Number(index), 'public'];
}

function checkNatGateways(lab: LabFile, report: Report, must: Must): void {
  const users = new Map<string, string>();
  for (const [name, { subnet, elasticAddress, private: isPrivate }] of entries(lab.natGateways)) {
    const path = ['natGateways', name];
    if (must('subnets', subnet, [...path, 'subnet']) && !isPrivate) {
      const vpc = lab.subnets[subnet]?.vpc;
      if (vpc !== undefined && lab.vpcs[vpc]?.internet === undefined) report(path, needsInternet(vpc));
    }
    if (elasticAddress === undefined) continue;
    if (isPrivate) report([...path, 'elasticAddress'], 'a private NAT gateway has none');
    else if (must('elasticAddresses', elasticAddress, [...path, 'elasticAddress'])) {
      const other = users.get(elasticAddress) ?? lab.elasticAddresses[elasticAddress]?.interface;
      if (other !== undefined) report([...path, 'elasticAddress'], `${elasticAddress} is the address of ${other} already`);
      users.set(elasticAddress, name);
    }
  }
}

function checkVpn(lab: LabFile, report: Report, must: Must): void {
  const users = new Map<string, string>();
  for (const [name, { vpc }] of entries(lab.vpnGateways)) {
    must('vpcs', vpc, ['vpnGateways', name, 'vpc']);
    const other = users.get(vpc);
    if (other !== undefined) report(['vpnGateways', name, 'vpc'], `VPC ${vpc} has ${other} already: a VPC has one VPN gateway`);
    users.set(vpc, name);
  }
  for (const [name, { vpnGateway, routes }] of entries(lab.customerGateways)) {
    const path = ['customerGateways', name];
    if (!must('vpnGateways', vpnGateway, [...path, 'vpnGateway'])) continue;
    const vpc = lab.vpcs[lab.vpnGateways[vpnGateway]?.vpc ?? ''];
    routes.forEach((route, i) => {
      if (vpc && overlaps(cidr(route), cidr(vpc.cidr)))
        report([...path, 'routes', i], `${route} overlaps ${vpc.cidr}, the range of the VPC at the other end`);
    });
    if (name in lab.instances) report(path, `'${name}' is an instance too: expectations could not tell them apart`);
  }
}

function checkPeerings(lab: LabFile, report: Report, must: Must): void {
  for (const [name, { between }] of entries(lab.peerings)) {
    const known = between.map((vpc, i) => must('vpcs', vpc, ['peerings', name, 'between', i]));
    const [one, other] = between.map((vpc) => lab.vpcs[vpc]);
    if (known.includes(false) || !one || !other) continue;
    if (overlaps(cidr(one.cidr), cidr(other.cidr)))
      report(['peerings', name, 'between'], `${one.cidr} and ${other.cidr} overlap: such VPCs cannot be peers`);
  }
}

function checkAcls(lab: LabFile, report: Report, must: Must): void {
  const users = new Map<string, string>();
  for (const [name, acl] of entries(lab.networkAcls)) {
    must('vpcs', acl.vpc, ['networkAcls', name, 'vpc']);
    acl.subnets.forEach((subnet, i) => {
      const path = ['networkAcls', name, 'subnets', i];
      if (!must('subnets', subnet, path)) return;
      const other = users.get(subnet);
      if (other !== undefined) report(path, `subnet ${subnet} uses ${other} already`);
      users.set(subnet, name);
      if (lab.subnets[subnet]?.vpc !== acl.vpc)
        report(path, `subnet ${subnet} is of VPC ${lab.subnets[subnet]?.vpc}, the ACL of ${acl.vpc}`);
    });
    for (const direction of ['ingress', 'egress'] as const) {
      const numbers = new Map<number, string>();
      acl[direction].forEach((entry, i) => {
        const path = ['networkAcls', name, direction, i];
        if (numbers.has(entry.ruleNumber)) report(path, `there is an ${direction} entry ${entry.ruleNumber} already`);
        numbers.set(entry.ruleNumber, aclEntryKey(entry));
      });
    }
  }
}

const PART_TEXT: Readonly<Record<TargetPart, string>> = {
  interfaces: 'interface',
  natGateways: 'NAT gateway',
  vpnGateways: 'VPN gateway',
  peerings: 'peering',
  internetGateways: 'internet gateway',
  egressOnlyGateways: 'egress-only gateway',
};

/** Targets of routes, and the gateways whose routes a table learns. */
export function checkRouteTargets(lab: LabFile, report: Report, must: Must): void {
  const targets = targetsOf(lab);
  for (const [name, table] of entries(lab.routeTables)) {
    table.routes.forEach(({ target }, i) => {
      const path = ['routeTables', name, 'routes', i];
      const found = findTargets(targets, table.vpc, target);
      const [first] = found;
      if (!first) report(path, missingTarget(lab, table.vpc, target));
      else if (found.length > 1)
        report(path, `'${target}' could be the ${found.map(({ part }) => PART_TEXT[part]).join(' or the ')}: rename one of them`);
      else {
        const vpcs = vpcsOf(lab, targets, first.part, first.name);
        if (vpcs.length > 0 && !vpcs.includes(table.vpc))
          report(path, `${target} is of VPC ${vpcs.join(' and ')}, the table of ${table.vpc}`);
      }
    });
    table.propagate.forEach((gateway, i) => {
      const path = ['routeTables', name, 'propagate', i];
      if (!must('vpnGateways', gateway, path)) return;
      const vpc = lab.vpnGateways[gateway]?.vpc;
      if (vpc !== table.vpc) report(path, `${gateway} is of VPC ${vpc}, the table of ${table.vpc}`);
    });
  }
}

function missingTarget(lab: LabFile, vpc: string, target: string): string {
  if (target === 'internet') return needsInternet(vpc);
  if (target === 'egress-only') return `VPC ${vpc} has no egress-only gateway: give it one (egressOnly: true)`;
  const instance = lab.instances[target];
  if (instance) return `${target} has ${instance.interfaces.length} interfaces: say which one`;
  return `there is nothing called '${target}' that a route could lead to: an interface, an instance, 'internet', 'egress-only', a NAT gateway, a VPN gateway or a peering`;
}

function vpcsOf(lab: LabFile, targets: ReturnType<typeof targetsOf>, part: TargetPart, name: string): string[] {
  const vpcOfSubnet = (subnet: string | undefined) => [lab.subnets[subnet ?? '']?.vpc].filter((vpc) => vpc !== undefined);
  switch (part) {
    case 'interfaces':
      return vpcOfSubnet((targets.interfaces[name] as LabInterface | undefined)?.subnet);
    case 'natGateways':
      return vpcOfSubnet(lab.natGateways[name]?.subnet);
    case 'peerings':
      return [...(lab.peerings[name]?.between ?? [])];
    case 'vpnGateways':
      return [lab.vpnGateways[name]?.vpc ?? ''];
    default:
      return [deriveParts(lab, {})[part][name]?.vpc ?? ''];
  }
}
