import type * as wire from '../wire.js';
import type { LabPlan } from './plan.js';
import { type Id, pathTo } from './steps.js';
import { findTargets, TARGET_FIELD } from './targets.js';

type WantedRoutes = readonly { readonly destination: string; readonly target: string }[];

export function planRouteTables(plan: LabPlan): void {
  for (const [name, table] of plan.gone('routeTables')) {
    const early = plan.vpcGoes(table.vpcId);
    for (const association of table.associations) release(plan, name, association);
    if (!early) plan.retire('routeTables', name, table.routeTableId);
    plan.delete(early ? 'empty vpcs' : 'delete tables', 'routeTables', name, table.routeTableId);
  }
  for (const [name, { vpc, main, subnets, routes, propagate }] of plan.missing('routeTables')) {
    if (main) continue;
    const id = plan.id('routeTables', name);
    plan.create('route tables', 'routeTables', name, { vpcId: plan.id('vpcs', vpc) });
    for (const subnet of subnets) associate(plan, name, id, subnet);
    setRoutes(plan, name, id, vpc, routes, []);
    setPropagation(plan, name, id, propagate, []);
  }
  for (const { name, wanted, found } of plan.kept('routeTables')) {
    const has = new Set(found.associations.flatMap((association) => association.subnetId ?? []));
    for (const subnet of wanted.subnets)
      if (!has.has(plan.knownId('subnets', subnet) ?? '')) associate(plan, name, found.routeTableId, subnet);
    const wantedIds = wanted.subnets.map((subnet) => plan.knownId('subnets', subnet));
    for (const association of found.associations) if (!wantedIds.includes(association.subnetId)) release(plan, name, association);
    setRoutes(plan, name, found.routeTableId, wanted.vpc, wanted.routes, found.routes);
    setPropagation(plan, name, found.routeTableId, wanted.propagate, found.propagatingGatewayIds);
  }
  planMainTables(plan);
}

/** The main table of each VPC that stays has the routes that the file says, or none. A new VPC's comes empty, known after it. */
function planMainTables(plan: LabPlan): void {
  for (const { name: vpc, found } of plan.kept('vpcs')) {
    const table = plan.current.mainTables.get(found.vpcId);
    const entry = Object.entries(plan.lab.routeTables).find(([, wanted]) => wanted.main && wanted.vpc === vpc);
    if (!table) continue;
    const name = entry?.[0] ?? `${vpc} (main)`;
    setRoutes(plan, name, table.routeTableId, vpc, entry?.[1].routes ?? [], table.routes);
    setPropagation(plan, name, table.routeTableId, entry?.[1].propagate ?? [], table.propagatingGatewayIds);
  }
  for (const [name, { vpc, main, routes, propagate }] of Object.entries(plan.lab.routeTables)) {
    if (!main || plan.stays('vpcs', vpc)) continue;
    setRoutes(plan, name, { $ref: mainTableKey(vpc) }, vpc, routes, []);
    setPropagation(plan, name, { $ref: mainTableKey(vpc) }, propagate, []);
  }
}

/** Reference to the main table of a VPC that is yet to be created. */
export const mainTableKey = (vpc: string): string => `main route table of vpc/${vpc}`;

function setRoutes(plan: LabPlan, name: string, table: Id, vpc: string, wanted: WantedRoutes, found: wire.RouteTable['routes']): void {
  const path = pathTo('route-table', table, 'routes');
  const written = found.filter(({ target, origin }) => target.kind !== 'local' && origin !== PROPAGATED);
  const existing = new Map(written.map((route) => [route.destination, route.target]));
  // The local route is there from the beginning: one with its range replaces it.
  const local = new Set([plan.lab.vpcs[vpc]?.cidr, ...found.flatMap((route) => (route.target.kind === 'local' ? route.destination : []))]);
  for (const { destination, target } of wanted) {
    const now = existing.get(destination);
    const [{ part, name: targetName } = NO_TARGET] = findTargets(plan.lab, vpc, target);
    const field = TARGET_FIELD[part];
    if (now && (now as Record<string, unknown>)[field] === plan.knownId(part, targetName)) continue;
    plan.change('routes', 'routeTables', name, `${destination} via ${target}`, {
      method: now || local.has(destination) ? 'PUT' : 'POST',
      path,
      body: { destination, [field]: plan.id(part, targetName) },
    });
  }
  for (const destination of existing.keys()) {
    if (wanted.some((route) => route.destination === destination)) continue;
    const undo = local.has(destination)
      ? ({ method: 'PUT', path, body: { destination, gatewayId: 'local' } } as const)
      : ({ method: 'DELETE', path, body: { destination } } as const);
    plan.change('release routes', 'routeTables', name, `no route ${destination}`, undo);
  }
}

/** Origin of routes that a VPN gateway brings. */
const PROPAGATED = 'EnableVgwRoutePropagation';
/** Never used: the file's references have been checked. */
const NO_TARGET = { part: 'interfaces', name: '' } as const;

function setPropagation(plan: LabPlan, name: string, table: Id, wanted: readonly string[], found: readonly string[]): void {
  const step = (stage: 'routes' | 'release routes', method: 'PUT' | 'DELETE', gateway: string, gatewayId: Id) =>
    plan.change(stage, 'routeTables', name, `${method === 'PUT' ? 'propagate' : 'no longer propagate'} routes of ${gateway}`, {
      method,
      path: [...pathTo('route-table', table, 'propagations'), '/', gatewayId],
    });
  for (const gateway of wanted)
    if (!found.includes(plan.knownId('vpnGateways', gateway) ?? '')) step('routes', 'PUT', gateway, plan.id('vpnGateways', gateway));
  const wantedIds = wanted.map((gateway) => plan.knownId('vpnGateways', gateway));
  for (const id of found) if (!wantedIds.includes(id)) step('release routes', 'DELETE', plan.nameOf('vpnGateways', id), id);
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
