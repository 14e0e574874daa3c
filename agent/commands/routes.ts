import { z } from 'zod';
import { type Cidr, cidr, containsCidr } from '../model/address.js';
import { apiError, invalidValue } from '../model/errors.js';
import type { Route, RouteTable, RouteTarget } from '../model/route-table.js';
import { vpcRanges } from '../model/vpc.js';
import { command } from './command.js';
import type { Draft } from './draft.js';
import { routeTableId, vpnGatewayId } from './fields.js';
import { required } from './lookup.js';
import { parseRange } from './ranges.js';
import { checkNotReserved } from './route-destinations.js';
import { targetFields, targetOf } from './route-targets.js';

const destination = z.string().describe('IPv4 or IPv6 range, for example 0.0.0.0/0.');

export const createRoute = command({
  summary: 'Add a route. Its target may be out of service: it is a blackhole until it is back.',
  input: z.strictObject({ routeTableId, destination, ...targetFields }),
  run: (draft, input) => {
    const table = required(draft, 'routeTable', input.routeTableId);
    const range = parseRange(input.destination, 'destination');
    checkNotReserved(range);
    const local = localRangeAround(draft, table, range);
    if (local?.text === range.text || routeTo(table, range.text)) throw exists(range.text);
    if (table.routes.length >= MAX_ROUTES)
      throw apiError('RouteLimitExceeded', { reason: `${table.routeTableId} has ${MAX_ROUTES} routes, the most there can be` });
    const target = targetOf(draft, table, range, input);
    if (target.kind === 'local') throw invalidValue(`${range.text} is no local route of ${table.routeTableId}: its target cannot be local`);
    if (local) checkWithinLocal(draft, table, range, local, target);
    draft.put('routeTable', { ...table, routes: [...table.routes, { destination: range.text, target }] });
    return {};
  },
});

export const replaceRoute = command({
  summary: "Change a route's target, a local one's too.",
  input: z.strictObject({ routeTableId, destination, ...targetFields }),
  run: (draft, input) => {
    const table = required(draft, 'routeTable', input.routeTableId);
    const range = parseRange(input.destination, 'destination');
    const old = routeTo(table, range.text);
    const local = localRangeAround(draft, table, range);
    const isLocal = local?.text === range.text;
    if (!old && !isLocal) throw absent(table, range);
    const target = targetOf(draft, table, range, input);
    if (target.kind === 'local' && !isLocal)
      throw invalidValue(`${range.text} is no local route of ${table.routeTableId}: its target cannot be local`);
    if (local) checkWithinLocal(draft, table, range, local, target);
    const others = table.routes.filter((route) => route !== old);
    const replaced = { destination: range.text, target };
    const routes = target.kind === 'local' ? others : old ? table.routes.map((r) => (r === old ? replaced : r)) : [...others, replaced];
    draft.put('routeTable', { ...table, routes });
    return {};
  },
});

export const deleteRoute = command({
  summary: 'Remove a route. Local routes stay.',
  input: z.strictObject({ routeTableId, destination }),
  run: (draft, input) => {
    const table = required(draft, 'routeTable', input.routeTableId);
    const range = parseRange(input.destination, 'destination');
    if (localRangeAround(draft, table, range)?.text === range.text)
      throw invalidValue(`The local route ${range.text} of route table ${table.routeTableId} cannot be removed`);
    const old = routeTo(table, range.text);
    if (!old) throw absent(table, range);
    draft.put('routeTable', { ...table, routes: table.routes.filter((route) => route !== old) });
    return {};
  },
});

const propagation = { routeTableId, gatewayId: vpnGatewayId.describe('The virtual private gateway; attached to the VPC.') };

export const enableVgwRoutePropagation = command({
  summary: 'Let the routes that a virtual private gateway knows appear in a route table; static routes come first.',
  input: z.strictObject(propagation),
  run: (draft, { routeTableId, gatewayId }) => {
    const table = required(draft, 'routeTable', routeTableId);
    const gateway = required(draft, 'vpnGateway', gatewayId);
    if (gateway.vpcId !== table.vpcId)
      throw apiError('Gateway.NotAttached', {
        reason: `Gateway ${gatewayId} is not attached to the network of ${routeTableId}, ${table.vpcId}`,
      });
    draft.put('routeTable', { ...table, propagatingGatewayIds: [...new Set([...table.propagatingGatewayIds, gatewayId])] });
    return {};
  },
});

export const disableVgwRoutePropagation = command({
  summary: 'Keep the routes of a virtual private gateway out of a route table.',
  input: z.strictObject(propagation),
  run: (draft, { routeTableId, gatewayId }) => {
    const table = required(draft, 'routeTable', routeTableId);
    required(draft, 'vpnGateway', gatewayId);
    draft.put('routeTable', { ...table, propagatingGatewayIds: table.propagatingGatewayIds.filter((id) => id !== gatewayId) });
    return {};
  },
});

/** Routes of one table, as many as the cloud's raised quota. */
const MAX_ROUTES = 1000;

/**
 * What a route within the VPC's own ranges must be like: for a whole range or a whole subnet, and to something that passes packets on.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html
 */
function checkWithinLocal(draft: Draft, table: RouteTable, range: Cidr, local: Cidr, target: RouteTarget): void {
  if (target.kind !== 'networkInterface' && target.kind !== 'natGateway' && target.kind !== 'local')
    throw invalidValue(
      `The destination ${range.text} is equal to or more specific than the local route ${local.text}. This route can target only an interface, an instance or a NAT gateway`,
    );
  const isSubnet = draft
    .by('subnet', 'vpcId', table.vpcId)
    .some((subnet) => subnet.cidrBlock === range.text || subnet.ipv6?.cidrBlock === range.text);
  if (range.text !== local.text && !isSubnet)
    throw invalidValue(
      `The destination ${range.text} is more specific than the local route ${local.text} and doesn't match any subnet; name the whole range of one`,
    );
}

function routeTo(table: RouteTable, destination: string): Route | undefined {
  return table.routes.find((route) => route.destination === destination);
}

/** The VPC's own range that the destination lies in, or is. */
function localRangeAround(draft: Draft, table: RouteTable, range: Cidr): Cidr | undefined {
  return vpcRanges(required(draft, 'vpc', table.vpcId))
    .map(cidr)
    .find((outer) => containsCidr(outer, range));
}

function exists(destination: string) {
  return apiError('RouteAlreadyExists', { reason: `The route identified by ${destination} already exists` });
}

function absent(table: RouteTable, range: Cidr) {
  return apiError('InvalidRoute.NotFound', {
    reason: `no route with destination-cidr-block ${range.text} in route table ${table.routeTableId}`,
  });
}
