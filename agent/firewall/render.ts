import type { Family } from '../kernel/port.js';
import { RULE_COMMENT_PREFIX } from '../kernel/resources.js';
import { hashText } from './hash.js';
import { type Chain, type Match, PROTOCOL_NUMBER, type Rule, type Ruleset, type TableRules, type Target } from './ir.js';

/**
 * Text for `iptables-restore` or `ip6tables-restore` (without `--noflush`: it says all there is in its tables). Every rule carries
 * a comment with the hash of its chain and its place there, from which `scan.ts` tells whether the chain is as it was loaded.
 */
export function render(ruleset: Ruleset): string {
  return ruleset.tables.map((table) => renderTable(table, ruleset.family)).join('');
}

function renderTable({ name, chains }: TableRules, family: Family): string {
  const declared = chains.map((chain) => `:${chain.name} ${chain.policy ?? '-'} [0:0]\n`);
  return `*${name}\n${declared.join('')}${chains.map((chain) => renderChain(chain, family)).join('')}COMMIT\n`;
}

function renderChain({ name, policy, rules }: Chain, family: Family): string {
  const lines = rules.map((rule) => renderRule(rule, family));
  const hash = hashText([name, policy, ...lines.map(({ matches, target }) => `${matches} ${target}`)].join('\n'));
  return lines
    .map(({ matches, target }, place) => `-A ${name}${matches} -m comment --comment "${RULE_COMMENT_PREFIX}${hash}.${place}" ${target}\n`)
    .join('');
}

function renderRule({ matches, target }: Rule, family: Family): { matches: string; target: string } {
  return { matches: matches.map((match) => ` ${renderMatch(match, family)}`).join(''), target: renderTarget(target) };
}

/** Which part of a source address flows are counted by. */
const mask = (of: 'source' | 'all', family: Family): string =>
  of === 'source' ? (family === 4 ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff') : family === 4 ? '0.0.0.0' : '::';

function renderMatch(match: Match, family: Family): string {
  switch (match.kind) {
    case 'address':
      return `${match.side === 'src' ? '-s' : '-d'} ${match.cidr}`;
    case 'protocol':
      return renderProtocol(match);
    case 'deviceGroup':
      return `-m devgroup ${negation(match)}--${match.side}-group ${bits(match)}`;
    case 'set':
      return `-m set ${negation(match)}--match-set ${match.set} ${match.lookup}`;
    case 'mark':
      return `-m mark --mark ${bits(match)}`;
    case 'connmark':
      return `-m connmark --mark ${bits(match)}`;
    case 'ctState':
      return `-m conntrack --ctstate ${match.states.join(',')}`;
    case 'ctDirection':
      return `-m conntrack --ctdir ${match.direction}`;
    case 'unconfirmed':
      return '-m conntrack ! --ctstatus CONFIRMED';
    case 'sample':
      return `-m statistic --mode random --probability ${(1 / match.every).toFixed(10)}`;
    case 'flowsAbove':
      return `-m connlimit --connlimit-above ${match.count} --connlimit-mask ${match.of === 'all' ? 0 : family === 4 ? 32 : 128} --connlimit-saddr`;
    case 'noted':
      return `-m recent --rcheck --seconds ${match.seconds} --name ${match.name} --mask ${mask(match.of, family)} --rsource`;
    case 'note':
      return `-m recent --set --name ${match.name} --mask ${mask(match.of, family)} --rsource`;
  }
}

function renderProtocol({ number, ports, icmp }: Extract<Match, { kind: 'protocol' }>): string {
  const name = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'ipv6-icmp' }[number] ?? String(number);
  if (ports) return `-p ${name} -m ${name} --dport ${ports.from === ports.to ? ports.from : `${ports.from}:${ports.to}`}`;
  if (!icmp) return `-p ${name}`;
  const type = icmp.code === undefined ? `${icmp.type}` : `${icmp.type}/${icmp.code}`;
  return number === PROTOCOL_NUMBER.icmpv6 ? `-p ${name} -m icmp6 --icmpv6-type ${type}` : `-p ${name} -m icmp --icmp-type ${type}`;
}

function renderTarget(target: Target): string {
  switch (target.kind) {
    case 'accept':
    case 'drop':
    case 'return':
      return `-j ${target.kind.toUpperCase()}`;
    case 'jump':
      return `-j ${target.chain}`;
    case 'goto':
      return `-g ${target.chain}`;
    case 'mark':
    case 'connmark':
      return `-j ${target.kind.toUpperCase()} --set-xmark ${bits(target)}`;
  }
}

const negation = ({ negated }: { readonly negated?: boolean }): string => (negated ? '! ' : '');
const bits = ({ value, mask }: { readonly value: number; readonly mask: number }): string => `${hex(value)}/${hex(mask)}`;
const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;
