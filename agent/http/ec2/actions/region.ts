import { apiError, invalidValue } from '../../../model/errors.js';
import { IMAGES, type Image, imageFor } from '../../../model/images.js';
import { INSTANCE_TYPES, type InstanceType } from '../../../model/instance-types.js';
import { TAGGED_KINDS, type TaggedKind } from '../../../model/resource.js';
import { ID_FIELD } from '../../../model/snapshot.js';
import type { Tags } from '../../../model/tags.js';
import { type Actions, need, type Region, tagMap, zoneId } from '../action.js';
import { describePlain } from '../describe.js';
import type { Tree } from '../params.js';

/** What the region offers, and what clients ask about beside the network. */

/** Account that the cloud's own images belong to. */
const AMAZON = '137112412989';

function imageTree(image: Image): Tree {
  return {
    ImageId: image.imageId,
    Name: image.name,
    Description: image.description,
    Architecture: image.architecture,
    State: 'available',
    Public: true,
    OwnerId: AMAZON,
    ImageOwnerAlias: 'amazon',
    ImageLocation: `amazon/${image.name}`,
    ImageType: 'machine',
    CreationDate: '2026-01-01T00:00:00.000Z',
    PlatformDetails: 'Linux/UNIX',
    UsageOperation: 'RunInstances',
    Hypervisor: 'xen',
    VirtualizationType: 'hvm',
    EnaSupport: true,
    RootDeviceName: '/dev/xvda',
    RootDeviceType: 'ebs',
    BlockDeviceMappings: [],
    Tags: [],
  };
}

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

/** Account attribute → its values. */
function accountAttributes({ snapshot }: Region): [name: string, values: readonly string[]][] {
  return [
    ['supported-platforms', ['VPC']],
    ['default-vpc', [snapshot.all('vpc').find((vpc) => vpc.isDefault)?.vpcId ?? 'none']],
    ['max-instances', ['1000']],
    ['max-elastic-ips', ['65534']],
    ['vpc-max-elastic-ips', ['65534']],
    ['vpc-max-security-groups-per-interface', ['5']],
  ];
}

interface TagItem {
  readonly resourceId: string;
  readonly resourceType: string;
  readonly key: string;
  readonly value: string;
}

function tagItems({ snapshot }: Region): TagItem[] {
  const items = (resourceId: string, resourceType: string, tags: Tags) =>
    Object.entries(tags).map(([key, value]) => ({ resourceId, resourceType, key, value }));
  return [
    ...(Object.keys(TAGGED_KINDS) as TaggedKind[]).flatMap((kind) =>
      snapshot.all(kind).flatMap((record) => items(String(record[ID_FIELD[kind] as keyof typeof record]), TAGGED_KINDS[kind], record.tags)),
    ),
    ...snapshot
      .all('securityGroup')
      .flatMap((group) => group.rules.flatMap((rule) => items(rule.ruleId, 'security-group-rule', rule.tags))),
  ];
}

/** Tags to take away: those whose value is not given, or is the one there. */
function keysToDelete(input: Tree, id: string, region: Region): string[] | undefined {
  const tags = input.Tags as Tree[] | undefined;
  if (!tags?.length) return undefined;
  const held = new Map(
    tagItems(region)
      .filter((item) => item.resourceId === id)
      .map((item) => [item.key, item.value]),
  );
  return tags.filter((tag) => tag.Value === undefined || held.get(tag.Key) === tag.Value).map((tag) => need<string>(tag, 'Key'));
}

function chosen<T>(
  items: readonly T[],
  wanted: readonly string[] | undefined,
  keyOf: (item: T) => string,
  missing: (id: string) => Error,
): T[] {
  if (!wanted?.length) return [...items];
  return wanted.map((id) => {
    const found = items.find((item) => keyOf(item) === id);
    if (!found) throw missing(id);
    return found;
  });
}

const wrong = (name: string) => (value: string) => invalidValue(`Invalid ${name}: [${value.slice(0, 80)}]`);

export const regionActions: Actions = {
  DescribeRegions: describePlain({
    list: 'Regions',
    pages: false,
    heeds: ['RegionNames'],
    ignores: ['AllRegions'],
    items: ({ region }, input) => chosen([region], input.RegionNames, (name) => name, wrong('region name')),
    key: (name) => name,
    tree: (name) => ({ RegionName: name, Endpoint: `ec2.${name}.amazonaws.com`, OptInStatus: 'opt-in-not-required' }),
    filters: {
      'region-name': (name) => [name],
      endpoint: (name) => [`ec2.${name}.amazonaws.com`],
      'opt-in-status': () => ['opt-in-not-required'],
    },
  }),
  DescribeAvailabilityZones: describePlain({
    list: 'AvailabilityZones',
    pages: false,
    heeds: ['ZoneNames', 'ZoneIds'],
    ignores: ['AllAvailabilityZones'],
    items: (region, input) => {
      const named = chosen(region.zones, input.ZoneNames, (zone) => zone, wrong('availability zone'));
      return chosen(named, input.ZoneIds, (zone) => zoneId(zone, region), wrong('availability zone-id'));
    },
    key: (zone) => zone,
    tree: (zone, region) => ({
      ZoneName: zone,
      ZoneId: zoneId(zone, region),
      State: 'available',
      RegionName: region.region,
      GroupName: region.region,
      NetworkBorderGroup: region.region,
      ZoneType: 'availability-zone',
      OptInStatus: 'opt-in-not-required',
      Messages: [],
    }),
    filters: {
      'zone-name': (zone) => [zone],
      'zone-id': (zone, region) => [zoneId(zone, region)],
      'zone-type': () => ['availability-zone'],
      state: () => ['available'],
      'region-name': (_zone, { region }) => [region],
      'group-name': (_zone, { region }) => [region],
      'opt-in-status': () => ['opt-in-not-required'],
      message: () => [],
    },
  }),
  DescribeAccountAttributes: {
    heeds: ['AttributeNames'],
    answer: ({ input, region }) => {
      const attributes = chosen(accountAttributes(region()), input.AttributeNames, ([name]) => name, wrong('attribute name'));
      return {
        AccountAttributes: attributes.map(([AttributeName, values]) => ({
          AttributeName,
          AttributeValues: values.map((AttributeValue) => ({ AttributeValue })),
        })),
      };
    },
  },
  DescribeInstanceTypes: describePlain({
    list: 'InstanceTypes',
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
      'instance-storage-supported': () => ['false'],
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
              ? region.zones.map((zone) => zoneId(zone, region))
              : [];
      return locations.flatMap((location) => [...INSTANCE_TYPES.keys()].map((name) => ({ name, type, location })));
    },
    key: ({ name, location }) => `${location} ${name}`,
    tree: ({ name, type, location }) => ({ InstanceType: name, LocationType: type, Location: location }),
    filters: { 'instance-type': ({ name }) => [name], location: ({ location }) => [location] },
  }),
  DescribeImages: describePlain({
    list: 'Images',
    heeds: ['ImageIds', 'Owners'],
    ignores: ['ExecutableUsers', 'IncludeDeprecated', 'IncludeDisabled'],
    items: (_region, input) => {
      const ids = input.ImageIds as string[] | undefined;
      const images = ids?.length ? ids.map(imageById) : IMAGES;
      const owners = input.Owners as string[] | undefined;
      return owners?.length && !owners.some((owner) => owner === 'amazon' || owner === AMAZON) ? [] : images;
    },
    key: (image) => image.imageId,
    tree: imageTree,
    filters: {
      'image-id': (image) => [image.imageId],
      name: (image) => [image.name],
      architecture: (image) => [image.architecture],
      description: (image) => [image.description],
      state: () => ['available'],
      'is-public': () => ['true'],
      'image-type': () => ['machine'],
      'owner-id': () => [AMAZON],
      'owner-alias': () => ['amazon'],
      'root-device-type': () => ['ebs'],
      'root-device-name': () => ['/dev/xvda'],
      'virtualization-type': () => ['hvm'],
      hypervisor: () => ['xen'],
      'ena-support': () => ['true'],
    },
  }),
  DescribeKeyPairs: {
    heeds: ['KeyNames', 'KeyPairIds', 'Filters'],
    ignores: ['IncludePublicKey'],
    answer: ({ input }) => {
      const [id] = [...(input.KeyNames ?? []), ...(input.KeyPairIds ?? [])];
      if (id !== undefined) throw apiError('InvalidKeyPair.NotFound', { id: id.slice(0, 80) });
      return { KeyPairs: [] };
    },
  },
  DescribeVolumes: {
    heeds: ['VolumeIds', 'Filters', 'MaxResults', 'NextToken'],
    ignores: ['IncludeManagedResources'],
    answer: ({ input }) => {
      const [id] = input.VolumeIds ?? [];
      if (id !== undefined) throw apiError('InvalidVolume.NotFound', { id: id.slice(0, 80) });
      return { Volumes: [] };
    },
  },
  CreateTags: {
    heeds: ['Resources', 'Tags'],
    answer: async ({ input, run }) => {
      const tags = tagMap(need<Tree[]>(input, 'Tags'));
      await run(need<string[]>(input, 'Resources').map((resourceId) => ({ command: 'createTags', input: { resourceId, tags } })));
      return {};
    },
  },
  DeleteTags: {
    heeds: ['Resources', 'Tags'],
    answer: async ({ input, region, run }) => {
      const now = region();
      await run(
        need<string[]>(input, 'Resources').map((resourceId) => ({
          command: 'deleteTags',
          input: { resourceId, keys: keysToDelete(input, resourceId, now) },
        })),
      );
      return {};
    },
  },
  DescribeTags: describePlain({
    list: 'Tags',
    items: tagItems,
    key: ({ resourceId, key }) => `${resourceId} ${key}`,
    tree: ({ resourceId, resourceType, key, value }) => ({ ResourceId: resourceId, ResourceType: resourceType, Key: key, Value: value }),
    filters: {
      key: ({ key }) => [key],
      value: ({ value }) => [value],
      'resource-id': ({ resourceId }) => [resourceId],
      'resource-type': ({ resourceType }) => [resourceType],
    },
  }),
};

/** @throws {ApiError} InvalidAMIID.Malformed */
function imageById(id: string): Image {
  const image = imageFor(id);
  if (!image) throw apiError('InvalidAMIID.Malformed', { id: id.slice(0, 80) });
  return image;
}
