import { effectiveRoutes } from '../model/effective-routes.js';
import type { ElasticIp } from '../model/elastic-ip.js';
import type { Instance } from '../model/instance.js';
import { type NetworkInterface, primaryAddress } from '../model/network-interface.js';
import type { TaggedKind } from '../model/resource.js';
import type { Route } from '../model/route-table.js';
import type { SecurityGroup, SecurityGroupRule } from '../model/security-group.js';
import { ID_FIELD, type Records } from '../model/snapshot.js';
import { vpcIpv4Ranges } from '../model/vpc.js';
import { bool, common, type FilterFacts, type NounFilters, some } from './filter-facts.js';
import { applyFilters, type Filter } from './filters.js';
import { GATEWAY_FILTERS } from './gateway-filters.js';
import { availableAddressCount } from './ipam.js';

/** Codes of `instance-state-code`, as the cloud numbers them. */
export const STATE_CODES: Readonly<Record<string, string>> = {
  pending: '0',
  running: '16',
  'shutting-down': '32',
  terminated: '48',
  stopping: '64',
  stopped: '80',
};

const networkInterface: NounFilters<'networkInterface'> = {
  ...common,
  'tag-value': (r) => Object.values(r.tags),
  'network-interface-id': (r) => [r.networkInterfaceId],
  'subnet-id': (r) => [r.subnetId],
  'vpc-id': (r) => [r.vpcId],
  'availability-zone': (r) => [r.availabilityZone],
  description: (r) => [r.description],
  'interface-type': (r) => [r.interfaceType],
  'requester-managed': (r) => bool(r.requesterManaged),
  'requester-id': (r) => some(r.requesterId),
  'mac-address': (r) => [r.macAddress],
  'source-dest-check': (r) => bool(r.sourceDestCheck),
  'group-id': (r) => r.groupIds,
  'group-name': (r, { snapshot }) => r.groupIds.flatMap((id) => some(snapshot.get('securityGroup', id)?.groupName)),
  'private-ip-address': (r) => r.privateIpAddresses,
  'addresses.private-ip-address': (r) => r.privateIpAddresses,
  'addresses.primary': (r) => (r.privateIpAddresses.length > 1 ? ['true', 'false'] : ['true']),
  'addresses.association.allocation-id': (r, facts) => publicOf(r, facts).map((address) => address.allocationId),
  'addresses.association.association-id': (r, facts) => publicOf(r, facts).flatMap((address) => some(address.association?.associationId)),
  'addresses.association.public-ip': (r, facts) => publicOf(r, facts).map((address) => address.publicIp),
  'association.public-ip': (r, facts) => publicOf(r, facts).map((address) => address.publicIp),
  'association.allocation-id': (r, facts) => publicOf(r, facts).map((address) => address.allocationId),
  'association.association-id': (r, facts) => publicOf(r, facts).flatMap((address) => some(address.association?.associationId)),
  'ipv6-addresses.ipv6-address': (r) => r.ipv6Addresses,
  'private-dns-name': (r, facts) => [facts.privateDnsName(primaryAddress(r))],
  status: (r, facts) => [facts.interfaceStatus(r)],
  'attachment.attachment-id': (r) => some(r.attachment?.attachmentId),
  'attachment.instance-id': (r) => some(r.attachment?.instanceId),
  'attachment.device-index': (r) => some(r.attachment?.deviceIndex),
  'attachment.delete-on-termination': (r) => (r.attachment ? bool(r.attachment.deleteOnTermination) : []),
  'attachment.attach-time': (r) => some(r.attachment?.attachTime),
  'attachment.instance-owner-id': (r) => (r.attachment ? [r.ownerId] : []),
  'attachment.status': (r, facts) => [r.attachment ? facts.attachmentStatus(r) : 'detached'],
};

/** Filters of an instance's interfaces go by the interface's own, under a prefix. */
const throughInterfaces: NounFilters<'instance'> = Object.fromEntries(
  Object.entries(networkInterface).map(([name, valuesOf]) => [
    `network-interface.${name}`,
    (instance: Instance, facts: FilterFacts) => interfacesOf(instance, facts).flatMap((eni) => valuesOf(eni, facts)),
  ]),
);

const instance: NounFilters<'instance'> = {
  ...common,
  ...throughInterfaces,
  'instance-id': (r) => [r.instanceId],
  'vpc-id': (r) => [r.vpcId],
  'availability-zone': (r) => [r.availabilityZone],
  'image-id': (r) => [r.imageId],
  'instance-type': (r) => [r.instanceType],
  'key-name': (r) => some(r.keyName),
  'host-id': (r) => [r.hostId],
  'reservation-id': (r) => [r.reservationId],
  'launch-index': (r) => [String(r.launchIndex)],
  'launch-time': (r) => [r.launchTime],
  'instance-state-name': (r, facts) => [facts.instanceState(r)],
  'instance-state-code': (r, facts) => some(STATE_CODES[facts.instanceState(r)]),
  'state-reason-code': (r) => some(r.stateReason?.code),
  'subnet-id': (r, facts) => some(primaryOf(r, facts)?.subnetId),
  'private-ip-address': (r, facts) => some(primaryOf(r, facts)?.privateIpAddresses[0]),
  'ip-address': (r, facts) => interfacesOf(r, facts).flatMap((eni) => publicOf(eni, facts).map((address) => address.publicIp)),
  'private-dns-name': (r, facts) => some(primaryOf(r, facts)?.privateIpAddresses[0]).map(facts.privateDnsName),
  'instance.group-id': (r, facts) => interfacesOf(r, facts).flatMap((eni) => eni.groupIds),
  'instance.group-name': (r, facts) =>
    interfacesOf(r, facts).flatMap((eni) => eni.groupIds.flatMap((id) => some(facts.snapshot.get('securityGroup', id)?.groupName))),
};

const vpc: NounFilters<'vpc'> = {
  ...common,
  'vpc-id': (r) => [r.vpcId],
  cidr: (r) => [r.cidrBlock],
  'cidr-block-association.cidr-block': (r) => vpcIpv4Ranges(r),
  'cidr-block-association.association-id': (r) => [r.cidrAssociationId, ...r.secondaryCidrBlocks.map((block) => block.associationId)],
  'ipv6-cidr-block-association.ipv6-cidr-block': (r) => some(r.ipv6?.cidrBlock),
  'ipv6-cidr-block-association.association-id': (r) => some(r.ipv6?.associationId),
  'dhcp-options-id': (r) => [r.dhcpOptionsId],
  'is-default': (r) => bool(r.isDefault),
  isDefault: (r) => bool(r.isDefault),
  state: () => ['available'],
};

const subnet: NounFilters<'subnet'> = {
  ...common,
  'subnet-id': (r) => [r.subnetId],
  'vpc-id': (r) => [r.vpcId],
  'availability-zone': (r) => [r.availabilityZone],
  cidr: (r) => [r.cidrBlock],
  'cidr-block': (r) => [r.cidrBlock],
  'ipv6-cidr-block-association.ipv6-cidr-block': (r) => some(r.ipv6?.cidrBlock),
  'ipv6-cidr-block-association.association-id': (r) => some(r.ipv6?.associationId),
  'available-ip-address-count': (r, { snapshot }) => [String(availableAddressCount(snapshot, r))],
  'default-for-az': (r) => bool(r.defaultForAz),
  'map-public-ip-on-launch': (r) => bool(r.mapPublicIpOnLaunch),
  state: () => ['available'],
};

const securityGroup: NounFilters<'securityGroup'> = {
  ...common,
  'group-id': (r) => [r.groupId],
  'group-name': (r) => [r.groupName],
  'vpc-id': (r) => [r.vpcId],
  description: (r) => [r.description],
  ...permissionFilters('ingress', 'ip-permission'),
  ...permissionFilters('egress', 'egress.ip-permission'),
};

function permissionFilters(direction: SecurityGroupRule['direction'], prefix: string): NounFilters<'securityGroup'> {
  type Values = (rule: SecurityGroupRule, facts: FilterFacts) => readonly string[];
  const of = (values: Values) => (group: SecurityGroup, facts: FilterFacts) =>
    group.rules.filter((rule) => rule.direction === direction).flatMap((rule) => values(rule, facts));
  return {
    [`${prefix}.protocol`]: of((rule) => [rule.protocol]),
    [`${prefix}.from-port`]: of((rule) => some(rule.fromPort)),
    [`${prefix}.to-port`]: of((rule) => some(rule.toPort)),
    [`${prefix}.cidr`]: of(({ peer }) => (peer.kind === 'cidr' ? [peer.cidr] : [])),
    [`${prefix}.ipv6-cidr`]: of(({ peer }) => (peer.kind === 'cidr6' ? [peer.cidr] : [])),
    [`${prefix}.group-id`]: of(({ peer }) => (peer.kind === 'group' ? [peer.groupId] : [])),
    [`${prefix}.group-name`]: of(({ peer }, { snapshot }) =>
      peer.kind === 'group' ? some(snapshot.get('securityGroup', peer.groupId)?.groupName) : [],
    ),
    [`${prefix}.user-id`]: of(({ peer }) => (peer.kind === 'group' ? [peer.ownerId] : [])),
    [`${prefix}.prefix-list-id`]: of(({ peer }) => (peer.kind === 'prefixList' ? [peer.prefixListId] : [])),
  };
}

const routeTable: NounFilters<'routeTable'> = {
  ...common,
  'route-table-id': (r) => [r.routeTableId],
  'vpc-id': (r) => [r.vpcId],
  'association.main': (r) => [...(r.main ? ['true'] : []), ...(r.associations.length > 0 ? ['false'] : [])],
  'association.route-table-association-id': (r) => [...some(r.mainAssociationId), ...r.associations.map((a) => a.associationId)],
  'association.route-table-id': (r) => (r.main || r.associations.length > 0 ? [r.routeTableId] : []),
  'association.subnet-id': (r) => r.associations.flatMap((a) => some(a.subnetId)),
  'association.gateway-id': (r) => r.associations.flatMap((a) => some(a.gatewayId)),
  'route.destination-cidr-block': (r) => r.routes.map((route) => route.destination).filter((destination) => destination.includes('.')),
  'route.destination-ipv6-cidr-block': (r) => r.routes.map((route) => route.destination).filter((destination) => destination.includes(':')),
  'route.gateway-id': (r) => ['local', ...r.routes.flatMap(({ target }) => (target.kind === 'gateway' ? [target.gatewayId] : []))],
  'route.nat-gateway-id': (r) => r.routes.flatMap(({ target }) => (target.kind === 'natGateway' ? [target.natGatewayId] : [])),
  'route.egress-only-internet-gateway-id': (r) =>
    r.routes.flatMap(({ target }) => (target.kind === 'egressOnlyInternetGateway' ? [target.egressOnlyInternetGatewayId] : [])),
  'route.vpc-peering-connection-id': (r) =>
    r.routes.flatMap(({ target }) => (target.kind === 'vpcPeeringConnection' ? [target.vpcPeeringConnectionId] : [])),
  'route.state': (r, { snapshot }) => effectiveRoutes(snapshot, r).map((route) => route.state),
  'route.origin': (r, { snapshot }) => effectiveRoutes(snapshot, r).map((route) => route.origin),
  'route.network-interface-id': (r) => r.routes.flatMap((route) => some(routeInterface(route))),
  'route.instance-id': (r, { snapshot }) =>
    r.routes.flatMap((route) => some(snapshot.get('networkInterface', routeInterface(route) ?? '')?.attachment?.instanceId)),
};

const networkAcl: NounFilters<'networkAcl'> = {
  ...common,
  'network-acl-id': (r) => [r.networkAclId],
  'vpc-id': (r) => [r.vpcId],
  default: (r) => bool(r.isDefault),
  'association.association-id': (r) => r.associations.map((a) => a.associationId),
  'association.subnet-id': (r) => r.associations.map((a) => a.subnetId),
  'association.network-acl-id': (r) => (r.associations.length > 0 ? [r.networkAclId] : []),
  'entry.cidr': (r) => r.entries.map((entry) => entry.cidr).filter((range) => !range.includes(':')),
  'entry.ipv6-cidr': (r) => r.entries.map((entry) => entry.cidr).filter((range) => range.includes(':')),
  'entry.icmp.code': (r) => r.entries.flatMap((entry) => some(entry.icmp?.code)),
  'entry.icmp.type': (r) => r.entries.flatMap((entry) => some(entry.icmp?.type)),
  'entry.port-range.from': (r) => r.entries.flatMap((entry) => some(entry.portRange?.from)),
  'entry.port-range.to': (r) => r.entries.flatMap((entry) => some(entry.portRange?.to)),
  'entry.rule-number': (r) => r.entries.map((entry) => String(entry.ruleNumber)),
  'entry.rule-action': (r) => r.entries.map((entry) => entry.ruleAction),
  'entry.protocol': (r) => r.entries.map((entry) => entry.protocol),
  'entry.egress': (r) => r.entries.map((entry) => String(entry.egress)),
};

const prefixList: NounFilters<'prefixList'> = {
  ...common,
  'prefix-list-id': (r) => [r.prefixListId],
  'prefix-list-name': (r) => [r.name],
};

export const NOUN_FILTERS: { readonly [K in TaggedKind]: NounFilters<K> } = {
  networkInterface,
  instance,
  vpc,
  subnet,
  securityGroup,
  routeTable,
  networkAcl,
  prefixList,
  ...GATEWAY_FILTERS,
};

/** Records of a kind that pass the filters. @throws {ApiError} InvalidParameterValue, FilterLimitExceeded */
export function filterRecords<K extends TaggedKind>(kind: K, filters: readonly Filter[], facts: FilterFacts): Records[K][] {
  return applyFilters(facts.snapshot.all(kind), NOUN_FILTERS[kind], filters, facts);
}

/** Place of a record in lists: by time of creation where there is one, then by id. */
export function listKey<K extends TaggedKind>(kind: K, record: Records[K]): string {
  const time = 'createTime' in record ? record.createTime : 'launchTime' in record ? record.launchTime : '';
  return `${time} ${record[ID_FIELD[kind]]}`;
}

function publicOf({ networkInterfaceId }: NetworkInterface, { snapshot }: FilterFacts): ElasticIp[] {
  return snapshot.by('elasticIp', 'networkInterfaceId', networkInterfaceId);
}

function interfacesOf({ instanceId }: Instance, { snapshot }: FilterFacts): NetworkInterface[] {
  return snapshot.by('networkInterface', 'instanceId', instanceId);
}

function primaryOf(record: Instance, facts: FilterFacts): NetworkInterface | undefined {
  return interfacesOf(record, facts).find((eni) => eni.attachment?.deviceIndex === 0);
}

function routeInterface({ target }: Route): string | undefined {
  return target.kind === 'networkInterface' ? target.networkInterfaceId : undefined;
}
