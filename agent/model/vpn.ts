import type { CustomerGatewayId, VpcId, VpnConnectionId, VpnGatewayId } from './ids.js';
import type { Noun } from './tags.js';

/** A virtual private gateway: the VPC's end of VPN connections. A VPC has at most one. */
export interface VpnGateway extends Noun {
  readonly vpnGatewayId: VpnGatewayId;
  readonly amazonSideAsn: number;
  /** The VPC that it is attached to. */
  readonly vpcId?: VpcId;
}

/** The other end: a router of somebody else's network. */
export interface CustomerGateway extends Noun {
  readonly customerGatewayId: CustomerGatewayId;
  /** Its address in the lab's internet. */
  readonly ipAddress: string;
  readonly bgpAsn: number;
  readonly deviceName?: string;
}

export interface VpnConnection extends Noun {
  readonly vpnConnectionId: VpnConnectionId;
  readonly vpnGatewayId: VpnGatewayId;
  readonly customerGatewayId: CustomerGatewayId;
  /** False: routes are learned by BGP where that is installed; static ones count nevertheless. */
  readonly staticRoutesOnly: boolean;
  /** Ranges behind the customer gateway, canonical. */
  readonly routes: readonly string[];
  /** Address of the gateway's end in the lab's internet, from the pool of public addresses. Unique. */
  readonly outsideIpAddress: string;
  /** Range of the two ends inside the tunnel, a /30 of 169.254.0.0/16: the first host is the gateway's end, the second the customer's. Unique. */
  readonly tunnelInsideCidr: string;
  /** 64 random hex digits for each end, from which the tunnel's keys are made. Never shown. */
  readonly keys: { readonly gateway: string; readonly customer: string };
  readonly createTime: string;
}
