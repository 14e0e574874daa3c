import type { FilterFacts } from '../../../commands/filter-facts.js';
import type { FilterTable } from '../../../commands/filters.js';
import type { Instance } from '../../../model/instance.js';
import { zoneIdOf } from '../../../model/zone.js';
import { arn, type Region } from '../action.js';
import { never, shownFilters } from '../shown-filters.js';
import { instanceTree } from './instance-tree.js';

/** Filters of `DescribeInstances` beside those of the noun. */

const SHOWN: Readonly<Record<string, string>> = {
  architecture: 'Architecture',
  'root-device-type': 'RootDeviceType',
  'root-device-name': 'RootDeviceName',
  'virtualization-type': 'VirtualizationType',
  hypervisor: 'Hypervisor',
  tenancy: 'Placement.Tenancy',
  'monitoring-state': 'Monitoring.State',
  'metadata-options.state': 'MetadataOptions.State',
  'metadata-options.http-tokens': 'MetadataOptions.HttpTokens',
  'metadata-options.http-endpoint': 'MetadataOptions.HttpEndpoint',
  'metadata-options.http-protocol-ipv6': 'MetadataOptions.HttpProtocolIpv6',
  'metadata-options.http-put-response-hop-limit': 'MetadataOptions.HttpPutResponseHopLimit',
  'metadata-options.instance-metadata-tags': 'MetadataOptions.InstanceMetadataTags',
  'source-dest-check': 'SourceDestCheck',
  'ipv6-address': 'NetworkInterfaces.Ipv6Addresses.Ipv6Address',
  'ebs-optimized': 'EbsOptimized',
  'ena-support': 'EnaSupport',
  'enclave-options.enabled': 'EnclaveOptions.Enabled',
  'hibernation-options.configured': 'HibernationOptions.Configured',
  'current-instance-boot-mode': 'CurrentInstanceBootMode',
  'capacity-reservation-specification.capacity-reservation-preference': 'CapacityReservationSpecification.CapacityReservationPreference',
  'maintenance-options.auto-recovery': 'MaintenanceOptions.AutoRecovery',
  'platform-details': 'PlatformDetails',
  'usage-operation': 'UsageOperation',
  'usage-operation-update-time': 'UsageOperationUpdateTime',
  'state-reason-message': 'StateReason.Message',
  'private-dns-name-options.hostname-type': 'PrivateDnsNameOptions.HostnameType',
  'private-dns-name-options.enable-resource-name-dns-a-record': 'PrivateDnsNameOptions.EnableResourceNameDnsARecord',
  'private-dns-name-options.enable-resource-name-dns-aaaa-record': 'PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord',
  'network-interface.public-dns-name': 'NetworkInterfaces.Association.PublicDnsName',
  'network-interface.association.public-dns-name': 'NetworkInterfaces.Association.PublicDnsName',
  'network-interface.association.ip-owner-id': 'NetworkInterfaces.Association.IpOwnerId',
  'network-interface.addresses.association.public-dns-name': 'NetworkInterfaces.PrivateIpAddresses.Association.PublicDnsName',
  'network-interface.addresses.association.ip-owner-id': 'NetworkInterfaces.PrivateIpAddresses.Association.IpOwnerId',
  'network-interface.addresses.private-dns-name': 'NetworkInterfaces.PrivateIpAddresses.PrivateDnsName',
  'network-interface.attachment.network-card-index': 'NetworkInterfaces.Attachment.NetworkCardIndex',
  'network-interface.ipv6-address': 'NetworkInterfaces.Ipv6Addresses.Ipv6Address',
};

/** Names and reasons are empty where there is none. */
const NOT_EMPTY: Readonly<Record<string, string>> = { 'dns-name': 'PublicDnsName', reason: 'StateTransitionReason' };

const NEVER = never(
  'affinity',
  'block-device-mapping.attach-time',
  'block-device-mapping.delete-on-termination',
  'block-device-mapping.device-name',
  'block-device-mapping.status',
  'block-device-mapping.volume-id',
  'boot-mode',
  'capacity-reservation-id',
  'capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id',
  'capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn',
  'client-token',
  'iam-instance-profile.arn',
  'iam-instance-profile.id',
  'instance-lifecycle',
  'kernel-id',
  'network-interface.addresses.association.carrier-ip',
  'network-interface.addresses.association.customer-owned-ip',
  'network-interface.association.carrier-ip',
  'network-interface.association.customer-owned-ip',
  'network-interface.ipv4-prefixes.ipv4-prefix',
  'network-interface.ipv6-prefixes.ipv6-prefix',
  'network-interface.operator.principal',
  'network-interface.outpost-arn',
  'network-performance-options.bandwidth-weighting',
  'operator.principal',
  'outpost-arn',
  'placement-group-name',
  'placement-partition-number',
  'platform',
  'product-code',
  'product-code.type',
  'ramdisk-id',
  'requester-id',
  'spot-instance-request-id',
  'tpm-support',
);

export function instanceFilters(region: Region): FilterTable<Instance, FilterFacts> {
  const shown = (instance: Instance) => instanceTree(instance, region);
  const optional = shownFilters(shown, NOT_EMPTY);
  const notEmpty = Object.entries(optional).map(([name, valuesOf]) => [
    name,
    (instance: Instance) => valuesOf(instance, undefined).filter((text) => text !== ''),
  ]);
  return {
    ...NEVER,
    ...shownFilters(shown, SHOWN),
    ...Object.fromEntries(notEmpty),
    'availability-zone-id': (instance) => [zoneIdOf(instance.availabilityZone)],
    'instance-arn': (instance) => [arn('instance', instance.instanceId, region)],
    'metadata-options.http-protocol-ipv4': () => ['enabled'],
    'operator.managed': () => ['false'],
    'network-interface.operator.managed': () => ['false'],
    'network-interface.deny-all-igw-traffic': () => ['false'],
    'network-interface.ipv6-native': () => ['false'],
    'network-interface.ipv6-addresses.is-primary-ipv6': (instance) =>
      instanceTree(instance, region).NetworkInterfaces.some((eni: { Ipv6Addresses: unknown[] }) => eni.Ipv6Addresses.length > 0)
        ? ['false']
        : [],
  };
}
