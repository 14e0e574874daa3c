import type { Route, RouteTable, RouteTarget } from './route-table.js';
import type { Snapshot } from './snapshot.js';
import { vpcRanges } from './vpc.js';

/** A row of a route table as packets meet it. */
export interface EffectiveRoute extends Route {
  readonly origin: 'CreateRouteTable' | 'CreateRoute' | 'EnableVgwRoutePropagation';
  /** Whether the target is there and in service; packets are dropped otherwise. */
  readonly state: 'active' | 'blackhole';
}

/**
 * All routes of a table: the local ones, the static ones, then the propagated ones that no static one has the destination of. No two
 * have the same destination; the longest prefix counts.
 */
export function effectiveRoutes(snapshot: Snapshot, table: RouteTable): EffectiveRoute[] {
  const rows = new Map<string, EffectiveRoute>();
  const add = (route: Route, origin: EffectiveRoute['origin']) => {
    if (rows.has(route.destination)) return;
    rows.set(route.destination, { ...route, origin, state: isInService(snapshot, table.vpcId, route.target) ? 'active' : 'blackhole' });
  };
  const vpc = snapshot.get('vpc', table.vpcId);
  const local = vpc ? vpcRanges(vpc) : [];
  for (const destination of local) {
    const override = table.routes.find((route) => route.destination === destination);
    if (override) add(override, 'CreateRoute');
    else add({ destination, target: { kind: 'local' } }, 'CreateRouteTable');
  }
  for (const route of table.routes) add(route, 'CreateRoute');
  for (const route of propagatedRoutes(snapshot, table)) add(route, 'EnableVgwRoutePropagation');
  return [...rows.values()];
}

/** What the virtual private gateways that propagate into the table know; several connections may name one range. */
function propagatedRoutes(snapshot: Snapshot, table: RouteTable): Route[] {
  return table.propagatingGatewayIds
    .filter((gatewayId) => snapshot.get('vpnGateway', gatewayId)?.vpcId === table.vpcId)
    .flatMap((gatewayId) =>
      snapshot
        .by('vpnConnection', 'vpnGatewayId', gatewayId)
        .flatMap((connection) => connection.routes)
        .sort()
        .map((destination) => ({ destination, target: { kind: 'gateway' as const, gatewayId } })),
    );
}

/** Whether a target of a route table of the VPC can take packets, as far as the model knows. */
export function isInService(snapshot: Snapshot, vpcId: string, target: RouteTarget): boolean {
  switch (target.kind) {
    case 'local':
      return true;
    case 'gateway':
      return (snapshot.get('internetGateway', target.gatewayId) ?? snapshot.get('vpnGateway', target.gatewayId))?.vpcId === vpcId;
    case 'egressOnlyInternetGateway':
      return snapshot.get('egressOnlyInternetGateway', target.egressOnlyInternetGatewayId)?.vpcId === vpcId;
    case 'natGateway': {
      const gateway = snapshot.get('natGateway', target.natGatewayId);
      return gateway?.state === 'available' && gateway.vpcId === vpcId;
    }
    case 'vpcPeeringConnection':
      return snapshot.get('vpcPeeringConnection', target.vpcPeeringConnectionId)?.status === 'active';
    case 'networkInterface': {
      const attachment = snapshot.get('networkInterface', target.networkInterfaceId)?.attachment;
      return attachment?.status === 'attached' && snapshot.get('instance', attachment.instanceId)?.state === 'running';
    }
  }
}
