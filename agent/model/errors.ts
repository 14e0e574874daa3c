/**
 * The catalogue of the caller's faults: EC2 code → HTTP status and a sentence that tells the remedy.
 * Codes and statuses: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
export interface ErrorEntry<P> {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 412 | 413 | 415 | 429 | 431 | 500 | 503;
  readonly message: (params: P) => string;
}

const entry = <P>(message: (params: P) => string, status: ErrorEntry<P>['status'] = 400): ErrorEntry<P> => ({ status, message });
const notFound = (noun: string) => entry<{ id: string }>(({ id }) => `The ${noun} ID '${id}' does not exist`);
const malformed = (noun: string) => entry<{ id: string }>(({ id }) => `Invalid id: "${id}" (expecting a ${noun} id)`);
/** For codes whose sentence depends on the place that throws. */
const said = (status?: ErrorEntry<never>['status']) => entry<{ reason: string }>(({ reason }) => reason, status);

export const ERRORS = {
  // Requests
  MissingParameter: entry<{ name: string }>(({ name }) => `The request must contain the parameter ${name}`),
  UnknownParameter: entry<{ name: string }>(({ name }) => `The parameter ${name} is not recognized`),
  InvalidParameterValue: said(),
  InvalidParameterCombination: said(),
  InvalidNextToken: entry<object>(() => 'The value for nextToken is not one that this list gave out; start again without it'),
  FilterLimitExceeded: said(),
  IdempotentParameterMismatch: entry<{ token: string }>(
    ({ token }) => `The client token '${token}' was used before with other parameters; use a new token for a new request`,
  ),
  MalformedRequest: said(),
  InvalidAction: said(),
  MissingAction: said(),
  NoSuchVersion: said(),
  MalformedQueryString: said(),
  DryRunOperation: entry<object>(() => 'Request would have succeeded, but DryRun flag is set.', 412),
  // Signatures
  MissingAuthenticationToken: said(403),
  IncompleteSignature: said(),
  InvalidClientTokenId: said(403),
  SignatureDoesNotMatch: said(403),
  RequestExpired: said(),
  NotFound: said(404),
  MethodNotAllowed: said(405),
  UnsupportedMediaType: said(415),
  RequestEntityTooLarge: said(413),
  AuthFailure: said(401),
  UnauthorizedOperation: said(403),
  RequestLimitExceeded: said(503),
  ServiceUnavailable: said(503),
  InternalError: said(500),
  UnsupportedOperation: said(),
  // State and dependencies
  DependencyViolation: said(),
  IncorrectState: said(),
  IncorrectInstanceState: said(),
  OperationNotPermitted: said(),
  CannotDelete: said(),
  InvalidID: entry<{ id: string }>(({ id }) => `The ID '${id}' is not valid; give the full id of a resource that can carry tags`),
  TagLimitExceeded: said(),
  // VPC and subnet
  'InvalidVpcID.NotFound': notFound('vpc'),
  'InvalidVpcID.Malformed': malformed('vpc'),
  'InvalidVpc.Range': said(),
  DefaultVpcAlreadyExists: said(),
  DefaultSubnetAlreadyExistsInAvailabilityZone: said(),
  DefaultVpcDoesNotExist: entry<object>(() => 'There is no default VPC; CreateDefaultVpc makes one'),
  VPCIdNotSpecified: entry<object>(() => 'There is no default VPC; name a subnet or a VPC'),
  'InvalidSubnetID.NotFound': notFound('subnet'),
  'InvalidSubnetID.Malformed': malformed('subnet'),
  'InvalidSubnet.Range': said(),
  'InvalidSubnet.Conflict': said(),
  'InvalidVpcCidrBlockAssociationID.NotFound': entry<{ id: string }>(
    ({ id }) => `The vpc CIDR block association ID '${id}' does not exist`,
  ),
  'InvalidSubnetCidrBlockAssociationID.NotFound': entry<{ id: string }>(
    ({ id }) => `The subnet CIDR block association ID '${id}' does not exist`,
  ),
  'InvalidCidrBlock.InUse': said(),
  CidrLimitExceeded: said(),
  // Network interface
  'InvalidNetworkInterfacePermissionID.NotFound': notFound('networkInterfacePermission'),
  'InvalidNetworkInterfaceID.NotFound': notFound('networkInterface'),
  'InvalidNetworkInterfaceId.Malformed': malformed('network interface'),
  'InvalidNetworkInterface.InUse': said(),
  'InvalidAttachmentID.NotFound': notFound('network interface attachment'),
  'InvalidNetworkInterfaceAttachmentId.Malformed': malformed('network interface attachment'),
  AttachmentLimitExceeded: said(),
  PrivateIpAddressLimitExceeded: said(),
  InsufficientFreeAddressesInSubnet: said(),
  'InvalidIPAddress.InUse': entry<{ address: string; id: string }>(({ address, id }) => `Address ${address} is in use by ${id}`),
  // Instance
  'InvalidInstanceID.NotFound': notFound('instance'),
  'InvalidInstanceID.Malformed': malformed('instance'),
  InvalidInstanceID: said(),
  'InvalidAMIID.NotFound': entry<{ id: string }>(({ id }) => `The image id '[${id}]' does not exist`),
  'InvalidAMIID.Malformed': malformed('image'),
  InvalidInstanceType: said(),
  InvalidInstanceAttributeValue: said(),
  'InvalidInterface.IpAddressLimitExceeded': said(),
  'InvalidKeyPair.NotFound': entry<{ id: string }>(({ id }) => `The key pair '${id}' does not exist`),
  'InvalidKeyPair.Duplicate': said(),
  'InvalidKeyPair.Format': said(),
  'InvalidKey.Format': said(),
  KeyPairLimitExceeded: said(),
  'InvalidVolumeID.Malformed': malformed('volume'),
  'InvalidVolume.NotFound': entry<{ id: string }>(({ id }) => `The volume '${id}' does not exist`),
  // Security group and prefix list
  'InvalidGroup.NotFound': entry<{ id: string }>(({ id }) => `The security group '${id}' does not exist`),
  'InvalidGroupId.Malformed': malformed('security group'),
  'InvalidGroup.Duplicate': said(),
  'InvalidGroup.Reserved': said(),
  'InvalidPermission.Malformed': said(),
  'InvalidPermission.Duplicate': said(),
  'InvalidPermission.NotFound': said(),
  'InvalidSecurityGroupRuleId.NotFound': entry<{ id: string }>(({ id }) => `The security group rule ID '${id}' does not exist`),
  'InvalidSecurityGroupRuleId.Malformed': malformed('security group rule'),
  RulesPerSecurityGroupLimitExceeded: said(),
  SecurityGroupsPerInterfaceLimitExceeded: said(),
  'InvalidPrefixListID.NotFound': entry<{ id: string }>(({ id }) => `The prefix list ID '${id}' does not exist`),
  'InvalidPrefixListId.Malformed': malformed('prefix list'),
  PrefixListVersionMismatch: said(),
  PrefixListMaxEntriesExceeded: said(),
  // Route table and network ACL
  'InvalidRouteTableID.NotFound': notFound('routeTable'),
  'InvalidRouteTableId.Malformed': malformed('route table'),
  'InvalidRoute.NotFound': said(),
  RouteAlreadyExists: said(),
  RouteTableLimitExceeded: said(),
  RouteLimitExceeded: said(),
  'InvalidAssociationID.NotFound': entry<{ id: string }>(({ id }) => `The association ID '${id}' does not exist`),
  'Resource.AlreadyAssociated': said(),
  'InvalidNetworkAclID.NotFound': notFound('networkAcl'),
  'InvalidNetworkAclId.Malformed': malformed('network ACL'),
  'InvalidNetworkAclEntry.NotFound': said(),
  NetworkAclEntryAlreadyExists: said(),
  NetworkAclEntryLimitExceeded: said(),
  // Gateways
  'InvalidInternetGatewayID.NotFound': notFound('internetGateway'),
  'InvalidInternetGatewayId.Malformed': malformed('internet gateway'),
  'InvalidEgressOnlyInternetGatewayId.NotFound': notFound('egressOnlyInternetGateway'),
  'InvalidEgressOnlyInternetGatewayId.Malformed': malformed('egress-only internet gateway'),
  'InvalidGatewayID.NotFound': entry<{ id: string }>(({ id }) => `The gateway ID '${id}' does not exist`),
  'Gateway.NotAttached': said(),
  NatGatewayNotFound: entry<{ id: string }>(({ id }) => `The NAT gateway '${id}' does not exist`),
  NatGatewayMalformed: malformed('NAT gateway'),
  // Elastic addresses
  'InvalidAllocationID.NotFound': entry<{ id: string }>(({ id }) => `The allocation ID '${id}' does not exist`),
  'InvalidAddress.NotFound': entry<{ id: string }>(({ id }) => `Address '${id}' not found`),
  InsufficientAddressCapacity: said(),
  // VPC peering
  'InvalidVpcPeeringConnectionID.NotFound': entry<{ id: string }>(({ id }) => `The vpcPeeringConnection ID '${id}' does not exist`),
  'InvalidVpcPeeringConnectionId.Malformed': malformed('VPC peering connection'),
  VpcPeeringConnectionAlreadyExists: said(),
  InvalidStateTransition: said(),
  // VPN
  'InvalidVpnGatewayID.NotFound': notFound('vpnGateway'),
  'InvalidVpnGatewayAttachment.NotFound': said(),
  InvalidVpcState: said(),
  'InvalidOption.Conflict': said(),
  VpnGatewayAttachmentLimitExceeded: said(),
  'InvalidCustomerGatewayID.NotFound': notFound('customerGateway'),
  'InvalidCustomerGatewayId.Malformed': malformed('customer gateway'),
  'InvalidCustomerGateway.DuplicateIpAddress': said(),
  'InvalidVpnConnectionID.NotFound': notFound('vpnConnection'),
  // DHCP options
  'InvalidDhcpOptionID.NotFound': notFound('dhcpOption'),
  'InvalidDhcpOptionsId.Malformed': malformed('DHCP options'),
} satisfies Record<string, ErrorEntry<never>>;

export type ErrorCode = keyof typeof ERRORS;
export type ErrorParams<C extends ErrorCode> = Parameters<(typeof ERRORS)[C]['message']>[0];

/** The caller's fault. `code` is the EC2 code; nothing was changed. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly code: ErrorCode,
    readonly status: number,
    message: string,
    /** The id that the fault is about, when it is about one. */
    readonly id?: string,
  ) {
    super(message);
  }
}

export function apiError<C extends ErrorCode>(code: C, params: ErrorParams<C>): ApiError {
  const { status, message } = ERRORS[code];
  const id = 'id' in params && typeof params.id === 'string' ? params.id : undefined;
  return new ApiError(code, status, (message as (params: ErrorParams<C>) => string)(params), id);
}

/** The most common fault: a value that cannot be used. `reason` names it and tells the remedy. */
export function invalidValue(reason: string): ApiError {
  return apiError('InvalidParameterValue', { reason });
}
