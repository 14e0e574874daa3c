import { vpcFirewall } from '../firewall/ruleset.js';
import type { Family, KernelObject } from '../kernel/port.js';
import { DROP_SETS, MAIN_TABLE, MARK, RULE_PRIORITY, routerNamespace, routeTableNumber, SET, SYSCTLS } from '../kernel/resources.js';
import { cidr, FAMILIES, hostCidr } from '../model/address.js';
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
    ...inputs.memberGroupIds.flatMap((groupId) => FAMILIES.map((family) => set(netns, SET.group(groupId, family), family, 'address'))),
    ...rulesets.map((ruleset): KernelObject => ({ kind: 'ruleset', netns, ...ruleset })),
    ...gatewayAddresses(snapshot, netns, vpc),
    ...localRouting(netns, vpc, routing),
    ...tableRouting(netns, vpc, routing),
    ...routing.rows.flatMap((row) => (leadsSomewhere(snapshot, settings, vpcId, row) ? [] : [blackhole(netns, row)])),
  ];
}

type SetSpec = Extract<KernelObject, { kind: 'set' }>;

function set(netns: string, name: string, family: Family, type: SetSpec['type'], more: Partial<SetSpec> = {}): KernelObject {
  return { kind: 'set', netns, name, family, type, counters: false, ...more };
}

/** Sets of the checks, of the drop counters and of the limit of flows. All exist always: rules name them. */
function guardSets(netns: string): KernelObject[] {
  return FAMILIES.flatMap((family) => [
    set(netns, SET.own(family), family, 'address,device'),
    ...DROP_SETS.map((name) => set(netns, name(family), family, 'device', { counters: true })),
    set(netns, SET.flowCounts(family), family, 'device index', { dynamic: 'permanent' }),
    set(netns, SET.flowPauses(family), family, 'device index', { dynamic: 'temporary' }),
  ]);
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
