import type { AttachmentId, InstanceId, NetworkInterfaceId, SubnetId, VpcId } from '../model/ids.js';
import { INTERNET_SERVERS, INTERNET_SERVERS_IPV6 } from '../model/internet.js';

/**
 * Every number and name that enid takes in the kernel, in one place, so that none can collide. Pure.
 * All of it lives in namespaces that enid made, but for what is in the host's own: `HOST_ACCESS`, one nft table with an uplink, and of each
 * subnet on a device of the host an nft table and perhaps a macvlan device (`subnetDevices`).
 * In instances with macvlan interfaces there is a table `inet enid` too.
 */

/** Where `ip netns` keeps its names. */
export const NETNS_DIR = '/run/netns';
/** Where namespaces of others are mounted that are instances; see `holdNetns`. */
export const HELD_NETNS_DIR = '/run/enid/netns';

/** Namespace names are the ids themselves: `ip netns exec i-0123… ping` works. */
export const instanceNamespace = (id: InstanceId): string => id;
export const routerNamespace = (id: VpcId): string => id;

/** The lab's internet: one namespace per host. */
export const INTERNET_NAMESPACE = 'internet';
/** How the kernel layer calls the namespace that the daemon itself runs in; no file under `NETNS_DIR` stands for it. */
export const HOST_NAMESPACE = 'host';

/**
 * What a namespace is to enid. In routers, gateways and the internet nobody else has business. In instances (a NAT gateway's is one, with
 * no processes), in a customer's network and in the host's own namespace only what bears our protocol number is ours.
 */
export type NamespaceRole = 'router' | 'instance' | 'nat' | 'gateway' | 'customer' | 'internet' | 'host';
const ROLE_OF_PREFIX: Readonly<Record<string, NamespaceRole>> = {
  vpc: 'router',
  i: 'instance',
  nat: 'nat',
  igw: 'gateway',
  eigw: 'gateway',
  pcx: 'gateway',
  vgw: 'gateway',
  cgw: 'customer',
};

/** `undefined`: a name that enid never gives. */
export function namespaceRole(name: string): NamespaceRole | undefined {
  if (name === INTERNET_NAMESPACE) return 'internet';
  if (name === HOST_NAMESPACE) return 'host';
  const prefix = /^([a-z]+)-[0-9a-f]{17}$/.exec(name)?.[1];
  return prefix === undefined ? undefined : ROLE_OF_PREFIX[prefix];
}

/** Whether a name under `NETNS_DIR` is one that enid gives. */
export function isOurNamespace(name: string): boolean {
  return name !== HOST_NAMESPACE && namespaceRole(name) !== undefined;
}
export function isRouterNamespace(name: string): boolean {
  return namespaceRole(name) === 'router';
}
export function isInstanceNamespace(name: string): boolean {
  return namespaceRole(name) === 'instance';
}

/**
 * Host end of an attachment: `e` and the first 14 hex digits of the attachment id, 15 characters, the longest
 * name Linux takes. Named after the attachment, so that a moved interface's new device can exist beside its old one.
 */
export function hostEndName(attachmentId: AttachmentId): string {
  return `e${attachmentId.slice('eni-attach-'.length, 'eni-attach-'.length + 14)}`;
}
export function isHostEndName(name: string): boolean {
  return /^e[0-9a-f]{14}$/.test(name);
}

/** Device name inside the instance. */
export function instanceEndName(deviceIndex: number): string {
  return `eth${deviceIndex}`;
}

/** One MAC for every host end: the router as instances see it. Its EUI-64 link-local is the IPv6 gateway. */
export const ROUTER_MAC = '02:00:00:00:00:01';
export const ROUTER_LINK_LOCAL = 'fe80::ff:fe00:1';

/**
 * A gateway's links: pairs whose named end is in a router (`igw0`) or in the internet (`g…`), and whose other end, in the gateway's
 * namespace, has one of these names. Neighbours on both ends are permanent, and the addresses are only ever next hops.
 */
export const GATEWAY_LINK = {
  /** In the gateway: towards the VPC's router, towards the internet. */
  inside: 'vpc0',
  outside: 'up0',
  /** MAC of the gateway's end, and the link-local address that it has by that. */
  mac: '02:00:00:00:00:02',
  linkLocal: 'fe80::ff:fe00:2',
  /** Next hops in IPv4: the named end's, the gateway's end's. */
  near: '169.254.255.1',
  far: '169.254.255.2',
} as const;

/** Names in a router of the links to its gateways. */
export const ROUTER_LINK = { internetGateway: 'igw0', egressOnlyInternetGateway: 'eigw0', vpnGateway: 'vgw0' } as const;

/** A name of at most 15 characters for the end of a gateway's link: a letter and hex digits of the gateway's id. */
export function gatewayLinkName(letter: 'g' | 'p' | 'v' | 'c' | 'n', gatewayId: string): string {
  return `${letter}${gatewayId.slice(gatewayId.indexOf('-') + 1, gatewayId.indexOf('-') + 14)}`;
}

/** Ends that never give a pair its name: those inside instances and gateways. */
export function isFarEndName(name: string): boolean {
  return /^(vpc|up|eth)\d+$/.test(name);
}

/** The host as a machine on the lab's internet: device, names of its link, addresses. */
export const HOST_ACCESS = { device: 'enid-internet', internetEnd: 'host0', address: '198.51.100.1' } as const;

/** Path of the setting that lets packets which arrive at a device be forwarded. */
export const forwardingPath = (device: string): string => `net/ipv4/conf/${device}/forwarding`;

/**
 * Devices of a subnet on a device of the host beside its interfaces: the router's, and the host's own where it has access. Their MACs begin with
 * 0a and 0e, which are never generated for interfaces.
 */
export function subnetDevices(id: SubnetId): Record<'router' | 'host', { readonly name: string; readonly mac: string }> {
  const digits = id.slice('subnet-'.length);
  const macOf = (first: string) => [first, ...(digits.slice(0, 10).match(/../g) ?? [])].join(':');
  return {
    router: { name: `m${digits.slice(0, 14)}`, mac: macOf('0a') },
    host: { name: `${HOST_DEVICE_PREFIX}${digits.slice(0, 10)}`, mac: macOf('0e') },
  };
}
const HOST_DEVICE_PREFIX = 'enid-';
/** Whether a device in the host's own namespace is one of ours, by its name. */
export const isOurHostDevice = (name: string): boolean => name.startsWith(HOST_DEVICE_PREFIX);

/** nft table (family netdev) that guards a device of the host which carries macvlan interfaces, and its hooks' priority: before everybody else. */
export const guardTable = (device: string): string => `enid-${device}`;
export function guardedDevice(table: string): string | undefined {
  return /^enid-(.+)$/.exec(table)?.[1];
}
export const GUARD_PRIORITY = -500;

/**
 * Priorities of the hooks that filter macvlan interfaces inside instances. Groups are about packets as they are on the wire: before the
 * guest translates what comes in (-100, but after connection tracking), after it translates what goes out (100).
 */
export const INSTANCE_FILTER_PRIORITY = { prerouting: -150, postrouting: 150 } as const;

/** The chain of the table in the host's namespace that guards the uplink: by its name a later agent knows which device was opened. */
export const uplinkChain = (device: string): string => `uplink-${device}`;
export function uplinkOfChain(chain: string): string | undefined {
  return /^uplink-(.+)$/.exec(chain)?.[1];
}

/** The servers' addresses on the lab's internet. */
export const INTERNET_ADDRESSES: readonly string[] = [INTERNET_SERVERS, INTERNET_SERVERS_IPV6].flatMap(({ dns, http }) => [dns, http]);
/** Ranges in which the lab's internet has its own machines. */
export const INTERNET_RANGE = '198.51.100.0/24';
/** Ranges for documentation (RFC 5737): the lab's own, whatever the pool is. */
export const DOCUMENTATION_RANGES: readonly string[] = ['192.0.2.0/24', INTERNET_RANGE, '203.0.113.0/24'];

/** Where the metadata service answers in every VPC's router. */
export const METADATA = { address: { 4: '169.254.169.254', 6: 'fd00:ec2::254' }, port: 80 } as const;

/** VPN tunnels. */
export const TUNNEL = {
  /** Of the packets inside: 1500 on the lab's internet, less 40 (IPv6) + 8 (UDP) + 32 (WireGuard). */
  mtu: 1420,
  /** UDP ports, one per tunnel: 40000–56383. */
  firstPort: 40_000,
  /** So that a session is there before the first packet needs it, and is made anew when an end has lost it. */
  keepaliveSeconds: 10,
} as const;

/**
 * Device of a tunnel's end, the virtual private gateway's (`v`) or the customer's (`c`): unique on the host, as its process's socket
 * has its name. `pl…` instead of `wg…` is the plain link that stands in for a tunnel.
 */
export function tunnelName(kind: 'wg' | 'pl', end: 'v' | 'c', vpnConnectionId: string): string {
  return `${kind}${end}${vpnConnectionId.slice('vpn-'.length, 'vpn-'.length + 12)}`;
}
export function isTunnelName(name: string): boolean {
  return /^wg[vc][0-9a-f]{12}$/.test(name);
}

/** Every nft table of ours has this name. */
export const NFT_TABLE = 'enid';

/** `proto` of our routes, rules, neighbours and addresses (rtnetlink; 0–4 are the kernel's, 8–191 used by daemons). */
export const PROTOCOL = 0xed;

/** Priorities of `ip rule`; 0 is the kernel's local table, 32766 and 32767 its main and default. */
export const RULE_PRIORITY = {
  /** Marked traffic to a destination within the VPC that has a route of its own: more specific than local. */
  moreSpecific: 40,
  /** Traffic within the VPC: table main. */
  vpcLocal: 50,
  /** Marked traffic: the route table of the sender's subnet. */
  routeTable: 100,
  /** Inside instances: replies leave by the interface that holds the address. */
  sourceAddress: 1000,
} as const;

/** Routing table inside an instance for the interface at a device index (source-based routing). */
export const sourceTable = (deviceIndex: number): number => 1000 + deviceIndex;
/** The kernel's `main` table. */
export const MAIN_TABLE = 254;
/** Routing table in a router namespace for a VPC route table. Range 1001–3047; 253–255 are the kernel's. */
export const routeTableNumber = (index: number): number => 1000 + index;

/**
 * The device group word of a host end (32 bits, `ip link set group`), which rules match with a mask.
 * bit 0: source/destination check on · bits 1–11: index of the route table · bits 12–31: index of the combination of security groups.
 * A device with no combination (0) is no interface: a gateway's link.
 */
export const GROUP_WORD = {
  checkMask: 0x1,
  routeTableShift: 1,
  routeTableMask: 0xffe,
  combinationShift: 12,
  combinationMask: 0xfffff000,
} as const;

export function groupWord(parts: { check: boolean; routeTableIndex: number; combinationIndex: number }): number {
  return ((parts.check ? 1 : 0) | (parts.routeTableIndex << 1) | (parts.combinationIndex << 12)) >>> 0;
}

/**
 * Packet mark bits. Low 16: route table index. The others are notes of the packet filter to itself; a mark ends with the namespace.
 */
export const MARK = {
  routeTableMask: 0xffff,
  /** The sender's, the receiver's combination lets everything of this protocol through in the other direction: an any-source rule does not track. */
  egressOpenReturn: 0x10000,
  ingressOpenReturn: 0x100000,
  /** The sender's groups let the packet out. */
  egressPassed: 0x20000,
  /** The sender forwards for somebody else: the source is no address of its interface. */
  transitSource: 0x40000,
  /** The receiver forwards for somebody else: the destination is no address of its interface. */
  transitDestination: 0x80000,
  /** The route table says more than local about ranges within the VPC. */
  withinVpc: 0x200000,
  /** The flow has had a packet before. */
  notFirst: 0x400000,
  /** The sender's groups let the packet out, and do not track the flow. */
  egressUntracked: 0x800000,
} as const;

/**
 * Connection mark bits: which side's groups track the flow. The originator's egress rules, the responder's ingress rules.
 * A side that is not marked (both its directions are open to all) is evaluated for every packet, as the cloud does.
 * A flow that an appliance forwards passes the router twice as one connection: the appliance's sides have bits of their own,
 * so that its groups' consent is never taken for that of the ends.
 */
export const CONNMARK = {
  ingressTracked: 0x1,
  egressTracked: 0x2,
  both: 0x3,
  transitIngressTracked: 0x4,
  transitEgressTracked: 0x8,
  any: 0xf,
} as const;

/**
 * Namespace-wide settings, path below `/proc/sys` → value, set before any device is made: devices inherit the defaults.
 * The planner plans exactly these and the kernel layer observes exactly these, so that a settled host shows no difference.
 */
export const SYSCTLS: { readonly [R in 'router' | 'instance' | 'nat' | 'gateway']: Readonly<Record<string, string>> } = {
  router: {
    'net/ipv4/ip_forward': '1',
    'net/ipv6/conf/all/forwarding': '1',
    'net/ipv6/conf/default/forwarding': '1',
    'net/ipv4/conf/all/send_redirects': '0',
    'net/ipv4/conf/default/send_redirects': '0',
    'net/ipv4/conf/all/rp_filter': '0',
    'net/ipv4/conf/default/rp_filter': '1',
    'net/ipv4/conf/default/proxy_arp': '1',
    'net/ipv4/icmp_ratelimit': '0',
    'net/ipv6/conf/all/accept_dad': '0',
    'net/ipv6/conf/default/accept_dad': '0',
    'net/ipv6/conf/all/accept_ra': '0',
    'net/ipv6/conf/default/accept_ra': '0',
    'net/ipv6/conf/all/accept_redirects': '0',
    'net/ipv6/conf/default/accept_redirects': '0',
    // Devices that speak IPv6 are told so one by one, see VethSpec.
    'net/ipv6/conf/default/disable_ipv6': '1',
    'net/ipv6/icmp/ratelimit': '0',
    'net/netfilter/nf_conntrack_udp_timeout_stream': '180',
    'net/netfilter/nf_conntrack_tcp_timeout_established': '432000',
  },
  instance: {
    'net/ipv6/conf/all/accept_dad': '0',
    'net/ipv6/conf/default/accept_dad': '0',
    'net/ipv6/conf/all/accept_ra': '0',
    'net/ipv6/conf/default/accept_ra': '0',
    // Everyone may ping without privileges, as on the cloud's images.
    'net/ipv4/ping_group_range': '0 2147483647',
  },
  nat: {
    'net/ipv4/ip_forward': '1',
    'net/ipv4/conf/all/send_redirects': '0',
    'net/ipv4/conf/default/send_redirects': '0',
    'net/ipv4/conf/all/rp_filter': '0',
    'net/ipv4/conf/default/rp_filter': '0',
    'net/ipv6/conf/all/accept_dad': '0',
    'net/ipv6/conf/default/accept_dad': '0',
    'net/ipv6/conf/all/accept_ra': '0',
    'net/ipv6/conf/default/accept_ra': '0',
    // A NAT gateway drops idle flows after 350 seconds (https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html).
    'net/netfilter/nf_conntrack_tcp_timeout_established': '350',
  },
  gateway: {
    'net/ipv4/ip_forward': '1',
    'net/ipv6/conf/all/forwarding': '1',
    'net/ipv6/conf/default/forwarding': '1',
    'net/ipv4/conf/all/send_redirects': '0',
    'net/ipv4/conf/default/send_redirects': '0',
    'net/ipv4/conf/all/rp_filter': '0',
    'net/ipv4/conf/default/rp_filter': '0',
    'net/ipv4/icmp_ratelimit': '0',
    'net/ipv6/conf/all/accept_dad': '0',
    'net/ipv6/conf/default/accept_dad': '0',
    'net/ipv6/conf/all/accept_ra': '0',
    'net/ipv6/conf/default/accept_ra': '0',
    'net/ipv6/icmp/ratelimit': '0',
    'net/ipv4/ping_group_range': '0 2147483647',
  },
};

/**
 * Device group of host ends that are about to be deleted, all at once. Check on, and a combination that no VPC reaches,
 * so that nothing passes in the meantime.
 */
export const TRASH_GROUP = 0xffffffff;

/** Names of sets in a router's tables `ip enid` and `ip6 enid`; each ends with its family's digit. */
export const SET = {
  /** Address and device: which addresses an interface may send from and receive for. */
  own: (family: 4 | 6) => `own${family}`,
  /** Devices, with counters: packets that the source check dropped. */
  sourceCheckDrops: (family: 4 | 6) => `source-check-drops${family}`,
  /** The same of packets that the destination check, egress rules, ingress rules dropped. */
  destinationCheckDrops: (family: 4 | 6) => `dest-check-drops${family}`,
  egressDrops: (family: 4 | 6) => `egress-drops${family}`,
  ingressDrops: (family: 4 | 6) => `ingress-drops${family}`,
  /** Addresses of a group's members. */
  group: (groupId: string, family: 4 | 6) => `${groupId}.${family}`,
  /** Indexes of devices, with the flows that were counted of each, and of those that may have no new ones for now; filled by rules. */
  flowCounts: (family: 4 | 6) => `flow-counts${family}`,
  flowPauses: (family: 4 | 6) => `flow-pauses${family}`,
} as const;

/** Sets of which every interface's host end is a member. */
export const DROP_SETS = [SET.sourceCheckDrops, SET.destinationCheckDrops, SET.egressDrops, SET.ingressDrops] as const;

/** Of which table a set is. */
export const setFamily = (name: string): 4 | 6 => (name.endsWith('6') ? 6 : 4);

/** Priorities of a router's hooks: sources are checked before connection tracking (-200), so that a spoofed packet leaves no trace. */
export const SOURCE_CHECK_PRIORITY = -300;
export const FILTER_PRIORITY = 0;

/** How a host end's alias names its interface (`ip link` shows it). */
export const linkAlias = (id: NetworkInterfaceId): string => id;

/** Comment of every rule, with its hash, by which a restarted agent tells that it is current. */
export const RULE_COMMENT_PREFIX = 'enid:';
