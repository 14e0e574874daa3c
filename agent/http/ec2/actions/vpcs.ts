import { availableAddressCount } from '../../../commands/ipam.js';
import { apiError, invalidValue } from '../../../model/errors.js';
import type { Subnet } from '../../../model/subnet.js';
import { type Vpc, vpcIpv4Ranges } from '../../../model/vpc.js';
import { zoneIdOf } from '../../../model/zone.js';
import { type Actions, arn, commandAction, need, type Region, recordOf, tagList, tagsFor } from '../action.js';
import { describe, describePlain, existing } from '../describe.js';
import type { Tree } from '../params.js';
import { never } from '../shown-filters.js';

const ASSOCIATED = { State: 'associated' };

function vpcTree(vpc: Vpc, { region }: Region): Tree {
  return {
    VpcId: vpc.vpcId,
    State: 'available',
    CidrBlock: vpc.cidrBlock,
    DhcpOptionsId: vpc.dhcpOptionsId,
    InstanceTenancy: vpc.instanceTenancy,
    IsDefault: vpc.isDefault,
    OwnerId: vpc.ownerId,
    CidrBlockAssociationSet: ipv4Associations(vpc),
    Ipv6CidrBlockAssociationSet: vpcIpv6Associations(vpc, region),
    Tags: tagList(vpc.tags),
  };
}

export function ipv4Associations(vpc: Vpc): Tree[] {
  const ranges = [{ associationId: vpc.cidrAssociationId, cidrBlock: vpc.cidrBlock }, ...vpc.secondaryCidrBlocks];
  return ranges.map(({ associationId, cidrBlock }) => ({
    AssociationId: associationId,
    CidrBlock: cidrBlock,
    CidrBlockState: ASSOCIATED,
  }));
}

export function vpcIpv6Associations(vpc: Vpc, region: string): Tree[] {
  return ipv6Associations(vpc).map((association) => ({ ...association, NetworkBorderGroup: region, Ipv6Pool: 'Amazon' }));
}

export function ipv6Associations({ ipv6 }: Pick<Vpc | Subnet, 'ipv6'>): Tree[] {
  if (!ipv6) return [];
  return [{ AssociationId: ipv6.associationId, Ipv6CidrBlock: ipv6.cidrBlock, Ipv6CidrBlockState: ASSOCIATED }];
}

function subnetTree(subnet: Subnet, region: Region): Tree {
  const { subnetId, availabilityZone } = subnet;
  return {
    SubnetId: subnetId,
    SubnetArn: arn('subnet', subnetId, region),
    State: 'available',
    VpcId: subnet.vpcId,
    CidrBlock: subnet.cidrBlock,
    Ipv6CidrBlockAssociationSet: ipv6Associations(subnet),
    AvailabilityZone: availabilityZone,
    AvailabilityZoneId: zoneIdOf(availabilityZone),
    AvailableIpAddressCount: availableAddressCount(region.snapshot, subnet),
    DefaultForAz: subnet.defaultForAz,
    MapPublicIpOnLaunch: subnet.mapPublicIpOnLaunch,
    MapCustomerOwnedIpOnLaunch: false,
    AssignIpv6AddressOnCreation: subnet.assignIpv6AddressOnCreation,
    EnableDns64: false,
    Ipv6Native: false,
    PrivateDnsNameOptionsOnLaunch: {
      HostnameType: 'ip-name',
      EnableResourceNameDnsARecord: false,
      EnableResourceNameDnsAAAARecord: false,
    },
    OwnerId: subnet.ownerId,
    Tags: tagList(subnet.tags),
  };
}

/** Name in a request → what it is of the VPC; and its member in the answer. */
const VPC_ATTRIBUTES: Readonly<Record<string, { member: string; value: (vpc: Vpc) => boolean }>> = {
  enableDnsSupport: { member: 'EnableDnsSupport', value: (vpc) => vpc.enableDnsSupport },
  enableDnsHostnames: { member: 'EnableDnsHostnames', value: (vpc) => vpc.enableDnsHostnames },
  enableNetworkAddressUsageMetrics: { member: 'EnableNetworkAddressUsageMetrics', value: () => false },
};

/** Exactly one of the attributes. @throws {ApiError} InvalidParameterCombination, UnsupportedOperation */
function oneAttribute(input: Tree, names: Readonly<Record<string, string>>, others: readonly string[]): object {
  const given = [...Object.keys(names), ...others].filter((name) => input[name] !== undefined);
  const [name, ...more] = given;
  if (name === undefined) throw apiError('MissingParameter', { name: Object.keys(names).join(' or ') });
  if (more.length > 0)
    throw apiError('InvalidParameterCombination', { reason: `Change one attribute in a request, not ${given.join(' and ')}` });
  const field = names[name];
  if (field !== undefined) return { [field]: need(input[name], 'Value') };
  if (input[name].Value === true) throw apiError('UnsupportedOperation', { reason: `The attribute ${name} cannot be turned on here` });
  return {};
}

const createdSubnet = ({ result, region }: { result: any; region: Region }) => ({
  Subnet: subnetTree(recordOf(region, 'subnet', result.subnetId), region),
});
const createdVpc = ({ result, region }: { result: any; region: Region }) => ({
  Vpc: vpcTree(recordOf(region, 'vpc', result.vpcId), region),
});

export const vpcActions: Actions = {
  CreateVpc: commandAction({
    heeds: ['CidrBlock', 'AmazonProvidedIpv6CidrBlock', 'Ipv6CidrBlock', 'InstanceTenancy', 'TagSpecifications'],
    ignores: ['Ipv6CidrBlockNetworkBorderGroup', 'Ipv6Pool'],
    command: 'createVpc',
    input: (input) => ({
      cidrBlock: need(input, 'CidrBlock'),
      ipv6: input.Ipv6CidrBlock ?? (input.AmazonProvidedIpv6CidrBlock ? true : undefined),
      instanceTenancy: input.InstanceTenancy,
      tags: tagsFor(input, 'vpc'),
    }),
    answer: createdVpc,
  }),
  CreateDefaultVpc: commandAction({ heeds: [], command: 'createDefaultVpc', input: () => ({}), answer: createdVpc }),
  DeleteVpc: commandAction({ heeds: ['VpcId'], command: 'deleteVpc', input: (input) => ({ vpcId: need(input, 'VpcId') }) }),
  DescribeVpcs: describe({
    kind: 'vpc',
    ids: 'VpcIds',
    list: 'Vpcs',
    tree: vpcTree,
    more: ({ region }) => ({
      'cidr-block': (vpc) => vpcIpv4Ranges(vpc),
      'cidr-block-association.state': () => ['associated'],
      'ipv6-cidr-block-association.state': (vpc) => (vpc.ipv6 ? ['associated'] : []),
      'ipv6-cidr-block-association.ipv6-pool': (vpc) => (vpc.ipv6 ? ['Amazon'] : []),
      'instance-tenancy': (vpc) => [vpc.instanceTenancy],
      'network-border-group': () => [region],
    }),
  }),
  DescribeVpcAttribute: {
    heeds: ['VpcId', 'Attribute'],
    answer: ({ input, region }) => {
      const vpc = existing(region(), 'vpc', need(input, 'VpcId'));
      const attribute = VPC_ATTRIBUTES[need<string>(input, 'Attribute')];
      if (!attribute)
        throw invalidValue(`Value (${input.Attribute}) for parameter attribute is invalid; use ${Object.keys(VPC_ATTRIBUTES).join(', ')}`);
      return { VpcId: vpc.vpcId, [attribute.member]: { Value: attribute.value(vpc) } };
    },
  },
  ModifyVpcAttribute: commandAction({
    heeds: ['VpcId', 'EnableDnsSupport', 'EnableDnsHostnames', 'EnableNetworkAddressUsageMetrics'],
    command: 'modifyVpc',
    input: (input) => ({
      vpcId: need(input, 'VpcId'),
      ...oneAttribute(input, { EnableDnsSupport: 'enableDnsSupport', EnableDnsHostnames: 'enableDnsHostnames' }, [
        'EnableNetworkAddressUsageMetrics',
      ]),
    }),
  }),
  DescribeVpcClassicLink: describePlain({
    list: 'Vpcs',
    pages: false,
    heeds: ['VpcIds'],
    items: vpcsAsked,
    key: (vpc) => vpc.vpcId,
    filters: { 'is-classic-link-enabled': () => ['false'], 'tag-key': (vpc) => Object.keys(vpc.tags) },
    tree: (vpc) => ({ VpcId: vpc.vpcId, ClassicLinkEnabled: false, Tags: tagList(vpc.tags) }),
  }),
  DescribeVpcClassicLinkDnsSupport: describePlain({
    list: 'Vpcs',
    maxResults: [5, 255],
    heeds: ['VpcIds'],
    items: vpcsAsked,
    key: (vpc) => vpc.vpcId,
    filters: {},
    tree: (vpc) => ({ VpcId: vpc.vpcId, ClassicLinkDnsSupported: false }),
  }),
  CreateSubnet: commandAction({
    heeds: ['VpcId', 'CidrBlock', 'Ipv6CidrBlock', 'AvailabilityZone', 'AvailabilityZoneId', 'TagSpecifications'],
    command: 'createSubnet',
    input: (input, region) => ({
      vpcId: need(input, 'VpcId'),
      cidrBlock: need(input, 'CidrBlock'),
      ipv6: input.Ipv6CidrBlock,
      availabilityZone: input.AvailabilityZone ?? zoneOfId(input.AvailabilityZoneId, region),
      tags: tagsFor(input, 'subnet'),
    }),
    answer: createdSubnet,
  }),
  CreateDefaultSubnet: commandAction({
    heeds: ['AvailabilityZone', 'AvailabilityZoneId'],
    command: 'createDefaultSubnet',
    input: (input, region) => ({
      availabilityZone: input.AvailabilityZone ?? zoneOfId(input.AvailabilityZoneId, region) ?? need(input, 'AvailabilityZone'),
    }),
    answer: createdSubnet,
  }),
  DeleteSubnet: commandAction({ heeds: ['SubnetId'], command: 'deleteSubnet', input: (input) => ({ subnetId: need(input, 'SubnetId') }) }),
  DescribeSubnets: describe({
    kind: 'subnet',
    ids: 'SubnetIds',
    list: 'Subnets',
    tree: subnetTree,
    more: (region) => ({
      cidrBlock: (subnet) => [subnet.cidrBlock],
      defaultForAz: (subnet) => [String(subnet.defaultForAz)],
      availabilityZone: (subnet) => [subnet.availabilityZone],
      'availability-zone-id': (subnet) => [zoneIdOf(subnet.availabilityZone)],
      availabilityZoneId: (subnet) => [zoneIdOf(subnet.availabilityZone)],
      'ipv6-cidr-block-association.state': (subnet) => (subnet.ipv6 ? ['associated'] : []),
      ...never('customer-owned-ipv4-pool', 'enable-lni-at-device-index', 'outpost-arn'),
      'ipv6-native': () => ['false'],
      'enable-dns64': () => ['false'],
      'map-customer-owned-ip-on-launch': () => ['false'],
      'subnet-arn': (subnet) => [arn('subnet', subnet.subnetId, region)],
      'private-dns-name-options-on-launch.hostname-type': () => ['ip-name'],
      'private-dns-name-options-on-launch.enable-resource-name-dns-a-record': () => ['false'],
      'private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record': () => ['false'],
    }),
  }),
  ModifySubnetAttribute: commandAction({
    heeds: [
      'SubnetId',
      'MapPublicIpOnLaunch',
      'AssignIpv6AddressOnCreation',
      'EnableDns64',
      'MapCustomerOwnedIpOnLaunch',
      'EnableResourceNameDnsARecordOnLaunch',
      'EnableResourceNameDnsAAAARecordOnLaunch',
    ],
    command: 'modifySubnet',
    input: (input) => ({
      subnetId: need(input, 'SubnetId'),
      ...oneAttribute(input, { MapPublicIpOnLaunch: 'mapPublicIpOnLaunch', AssignIpv6AddressOnCreation: 'assignIpv6AddressOnCreation' }, [
        'EnableDns64',
        'MapCustomerOwnedIpOnLaunch',
        'EnableResourceNameDnsARecordOnLaunch',
        'EnableResourceNameDnsAAAARecordOnLaunch',
      ]),
    }),
  }),
};

function vpcsAsked({ snapshot }: Region, { VpcIds }: Tree): Vpc[] {
  return VpcIds?.length ? VpcIds.map((id: string) => existing({ snapshot }, 'vpc', id)) : snapshot.all('vpc');
}

/** @throws {ApiError} InvalidParameterValue */
function zoneOfId(id: string | undefined, region: Region): string | undefined {
  if (id === undefined) return undefined;
  const zone = region.zones.find((each) => zoneIdOf(each) === id);
  if (zone === undefined) throw invalidValue(`Value (${id.slice(0, 80)}) for parameter availabilityZoneId is invalid`);
  return zone;
}
