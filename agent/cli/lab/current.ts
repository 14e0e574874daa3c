import type { z } from 'zod';
import type { Client } from '../client.js';
import { CliError } from '../errors.js';
import { NOUNS, type NounName } from '../nouns.js';
import * as wire from '../wire.js';
import * as gateways from './wire.js';

/** Tags by which a lab finds its resources again. */
export const LAB_TAG = 'enid:lab';
export const NAME_TAG = 'enid:name';

/** What the agent has of a lab, by the names of the lab file. */
export interface CurrentLab {
  readonly vpcs: ReadonlyMap<string, wire.Vpc>;
  readonly subnets: ReadonlyMap<string, wire.Subnet>;
  readonly prefixLists: ReadonlyMap<string, wire.PrefixList>;
  readonly groups: ReadonlyMap<string, wire.SecurityGroup>;
  readonly interfaces: ReadonlyMap<string, wire.NetworkInterface>;
  readonly instances: ReadonlyMap<string, wire.Instance>;
  readonly routeTables: ReadonlyMap<string, wire.RouteTable>;
  readonly internetGateways: ReadonlyMap<string, gateways.InternetGateway>;
  readonly egressOnlyGateways: ReadonlyMap<string, gateways.EgressOnlyGateway>;
  readonly elasticAddresses: ReadonlyMap<string, gateways.ElasticAddress>;
  readonly natGateways: ReadonlyMap<string, gateways.NatGateway>;
  readonly vpnGateways: ReadonlyMap<string, gateways.VpnGateway>;
  readonly customerGateways: ReadonlyMap<string, gateways.CustomerGateway>;
  readonly vpnConnections: ReadonlyMap<string, gateways.VpnConnection>;
  readonly peerings: ReadonlyMap<string, gateways.Peering>;
  readonly networkAcls: ReadonlyMap<string, gateways.NetworkAcl>;
  readonly dhcpOptions: ReadonlyMap<string, gateways.DhcpOptions>;
  /** Main route tables of the lab's VPCs, by VPC id. */
  readonly mainTables: ReadonlyMap<string, wire.RouteTable>;
  /** Names of the agent's availability zones. */
  readonly zones: readonly string[];
}

export const NOTHING: CurrentLab = {
  vpcs: new Map(),
  subnets: new Map(),
  prefixLists: new Map(),
  groups: new Map(),
  interfaces: new Map(),
  instances: new Map(),
  routeTables: new Map(),
  internetGateways: new Map(),
  egressOnlyGateways: new Map(),
  elasticAddresses: new Map(),
  natGateways: new Map(),
  vpnGateways: new Map(),
  customerGateways: new Map(),
  vpnConnections: new Map(),
  peerings: new Map(),
  networkAcls: new Map(),
  dhcpOptions: new Map(),
  mainTables: new Map(),
  zones: [],
};

/** States of what is only listed for the record. */
const ENDED: ReadonlySet<unknown> = new Set(['terminated', 'deleted', 'rejected', 'failed']);

/** @throws {CliError} Ambiguous, when two resources carry one name. */
export async function fetchCurrent(client: Client, lab: string): Promise<CurrentLab> {
  const named = async <S extends z.ZodType<{ tags: Record<string, string> }>>(
    noun: NounName,
    schema: S,
  ): Promise<Map<string, z.output<S>>> => {
    const resources = await client.list(NOUNS[noun].path, [[`tag:${LAB_TAG}`, lab]]);
    const byName = new Map<string, z.output<S>>();
    for (const resource of resources) {
      const parsed = schema.parse(resource);
      const name = parsed.tags[NAME_TAG];
      if (name === undefined || ENDED.has(resource.state ?? resource.status)) continue;
      if (byName.has(name))
        throw new CliError('Ambiguous', `two of ${NOUNS[noun].path} carry ${LAB_TAG}=${lab} and ${NAME_TAG}=${name}: untag or delete one`);
      byName.set(name, parsed);
    }
    return byName;
  };
  const [internetGateways, egressOnlyGateways, elasticAddresses, natGateways, vpnGateways] = await Promise.all([
    named('internet-gateway', gateways.InternetGateway),
    named('egress-gateway', gateways.EgressOnlyGateway),
    named('address', gateways.ElasticAddress),
    named('nat-gateway', gateways.NatGateway),
    named('vpn-gateway', gateways.VpnGateway),
  ]);
  const [customerGateways, vpnConnections, peerings, networkAcls, dhcpOptions] = await Promise.all([
    named('customer-gateway', gateways.CustomerGateway),
    named('vpn', gateways.VpnConnection),
    named('peering', gateways.Peering),
    named('acl', gateways.NetworkAcl),
    named('dhcp-options', gateways.DhcpOptions),
  ]);
  const [vpcs, subnets, prefixLists, groups, interfaces, instances, routeTables, allTables, zones] = await Promise.all([
    named('vpc', wire.Vpc),
    named('subnet', wire.Subnet),
    named('prefix-list', wire.PrefixList),
    named('group', wire.SecurityGroup),
    named('interface', wire.NetworkInterface),
    named('instance', wire.Instance),
    named('route-table', wire.RouteTable),
    client.list(NOUNS['route-table'].path),
    client.list('/v1/availability-zones'),
  ]);
  const vpcIds = new Set([...vpcs.values()].map((vpc) => vpc.vpcId));
  const mains = allTables.map((table) => wire.RouteTable.parse(table)).filter((table) => table.main && vpcIds.has(table.vpcId));
  return {
    vpcs,
    subnets,
    prefixLists,
    groups,
    interfaces,
    instances,
    routeTables,
    internetGateways,
    egressOnlyGateways,
    elasticAddresses,
    natGateways,
    vpnGateways,
    customerGateways,
    vpnConnections,
    peerings,
    networkAcls,
    dhcpOptions,
    mainTables: new Map(mains.map((table) => [table.vpcId, table])),
    zones: zones.map((zone) => wire.Zone.parse(zone).zoneName),
  };
}
