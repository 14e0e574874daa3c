import type { Family } from '../kernel/port.js';
import { GROUP_WORD, INSTANCE_FILTER_PRIORITY, NFT_TABLE, SET } from '../kernel/resources.js';
import { cidr, containsCidr, FAMILIES } from '../model/address.js';
import { INSTANCE_STAGES, stageChains } from './filter.js';
import type { FirewallInputs } from './inputs.js';
import type { Chain, Match, Rule, Side, Target } from './ir.js';
import { type NftSet, type NftSubchain, type NftText, renderNft } from './nft-table.js';

/** Where security groups are enforced on macvlan interfaces: in a table of ours beside the guest's own, in the instance's namespace. */

export interface InstanceFilter {
  /** Combinations and groups of the instance's macvlan interfaces only. */
  readonly inputs: FirewallInputs;
  /** Names of the instance's macvlan devices. */
  readonly devices: readonly string[];
  /** Addresses of members, by group that rules name. */
  readonly members: ReadonlyMap<string, readonly string[]>;
  /** The router's own addresses: no group is asked about what goes there. */
  readonly router: readonly string[];
}

/** Counting sets of the table, elements are names of devices. */
export const INSTANCE_DROPS = { ingress: 'ingress-drops', egress: 'egress-drops' } as const;

/** Of the neighbour protocol and of multicast membership: no group is asked about them. */
const NEIGHBOUR_PROTOCOL =
  'icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query, mld-listener-report, mld2-listener-report } accept';

/** The table that enforces groups on the instance's macvlan devices. Other devices pass untouched; the guest's rules apply besides. */
export function instanceTable({ inputs, devices, members, router }: InstanceFilter): NftText {
  const { egress, ingress } = INSTANCE_STAGES;
  const names = devices.map((device) => `"${device}"`);
  const countingSet = (elements: readonly string[]): NftSet => ({ type: 'ifname', elements, counts: true });
  return renderNft(NFT_TABLE, {
    sets: {
      [INSTANCE_DROPS.ingress]: countingSet(names),
      [INSTANCE_DROPS.egress]: countingSet(names),
      ...Object.fromEntries(FAMILIES.map((family) => [routerSet(family), addressSet(family, ofFamily(router, family))])),
      ...memberSets(members),
      ...prefixListSets(inputs),
    },
    chains: [
      hook('prerouting', 'src', 'ip saddr @router4 ct state established accept', 'ip6 saddr @router6 ct state established accept'),
      hook('postrouting', 'dst', 'ip daddr @router4 accept', 'ip6 daddr @router6 accept'),
      { name: 'ingress-drop', rules: [`iifname @${INSTANCE_DROPS.ingress} drop`, 'drop'] },
      { name: 'egress-drop', rules: [`oifname @${INSTANCE_DROPS.egress} drop`, 'drop'] },
      ...FAMILIES.flatMap((family) =>
        [ingress, egress].flatMap((stage) => stageChains(stage, inputs, family).map((chain) => subchain(chain, family))),
      ),
    ],
  });
}

const routerSet = (family: Family): string => `router${family}`;

function hook(name: 'prerouting' | 'postrouting', side: Side, ...router: readonly string[]) {
  const stage = side === 'src' ? INSTANCE_STAGES.ingress : INSTANCE_STAGES.egress;
  return {
    name,
    type: 'filter',
    hook: name,
    priority: INSTANCE_FILTER_PRIORITY[name],
    policy: 'accept',
    rules: [
      `${DEVICE_GROUP[side]} & ${hex(GROUP_WORD.combinationMask)} == 0x0 accept`,
      NEIGHBOUR_PROTOCOL,
      ...router,
      'ct state related accept',
      ...FAMILIES.map((family) => `meta nfproto ipv${family} goto ${chainName(stage.name, family)}`),
    ],
  } as const;
}

function memberSets(members: InstanceFilter['members']): Record<string, NftSet> {
  return Object.fromEntries(
    [...members].flatMap(([groupId, addresses]) =>
      FAMILIES.map((family) => [SET.group(groupId, family), addressSet(family, ofFamily(addresses, family))]),
    ),
  );
}

function prefixListSets({ prefixLists }: FirewallInputs): Record<string, NftSet> {
  return Object.fromEntries(
    [...prefixLists.values()].map(({ prefixListId, family, entries }) => [
      SET.prefixList(prefixListId, family),
      { type: ADDRESS_TYPE[family], ranges: true, elements: outermost(entries.map((entry) => entry.cidr)).map(rangeText) },
    ]),
  );
}

/** Ranges without those that lie in another: nft takes no overlapping ones. */
function outermost(texts: readonly string[]): string[] {
  const ranges = [...new Map(texts.map((text) => [cidr(text).text, cidr(text)])).values()];
  return ranges.filter((range) => !ranges.some((other) => other !== range && containsCidr(other, range))).map(({ text }) => text);
}

/** As nft lists it. */
const rangeText = (text: string): string => text.replace(/(?<=\.\d+)\/32$|(?<=:[0-9a-f:]*)\/128$/, '');

const ADDRESS_TYPE: Readonly<Record<Family, string>> = { 4: 'ipv4_addr', 6: 'ipv6_addr' };
const addressSet = (family: Family, elements: readonly string[]): NftSet => ({
  type: ADDRESS_TYPE[family],
  elements: [...new Set(elements)],
});
const ofFamily = (addresses: readonly string[], family: Family): string[] =>
  addresses.filter((address) => address.includes(':') === (family === 6));

/** Chains of both families are in one table. What drops is one for both. */
const chainName = (name: string, family: Family): string => (name.endsWith('-drop') ? name : `${name}.${family}`);

function subchain({ name, rules }: Chain, family: Family): NftSubchain {
  return { name: chainName(name, family), rules: rules.map((rule) => nftRule(rule, family)) };
}

/** A rule of the compiler's in nft's words. */
function nftRule({ matches, target }: Rule, family: Family): string {
  return [...matches.map((match) => nftMatch(match, family)), nftTarget(target, family)].join(' ');
}

const IP: Readonly<Record<Family, string>> = { 4: 'ip', 6: 'ip6' };
const FIELD: Readonly<Record<Side, string>> = { src: 'saddr', dst: 'daddr' };
const DEVICE_GROUP: Readonly<Record<Side, string>> = { src: 'iifgroup', dst: 'oifgroup' };

function nftMatch(match: Match, family: Family): string {
  switch (match.kind) {
    case 'address':
      return `${IP[family]} ${FIELD[match.side]} ${match.cidr}`;
    case 'protocol':
      return nftProtocol(match);
    case 'deviceGroup':
      return `${DEVICE_GROUP[match.side]} & ${hex(match.mask)} ${match.negated ? '!=' : '=='} ${hex(match.value)}`;
    case 'set': {
      if (match.lookup !== 'src' && match.lookup !== 'dst') throw new TypeError(`no set of address and device in nft: ${match.set}`);
      return `${IP[family]} ${FIELD[match.lookup]} ${match.negated ? '!= ' : ''}@${match.set}`;
    }
    case 'mark':
      return `meta mark & ${hex(match.mask)} == ${hex(match.value)}`;
    case 'connmark':
      return `ct mark & ${hex(match.mask)} == ${hex(match.value)}`;
    case 'ctState':
      return `ct state ${match.states.join(',').toLowerCase()}`;
    case 'ctDirection':
      return `ct direction ${match.direction.toLowerCase()}`;
    case 'unconfirmed':
    case 'sample':
    case 'flowsAbove':
    case 'noted':
    case 'note':
      throw new TypeError(`no limit of flows inside an instance: ${match.kind}`);
  }
}

function nftProtocol({ number, ports, icmp }: Extract<Match, { kind: 'protocol' }>): string {
  if (ports) return `${number === 6 ? 'tcp' : 'udp'} dport ${ports.from === ports.to ? ports.from : `${ports.from}-${ports.to}`}`;
  if (!icmp) return `meta l4proto ${number}`;
  const name = number === 1 ? 'icmp' : 'icmpv6';
  return `${name} type ${icmp.type}${icmp.code === undefined ? '' : ` ${name} code ${icmp.code}`}`;
}

function nftTarget(target: Target, family: Family): string {
  switch (target.kind) {
    case 'accept':
    case 'drop':
    case 'return':
      return target.kind;
    case 'jump':
    case 'goto':
      return `${target.kind} ${chainName(target.chain, family)}`;
    case 'mark':
      return `meta mark set ${setBits('meta mark', target)}`;
    case 'connmark':
      return `ct mark set ${setBits('ct mark', target)}`;
  }
}

/** Other bits stay: the guest may have marks of its own. */
const setBits = (word: string, { value, mask }: { readonly value: number; readonly mask: number }): string =>
  `${word} & ${hex(~mask)} | ${hex(value)}`;

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;
