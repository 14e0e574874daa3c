import type { Family } from '../kernel/port.js';
import { SET } from '../kernel/resources.js';
import { cidr, containsCidr, familyOf } from '../model/address.js';
import type { PrefixList, RulePeer, SecurityGroupRule } from '../model/security-group.js';
import { inSet, type Match, type PortRange, PROTOCOL_NUMBER, type Side } from './ir.js';

/** One permission of a group in one address family. */
export interface Permission {
  readonly matches: readonly Match[];
  /** From or to everywhere: TCP and UDP traffic is not tracked then when its return is open too. */
  readonly anywhere: boolean;
}

export type PrefixLists = ReadonlyMap<string, PrefixList>;

const ALL = 'all';
/** ICMP type that the tools take for "any"; no message has it. */
const ICMP_ANY = 255;

/**
 * What a rule lets through in one family; `undefined` when that is nothing. A rule that can't be expressed lets nothing through:
 * tools take protocol 0 and ICMP type 255 for everything.
 */
export function permissionOf(rule: SecurityGroupRule, family: Family, prefixLists: PrefixLists): Permission | undefined {
  const peer = peerMatches(rule.peer, rule.direction === 'ingress' ? 'src' : 'dst', family, prefixLists);
  const protocol = protocolMatches(rule, family);
  if (!peer || !protocol) return undefined;
  return { matches: [...protocol, ...peer], anywhere: isAnywhere(rule.peer, family) };
}

/** The same permissions in fewer: those that differ in ports only are one. */
export function joined(permissions: readonly Permission[]): Permission[] {
  const found = new Map<string, Permission>();
  for (const permission of permissions) {
    const { anywhere, matches } = permission;
    const key = JSON.stringify([
      anywhere,
      ...matches.map((match) => (match.kind === 'protocol' ? { ...match, ports: match.ports !== undefined } : match)),
    ]);
    const other = found.get(key);
    found.set(key, other ? { anywhere, matches: matches.map((match, place) => withPortsOf(match, other.matches[place])) } : permission);
  }
  return [...found.values()];
}

function withPortsOf(match: Match, other: Match | undefined): Match {
  if (match.kind !== 'protocol' || other?.kind !== 'protocol' || !match.ports || !other.ports) return match;
  const ports: PortRange[] = [];
  for (const range of [...match.ports, ...other.ports].sort((a, b) => a.from - b.from)) {
    const last = ports.at(-1);
    if (last && range.from <= last.to + 1) ports[ports.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
    else ports.push(range);
  }
  return { ...match, ports };
}

/** Protocols that the rules let through in a direction on every port, from or to everywhere: of those, the ones the cloud may not track. */
export function openProtocols(rules: readonly SecurityGroupRule[], direction: SecurityGroupRule['direction'], family: Family): number[] {
  const open = new Set<number>();
  for (const rule of rules) {
    if (rule.direction !== direction || !isAnywhere(rule.peer, family)) continue;
    const number = protocolOf(rule);
    for (const untracked of UNTRACKED) if (number === ALL || (number === untracked && portsOf(rule) === ALL)) open.add(untracked);
  }
  return [...open];
}

/** Protocols of which flows may be untracked; all others always are tracked. */
const UNTRACKED: readonly number[] = [PROTOCOL_NUMBER.tcp, PROTOCOL_NUMBER.udp];

/** Ranges are canonical in the model, so these are the only ways to write them. */
export const EVERYWHERE: Readonly<Record<Family, string>> = { 4: '0.0.0.0/0', 6: '::/0' };
/** Nothing else than a range goes into the text, even if the model held it. */
export const RANGE = /^[0-9a-f.:]+\/\d{1,3}$/;

function isAnywhere(peer: RulePeer, family: Family): boolean {
  return (peer.kind === 'cidr' || peer.kind === 'cidr6') && peer.cidr === EVERYWHERE[family];
}

function peerMatches(peer: RulePeer, side: Side, family: Family, prefixLists: PrefixLists): Match[] | undefined {
  switch (peer.kind) {
    case 'cidr':
    case 'cidr6': {
      if (familyOf(peer.cidr) !== family || !RANGE.test(peer.cidr)) return undefined;
      return isAnywhere(peer, family) ? [] : [{ kind: 'address', side, cidr: peer.cidr }];
    }
    case 'group':
      return [inSet(SET.group(peer.groupId, family), side)];
    case 'prefixList':
      return rangesMatch(prefixLists.get(peer.prefixListId), side, family);
  }
}

/** A list that is empty, or of the other family, lets nothing through. */
function rangesMatch(list: PrefixList | undefined, side: Side, family: Family): Match[] | undefined {
  const cidrs = list?.family === family ? list.entries.map((entry) => entry.cidr).filter((text) => RANGE.test(text)) : [];
  if (cidrs.length === 0) return undefined;
  return cidrs.includes(EVERYWHERE[family]) ? [] : [{ kind: 'ranges', side, cidrs: outermost(cidrs) }];
}

/** Ranges without those that lie in another: nft takes no overlapping ones. */
function outermost(texts: readonly string[]): string[] {
  const ranges = [...new Map(texts.map((text) => [cidr(text).text, cidr(text)])).values()];
  return ranges.filter((range) => !ranges.some((other) => other !== range && containsCidr(other, range))).map(({ text }) => text);
}

/** What of a packet a rule is about: protocol, and ports or ICMP type and code (-1 or absent: any). */
export type ProtocolSpec = Pick<SecurityGroupRule, 'protocol' | 'fromPort' | 'toPort'>;

/** `undefined`: no packet of the family. */
export function protocolMatches(rule: ProtocolSpec, family: Family): Match[] | undefined {
  const number = protocolOf(rule);
  if (number === undefined) return undefined;
  if (number === ALL) return [];
  if (number === PROTOCOL_NUMBER.tcp || number === PROTOCOL_NUMBER.udp) {
    const ports = portsOf(rule);
    if (ports === undefined) return undefined;
    return [{ kind: 'protocol', number, ...(ports !== ALL && { ports: [ports] }) }];
  }
  if (number === PROTOCOL_NUMBER.icmp || number === PROTOCOL_NUMBER.icmpv6) {
    const icmp = icmpOf(rule);
    if (icmp === undefined || number !== (family === 4 ? PROTOCOL_NUMBER.icmp : PROTOCOL_NUMBER.icmpv6)) return undefined;
    return [{ kind: 'protocol', number, ...(icmp !== ALL && { icmp }) }];
  }
  return [{ kind: 'protocol', number }];
}

function protocolOf({ protocol }: ProtocolSpec): number | typeof ALL | undefined {
  if (protocol === '-1') return ALL;
  if (protocol in PROTOCOL_NUMBER) return PROTOCOL_NUMBER[protocol as keyof typeof PROTOCOL_NUMBER];
  return /^[1-9]\d{0,2}$/.test(protocol) && Number(protocol) <= 255 ? Number(protocol) : undefined;
}

function portsOf({ fromPort = -1, toPort = -1 }: ProtocolSpec): { from: number; to: number } | typeof ALL | undefined {
  if (fromPort === -1 || (fromPort === 0 && toPort === 0xffff)) return ALL;
  return isWithin(fromPort, 0xffff) && isWithin(toPort, 0xffff) && fromPort <= toPort ? { from: fromPort, to: toPort } : undefined;
}

function icmpOf({ fromPort: type = -1, toPort: code = -1 }: ProtocolSpec): { type: number; code?: number } | typeof ALL | undefined {
  if (type === -1) return ALL;
  if (!isWithin(type, ICMP_ANY - 1) || (code !== -1 && !isWithin(code, 255))) return undefined;
  return { type, ...(code !== -1 && { code }) };
}

function isWithin(value: number, last: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= last;
}
