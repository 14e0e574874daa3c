import type { ElasticIp } from '../../../model/elastic-ip.js';
import { apiError, invalidValue } from '../../../model/errors.js';
import type { EgressOnlyInternetGateway, InternetGateway, NatGateway } from '../../../model/gateway.js';
import { natGatewayState } from '../../rest/status.js';
import { type Actions, commandAction, need, type Region, recordOf, tagList, tagsFor } from '../action.js';
import { describe, existing, page } from '../describe.js';
import type { Tree } from '../params.js';

function internetGatewayTree({ internetGatewayId, vpcId, ownerId, tags }: InternetGateway): Tree {
  return {
    InternetGatewayId: internetGatewayId,
    OwnerId: ownerId,
    // The cloud's word for an internet gateway that is attached.
    Attachments: vpcId ? [{ VpcId: vpcId, State: 'available' }] : [],
    Tags: tagList(tags),
  };
}

function egressOnlyTree({ egressOnlyInternetGatewayId, vpcId, tags }: EgressOnlyInternetGateway): Tree {
  return {
    EgressOnlyInternetGatewayId: egressOnlyInternetGatewayId,
    Attachments: [{ VpcId: vpcId, State: 'attached' }],
    Tags: tagList(tags),
  };
}

function natGatewayTree(gateway: NatGateway, region: Region): Tree {
  const address = gateway.allocationId && region.snapshot.get('elasticIp', gateway.allocationId);
  return {
    NatGatewayId: gateway.natGatewayId,
    State: natGatewayState(gateway, region),
    VpcId: gateway.vpcId,
    SubnetId: gateway.subnetId,
    ConnectivityType: gateway.connectivityType,
    CreateTime: gateway.createTime,
    DeleteTime: gateway.deleteTime,
    NatGatewayAddresses: [
      {
        AllocationId: gateway.allocationId,
        AssociationId: address ? address.association?.associationId : undefined,
        NetworkInterfaceId: gateway.networkInterfaceId,
        PrivateIp: gateway.privateIp,
        PublicIp: gateway.publicIp,
        IsPrimary: true,
        Status: 'succeeded',
      },
    ],
    Tags: tagList(gateway.tags),
  };
}

function addressTree(address: ElasticIp, { snapshot, region }: Region): Tree {
  const { association } = address;
  const attachment = association && snapshot.get('networkInterface', association.networkInterfaceId)?.attachment;
  return {
    AllocationId: address.allocationId,
    PublicIp: address.publicIp,
    Domain: 'vpc',
    PublicIpv4Pool: 'amazon',
    NetworkBorderGroup: region,
    ...(association && {
      AssociationId: association.associationId,
      NetworkInterfaceId: association.networkInterfaceId,
      NetworkInterfaceOwnerId: address.ownerId,
      PrivateIpAddress: association.privateIpAddress,
      InstanceId: attachment?.instanceId ?? '',
    }),
    Tags: tagList(address.tags),
  };
}

const isElastic = (address: ElasticIp) => address.kind === 'elastic';

/** The elastic address that a request names by allocation or by address. @throws {ApiError} InvalidAddress.NotFound, MissingParameter */
function addressOf(input: Tree, { snapshot }: Region): ElasticIp | undefined {
  if (input.PublicIp === undefined) return undefined;
  const found = snapshot.by('elasticIp', 'publicIp', input.PublicIp).find(isElastic);
  if (!found) throw apiError('InvalidAddress.NotFound', { id: input.PublicIp });
  return found;
}

const allocation = (input: Tree, region: Region): string =>
  input.AllocationId ?? addressOf(input, region)?.allocationId ?? need(input, 'AllocationId');

function associationOf(input: Tree, region: Region): string {
  if (input.AssociationId !== undefined) return input.AssociationId;
  const address = addressOf(input, region);
  if (address && !address.association) throw apiError('InvalidAssociationID.NotFound', { id: address.publicIp });
  return address?.association?.associationId ?? need(input, 'AssociationId');
}

export const gatewayActions: Actions = {
  CreateInternetGateway: commandAction({
    heeds: ['TagSpecifications'],
    command: 'createInternetGateway',
    input: (input) => ({ tags: tagsFor(input, 'internet-gateway') }),
    answer: ({ result, region }) => ({
      InternetGateway: internetGatewayTree(recordOf(region, 'internetGateway', result.internetGatewayId)),
    }),
  }),
  DeleteInternetGateway: commandAction({
    heeds: ['InternetGatewayId'],
    command: 'deleteInternetGateway',
    input: (input) => ({ internetGatewayId: need(input, 'InternetGatewayId') }),
  }),
  AttachInternetGateway: commandAction({
    heeds: ['InternetGatewayId', 'VpcId'],
    command: 'attachInternetGateway',
    input: (input) => ({ internetGatewayId: need(input, 'InternetGatewayId'), vpcId: need(input, 'VpcId') }),
  }),
  DetachInternetGateway: commandAction({
    heeds: ['InternetGatewayId', 'VpcId'],
    command: 'detachInternetGateway',
    input: (input) => ({ internetGatewayId: need(input, 'InternetGatewayId'), vpcId: need(input, 'VpcId') }),
  }),
  DescribeInternetGateways: describe({
    kind: 'internetGateway',
    ids: 'InternetGatewayIds',
    list: 'InternetGateways',
    tree: internetGatewayTree,
  }),
  CreateEgressOnlyInternetGateway: commandAction({
    heeds: ['VpcId', 'TagSpecifications', 'ClientToken'],
    command: 'createEgressOnlyInternetGateway',
    input: (input) => ({
      vpcId: need(input, 'VpcId'),
      tags: tagsFor(input, 'egress-only-internet-gateway'),
      clientToken: input.ClientToken,
    }),
    answer: ({ result, region, input }) => ({
      EgressOnlyInternetGateway: egressOnlyTree(recordOf(region, 'egressOnlyInternetGateway', result.egressOnlyInternetGatewayId)),
      ClientToken: input.ClientToken,
    }),
  }),
  DeleteEgressOnlyInternetGateway: commandAction({
    heeds: ['EgressOnlyInternetGatewayId'],
    command: 'deleteEgressOnlyInternetGateway',
    input: (input) => ({ egressOnlyInternetGatewayId: need(input, 'EgressOnlyInternetGatewayId') }),
    answer: () => ({ ReturnCode: true }),
  }),
  DescribeEgressOnlyInternetGateways: describe({
    maxResults: [5, 255],
    kind: 'egressOnlyInternetGateway',
    ids: 'EgressOnlyInternetGatewayIds',
    list: 'EgressOnlyInternetGateways',
    tree: egressOnlyTree,
  }),
  CreateNatGateway: commandAction({
    heeds: ['SubnetId', 'AllocationId', 'ConnectivityType', 'PrivateIpAddress', 'TagSpecifications', 'ClientToken'],
    command: 'createNatGateway',
    input: (input) => ({
      subnetId: need(input, 'SubnetId'),
      allocationId: input.AllocationId,
      connectivityType: input.ConnectivityType,
      privateIpAddress: input.PrivateIpAddress,
      tags: tagsFor(input, 'natgateway'),
      clientToken: input.ClientToken,
    }),
    answer: ({ result, region, input }) => ({
      NatGateway: natGatewayTree(recordOf(region, 'natGateway', result.natGatewayId), region),
      ClientToken: input.ClientToken,
    }),
  }),
  DeleteNatGateway: commandAction({
    heeds: ['NatGatewayId'],
    command: 'deleteNatGateway',
    input: (input) => ({ natGatewayId: need(input, 'NatGatewayId') }),
    answer: ({ input }) => ({ NatGatewayId: input.NatGatewayId }),
  }),
  DescribeNatGateways: describe({
    kind: 'natGateway',
    ids: 'NatGatewayIds',
    list: 'NatGateways',
    tree: natGatewayTree,
    filters: 'Filter',
  }),
  AllocateAddress: commandAction({
    heeds: ['Domain', 'Address', 'TagSpecifications'],
    ignores: ['PublicIpv4Pool', 'NetworkBorderGroup'],
    command: 'allocateAddress',
    input: (input) => {
      if ((input.Domain ?? 'vpc') !== 'vpc')
        throw invalidValue(`Value (${input.Domain}) for parameter domain is invalid: only 'vpc' is served`);
      return { publicIp: input.Address, tags: tagsFor(input, 'elastic-ip') };
    },
    answer: ({ result, region }) => {
      const { AllocationId, PublicIp, Domain, PublicIpv4Pool, NetworkBorderGroup } = addressTree(
        recordOf(region, 'elasticIp', result.allocationId),
        region,
      );
      return { AllocationId, PublicIp, Domain, PublicIpv4Pool, NetworkBorderGroup };
    },
  }),
  AssociateAddress: commandAction({
    heeds: ['AllocationId', 'PublicIp', 'InstanceId', 'NetworkInterfaceId', 'PrivateIpAddress', 'AllowReassociation'],
    command: 'associateAddress',
    input: (input, region) => ({
      allocationId: allocation(input, region),
      instanceId: input.NetworkInterfaceId ? undefined : input.InstanceId,
      networkInterfaceId: input.NetworkInterfaceId,
      privateIpAddress: input.PrivateIpAddress,
      allowReassociation: input.AllowReassociation,
    }),
    answer: ({ result }) => ({ AssociationId: result.associationId }),
  }),
  DisassociateAddress: commandAction({
    heeds: ['AssociationId', 'PublicIp'],
    command: 'disassociateAddress',
    input: (input, region) => ({ associationId: associationOf(input, region) }),
  }),
  ReleaseAddress: commandAction({
    heeds: ['AllocationId', 'PublicIp'],
    ignores: ['NetworkBorderGroup'],
    command: 'releaseAddress',
    input: (input, region) => ({ allocationId: allocation(input, region) }),
  }),
  DescribeAddresses: describe({
    kind: 'elasticIp',
    ids: 'AllocationIds',
    list: 'Addresses',
    tree: addressTree,
    pages: false,
    shows: isElastic,
    heeds: ['PublicIps'],
    check: (input, region) => {
      for (const PublicIp of input.PublicIps ?? []) addressOf({ PublicIp }, region);
    },
    where: (address, { PublicIps: ips }) => !ips?.length || ips.includes(address.publicIp),
    more: ({ region }) => ({
      'network-interface-owner-id': (address) => (address.association ? [address.ownerId] : []),
      'network-border-group': () => [region],
      'public-ipv4-pool': () => ['amazon'],
    }),
  }),
  DescribeAddressesAttribute: {
    heeds: ['AllocationIds', 'Attribute', 'MaxResults', 'NextToken'],
    answer: ({ input, region }) => {
      const now = region();
      const ids = input.AllocationIds as string[] | undefined;
      const addresses = ids?.length
        ? ids.map((id) => existing(now, 'elasticIp', id, isElastic))
        : now.snapshot.all('elasticIp').filter(isElastic);
      const { items, ...rest } = page(addresses, (address) => address.allocationId, input, { ids }, [1, 1000]);
      return { Addresses: items.map(({ publicIp, allocationId }) => ({ PublicIp: publicIp, AllocationId: allocationId })), ...rest };
    },
  },
};
