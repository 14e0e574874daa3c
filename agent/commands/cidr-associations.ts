import { z } from 'zod';
import { type Cidr, cidr, containsCidr, overlaps } from '../model/address.js';
import { apiError } from '../model/errors.js';
import { mintId } from '../model/ids.js';
import type { Subnet } from '../model/subnet.js';
import { type Vpc, vpcIpv4Ranges } from '../model/vpc.js';
import { isOpen } from '../model/vpc-peering-connection.js';
import { type CommandContext, command } from './command.js';
import type { Draft } from './draft.js';
import { subnetId, vpcId } from './fields.js';
import { notFound, required } from './lookup.js';
import { newRule } from './permissions.js';
import { allEgress } from './security-groups.js';
import { subnetIpv6Range } from './subnets.js';
import { ipv6Request, newIpv6Range, openEntries, vpcRange } from './vpcs.js';

/** Ranges of VPCs and subnets that come and go after these were made. */

/** @see https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html */
const MAX_IPV4_RANGES = 5;

export const associateVpcCidrBlock = command({
  summary: 'Give a VPC a further IPv4 range, or an IPv6 range.',
  input: z.strictObject({
    vpcId,
    cidrBlock: z.string().optional().describe('IPv4 range, /16 to /28; or ipv6.'),
    ipv6: ipv6Request.optional(),
  }),
  run: (draft, input, context) => {
    const vpc = required(draft, 'vpc', input.vpcId);
    if ((input.cidrBlock === undefined) === (input.ipv6 === undefined))
      throw apiError(input.ipv6 === undefined ? 'MissingParameter' : 'InvalidParameterCombination', {
        name: 'cidrBlock',
        reason: 'Give either cidrBlock or ipv6',
      });
    const associationId = mintId('vpcCidrAssociation', context.randomHex);
    if (input.cidrBlock !== undefined) {
      const cidrBlock = furtherRange(draft, vpc, input.cidrBlock);
      draft.put('vpc', { ...vpc, secondaryCidrBlocks: [...vpc.secondaryCidrBlocks, { associationId, cidrBlock }] });
    } else if (input.ipv6 !== undefined) {
      if (vpc.ipv6) throw tooMany(vpc.vpcId, 1);
      draft.put('vpc', { ...vpc, ipv6: { associationId, cidrBlock: newIpv6Range(draft, context, input.ipv6) } });
      openForIpv6(draft, vpc, context);
    }
    return { associationId };
  },
});

export const disassociateVpcCidrBlock = command({
  summary: 'Take a range from a VPC, other than its first; no subnet may lie in it.',
  input: z.strictObject({ associationId: z.string().describe('The association of the range with the VPC.') }),
  run: (draft, { associationId }) => {
    const vpc = draft.all('vpc').find((each) => associationsOf(each).includes(associationId));
    if (!vpc) throw notFound('vpcCidrAssociation', associationId.slice(0, 80));
    if (vpc.cidrAssociationId === associationId)
      throw apiError('OperationNotPermitted', {
        reason: `The vpc CIDR block with association ID ${associationId} may not be disassociated. It is the primary IPv4 CIDR block of the VPC`,
      });
    const { ipv6, ...rest } = vpc;
    const secondary = vpc.secondaryCidrBlocks.find((block) => block.associationId === associationId);
    const range = cidr(secondary?.cidrBlock ?? ipv6?.cidrBlock ?? '');
    const user = draft.by('subnet', 'vpcId', vpc.vpcId).find((subnet) => liesIn(subnet, range));
    if (user)
      throw apiError('InvalidCidrBlock.InUse', {
        reason: `The vpc ${vpc.vpcId} currently has a subnet within CIDR block ${range.text}: ${user.subnetId}`,
      });
    if (secondary) draft.put('vpc', { ...vpc, secondaryCidrBlocks: vpc.secondaryCidrBlocks.filter((block) => block !== secondary) });
    else draft.put('vpc', rest);
    return { vpcId: vpc.vpcId };
  },
});

export const associateSubnetCidrBlock = command({
  summary: 'Give a subnet an IPv6 range.',
  input: z.strictObject({ subnetId, ipv6: ipv6Request }),
  run: (draft, input, context) => {
    const subnet = required(draft, 'subnet', input.subnetId);
    if (subnet.ipv6) throw tooMany(subnet.subnetId, 1);
    const siblings = draft.by('subnet', 'vpcId', subnet.vpcId);
    const cidrBlock = subnetIpv6Range(required(draft, 'vpc', subnet.vpcId), siblings, input.ipv6);
    const associationId = mintId('subnetCidrAssociation', context.randomHex);
    draft.put('subnet', { ...subnet, ipv6: { associationId, cidrBlock } });
    return { associationId };
  },
});

export const disassociateSubnetCidrBlock = command({
  summary: 'Take its IPv6 range from a subnet; no interface may have an address of it.',
  input: z.strictObject({ associationId: z.string().describe('The association of the range with the subnet.') }),
  run: (draft, { associationId }) => {
    const subnet = draft.all('subnet').find((each) => each.ipv6?.associationId === associationId);
    if (!subnet) throw notFound('subnetCidrAssociation', associationId.slice(0, 80));
    const user = draft.by('networkInterface', 'subnetId', subnet.subnetId).find((eni) => eni.ipv6Addresses.length > 0);
    if (user)
      throw apiError('InvalidCidrBlock.InUse', {
        reason: `${subnet.subnetId} currently has IPv6 addresses in use: ${user.networkInterfaceId} has ${user.ipv6Addresses.join(', ')}`,
      });
    const { ipv6: _gone, ...rest } = subnet;
    draft.put('subnet', { ...rest, assignIpv6AddressOnCreation: false });
    return { subnetId: subnet.subnetId };
  },
});

const associationsOf = (vpc: Vpc): (string | undefined)[] => [
  vpc.cidrAssociationId,
  ...vpc.secondaryCidrBlocks.map((block) => block.associationId),
  vpc.ipv6?.associationId,
];

function liesIn({ cidrBlock, ipv6 }: Subnet, range: Cidr): boolean {
  return [cidrBlock, ipv6?.cidrBlock].some((text) => text !== undefined && containsCidr(range, cidr(text)));
}

function tooMany(id: string, limit: number) {
  return apiError('CidrLimitExceeded', { reason: `This network '${id}' has met its maximum number of allowed CIDRs: ${limit}` });
}

/**
 * A range beside those of the VPC and of the VPCs that it is peered with. A route that leads where the range shall be, or within it, would
 * be cut off.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
 */
function furtherRange(draft: Draft, vpc: Vpc, text: string): string {
  const range = cidr(vpcRange(text));
  const refuse = (reason: string) => apiError('InvalidVpc.Range', { reason: `The CIDR '${text}' is invalid: it ${reason}` });
  const ranges = vpcIpv4Ranges(vpc);
  if (ranges.length >= MAX_IPV4_RANGES) throw tooMany(vpc.vpcId, MAX_IPV4_RANGES);
  const own = ranges.find((other) => overlaps(cidr(other), range));
  if (own !== undefined) throw refuse(`overlaps ${own} of the VPC`);
  for (const table of draft.by('routeTable', 'vpcId', vpc.vpcId))
    for (const { destination } of table.routes)
      if (!destination.startsWith('pl-') && containsCidr(range, cidr(destination)))
        throw refuse(`covers the route to ${destination} of ${table.routeTableId}`);
  for (const connection of draft.by('vpcPeeringConnection', 'vpcId', vpc.vpcId).filter(isOpen)) {
    const other = draft.get('vpc', connection.requesterVpcId === vpc.vpcId ? connection.accepterVpcId : connection.requesterVpcId);
    const theirs = other && vpcIpv4Ranges(other).find((each) => overlaps(cidr(each), range));
    if (theirs !== undefined) throw refuse(`overlaps ${theirs} of ${other?.vpcId}, a peer of the VPC`);
  }
  return range.text;
}

/** As in the cloud: a default network ACL, and groups, that let all IPv4 through and that nobody has changed, do the same for IPv6. */
function openForIpv6(draft: Draft, vpc: Vpc, context: CommandContext): void {
  const acl = required(draft, 'networkAcl', vpc.defaultNetworkAclId);
  if (sameJson(acl.entries, openEntries(false))) draft.put('networkAcl', { ...acl, entries: openEntries(true) });
  const [allIpv4, allIpv6] = allEgress(true);
  if (!allIpv4 || !allIpv6) return;
  for (const group of draft.by('securityGroup', 'vpcId', vpc.vpcId)) {
    const [only, ...others] = group.rules.filter((rule) => rule.direction === 'egress');
    if (only && others.length === 0 && only.protocol === '-1' && sameJson(only.peer, allIpv4.peer))
      draft.put('securityGroup', { ...group, rules: [...group.rules, newRule(context, allIpv6, {})] });
  }
}

const sameJson = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
