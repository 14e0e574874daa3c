import { z } from 'zod';
import { type EffectiveRoute, effectiveRoutes } from '../../model/effective-routes.js';
import type { RouteTable } from '../../model/route-table.js';
import type { Snapshot } from '../../model/snapshot.js';
import { nounRoutes } from './noun.js';
import { commandRoute } from './route.js';
import { nounFields, pick, shownId, type ViewContext } from './view.js';

const TargetView = z
  .union([
    z.strictObject({ kind: z.literal('local') }),
    z.strictObject({
      kind: z.literal('networkInterface'),
      networkInterfaceId: shownId('networkInterface'),
      instanceId: shownId('instance').optional(),
    }),
    z.strictObject({ kind: z.literal('gateway'), gatewayId: z.string() }),
    z.strictObject({ kind: z.literal('natGateway'), natGatewayId: shownId('natGateway') }),
    z.strictObject({ kind: z.literal('egressOnlyInternetGateway'), egressOnlyInternetGatewayId: z.string() }),
    z.strictObject({ kind: z.literal('vpcPeeringConnection'), vpcPeeringConnectionId: z.string() }),
  ])
  .meta({ id: 'RouteTarget' });

const RouteView = z
  .strictObject({
    destination: z.string().describe("IPv4 or IPv6 range, or a prefix list's id."),
    target: TargetView,
    state: z.enum(['active', 'blackhole']).describe('blackhole: the target is gone or not in service; packets are dropped.'),
    origin: z
      .enum(['CreateRouteTable', 'CreateRoute', 'EnableVgwRoutePropagation'])
      .describe('Of several with one destination the static one counts, and it alone is shown.'),
  })
  .meta({ id: 'Route' });

export const RouteTableView = z
  .strictObject({
    routeTableId: shownId('routeTable'),
    vpcId: shownId('vpc'),
    main: z.boolean(),
    mainAssociationId: z.string().optional(),
    associations: z.array(z.strictObject({ associationId: z.string(), subnetId: z.string().optional(), gatewayId: z.string().optional() })),
    routes: z.array(RouteView).describe('The local ones of the VPC first, then the static ones, then the propagated ones.'),
    propagatingGatewayIds: z.array(z.string()),
    ...nounFields,
  })
  .meta({ id: 'RouteTable' });

const AssociationView = z
  .strictObject({ associationId: z.string(), routeTableId: shownId('routeTable').optional(), subnetId: shownId('subnet').optional() })
  .meta({ id: 'RouteTableAssociation' });

export function routeTableView(table: RouteTable, { snapshot }: ViewContext): z.output<typeof RouteTableView> {
  return {
    ...pick(table, ['routeTableId', 'vpcId', 'main', 'mainAssociationId', 'ownerId', 'tags']),
    associations: table.associations.map((association) => pick(association, ['associationId', 'subnetId', 'gatewayId'])),
    routes: effectiveRoutes(snapshot, table).map((route) => routeView(route, snapshot)),
    propagatingGatewayIds: [...table.propagatingGatewayIds],
  };
}

function routeView({ destination, target, state, origin }: EffectiveRoute, snapshot: Snapshot): z.output<typeof RouteView> {
  const attachment =
    target.kind === 'networkInterface' ? snapshot.get('networkInterface', target.networkInterfaceId)?.attachment : undefined;
  return { destination, target: { ...target, ...(attachment && { instanceId: attachment.instanceId }) }, state, origin };
}

function associationView(associationId: string, snapshot: Snapshot): z.output<typeof AssociationView> {
  const [table] = snapshot.by('routeTable', 'associationId', associationId);
  const found = table?.associations.find((association) => association.associationId === associationId);
  return { associationId, ...(table && { routeTableId: table.routeTableId }), ...(found && pick(found, ['subnetId'])) };
}

const TAG = 'Route tables';
const association = {
  path: '/v1/route-table-associations/:associationId',
  params: { associationId: 'routeTableAssociation' },
  tag: TAG,
} as const;
const table = { params: { routeTableId: 'routeTable' }, tag: TAG } as const;
const routes = { ...table, path: '/v1/route-tables/:routeTableId/routes' };
const propagation = {
  path: '/v1/route-tables/:routeTableId/propagations/:gatewayId',
  params: { routeTableId: 'routeTable', gatewayId: 'vpnGateway' },
  tag: TAG,
} as const;
const answer = {
  response: RouteTableView,
  render: ({ params, find, context }: { params: { routeTableId: string }; find: any; context: ViewContext }) =>
    routeTableView(find('routeTable', params.routeTableId), context),
};

export const routeTableRoutes = [
  ...nounRoutes({
    kind: 'routeTable',
    noun: 'RouteTable',
    plural: 'RouteTables',
    path: '/v1/route-tables',
    idField: 'routeTableId',
    schema: RouteTableView,
    view: routeTableView,
    create: { command: 'createRouteTable', settle: false },
    delete: 'deleteRouteTable',
    tag: TAG,
  }),
  commandRoute({ ...routes, ...answer, method: 'POST', command: 'createRoute', status: 201 }),
  commandRoute({ ...routes, ...answer, method: 'PUT', command: 'replaceRoute', status: 200 }),
  commandRoute({ ...routes, method: 'DELETE', command: 'deleteRoute', status: 204 }),
  commandRoute({ ...propagation, ...answer, method: 'PUT', command: 'enableVgwRoutePropagation', status: 200 }),
  commandRoute({ ...propagation, method: 'DELETE', command: 'disableVgwRoutePropagation', status: 204 }),
  commandRoute({
    ...table,
    path: '/v1/route-tables/:routeTableId/associations',
    method: 'POST',
    command: 'associateRouteTable',
    status: 201,
    response: AssociationView,
    render: ({ result, context }) => associationView(result.associationId, context.snapshot),
  }),
  commandRoute({
    ...association,
    method: 'PUT',
    command: 'replaceRouteTableAssociation',
    status: 200,
    response: AssociationView,
    render: ({ result, context }) => associationView(result.associationId, context.snapshot),
  }),
  commandRoute({ ...association, method: 'DELETE', command: 'disassociateRouteTable', status: 204 }),
];
