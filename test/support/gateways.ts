import type { World } from './world.js';

/** Shorthands for tests of gateways, on a world. */
export interface Gateways {
  /** An internet gateway attached to the VPC. */
  internetGateway(): Promise<string>;
  /** A route table with these routes (`['0.0.0.0/0', igw]`), for a subnet. */
  routeTable(subnetId: string | undefined, ...routes: Route[]): Promise<string>;
  addRoute(routeTableId: string, route: Route): Promise<void>;
  replaceRoute(routeTableId: string, route: Route): Promise<void>;
  removeRoute(routeTableId: string, destination: string): Promise<void>;
  /** State of a route: `active`, `blackhole`, or `undefined` when there is none. */
  routeState(routeTableId: string, destination: string): Promise<string | undefined>;
  elasticIp(): Promise<{ allocationId: string; publicIp: string }>;
  associate(allocationId: string, target: Record<string, unknown>): Promise<string>;
  natGateway(fields: Record<string, unknown>): Promise<any>;
}

export type Route = readonly [destination: string, target: string];

/** The field that names a target of this sort. */
function targetField(target: string): Record<string, string> {
  const prefix = target.slice(0, target.indexOf('-'));
  const fields: Record<string, string> = {
    nat: 'natGatewayId',
    eigw: 'egressOnlyInternetGatewayId',
    eni: 'networkInterfaceId',
    i: 'instanceId',
    pcx: 'vpcPeeringConnectionId',
  };
  return { [fields[prefix] ?? 'gatewayId']: target };
}

export function gatewaysOf({ agent, vpcId }: World): Gateways {
  const path = (routeTableId: string) => `/v1/route-tables/${routeTableId}/routes`;
  const addRoute = async (routeTableId: string, [destination, target]: Route) =>
    void (await agent.ok('POST', path(routeTableId), { destination, ...targetField(target) }));
  return {
    internetGateway: async () => {
      const { internetGatewayId } = await agent.ok('POST', '/v1/internet-gateways', {});
      await agent.ok('POST', `/v1/internet-gateways/${internetGatewayId}/attach`, { vpcId });
      return internetGatewayId;
    },
    routeTable: async (subnetId, ...routes) => {
      const { routeTableId } = await agent.ok('POST', '/v1/route-tables', { vpcId });
      for (const route of routes) await addRoute(routeTableId, route);
      if (subnetId !== undefined) await agent.ok('POST', `/v1/route-tables/${routeTableId}/associations`, { subnetId });
      return routeTableId;
    },
    addRoute,
    replaceRoute: async (routeTableId, [destination, target]) =>
      void (await agent.ok('PUT', path(routeTableId), { destination, ...targetField(target) })),
    removeRoute: async (routeTableId, destination) => void (await agent.ok('DELETE', path(routeTableId), { destination })),
    routeState: async (routeTableId, destination) => {
      const { routes } = await agent.ok('GET', `/v1/route-tables/${routeTableId}`);
      return routes.find((route: any) => route.destination === destination)?.state;
    },
    elasticIp: () => agent.ok('POST', '/v1/elastic-ips', {}),
    associate: async (allocationId, target) =>
      (await agent.ok('POST', `/v1/elastic-ips/${allocationId}/associate`, target)).association.associationId,
    natGateway: (fields) => agent.ok('POST', '/v1/nat-gateways', fields),
  };
}
