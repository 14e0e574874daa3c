import { GUARD_PRIORITY, guardTable } from '../kernel/resources.js';
import { type NftText, renderNft } from './nft-table.js';

/** An interface on a device of the host, as its guard knows it. */
export interface GuardedInterface {
  readonly mac: string;
  /** Its link-local address among the IPv6 ones. */
  readonly addresses: Readonly<Record<4 | 6, readonly string[]>>;
  /** Whether it may send from and receive for these addresses only. */
  readonly check: boolean;
}

/** Counting sets of the guard, elements are MACs. */
export const GUARD_DROPS = { source: 'source-drops', destination: 'destination-drops' } as const;

/**
 * What guards a device of the host that carries macvlan interfaces, beyond the reach of any guest: frames from one interface to another come
 * by its ingress hook like those from the wire, those to the wire leave by its egress hook. An interface with source/destination check sends only
 * from, and receives only for, its own addresses; an address of an interface comes from no MAC that is not ours. What interfaces send to all
 * reaches the others without passing here. `others`: MACs of ours that are no interfaces'.
 */
export function guardText(device: string, interfaces: readonly GuardedInterface[], others: readonly string[]): NftText {
  const checked = interfaces.filter(({ check }) => check).map(({ mac }) => mac);
  const addresses = (family: 4 | 6) => interfaces.flatMap((each) => each.addresses[family]);
  const pairs = (family: 4 | 6) =>
    interfaces.filter(({ check }) => check).flatMap((each) => each.addresses[family].map((address) => `${each.mac} . ${address}`));
  const hook = (name: 'ingress' | 'egress', rules: readonly string[]) =>
    ({ name, type: 'filter', hook: name, device, priority: GUARD_PRIORITY, policy: 'accept', rules }) as const;
  return renderNft(guardTable(device), {
    family: 'netdev',
    sets: {
      macs: { type: 'ether_addr', elements: [...interfaces.map(({ mac }) => mac), ...others] },
      checked: { type: 'ether_addr', elements: checked },
      addresses4: { type: 'ipv4_addr', elements: addresses(4) },
      addresses6: { type: 'ipv6_addr', elements: addresses(6) },
      own4: { type: 'ether_addr . ipv4_addr', elements: pairs(4) },
      own6: { type: 'ether_addr . ipv6_addr', elements: pairs(6) },
      [GUARD_DROPS.source]: { type: 'ether_addr', elements: checked, counts: true },
      [GUARD_DROPS.destination]: { type: 'ether_addr', elements: checked, counts: true },
    },
    chains: [
      hook('ingress', ['jump source', 'jump destination']),
      hook('egress', ['jump source']),
      {
        name: 'source',
        rules: [
          'ether saddr @checked goto own-source',
          'ether saddr @macs return',
          'ip saddr @addresses4 drop',
          'ip6 saddr @addresses6 drop',
          'arp saddr ip @addresses4 drop',
        ],
      },
      {
        name: 'own-source',
        rules: [
          'ether saddr . ip saddr @own4 return',
          'ether saddr . ip6 saddr @own6 return',
          'ether saddr . arp saddr ip @own4 arp saddr ether . arp saddr ip @own4 return',
          // Looking for duplicates of an address that it has not yet.
          'arp saddr ip 0.0.0.0 return',
          'ip6 saddr :: icmpv6 type { nd-neighbor-solicit, mld2-listener-report } return',
          `ether saddr @${GUARD_DROPS.source} drop`,
          'drop',
        ],
      },
      { name: 'destination', rules: ['ether daddr @checked goto own-destination'] },
      {
        name: 'own-destination',
        rules: [
          'ether daddr . ip daddr @own4 return',
          'ether daddr . ip6 daddr @own6 return',
          'ether type arp return',
          'ip6 daddr ff00::/8 return',
          `ether daddr @${GUARD_DROPS.destination} drop`,
          'drop',
        ],
      },
    ],
  });
}
