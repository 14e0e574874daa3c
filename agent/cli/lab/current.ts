import type { z } from 'zod';
import type { Client } from '../client.js';
import { CliError } from '../errors.js';
import { NOUNS, type NounName } from '../nouns.js';
import * as wire from '../wire.js';

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
  mainTables: new Map(),
  zones: [],
};

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
      if (name === undefined || resource.state === 'terminated') continue;
      if (byName.has(name))
        throw new CliError('Ambiguous', `two of ${NOUNS[noun].path} carry ${LAB_TAG}=${lab} and ${NAME_TAG}=${name}: untag or delete one`);
      byName.set(name, parsed);
    }
    return byName;
  };
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
    mainTables: new Map(mains.map((table) => [table.vpcId, table])),
    zones: zones.map((zone) => wire.Zone.parse(zone).zoneName),
  };
}
