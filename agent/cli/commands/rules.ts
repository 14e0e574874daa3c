import type { Command } from 'commander';
import { CliError, UsageError } from '../errors.js';
import type { Io } from '../io.js';
import { type Direction, type PeerSpec, parseRuleText, type RuleSpec, RuleTextError, ruleKey } from '../lab/rule-text.js';
import { resourcePath } from '../nouns.js';
import { peerText } from '../output/views.js';
import { action, fetchResource, resolveId, type Session } from '../session.js';
import * as wire from '../wire.js';
import { showResource } from './describe.js';
import { examples, given } from './shared.js';

export function ruleCommands(program: Command, io: Io): void {
  program
    .command('authorize')
    .description("Permit traffic: 'PROTOCOL[/PORTS] from PEER' (ingress) or '… to PEER' (egress)")
    .argument('<group>', 'id or name')
    .argument('<rules...>', 'each one argument; PEER is a range, a group, a prefix list, self, anywhere')
    .option('--description <text>', 'of the rules')
    .addHelpText(
      'after',
      examples("eni authorize web 'tcp/80,443 from anywhere' 'icmp from 10.0.0.0/16'", "eni authorize db 'tcp/5432 from web'"),
    )
    .action(
      action(io, async (session, [group, texts], options) => {
        const id = await resolveId(session, 'group', group);
        for (const [direction, rules] of byDirection(texts)) {
          const body = [];
          for (const rule of rules) body.push(given({ ...(await requestRule(session, rule)), description: options.description }));
          await session.client.request('POST', `${resourcePath('group', id)}/rules`, { direction, rules: body });
        }
        showResource(session, 'group', await fetchResource(session, 'group', id));
      }),
    );

  program
    .command('revoke')
    .description('Take permissions back, by rule id or as they were written')
    .argument('<group>', 'id or name')
    .argument('<rules...>', "rule ids (sgr-…), or texts like 'tcp/80 from anywhere'")
    .addHelpText('after', examples("eni revoke web 'tcp/80 from anywhere'", 'eni revoke web sgr-0123456789abcdef0'))
    .action(
      action(io, async (session, [group, rules]: readonly any[]) => {
        const resource = wire.SecurityGroup.parse(await fetchResource(session, 'group', group));
        const ruleIds: string[] = [];
        for (const rule of rules as string[]) ruleIds.push(...(await ruleIdsOf(session, resource, rule)));
        await session.client.request('DELETE', `${resourcePath('group', resource.groupId)}/rules`, { ruleIds });
        showResource(session, 'group', await fetchResource(session, 'group', resource.groupId));
      }),
    );
}

function parseRules(text: string): RuleSpec[] {
  try {
    return parseRuleText(text);
  } catch (error) {
    if (error instanceof RuleTextError) throw new UsageError(error.message);
    throw error;
  }
}

function byDirection(texts: readonly string[]): [Direction, RuleSpec[]][] {
  const rules = texts.flatMap(parseRules);
  return (['ingress', 'egress'] as const)
    .map((direction): [Direction, RuleSpec[]] => [direction, rules.filter((rule) => rule.direction === direction)])
    .filter(([, list]) => list.length > 0);
}

async function requestRule(session: Session, rule: RuleSpec): Promise<Record<string, unknown>> {
  const { protocol, fromPort, toPort, peer } = rule;
  return given({ protocol, fromPort, toPort, peer: await requestPeer(session, peer) });
}

async function requestPeer(session: Session, peer: PeerSpec): Promise<Record<string, unknown>> {
  if (peer.kind === 'self') return { self: true };
  if (peer.kind !== 'name') return peer.kind === 'cidr' ? { cidr: peer.cidr } : { cidr6: peer.cidr };
  const id = await resolvePeer(session, peer.name);
  return id.startsWith('pl-') ? { prefixListId: id } : { groupId: id };
}

/** A peer's name is looked up among groups first, then prefix lists. */
async function resolvePeer(session: Session, name: string): Promise<string> {
  try {
    return await resolveId(session, 'group', name);
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'NotFound') throw error;
    return resolveId(session, 'prefix-list', name).catch((inner: unknown) => {
      if (inner instanceof CliError && inner.code === 'NotFound')
        throw new CliError('NotFound', `no group and no prefix list is named '${name}'`);
      throw inner;
    });
  }
}

async function ruleIdsOf(session: Session, group: wire.SecurityGroup, text: string): Promise<string[]> {
  if (text.startsWith('sgr-')) return [text];
  const ids: string[] = [];
  for (const rule of parseRules(text)) {
    const key = ruleKey(rule, await peerKey(session, group, rule.peer));
    const found = group.rules.find((candidate) => ruleKey(candidate, peerText(candidate.peer)) === key);
    if (!found) throw new CliError('NotFound', `${group.groupName} has no rule '${text}'; see eni describe groups ${group.groupName}`);
    ids.push(found.ruleId);
  }
  return ids;
}

async function peerKey(session: Session, group: wire.SecurityGroup, peer: PeerSpec): Promise<string> {
  if (peer.kind === 'self') return group.groupId;
  return peer.kind === 'name' ? resolvePeer(session, peer.name) : peer.cidr;
}
