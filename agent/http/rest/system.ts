import { z } from 'zod';
import { imagesOf } from '../../model/images.js';
import { INSTANCE_TYPES } from '../../model/instance-types.js';
import { TAGGED_KINDS, type TaggedKind, taggedKindOf } from '../../model/resource.js';
import { ID_FIELD, type Snapshot } from '../../model/snapshot.js';
import type { Tags } from '../../model/tags.js';
import { plainList } from './list.js';
import { commandRoute, queryRoute } from './route.js';
import { ConditionView, ShownTags } from './view.js';

/** What is not a resource of a network: tags over all of them, and what this host offers and suffers. */

const TAGS = 'Tags';
const HOST = 'Host';

const TagView = z
  .strictObject({ resourceId: z.string(), resourceType: z.string(), key: z.string(), value: z.string() })
  .meta({ id: 'Tag' });
const ResourceTags = z.strictObject({ resourceId: z.string(), tags: ShownTags }).meta({ id: 'ResourceTags' });

const ZoneView = z
  .strictObject({ zoneName: z.string(), regionName: z.string(), state: z.literal('available') })
  .meta({ id: 'AvailabilityZone' });

const InstanceTypeView = z
  .strictObject({
    instanceType: z.string(),
    vcpus: z.number().int().describe('Reported, not enforced.'),
    memoryMib: z.number().int().describe('Reported, not enforced.'),
    maxNetworkInterfaces: z.number().int(),
    ipv4AddressesPerInterface: z.number().int(),
    ipv6AddressesPerInterface: z.number().int(),
    architecture: z.enum(['x86_64', 'arm64']),
  })
  .meta({ id: 'InstanceType' });

const ImageView = z
  .strictObject({
    imageId: z.string(),
    name: z.string(),
    description: z.string(),
    architecture: z.enum(['x86_64', 'arm64']),
    kind: z.enum(['netns', 'container']).describe('What its instances are: plain namespaces, or containers.'),
  })
  .meta({ id: 'Image' });

const HostView = z
  .strictObject({
    hostId: z.string(),
    ownerId: z.string(),
    regionName: z.string(),
    availabilityZones: z.array(z.string()),
    revision: z.number().int().describe('Of the store.'),
    facts: z.record(z.string(), z.unknown()).describe('The machine: os, cpu, memory.'),
    kernel: z.string().describe('Release of the kernel that was probed.'),
    features: z.record(z.string(), z.boolean()).describe('What was probed, and whether the kernel has it.'),
    tools: z.record(z.string(), z.string().nullable()).describe('Programs that are used, and their versions.'),
    missing: z.array(z.strictObject({ feature: z.string(), disables: z.string() })).describe('What is missing, and what that disables.'),
    faults: z.number().int().describe('VPCs, instances and interfaces that are not realised; see /v1/conditions.'),
  })
  .meta({ id: 'Host' });

function tagItems(resourceId: string, resourceType: string, tags: Tags): z.output<typeof TagView>[] {
  return Object.entries(tags).map(([key, value]) => ({ resourceId, resourceType, key, value }));
}

function tagsOfResource(snapshot: Snapshot, resourceId: string): Tags {
  const kind = taggedKindOf(resourceId);
  if (kind === undefined) return {};
  if (kind !== 'securityGroupRule') return snapshot.get(kind, resourceId)?.tags ?? {};
  const [group] = snapshot.by('securityGroup', 'ruleId', resourceId);
  return group?.rules.find((rule) => rule.ruleId === resourceId)?.tags ?? {};
}

const resource = { path: '/v1/tags/:resourceId', params: { resourceId: 'any' }, tag: TAGS, settle: false } as const;

export const systemRoutes = [
  plainList({
    path: '/v1/tags',
    operationId: 'listTags',
    summary: 'Tags of all resources',
    tag: TAGS,
    item: TagView,
    key: ({ resourceId, key }) => `${resourceId} ${key}`,
    filters: {
      'resource-id': (t) => [t.resourceId],
      'resource-type': (t) => [t.resourceType],
      key: (t) => [t.key],
      value: (t) => [t.value],
    },
    items: ({ context: { snapshot } }) => {
      const records = (Object.keys(TAGGED_KINDS) as TaggedKind[]).flatMap((kind) =>
        snapshot
          .all(kind)
          .flatMap((record) => tagItems(String(record[ID_FIELD[kind] as keyof typeof record]), TAGGED_KINDS[kind], record.tags)),
      );
      const rules = snapshot.all('securityGroup').flatMap((group) => group.rules);
      return [...records, ...rules.flatMap((rule) => tagItems(rule.ruleId, 'security-group-rule', rule.tags))];
    },
  }),
  commandRoute({
    ...resource,
    method: 'PUT',
    command: 'createTags',
    status: 200,
    response: ResourceTags,
    render: ({ params: { resourceId }, context: { snapshot } }) => ({ resourceId, tags: tagsOfResource(snapshot, resourceId) }),
  }),
  commandRoute({ ...resource, method: 'DELETE', command: 'deleteTags', status: 204 }),
  plainList({
    path: '/v1/availability-zones',
    operationId: 'listAvailabilityZones',
    summary: 'Availability zones',
    tag: HOST,
    item: ZoneView,
    key: ({ zoneName }) => zoneName,
    filters: { 'zone-name': (z) => [z.zoneName], 'region-name': (z) => [z.regionName], state: (z) => [z.state] },
    items: ({ deps }) => deps.zones.map((zoneName) => ({ zoneName, regionName: deps.config.region, state: 'available' as const })),
  }),
  plainList({
    path: '/v1/instance-types',
    operationId: 'listInstanceTypes',
    summary: 'Instance types and their limits of interfaces and addresses',
    tag: HOST,
    item: InstanceTypeView,
    key: ({ instanceType }) => instanceType,
    filters: { 'instance-type': (t) => [t.instanceType] },
    items: () => [...INSTANCE_TYPES.values()],
  }),
  plainList({
    path: '/v1/images',
    operationId: 'listImages',
    summary: 'Images that instances can be run from',
    tag: HOST,
    item: ImageView,
    key: ({ imageId }) => imageId,
    filters: { 'image-id': (image) => [image.imageId], name: (image) => [image.name] },
    items: ({ deps }) => [...imagesOf(deps.config.containerImages)],
  }),
  plainList({
    path: '/v1/conditions',
    operationId: 'listConditions',
    summary: 'What became of each VPC, instance, interface and subnet on a device of the host',
    tag: HOST,
    item: ConditionView,
    key: ({ unit }) => unit,
    filters: { unit: (c) => [c.unit], realised: (c) => [String(c.realised)], reason: (c) => (c.reason ? [c.reason] : []) },
    items: ({ context: { snapshot, status } }) => {
      const units = new Set<string>([
        ...snapshot.all('vpc').map((vpc) => vpc.vpcId),
        ...snapshot.all('subnet').flatMap(({ subnetId, parent }) => (parent ? [subnetId] : [])),
        ...snapshot.all('instance').map((instance) => instance.instanceId),
        ...snapshot.all('networkInterface').map((eni) => eni.networkInterfaceId),
      ]);
      // A unit that is gone from the model may still be in the kernel's way.
      const faults = status.faults().filter(({ unit }) => !units.has(unit));
      return [...[...units].flatMap((unit) => status.condition(unit) ?? []), ...faults];
    },
  }),
  queryRoute({
    path: '/v1/host',
    operationId: 'getHost',
    summary: 'This host: the machine, its kernel features, what is missing',
    tag: HOST,
    response: HostView,
    read: async ({ deps, context: { snapshot, status } }) => {
      const { config, zones } = deps;
      const { kernel, features, tools, missing } = deps.features();
      return {
        hostId: config.hostId,
        ownerId: config.accountId,
        regionName: config.region,
        availabilityZones: zones,
        revision: snapshot.revision,
        facts: await deps.hostFacts(),
        ...{ kernel, features, tools, missing },
        faults: status.faults().length,
      };
    },
  }),
];
