import type { KernelObject } from '../kernel/port.js';
import { GATEWAY_LINK, gatewayLinkName, INTERNET_NAMESPACE, ROUTER_LINK_LOCAL, ROUTER_MAC, routerNamespace } from '../kernel/resources.js';
import { cidr, hostCidr, nthAddress } from '../model/address.js';
import { isId, type VpcId } from '../model/ids.js';
import type { NetworkInterface } from '../model/network-interface.js';
import type { Change, Snapshot } from '../model/snapshot.js';
import type { Vpc } from '../model/vpc.js';
import type { ServiceSpec } from '../services/service.js';
import type { CommitEvent } from '../store/store.js';
import { hostsFile, internalDomain } from './names.js';
import { isInternetPresent, isVpcPresent } from './presence.js';

/**
 * The resolver of a VPC: a unit of its own, so that a VPC without a working one is a VPC all the same. It answers in the router's namespace, at
 * the VPC's base plus two and at an address that is the same in every VPC, and asks the lab's DNS for what it does not know.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
 */
export const RESOLVER_ADDRESS = '169.254.169.253';
const RESOLVER_ADDRESS_IPV6 = 'fd00:ec2::253';

export const resolverUnit = (vpcId: string): string => `dns-${vpcId.slice('vpc-'.length)}`;

/** The VPC whose resolver a unit is. */
export function resolverVpcId(unit: string): VpcId | undefined {
  const vpcId = unit.replace(/^dns-/, 'vpc-');
  return unit.startsWith('dns-') && isId('vpc', vpcId) ? vpcId : undefined;
}

/** Where a VPC's resolver answers in its own range. */
export const resolverAddress = (vpc: Vpc): string => nthAddress(cidr(vpc.cidrBlock), 2);

function presentResolver(snapshot: Snapshot, hostId: string, unit: string): Vpc | undefined {
  const vpcId = resolverVpcId(unit);
  const vpc = vpcId && snapshot.get('vpc', vpcId);
  return vpc?.enableDnsSupport && isVpcPresent(snapshot, hostId, vpc.vpcId) ? vpc : undefined;
}

/** Where a VPC's resolver answers. */
export const resolverAddresses = (vpc: Vpc): string[] => [
  resolverAddress(vpc),
  RESOLVER_ADDRESS,
  ...(vpc.ipv6 ? [RESOLVER_ADDRESS_IPV6] : []),
];

/** Device in the router of its link to the internet. */
const UPLINK = GATEWAY_LINK.outside;

export function planResolver(
  snapshot: Snapshot,
  { hostId, mtu }: { readonly hostId: string; readonly mtu: number },
  unit: string,
): KernelObject[] {
  const vpc = presentResolver(snapshot, hostId, unit);
  if (!vpc) return [];
  const netns = routerNamespace(vpc.vpcId);
  return [
    ...resolverAddresses(vpc).map((address): KernelObject => ({ kind: 'address', netns, device: 'lo', address: hostCidr(address) })),
    ...(isInternetPresent(snapshot, hostId) ? uplink(vpc, netns, mtu) : []),
  ];
}

/** Link-local IPv6 only: nothing that an instance sends can be routed over it, and what comes back needs no address that is unique in the lab. */
function uplink({ vpcId }: Vpc, router: string, mtu: number): KernelObject[] {
  const near = { netns: INTERNET_NAMESPACE, device: gatewayLinkName('n', vpcId) };
  const far = { netns: router, device: UPLINK };
  return [
    {
      kind: 'veth',
      netns: near.netns,
      name: near.device,
      alias: vpcId,
      mac: ROUTER_MAC,
      group: 0,
      rpFilter: 0,
      ipv6: true,
      mtu,
      peer: { netns: far.netns, name: far.device, mac: GATEWAY_LINK.mac },
    },
    { kind: 'neighbour', ...near, address: GATEWAY_LINK.linkLocal, mac: GATEWAY_LINK.mac },
    { kind: 'neighbour', ...far, address: ROUTER_LINK_LOCAL, mac: ROUTER_MAC },
  ];
}

const DNS_PORT = 53;

export function resolverServices(
  snapshot: Snapshot,
  { hostId, region }: { readonly hostId: string; readonly region: string },
  unit: string,
): ServiceSpec[] {
  const vpc = presentResolver(snapshot, hostId, unit);
  if (!vpc) return [];
  const domain = internalDomain(region);
  const lists = ['--no-hosts', '--no-resolv', '--addn-hosts={dir}/hosts', '--servers-file={dir}/servers'];
  // Names of the VPC, bare names and private addresses are nobody else's business.
  const ours = [`--local=/${domain}/`, '--domain-needed', '--bogus-priv'];
  return [
    {
      name: unit,
      netns: routerNamespace(vpc.vpcId),
      argv: [...DNSMASQ, ...lists, ...ours, '--bind-interfaces', ...resolverAddresses(vpc).map((address) => `--listen-address=${address}`)],
      files: {
        hosts: hostsFile(snapshot, vpc.vpcId, domain),
        servers: isInternetPresent(snapshot, hostId) ? `server=${ROUTER_LINK_LOCAL}%${UPLINK}\n` : '',
      },
      onFileChange: 'SIGHUP',
      ready: { listens: [{ protocol: 'udp', port: DNS_PORT }] },
    },
  ];
}

/** It stays in the foreground, reads no configuration of the host's, and needs root to read its files again. */
export const DNSMASQ: readonly string[] = [
  'dnsmasq',
  '--keep-in-foreground',
  '--conf-file=/dev/null',
  '--pid-file={dir}/pid',
  '--log-facility=-',
  '--user=root',
  '--group=root',
  '--cache-size=1000',
];

/**
 * Resolvers whose names or addresses a commit changes on this host. Costs what changed. That a VPC or the internet comes or goes is
 * looked after elsewhere (`affectedUnits`).
 */
export function affectedResolvers({ before, after, changes }: CommitEvent, hostId: string): Set<string> {
  const fieldsOf = (snapshot: Snapshot, { kind, id }: Change): readonly [VpcId, ...unknown[]] | undefined => {
    if (kind === 'vpc') {
      const vpc = snapshot.get(kind, id);
      return vpc && [vpc.vpcId, vpc.cidrBlock, vpc.ipv6?.cidrBlock, vpc.enableDnsSupport];
    }
    if (kind === 'networkInterface') {
      const eni = snapshot.get(kind, id);
      return eni && [eni.vpcId, ...namedFields(eni)];
    }
    const instance = kind === 'instance' ? snapshot.get(kind, id) : undefined;
    return instance && [instance.vpcId, instance.state === 'terminated', instance.tags.Name];
  };
  const vpcIds = new Set<VpcId>();
  for (const change of changes) {
    const [was, is] = [fieldsOf(before, change), fieldsOf(after, change)];
    const [vpcId] = is ?? was ?? [];
    if (vpcId && JSON.stringify(was) !== JSON.stringify(is)) vpcIds.add(vpcId);
  }
  return new Set([...vpcIds].filter((vpcId) => isVpcPresent(after, hostId, vpcId)).map(resolverUnit));
}

function namedFields({ privateIpAddresses, ipv6Addresses, attachment }: NetworkInterface): readonly unknown[] {
  const primary = attachment?.deviceIndex === 0 ? [attachment.instanceId, attachment.status] : [];
  return [privateIpAddresses, ipv6Addresses, primary];
}
