import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { execa } from 'execa';
import type { KernelObject } from '../../../agent/kernel/port.js';
import { NFT_TABLE, namespaceRole, SET } from '../../../agent/kernel/resources.js';
import { cidr } from '../../../agent/model/address.js';

/**
 * What the machine's own tools list, beside what a plan wants: the product's eyes are not asked. Empty when nothing is missing and
 * nothing is left over. Kinds of objects that it does not list are compared by the kernel layer.
 */
export async function discrepancies(plan: readonly KernelObject[]): Promise<string[]> {
  const wanted = new Set(plan.flatMap((object) => wordsOf(object)));
  const found = new Set<string>();
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  for (const netns of readdirSync('/run/netns'))
    for (const words of mounts.includes(` ${placeOf(netns)} `) ? await listing(netns) : [`name ${netns} without a namespace`])
      found.add(words);
  return [
    ...[...wanted].filter((words) => !found.has(words)).map((words) => `missing: ${words}`),
    ...[...found].filter((words) => !wanted.has(words)).map((words) => `left over: ${words}`),
  ];
}

/** Where the name, or what it links to, is. */
function placeOf(netns: string): string {
  const path = `/run/netns/${netns}`;
  return existsSync(path) ? realpathSync(path) : path;
}

function wordsOf(object: KernelObject): string[] {
  const { netns } = object;
  switch (object.kind) {
    case 'netns':
      return [`namespace ${netns}`];
    case 'veth':
      return [`device ${object.name} in ${netns}`, `device ${object.peer.name} in ${object.peer.netns}`];
    case 'tun':
      return [`device ${object.name} in ${netns}`];
    case 'address':
      return [`address ${object.address} on ${object.device} in ${netns}`];
    case 'neighbour':
      return [`neighbour ${object.address} ${object.mac} on ${object.device} in ${netns}`];
    case 'route':
      return [`route ${object.destination} in table ${object.table} to ${object.device ?? object.type} in ${netns}`];
    case 'rule':
      return [`rule ${object.priority} IPv${object.family} to ${object.table} in ${netns}`];
    case 'set':
      return [`set ${object.name} in ${netns}`];
    case 'member':
      return [`member ${object.entry} of ${object.set} in ${netns}`];
    case 'ruleset':
      return [
        `table ${object.family === 4 ? 'ip' : 'ip6'} ${NFT_TABLE} in ${netns}`,
        ...chainsOf(object.text).map((chain) => `chain ${chain} in ${netns}`),
      ];
    default:
      return [];
  }
}

/** `ip enid forward: 12 rules` of a text for `nft -f`. */
function chainsOf(text: string): string[] {
  const rules = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, verb, chain] = /^add (chain|rule) (\S+ \S+ \S+)/.exec(line) ?? [];
    if (chain !== undefined) rules.set(chain, (rules.get(chain) ?? 0) + (verb === 'rule' ? 1 : 0));
  }
  return counted(rules);
}

const counted = (rules: ReadonlyMap<string, number>): string[] => [...rules].map(([chain, count]) => `${chain}: ${count} rules`);

async function listing(netns: string): Promise<string[]> {
  const role = namespaceRole(netns);
  const [links, addresses, neighbours, routes4, routes6, rules4, rules6] = await Promise.all([
    ip(netns, 'link'),
    ip(netns, 'addr'),
    ip(netns, 'neigh', 'show', 'nud', 'permanent'),
    ip(netns, '-4', 'route', 'show', 'table', 'all'),
    ip(netns, '-6', 'route', 'show', 'table', 'all'),
    ip(netns, '-4', 'rule'),
    ip(netns, '-6', 'rule'),
  ]);
  return [
    `namespace ${netns}`,
    ...links.filter(({ ifname }) => ifname !== 'lo').map(({ ifname }) => `device ${ifname} in ${netns}`),
    ...addresses.flatMap(({ ifname, addr_info }) => addressWords(netns, ifname, addr_info)),
    ...neighbours.map(({ dst, dev, lladdr }) => `neighbour ${dst} ${lladdr} on ${dev} in ${netns}`),
    ...[...routes4.map((route) => routeWords(netns, 4, route)), ...routes6.map((route) => routeWords(netns, 6, route))].flat(),
    ...[...rules4.map((rule) => ruleWords(netns, 4, rule)), ...rules6.map((rule) => ruleWords(netns, 6, rule))].flat(),
    ...(role === 'router' ? await filterWords(netns) : []),
  ];
}

async function ip(netns: string, ...argv: string[]): Promise<any[]> {
  const { stdout } = await execa('ip', ['-n', netns, '-j', ...argv]);
  return stdout.trim() === '' ? [] : JSON.parse(stdout);
}

function addressWords(netns: string, device: string, addresses: readonly any[]): string[] {
  return addresses
    .filter(({ local, scope }) => local !== '127.0.0.1' && local !== '::1' && scope !== 'link')
    .map(({ local, prefixlen }) => `address ${local}/${prefixlen} on ${device} in ${netns}`);
}

/** What the kernel makes by itself of addresses and devices is left out. */
function routeWords(netns: string, family: 4 | 6, { dst, dev, table, protocol, type }: any): string[] {
  if (protocol === 'kernel' || table === 'local') return [];
  const destination =
    dst === 'default' ? (family === 4 ? '0.0.0.0/0' : '::/0') : cidr(dst.includes('/') ? dst : `${dst}/${family === 4 ? 32 : 128}`).text;
  const number = { main: 254, undefined: 254 }[String(table)] ?? table;
  return [`route ${destination} in table ${number} to ${type && type !== 'unicast' ? type : dev} in ${netns}`];
}

function ruleWords(netns: string, family: 4 | 6, { priority, table }: any): string[] {
  if ([0, 32766, 32767].includes(priority)) return [];
  return [`rule ${priority} IPv${family} to ${{ main: 254 }[String(table)] ?? table} in ${netns}`];
}

/** The tool lists a set that rules fill as any other. */
const FILLED_BY_RULES = new Set(([4, 6] as const).flatMap((family) => [SET.flowCounts(family), SET.flowPauses(family)]));

/** Tables, chains, sets and their members, of whomever; not what rules fill, nor the anonymous sets that are parts of rules. */
async function filterWords(netns: string): Promise<string[]> {
  const { stdout } = await execa('ip', ['netns', 'exec', netns, 'nft', '-j', 'list', 'ruleset']);
  const items: any[] = JSON.parse(stdout).nftables;
  const rules = new Map<string, number>();
  for (const { chain, rule } of items) {
    const name = chain ? `${chain.family} ${chain.table} ${chain.name}` : rule && `${rule.family} ${rule.table} ${rule.chain}`;
    if (name !== undefined) rules.set(name, (rules.get(name) ?? 0) + (rule ? 1 : 0));
  }
  return [
    ...items.flatMap(({ table, set }) => {
      if (table) return [`table ${table.family} ${table.name} in ${netns}`];
      return set ? setWords(netns, set) : [];
    }),
    ...counted(rules).map((chain) => `chain ${chain} in ${netns}`),
  ];
}

function setWords(netns: string, { name, elem = [] }: any): string[] {
  const entries = FILLED_BY_RULES.has(name) ? [] : elem.map((entry: any) => entryText(entry?.elem?.val ?? entry));
  return [`set ${name} in ${netns}`, ...entries.map((entry: string) => `member ${entry} of ${name} in ${netns}`)];
}

const entryText = (value: any): string => (typeof value === 'object' ? value.concat.join(',') : String(value));
