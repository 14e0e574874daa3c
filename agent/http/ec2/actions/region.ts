import { apiError, invalidValue } from '../../../model/errors.js';
import { zoneIdOf } from '../../../model/zone.js';
import type { Actions, Region } from '../action.js';
import { chosen, describePlain } from '../describe.js';

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
  DescribeVolumes: {
    heeds: ['VolumeIds', 'Filters', 'MaxResults', 'NextToken'],
    ignores: ['IncludeManagedResources'],
    answer: ({ input }) => {
      const [id] = input.VolumeIds ?? [];
      if (id !== undefined)
        throw apiError(/^vol-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id) ? 'InvalidVolume.NotFound' : 'InvalidVolumeID.Malformed', {
          id: id.slice(0, 80),
        });
      return { Volumes: [] };
    },
  },
};
