import { apiError, invalidValue } from '../../../model/errors.js';
import type { CustomerGateway, VpnConnection, VpnGateway } from '../../../model/vpn.js';
import { vpnConnectionView } from '../../rest/vpn.js';
import { type Actions, commandAction, need, type Region, recordOf, refuseUnheeded, tagList, tagsFor } from '../action.js';
import { describe } from '../describe.js';
import type { Tree } from '../params.js';
import { never } from '../shown-filters.js';

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
/** @throws {ApiError} InvalidParameterValue */
function checkIpsec(input: Tree): void {
  if (need(input, 'Type') !== 'ipsec.1') throw invalidValue(`Value (${input.Type}) for parameter type is invalid; use ipsec.1`);
}

export const vpnActions: Actions = {
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
    more: () => never('availability-zone'),
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
    more: () => never('customer-gateway-configuration', 'transit-gateway-id'),
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
};
