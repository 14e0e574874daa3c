import type { Family } from '../kernel/port.js';
import { GROUP_WORD, NFT_TABLE, RULE_COMMENT_PREFIX } from '../kernel/resources.js';
import { hashText } from './hash.js';
import { combinationWord, type Match, PROTOCOL_NUMBER, type Rule, type Ruleset, type Side, type Target, WORD } from './ir.js';

/** Rules in the words of nft. Pure. */

export interface RulesetText {
  readonly family: Family;
  /** For `nft -f`: one transaction, whether or not the table is there, after which its chains have these rules; sets are left as they are. */
  readonly text: string;
  /** Equal to that of what the kernel lists as long as nobody added, removed or moved a rule or chain. */
  readonly fingerprint: string;
}

/**
 * Every rule has a comment with the hash of its text, by which it is known: the kernel does not list rules as they were written. To the
 * kernel comments are nothing, so they cost no packet anything.
 */
export function render({ family, chains }: Ruleset): RulesetText {
  const table = `${TABLE_FAMILY[family]} ${NFT_TABLE}`;
  const written = chains.map(({ name, hook, rules }) => ({
    name,
    hook: hook ? `${hook.at} ${hook.priority} ${hook.policy}` : '',
    declared: hook ? `{ type filter hook ${hook.at} priority ${hook.priority}; policy ${hook.policy}; }` : '{ }',
    rules: rules.map((rule) => nftRule(rule, family)),
  }));
  const lines = [
    `add table ${table}`,
    ...written.map(({ name, declared }) => `add chain ${table} ${name} ${declared}`),
    `flush table ${table}`,
    ...written.flatMap(({ name, rules }) => rules.map((rule) => `add rule ${table} ${name} ${rule} comment "${commentOf(rule)}"`)),
  ];
  const fingerprint = chainsFingerprint(written.map(({ rules, ...chain }) => ({ ...chain, comments: rules.map(commentOf) })));
  return { family, text: `${lines.join('\n')}\n`, fingerprint };
}

/** What chains hold, in short: their hooks, and their rules in order, each by its comment. */
export function chainsFingerprint(
  chains: readonly { readonly name: string; readonly hook: string; readonly comments: readonly string[] }[],
): string {
  return hashText(
    chains
      .map(({ name, hook, comments }) => [name, hook, ...comments].join(' '))
      .sort()
      .join('\n'),
  );
}

export const commentOf = (rule: string): string => `${RULE_COMMENT_PREFIX}${hashText(rule)}`;

const TABLE_FAMILY: Readonly<Record<Family, string>> = { 4: 'ip', 6: 'ip6' };
const FIELD: Readonly<Record<Side, string>> = { src: 'saddr', dst: 'daddr' };
const DEVICE: Readonly<Record<'iif' | 'oif' | Side, string>> = { iif: 'iifname', oif: 'oifname', src: 'iifname', dst: 'oifname' };
const DEVICE_GROUP: Readonly<Record<Side, string>> = { src: 'iifgroup', dst: 'oifgroup' };
const asIs = (chain: string): string => chain;

/** @param chainName how a chain that the rule leads to is called. */
export function nftRule({ matches, target }: Rule, family: Family, chainName: (chain: string) => string = asIs): string {
  return [...matches.map((match) => nftMatch(match, family)), nftTarget(target, chainName)].join(' ');
}

function nftMatch(match: Match, family: Family): string {
  const ip = TABLE_FAMILY[family];
  switch (match.kind) {
    case 'address':
      return `${ip} ${FIELD[match.side]} ${match.cidr}`;
    case 'ranges':
      return `${ip} ${FIELD[match.side]} { ${match.cidrs.join(', ')} }`;
    case 'protocol':
      return nftProtocol(match);
    case 'deviceGroup':
      return `${DEVICE_GROUP[match.side]} & ${hex(match.mask)} ${match.negated ? '!=' : '=='} ${hex(match.value)}`;
    case 'combination':
      return `${DEVICE_GROUP[match.side]} & ${hex(GROUP_WORD.combinationMask)} ${match.negated ? '!= ' : ''}{ ${match.indexes.map((index) => hex(combinationWord(index))).join(', ')} }`;
    case 'set':
      return `${nftLookup(match.lookup, ip)} ${match.negated ? '!= ' : ''}@${match.set}`;
    case 'mark':
      return `meta mark ${bits(match)}`;
    case 'connmark':
      return `ct mark ${bits(match)}`;
    case 'ctState':
      return `ct state ${match.states.join(',').toLowerCase()}`;
    case 'ctDirection':
      return `ct direction ${match.direction.toLowerCase()}`;
    case 'unconfirmed':
      return 'ct status ! confirmed';
    case 'sample':
      return `numgen random mod ${match.every} == 0`;
    case 'flowsAbove':
      return `add @${match.set} { iif ct count over ${match.count} }`;
    case 'note':
      return `update @${match.set} { iif timeout ${match.seconds}s }`;
  }
}

function nftLookup(lookup: Extract<Match, { kind: 'set' }>['lookup'], ip: string): string {
  switch (lookup) {
    case 'src':
    case 'dst':
      return `${ip} ${FIELD[lookup]}`;
    case 'src,src':
      return `${ip} ${FIELD.src} . ${DEVICE.src}`;
    case 'dst,dst':
      return `${ip} ${FIELD.dst} . ${DEVICE.dst}`;
    case 'iif':
    case 'oif':
      return DEVICE[lookup];
    case 'iif index':
      return 'iif';
  }
}

function nftProtocol({ number, ports, icmp }: Extract<Match, { kind: 'protocol' }>): string {
  if (ports) {
    const ranges = ports.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`));
    return `${number === PROTOCOL_NUMBER.tcp ? 'tcp' : 'udp'} dport ${ranges.length === 1 ? ranges[0] : `{ ${ranges.join(', ')} }`}`;
  }
  if (!icmp) return `meta l4proto ${number}`;
  const name = number === PROTOCOL_NUMBER.icmp ? 'icmp' : 'icmpv6';
  return `${name} type ${icmp.type}${icmp.code === undefined ? '' : ` ${name} code ${icmp.code}`}`;
}

function nftTarget(target: Target, chainName: (chain: string) => string): string {
  switch (target.kind) {
    case 'accept':
    case 'drop':
    case 'return':
      return target.kind;
    case 'jump':
    case 'goto':
      return `${target.kind} ${chainName(target.chain)}`;
    case 'dispatch': {
      const ways = [...target.chains].map(([index, chain]) => `${hex(combinationWord(index))} : ${target.by} ${chainName(chain)}`);
      return `${DEVICE_GROUP[target.side]} & ${hex(GROUP_WORD.combinationMask)} vmap { ${ways.join(', ')} }`;
    }
    case 'mark':
      return `meta mark set ${setBits('meta mark', target)}${target.then ? ` ${target.then}` : ''}`;
    case 'connmark':
      return `ct mark set ${setBits('ct mark', target)}${target.then ? ` ${target.then}` : ''}`;
  }
}

const bits = ({ value, mask }: { readonly value: number; readonly mask: number }): string =>
  mask === WORD ? hex(value) : `& ${hex(mask)} == ${hex(value)}`;

/** Other bits stay. */
const setBits = (word: string, { value, mask }: { readonly value: number; readonly mask: number }): string =>
  mask === WORD ? hex(value) : `${word} & ${hex(~mask)} | ${hex(value)}`;

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;
