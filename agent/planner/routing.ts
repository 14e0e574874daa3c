import type { Family } from '../kernel/port.js';
import { cidr, containsCidr, parseCidr } from '../model/address.js';
import { effectiveRoutes } from '../model/effective-routes.js';
import type { Route, RouteTable, RouteTarget } from '../model/route-table.js';
import type { Snapshot } from '../model/snapshot.js';
import type { Table } from '../model/table.js';

/** One row of a VPC route table as the kernel needs it. */
export interface Row {
  readonly tableIndex: number;
  readonly family: Family;
  /** Canonical range. */
  readonly destination: string;
  /** The unit that it leads to: an interface (a NAT gateway's too) or another gateway. `undefined`: a NAT gateway that is gone. */
  readonly target?: string;
}

/** What the route tables of a VPC say, looked up the way the planner needs it. */
export interface VpcRouting {
  readonly rows: readonly Row[];
  /** Rows by the unit that they lead to. */
  readonly rowsTo: ReadonlyMap<string, readonly Row[]>;
  /** Index of the route table of a subnet: its own, or the main one. */
  tableOf(subnetId: string): number;
}

/** Routes of a table other than the local ones: static, and propagated where no static one has the destination. */
function ownRoutes(snapshot: Snapshot, table: RouteTable): readonly Route[] {
  return effectiveRoutes(snapshot, table).filter(({ target }) => target.kind !== 'local');
}

/** Whether a range lies within one of others: routes to such ones are more specific than local. */
export function isWithin(ranges: readonly string[], range: string): boolean {
  return ranges.some((outer) => containsCidr(cidr(outer), cidr(range)));
}

interface Remembered {
  readonly tables: readonly unknown[];
  readonly byVpc: Map<string, VpcRouting>;
}

/** By the table of route tables, which is another one after each change to any of them: planning an interface only looks up. */
const remembered = new WeakMap<Table<RouteTable>, Remembered>();

export function vpcRouting(snapshot: Snapshot, vpcId: string): VpcRouting {
  const { routeTable, vpc, prefixList, natGateway, vpnGateway, vpnConnection } = snapshot.tables;
  const tables = [vpc, prefixList, natGateway, vpnGateway, vpnConnection];
  let known = remembered.get(routeTable);
  if (!known?.tables.every((table, index) => table === tables[index])) {
    known = { tables, byVpc: new Map() };
    remembered.set(routeTable, known);
  }
  const routing = known.byVpc.get(vpcId) ?? buildRouting(snapshot, vpcId);
  known.byVpc.set(vpcId, routing);
  return routing;
}

function buildRouting(snapshot: Snapshot, vpcId: string): VpcRouting {
  const tables = snapshot.by('routeTable', 'vpcId', vpcId).sort((a, b) => a.index - b.index);
  const rows = tables.flatMap((table) => rowsOf(snapshot, table));
  const rowsTo = new Map<string, Row[]>();
  for (const row of rows) {
    if (row.target === undefined) continue;
    const found = rowsTo.get(row.target);
    if (found) found.push(row);
    else rowsTo.set(row.target, [row]);
  }
  const explicit = new Map<string | undefined, number>();
  for (const { index, associations } of tables) for (const { subnetId } of associations) explicit.set(subnetId, index);
  const main = tables.find((table) => table.main)?.index ?? 0;
  return {
    rows,
    rowsTo,
    tableOf: (subnetId) => explicit.get(subnetId) ?? main,
  };
}

/** A route to a prefix list is a row per entry. Of two routes with one destination the first counts. */
function rowsOf(snapshot: Snapshot, table: RouteTable): Row[] {
  const rows = new Map<string, Row>();
  for (const { destination, target } of ownRoutes(snapshot, table)) {
    const unit = targetUnit(snapshot, target);
    const list = snapshot.get('prefixList', destination);
    for (const text of list ? list.entries.map((entry) => entry.cidr) : [destination]) {
      const range = parseCidr(text);
      if (!range || rows.has(range.text)) continue;
      rows.set(range.text, {
        tableIndex: table.index,
        family: range.family,
        destination: range.text,
        ...(unit !== undefined && { target: unit }),
      });
    }
  }
  return [...rows.values()];
}

/** The unit that takes the packets of a route. */
function targetUnit(snapshot: Snapshot, target: RouteTarget): string | undefined {
  switch (target.kind) {
    case 'networkInterface':
      return target.networkInterfaceId;
    case 'natGateway':
      return snapshot.get('natGateway', target.natGatewayId)?.networkInterfaceId;
    case 'gateway':
      return target.gatewayId;
    case 'egressOnlyInternetGateway':
      return target.egressOnlyInternetGatewayId;
    case 'vpcPeeringConnection':
      return target.vpcPeeringConnectionId;
    case 'local':
      return undefined;
  }
}
