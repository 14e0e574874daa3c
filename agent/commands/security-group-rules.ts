import { z } from 'zod';
import { apiError, invalidValue } from '../model/errors.js';
import { idSchema } from '../model/ids.js';
import type { SecurityGroupRule } from '../model/security-group.js';
import { command } from './command.js';
import { groupId } from './fields.js';
import { notFound, required } from './lookup.js';
import { checkRuleLimit, direction, newRule, Permission, ruleDescription, subjectKey, subjectOf, subjectText } from './permissions.js';

const ruleId = idSchema('securityGroupRule').describe('The rule.');

export const authorizeSecurityGroupRules = command({
  summary: 'Add rules to a security group; all or none.',
  input: z.strictObject({
    groupId,
    direction,
    rules: z.array(Permission).min(1, 'must hold at least one rule').max(1000).describe('The rules.'),
  }),
  run: (draft, input, context) => {
    const group = required(draft, 'securityGroup', input.groupId);
    const known = new Set(group.rules.map(subjectKey));
    const asked = new Set<string>();
    const added = input.rules.map((permission) => {
      const subject = subjectOf(draft, group, input.direction, permission);
      const key = subjectKey(subject);
      if (asked.has(key)) throw invalidValue(`The same permission must not appear multiple times: ${subjectText(subject)}`);
      if (known.has(key))
        throw apiError('InvalidPermission.Duplicate', {
          reason: `the specified rule "${subjectText(subject)}" already exists in ${group.groupId}`,
        });
      asked.add(key);
      return newRule(context, subject, permission);
    });
    checkRuleLimit(draft, draft.put('securityGroup', { ...group, rules: [...group.rules, ...added] }), context);
    return { groupId: group.groupId, ruleIds: added.map((rule) => rule.ruleId) };
  },
});

export const revokeSecurityGroupRules = command({
  summary: 'Remove rules from a security group, by id or by what they say; all or none.',
  input: z.strictObject({
    groupId,
    ruleIds: z.array(ruleId).min(1, 'must hold at least one id').optional().describe('Ids of the rules.'),
    direction: direction.optional(),
    rules: z.array(Permission).min(1, 'must hold at least one rule').optional().describe('The rules as they were given; needs direction.'),
  }),
  run: (draft, input) => {
    const group = required(draft, 'securityGroup', input.groupId);
    if ((input.ruleIds === undefined) === (input.rules === undefined))
      throw apiError('InvalidParameterCombination', { reason: 'Give either ruleIds, or direction and rules' });
    if (input.rules && !input.direction) throw apiError('MissingParameter', { name: 'direction' });
    if (input.ruleIds && input.direction)
      throw apiError('InvalidParameterCombination', { reason: 'direction goes with rules, not with ruleIds' });
    const gone = new Set<SecurityGroupRule>();
    for (const id of input.ruleIds ?? [])
      gone.add(group.rules.find((rule) => rule.ruleId === id) ?? fail(notFound('securityGroupRule', id)));
    for (const permission of input.rules ?? []) {
      const subject = subjectOf(draft, group, input.direction ?? 'ingress', permission);
      const found = group.rules.find((rule) => subjectKey(rule) === subjectKey(subject));
      const reason = `The specified rule does not exist in ${group.groupId}: ${subjectText(subject)}`;
      gone.add(found ?? fail(apiError('InvalidPermission.NotFound', { reason })));
    }
    draft.put('securityGroup', { ...group, rules: group.rules.filter((rule) => !gone.has(rule)) });
    return { groupId: group.groupId, ruleIds: [...gone].map((rule) => rule.ruleId) };
  },
});

export const modifySecurityGroupRule = command({
  summary: "Change a rule's description; without one, remove it.",
  input: z.strictObject({ groupId, ruleId, description: ruleDescription.optional() }),
  run: (draft, { groupId, ruleId, description }) => {
    const group = required(draft, 'securityGroup', groupId);
    if (!group.rules.some((rule) => rule.ruleId === ruleId)) throw notFound('securityGroupRule', ruleId);
    const rules = group.rules.map((rule) => {
      if (rule.ruleId !== ruleId) return rule;
      const { description: _old, ...rest } = rule;
      return description === undefined ? rest : { ...rest, description };
    });
    draft.put('securityGroup', { ...group, rules });
    return {};
  },
});

function fail(error: Error): never {
  throw error;
}
