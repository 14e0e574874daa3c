import { apiError, invalidValue } from '../../../model/errors.js';
import { zoneIdOf } from '../../../model/zone.js';
import type { Actions, Region } from '../action.js';
import { chosen, describePlain } from '../describe.js';
import { never } from '../shown-filters.js';

/** What the region offers, and what clients ask about beside the network. */

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
      return chosen(named, input.ZoneIds, (zone) => zoneIdOf(zone), wrong('availability zone-id'));
    },
    key: (zone) => zone,
    tree: (zone, region) => ({
      ZoneName: zone,
      ZoneId: zoneIdOf(zone),
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
      'zone-id': (zone) => [zoneIdOf(zone)],
      'zone-type': () => ['availability-zone'],
      state: () => ['available'],
      'region-name': (_zone, { region }) => [region],
      'group-name': (_zone, { region }) => [region],
      'opt-in-status': () => ['opt-in-not-required'],
      ...never('message', 'parent-zone-id', 'parent-zone-name'),
      'group-long-name': (_zone, { region }) => [region],
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
  DescribeVolumes: describePlain<never>({
    list: 'Volumes',
    heeds: ['VolumeIds'],
    ignores: ['IncludeManagedResources'],
    items: (_region, input) => {
      const [id] = (input.VolumeIds ?? []) as readonly string[];
      if (id === undefined) return [];
      const known = /^vol-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id);
      throw apiError(known ? 'InvalidVolume.NotFound' : 'InvalidVolumeID.Malformed', { id: id.slice(0, 80) });
    },
    key: () => '',
    tree: () => ({}),
    filters: {
      ...never('attachment.attach-time', 'attachment.delete-on-termination', 'attachment.device', 'attachment.instance-id'),
      ...never('attachment.status', 'availability-zone', 'availability-zone-id', 'create-time', 'encrypted', 'fast-restored'),
      ...never('multi-attach-enabled', 'operator.managed', 'operator.principal', 'size', 'snapshot-id', 'status', 'tag-key'),
      ...never('volume-id', 'volume-type'),
    },
  }),
};
