import { z } from 'zod';
import { apiError, invalidValue } from '../model/errors.js';
import { mintId, type SecurityGroupId, type VpcId } from '../model/ids.js';
import type { SecurityGroup } from '../model/security-group.js';
import { idempotent } from './client-token.js';
import { type CommandContext, command } from './command.js';
import type { Draft } from './draft.js';
import { clientToken, groupId, tags, text, vpcId } from './fields.js';
import { required, vpcOrDefault } from './lookup.js';
import { newRule, type RuleSubject } from './permissions.js';
import { checkTags } from './tags.js';

export const createSecurityGroup = idempotent(
  'createSecurityGroup',
  command({
    summary: 'Create a security group: no ingress, all egress.',
    input: z.strictObject({
      groupName: text(255).min(1, 'must not be empty').describe('Name, unique in the VPC.'),
      description: text(255).describe('What the group is for; cannot be changed.'),
      vpcId: vpcId.optional().describe('Default: the default VPC.'),
      tags,
      clientToken,
    }),
    run: (draft, input, context) => {
      const vpc = vpcOrDefault(draft, input.vpcId);
      checkName(draft, vpc.vpcId, input.groupName);
      const id = mintId('securityGroup', context.randomHex);
      draft.put('securityGroup', {
        groupId: id,
        groupName: input.groupName,
        description: input.description,
        vpcId: vpc.vpcId,
        ownerId: context.ownerId,
        rules: allEgress(vpc.ipv6 !== undefined).map((subject) => newRule(context, subject, {})),
        tags: checkTags(input.tags),
      });
      return { groupId: id };
    },
  }),
);

export const deleteSecurityGroup = command({
  summary: 'Delete a security group that no interface carries and no other group refers to.',
  input: z.strictObject({ groupId }),
  run: (draft, { groupId }) => {
    const group = required(draft, 'securityGroup', groupId);
    if (group.groupName === 'default')
      throw apiError('CannotDelete', {
        reason: `The specified group: "${groupId}" name: "default" cannot be deleted by a user; it goes with its VPC`,
      });
    const users = usersOf(draft, group);
    if (users.length > 0)
      throw apiError('DependencyViolation', {
        reason: `The security group ${groupId} is in use by ${users.slice(0, 5).join(', ')}; take it off there first`,
      });
    draft.delete('securityGroup', groupId);
    for (const { combinationId } of draft
      .by('groupCombination', 'vpcId', group.vpcId)
      .filter(({ groupIds }) => groupIds.includes(group.groupId)))
      draft.delete('groupCombination', combinationId);
    return {};
  },
});

/** The group that an interface gets when none is named. Ingress from itself, all egress. */
export function newDefaultGroup(draft: Draft, context: CommandContext, vpcId: VpcId, withIpv6: boolean): SecurityGroupId {
  const id = mintId('securityGroup', context.randomHex);
  const itself = { kind: 'group', groupId: id, vpcId, ownerId: context.ownerId } as const;
  const subjects: RuleSubject[] = [{ direction: 'ingress', protocol: '-1', peer: itself }, ...allEgress(withIpv6)];
  draft.put('securityGroup', {
    groupId: id,
    groupName: 'default',
    description: 'default VPC security group',
    vpcId,
    ownerId: context.ownerId,
    rules: subjects.map((subject) => newRule(context, subject, {})),
    tags: {},
  });
  return id;
}

export function allEgress(withIpv6: boolean): RuleSubject[] {
  const all = { direction: 'egress', protocol: '-1' } as const;
  const ipv4: RuleSubject = { ...all, peer: { kind: 'cidr', cidr: '0.0.0.0/0' } };
  return withIpv6 ? [ipv4, { ...all, peer: { kind: 'cidr6', cidr: '::/0' } }] : [ipv4];
}

function checkName(draft: Draft, vpcId: VpcId, name: string): void {
  if (name.toLowerCase() === 'default')
    throw apiError('InvalidGroup.Reserved', { reason: 'Cannot use reserved security group name: default' });
  if (name.startsWith('sg-')) throw invalidValue(`Invalid security group name '${name}': it must not begin with sg-`);
  const same = draft.by('securityGroup', 'vpcId', vpcId).find((group) => group.groupName === name);
  if (same)
    throw apiError('InvalidGroup.Duplicate', { reason: `The security group '${name}' already exists for VPC '${vpcId}': ${same.groupId}` });
}

function usersOf(draft: Draft, { groupId }: SecurityGroup): string[] {
  const interfaces: string[] = draft.by('networkInterface', 'groupId', groupId).map((eni) => eni.networkInterfaceId);
  const referring = draft.by('securityGroup', 'peerId', groupId).map((other) => other.groupId);
  return [...interfaces, ...referring.filter((other) => other !== groupId)].sort();
}

/**
 * The groups of an interface: the ones asked for, or the VPC's default group.
 * @throws {ApiError} InvalidGroup.NotFound, InvalidParameterValue, SecurityGroupsPerInterfaceLimitExceeded
 */
export function groupsFor(
  draft: Draft,
  vpcId: VpcId,
  wanted: readonly SecurityGroupId[] | undefined,
  context: CommandContext,
): SecurityGroupId[] {
  if (wanted === undefined) return [required(draft, 'vpc', vpcId).defaultSecurityGroupId];
  const groups = [...new Set(wanted)];
  if (groups.length === 0) throw invalidValue('An interface needs at least one security group; leave groupIds out for the default one');
  const limit = context.limits.groupsPerInterface;
  if (groups.length > limit)
    throw apiError('SecurityGroupsPerInterfaceLimitExceeded', {
      reason: `The maximum number of security groups per interface is ${limit}; ${groups.length} were given`,
    });
  for (const id of groups) {
    const group = required(draft, 'securityGroup', id);
    if (group.vpcId !== vpcId)
      throw invalidValue(`You have specified two resources that belong to different networks: ${id} is of ${group.vpcId}, not ${vpcId}`);
  }
  return groups;
}
