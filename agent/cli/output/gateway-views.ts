import { z } from 'zod';
import * as wire from '../lab/wire.js';
import { Condition } from '../wire.js';
import type { Cell, Column } from './table.js';

/** How gateways, and what belongs to them, look in a table. */

type Tagged = { readonly tags: Readonly<Record<string, string>> };
type NameOf = (resource: Tagged) => string;
type StateCell = (state: string) => Cell;

const condition = Condition.optional();
export const InternetGateway = wire.InternetGateway.extend({ condition });
export const EgressOnlyGateway = wire.EgressOnlyGateway.extend({ condition });
export const NatGateway = wire.NatGateway.extend({ vpcId: z.string(), condition });
export const ElasticAddress = wire.ElasticAddress.extend({ kind: z.string() });
export const Peering = wire.Peering.extend({ condition });
export const VpnGateway = wire.VpnGateway.extend({ condition });
export const CustomerGateway = wire.CustomerGateway.extend({ deviceName: z.string().optional(), condition });
export const VpnConnection = wire.VpnConnection.extend({
  outsideIpAddress: z.string(),
  staticRoutesOnly: z.boolean(),
  tunnel: z.looseObject({ kind: z.string(), status: z.string() }).optional(),
});
export const { DhcpOptions, NetworkAcl } = wire;

type FaultOf = (resource: { readonly condition?: z.output<typeof Condition> | undefined }) => Cell | undefined;

export interface Cells {
  readonly nameOf: NameOf;
  readonly stateCell: StateCell;
  readonly faultOf: FaultOf;
}

type ColumnsOf<S extends z.ZodType> = (cells: Cells) => readonly Column<z.output<S>>[];

export const internetGateway: ColumnsOf<typeof InternetGateway> = ({ nameOf, faultOf }) => [
  { title: 'INTERNET GATEWAY', cell: (r) => r.internetGatewayId },
  { title: 'NAME', cell: nameOf },
  { title: 'VPC', cell: (r) => r.vpcId },
  { title: 'FAULT', cell: faultOf },
];
export const egressGateway: ColumnsOf<typeof EgressOnlyGateway> = ({ nameOf, faultOf }) => [
  { title: 'EGRESS GATEWAY', cell: (r) => r.egressOnlyInternetGatewayId },
  { title: 'NAME', cell: nameOf },
  { title: 'VPC', cell: (r) => r.vpcId },
  { title: 'FAULT', cell: faultOf },
];
export const natGateway: ColumnsOf<typeof NatGateway> = ({ nameOf, stateCell, faultOf }) => [
  { title: 'NAT GATEWAY', cell: (r) => r.natGatewayId },
  { title: 'NAME', cell: nameOf },
  { title: 'STATE', cell: (r) => stateCell(r.state) },
  { title: 'KIND', cell: (r) => r.connectivityType },
  { title: 'PUBLIC', cell: (r) => r.natGatewayAddresses[0]?.publicIp },
  { title: 'INTERFACE', cell: (r) => r.natGatewayAddresses[0]?.networkInterfaceId },
  { title: 'SUBNET', cell: (r) => r.subnetId },
  { title: 'FAULT', cell: faultOf },
];
export const elasticAddress: ColumnsOf<typeof ElasticAddress> = ({ nameOf }) => [
  { title: 'ADDRESS', cell: (r) => r.publicIp },
  { title: 'ALLOCATION', cell: (r) => r.allocationId },
  { title: 'NAME', cell: nameOf },
  { title: 'KIND', cell: (r) => r.kind },
  { title: 'PRIVATE', cell: (r) => r.association?.privateIpAddress },
  { title: 'INTERFACE', cell: (r) => r.association?.networkInterfaceId },
];
export const peering: ColumnsOf<typeof Peering> = ({ nameOf, stateCell, faultOf }) => [
  { title: 'PEERING', cell: (r) => r.vpcPeeringConnectionId },
  { title: 'NAME', cell: nameOf },
  { title: 'STATUS', cell: (r) => stateCell(r.status) },
  { title: 'REQUESTER', cell: (r) => r.requesterVpcId },
  { title: 'ACCEPTER', cell: (r) => r.accepterVpcId },
  { title: 'FAULT', cell: faultOf },
];
export const vpnGateway: ColumnsOf<typeof VpnGateway> = ({ nameOf, faultOf }) => [
  { title: 'VPN GATEWAY', cell: (r) => r.vpnGatewayId },
  { title: 'NAME', cell: nameOf },
  { title: 'VPC', cell: (r) => r.vpcId },
  { title: 'ASN', cell: (r) => r.amazonSideAsn, align: 'right' },
  { title: 'FAULT', cell: faultOf },
];
export const customerGateway: ColumnsOf<typeof CustomerGateway> = ({ nameOf, faultOf }) => [
  { title: 'CUSTOMER GATEWAY', cell: (r) => r.customerGatewayId },
  { title: 'NAME', cell: nameOf },
  { title: 'ADDRESS', cell: (r) => r.ipAddress },
  { title: 'ASN', cell: (r) => r.bgpAsn, align: 'right' },
  { title: 'DEVICE', cell: (r) => r.deviceName },
  { title: 'FAULT', cell: faultOf },
];
export const vpnConnection: ColumnsOf<typeof VpnConnection> = ({ nameOf, stateCell, faultOf }) => [
  { title: 'VPN', cell: (r) => r.vpnConnectionId },
  { title: 'NAME', cell: nameOf },
  { title: 'GATEWAY', cell: (r) => r.vpnGatewayId },
  { title: 'CUSTOMER', cell: (r) => r.customerGatewayId },
  { title: 'TUNNEL', cell: (r) => r.tunnel?.kind },
  { title: 'STATUS', cell: (r) => r.tunnel && stateCell(r.tunnel.status) },
  { title: 'ROUTES', cell: (r) => r.routes.join(', ') },
  { title: 'FAULT', cell: faultOf },
];
export const dhcpOptions: ColumnsOf<typeof DhcpOptions> = ({ nameOf }) => [
  { title: 'DHCP OPTIONS', cell: (r) => r.dhcpOptionsId },
  { title: 'NAME', cell: nameOf },
  { title: 'DOMAIN', cell: (r) => r.domainName },
  { title: 'NAME SERVERS', cell: (r) => r.domainNameServers.join(', ') },
];

type Entry = z.output<typeof NetworkAcl>['entries'][number];
export const aclEntry = (portText: (protocol: string, from?: number, to?: number) => string): readonly Column<Entry>[] => [
  { title: '  NUMBER', cell: (e) => `  ${e.ruleNumber}` },
  { title: 'DIRECTION', cell: (e) => (e.egress ? 'egress' : 'ingress') },
  { title: 'ACTION', cell: (e) => ({ text: e.ruleAction, style: e.ruleAction === 'allow' ? 'green' : 'red' }) },
  { title: 'TRAFFIC', cell: (e) => portText(e.protocol, e.portRange?.from ?? e.icmp?.type, e.portRange?.to ?? e.icmp?.code) },
  { title: 'RANGE', cell: (e) => e.cidr },
];
