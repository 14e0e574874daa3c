import type { ElasticIp } from '../model/elastic-ip.js';
import { type NetworkInterface, primaryAddress } from '../model/network-interface.js';
import type { Snapshot } from '../model/snapshot.js';
import { vpcIpv4Ranges } from '../model/vpc.js';
import { privateHostName, publicDnsName } from '../planner/names.js';
import { type Branch, branch } from './node.js';

export interface PublicAddress {
  readonly publicIp: string;
  readonly privateIpAddress: string;
}

/** Public addresses of an interface, in the order of the private ones that they belong to. */
export function publicAddresses(snapshot: Snapshot, eni: NetworkInterface): PublicAddress[] {
  const place = ({ privateIpAddress }: PublicAddress) => eni.privateIpAddresses.indexOf(privateIpAddress);
  return snapshot
    .by('elasticIp', 'networkInterfaceId', eni.networkInterfaceId)
    .flatMap(({ publicIp, association }: ElasticIp) => (association ? [{ publicIp, privateIpAddress: association.privateIpAddress }] : []))
    .sort((a, b) => place(a) - place(b));
}

/** The name that the internet knows an interface by; only with DNS host names in its VPC. */
export function publicHostname(snapshot: Snapshot, eni: NetworkInterface, region: string): string | undefined {
  const [first] = publicAddresses(snapshot, eni);
  return first && snapshot.get('vpc', eni.vpcId)?.enableDnsHostnames ? publicDnsName(first.publicIp, region) : undefined;
}

export function groupNames(snapshot: Snapshot, { groupIds }: NetworkInterface): string[] {
  return groupIds.map((groupId) => snapshot.get('securityGroup', groupId)?.groupName ?? groupId);
}

/** `network/interfaces/macs/<mac>/` */
export function interfaceTree(
  snapshot: Snapshot,
  eni: NetworkInterface,
  { region, domain }: { readonly region: string; readonly domain: string },
): Branch {
  const subnet = snapshot.get('subnet', eni.subnetId);
  const vpc = snapshot.get('vpc', eni.vpcId);
  const addresses = publicAddresses(snapshot, eni);
  return branch({
    'device-number': String(eni.attachment?.deviceIndex ?? 0),
    'interface-id': eni.networkInterfaceId,
    'ipv4-associations':
      addresses.length > 0 ? branch(new Map(addresses.map(({ publicIp, privateIpAddress }) => [publicIp, privateIpAddress]))) : undefined,
    ipv6s: lines(eni.ipv6Addresses),
    'local-hostname': `${privateHostName(primaryAddress(eni))}.${domain}`,
    'local-ipv4s': lines(eni.privateIpAddresses),
    mac: eni.macAddress,
    'network-card': String(eni.attachment?.networkCardIndex ?? 0),
    'owner-id': eni.ownerId,
    'public-hostname': publicHostname(snapshot, eni, region),
    'public-ipv4s': lines(addresses.map(({ publicIp }) => publicIp)),
    'security-group-ids': lines(eni.groupIds),
    'security-groups': lines(groupNames(snapshot, eni)),
    'subnet-id': eni.subnetId,
    'subnet-ipv4-cidr-block': subnet?.cidrBlock,
    'subnet-ipv6-cidr-blocks': subnet?.ipv6?.cidrBlock,
    'vpc-id': eni.vpcId,
    'vpc-ipv4-cidr-block': vpc?.cidrBlock,
    'vpc-ipv4-cidr-blocks': vpc && lines(vpcIpv4Ranges(vpc)),
    'vpc-ipv6-cidr-blocks': vpc?.ipv6?.cidrBlock,
  });
}

/** A leaf of several values; not there when there are none. */
export function lines(values: readonly string[]): string | undefined {
  return values.length > 0 ? values.join('\n') : undefined;
}
