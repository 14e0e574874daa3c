import { z } from 'zod';
import type { SecurityGroup, SecurityGroupRule } from '../../model/security-group.js';
import { nounRoutes } from './noun.js';
import { commandRoute } from './route.js';
import { nounFields, pick, ShownTags, shownId } from './view.js';

const PeerView = z
  .union([
    z.strictObject({ kind: z.literal('cidr'), cidr: z.string() }),
    z.strictObject({ kind: z.literal('cidr6'), cidr: z.string() }),
    z.strictObject({ kind: z.literal('group'), groupId: shownId('securityGroup'), vpcId: shownId('vpc'), ownerId: z.string() }),
    z.strictObject({ kind: z.literal('prefixList'), prefixListId: shownId('prefixList') }),
  ])
  .meta({ id: 'RulePeer' });

const RuleView = z
  .strictObject({
    ruleId: shownId('securityGroupRule'),
    direction: z.enum(['ingress', 'egress']),
    protocol: z.string().describe('tcp, udp, icmp, icmpv6, another protocol by its number, or -1 for all.'),
    fromPort: z.number().int().optional().describe('First port; for ICMP the type, -1 for all.'),
    toPort: z.number().int().optional().describe('Last port; for ICMP the code, -1 for all.'),
    peer: PeerView,
    description: z.string().optional(),
    tags: ShownTags,
  })
  .meta({ id: 'SecurityGroupRule' });

export const SecurityGroupView = z
  .strictObject({
    groupId: shownId('securityGroup'),
    groupName: z.string(),
    description: z.string(),
    vpcId: shownId('vpc'),
    rules: z.array(RuleView),
    ...nounFields,
  })
  .meta({ id: 'SecurityGroup' });

const NewRules = z
  .strictObject({ groupId: shownId('securityGroup'), rules: z.array(RuleView).describe('Those that the call added.') })
  .meta({ id: 'AddedRules' });

function ruleView(rule: SecurityGroupRule): z.output<typeof RuleView> {
  return pick(rule, ['ruleId', 'direction', 'protocol', 'fromPort', 'toPort', 'peer', 'description', 'tags']);
}

export function securityGroupView(group: SecurityGroup): z.output<typeof SecurityGroupView> {
  return { ...pick(group, ['groupId', 'groupName', 'description', 'vpcId', 'ownerId', 'tags']), rules: group.rules.map(ruleView) };
}

const TAG = 'Security groups';
const rules = { path: '/v1/security-groups/:groupId/rules', params: { groupId: 'securityGroup' }, tag: TAG } as const;

export const securityGroupRoutes = [
  ...nounRoutes({
    kind: 'securityGroup',
    noun: 'SecurityGroup',
    plural: 'SecurityGroups',
    path: '/v1/security-groups',
    idField: 'groupId',
    schema: SecurityGroupView,
    view: securityGroupView,
    create: { command: 'createSecurityGroup', settle: false },
    delete: 'deleteSecurityGroup',
    tag: TAG,
  }),
  commandRoute({
    ...rules,
    method: 'POST',
    command: 'authorizeSecurityGroupRules',
    status: 201,
    response: NewRules,
    render: ({ params, result, find }) => {
      const added = new Set<string>(result.ruleIds);
      const { groupId, rules } = find('securityGroup', params.groupId);
      return { groupId, rules: rules.filter((rule) => added.has(rule.ruleId)).map(ruleView) };
    },
  }),
  commandRoute({ ...rules, method: 'DELETE', command: 'revokeSecurityGroupRules', status: 204 }),
  commandRoute({
    ...rules,
    method: 'PATCH',
    command: 'modifySecurityGroupRule',
    status: 200,
    settle: false,
    response: SecurityGroupView,
    render: ({ params, find }) => securityGroupView(find('securityGroup', params.groupId)),
  }),
  commandRoute({
    ...rules,
    method: 'PUT',
    command: 'updateSecurityGroupRuleDescriptions',
    status: 200,
    settle: false,
    response: SecurityGroupView,
    render: ({ params, find }) => securityGroupView(find('securityGroup', params.groupId)),
  }),
];
