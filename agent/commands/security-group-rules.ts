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
  summary: "Change a rule's description; without one, remove it. With a rule: what it permits too, under the same id.",
  input: z.strictObject({
    groupId,
    ruleId,
    rule: Permission.omit({ description: true, tags: true }).optional().describe('What it shall permit, in the same direction.'),
    description: ruleDescription.optional(),
  }),
  run: (draft, input, context) => {
    const group = required(draft, 'securityGroup', input.groupId);
    const old = group.rules.find((rule) => rule.ruleId === input.ruleId);
    if (!old) throw notFound('securityGroupRule', input.ruleId);
    const { description: _old, fromPort: _from, toPort: _to, ...kept } = old;
    const ports = { ...(_from !== undefined && { fromPort: _from }), ...(_to !== undefined && { toPort: _to }) };
    const subject = input.rule ? subjectOf(draft, group, old.direction, input.rule) : ports;
    const changed: SecurityGroupRule = {
      ...kept,
      ...subject,
      ...(input.description !== undefined && { description: input.description }),
    };
    const twin = group.rules.find((rule) => rule !== old && subjectKey(rule) === subjectKey(changed));
    if (twin)
      throw apiError('InvalidPermission.Duplicate', {
        reason: `the specified rule "${subjectText(changed)}" already exists in ${group.groupId}: ${twin.ruleId}`,
      });
    const rules = group.rules.map((rule) => (rule === old ? changed : rule));
    checkRuleLimit(draft, draft.put('securityGroup', { ...group, rules }), context);
    return {};
  },
});

export const updateSecurityGroupRuleDescriptions = command({
  summary: 'Change the descriptions of rules that are named by what they say; a rule without one loses its own.',
  input: z.strictObject({
    groupId,
    direction,
    rules: z.array(Permission).min(1, 'must hold at least one rule').describe('The rules, with their new descriptions.'),
  }),
  run: (draft, input) => {
    const group = required(draft, 'securityGroup', input.groupId);
    const wanted = new Map(
      input.rules.map((permission) => {
        const subject = subjectOf(draft, group, input.direction, permission);
        if (group.rules.some((rule) => subjectKey(rule) === subjectKey(subject))) return [subjectKey(subject), permission.description];
        throw apiError('InvalidPermission.NotFound', {
          reason: `The specified rule does not exist in ${group.groupId}: ${subjectText(subject)}`,
        });
      }),
    );
    const rules = group.rules.map((rule) => {
      if (!wanted.has(subjectKey(rule))) return rule;
      const { description: _old, ...rest } = rule;
      const description = wanted.get(subjectKey(rule));
      return description === undefined ? rest : { ...rest, description };
    });
    draft.put('securityGroup', { ...group, rules });
    return {};
  },
});

function fail(error: Error): never {
  throw error;
}
