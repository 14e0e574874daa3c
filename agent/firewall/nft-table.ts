import { RULE_COMMENT_PREFIX } from '../kernel/resources.js';
import { hashText } from './hash.js';

/**
 * The nft table of a gateway: what it holds as data, the text that makes it, and a fingerprint that what `nft -j list ruleset` prints
 * can be compared by. The listing's wording of rules is not compared but their comments, which carry the hashes of what we wrote.
 */

export interface NftTable {
  readonly chains: readonly NftChain[];
  /** Maps from address to address, by name. */
  readonly maps?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Sets of IPv4 addresses, by name. */
  readonly sets?: Readonly<Record<string, readonly string[]>>;
}

export interface NftChain {
  readonly name: string;
  readonly type: 'nat' | 'filter';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
  readonly rules: readonly string[];
}

export interface NftText {
  readonly text: string;
  readonly fingerprint: string;
}

const FAMILY = 'inet';

/**
 * Text for one transaction, whether or not the table is there: chains keep their hooks and only change their content, so that no packet
 * meets an empty one.
 */
export function renderNft(name: string, { chains, maps = {}, sets = {} }: NftTable): NftText {
  const table = `${FAMILY} ${name}`;
  const lines = [
    `add table ${table}`,
    ...chains.flatMap(({ name: chain, type, hook, priority, policy }) => [
      `add chain ${table} ${chain} { type ${type} hook ${hook} priority ${priority}; policy ${policy}; }`,
      `flush chain ${table} ${chain}`,
    ]),
    ...Object.entries(maps).flatMap(([map, entries]) => [
      `add map ${table} ${map} { type ipv4_addr : ipv4_addr; }`,
      `flush map ${table} ${map}`,
      ...elements(
        `${table} ${map}`,
        sorted(entries).map(([key, value]) => `${key} : ${value}`),
      ),
    ]),
    ...Object.entries(sets).flatMap(([set, entries]) => [
      `add set ${table} ${set} { type ipv4_addr; }`,
      `flush set ${table} ${set}`,
      ...elements(`${table} ${set}`, [...entries].sort()),
    ]),
    ...chains.flatMap(({ name: chain, rules }) => rules.map((rule) => `add rule ${table} ${chain} ${rule} comment "${commentOf(rule)}"`)),
  ];
  const content: Content = {
    tables: [table],
    chains: chains.map(({ name: chain, type, hook, priority, policy, rules }) => [
      chain,
      type,
      hook,
      priority,
      policy,
      rules.map(commentOf),
    ]),
    maps: Object.entries(maps).map(([map, entries]) => [map, sorted(entries).map(([key, value]) => `${key} ${value}`)]),
    sets: Object.entries(sets).map(([set, entries]) => [set, [...entries].sort()]),
  };
  return { text: `${lines.join('\n')}\n`, fingerprint: hash(content) };
}

/** Fingerprint of what `nft -j list ruleset` printed; `undefined` when there is no table at all. */
export function scanNft(listing: string): string | undefined {
  const items = (JSON.parse(listing) as { nftables: Record<string, Listed>[] }).nftables.flatMap((item) => Object.entries(item));
  const of = (kind: string) => items.flatMap(([name, item]) => (name === kind ? [item] : []));
  const tables = of('table').map(({ family, name }) => `${family} ${name}`);
  if (tables.length === 0) return undefined;
  const content: Content = {
    tables,
    chains: of('chain').map((chain) => [
      chain.name,
      chain.type ?? '',
      chain.hook ?? '',
      chain.prio ?? 0,
      chain.policy ?? '',
      of('rule').flatMap((rule) => (rule.chain === chain.name && rule.table === chain.table ? [rule.comment ?? ''] : [])),
    ]),
    maps: of('map').map(({ name, elem = [] }) => [
      name,
      elem.map((pair) => (Array.isArray(pair) ? pair.join(' ') : JSON.stringify(pair))).sort(),
    ]),
    sets: of('set').map(({ name, elem = [] }) => [
      name,
      elem.map((entry) => (typeof entry === 'string' ? entry : JSON.stringify(entry))).sort(),
    ]),
  };
  return hash(content);
}

/** Names of the chains in what `nft -j list …` printed. */
export function nftChains(listing: string): string[] {
  const { nftables } = JSON.parse(listing) as { nftables: { readonly chain?: Listed }[] };
  return nftables.flatMap(({ chain }) => (chain ? [chain.name] : []));
}

interface Listed {
  readonly family: string;
  readonly name: string;
  readonly table?: string;
  readonly chain?: string;
  readonly comment?: string;
  readonly type?: string;
  readonly hook?: string;
  readonly prio?: number;
  readonly policy?: string;
  readonly elem?: readonly unknown[];
}

interface Content {
  readonly tables: readonly string[];
  readonly chains: readonly (readonly [string, string, string, number, string, readonly string[]])[];
  readonly maps: readonly (readonly [string, readonly string[]])[];
  readonly sets: readonly (readonly [string, readonly string[]])[];
}

const byName = <T extends readonly [string, ...unknown[]]>(list: readonly T[]): T[] => [...list].sort(([a], [b]) => (a < b ? -1 : 1));

function hash({ tables, chains, maps, sets }: Content): string {
  const content = [[...tables].sort(), byName(chains), byName(maps), byName(sets)];
  return hashText(JSON.stringify(content));
}

function commentOf(rule: string): string {
  return `${RULE_COMMENT_PREFIX}${hashText(rule)}`;
}

function elements(place: string, entries: readonly string[]): string[] {
  return entries.length === 0 ? [] : [`add element ${place} { ${entries.join(', ')} }`];
}

/** Entries by their text `key value`, as a listing sorts. */
function sorted(entries: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(entries).sort((a, b) => (a.join(' ') < b.join(' ') ? -1 : 1));
}
