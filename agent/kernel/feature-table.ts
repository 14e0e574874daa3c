import type { Family, KernelFeatures } from './port.js';

/**
 * What enid uses of a kernel and its tools, and what does not work without it. `needed`: nothing works as promised without;
 * the others belong to parts that a user may never touch. Pure.
 */
interface Part {
  readonly needed: boolean;
  readonly disables: string;
}

/** What rules do, each with rules that try it out: the chain (`early` before connection tracking, `forward`) and the rest of an `add rule` line. `ip`: the family. */
export const RULE_FEATURES = {
  devgroup: ['early iifgroup & 0x1 == 0x1', 'forward oifgroup & 0xfffff000 vmap { 0x1000 : drop }'],
  set: ['early ip saddr . iifname != @pairs drop', 'forward oifname @names drop'],
  connmark: ['forward ct mark & 0x3 == 0x3 accept', 'forward ct mark set ct mark & 0xfffffffd | 0x2'],
  conntrack: ['forward ct state related accept', 'forward ct direction original accept'],
  mark: ['early meta mark set meta mark & 0xffff0000 | 0x1', 'forward meta mark & 0x10000 == 0x10000 accept'],
  connlimit: [
    'forward ct status ! confirmed numgen random mod 64 == 0 add @flows { ip saddr ct count over 1 } update @paused { ip saddr timeout 5s } drop',
  ],
} as const satisfies Record<string, readonly string[]>;
export type RuleFeature = keyof typeof RULE_FEATURES;

/** Text for `nft -f` that tries the features out in an empty namespace. */
export function trialText(family: Family, features: readonly RuleFeature[]): string {
  const ip = family === 4 ? 'ip' : 'ip6';
  const address = family === 4 ? 'ipv4_addr' : 'ipv6_addr';
  const rules = features.flatMap((feature): readonly string[] => RULE_FEATURES[feature]);
  return [
    `add table ${ip} probe`,
    `add set ${ip} probe pairs { type ${address} . ifname; }`,
    `add set ${ip} probe names { type ifname; counter; }`,
    `add set ${ip} probe flows { type ${address}; size 1024; flags dynamic; }`,
    `add set ${ip} probe paused { type ${address}; size 1024; flags dynamic,timeout; }`,
    `add chain ${ip} probe early { type filter hook prerouting priority -300; }`,
    `add chain ${ip} probe forward { type filter hook forward priority 0; }`,
    ...rules.map((rule) => `add rule ${ip} probe ${rule.replaceAll('ip saddr', `${ip} saddr`)}`),
    '',
  ].join('\n');
}

const rules = (what: string, version: string): Part => ({
  needed: true,
  disables: `security groups and the source/destination check of IPv${version}: rules ask for ${what}`,
});
const RULES = (version: string) => ({
  devgroup: rules('groups of devices', version),
  set: rules('sets of addresses and devices', version),
  connmark: rules('marks of connections', version),
  conntrack: rules('the state and direction of connections', version),
  mark: { needed: true, disables: `route tables of subnets other than local, IPv${version}: rules set marks` },
  connlimit: { needed: false, disables: `the limit of tracked flows per interface, IPv${version}: rules count connections per source` },
});
type Prefixed<P extends string> = { readonly [K in RuleFeature as `${P} ${K}`]: Part };
const prefixed = <P extends string>(prefix: P, parts: Readonly<Record<RuleFeature, Part>>): Prefixed<P> =>
  Object.fromEntries(Object.entries(parts).map(([name, part]) => [`${prefix} ${name}`, part])) as Prefixed<P>;

export const FEATURES = {
  netns: { needed: true, disables: 'everything: instances and routers are network namespaces' },
  veth: { needed: true, disables: 'network interfaces: each is a pair of veth devices' },
  ipv6: { needed: true, disables: 'IPv6 addresses of interfaces' },
  'policy routing': { needed: true, disables: 'route tables of subnets, and source-based routing inside instances' },
  nftables: { needed: true, disables: 'the packet filter: security groups, the source/destination check, gateways' },
  ...prefixed('nft ip', RULES('4')),
  ...prefixed('nft ip6', RULES('6')),
  'conntrack settings': { needed: true, disables: "time-outs of tracked flows like the cloud's" },
  'address protocol': { needed: false, disables: "telling an instance's own addresses from those that enid gave it (Linux 5.18)" },
  macvlan: { needed: false, disables: 'subnets on a device of the host (macvlan driver)' },
  vxlan: { needed: false, disables: 'VPCs over several hosts' },
  tun: { needed: false, disables: 'encryption of VPN connections: they become plain links (/dev/net/tun)' },
} as const satisfies Record<string, Part>;
export type Feature = keyof typeof FEATURES;

/** Whether the rules that limit flows can be loaded. */
export function hasFlowLimit({ features }: Pick<KernelFeatures, 'features'>): boolean {
  return features['nft ip connlimit'] === true && features['nft ip6 connlimit'] === true;
}

/** Command line tools, each with the argument that makes it say its version. */
export const TOOLS = {
  nft: { needed: true, argument: '-v', disables: 'the packet filter: security groups, the source/destination check, gateways' },
  unshare: { needed: true, argument: '-V', disables: 'user data of instances' },
  nsenter: { needed: true, argument: '-V', disables: '`eni exec` into the processes of an instance' },
  ip: { needed: false, argument: '-V', disables: 'looking into namespaces with `ip netns exec`' },
  iptables: { needed: false, argument: '-V', disables: 'telling whether the host’s own rules stop the lab' },
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
