import type { DhcpOptions } from '../../../model/dhcp-options.js';
import { apiError, invalidValue } from '../../../model/errors.js';
import { vpcIpv4Ranges } from '../../../model/vpc.js';
import type { VpcPeeringConnection } from '../../../model/vpc-peering-connection.js';
import type { CustomerGateway, VpnConnection, VpnGateway } from '../../../model/vpn.js';
import { vpnConnectionView } from '../../rest/vpn.js';
import { type Actions, commandAction, need, type Region, recordOf, refuseUnheeded, tagList, tagsFor } from '../action.js';
import { describe } from '../describe.js';
import type { Tree } from '../params.js';

/** What joins VPCs with each other and with other networks, and what their instances learn of names. */

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

function vpnGatewayTree(gateway: VpnGateway): Tree {
  return {
    VpnGatewayId: gateway.vpnGatewayId,
    State: 'available',
    Type: 'ipsec.1',
    AmazonSideAsn: gateway.amazonSideAsn,
    VpcAttachments: gateway.vpcId ? [{ VpcId: gateway.vpcId, State: 'attached' }] : [],
    Tags: tagList(gateway.tags),
  };
}

function customerGatewayTree(gateway: CustomerGateway): Tree {
  return {
    CustomerGatewayId: gateway.customerGatewayId,
    State: 'available',
    Type: 'ipsec.1',
    IpAddress: gateway.ipAddress,
    BgpAsn: String(gateway.bgpAsn),
    DeviceName: gateway.deviceName,
    Tags: tagList(gateway.tags),
  };
}

function vpnConnectionTree(connection: VpnConnection, region: Region): Tree {
  const { tunnel } = vpnConnectionView(connection, region);
  return {
    VpnConnectionId: connection.vpnConnectionId,
    State: 'available',
    Type: 'ipsec.1',
    Category: 'VPN',
    VpnGatewayId: connection.vpnGatewayId,
    CustomerGatewayId: connection.customerGatewayId,
    Options: {
      EnableAcceleration: false,
      StaticRoutesOnly: connection.staticRoutesOnly,
      LocalIpv4NetworkCidr: '0.0.0.0/0',
      RemoteIpv4NetworkCidr: '0.0.0.0/0',
      OutsideIpAddressType: 'PublicIpv4',
      TunnelInsideIpVersion: 'ipv4',
      TunnelOptions: [{ OutsideIpAddress: connection.outsideIpAddress, TunnelInsideCidr: connection.tunnelInsideCidr }],
    },
    Routes: connection.routes.map((DestinationCidrBlock) => ({ DestinationCidrBlock, Source: 'Static', State: 'available' })),
    VgwTelemetry: [
      {
        OutsideIpAddress: connection.outsideIpAddress,
        Status: tunnel.status,
        StatusMessage: tunnel.statusMessage ?? '',
        AcceptedRouteCount: connection.routes.length,
        LastStatusChange: connection.createTime,
      },
    ],
    Tags: tagList(connection.tags),
  };
}

function dhcpTree(options: DhcpOptions): Tree {
  const { domainName, domainNameServers } = options;
  const configuration = (Key: string, values: readonly string[]) => ({ Key, Values: values.map((Value) => ({ Value })) });
  return {
    DhcpOptionsId: options.dhcpOptionsId,
    OwnerId: options.ownerId,
    DhcpConfigurations: [
      ...(domainName === undefined ? [] : [configuration('domain-name', [domainName])]),
      configuration('domain-name-servers', domainNameServers),
    ],
    Tags: tagList(options.tags),
  };
}

/** @throws {ApiError} UnsupportedOperation for options that instances would not learn. */
function dhcpInput(input: Tree): object {
  const values = new Map<string, string[]>();
  for (const { Key = '', Values = [] } of need<Tree[]>(input, 'DhcpConfigurations')) {
    if (Key !== 'domain-name' && Key !== 'domain-name-servers')
      throw apiError('UnsupportedOperation', {
        reason: `The option ${String(Key).slice(0, 80)} is not served; domain-name and domain-name-servers are`,
      });
    values.set(Key, Values);
  }
  return {
    domainName: values.get('domain-name')?.[0],
    // Some clients write the list as one text.
    domainNameServers: values.get('domain-name-servers')?.flatMap((text) => text.split(/,\s*/)),
    tags: tagsFor(input, 'dhcp-options'),
  };
}

const peering = (input: Tree) => ({ vpcPeeringConnectionId: need(input, 'VpcPeeringConnectionId') });
const done = () => ({ Return: true });
/** @throws {ApiError} InvalidParameterValue */
function checkIpsec(input: Tree): void {
  if (need(input, 'Type') !== 'ipsec.1') throw invalidValue(`Value (${input.Type}) for parameter type is invalid; use ipsec.1`);
}

export const connectionActions: Actions = {
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
  }),
  CreateVpnGateway: commandAction({
    heeds: ['Type', 'AmazonSideAsn', 'TagSpecifications'],
    ignores: ['AvailabilityZone'],
    command: 'createVpnGateway',
    input: (input) => {
      checkIpsec(input);
      return { amazonSideAsn: input.AmazonSideAsn, tags: tagsFor(input, 'vpn-gateway') };
    },
    answer: ({ result, region }) => ({ VpnGateway: vpnGatewayTree(recordOf(region, 'vpnGateway', result.vpnGatewayId)) }),
  }),
  DeleteVpnGateway: commandAction({
    heeds: ['VpnGatewayId'],
    command: 'deleteVpnGateway',
    input: (input) => ({ vpnGatewayId: need(input, 'VpnGatewayId') }),
  }),
  AttachVpnGateway: commandAction({
    heeds: ['VpnGatewayId', 'VpcId'],
    command: 'attachVpnGateway',
    input: (input) => ({ vpnGatewayId: need(input, 'VpnGatewayId'), vpcId: need(input, 'VpcId') }),
    answer: ({ input }) => ({ VpcAttachment: { VpcId: input.VpcId, State: 'attached' } }),
  }),
  DetachVpnGateway: commandAction({
    heeds: ['VpnGatewayId', 'VpcId'],
    command: 'detachVpnGateway',
    input: (input) => ({ vpnGatewayId: need(input, 'VpnGatewayId'), vpcId: need(input, 'VpcId') }),
  }),
  DescribeVpnGateways: describe({
    kind: 'vpnGateway',
    ids: 'VpnGatewayIds',
    list: 'VpnGateways',
    tree: vpnGatewayTree,
    pages: false,
  }),
  CreateCustomerGateway: commandAction({
    heeds: ['Type', 'BgpAsn', 'BgpAsnExtended', 'PublicIp', 'IpAddress', 'DeviceName', 'TagSpecifications'],
    command: 'createCustomerGateway',
    input: (input) => {
      checkIpsec(input);
      return {
        ipAddress: input.IpAddress ?? input.PublicIp ?? need(input, 'IpAddress'),
        bgpAsn: input.BgpAsn ?? input.BgpAsnExtended,
        deviceName: input.DeviceName,
        tags: tagsFor(input, 'customer-gateway'),
      };
    },
    answer: ({ result, region }) => ({
      CustomerGateway: customerGatewayTree(recordOf(region, 'customerGateway', result.customerGatewayId)),
    }),
  }),
  DeleteCustomerGateway: commandAction({
    heeds: ['CustomerGatewayId'],
    command: 'deleteCustomerGateway',
    input: (input) => ({ customerGatewayId: need(input, 'CustomerGatewayId') }),
  }),
  DescribeCustomerGateways: describe({
    kind: 'customerGateway',
    ids: 'CustomerGatewayIds',
    list: 'CustomerGateways',
    tree: customerGatewayTree,
    pages: false,
  }),
  CreateVpnConnection: commandAction({
    heeds: ['CustomerGatewayId', 'VpnGatewayId', 'Type', 'Options', 'TagSpecifications'],
    command: 'createVpnConnection',
    input: (input) => {
      checkIpsec(input);
      const { StaticRoutesOnly, LocalIpv4NetworkCidr, RemoteIpv4NetworkCidr, TunnelInsideIpVersion, OutsideIpAddressType, ...others } =
        input.Options ?? {};
      refuseUnheeded(others, [], 'Options.');
      for (const range of [LocalIpv4NetworkCidr, RemoteIpv4NetworkCidr])
        if ((range ?? '0.0.0.0/0') !== '0.0.0.0/0')
          throw apiError('UnsupportedOperation', { reason: 'VPN connections take all networks, 0.0.0.0/0' });
      if ((TunnelInsideIpVersion ?? 'ipv4') !== 'ipv4' || (OutsideIpAddressType ?? 'PublicIpv4') !== 'PublicIpv4')
        throw apiError('UnsupportedOperation', { reason: 'VPN connections are served over public IPv4 addresses and for IPv4' });
      return {
        customerGatewayId: need(input, 'CustomerGatewayId'),
        vpnGatewayId: need(input, 'VpnGatewayId'),
        staticRoutesOnly: StaticRoutesOnly,
        tags: tagsFor(input, 'vpn-connection'),
      };
    },
    answer: ({ result, region }) => ({
      VpnConnection: vpnConnectionTree(recordOf(region, 'vpnConnection', result.vpnConnectionId), region),
    }),
  }),
  DeleteVpnConnection: commandAction({
    heeds: ['VpnConnectionId'],
    command: 'deleteVpnConnection',
    input: (input) => ({ vpnConnectionId: need(input, 'VpnConnectionId') }),
  }),
  DescribeVpnConnections: describe({
    kind: 'vpnConnection',
    ids: 'VpnConnectionIds',
    list: 'VpnConnections',
    tree: vpnConnectionTree,
    pages: false,
  }),
  CreateVpnConnectionRoute: commandAction({
    heeds: ['VpnConnectionId', 'DestinationCidrBlock'],
    command: 'createVpnConnectionRoute',
    input: (input) => ({ vpnConnectionId: need(input, 'VpnConnectionId'), destination: need(input, 'DestinationCidrBlock') }),
  }),
  DeleteVpnConnectionRoute: commandAction({
    heeds: ['VpnConnectionId', 'DestinationCidrBlock'],
    command: 'deleteVpnConnectionRoute',
    input: (input) => ({ vpnConnectionId: need(input, 'VpnConnectionId'), destination: need(input, 'DestinationCidrBlock') }),
  }),
  CreateDhcpOptions: commandAction({
    heeds: ['DhcpConfigurations', 'TagSpecifications'],
    command: 'createDhcpOptions',
    input: dhcpInput,
    answer: ({ result, region }) => ({ DhcpOptions: dhcpTree(recordOf(region, 'dhcpOptions', result.dhcpOptionsId)) }),
  }),
  AssociateDhcpOptions: commandAction({
    heeds: ['DhcpOptionsId', 'VpcId'],
    command: 'associateDhcpOptions',
    input: (input) => ({ vpcId: need(input, 'VpcId'), dhcpOptionsId: need(input, 'DhcpOptionsId') }),
  }),
  DescribeDhcpOptions: describe({ kind: 'dhcpOptions', ids: 'DhcpOptionsIds', list: 'DhcpOptions', tree: dhcpTree }),
  DeleteDhcpOptions: commandAction({
    heeds: ['DhcpOptionsId'],
    command: 'deleteDhcpOptions',
    input: (input) => ({ dhcpOptionsId: need(input, 'DhcpOptionsId') }),
  }),
};
