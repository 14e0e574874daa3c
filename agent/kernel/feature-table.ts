import type { KernelFeatures } from './port.js';

/**
 * What enid uses of a kernel and its tools, and what does not work without it. `needed`: nothing works as promised without;
 * the others belong to parts that a user may never touch. Pure.
 */
interface Part {
  readonly needed: boolean;
  readonly disables: string;
}

/** Matches and targets of iptables, each with the rules that try it out: table, chain and the rest of an `-A` line. */
export const RULE_FEATURES = {
  devgroup: ['raw PREROUTING -m devgroup --src-group 0x1/0x1', 'filter FORWARD -m devgroup --dst-group 0x1000/0xfffff000'],
  set: ['raw PREROUTING -m set ! --match-set probe src', 'filter FORWARD -m set --match-set probe dst'],
  connmark: ['filter FORWARD -m connmark --mark 0x3/0x3', 'filter FORWARD -j CONNMARK --set-xmark 0x2/0x2'],
  conntrack: ['filter FORWARD -m conntrack --ctstate RELATED', 'filter FORWARD -m conntrack --ctdir ORIGINAL'],
  mark: ['raw PREROUTING -j MARK --set-xmark 0x1/0xffff', 'filter FORWARD -m mark --mark 0x10000/0x10000'],
  comment: ['filter INPUT -m comment --comment enid:probe'],
  connlimit: [
    'filter FORWARD -m conntrack ! --ctstatus CONFIRMED -m statistic --mode random --probability 0.5',
    'filter FORWARD -m connlimit --connlimit-above 1 --connlimit-mask 0 --connlimit-saddr -m recent --set --name probe --rsource',
  ],
} as const satisfies Record<string, readonly string[]>;
export type RuleFeature = keyof typeof RULE_FEATURES;

/** Text for a restore that tries the features out in an empty namespace which has a set `probe`. */
export function restoreText(features: readonly RuleFeature[]): string {
  const byTable = new Map<string, string[]>();
  for (const rule of features.flatMap((feature): readonly string[] => RULE_FEATURES[feature])) {
    const [table = '', ...rest] = rule.split(' ');
    byTable.set(table, [...(byTable.get(table) ?? []), `-A ${rest.join(' ')}\n`]);
  }
  return [...byTable].map(([table, rules]) => `*${table}\n${rules.join('')}COMMIT\n`).join('');
}

const rules = (feature: string, version: string): Part => ({
  needed: true,
  disables: `security groups and the source/destination check of IPv${version}: rules use the ${feature} match`,
});
const RULES = (version: string) => ({
  devgroup: rules('devgroup', version),
  set: rules('set', version),
  connmark: rules('connmark', version),
  conntrack: rules('conntrack', version),
  mark: { needed: true, disables: `route tables of subnets other than local, IPv${version}: rules set marks` },
  connlimit: {
    needed: false,
    disables: `the limit of tracked flows per interface, IPv${version}: rules use connlimit, statistic and recent`,
  },
  comment: { needed: true, disables: `telling after a restart whether the rules of IPv${version} are current` },
});
type Prefixed<P extends string> = { readonly [K in RuleFeature as `${P} ${K}`]: Part };
const prefixed = <P extends string>(prefix: P, parts: Readonly<Record<RuleFeature, Part>>): Prefixed<P> =>
  Object.fromEntries(Object.entries(parts).map(([name, part]) => [`${prefix} ${name}`, part])) as Prefixed<P>;

export const FEATURES = {
  netns: { needed: true, disables: 'everything: instances and routers are network namespaces' },
  veth: { needed: true, disables: 'network interfaces: each is a pair of veth devices' },
  ipv6: { needed: true, disables: 'IPv6 addresses of interfaces' },
  'policy routing': { needed: true, disables: 'route tables of subnets, and source-based routing inside instances' },
  'ipset hash:ip': { needed: true, disables: 'rules that refer to a security group' },
  'ipset hash:net': { needed: true, disables: 'rules that refer to a prefix list' },
  'ipset hash:net,iface': { needed: true, disables: 'the source/destination check, and counters of dropped packets' },
  'ipset list:set': { needed: true, disables: 'counters of packets that the source check dropped' },
  ...prefixed('iptables', RULES('4')),
  ...prefixed('ip6tables', RULES('6')),
  'conntrack settings': { needed: true, disables: "time-outs of tracked flows like the cloud's" },
  'address protocol': { needed: false, disables: "telling an instance's own addresses from those that enid gave it (Linux 5.18)" },
  macvlan: { needed: false, disables: 'subnets on a device of the host (macvlan driver)' },
  vxlan: { needed: false, disables: 'VPCs over several hosts' },
  nftables: { needed: false, disables: 'appliances as route targets on other hosts' },
  tun: { needed: false, disables: 'encryption of VPN connections: they become plain links (/dev/net/tun)' },
} as const satisfies Record<string, Part>;
export type Feature = keyof typeof FEATURES;

/** Whether the rules that limit flows can be loaded. */
export function hasFlowLimit({ features }: Pick<KernelFeatures, 'features'>): boolean {
  return features['iptables connlimit'] === true && features['ip6tables connlimit'] === true;
}

/** Command line tools, each with the argument that makes it say its version. */
export const TOOLS = {
  iptables: { needed: true, argument: '-V', disables: 'security groups and the source/destination check of IPv4' },
  ip6tables: { needed: true, argument: '-V', disables: 'security groups and the source/destination check of IPv6' },
  unshare: { needed: true, argument: '-V', disables: 'user data of instances' },
  nsenter: { needed: true, argument: '-V', disables: '`eni exec` into the processes of an instance' },
  ip: { needed: false, argument: '-V', disables: 'looking into namespaces with `ip netns exec`' },
  ipset: { needed: false, argument: '-v', disables: 'looking into sets with `ipset list`' },
  nft: {
    needed: false,
    argument: '-v',
    disables: 'internet, egress-only and NAT gateways, subnets on a device of the host: they translate and filter with it',
  },
  'wireguard-go': { needed: false, argument: '--version', disables: 'encryption of VPN connections: they become plain links' },
  dnsmasq: { needed: false, argument: '--version', disables: 'names: the resolvers of VPCs, and the DNS of the lab’s internet' },
} as const satisfies Record<string, Part & { readonly argument: string }>;
export type Tool = keyof typeof TOOLS;

export interface Missing {
  readonly feature: string;
  readonly needed: boolean;
  readonly disables: string;
}

/** Every part that is absent, the needed ones first. */
export function missingParts({ features, tools }: Pick<KernelFeatures, 'features' | 'tools'>): Missing[] {
  const absent = [
    ...Object.entries(FEATURES).filter(([name]) => features[name] === false),
    ...Object.entries(TOOLS)
      .filter(([name]) => tools[name] === null)
      .map(([name, part]) => [`${name} (tool)`, part] as const),
  ];
  return absent
    .map(([feature, { needed, disables }]) => ({ feature, needed, disables }))
    .sort((a, b) => Number(b.needed) - Number(a.needed));
}

/** Version in what a tool prints about itself, with the flavour of iptables; `undefined` when it is not understood. */
export function versionIn(output: string): string | undefined {
  const [, version, flavour = ''] = /(?:iproute2-|util-linux |version |\bv)(\w[\w.]*\w)( \((?:nf_tables|legacy)\))?/.exec(output) ?? [];
  return version && `${version}${flavour}`;
}
