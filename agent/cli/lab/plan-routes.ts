import type * as wire from '../wire.js';
import type { LabPlan } from './plan.js';
import { type Id, pathTo } from './steps.js';

type WantedRoutes = readonly { readonly destination: string; readonly interface: string }[];

export function planRouteTables(plan: LabPlan): void {
  for (const [name, table] of plan.gone('routeTables')) {
    const early = plan.vpcGoes(table.vpcId);
    for (const association of table.associations) release(plan, name, association);
    if (!early) plan.retire('routeTables', name, table.routeTableId);
    plan.delete(early ? 'empty vpcs' : 'delete tables', 'routeTables', name, table.routeTableId);
  }
  for (const [name, { vpc, main, subnets, routes }] of plan.missing('routeTables')) {
    if (main) continue;
    const id = plan.id('routeTables', name);
    plan.create('route tables', 'routeTables', name, { vpcId: plan.id('vpcs', vpc) });
    for (const subnet of subnets) associate(plan, name, id, subnet);
    setRoutes(plan, name, id, routes, []);
  }
  for (const { name, wanted, found } of plan.kept('routeTables')) {
    const has = new Set(found.associations.flatMap((association) => association.subnetId ?? []));
    for (const subnet of wanted.subnets)
      if (!has.has(plan.knownId('subnets', subnet) ?? '')) associate(plan, name, found.routeTableId, subnet);
    const wantedIds = wanted.subnets.map((subnet) => plan.knownId('subnets', subnet));
    for (const association of found.associations) if (!wantedIds.includes(association.subnetId)) release(plan, name, association);
    setRoutes(plan, name, found.routeTableId, wanted.routes, found.routes);
  }
  planMainTables(plan);
}

/** The main table of each VPC that stays has the routes that the file says, or none. A new VPC's comes empty, known after it. */
function planMainTables(plan: LabPlan): void {
  for (const { name: vpc, found } of plan.kept('vpcs')) {
    const table = plan.current.mainTables.get(found.vpcId);
    const entry = Object.entries(plan.lab.routeTables).find(([, wanted]) => wanted.main && wanted.vpc === vpc);
    if (table) setRoutes(plan, entry?.[0] ?? `${vpc} (main)`, table.routeTableId, entry?.[1].routes ?? [], table.routes);
  }
  for (const [name, { vpc, main, routes }] of Object.entries(plan.lab.routeTables))
    if (main && !plan.stays('vpcs', vpc)) setRoutes(plan, name, { $ref: mainTableKey(vpc) }, routes, []);
}

/** Reference to the main table of a VPC that is yet to be created. */
export const mainTableKey = (vpc: string): string => `main route table of vpc/${vpc}`;

function setRoutes(plan: LabPlan, name: string, table: Id, wanted: WantedRoutes, found: wire.RouteTable['routes']): void {
  const path = pathTo('route-table', table, 'routes');
  const existing = new Map(found.filter(({ target }) => target.kind !== 'local').map((route) => [route.destination, route.target]));
  for (const { destination, interface: target } of wanted) {
    const now = existing.get(destination);
    if (now && now.networkInterfaceId === plan.knownId('interfaces', target)) continue;
    plan.change('routes', 'routeTables', name, `${destination} via ${target}`, {
      method: now ? 'PUT' : 'POST',
      path,
      body: { destination, networkInterfaceId: plan.id('interfaces', target) },
    });
  }
  for (const destination of existing.keys()) {
    if (wanted.some((route) => route.destination === destination)) continue;
    plan.change('release routes', 'routeTables', name, `no route ${destination}`, { method: 'DELETE', path, body: { destination } });
  }
}

function associate(plan: LabPlan, name: string, table: Id, subnet: string): void {
  plan.change('route tables', 'routeTables', name, `use it for subnet ${subnet}`, {
    method: 'POST',
    path: pathTo('route-table', table, 'associations'),
    body: { subnetId: plan.id('subnets', subnet) },
  });
}

/** Not needed for a subnet that goes: its association goes with it. */
function release(plan: LabPlan, name: string, { associationId, subnetId }: wire.RouteTable['associations'][number]): void {
  const subnet = subnetId === undefined ? undefined : plan.nameOf('subnets', subnetId);
  if (subnet === undefined || (subnet !== subnetId && !plan.stays('subnets', subnet))) return;
  plan.change('release routes', 'routeTables', name, `no longer use it for subnet ${subnet}`, {
    method: 'DELETE',
    path: [`/v1/route-table-associations/${encodeURIComponent(associationId)}`],
  });
}
