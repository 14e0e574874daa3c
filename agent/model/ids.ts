import { z } from 'zod';

/**
 * Every noun's identity prefix. An id is the prefix, a dash and 17 lower-case hex digits,
 * as the EC2 API writes them.
 */
export const ID_PREFIX = {
  vpc: 'vpc',
  subnet: 'subnet',
  routeTable: 'rtb',
  routeTableAssociation: 'rtbassoc',
  securityGroup: 'sg',
  securityGroupRule: 'sgr',
  networkAcl: 'acl',
  networkAclAssociation: 'aclassoc',
  internetGateway: 'igw',
  egressOnlyInternetGateway: 'eigw',
  vpnGateway: 'vgw',
  customerGateway: 'cgw',
  vpnConnection: 'vpn',
  natGateway: 'nat',
  vpcPeeringConnection: 'pcx',
  elasticIp: 'eipalloc',
  elasticIpAssociation: 'eipassoc',
  networkInterface: 'eni',
  attachment: 'eni-attach',
  instance: 'i',
  reservation: 'r',
  dhcpOptions: 'dopt',
  prefixList: 'pl',
  keyPair: 'key',
  networkInterfacePermission: 'eni-perm',
  vpcCidrAssociation: 'vpc-cidr-assoc',
  subnetCidrAssociation: 'subnet-cidr-assoc',
} as const;

export type IdKind = keyof typeof ID_PREFIX;
const ID_KINDS = Object.keys(ID_PREFIX) as IdKind[];

declare const brand: unique symbol;
/** A string that names one noun of kind `K`; only `idSchema` and `mintId` make one. */
export type Id<K extends IdKind> = string & { readonly [brand]: K };

export type VpcId = Id<'vpc'>;
export type SubnetId = Id<'subnet'>;
export type RouteTableId = Id<'routeTable'>;
export type SecurityGroupId = Id<'securityGroup'>;
export type SecurityGroupRuleId = Id<'securityGroupRule'>;
export type NetworkAclId = Id<'networkAcl'>;
export type NetworkInterfaceId = Id<'networkInterface'>;
export type AttachmentId = Id<'attachment'>;
export type InstanceId = Id<'instance'>;
export type PrefixListId = Id<'prefixList'>;
export type InternetGatewayId = Id<'internetGateway'>;
export type EgressOnlyInternetGatewayId = Id<'egressOnlyInternetGateway'>;
export type NatGatewayId = Id<'natGateway'>;
export type ElasticIpId = Id<'elasticIp'>;
export type ElasticIpAssociationId = Id<'elasticIpAssociation'>;
export type VpcPeeringConnectionId = Id<'vpcPeeringConnection'>;
export type VpnGatewayId = Id<'vpnGateway'>;
export type CustomerGatewayId = Id<'customerGateway'>;
export type VpnConnectionId = Id<'vpnConnection'>;
export type KeyPairId = Id<'keyPair'>;
export type NetworkInterfacePermissionId = Id<'networkInterfacePermission'>;
export type DhcpOptionsId = Id<'dhcpOptions'>;

const HEX17 = /^[0-9a-f]{17}$/;

export function isId<K extends IdKind>(kind: K, value: unknown): value is Id<K> {
  const prefix = `${ID_PREFIX[kind]}-`;
  return typeof value === 'string' && value.startsWith(prefix) && HEX17.test(value.slice(prefix.length));
}

/** A schema that accepts ids of one kind only. */
export function idSchema<K extends IdKind>(kind: K): z.ZodType<Id<K>, string> {
  const schema = z.string().regex(idPattern(kind), `must be ${ID_PREFIX[kind]}- and 17 hex digits`);
  return schema as unknown as z.ZodType<Id<K>, string>;
}

function idPattern(kind: IdKind): RegExp {
  return new RegExp(`^${ID_PREFIX[kind]}-[0-9a-f]{17}$`);
}

/** The kind whose `idSchema` refuses texts by this pattern. */
export function idKindOfPattern(pattern: string): IdKind | undefined {
  return ID_KINDS.find((kind) => String(idPattern(kind)) === pattern);
}

/** The kind that an id is of, by its prefix; `undefined` when it is no id at all. */
export function idKindOf(id: string): IdKind | undefined {
  return ID_KINDS.find((kind) => isId(kind, id));
}

/** Makes ids from a source of random hex digits; the source is an argument so that tests are repeatable. */
export function mintId<K extends IdKind>(kind: K, randomHex: (digits: number) => string): Id<K> {
  return `${ID_PREFIX[kind]}-${randomHex(17)}` as Id<K>;
}
