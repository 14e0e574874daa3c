import type { CurrentLab } from './current.js';
import type { Lab } from './load.js';

/** What becomes of each resource of a lab: it stays (perhaps changed in place), or it must be made anew. Pure. */

export type Part = 'vpcs' | 'subnets' | 'prefixLists' | 'groups' | 'interfaces' | 'instances' | 'routeTables';
export const PARTS: readonly Part[] = ['vpcs', 'subnets', 'prefixLists', 'groups', 'interfaces', 'instances', 'routeTables'];

export interface Fates {
  /** The resource exists and is the right one: what differs can be changed in place. */
  readonly stays: (part: Part, name: string) => boolean;
}

/** Decides by what can't be changed in place: a resource goes when such a field differs, or when what it lives in goes. */
export function decideFates(lab: Lab, current: CurrentLab): Fates {
  const kept: Record<Part, Set<string>> = {
    vpcs: new Set(),
    subnets: new Set(),
    prefixLists: new Set(),
    groups: new Set(),
    interfaces: new Set(),
    instances: new Set(),
    routeTables: new Set(),
  };
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
  judge('instances', (wanted, found) => {
    const [first = ''] = wanted.interfaces;
    const attachment = current.interfaces.get(first)?.attachment;
    return (
      found.state !== 'shutting-down' &&
      kept.interfaces.has(first) &&
      attachment?.instanceId === found.instanceId &&
      attachment.deviceIndex === 0
    );
  });
  judge('routeTables', (wanted, found) => wanted.main === undefined && inKeptVpc(wanted.vpc, found.vpcId));
  return { stays: (part, name) => kept[part].has(name) };
}

type MapValue<M> = M extends ReadonlyMap<string, infer V> ? V : never;

function ipv6Fits(wanted: true | string | undefined, found: string | undefined): boolean {
  return wanted === true ? found !== undefined : wanted === found;
}

/** A zone given by its letter alone is the agent's zone that ends with it. */
export function fullZone(zone: string, zones: readonly string[]): string {
  return zone.length === 1 ? (zones.find((candidate) => candidate.endsWith(zone)) ?? zone) : zone;
}
