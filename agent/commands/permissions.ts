import { z } from 'zod';
import { apiError, invalidValue } from '../model/errors.js';
import { mintId } from '../model/ids.js';
import type { RulePeer, SecurityGroup, SecurityGroupRule } from '../model/security-group.js';
import { TagMap } from '../model/tags.js';
import { peerVpcId } from '../model/vpc-peering-connection.js';
import type { CommandContext } from './command.js';
import type { Draft } from './draft.js';
import { groupId, prefixListId, text } from './fields.js';
import { required } from './lookup.js';
import { parseRange } from './ranges.js';
import { checkTags } from './tags.js';

/** Permissions as callers write them, and what becomes of them in a group's rules. */

export const direction = z.enum(['ingress', 'egress']).describe('ingress: towards the interfaces of the group; egress: from them.');

export const ruleDescription = text(255).describe('Free text, at most 255 characters.');

const Peer = z
  .union([
    z.strictObject({ cidr: z.string().describe('IPv4 range, for example 10.0.0.0/8.') }),
    z.strictObject({ cidr6: z.string().describe('IPv6 range, for example ::/0.') }),
    z.strictObject({ groupId: groupId.describe('Interfaces of another group of the VPC, or of a VPC that is an active peer.') }),
    z.strictObject({ self: z.literal(true).describe('Interfaces of the same group.') }),
    z.strictObject({ prefixListId }),
  ])
  .describe('The other side: cidr, cidr6, groupId, self or prefixListId.');

const port = z.number().int('must be a whole number').min(-1, 'must be -1 or more').max(65535, 'must be at most 65535');

export const Permission = z.strictObject({
  protocol: z.union([z.string(), z.number().int()]).describe('tcp, udp, icmp, icmpv6, a protocol number, or -1 (all).'),
  fromPort: port.optional().describe('First port; the ICMP type (-1: all) for ICMP.'),
  toPort: port.optional().describe('Last port; the ICMP code (-1: all) for ICMP.'),
  peer: Peer,
  description: ruleDescription.optional(),
  tags: TagMap.optional(),
});
export type Permission = z.output<typeof Permission>;

export type RuleSubject = Pick<SecurityGroupRule, 'direction' | 'protocol' | 'fromPort' | 'toPort' | 'peer'>;

/** Number → name; other protocols go by number. https://www.iana.org/assignments/protocol-numbers */
const PORT_PROTOCOLS = new Map(Object.entries({ '6': 'tcp', '17': 'udp', '1': 'icmp', '58': 'icmpv6' }));
const NAMES = new Map(Object.entries({ all: '-1', tcp: 'tcp', udp: 'udp', icmp: 'icmp', icmpv6: 'icmpv6' }));

/**
 * What a permission of the group says, in the model's terms.
 * @throws {ApiError} InvalidPermission.Malformed, InvalidParameterValue, InvalidGroup.NotFound, InvalidPrefixListID.NotFound
 */
export function subjectOf(draft: Draft, group: SecurityGroup, side: SecurityGroupRule['direction'], permission: Permission): RuleSubject {
  const protocol = protocolOf(permission.protocol);
  const peer = peerOf(draft, group, permission.peer);
  checkFamily(draft, protocol, peer);
  return { direction: side, protocol, ...portsOf(protocol, permission), peer };
}

/** Two rules of a group with one key are the same permission. */
export function subjectKey({ direction, protocol, fromPort, toPort, peer }: RuleSubject): string {
  const other = peer.kind === 'group' ? peer.groupId : peer.kind === 'prefixList' ? peer.prefixListId : peer.cidr;
  return `${direction} ${protocol} ${fromPort ?? ''}-${toPort ?? ''} ${other}`;
}

export function subjectText(subject: RuleSubject): string {
  const [side, protocol, ports, other] = subjectKey(subject).split(' ');
  return `${side}, peer ${other}, protocol ${protocol === '-1' ? 'all' : protocol}${ports === '-' ? '' : `, ${ports}`}`;
}

export function newRule(
  context: CommandContext,
  subject: RuleSubject,
  permission: Pick<Permission, 'description' | 'tags'>,
): SecurityGroupRule {
  return {
    ruleId: mintId('securityGroupRule', context.randomHex),
    ...subject,
    ...(permission.description !== undefined && { description: permission.description }),
    tags: checkTags(permission.tags),
  };
}

/** The model's name of a protocol. @throws {ApiError} InvalidParameterValue */
export function protocolOf(wanted: string | number): string {
  const text = String(wanted).toLowerCase();
  if (/^(0|[1-9]\d{0,2})$/.test(text) && Number(text) <= 255) return PORT_PROTOCOLS.get(text) ?? text;
  const name = text === '-1' ? '-1' : NAMES.get(text);
  if (name === undefined)
    throw invalidValue(
      `Invalid value '${wanted}' for IP protocol. Unknown protocol; use tcp, udp, icmp, icmpv6, a number of 0–255, or -1 for all`,
    );
  return name;
}

function portsOf(protocol: string, { fromPort, toPort }: Permission): { fromPort?: number; toPort?: number } {
  const malformed = (reason: string) => apiError('InvalidPermission.Malformed', { reason });
  if (protocol === 'tcp' || protocol === 'udp') {
    if (fromPort === undefined || toPort === undefined)
      throw malformed(`${protocol} needs both fromPort and toPort; 0 and 65535 mean all ports`);
    if (fromPort < 0 || toPort < 0) throw malformed(`Port -1 is not valid for ${protocol}; 0 to 65535 means all ports`);
    if (fromPort > toPort) throw malformed(`Invalid port range ${fromPort}-${toPort}: fromPort must not exceed toPort`);
    return { fromPort, toPort };
  }
  if (protocol === 'icmp' || protocol === 'icmpv6') {
    const type = fromPort ?? -1;
    const code = toPort ?? -1;
    if (type > 255 || code > 255) throw malformed(`ICMP type ${type} and code ${code} must be at most 255; -1 means all`);
    if (type === -1 && code !== -1) throw malformed('ICMP type -1 (all) needs code -1 (all)');
    return { fromPort: type, toPort: code };
  }
  return {};
}

function peerOf(draft: Draft, group: SecurityGroup, peer: Permission['peer']): RulePeer {
  if ('cidr' in peer) return { kind: 'cidr', cidr: parseRange(peer.cidr, 'cidr', 4).text };
  if ('cidr6' in peer) return { kind: 'cidr6', cidr: parseRange(peer.cidr6, 'cidr6', 6).text };
  if ('prefixListId' in peer) return { kind: 'prefixList', prefixListId: required(draft, 'prefixList', peer.prefixListId).prefixListId };
  const other = 'self' in peer ? group : draft.get('securityGroup', peer.groupId);
  if (!other) throw apiError('InvalidGroup.NotFound', { id: 'groupId' in peer ? peer.groupId : group.groupId });
  if (other.vpcId !== group.vpcId && !arePeers(draft, other.vpcId, group.vpcId))
    throw invalidValue(
      `${other.groupId} belongs to ${other.vpcId} and ${group.groupId} to ${group.vpcId}; a rule can name groups of its own VPC and of active peers`,
    );
  return { kind: 'group', groupId: other.groupId, vpcId: other.vpcId, ownerId: other.ownerId };
}

function arePeers(draft: Draft, vpcId: string, otherVpcId: string): boolean {
  return draft
    .by('vpcPeeringConnection', 'vpcId', vpcId)
    .some((peering) => peering.status === 'active' && peerVpcId(peering, vpcId) === otherVpcId);
}

function checkFamily(draft: Draft, protocol: string, peer: RulePeer): void {
  const needed = protocol === 'icmp' ? 4 : protocol === 'icmpv6' ? 6 : undefined;
  const [family] = familiesOf(draft, peer);
  if (needed && peer.kind !== 'group' && family !== needed)
    throw apiError('InvalidPermission.Malformed', {
      reason: `${protocol} is a protocol of IPv${needed}: its peer must be an IPv${needed} range; use ${needed === 4 ? 'icmpv6' : 'icmp'} with IPv${family} ranges`,
    });
}

/** The address families that a rule with this peer is about. */
function familiesOf(draft: Draft, peer: RulePeer): readonly (4 | 6)[] {
  if (peer.kind === 'cidr') return [4];
  if (peer.kind === 'cidr6') return [6];
  return peer.kind === 'group' ? [4, 6] : [required(draft, 'prefixList', peer.prefixListId).family];
}

/**
 * That the group's rules are not more than allowed. As in the cloud IPv4 and IPv6 rules are counted apart, a group counts in both,
 * and a prefix list as many times as it may have entries.
 * @throws {ApiError} RulesPerSecurityGroupLimitExceeded
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups
 */
export function checkRuleLimit(draft: Draft, group: SecurityGroup, context: CommandContext): void {
  const limit = context.limits.rulesPerDirection;
  for (const side of ['ingress', 'egress'] as const) {
    const used = { 4: 0, 6: 0 };
    for (const { direction, peer } of group.rules) {
      if (direction !== side) continue;
      const weight = peer.kind === 'prefixList' ? required(draft, 'prefixList', peer.prefixListId).maxEntries : 1;
      for (const family of familiesOf(draft, peer)) used[family] += weight;
    }
    if (Math.max(used[4], used[6]) > limit)
      throw apiError('RulesPerSecurityGroupLimitExceeded', {
        reason: `The maximum number of rules per security group is ${limit} ${side}; ${group.groupId} would have ${Math.max(used[4], used[6])}`,
      });
  }
}
