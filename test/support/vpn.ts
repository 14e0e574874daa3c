import { existsSync } from 'node:fs';
import { execaSync } from 'execa';
import { onTestFinished } from 'vitest';
import { tunnelName } from '../../agent/kernel/resources.js';
import { endWireguard } from '../../agent/kernel/wireguard.js';
import type { World } from './world.js';

/** Whether this machine can make tunnels; without, tests of them are skipped. */
export const CAN_TUNNEL = existsSync('/dev/net/tun') && execaSync('wireguard-go', ['--version'], { reject: false }).exitCode === 0;

/** A VPN of a world: gateway attached, a customer's network behind it, a tunnel between them. */
export interface Vpn {
  readonly vpnGatewayId: string;
  /** Also the namespace of the customer's network. */
  readonly customerGatewayId: string;
  readonly vpnConnectionId: string;
  readonly mainTableId: string;
  addRange(destination: string): Promise<void>;
  removeRange(destination: string): Promise<void>;
  propagate(on: 'on' | 'off'): Promise<void>;
  connection(): Promise<any>;
}

/** With a range of the customer's in a route table of the gateway's VPC by propagation, if wanted. */
export async function buildVpn({ agent, vpcId }: World, options: { ipAddress?: string; range?: string } = {}): Promise<Vpn> {
  const { ipAddress = '192.0.2.10', range } = options;
  const { vpnGatewayId } = await agent.ok('POST', '/v1/vpn-gateways', {});
  await agent.ok('POST', `/v1/vpn-gateways/${vpnGatewayId}/attach`, { vpcId });
  const { customerGatewayId } = await agent.ok('POST', '/v1/customer-gateways', { ipAddress, bgpAsn: 65_000 });
  const { vpnConnectionId } = await agent.ok('POST', '/v1/vpn-connections', { vpnGatewayId, customerGatewayId, staticRoutesOnly: true });
  // Tunnels' processes outlive the daemon, and the test's namespaces.
  onTestFinished(async () => {
    for (const end of ['v', 'c'] as const) await endWireguard(tunnelName('wg', end, vpnConnectionId));
  });
  const { mainRouteTableId: mainTableId } = await agent.ok('GET', `/v1/vpcs/${vpcId}`);
  const vpn: Vpn = {
    vpnGatewayId,
    customerGatewayId,
    vpnConnectionId,
    mainTableId,
    addRange: async (destination) => void (await agent.ok('POST', `/v1/vpn-connections/${vpnConnectionId}/routes`, { destination })),
    removeRange: async (destination) => void (await agent.ok('DELETE', `/v1/vpn-connections/${vpnConnectionId}/routes`, { destination })),
    propagate: async (on) => {
      await agent.ok(on === 'on' ? 'PUT' : 'DELETE', `/v1/route-tables/${mainTableId}/propagations/${vpnGatewayId}`);
    },
    connection: () => agent.ok('GET', `/v1/vpn-connections/${vpnConnectionId}`),
  };
  if (range !== undefined) {
    await vpn.addRange(range);
    await vpn.propagate('on');
  }
  return vpn;
}

/** PIDs of the processes of a connection's tunnel. */
export function tunnelProcesses(vpnConnectionId: string): string[] {
  const digits = vpnConnectionId.slice('vpn-'.length, 'vpn-'.length + 12);
  return execaSync('pgrep', ['-f', `^wireguard-go wg[vc]${digits}$`], { reject: false })
    .stdout.split('\n')
    .filter(Boolean);
}
