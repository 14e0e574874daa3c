import { apiError } from '../../../model/errors.js';
import { vpcIpv4Ranges } from '../../../model/vpc.js';
import type { VpcPeeringConnection } from '../../../model/vpc-peering-connection.js';
import { type Actions, commandAction, need, type Region, recordOf, tagList, tagsFor } from '../action.js';
import { describe } from '../describe.js';
import type { Tree } from '../params.js';
import { shownFilters } from '../shown-filters.js';

const PEERING_WORDS = { active: 'Active', rejected: 'Rejected by the accepter', deleted: 'Deleted' };
const PEERING_LIFETIME_MS = 7 * 24 * 60 * 60 * 1000;

function peeringTree(connection: VpcPeeringConnection, region: Region): Tree {
  const { status, createTime } = connection;
  return {
    VpcPeeringConnectionId: connection.vpcPeeringConnectionId,
    Status: {
      Code: status,
      Message: status === 'pending-acceptance' ? `Pending Acceptance by ${connection.ownerId}` : PEERING_WORDS[status],
    },
    RequesterVpcInfo: peerTree(connection.requesterVpcId, connection, region),
    AccepterVpcInfo: peerTree(connection.accepterVpcId, connection, region),
    ...(status === 'pending-acceptance' && { ExpirationTime: new Date(Date.parse(createTime) + PEERING_LIFETIME_MS).toISOString() }),
    Tags: tagList(connection.tags),
  };
}

function peerTree(vpcId: string, { ownerId }: VpcPeeringConnection, { snapshot, region }: Region): Tree {
  const vpc = snapshot.get('vpc', vpcId);
  return {
    VpcId: vpcId,
    OwnerId: ownerId,
    Region: region,
    ...(vpc && {
      CidrBlock: vpc.cidrBlock,
      CidrBlockSet: vpcIpv4Ranges(vpc).map((CidrBlock) => ({ CidrBlock })),
      Ipv6CidrBlockSet: vpc.ipv6 ? [{ Ipv6CidrBlock: vpc.ipv6.cidrBlock }] : [],
    }),
    PeeringOptions: {
      AllowDnsResolutionFromRemoteVpc: false,
      AllowEgressFromLocalClassicLinkToRemoteVpc: false,
      AllowEgressFromLocalVpcToRemoteClassicLink: false,
    },
  };
}
const peering = (input: Tree) => ({ vpcPeeringConnectionId: need(input, 'VpcPeeringConnectionId') });
const done = () => ({ Return: true });

export const peeringActions: Actions = {
  CreateVpcPeeringConnection: commandAction({
    heeds: ['VpcId', 'PeerVpcId', 'PeerOwnerId', 'PeerRegion', 'TagSpecifications'],
    command: 'createVpcPeeringConnection',
    input: (input, { accountId, region }) => {
      if ((input.PeerOwnerId ?? accountId) !== accountId || (input.PeerRegion ?? region) !== region)
        throw apiError('UnsupportedOperation', { reason: `Only VPCs of this account (${accountId}) and region (${region}) can be peered` });
      return { vpcId: need(input, 'VpcId'), peerVpcId: need(input, 'PeerVpcId'), tags: tagsFor(input, 'vpc-peering-connection') };
    },
    answer: ({ result, region }) => ({
      VpcPeeringConnection: peeringTree(recordOf(region, 'vpcPeeringConnection', result.vpcPeeringConnectionId), region),
    }),
  }),
  AcceptVpcPeeringConnection: commandAction({
    heeds: ['VpcPeeringConnectionId'],
    command: 'acceptVpcPeeringConnection',
    input: peering,
    answer: ({ input, region }) => ({
      VpcPeeringConnection: peeringTree(recordOf(region, 'vpcPeeringConnection', input.VpcPeeringConnectionId), region),
    }),
  }),
  RejectVpcPeeringConnection: commandAction({
    heeds: ['VpcPeeringConnectionId'],
    command: 'rejectVpcPeeringConnection',
    input: peering,
    answer: done,
  }),
  DeleteVpcPeeringConnection: commandAction({
    heeds: ['VpcPeeringConnectionId'],
    command: 'deleteVpcPeeringConnection',
    input: peering,
    answer: done,
  }),
  DescribeVpcPeeringConnections: describe({
    kind: 'vpcPeeringConnection',
    ids: 'VpcPeeringConnectionIds',
    list: 'VpcPeeringConnections',
    tree: peeringTree,
    more: (region) =>
      shownFilters((connection) => peeringTree(connection, region), {
        'expiration-time': 'ExpirationTime',
        'status-message': 'Status.Message',
      }),
  }),
};
