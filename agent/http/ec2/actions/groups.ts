import { apiError } from '../../../model/errors.js';
import type { SecurityGroup, SecurityGroupRule } from '../../../model/security-group.js';
import { type Action, type Actions, arn, commandAction, need, type Region, recordOf, refuseUnheeded, tagList, tagsFor } from '../action.js';
import { describe, describePlain, existing } from '../describe.js';
import type { Tree } from '../params.js';
import { peeringBetween, permissionTrees, ruleOf, rulesOf } from './permissions.js';

type Direction = SecurityGroupRule['direction'];

function groupTree(group: SecurityGroup, region: Region): Tree {
  return {
    GroupId: group.groupId,
    GroupName: group.groupName,
    Description: group.description,
    VpcId: group.vpcId,
    OwnerId: group.ownerId,
    SecurityGroupArn: arn('security-group', group.groupId, region),
    IpPermissions: permissionTrees(group, 'ingress', region),
    IpPermissionsEgress: permissionTrees(group, 'egress', region),
    Tags: tagList(group.tags),
  };
}

/** Peer members of a rule, as rules are told one by one. */
function peerMembers({ peer }: SecurityGroupRule): Tree {
  if (peer.kind === 'cidr') return { CidrIpv4: peer.cidr };
  if (peer.kind === 'cidr6') return { CidrIpv6: peer.cidr };
  if (peer.kind === 'prefixList') return { PrefixListId: peer.prefixListId };
  return { ReferencedGroupInfo: { GroupId: peer.groupId, UserId: peer.ownerId, VpcId: peer.vpcId } };
}

function ruleTree(rule: SecurityGroupRule, group: SecurityGroup, region: Region): Tree {
  return {
    SecurityGroupRuleId: rule.ruleId,
    SecurityGroupRuleArn: arn('security-group-rule', rule.ruleId, region),
    GroupId: group.groupId,
    GroupOwnerId: group.ownerId,
    IsEgress: rule.direction === 'egress',
    IpProtocol: rule.protocol,
    FromPort: rule.fromPort ?? -1,
    ToPort: rule.toPort ?? -1,
    Description: rule.description,
    ...peerMembers(rule),
    Tags: tagList(rule.tags),
  };
}

/** By id; by name in the default VPC. @throws {ApiError} InvalidGroup.NotFound, MissingParameter */
function groupOf(input: Tree, region: Region): SecurityGroup {
  if (input.GroupId !== undefined) return existing(region, 'securityGroup', input.GroupId);
  const name = need<string>(input, input.GroupName === undefined ? 'GroupId' : 'GroupName');
  const standard = region.snapshot.all('vpc').find((vpc) => vpc.isDefault);
  const found = standard && region.snapshot.by('securityGroup', 'vpcId', standard.vpcId).find((group) => group.groupName === name);
  if (!found) throw apiError('InvalidGroup.NotFound', { id: name });
  return found;
}

const PERMISSION_FORM = ['IpPermissions', 'IpProtocol', 'FromPort', 'ToPort', 'CidrIp', 'SourceSecurityGroupName'];

function authorize(direction: Direction): Action {
  return {
    heeds: ['GroupId', ...(direction === 'ingress' ? ['GroupName'] : []), ...PERMISSION_FORM, 'TagSpecifications'],
    ignores: ['SourceSecurityGroupOwnerId'],
    answer: async ({ input, region, run }) => {
      const group = groupOf(input, region());
      const tags = tagsFor(input, 'security-group-rule');
      const rules = rulesOf(input, group, region()).map((rule) => ({ ...rule, tags }));
      const [{ ruleIds }] = await run([{ command: 'authorizeSecurityGroupRules', input: { groupId: group.groupId, direction, rules } }]);
      const now = region();
      const after = recordOf(now, 'securityGroup', group.groupId);
      const added = after.rules.filter((rule) => ruleIds.includes(rule.ruleId));
      return { Return: true, SecurityGroupRules: added.map((rule) => ruleTree(rule, after, now)) };
    },
  };
}

function revoke(direction: Direction): Action {
  return {
    heeds: ['GroupId', ...(direction === 'ingress' ? ['GroupName'] : []), ...PERMISSION_FORM, 'SecurityGroupRuleIds'],
    ignores: ['SourceSecurityGroupOwnerId'],
    answer: async ({ input, region, run }) => {
      const group = groupOf(input, region());
      const { groupId } = group;
      const ids = input.SecurityGroupRuleIds as string[] | undefined;
      const call = ids?.length
        ? { groupId, ruleIds: ids }
        : { groupId, direction, rules: rulesOf(input, group, region()).map(({ description: _text, ...rule }) => rule) };
      const wrong = group.rules.find((rule) => ids?.includes(rule.ruleId) && rule.direction !== direction);
      if (wrong) throw apiError('InvalidSecurityGroupRuleId.NotFound', { id: wrong.ruleId });
      const [{ ruleIds }] = await run([{ command: 'revokeSecurityGroupRules', input: call }]);
      const revoked = group.rules.filter((rule) => ruleIds.includes(rule.ruleId));
      return { Return: true, RevokedSecurityGroupRules: revoked.map((rule) => revokedTree(rule, groupId)) };
    },
  };
}

function revokedTree(rule: SecurityGroupRule, groupId: string): Tree {
  const { ReferencedGroupInfo, ...peer } = peerMembers(rule) as Tree;
  return {
    SecurityGroupRuleId: rule.ruleId,
    GroupId: groupId,
    IsEgress: rule.direction === 'egress',
    IpProtocol: rule.protocol,
    FromPort: rule.fromPort ?? -1,
    ToPort: rule.toPort ?? -1,
    ...peer,
    ReferencedGroupId: ReferencedGroupInfo?.GroupId,
    Description: rule.description,
  };
}

function updateDescriptions(direction: Direction): Action {
  return {
    heeds: ['GroupId', 'GroupName', 'IpPermissions', 'SecurityGroupRuleDescriptions'],
    answer: async ({ input, region, run }) => {
      const group = groupOf(input, region());
      const { groupId } = group;
      const byId = ((input.SecurityGroupRuleDescriptions ?? []) as Tree[]).map((each) => ({
        groupId,
        ruleId: need<string>(each, 'SecurityGroupRuleId'),
        description: each.Description as string | undefined,
      }));
      if (byId.length > 0) {
        await run(byId.map((each) => ({ command: 'modifySecurityGroupRule', input: each })));
        return { Return: true };
      }
      const rules = rulesOf(input, group, region());
      await run([{ command: 'updateSecurityGroupRuleDescriptions', input: { groupId, direction, rules } }]);
      return { Return: true };
    },
  };
}

interface OwnedRule {
  readonly rule: SecurityGroupRule;
  readonly group: SecurityGroup;
  readonly tags: SecurityGroupRule['tags'];
}

function rulesAsked({ snapshot }: Region, { SecurityGroupRuleIds: ids }: Tree): OwnedRule[] {
  const owned = (groups: readonly SecurityGroup[]) =>
    groups.flatMap((group) => group.rules.map((rule) => ({ rule, group, tags: rule.tags })));
  if (!ids?.length) return owned(snapshot.all('securityGroup'));
  return ids.map((id: string) => {
    if (!/^sgr-[0-9a-f]{17}$/.test(id)) throw apiError('InvalidSecurityGroupRuleId.Malformed', { id: id.slice(0, 80) });
    const found = owned(snapshot.by('securityGroup', 'ruleId', id)).find(({ rule }) => rule.ruleId === id);
    if (!found) throw apiError('InvalidSecurityGroupRuleId.NotFound', { id });
    return found;
  });
}

export const groupActions: Actions = {
  CreateSecurityGroup: commandAction({
    heeds: ['GroupName', 'Description', 'VpcId', 'TagSpecifications'],
    command: 'createSecurityGroup',
    input: (input) => ({
      groupName: need(input, 'GroupName'),
      description: need(input, 'Description'),
      vpcId: input.VpcId,
      tags: tagsFor(input, 'security-group'),
    }),
    answer: ({ result, region }) => ({
      GroupId: result.groupId,
      SecurityGroupArn: arn('security-group', result.groupId, region),
      Tags: tagList(recordOf(region, 'securityGroup', result.groupId).tags),
    }),
  }),
  DeleteSecurityGroup: commandAction({
    heeds: ['GroupId', 'GroupName'],
    command: 'deleteSecurityGroup',
    input: (input, region) => ({ groupId: groupOf(input, region).groupId }),
    answer: ({ input }) => ({ Return: true, GroupId: input.GroupId }),
  }),
  DescribeSecurityGroups: describe({
    kind: 'securityGroup',
    ids: 'GroupIds',
    list: 'SecurityGroups',
    tree: groupTree,
    heeds: ['GroupNames'],
    where: (group, { GroupNames: names }) => !names?.length || names.includes(group.groupName),
  }),
  DescribeSecurityGroupRules: describePlain({
    list: 'SecurityGroupRules',
    heeds: ['SecurityGroupRuleIds'],
    items: rulesAsked,
    key: ({ rule, group }) => `${group.groupId} ${rule.ruleId}`,
    tree: ({ rule, group }, region) => ruleTree(rule, group, region),
    filters: {
      'group-id': ({ group }) => [group.groupId],
      'security-group-rule-id': ({ rule }) => [rule.ruleId],
      'tag-key': ({ tags }) => Object.keys(tags),
    },
  }),
  AuthorizeSecurityGroupIngress: authorize('ingress'),
  AuthorizeSecurityGroupEgress: authorize('egress'),
  RevokeSecurityGroupIngress: revoke('ingress'),
  RevokeSecurityGroupEgress: revoke('egress'),
  UpdateSecurityGroupRuleDescriptionsIngress: updateDescriptions('ingress'),
  UpdateSecurityGroupRuleDescriptionsEgress: updateDescriptions('egress'),
  ModifySecurityGroupRules: {
    heeds: ['GroupId', 'SecurityGroupRules'],
    answer: async ({ input, run }) => {
      const groupId = need<string>(input, 'GroupId');
      const changes = need<Tree[]>(input, 'SecurityGroupRules').map((each) => {
        refuseUnheeded(each, ['SecurityGroupRuleId', 'SecurityGroupRule']);
        const { description, ...rule } = ruleOf(need(each, 'SecurityGroupRule'));
        return { groupId, ruleId: need<string>(each, 'SecurityGroupRuleId'), rule, description };
      });
      await run(changes.map((each) => ({ command: 'modifySecurityGroupRule', input: each })));
      return { Return: true };
    },
  },
  DescribeSecurityGroupReferences: {
    heeds: ['GroupId'],
    answer: ({ input, region }) => {
      const now = region();
      const references = need<string[]>(input, 'GroupId').flatMap((id) => {
        const group = existing(now, 'securityGroup', id);
        return now.snapshot
          .by('securityGroup', 'peerId', id)
          .filter((other) => other.vpcId !== group.vpcId)
          .map((other) => ({
            GroupId: id,
            ReferencingVpcId: other.vpcId,
            VpcPeeringConnectionId: peeringBetween(now.snapshot, other.vpcId, group.vpcId)?.vpcPeeringConnectionId,
          }));
      });
      return { SecurityGroupReferenceSet: references };
    },
  },
  DescribeStaleSecurityGroups: describePlain({
    list: 'StaleSecurityGroupSet',
    maxResults: [5, 255],
    heeds: ['VpcId'],
    filters: {},
    items: (region, input) => {
      const { vpcId } = existing(region, 'vpc', need(input, 'VpcId'));
      return region.snapshot
        .by('securityGroup', 'vpcId', vpcId)
        .filter((group) => group.rules.some((rule) => isStale(rule, group, region)));
    },
    key: (group) => group.groupId,
    tree: (group, region) => ({
      GroupId: group.groupId,
      GroupName: group.groupName,
      Description: group.description,
      VpcId: group.vpcId,
      StaleIpPermissions: stalePermissions(group, 'ingress', region),
      StaleIpPermissionsEgress: stalePermissions(group, 'egress', region),
    }),
  }),
};

/** A rule that names a group which is gone, or beyond a peering connection that is no more. */
function isStale({ peer }: SecurityGroupRule, group: SecurityGroup, { snapshot }: Region): boolean {
  if (peer.kind !== 'group' || peer.vpcId === group.vpcId) return false;
  return !snapshot.get('securityGroup', peer.groupId) || !peeringBetween(snapshot, peer.vpcId, group.vpcId);
}

function stalePermissions(group: SecurityGroup, direction: Direction, region: Region): Tree[] {
  const stale = { ...group, rules: group.rules.filter((rule) => isStale(rule, group, region)) };
  return permissionTrees(stale, direction, region).map(({ IpProtocol, FromPort, ToPort, UserIdGroupPairs }) => ({
    IpProtocol,
    FromPort,
    ToPort,
    UserIdGroupPairs,
  }));
}
