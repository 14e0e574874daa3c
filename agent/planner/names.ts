import type { Instance } from '../model/instance.js';
import { type NetworkInterface, primaryAddress } from '../model/network-interface.js';
import type { Snapshot } from '../model/snapshot.js';

/** First label of the private DNS name of an address. */
export function privateHostName(address: string): string {
  return `ip-${address.replaceAll('.', '-')}`;
}

/** Domain of private DNS names; us-east-1 has one of its own. */
export function internalDomain(region: string): string {
  return region === 'us-east-1' ? 'ec2.internal' : `${region}.compute.internal`;
}

/** @see https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html */
export function publicDnsName(address: string, region: string): string {
  return `ec2-${address.replaceAll('.', '-')}.${region === 'us-east-1' ? 'compute-1' : `${region}.compute`}.amazonaws.com`;
}

/**
 * The names of a VPC as a hosts file, each bare and with the domain: `ip-10-0-1-10` for every private address of an interface; for an
 * instance its id and, as far as it makes a host name, its `Name` tag, at the primary address and at the IPv6 addresses of its
 * primary interface. The first name of a line is what the address is called in reverse. Sorted, so that equal states give equal texts.
 */
export function hostsFile(snapshot: Snapshot, vpcId: string, domain: string): string {
  const interfaces = snapshot.by('networkInterface', 'vpcId', vpcId);
  return interfaces
    .flatMap((eni) => linesOf(eni, ownerOf(snapshot, eni), domain))
    .sort()
    .join('');
}

interface Remembered {
  readonly owner: Instance | undefined;
  readonly domain: string;
  readonly lines: readonly string[];
}

/** By the record: of a VPC's interfaces few differ from one text to the next. */
const remembered = new WeakMap<NetworkInterface, Remembered>();

function linesOf(eni: NetworkInterface, owner: Instance | undefined, domain: string): readonly string[] {
  const known = remembered.get(eni);
  if (known && known.owner === owner && known.domain === domain) return known.lines;
  const names = instanceNames(owner);
  const primary = primaryAddress(eni);
  const line = (address: string, labels: readonly string[]) =>
    `${[address, ...labels.flatMap((label) => [`${label}.${domain}`, label])].join(' ')}\n`;
  const lines = [
    ...eni.privateIpAddresses.map((address) => line(address, [privateHostName(address), ...(address === primary ? names : [])])),
    ...(names.length > 0 ? eni.ipv6Addresses.map((address) => line(address, names)) : []),
  ];
  remembered.set(eni, { owner, domain, lines });
  return lines;
}

/** The instance whose primary interface it is. */
function ownerOf(snapshot: Snapshot, { attachment }: NetworkInterface): Instance | undefined {
  return attachment?.status === 'attached' && attachment.deviceIndex === 0 ? snapshot.get('instance', attachment.instanceId) : undefined;
}

function instanceNames(instance: Instance | undefined): string[] {
  if (!instance || instance.state === 'terminated') return [];
  const label = hostLabel(instance.tags.Name ?? '');
  return [instance.instanceId, ...(label === undefined ? [] : [label])];
}

/**
 * A text as a host name: lower case, and one dash for whatever may not be in a name. `undefined` when nothing is left, or what is left
 * is a name that only the resolver gives (of an address or an instance id), or one that stands for the machine itself.
 */
export function hostLabel(text: string): string | undefined {
  const labels = text
    .toLowerCase()
    .split('.')
    .map((part) =>
      part
        .replace(/[^a-z0-9]+/g, '-')
        .slice(0, 63)
        .replace(/^-|-$/g, ''),
    );
  const name = labels.join('.');
  if (labels.includes('') || name.length > 200 || /^(ip|i)-|^localhost$|^[0-9.]+$/.test(name)) return undefined;
  return name;
}
