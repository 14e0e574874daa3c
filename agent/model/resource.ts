import type { ErrorCode } from './errors.js';
import { type IdKind, idKindOf } from './ids.js';
import type { RecordKind } from './snapshot.js';

/** Codes whose only parameter is the id. */
export type IdErrorCode = Exclude<
  Extract<ErrorCode, `Invalid${string}.NotFound` | `Invalid${string}.Malformed` | 'NatGatewayNotFound' | 'NatGatewayMalformed'>,
  | 'InvalidPermission.Malformed'
  | 'InvalidPermission.NotFound'
  | 'InvalidRoute.NotFound'
  | 'InvalidNetworkAclEntry.NotFound'
  | 'InvalidVpnGatewayAttachment.NotFound'
>;

/**
 * The codes for a text that is no id of its kind, and for an id that names nothing. The spelling is the cloud's, uneven as it is.
 * Kinds that have no entry belong to nouns that the model does not have yet.
 */
export const ID_ERRORS: { readonly [K in IdKind]?: { readonly malformed: IdErrorCode; readonly notFound: IdErrorCode } } = {
  vpc: { malformed: 'InvalidVpcID.Malformed', notFound: 'InvalidVpcID.NotFound' },
  subnet: { malformed: 'InvalidSubnetID.Malformed', notFound: 'InvalidSubnetID.NotFound' },
  networkInterface: { malformed: 'InvalidNetworkInterfaceId.Malformed', notFound: 'InvalidNetworkInterfaceID.NotFound' },
  attachment: { malformed: 'InvalidNetworkInterfaceAttachmentId.Malformed', notFound: 'InvalidAttachmentID.NotFound' },
  instance: { malformed: 'InvalidInstanceID.Malformed', notFound: 'InvalidInstanceID.NotFound' },
  securityGroup: { malformed: 'InvalidGroupId.Malformed', notFound: 'InvalidGroup.NotFound' },
  securityGroupRule: { malformed: 'InvalidSecurityGroupRuleId.Malformed', notFound: 'InvalidSecurityGroupRuleId.NotFound' },
  prefixList: { malformed: 'InvalidPrefixListId.Malformed', notFound: 'InvalidPrefixListID.NotFound' },
  routeTable: { malformed: 'InvalidRouteTableId.Malformed', notFound: 'InvalidRouteTableID.NotFound' },
  routeTableAssociation: { malformed: 'InvalidAssociationID.NotFound', notFound: 'InvalidAssociationID.NotFound' },
  networkAcl: { malformed: 'InvalidNetworkAclId.Malformed', notFound: 'InvalidNetworkAclID.NotFound' },
  networkAclAssociation: { malformed: 'InvalidAssociationID.NotFound', notFound: 'InvalidAssociationID.NotFound' },
  internetGateway: { malformed: 'InvalidInternetGatewayId.Malformed', notFound: 'InvalidInternetGatewayID.NotFound' },
  egressOnlyInternetGateway: {
    malformed: 'InvalidEgressOnlyInternetGatewayId.Malformed',
    notFound: 'InvalidEgressOnlyInternetGatewayId.NotFound',
  },
  natGateway: { malformed: 'NatGatewayMalformed', notFound: 'NatGatewayNotFound' },
  elasticIp: { malformed: 'InvalidAllocationID.NotFound', notFound: 'InvalidAllocationID.NotFound' },
  elasticIpAssociation: { malformed: 'InvalidAssociationID.NotFound', notFound: 'InvalidAssociationID.NotFound' },
  vpcPeeringConnection: { malformed: 'InvalidVpcPeeringConnectionId.Malformed', notFound: 'InvalidVpcPeeringConnectionID.NotFound' },
  vpnGateway: { malformed: 'InvalidVpnGatewayID.NotFound', notFound: 'InvalidVpnGatewayID.NotFound' },
  customerGateway: { malformed: 'InvalidCustomerGatewayId.Malformed', notFound: 'InvalidCustomerGatewayID.NotFound' },
  vpnConnection: { malformed: 'InvalidVpnConnectionID.NotFound', notFound: 'InvalidVpnConnectionID.NotFound' },
  keyPair: { malformed: 'InvalidKeyPair.NotFound', notFound: 'InvalidKeyPair.NotFound' },
  networkInterfacePermission: {
    malformed: 'InvalidNetworkInterfacePermissionID.NotFound',
    notFound: 'InvalidNetworkInterfacePermissionID.NotFound',
  },
  vpcCidrAssociation: { malformed: 'InvalidVpcCidrBlockAssociationID.NotFound', notFound: 'InvalidVpcCidrBlockAssociationID.NotFound' },
  subnetCidrAssociation: {
    malformed: 'InvalidSubnetCidrBlockAssociationID.NotFound',
    notFound: 'InvalidSubnetCidrBlockAssociationID.NotFound',
  },
  dhcpOptions: { malformed: 'InvalidDhcpOptionsId.Malformed', notFound: 'InvalidDhcpOptionID.NotFound' },
};

/** Kinds of records that carry tags, under the names that the tag list shows. Rules of a group carry tags too, inside the group's record. */
export const TAGGED_KINDS = {
  vpc: 'vpc',
  subnet: 'subnet',
  networkInterface: 'network-interface',
  instance: 'instance',
  securityGroup: 'security-group',
  routeTable: 'route-table',
  networkAcl: 'network-acl',
  prefixList: 'prefix-list',
  internetGateway: 'internet-gateway',
  egressOnlyInternetGateway: 'egress-only-internet-gateway',
  natGateway: 'natgateway',
  elasticIp: 'elastic-ip',
  vpcPeeringConnection: 'vpc-peering-connection',
  vpnGateway: 'vpn-gateway',
  customerGateway: 'customer-gateway',
  vpnConnection: 'vpn-connection',
  dhcpOptions: 'dhcp-options',
  keyPair: 'key-pair',
} as const satisfies { readonly [K in RecordKind & IdKind]: string };

export type TaggedKind = keyof typeof TAGGED_KINDS;

/** Which record, if any, carries the tags of a resource. */
export function taggedKindOf(id: string): TaggedKind | 'securityGroupRule' | undefined {
  const kind = idKindOf(id);
  if (kind === undefined) return undefined;
  return kind === 'securityGroupRule' ? kind : TAGGED_LIST.find((tagged) => tagged === kind);
}

const TAGGED_LIST = Object.keys(TAGGED_KINDS) as TaggedKind[];
