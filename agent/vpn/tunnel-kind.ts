import type { KernelFeatures } from '../kernel/port.js';

/** How a host makes VPN tunnels: by WireGuard, or, where that is missing, as plain links that encrypt nothing. */
export type TunnelKind = 'wireguard' | 'plain';

/** What a host of these features can do. */
export function tunnelKind({ features, tools }: Pick<KernelFeatures, 'features' | 'tools'>): TunnelKind {
  return features.tun && typeof tools['wireguard-go'] === 'string' ? 'wireguard' : 'plain';
}

/** Why a tunnel is a plain link, and what to do about it. */
export const PLAIN_LINK_REASON =
  'A plain link without encryption stands in for the tunnel: this host lacks wireguard-go or /dev/net/tun. Install the package wireguard-go and start the daemon again.';
