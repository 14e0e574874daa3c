import { apiError } from '../../../model/errors.js';
import { INSTANCE_TYPES, type InstanceType } from '../../../model/instance-types.js';
import { zoneIdOf } from '../../../model/zone.js';
import type { Actions } from '../action.js';
import { chosen, describePlain } from '../describe.js';
import type { Tree } from '../params.js';
import { never, shownFilters } from '../shown-filters.js';

function typeTree(type: InstanceType): Tree {
  const threads = type.vcpus > 1 && type.architecture === 'x86_64' ? 2 : 1;
  return {
    InstanceType: type.instanceType,
    CurrentGeneration: true,
    FreeTierEligible: false,
    SupportedUsageClasses: ['on-demand'],
    SupportedRootDeviceTypes: ['ebs'],
    SupportedVirtualizationTypes: ['hvm'],
    SupportedBootModes: ['legacy-bios', 'uefi'],
    BareMetal: type.instanceType.endsWith('.metal'),
    Hypervisor: type.instanceType.startsWith('t2.') ? 'xen' : 'nitro',
    ProcessorInfo: { SupportedArchitectures: [type.architecture] },
    VCpuInfo: { DefaultVCpus: type.vcpus, DefaultCores: type.vcpus / threads, DefaultThreadsPerCore: threads },
    MemoryInfo: { SizeInMiB: type.memoryMib },
    InstanceStorageSupported: false,
    NetworkInfo: {
      NetworkPerformance: 'Up to 10 Gigabit',
      MaximumNetworkInterfaces: type.maxNetworkInterfaces,
      MaximumNetworkCards: 1,
      DefaultNetworkCardIndex: 0,
      NetworkCards: [{ NetworkCardIndex: 0, NetworkPerformance: 'Up to 10 Gigabit', MaximumNetworkInterfaces: type.maxNetworkInterfaces }],
      Ipv4AddressesPerInterface: type.ipv4AddressesPerInterface,
      Ipv6AddressesPerInterface: type.ipv6AddressesPerInterface,
      Ipv6Supported: true,
      EnaSupport: 'required',
      EfaSupported: false,
    },
    HibernationSupported: false,
    BurstablePerformanceSupported: isBurstable(type),
    DedicatedHostsSupported: false,
    AutoRecoverySupported: false,
  };
}

const isBurstable = ({ instanceType }: InstanceType) => /^t\d/.test(instanceType);
const SHOWN: Readonly<Record<string, string>> = {
  'auto-recovery-supported': 'AutoRecoverySupported',
  'dedicated-hosts-supported': 'DedicatedHostsSupported',
  'free-tier-eligible': 'FreeTierEligible',
  'hibernation-supported': 'HibernationSupported',
  hypervisor: 'Hypervisor',
  'instance-storage-supported': 'InstanceStorageSupported',
  'network-info.efa-supported': 'NetworkInfo.EfaSupported',
  'network-info.ena-support': 'NetworkInfo.EnaSupport',
  'network-info.maximum-network-cards': 'NetworkInfo.MaximumNetworkCards',
  'network-info.network-performance': 'NetworkInfo.NetworkPerformance',
  'supported-boot-mode': 'SupportedBootModes',
  'vcpu-info.default-cores': 'VCpuInfo.DefaultCores',
  'vcpu-info.default-threads-per-core': 'VCpuInfo.DefaultThreadsPerCore',
};

/** Disks, accelerators and what else a network has no use for. */
const NEVER = never(
  'ebs-info.attachment-limit-type',
  'ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps',
  'ebs-info.ebs-optimized-info.baseline-iops',
  'ebs-info.ebs-optimized-info.baseline-throughput-in-mbps',
  'ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps',
  'ebs-info.ebs-optimized-info.maximum-iops',
  'ebs-info.ebs-optimized-info.maximum-throughput-in-mbps',
  'ebs-info.ebs-optimized-support',
  'ebs-info.encryption-support',
  'ebs-info.maximum-ebs-attachments',
  'ebs-info.nvme-support',
  'instance-storage-info.disk.count',
  'instance-storage-info.disk.size-in-gb',
  'instance-storage-info.disk.type',
  'instance-storage-info.encryption-support',
  'instance-storage-info.nvme-support',
  'instance-storage-info.total-size-in-gb',
  'network-info.bandwidth-weightings',
  'network-info.efa-info.maximum-efa-interfaces',
  'network-info.encryption-in-transit-supported',
  'network-info.flexible-ena-queues-support',
  'nitro-enclaves-support',
  'nitro-tpm-info.supported-versions',
  'nitro-tpm-support',
  'processor-info.supported-features',
  'processor-info.sustained-clock-speed-in-ghz',
  'reboot-migration-support',
  'vcpu-info.valid-cores',
  'vcpu-info.valid-threads-per-core',
);

export const instanceTypeActions: Actions = {
  DescribeInstanceTypes: describePlain({
    list: 'InstanceTypes',
    maxResults: [5, 100],
    heeds: ['InstanceTypes'],
    items: (_region, input) =>
      chosen(
        [...INSTANCE_TYPES.values()],
        input.InstanceTypes,
        (type) => type.instanceType,
        (name) => apiError('InvalidInstanceType', { reason: `The following supplied instance types do not exist: [${name.slice(0, 80)}]` }),
      ),
    key: (type) => type.instanceType,
    tree: typeTree,
    filters: {
      'instance-type': (type) => [type.instanceType],
      'current-generation': () => ['true'],
      'burstable-performance-supported': (type) => [String(isBurstable(type))],
      'bare-metal': (type) => [String(type.instanceType.endsWith('.metal'))],
      'processor-info.supported-architecture': (type) => [type.architecture],
      'vcpu-info.default-vcpus': (type) => [String(type.vcpus)],
      'memory-info.size-in-mib': (type) => [String(type.memoryMib)],
      'network-info.maximum-network-interfaces': (type) => [String(type.maxNetworkInterfaces)],
      'network-info.ipv4-addresses-per-interface': (type) => [String(type.ipv4AddressesPerInterface)],
      'network-info.ipv6-addresses-per-interface': (type) => [String(type.ipv6AddressesPerInterface)],
      'network-info.ipv6-supported': () => ['true'],
      'supported-virtualization-type': () => ['hvm'],
      'supported-root-device-type': () => ['ebs'],
      'supported-usage-class': () => ['on-demand'],
      ...shownFilters(typeTree, SHOWN),
      ...NEVER,
    },
  }),
  DescribeInstanceTypeOfferings: describePlain({
    list: 'InstanceTypeOfferings',
    heeds: ['LocationType'],
    items: (region, input) => {
      const type = input.LocationType ?? 'region';
      const locations: readonly string[] =
        type === 'region'
          ? [region.region]
          : type === 'availability-zone'
            ? region.zones
            : type === 'availability-zone-id'
              ? region.zones.map((zone) => zoneIdOf(zone))
              : [];
      return locations.flatMap((location) => [...INSTANCE_TYPES.keys()].map((name) => ({ name, type, location })));
    },
    key: ({ name, location }) => `${location} ${name}`,
    tree: ({ name, type, location }) => ({ InstanceType: name, LocationType: type, Location: location }),
    filters: { 'instance-type': ({ name }) => [name], location: ({ location }) => [location] },
  }),
};
