import type { Family } from '../kernel/port.js';
import { SET } from '../kernel/resources.js';
import { parseCidr } from '../model/address.js';
import type { PrefixList, RulePeer, SecurityGroupRule } from '../model/security-group.js';
import { inSet, type Match, PROTOCOL_NUMBER, type Side } from './ir.js';

/** One permission of a group in one address family. */
export interface Permission {
  readonly matches: readonly Match[];
  /** TCP, UDP or everything, from or to everywhere: such traffic is not tracked when its return is open too. */
  readonly anywhere: boolean;
}

export type PrefixLists = ReadonlyMap<string, PrefixList>;

const ALL = 'all';
/** ICMP type that the tools take for "any"; no message has it. */
const ICMP_ANY = 255;

/**
 * What a rule lets through in one family; `undefined` when that is nothing. A rule that can't be expressed lets nothing through:
 * to the tools, protocol 0 and ICMP type 255 would mean everything.
 */
export function permissionOf(rule: SecurityGroupRule, family: Family, prefixLists: PrefixLists): Permission | undefined {
  const peer = peerMatches(rule.peer, rule.direction === 'ingress' ? 'src' : 'dst', family, prefixLists);
  const protocol = protocolMatches(rule, family);
  if (!peer || !protocol) return undefined;
  const number = protocolOf(rule);
  const untrackable = number === ALL || number === PROTOCOL_NUMBER.tcp || number === PROTOCOL_NUMBER.udp;
  return { matches: [...protocol, ...peer], anywhere: untrackable && isAnywhere(rule.peer, family) };
}

/** Whether the rules let all of a protocol through in a direction, on every port, from or to everywhere. */
export function isOpen(
  rules: readonly SecurityGroupRule[],
  direction: SecurityGroupRule['direction'],
  protocol: number,
  family: Family,
): boolean {
  return rules.some((rule) => {
    if (rule.direction !== direction || !isAnywhere(rule.peer, family)) return false;
    const number = protocolOf(rule);
    return number === ALL || (number === protocol && portsOf(rule) === ALL);
  });
}

function isAnywhere(peer: RulePeer, family: Family): boolean {
  return (peer.kind === 'cidr' || peer.kind === 'cidr6') && parseCidr(peer.cidr)?.text === (family === 4 ? '0.0.0.0/0' : '::/0');
}

function peerMatches(peer: RulePeer, side: Side, family: Family, prefixLists: PrefixLists): Match[] | undefined {
  switch (peer.kind) {
    case 'cidr':
    case 'cidr6': {
      const range = parseCidr(peer.cidr);
      if (range?.family !== family) return undefined;
      return range.prefixLength === 0 ? [] : [{ kind: 'address', side, cidr: range.text }];
    }
    case 'group':
      return [inSet(SET.group(peer.groupId, family), side)];
    case 'prefixList':
      return prefixLists.get(peer.prefixListId)?.family === family ? [inSet(SET.prefixList(peer.prefixListId, family), side)] : undefined;
  }
}

function protocolMatches(rule: SecurityGroupRule, family: Family): Match[] | undefined {
  const number = protocolOf(rule);
  if (number === undefined) return undefined;
  if (number === ALL) return [];
  if (number === PROTOCOL_NUMBER.tcp || number === PROTOCOL_NUMBER.udp) {
    const ports = portsOf(rule);
    if (ports === undefined) return undefined;
    return [{ kind: 'protocol', number, ...(ports !== ALL && { ports }) }];
  }
  if (number === PROTOCOL_NUMBER.icmp || number === PROTOCOL_NUMBER.icmpv6) {
    const icmp = icmpOf(rule);
    if (icmp === undefined || number !== (family === 4 ? PROTOCOL_NUMBER.icmp : PROTOCOL_NUMBER.icmpv6)) return undefined;
    return [{ kind: 'protocol', number, ...(icmp !== ALL && { icmp }) }];
  }
  return [{ kind: 'protocol', number }];
}

function protocolOf({ protocol }: SecurityGroupRule): number | typeof ALL | undefined {
  if (protocol === '-1') return ALL;
  if (protocol in PROTOCOL_NUMBER) return PROTOCOL_NUMBER[protocol as keyof typeof PROTOCOL_NUMBER];
  return /^[1-9]\d{0,2}$/.test(protocol) && Number(protocol) <= 255 ? Number(protocol) : undefined;
}

function portsOf({ fromPort = -1, toPort = -1 }: SecurityGroupRule): { from: number; to: number } | typeof ALL | undefined {
  if (fromPort === -1 || (fromPort === 0 && toPort === 0xffff)) return ALL;
  return isWithin(fromPort, 0xffff) && isWithin(toPort, 0xffff) && fromPort <= toPort ? { from: fromPort, to: toPort } : undefined;
}

function icmpOf({ fromPort: type = -1, toPort: code = -1 }: SecurityGroupRule): { type: number; code?: number } | typeof ALL | undefined {
  if (type === -1) return ALL;
  if (!isWithin(type, ICMP_ANY - 1) || (code !== -1 && !isWithin(code, 255))) return undefined;
  return { type, ...(code !== -1 && { code }) };
}

function isWithin(value: number, last: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= last;
}
