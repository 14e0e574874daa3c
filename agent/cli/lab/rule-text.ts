import { parseAddress, parseCidr } from '../../model/address.js';

/** The short form of security group rules: `tcp/80,443 from 0.0.0.0/0`, `icmp from web`, `all to anywhere`. Pure. */

export type Direction = 'ingress' | 'egress';

export interface TrafficSpec {
  /** As the API has it: `-1`, `tcp`, `udp`, `icmp`, `icmpv6`, or a protocol number. */
  readonly protocol: string;
  readonly fromPort?: number;
  readonly toPort?: number;
}

export type PeerSpec =
  | { readonly kind: 'cidr'; readonly cidr: string }
  | { readonly kind: 'cidr6'; readonly cidr: string }
  | { readonly kind: 'self' }
  /** A name or id, to be looked up among groups and prefix lists. */
  | { readonly kind: 'name'; readonly name: string };

export interface RuleSpec extends TrafficSpec {
  readonly direction: Direction;
  readonly peer: PeerSpec;
}

/** Thrown with a sentence that says what is wrong and what would be right. */
export class RuleTextError extends Error {
  override readonly name = 'RuleTextError';
}

const PREPOSITION = { ingress: 'from', egress: 'to' } as const;

/** The rules that a text stands for: one per port or port range. @throws {RuleTextError} */
export function parseRuleText(text: string, direction?: Direction): RuleSpec[] {
  const words = text.trim().split(/\s+/);
  const [traffic, preposition, peer] = words;
  if (words.length !== 3 || traffic === undefined || peer === undefined || (preposition !== 'from' && preposition !== 'to'))
    throw new RuleTextError(`'${text}' is no rule: write it like 'tcp/80 ${PREPOSITION[direction ?? 'ingress']} 10.0.0.0/16'`);
  const own: Direction = preposition === 'from' ? 'ingress' : 'egress';
  if (direction !== undefined && own !== direction)
    throw new RuleTextError(`'${text}': ${direction} rules are written with '${PREPOSITION[direction]}'`);
  const peerSpec = parsePeer(peer);
  return parseTraffic(traffic).map((spec) => ({ direction: own, ...spec, peer: peerSpec }));
}

const ALL_PORTS = { fromPort: 0, toPort: 65_535 };

/** `tcp/80`, `udp/1000-2000`, `tcp/80,443`, `tcp`, `icmp`, `icmp/8`, `icmp/3:4`, `all`, `47`. @throws {RuleTextError} */
export function parseTraffic(text: string): TrafficSpec[] {
  const slash = text.indexOf('/');
  const name = (slash < 0 ? text : text.slice(0, slash)).toLowerCase();
  const details = slash < 0 ? undefined : text.slice(slash + 1).split(',');
  if (name === 'all' || /^\d+$/.test(name)) {
    if (details) throw new RuleTextError(`'${text}': only tcp and udp have ports, icmp types`);
    if (name !== 'all' && Number(name) > 255) throw new RuleTextError(`'${text}': a protocol number is at most 255`);
    if (name === '6' || name === '17') return [{ protocol: name === '6' ? 'tcp' : 'udp', ...ALL_PORTS }];
    if (name === '1' || name === '58') return [{ protocol: name === '1' ? 'icmp' : 'icmpv6', fromPort: -1, toPort: -1 }];
    return [{ protocol: name === 'all' ? '-1' : name }];
  }
  switch (name) {
    case 'tcp':
    case 'udp':
      return details ? details.map((part) => ({ protocol: name, ...parsePorts(text, part) })) : [{ protocol: name, ...ALL_PORTS }];
    case 'icmp':
    case 'icmpv6':
      return (details ?? ['-1']).map((part) => ({ protocol: name, ...parseIcmp(text, part) }));
    default:
      throw new RuleTextError(`'${text}': unknown protocol '${name}' (tcp, udp, icmp, icmpv6, all or a number)`);
  }
}

function parsePorts(text: string, part: string): { fromPort: number; toPort: number } {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
  const fromPort = Number(match?.[1]);
  const toPort = Number(match?.[2] ?? match?.[1]);
  if (!match || toPort > 65_535 || fromPort > toPort)
    throw new RuleTextError(`'${text}': '${part}' is no port (0 to 65535) or range like 8000-8080`);
  return { fromPort, toPort };
}

function parseIcmp(text: string, part: string): { fromPort: number; toPort: number } {
  if (part === '-1') return { fromPort: -1, toPort: -1 };
  const match = /^(\d{1,3})(?::(\d{1,3}))?$/.exec(part);
  const type = Number(match?.[1]);
  const code = match?.[2] === undefined ? -1 : Number(match[2]);
  if (!match || type > 255 || code > 255) throw new RuleTextError(`'${text}': '${part}' is no ICMP type like 8, or type:code like 3:4`);
  return { fromPort: type, toPort: code };
}

function parsePeer(text: string): PeerSpec {
  if (text === 'self') return { kind: 'self' };
  if (text === 'anywhere') return { kind: 'cidr', cidr: '0.0.0.0/0' };
  if (text === 'anywhere-ipv6') return { kind: 'cidr6', cidr: '::/0' };
  const address = parseAddress(text);
  const range = parseCidr(address ? `${text}/${address.family === 4 ? 32 : 128}` : text);
  if (!range) {
    if (/[/:]/.test(text)) throw new RuleTextError(`'${text}' is no address range`);
    return { kind: 'name', name: text };
  }
  if (!range.canonical) throw new RuleTextError(`'${text}' has host bits set: write ${range.text}`);
  return range.family === 4 ? { kind: 'cidr', cidr: range.text } : { kind: 'cidr6', cidr: range.text };
}

/** Text that is equal for two rules exactly when they permit the same: `peer` is the id or range. */
export function ruleKey(rule: TrafficSpec & { readonly direction: Direction }, peer: string): string {
  const isAllPorts = (rule.protocol === 'tcp' || rule.protocol === 'udp') && rule.fromPort === 0 && rule.toPort === 65_535;
  const ports =
    rule.fromPort === undefined || isAllPorts || rule.protocol === '-1' ? 'all' : `${rule.fromPort}-${rule.toPort ?? rule.fromPort}`;
  return `${rule.direction} ${rule.protocol} ${ports} ${peer}`;
}
