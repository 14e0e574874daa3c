import { z } from 'zod';
import { type Cidr, cidr, containsCidr } from '../model/address.js';
import { apiError, invalidValue } from '../model/errors.js';
import type { Route, RouteTable, RouteTarget } from '../model/route-table.js';
import { vpcRanges } from '../model/vpc.js';
import { command } from './command.js';
import type { Draft } from './draft.js';
import { instanceId, networkInterfaceId, routeTableId } from './fields.js';
import { onlyInterface } from './instances.js';
import { required, requiredInstance } from './lookup.js';
import { parseRange } from './ranges.js';

const destination = z.string().describe('IPv4 or IPv6 range, for example 0.0.0.0/0.');
const targetFields = {
  networkInterfaceId: networkInterfaceId.optional().describe('Target: a network interface of the VPC.'),
  instanceId: instanceId.optional().describe('Target: an instance with one interface; or networkInterfaceId.'),
};

export const createRoute = command({
  summary: 'Add a route. Its target may be detached: it is a blackhole until it is attached.',
  input: z.strictObject({ routeTableId, destination, ...targetFields }),
  run: (draft, input) => {
    const table = required(draft, 'routeTable', input.routeTableId);
    const range = checkDestination(draft, table, input.destination);
    if (routeTo(table, range.text)) throw exists(range.text);
    if (table.routes.length >= MAX_ROUTES)
      throw apiError('RouteLimitExceeded', { reason: `${table.routeTableId} has ${MAX_ROUTES} routes, the most there can be` });
    const route: Route = { destination: range.text, target: targetOf(draft, table, input) };
    draft.put('routeTable', { ...table, routes: [...table.routes, route] });
    return {};
  },
});

export const replaceRoute = command({
  summary: "Change a route's target.",
  input: z.strictObject({ routeTableId, destination, ...targetFields }),
  run: (draft, input) => {
    const table = required(draft, 'routeTable', input.routeTableId);
    const old = existing(draft, table, input.destination, 'replaced');
    const target = targetOf(draft, table, input);
    draft.put('routeTable', { ...table, routes: table.routes.map((route) => (route === old ? { ...route, target } : route)) });
    return {};
  },
});

export const deleteRoute = command({
  summary: 'Remove a route. Local routes stay.',
  input: z.strictObject({ routeTableId, destination }),
  run: (draft, input) => {
    const table = required(draft, 'routeTable', input.routeTableId);
    const old = existing(draft, table, input.destination, 'removed');
    draft.put('routeTable', { ...table, routes: table.routes.filter((route) => route !== old) });
    return {};
  },
});

/** Routes of one table, as many as the cloud's raised quota. */
const MAX_ROUTES = 1000;

/** Ranges within which no route can lead: link-local (the metadata service among it), multicast, loopback. */
const NOT_ROUTABLE = ['169.254.0.0/16', '224.0.0.0/4', '127.0.0.0/8', 'fe80::/10', 'fd00:ec2::/32', 'ff00::/8', '::1/128'].map(cidr);

function checkDestination(draft: Draft, table: RouteTable, text: string): Cidr {
  const range = parseRange(text, 'destination');
  const reserved = NOT_ROUTABLE.find((other) => containsCidr(other, range));
  if (reserved) throw invalidValue(`The destination ${range.text} lies within ${reserved.text}, which cannot be routed`);
  const local = localRanges(draft, table).find((outer) => containsCidr(outer, range));
  if (local?.text === range.text) throw exists(range.text);
  if (local)
    throw apiError('UnsupportedOperation', {
      reason: `The destination ${range.text} is more specific than the local route ${local.text}; such routes are not supported`,
    });
  return range;
}

function targetOf(
  draft: Draft,
  table: RouteTable,
  input: { networkInterfaceId?: string | undefined; instanceId?: string | undefined },
): RouteTarget {
  if (input.networkInterfaceId !== undefined && input.instanceId !== undefined)
    throw apiError('InvalidParameterCombination', { reason: 'Exactly one route target must be given: networkInterfaceId or instanceId' });
  if (input.networkInterfaceId === undefined && input.instanceId === undefined)
    throw apiError('MissingParameter', { name: 'networkInterfaceId' });
  const eni =
    input.instanceId === undefined
      ? required(draft, 'networkInterface', input.networkInterfaceId ?? '')
      : onlyInterface(draft, requiredInstance(draft, input.instanceId).instanceId);
  if (eni.vpcId !== table.vpcId)
    throw invalidValue(
      `route table ${table.routeTableId} and network interface ${eni.networkInterfaceId} belong to different networks: ${table.vpcId} and ${eni.vpcId}`,
    );
  return { kind: 'networkInterface', networkInterfaceId: eni.networkInterfaceId };
}

function existing(draft: Draft, table: RouteTable, text: string, verb: string): Route {
  const { text: range } = parseRange(text, 'destination');
  const found = routeTo(table, range);
  if (found) return found;
  if (localRanges(draft, table).some((local) => local.text === range))
    throw invalidValue(`The local route ${range} of route table ${table.routeTableId} cannot be ${verb}`);
  throw apiError('InvalidRoute.NotFound', { reason: `no route with destination-cidr-block ${range} in route table ${table.routeTableId}` });
}

function routeTo(table: RouteTable, destination: string): Route | undefined {
  return table.routes.find((route) => route.destination === destination);
}

function localRanges(draft: Draft, table: RouteTable): Cidr[] {
  return vpcRanges(required(draft, 'vpc', table.vpcId)).map(cidr);
}

function exists(destination: string) {
  return apiError('RouteAlreadyExists', { reason: `The route identified by ${destination} already exists` });
}
