import type { ObjectSpecs } from '../port.js';
import { PROTOCOL } from '../resources.js';
import { type Attributes, address, addressText, attribute, attributesOf, u32 } from './attributes.js';
import { FLAG, message, type NetlinkSocket } from './socket.js';

/** Routes: linux/rtnetlink.h. */

export const RTM_ROUTE = { new: 24, delete: 25, get: 26 } as const;

const HEADER = 12;
const AF = { 4: 2, 6: 10 } as const;
const RTA = {
  destination: 1,
  source: 2,
  device: 4,
  gateway: 5,
  priority: 6,
  preferredSource: 7,
  multipath: 9,
  table: 15,
  nexthop: 30,
} as const;
const TYPE = { unicast: 1, blackhole: 6 } as const;
const ONLINK = 4;
const SCOPE = { universe: 0, link: 253, nowhere: 255 } as const;
/** What the kernel gives a route without a metric. */
const DEFAULT_METRIC = { 4: 0, 6: 1024 } as const;
/** RTPROT_REDIRECT and RTPROT_KERNEL: added by the kernel itself. */
const LAST_KERNEL_PROTOCOL = 2;

export type RouteSpec = Omit<ObjectSpecs['route'], 'netns' | 'device'>;

export interface Route extends RouteSpec {
  readonly protocol: number;
  /** Whether the kernel adds it by itself. */
  readonly automatic: boolean;
  /** Index of the device. */
  readonly index?: number;
  /** What else identifies it and our routes never have, in words; empty for a route that could be ours. */
  readonly peculiarities: string;
  /** Makes the request that deletes this very route. */
  readonly deletion: () => Buffer;
}

export function parseRoute(body: Buffer): Route {
  const family = body.readUInt8(0) === AF[6] ? 6 : 4;
  const found = attributesOf(body, HEADER);
  const to = found.get(RTA.destination);
  const gateway = found.get(RTA.gateway);
  const source = found.get(RTA.preferredSource);
  const type = body.readUInt8(7);
  const tos = body.readUInt8(3);
  const protocol = body.readUInt8(5);
  const metric = found.u32(RTA.priority) ?? 0;
  const index = found.u32(RTA.device);
  const isBlackhole = type === TYPE.blackhole;
  const peculiarities = [
    ...(type === TYPE.unicast || isBlackhole ? [] : [`type ${type}`]),
    ...(metric === DEFAULT_METRIC[family] ? [] : [`metric ${metric}`]),
    ...(tos === 0 ? [] : [`tos ${tos}`]),
    ...(found.has(RTA.source) ? ['source-specific'] : []),
    ...(found.has(RTA.multipath) ? ['multipath'] : []),
    ...(found.has(RTA.nexthop) ? ['nexthop'] : []),
  ].join(' ');
  return {
    table: found.u32(RTA.table) ?? body.readUInt8(4),
    destination: `${to ? addressText(to) : family === 4 ? '0.0.0.0' : '::'}/${body.readUInt8(1)}`,
    type: isBlackhole ? 'blackhole' : 'unicast',
    ...(gateway && { gateway: addressText(gateway) }),
    ...(source && { source: addressText(source) }),
    ...((body.readUInt32LE(8) & ONLINK) !== 0 && { onlink: true }),
    ...(index !== undefined && !isBlackhole && { index }),
    protocol,
    automatic: protocol > 0 && protocol <= LAST_KERNEL_PROTOCOL,
    peculiarities,
    deletion: () => deletionOf(body, found),
  };
}

/** Names the same route by all that a deletion looks at. */
function deletionOf(body: Buffer, found: Attributes): Buffer {
  const header = Buffer.from(body.subarray(0, HEADER));
  header.writeUInt8(SCOPE.nowhere, 6);
  header.writeUInt32LE(0, 8);
  const identity = [RTA.destination, RTA.source, RTA.priority, RTA.table, RTA.gateway, RTA.device].flatMap((type) => {
    const value = found.get(type);
    return value ? [attribute(type, value)] : [];
  });
  return message(RTM_ROUTE.delete, 0, header, ...identity);
}

/**
 * Routes of all tables; none of the cached ones. `protocol`: only those that bear it, which kernels before 5.0 do not tell apart. Most
 * routes of a namespace are the kernel's own.
 */
export function listRoutes(socket: NetlinkSocket, { protocol }: { readonly protocol?: number } = {}): Route[] {
  return ([AF[4], AF[6]] as const).flatMap((family) => {
    const header = Buffer.alloc(HEADER);
    header.writeUInt8(family, 0);
    header.writeUInt8(protocol ?? 0, 5);
    const found = socket.dump(RTM_ROUTE.get, header).map(({ body }) => parseRoute(body));
    return protocol === undefined ? found : found.filter((route) => route.protocol === protocol);
  });
}

/** Puts our route in place of the one to the same destination, if there is one, without a gap. */
export function newRoute(spec: RouteSpec, index: number | undefined): Buffer {
  const isLink = spec.type === 'unicast' && spec.gateway === undefined;
  return message(
    RTM_ROUTE.new,
    FLAG.create | FLAG.replace,
    header(spec, TYPE[spec.type], isLink ? SCOPE.link : SCOPE.universe, spec.onlink ? ONLINK : 0),
    ...identityOf(spec),
    ...(index === undefined ? [] : [u32(RTA.device, index)]),
    ...(spec.gateway === undefined ? [] : [address(RTA.gateway, spec.gateway)]),
    ...(spec.source === undefined ? [] : [address(RTA.preferredSource, spec.source)]),
  );
}

/** Deletes the route of that table and destination. */
export function deleteRoute(spec: Pick<RouteSpec, 'table' | 'destination'>): Buffer {
  const bytes = header(spec, 0, SCOPE.nowhere, 0);
  bytes.writeUInt8(0, 5);
  return message(RTM_ROUTE.delete, 0, bytes, ...identityOf(spec));
}

function header(spec: Pick<RouteSpec, 'destination'>, type: number, scope: number, flags: number): Buffer {
  const [base = '', length] = spec.destination.split('/');
  const bytes = Buffer.alloc(HEADER);
  bytes.writeUInt8(base.includes(':') ? AF[6] : AF[4], 0);
  bytes.writeUInt8(Number(length), 1);
  bytes.writeUInt8(PROTOCOL, 5);
  bytes.writeUInt8(scope, 6);
  bytes.writeUInt8(type, 7);
  bytes.writeUInt32LE(flags, 8);
  return bytes;
}

function identityOf(spec: Pick<RouteSpec, 'table' | 'destination'>): Buffer[] {
  const [base = '', length] = spec.destination.split('/');
  return [u32(RTA.table, spec.table), ...(length === '0' ? [] : [address(RTA.destination, base)])];
}
