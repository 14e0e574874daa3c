import type { ObjectSpecs } from '../port.js';
import { PROTOCOL } from '../resources.js';
import { type Attributes, address, addressText, attributesOf, u8, u32 } from './attributes.js';
import { FLAG, message, type NetlinkSocket } from './socket.js';

/** Policy-routing rules: linux/fib_rules.h. */

export const RTM_RULE = { new: 32, delete: 33, get: 34 } as const;

const HEADER = 12;
const AF = { 4: 2, 6: 10 } as const;
const IP_FAMILIES: ReadonlySet<number> = new Set(Object.values(AF));
const FRA = { to: 1, from: 2, priority: 6, mark: 10, table: 15, mask: 16, protocol: 21, suppressPrefixLength: 14 } as const;
const TO_TABLE = 1;
const KERNEL_PROTOCOL = 2;
const NO_SUPPRESSION = 0xffffffff;
/** FIB_RULE_INVERT: the rule holds for what does not match. */
const INVERT = 2;

export type RuleSpec = Omit<ObjectSpecs['rule'], 'netns'>;

export interface Rule extends RuleSpec {
  readonly protocol: number;
  /** Whether the kernel makes it with the namespace. */
  readonly automatic: boolean;
  /** What else it has and our rules never do, in words; empty for a rule that could be ours. */
  readonly peculiarities: string;
  /** Makes the request that deletes this very rule. */
  readonly deletion: () => Buffer;
}

export function parseRule(body: Buffer): Rule {
  const family = body.readUInt8(0) === AF[6] ? 6 : 4;
  const found = attributesOf(body, HEADER);
  const to = found.get(FRA.to);
  const from = found.get(FRA.from);
  const value = found.u32(FRA.mark);
  const mask = found.u32(FRA.mask) ?? 0xffffffff;
  const protocol = protocolOf(found);
  return {
    family,
    priority: found.u32(FRA.priority) ?? 0,
    table: found.u32(FRA.table) ?? body.readUInt8(4),
    ...(from && { from: `${addressText(from)}/${body.readUInt8(2)}` }),
    ...(to && { to: `${addressText(to)}/${body.readUInt8(1)}` }),
    ...(value !== undefined && { mark: { value, mask } }),
    protocol,
    automatic: protocol === KERNEL_PROTOCOL,
    peculiarities: peculiaritiesOf(body, found),
    deletion: () => message(RTM_RULE.delete, 0, withoutFlags(body)),
  };
}

const protocolOf = (found: Attributes): number => found.get(FRA.protocol)?.readUInt8() ?? 0;

const OURS: ReadonlySet<number> = new Set(Object.values(FRA));

function peculiaritiesOf(body: Buffer, found: Attributes): string {
  const suppressed = found.u32(FRA.suppressPrefixLength) ?? NO_SUPPRESSION;
  const foreign = found.types().filter((type) => !OURS.has(type));
  return [
    ...(body.readUInt8(3) === 0 ? [] : [`tos ${body.readUInt8(3)}`]),
    ...(body.readUInt8(7) === TO_TABLE ? [] : [`action ${body.readUInt8(7)}`]),
    ...((body.readUInt32LE(8) & INVERT) === 0 ? [] : ['not']),
    ...(suppressed === NO_SUPPRESSION ? [] : [`suppress ${suppressed}`]),
    ...foreign.map((type) => `attribute ${type} ${found.get(type)?.toString('hex')}`),
  ].join(' ');
}

/** Only the flag that selects; the others tell a state and are refused in requests. */
function withoutFlags(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  copy.writeUInt32LE(body.readUInt32LE(8) & INVERT, 8);
  return copy;
}

/**
 * Rules of both families; the kernel lists those of multicast routing too, where it has any. `protocol`: only those that bear it. Each
 * namespace has five of the kernel's own.
 */
export function listRules(socket: NetlinkSocket, { protocol }: { readonly protocol?: number } = {}): Rule[] {
  const isWanted = (body: Buffer) => protocol === undefined || protocolOf(attributesOf(body, HEADER)) === protocol;
  return socket
    .dump(RTM_RULE.get, Buffer.alloc(HEADER))
    .flatMap(({ body }) => (IP_FAMILIES.has(body.readUInt8(0)) && isWanted(body) ? [parseRule(body)] : []));
}

/** Refused with EEXIST when there is such a rule. */
export function newRule(spec: RuleSpec): Buffer {
  return message(RTM_RULE.new, FLAG.create | FLAG.excl, header(spec.family, spec), ...selectors(spec), u8(FRA.protocol, PROTOCOL));
}

export function deleteRule(spec: RuleSpec): Buffer {
  return message(RTM_RULE.delete, 0, header(spec.family, spec), ...selectors(spec));
}

function header(family: 4 | 6, spec: RuleSpec): Buffer {
  const bytes = Buffer.alloc(HEADER);
  bytes.writeUInt8(AF[family], 0);
  bytes.writeUInt8(lengthOf(spec.to), 1);
  bytes.writeUInt8(lengthOf(spec.from), 2);
  bytes.writeUInt8(TO_TABLE, 7);
  return bytes;
}

const lengthOf = (range: string | undefined): number => Number(range?.split('/')[1] ?? 0);
const baseOf = (range: string): string => range.split('/')[0] ?? '';

function selectors(spec: RuleSpec): Buffer[] {
  return [
    u32(FRA.priority, spec.priority),
    u32(FRA.table, spec.table),
    ...(spec.from === undefined ? [] : [address(FRA.from, baseOf(spec.from))]),
    ...(spec.to === undefined ? [] : [address(FRA.to, baseOf(spec.to))]),
    ...(spec.mark === undefined ? [] : [u32(FRA.mark, spec.mark.value), u32(FRA.mask, spec.mark.mask)]),
  ];
}
