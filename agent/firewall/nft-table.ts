import type { NftElements } from '../kernel/port.js';
import { hashText } from './hash.js';
import { commentOf } from './render.js';

/**
 * The nft table of a gateway: what it holds as data, the text that makes it, and a fingerprint that what `nft -j list ruleset` prints
 * can be compared by. The listing's wording of rules is not compared but their comments, which carry the hashes of what we wrote.
 */

export interface NftTable {
  readonly chains: readonly (NftChain | NftSubchain)[];
  /** Maps from address to address, by name. */
  readonly maps?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Sets of IPv4 addresses, or of what their type says, by name. */
  readonly sets?: Readonly<Record<string, readonly string[] | NftSet>>;
  /** `inet` when absent. */
  readonly family?: 'inet' | 'netdev';
}

export interface NftSet {
  readonly type: string;
  readonly elements: readonly string[];
  /** Elements are ranges; none may lie within another. */
  readonly ranges?: boolean;
  /** Each element counts the packets that matched it. */
  readonly counts?: boolean;
}

export interface NftChain {
  readonly name: string;
  readonly type: 'nat' | 'filter';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting' | 'ingress' | 'egress';
  /** Of the family `netdev`. */
  readonly device?: string;
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
  readonly rules: readonly string[];
}

/** A chain that others lead to. */
export interface NftSubchain {
  readonly name: string;
  readonly rules: readonly string[];
}

export interface NftText {
  readonly text: string;
  readonly fingerprint: string;
  readonly elements: NftElements;
}

/**
 * Text for one transaction, whether or not the table is there: chains keep their hooks and only change their content, so that no packet
 * meets an empty one.
 */
export function renderNft(name: string, { chains, maps = {}, sets = {}, family = 'inet' }: NftTable): NftText {
  const table = `${family} ${name}`;
  const lines = [
    `add table ${table}`,
    ...chains.flatMap((chain) => [`add chain ${table} ${chain.name}${hookOf(chain)}`, `flush chain ${table} ${chain.name}`]),
    ...Object.entries(maps).flatMap(([map, entries]) => [
      `add map ${table} ${map} { type ipv4_addr : ipv4_addr; }`,
      `flush map ${table} ${map}`,
      ...elements(
        `${table} ${map}`,
        sorted(entries).map(([key, value]) => `${key} : ${value}`),
      ),
    ]),
    ...Object.entries(sets)
      .map(([set, entries]) => [set, setOf(entries)] as const)
      .flatMap(([set, { type, elements: entries, ranges, counts }]) => [
        `add set ${table} ${set} { type ${type};${ranges ? ' flags interval;' : ''}${counts ? ' counter;' : ''} }`,
        `flush set ${table} ${set}`,
        ...elements(`${table} ${set}`, [...entries].sort()),
      ]),
    ...chains.flatMap(({ name: chain, rules }) => rules.map((rule) => `add rule ${table} ${chain} ${rule} comment "${commentOf(rule)}"`)),
  ];
  const content: Content = {
    tables: [table],
    chains: chains.map((chain) => {
      const { type = '', hook = '', priority = 0, policy = '' } = 'hook' in chain ? chain : {};
      return [chain.name, type, hook, priority, policy, chain.rules.map(commentOf)];
    }),
    maps: Object.entries(maps).map(([map, entries]) => [map, sorted(entries).map(([key, value]) => `${key} ${value}`)]),
    sets: Object.entries(sets).map(([set, entries]) => [set, setOf(entries).elements.map(unquoted).sort()]),
  };
  const frame = hashText(lines.filter((line) => !line.startsWith('add element')).join('\n'));
  return {
    text: `${lines.join('\n')}\n`,
    fingerprint: hash(content),
    elements: { family, table: name, frame, sets: listElements(maps, sets) },
  };
}

/** What can change in a table without the tool. Sets of ranges are not among it: the kernel has these as pairs of ends. */
function listElements(maps: NonNullable<NftTable['maps']>, sets: NonNullable<NftTable['sets']>): NftElements['sets'] {
  return Object.fromEntries([
    ...Object.entries(maps).map(([map, entries]) => {
      return [map, { type: 'ipv4_addr', data: 'ipv4_addr', entries: sorted(entries).map(([key, value]) => `${key} : ${value}`) }] as const;
    }),
    ...Object.entries(sets).map(([set, entries]) => {
      const { type, elements: list, ranges } = setOf(entries);
      return [set, { type: ranges ? 'ranges' : type, entries: list.map(unquoted).sort() }] as const;
    }),
  ]);
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
    sets: of('set').map(({ name, elem = [] }) => [name, elem.map(elementText).sort()]),
  };
  return hash(content);
}

/** Packets that the elements of a counting set have matched, in what `nft -j list table …` printed, by element. */
export function nftCounts(listing: string, set: string): Map<string, number> {
  const { nftables } = JSON.parse(listing) as { nftables: { readonly set?: Listed }[] };
  const elements = nftables.flatMap((item) => (item.set?.name === set ? (item.set.elem ?? []) : []));
  return new Map(elements.map((element) => [elementText(element), (element as CountedElement).elem?.counter?.packets ?? 0]));
}

interface CountedElement {
  readonly elem?: { readonly val: unknown; readonly counter?: { readonly packets: number } };
}

/** Names of devices are quoted when they are written, and not when they are listed. */
const unquoted = (element: string): string => element.replaceAll('"', '');

/** An element as `nft -j` prints it, as it is written. */
function elementText(element: unknown): string {
  if (typeof element === 'string') return element;
  const { elem, concat, prefix } = element as CountedElement & {
    readonly concat?: readonly unknown[];
    readonly prefix?: { readonly addr: string; readonly len: number };
  };
  if (elem) return elementText(elem.val);
  if (concat) return concat.map(elementText).join(' . ');
  return prefix ? `${prefix.addr}/${prefix.len}` : JSON.stringify(element);
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

function hookOf(chain: NftChain | NftSubchain): string {
  if (!('hook' in chain)) return '';
  const { type, hook, device, priority, policy } = chain;
  return ` { type ${type} hook ${hook}${device === undefined ? '' : ` device "${device}"`} priority ${priority}; policy ${policy}; }`;
}

const setOf = (entries: readonly string[] | NftSet): NftSet => ('type' in entries ? entries : { type: 'ipv4_addr', elements: entries });

function elements(place: string, entries: readonly string[]): string[] {
  return entries.length === 0 ? [] : [`add element ${place} { ${entries.join(', ')} }`];
}

/** Entries by their text `key value`, as a listing sorts. */
function sorted(entries: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(entries).sort((a, b) => (a.join(' ') < b.join(' ') ? -1 : 1));
}
