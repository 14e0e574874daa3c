import { vpcFirewall } from '../firewall/ruleset.js';
import type { Family, KernelObject } from '../kernel/port.js';
import {
  MAIN_TABLE,
  MARK,
  RULE_PRIORITY,
  routerNamespace,
  routeTableNumber,
  SET,
  SOURCE_CHECK_BUCKETS,
  SYSCTLS,
} from '../kernel/resources.js';
import { cidr, FAMILIES, hostCidr } from '../model/address.js';
import type { PrefixList } from '../model/security-group.js';
import type { Snapshot } from '../model/snapshot.js';
import { gatewayAddress } from '../model/subnet.js';
import { type Vpc, vpcRanges } from '../model/vpc.js';
import type { PlanSettings } from './plan.js';
import { isTargetPresent, isVpcPresent } from './presence.js';
import { isWithin, type Row, type VpcRouting, vpcRouting } from './routing.js';

/** The VPC's router on this host: everything of it that does not belong to one interface. */
export function planRouter(snapshot: Snapshot, settings: PlanSettings, vpcId: string): KernelObject[] {
  const vpc = snapshot.get('vpc', vpcId);
  if (!vpc || !isVpcPresent(snapshot, settings.hostId, vpcId)) return [];
  const netns = routerNamespace(vpc.vpcId);
  const routing = vpcRouting(snapshot, vpcId);
  const { inputs, rulesets } = vpcFirewall(snapshot, vpc, settings.flowsPerInterface);
  return [
    { kind: 'netns', netns },
    ...Object.entries(SYSCTLS.router).map(([path, value]): KernelObject => ({ kind: 'sysctl', netns, path, value })),
    ...guardSets(netns),
    ...inputs.memberGroupIds.flatMap((groupId) => FAMILIES.map((family) => set(netns, SET.group(groupId, family), 'hash:ip', family))),
    ...[...inputs.prefixLists.values()].flatMap((list) => prefixListObjects(netns, list)),
    ...rulesets.map((ruleset): KernelObject => ({ kind: 'ruleset', netns, ...ruleset })),
    ...gatewayAddresses(snapshot, netns, vpc),
    ...localRouting(netns, vpc, routing),
    ...tableRouting(netns, vpc, routing),
    ...routing.rows.flatMap((row) => (leadsSomewhere(snapshot, settings, vpcId, row) ? [] : [blackhole(netns, row)])),
  ];
}

type SetType = Extract<KernelObject, { kind: 'set' }>['type'];

function set(netns: string, name: string, type: SetType, family: Family, counters: 'counters' | 'plain' = 'plain'): KernelObject {
  return { kind: 'set', netns, name, type, family, counters: counters === 'counters' };
}

/** Sets of the checks and of the drop counters. All exist always: the rules name them. */
function guardSets(netns: string): KernelObject[] {
  const buckets = FAMILIES.flatMap((family) =>
    Array.from({ length: SOURCE_CHECK_BUCKETS }, (_, bucket) => ({ family, name: SET.sourceCheckDropBucket(family, bucket) })),
  );
  const counting = FAMILIES.flatMap((family) =>
    [SET.egressDrops(family), SET.ingressDrops(family), SET.destinationCheckDrops(family)].map((name) => ({ family, name })),
  );
  return [
    ...FAMILIES.map((family) => set(netns, SET.own(family), 'hash:net,iface', family)),
    ...[...buckets, ...counting].map(({ family, name }) => set(netns, name, 'hash:net,iface', family, 'counters')),
    set(netns, SET.sourceCheckDrops, 'list:set', 4),
    ...buckets.map(({ name }): KernelObject => ({ kind: 'member', netns, set: SET.sourceCheckDrops, entry: name })),
  ];
}

function prefixListObjects(netns: string, { prefixListId, family, entries }: PrefixList): KernelObject[] {
  const name = SET.prefixList(prefixListId, family);
  const ranges = new Set(entries.flatMap((entry) => setEntries(entry.cidr)));
  return [set(netns, name, 'hash:net', family), ...[...ranges].map((entry): KernelObject => ({ kind: 'member', netns, set: name, entry }))];
}

/** A range as a hash:net set takes it: no length on hosts, and everything in two halves, as there is no prefix of length 0. */
function setEntries(text: string): string[] {
  const { family, text: range, prefixLength } = cidr(text);
  if (prefixLength === 0) return family === 4 ? ['0.0.0.0/1', '128.0.0.0/1'] : ['::/1', '8000::/1'];
  return [prefixLength === (family === 4 ? 32 : 128) ? range.slice(0, range.indexOf('/')) : range];
}

/** The router's address in each subnet. */
function gatewayAddresses(snapshot: Snapshot, netns: string, { vpcId }: Vpc): KernelObject[] {
  return snapshot
    .by('subnet', 'vpcId', vpcId)
    .flatMap(({ cidrBlock, ipv6 }) => [cidrBlock, ...(ipv6 ? [ipv6.cidrBlock] : [])])
    .map((range): KernelObject => ({ kind: 'address', netns, device: 'lo', address: hostCidr(gatewayAddress(range)) }));
}

/**
 * Whatever is sent to the VPC's own ranges stays in table main, where an address that nobody has ends. That takes rules only where there
 * are other tables: a router that never had a rule looks up a packet's route once, not in the local table and then in the main one.
 */
function localRouting(netns: string, vpc: Vpc, { rows }: VpcRouting): KernelObject[] {
  const families = new Set(rows.map((row) => row.family));
  return vpcRanges(vpc).flatMap((range): KernelObject[] => {
    const { family } = cidr(range);
    const rule: KernelObject = { kind: 'rule', netns, family, priority: RULE_PRIORITY.vpcLocal, to: range, table: MAIN_TABLE };
    return [{ kind: 'route', netns, table: MAIN_TABLE, destination: range, type: 'blackhole' }, ...(families.has(family) ? [rule] : [])];
  });
}

/** Rules that send marked packets into their route table: before the local ones for destinations within the VPC, else after them. */
function tableRouting(netns: string, vpc: Vpc, { rows }: VpcRouting): KernelObject[] {
  const local = vpcRanges(vpc);
  const rules = new Map<string, KernelObject>();
  for (const { tableIndex, family, destination } of rows) {
    const common = { kind: 'rule', netns, family, table: routeTableNumber(tableIndex) } as const;
    const mark = { value: tableIndex, mask: MARK.routeTableMask };
    rules.set(`${tableIndex} ${family}`, { ...common, priority: RULE_PRIORITY.routeTable, mark });
    if (isWithin(local, destination))
      rules.set(`${tableIndex} ${destination}`, { ...common, priority: RULE_PRIORITY.moreSpecific, to: destination, mark });
  }
  return [...rules.values()];
}

/** Whether the row's route is planned by the unit that it leads to. */
function leadsSomewhere(snapshot: Snapshot, { hostId }: PlanSettings, vpcId: string, { target }: Row): boolean {
  return target !== undefined && isTargetPresent(snapshot, hostId, vpcId, target);
}

/** A row that leads nowhere stays, so that nothing takes a less specific one instead. */
function blackhole(netns: string, { tableIndex, destination }: Row): KernelObject {
  return { kind: 'route', netns, table: routeTableNumber(tableIndex), destination, type: 'blackhole' };
}
