import { RULE_COMMENT_PREFIX } from '../kernel/resources.js';
import { hashText } from './hash.js';

const OUR_TABLES = new Set(['raw', 'mangle', 'filter']);
const DECLARATION = /^:(\S+) (\S+)/;
const RULE = /^(?:\[\d+:\d+\] )?-A (\S+) /;
const OUR_COMMENT = new RegExp(`--comment "?(${RULE_COMMENT_PREFIX}[0-9a-f.]+)`);

interface ScannedChain {
  readonly policy: string;
  readonly rules: string[];
}

/**
 * What a rule text holds, in short: for every chain of our tables its policy and its rules in order, each by the comment we gave it.
 * Equal for the text we restore and for what `iptables-save` (`ip6tables-save`) prints afterwards, as long as nobody added, removed
 * or moved a rule or chain. Matches are never read: the tools write them differently than they were given. The kernel's own chains
 * count only when they say something: some tools print them, some don't.
 */
export function fingerprint(text: string): string {
  const chains = scan(text);
  const said = [...chains]
    .filter(([, { policy, rules }]) => policy !== 'ACCEPT' || rules.length > 0)
    .map(([name, { policy, rules }]) => [name, policy, ...rules].join(' '))
    .sort();
  return hashText(said.join('\n'));
}

function scan(text: string): Map<string, ScannedChain> {
  const chains = new Map<string, ScannedChain>();
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim();
    if (!OUR_TABLES.has(table)) continue;
    const [, chain, policy] = DECLARATION.exec(line) ?? [];
    if (chain && policy) chains.set(`${table} ${chain}`, { policy, rules: [] });
    const [, within] = RULE.exec(line) ?? [];
    if (within) chains.get(`${table} ${within}`)?.rules.push(OUR_COMMENT.exec(line)?.[1] ?? 'foreign');
  }
  return chains;
}
