import type { Family } from '../kernel/port.js';
import { GROUP_WORD, INSTANCE_FILTER_PRIORITY, NFT_TABLE, SET } from '../kernel/resources.js';
import { FAMILIES } from '../model/address.js';
import type { FirewallInputs } from './inputs.js';
import { ACCEPT, type Chain, deviceGroup, rule, type Side } from './ir.js';
import { type NftSet, type NftSubchain, type NftText, renderNft } from './nft-table.js';
import { nftRule } from './render.js';
import { INSTANCE_STAGES, stageChains } from './stages.js';

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
      `${nftRule(rule(ACCEPT, deviceGroup(side, 0, GROUP_WORD.combinationMask)), 4)}`,
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
  return { name: chainName(name, family), rules: rules.map((rule) => nftRule(rule, family, (chain) => chainName(chain, family))) };
}
