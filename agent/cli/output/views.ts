import type { z } from 'zod';
import type { Resource } from '../client.js';
import type { NounName } from '../nouns.js';
import * as wire from '../wire.js';
import * as gateways from './gateway-views.js';
import { type Cell, type Column, renderTable } from './table.js';
import type { Paint, Style } from './text.js';
import { ago } from './units.js';

/** How each noun looks in a table. */

type Named = { readonly tags: Readonly<Record<string, string>> };
export const nameOf = (resource: Named): string => resource.tags['enid:name'] ?? resource.tags.Name ?? '';

type Conditioned = { readonly condition?: { readonly realised: boolean; readonly reason?: string; readonly message?: string } };
/** What is wrong with a resource on its host, if anything. */
export function faultOf(resource: Conditioned): Cell | undefined {
  const { condition } = resource;
  if (!condition || condition.realised) return undefined;
  return { text: condition.message ?? condition.reason ?? 'not realised', style: 'red' };
}

const STATE_STYLE: Readonly<Record<string, Style>> = {
  running: 'green',
  'in-use': 'green',
  available: 'cyan',
  active: 'green',
  UP: 'green',
  DOWN: 'yellow',
  'pending-acceptance': 'yellow',
  deleting: 'yellow',
  pending: 'yellow',
  attaching: 'yellow',
  detaching: 'yellow',
  stopping: 'yellow',
  'shutting-down': 'yellow',
};
export const stateCell = (state: string): Cell => ({ text: state, style: STATE_STYLE[state] ?? 'dim' });

const yes = (value: boolean | undefined): string => (value ? 'yes' : '');

/** `10.0.1.10 +2` when there are three. */
function firstAndMore(values: readonly string[]): string {
  const [first = '', ...more] = values;
  return more.length > 0 ? `${first} +${more.length}` : first;
}

export function portText(protocol: string, from: number | undefined, to: number | undefined): string {
  const name = protocol === '-1' ? 'all' : protocol;
  if (from === undefined || protocol === '-1') return name;
  if (protocol === 'icmp' || protocol === 'icmpv6')
    return from === -1 ? name : `${name}/${from}${to === undefined || to === -1 ? '' : `:${to}`}`;
  if (from === 0 && to === 65535) return name;
  return to === undefined || to === from ? `${name}/${from}` : `${name}/${from}-${to}`;
}

/** The id or range of a rule's peer. */
export function peerText(peer: wire.Peer): string {
  if (peer.kind === 'group') return peer.groupId;
  return peer.kind === 'prefixList' ? peer.prefixListId : peer.cidr;
}

const enforcementText = ({ securityGroups, sourceDestCheck }: NonNullable<wire.Subnet['enforcement']>): string =>
  `groups: ${securityGroups}, check: ${sourceDestCheck}`;

const VPC: Column<wire.Vpc>[] = [
  { title: 'VPC', cell: (r) => r.vpcId },
  { title: 'NAME', cell: nameOf },
  { title: 'RANGE', cell: (r) => r.cidrBlock },
  { title: 'IPV6', cell: (r) => r.ipv6?.cidrBlock },
  { title: 'DEFAULT', cell: (r) => yes(r.isDefault) },
  { title: 'FAULT', cell: faultOf },
];
const SUBNET: Column<wire.Subnet>[] = [
  { title: 'SUBNET', cell: (r) => r.subnetId },
  { title: 'NAME', cell: nameOf },
  { title: 'VPC', cell: (r) => r.vpcId },
  { title: 'ZONE', cell: (r) => r.availabilityZone },
  { title: 'RANGE', cell: (r) => r.cidrBlock },
  { title: 'IPV6', cell: (r) => r.ipv6?.cidrBlock },
  { title: 'FREE', cell: (r) => r.availableIpAddressCount, align: 'right' },
  { title: 'PARENT', cell: (r) => r.parentDevice },
  { title: 'HOST ACCESS', cell: (r) => yes(r.hostAccess) },
  // Of veth subnets, which need no telling, it is the router.
  { title: 'ENFORCED', cell: (r) => (r.parentDevice && r.enforcement ? enforcementText(r.enforcement) : undefined) },
  { title: 'FAULT', cell: faultOf },
];
const INTERFACE: Column<wire.NetworkInterface>[] = [
  { title: 'INTERFACE', cell: (r) => r.networkInterfaceId },
  { title: 'NAME', cell: nameOf },
  { title: 'STATUS', cell: (r) => stateCell(r.status) },
  { title: 'ADDRESS', cell: (r) => firstAndMore(r.privateIpAddresses.map((a) => a.privateIpAddress)) },
  { title: 'PUBLIC', cell: (r) => r.association?.publicIp },
  { title: 'IPV6', cell: (r) => firstAndMore(r.ipv6Addresses) },
  { title: 'MAC', cell: (r) => r.macAddress },
  { title: 'INSTANCE', cell: (r) => r.attachment?.instanceId },
  { title: 'DEVICE', cell: (r) => (r.attachment ? `eth${r.attachment.deviceIndex}` : undefined) },
  { title: 'SUBNET', cell: (r) => r.subnetId },
  { title: 'GROUPS', cell: (r) => r.groups.map((g) => g.groupName ?? g.groupId).join(',') },
  { title: 'CHECK', cell: (r) => (r.sourceDestCheck ? 'on' : 'off') },
  { title: 'FAULT', cell: faultOf },
];
const instanceColumns = (nowMs: number): Column<wire.Instance>[] => [
  { title: 'INSTANCE', cell: (r) => r.instanceId },
  { title: 'NAME', cell: nameOf },
  { title: 'STATE', cell: (r) => stateCell(r.state) },
  { title: 'TYPE', cell: (r) => r.instanceType },
  { title: 'ADDRESS', cell: (r) => r.privateIpAddress },
  { title: 'PUBLIC', cell: (r) => r.publicIpAddress },
  { title: 'ZONE', cell: (r) => r.availabilityZone },
  { title: 'HOST', cell: (r) => r.hostId },
  { title: 'LAUNCHED', cell: (r) => r.launchTime && ago(r.launchTime, nowMs) },
  { title: 'FAULT', cell: faultOf },
];
const GROUP: Column<wire.SecurityGroup>[] = [
  { title: 'GROUP', cell: (r) => r.groupId },
  { title: 'NAME', cell: (r) => r.groupName },
  { title: 'VPC', cell: (r) => r.vpcId },
  { title: 'IN', cell: (r) => r.rules.filter((rule) => rule.direction === 'ingress').length, align: 'right' },
  { title: 'OUT', cell: (r) => r.rules.filter((rule) => rule.direction === 'egress').length, align: 'right' },
  { title: 'DESCRIPTION', cell: (r) => r.description },
];
const RULE: Column<wire.Rule>[] = [
  { title: '  RULE', cell: (r) => `  ${r.ruleId}` },
  { title: 'DIRECTION', cell: (r) => r.direction },
  { title: 'TRAFFIC', cell: (r) => portText(r.protocol, r.fromPort, r.toPort) },
  { title: 'PEER', cell: (r) => peerText(r.peer) },
  { title: 'DESCRIPTION', cell: (r) => r.description },
];
const ROUTE_TABLE: Column<wire.RouteTable>[] = [
  { title: 'ROUTE TABLE', cell: (r) => r.routeTableId },
  { title: 'NAME', cell: nameOf },
  { title: 'VPC', cell: (r) => r.vpcId },
  { title: 'MAIN', cell: (r) => yes(r.main) },
  { title: 'SUBNETS', cell: (r) => r.associations.flatMap((a) => a.subnetId ?? []).join(',') },
  {
    title: 'ROUTES',
    cell: (r) =>
      r.routes
        .map((route) => `${route.destination} via ${targetText(route.target)}${route.state === 'blackhole' ? ' (blackhole)' : ''}`)
        .join(', '),
  },
];
const PREFIX_LIST: Column<wire.PrefixList>[] = [
  { title: 'PREFIX LIST', cell: (r) => r.prefixListId },
  { title: 'NAME', cell: (r) => r.name },
  { title: 'FAMILY', cell: (r) => `IPv${r.family}` },
  { title: 'VERSION', cell: (r) => r.version, align: 'right' },
  { title: 'ENTRIES', cell: (r) => `${r.entries.length}/${r.maxEntries}`, align: 'right' },
  { title: 'RANGES', cell: (r) => firstAndMore(r.entries.map((entry) => entry.cidr)) },
];
const KEY: Column<wire.KeyPair>[] = [
  { title: 'KEY PAIR', cell: (r) => r.keyPairId },
  { title: 'NAME', cell: (r) => r.keyName },
  { title: 'TYPE', cell: (r) => r.keyType },
  { title: 'FINGERPRINT', cell: (r) => r.fingerprint },
];
const ACL: Column<wire.NetworkAcl>[] = [
  { title: 'NETWORK ACL', cell: (r) => r.networkAclId },
  { title: 'NAME', cell: nameOf },
  { title: 'VPC', cell: (r) => r.vpcId },
  { title: 'DEFAULT', cell: (r) => yes(r.isDefault) },
  { title: 'ENTRIES', cell: (r) => r.entries.length, align: 'right' },
  { title: 'SUBNETS', cell: (r) => r.associations.map((a) => a.subnetId).join(',') },
];

/** The target's id, whatever its kind; `local` for the local route. */
function targetText(target: z.output<typeof wire.RouteTarget>): string {
  const id = Object.entries(target).find(([key, value]) => key.endsWith('Id') && typeof value === 'string');
  return id ? String(id[1]) : target.kind;
}

export interface ViewOptions {
  readonly paint: Paint;
  readonly nowMs: number;
  /** Show what belongs to each resource too, such as a group's rules. */
  readonly detail: boolean;
}

type View = (resources: readonly Resource[], options: ViewOptions) => string;

function tableOf<S extends z.ZodType>(schema: S, columns: (options: ViewOptions) => readonly Column<z.output<S>>[]): View {
  return (resources, options) =>
    renderTable(
      columns(options),
      resources.map((resource) => schema.parse(resource)),
      options.paint,
    );
}

const groups = tableOf(wire.SecurityGroup, () => GROUP);
const groupsWithRules: View = (resources, options) =>
  options.detail
    ? resources
        .map((resource) => groups([resource], options) + renderTable(RULE, wire.SecurityGroup.parse(resource).rules, options.paint))
        .join('\n')
    : groups(resources, options);

const acls = tableOf(wire.NetworkAcl, () => ACL);
const aclsWithEntries: View = (resources, options) =>
  options.detail
    ? resources
        .map(
          (resource) =>
            acls([resource], options) +
            renderTable(gateways.aclEntry(portText), gateways.NetworkAcl.parse(resource).entries, options.paint),
        )
        .join('\n')
    : acls(resources, options);

const CELLS: gateways.Cells = { nameOf, stateCell, faultOf };

export const VIEWS: { readonly [N in NounName]: View } = {
  vpc: tableOf(wire.Vpc, () => VPC),
  subnet: tableOf(wire.Subnet, () => SUBNET),
  interface: tableOf(wire.NetworkInterface, () => INTERFACE),
  instance: tableOf(wire.Instance, ({ nowMs }) => instanceColumns(nowMs)),
  group: groupsWithRules,
  'route-table': tableOf(wire.RouteTable, () => ROUTE_TABLE),
  acl: aclsWithEntries,
  key: tableOf(wire.KeyPair, () => KEY),
  'prefix-list': tableOf(wire.PrefixList, () => PREFIX_LIST),
  'internet-gateway': tableOf(gateways.InternetGateway, () => gateways.internetGateway(CELLS)),
  'egress-gateway': tableOf(gateways.EgressOnlyGateway, () => gateways.egressGateway(CELLS)),
  'nat-gateway': tableOf(gateways.NatGateway, () => gateways.natGateway(CELLS)),
  address: tableOf(gateways.ElasticAddress, () => gateways.elasticAddress(CELLS)),
  peering: tableOf(gateways.Peering, () => gateways.peering(CELLS)),
  'vpn-gateway': tableOf(gateways.VpnGateway, () => gateways.vpnGateway(CELLS)),
  'customer-gateway': tableOf(gateways.CustomerGateway, () => gateways.customerGateway(CELLS)),
  vpn: tableOf(gateways.VpnConnection, () => gateways.vpnConnection(CELLS)),
  'dhcp-options': tableOf(gateways.DhcpOptions, () => gateways.dhcpOptions(CELLS)),
};

/** A table of anything else: one column per field that holds a plain value. */
export function plainTable(resources: readonly Resource[], paint: Paint): string {
  const fields = [...new Set(resources.flatMap((resource) => Object.keys(resource)))];
  const columns = fields.map((field) => ({
    title: field.replaceAll(/([A-Z])/g, ' $1').toUpperCase(),
    cell: (row: Resource) => plain(row[field]),
  }));
  return renderTable(columns, resources, paint);
}

export function plain(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) return value.map((item) => plain(item) ?? '').join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
