import { z } from 'zod';
import { cidr, overlaps } from '../model/address.js';
import { DEFAULT_DHCP_OPTIONS } from '../model/dhcp-options.js';
import { apiError, invalidValue } from '../model/errors.js';
import { mintId } from '../model/ids.js';
import type { Vpc } from '../model/vpc.js';
import { isOpen } from '../model/vpc-peering-connection.js';
import { idempotent } from './client-token.js';
import { type CommandContext, command } from './command.js';
import type { Draft } from './draft.js';
import { clientToken, tags, vpcId } from './fields.js';
import { required } from './lookup.js';
import { parseRange, unusableRange } from './ranges.js';
import { newDefaultGroup } from './security-groups.js';
import { checkTags } from './tags.js';

export const ipv6Request = z
  .union([z.literal(true), z.string()])
  .describe('true: an IPv6 range is chosen; or the range itself (a /56 for a VPC, a /64 of it for a subnet).');

export const createVpc = idempotent(
  'createVpc',
  command({
    summary: 'Create a VPC, with its main route table, default security group and default network ACL.',
    input: z.strictObject({
      cidrBlock: z.string().describe('IPv4 range, /16 to /28, for example 10.0.0.0/16.'),
      ipv6: ipv6Request.optional(),
      instanceTenancy: z.enum(['default', 'dedicated']).optional().describe('Kept and reported; changes nothing.'),
      tags,
      clientToken,
    }),
    run: (draft, input, context) => {
      const cidrBlock = vpcRange(input.cidrBlock);
      const id = mintId('vpc', context.randomHex);
      const noun = { ownerId: context.ownerId, tags: {} };
      const main = mintId('routeTable', context.randomHex);
      const acl = mintId('networkAcl', context.randomHex);
      const ipv6 = input.ipv6 === undefined ? undefined : newIpv6Range(draft, context, input.ipv6);
      const group = newDefaultGroup(draft, context, id, ipv6 !== undefined);
      draft.put('routeTable', {
        ...noun,
        routeTableId: main,
        vpcId: id,
        index: 1,
        main: true,
        mainAssociationId: mintId('routeTableAssociation', context.randomHex),
        associations: [],
        routes: [],
        propagatingGatewayIds: [],
      });
      draft.put('networkAcl', {
        ...noun,
        networkAclId: acl,
        vpcId: id,
        isDefault: true,
        associations: [],
        entries: openEntries(ipv6 !== undefined),
      });
      draft.put('vpc', {
        vpcId: id,
        ownerId: context.ownerId,
        tags: checkTags(input.tags),
        cidrBlock,
        secondaryCidrBlocks: [],
        cidrAssociationId: mintId('vpcCidrAssociation', context.randomHex),
        ...(ipv6 && { ipv6: { associationId: mintId('vpcCidrAssociation', context.randomHex), cidrBlock: ipv6 } }),
        isDefault: false,
        instanceTenancy: input.instanceTenancy ?? 'default',
        enableDnsSupport: true,
        enableDnsHostnames: false,
        dhcpOptionsId: DEFAULT_DHCP_OPTIONS,
        mainRouteTableId: main,
        defaultSecurityGroupId: group,
        defaultNetworkAclId: acl,
      });
      return { vpcId: id };
    },
  }),
);

export const modifyVpc = command({
  summary: "Change a VPC's DNS attributes.",
  input: z.strictObject({
    vpcId,
    enableDnsSupport: z.boolean().optional().describe('Whether instances get a name server address.'),
    enableDnsHostnames: z
      .boolean()
      .optional()
      .describe('Whether instances with public addresses get public names; needs enableDnsSupport.'),
  }),
  run: (draft, { vpcId, ...change }) => {
    const vpc: Vpc = { ...required(draft, 'vpc', vpcId), ...change };
    if (vpc.enableDnsHostnames && !vpc.enableDnsSupport)
      throw apiError('InvalidParameterCombination', { reason: 'enableDnsHostnames needs enableDnsSupport; set both' });
    draft.put('vpc', vpc);
    return {};
  },
});

export const deleteVpc = command({
  summary: 'Delete a VPC and what came with it.',
  input: z.strictObject({ vpcId }),
  run: (draft, { vpcId }) => {
    const vpc = required(draft, 'vpc', vpcId);
    const left = dependants(draft, vpc);
    if (left.length > 0)
      throw apiError('DependencyViolation', {
        reason: `The vpc '${vpcId}' has dependencies and cannot be deleted; delete first: ${left.join(', ')}`,
      });
    draft.delete('securityGroup', vpc.defaultSecurityGroupId);
    draft.delete('routeTable', vpc.mainRouteTableId);
    draft.delete('networkAcl', vpc.defaultNetworkAclId);
    for (const { combinationId } of draft.by('groupCombination', 'vpcId', vpcId)) draft.delete('groupCombination', combinationId);
    draft.delete('vpc', vpcId);
    return {};
  },
});

/** Ids of what must go before the VPC can; not what goes with it. */
function dependants(draft: Draft, vpc: Vpc): string[] {
  const { vpcId } = vpc;
  const ids = [
    ...draft.by('subnet', 'vpcId', vpcId).map((subnet) => subnet.subnetId),
    ...draft.by('securityGroup', 'vpcId', vpcId).map((group) => group.groupId),
    ...draft.by('routeTable', 'vpcId', vpcId).map((table) => table.routeTableId),
    ...draft.by('networkAcl', 'vpcId', vpcId).map((acl) => acl.networkAclId),
    ...draft.by('internetGateway', 'vpcId', vpcId).map((gateway) => gateway.internetGatewayId),
    ...draft.by('egressOnlyInternetGateway', 'vpcId', vpcId).map((gateway) => gateway.egressOnlyInternetGatewayId),
    ...draft.by('vpnGateway', 'vpcId', vpcId).map((gateway) => gateway.vpnGatewayId),
    ...draft
      .by('vpcPeeringConnection', 'vpcId', vpcId)
      .filter(isOpen)
      .map((connection) => connection.vpcPeeringConnectionId),
  ] as string[];
  const own: string[] = [vpc.defaultSecurityGroupId, vpc.mainRouteTableId, vpc.defaultNetworkAclId];
  return ids.filter((id) => !own.includes(id)).sort();
}

/** @throws {ApiError} InvalidVpc.Range, InvalidParameterValue */
export function vpcRange(text: string): string {
  const range = parseRange(text, 'cidrBlock', 4);
  if (range.prefixLength < 16 || range.prefixLength > 28)
    throw apiError('InvalidVpc.Range', { reason: `The CIDR '${text}' is invalid: the block size must be between /16 and /28` });
  const unusable = unusableRange(range);
  if (unusable) throw apiError('InvalidVpc.Range', { reason: `The CIDR '${text}' is invalid: ${unusable.text} cannot be used in a VPC` });
  return range.text;
}

/** A /56: the one asked for, or an unused one of the unique local addresses (RFC 4193). */
export function newIpv6Range(draft: Draft, context: CommandContext, request: true | string): string {
  const taken = draft.all('vpc').flatMap((vpc) => (vpc.ipv6 ? [cidr(vpc.ipv6.cidrBlock)] : []));
  if (request !== true) {
    const range = parseRange(request, 'ipv6', 6);
    if (range.prefixLength !== 56)
      throw apiError('InvalidVpc.Range', { reason: `The IPv6 CIDR '${request}' is invalid: the block size must be /56` });
    const unusable = unusableRange(range);
    if (unusable)
      throw apiError('InvalidVpc.Range', { reason: `The IPv6 CIDR '${request}' is invalid: ${unusable.text} cannot be used in a VPC` });
    if (taken.some((other) => overlaps(other, range)))
      throw invalidValue(`The IPv6 CIDR '${request}' is used by another VPC; choose another`);
    return range.text;
  }
  for (let attempt = 0; attempt < 100; attempt++) {
    const hex = `fd${context.randomHex(12)}00`;
    const range = cidr(`${(hex.match(/.{4}/g) ?? []).join(':')}::/56`);
    if (!unusableRange(range) && !taken.some((other) => overlaps(other, range))) return range.text;
  }
  throw new Error('the source of random digits repeats itself: no unused IPv6 range in 100 attempts');
}

/** The default network ACL lets everything through. */
export function openEntries(withIpv6: boolean) {
  return [false, true].flatMap((egress) => [
    { ruleNumber: 100, egress, ruleAction: 'allow' as const, protocol: '-1', cidr: '0.0.0.0/0' },
    ...(withIpv6 ? [{ ruleNumber: 101, egress, ruleAction: 'allow' as const, protocol: '-1', cidr: '::/0' }] : []),
  ]);
}
