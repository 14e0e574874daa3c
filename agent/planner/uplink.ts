import { type NftTable, renderNft } from '../firewall/nft-table.js';
import type { KernelObject } from '../kernel/port.js';
import { DOCUMENTATION_RANGES, forwardingPath, HOST_ACCESS, HOST_NAMESPACE, NFT_TABLE, uplinkChain } from '../kernel/resources.js';
import type { Uplink } from './plan.js';

/** What no flow that is let through matches. */
export const IS_NEW = 'ct state != { established, related }';

/** The host's link-local addresses are for its own: a cloud's metadata service hands out credentials there. */
const LINK_LOCAL = '169.254.0.0/16';

/** Ranges that are the lab's own and never leave it. */
export function labRanges(publicPool: string): string[] {
  return [...new Set([publicPool, ...DOCUMENTATION_RANGES])];
}

/** What the host's own namespace needs, so that packets of the lab's internet leave by the uplink, with its address. */
export function planUplink(uplink: Uplink, publicPool: string): KernelObject[] {
  const netns = HOST_NAMESPACE;
  return [
    { kind: 'nft', netns, ...renderNft(NFT_TABLE, uplinkTable(uplink, publicPool)) },
    ...[HOST_ACCESS.device, uplink.device].map(
      (device): KernelObject => ({ kind: 'sysctl', netns, path: forwardingPath(device), value: '1' }),
    ),
  ];
}

/** The lab opens connections by the uplink only, to nothing of the host's own; nobody opens any into the lab by it. */
function uplinkTable({ device, isRouter }: Uplink, publicPool: string): NftTable {
  const fromLab = `iifname "${HOST_ACCESS.device}"`;
  const fromUplink = `iifname "${device}"`;
  return {
    chains: [
      {
        name: uplinkChain(device),
        type: 'filter',
        hook: 'forward',
        priority: 0,
        policy: 'accept',
        rules: [
          `${fromLab} oifname != "${device}" drop`,
          ...[...labRanges(publicPool), LINK_LOCAL].map((range) => `${fromLab} ip daddr ${range} drop`),
          `${fromUplink} oifname "${HOST_ACCESS.device}" ${IS_NEW} drop`,
          // Forwarding is on at the uplink for the lab's sake: the host becomes nobody else's router by that.
          ...(isRouter ? [] : [`${fromUplink} oifname != "${HOST_ACCESS.device}" meta nfproto ipv4 drop`]),
        ],
      },
      { name: 'input', type: 'filter', hook: 'input', priority: 0, policy: 'accept', rules: [`${fromLab} ${IS_NEW} drop`] },
      {
        name: 'postrouting',
        type: 'nat',
        hook: 'postrouting',
        priority: 100,
        policy: 'accept',
        rules: [`${fromLab} oifname "${device}" masquerade`],
      },
    ],
  };
}
