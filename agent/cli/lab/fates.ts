import type * as wire from '../wire.js';
import type { CurrentLab } from './current.js';
import type { Lab } from './load.js';
import { PARTS, type Part } from './nouns.js';

/** What becomes of each resource of a lab: it stays (perhaps changed in place), or it must be made anew. Pure. */

export interface Fates {
  /** The resource exists and is the right one: what differs can be changed in place. */
  readonly stays: (part: Part, name: string) => boolean;
}

/** Decides by what can't be changed in place: a resource goes when such a field differs, or when what it lives in goes. */
export function decideFates(lab: Lab, current: CurrentLab): Fates {
  const kept = Object.fromEntries(PARTS.map((part) => [part, new Set()])) as Record<Part, Set<string>>;
  const judge = <P extends Part>(part: P, fits: (wanted: Lab[P][string], found: MapValue<CurrentLab[P]>) => boolean) => {
    for (const [name, wanted] of Object.entries(lab[part])) {
      const found = current[part].get(name);
      if (found !== undefined && fits(wanted as Lab[P][string], found as MapValue<CurrentLab[P]>)) kept[part].add(name);
    }
  };
  const inKeptVpc = (vpc: string, vpcId: string) => kept.vpcs.has(vpc) && current.vpcs.get(vpc)?.vpcId === vpcId;

  judge('vpcs', (wanted, found) => wanted.cidr === found.cidrBlock && ipv6Fits(wanted.ipv6, found.ipv6?.cidrBlock));
  judge(
    'subnets',
    (wanted, found) =>
      inKeptVpc(wanted.vpc, found.vpcId) &&
      wanted.cidr === found.cidrBlock &&
      ipv6Fits(wanted.ipv6, found.ipv6?.cidrBlock) &&
      wanted.parent === found.parentDevice &&
      (wanted.zone === undefined || fullZone(wanted.zone, current.zones) === found.availabilityZone),
  );
  judge('prefixLists', (wanted, found) => wanted.family === found.family);
  judge('groups', (wanted, found) => inKeptVpc(wanted.vpc, found.vpcId));
  judge(
    'interfaces',
    (wanted, found) =>
      kept.subnets.has(wanted.subnet) &&
      current.subnets.get(wanted.subnet)?.subnetId === found.subnetId &&
      (wanted.address === undefined || wanted.address === found.privateIpAddresses.find((a) => a.primary)?.privateIpAddress) &&
      (wanted.mac === undefined || wanted.mac === found.macAddress),
  );
  const primaries = new Set(
    [...current.interfaces.values()].flatMap(({ attachment }) => (attachment?.deviceIndex === 0 ? [attachment.instanceId] : [])),
  );
  judge('instances', (wanted, found) => {
    const [first = ''] = wanted.interfaces;
    const attachment = current.interfaces.get(first)?.attachment;
    return (
      found.state !== 'shutting-down' &&
      isGuest(wanted, found) &&
      kept.interfaces.has(first) &&
      attachment?.instanceId === found.instanceId &&
      attachment.deviceIndex === wanted.index &&
      // A primary interface can't be detached.
      (wanted.index === 0 || !primaries.has(found.instanceId))
    );
  });
  judge('routeTables', (wanted, found) => wanted.main === undefined && inKeptVpc(wanted.vpc, found.vpcId));
  // Attached to another VPC, or to none, they are attached anew.
  judge('internetGateways', () => true);
  judge('vpnGateways', (wanted, found) => wanted.asn === undefined || wanted.asn === found.amazonSideAsn);
  judge('egressOnlyGateways', (wanted, found) => inKeptVpc(wanted.vpc, found.vpcId));
  judge('elasticAddresses', (wanted, found) => wanted.publicIp === undefined || wanted.publicIp === found.publicIp);
  judge('natGateways', (wanted, found) => {
    const { elasticAddress } = wanted;
    const allocationId = elasticAddress === undefined ? undefined : current.elasticAddresses.get(elasticAddress)?.allocationId;
    return (
      (found.state === 'pending' || found.state === 'available') &&
      kept.subnets.has(wanted.subnet) &&
      current.subnets.get(wanted.subnet)?.subnetId === found.subnetId &&
      (elasticAddress === undefined || kept.elasticAddresses.has(elasticAddress)) &&
      found.natGatewayAddresses[0]?.allocationId === allocationId
    );
  });
  judge(
    'customerGateways',
    (wanted, found) => wanted.address === found.ipAddress && (wanted.asn === undefined || wanted.asn === found.bgpAsn),
  );
  judge(
    'vpnConnections',
    (wanted, found) =>
      kept.vpnGateways.has(wanted.vpnGateway) &&
      current.vpnGateways.get(wanted.vpnGateway)?.vpnGatewayId === found.vpnGatewayId &&
      [...kept.customerGateways].some((name) => current.customerGateways.get(name)?.customerGatewayId === found.customerGatewayId),
  );
  judge('peerings', ({ between: [requester, accepter] }, found) => {
    return inKeptVpc(requester, found.requesterVpcId) && inKeptVpc(accepter, found.accepterVpcId);
  });
  judge('networkAcls', (wanted, found) => inKeptVpc(wanted.vpc, found.vpcId));
  judge('dhcpOptions', ({ domainName, servers = [PROVIDED_DNS] }, found) => {
    return domainName === found.domainName && servers.join() === found.domainNameServers.join();
  });
  return { stays: (part, name) => kept[part].has(name) };
}

/** Name servers of options that say none. */
const PROVIDED_DNS = 'AmazonProvidedDNS';

type MapValue<M> = M extends ReadonlyMap<string, infer V> ? V : never;

function ipv6Fits(wanted: true | string | undefined, found: string | undefined): boolean {
  return wanted === true ? found !== undefined : wanted === found;
}

/** Whether the instance is in the namespace that it should be in. */
function isGuest({ container, netns, pid }: Lab['instances'][string], { holder }: wire.Instance): boolean {
  if (container !== undefined)
    return holder?.kind === 'container' && (holder.name === container || holder.containerId?.startsWith(container) === true);
  if (netns !== undefined) return holder?.kind === 'namespace' && holder.name === netns;
  if (pid !== undefined) return holder?.kind === 'process' && holder.pid === pid;
  return holder === undefined || holder.kind === 'netns' || holder.kind === 'image';
}

/** A zone given by its letter alone is the agent's zone that ends with it. */
export function fullZone(zone: string, zones: readonly string[]): string {
  return zone.length === 1 ? (zones.find((candidate) => candidate.endsWith(zone)) ?? zone) : zone;
}
