import { renderNft } from '../firewall/nft-table.js';
import type { KernelObject } from '../kernel/port.js';
import { instanceEndName, NFT_TABLE, SYSCTLS } from '../kernel/resources.js';
import type { Snapshot } from '../model/snapshot.js';
import { namespaceWith } from './gateway-link.js';
import type { PlanSettings } from './plan.js';
import { isNatGatewayPresent } from './presence.js';

/**
 * A NAT gateway's namespace. What it forwards bears its private address from then on; the internet gateway translates that like any
 * other. Its device belongs to its interface. Connections that others open to it end nowhere.
 */
export function planNatGateway(snapshot: Snapshot, { hostId }: PlanSettings, natGatewayId: string): KernelObject[] {
  const gateway = snapshot.get('natGateway', natGatewayId);
  if (!gateway || !isNatGatewayPresent(snapshot, hostId, natGatewayId)) return [];
  const device = instanceEndName(0);
  const table = renderNft(NFT_TABLE, {
    chains: [
      {
        name: 'postrouting',
        type: 'nat',
        hook: 'postrouting',
        priority: 100,
        policy: 'accept',
        rules: [`oifname "${device}" snat ip to ${gateway.privateIp}`],
      },
      {
        name: 'input',
        type: 'filter',
        hook: 'input',
        priority: 0,
        policy: 'drop',
        rules: ['ct state established,related accept', 'iifname "lo" accept'],
      },
    ],
  });
  return [...namespaceWith(natGatewayId, SYSCTLS.nat), { kind: 'nft', netns: natGatewayId, ...table }];
}
