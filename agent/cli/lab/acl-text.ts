import { parseCidr } from '../../model/address.js';
import { type Direction, parseTraffic, RuleTextError } from './rule-text.js';

/** The short form of network ACL entries: `100 allow tcp/80 from anywhere`, `32000 deny all to 10.0.9.0/24`. Pure. */

export interface AclEntrySpec {
  readonly ruleNumber: number;
  readonly egress: boolean;
  readonly ruleAction: 'allow' | 'deny';
  /** As the API has it: `-1`, `tcp`, `udp`, `icmp`, `icmpv6`, or a protocol number. */
  readonly protocol: string;
  readonly cidr: string;
  readonly portRange?: { readonly from: number; readonly to: number };
  readonly icmp?: { readonly type: number; readonly code: number };
}

const ANYWHERE: Readonly<Record<string, string>> = { anywhere: '0.0.0.0/0', 'anywhere-ipv6': '::/0' };
const LARGEST_NUMBER = 32_766;

/** @throws {RuleTextError} */
export function parseAclText(text: string, direction: Direction): AclEntrySpec {
  const preposition = direction === 'ingress' ? 'from' : 'to';
  const [number, action, traffic, word, peer, ...rest] = text.trim().split(/\s+/);
  if (!traffic || word !== preposition || peer === undefined || rest.length > 0 || (action !== 'allow' && action !== 'deny'))
    throw new RuleTextError(`'${text}' is no ${direction} entry: write it like '100 allow tcp/80 ${preposition} 10.0.0.0/16'`);
  const ruleNumber = /^\d+$/.test(number ?? '') ? Number(number) : 0;
  if (ruleNumber < 1 || ruleNumber > LARGEST_NUMBER)
    throw new RuleTextError(`'${text}': an entry's number is 1 to ${LARGEST_NUMBER}, not '${number}'`);
  const range = parseCidr(ANYWHERE[peer] ?? peer);
  if (!range) throw new RuleTextError(`'${text}': '${peer}' is no address range`);
  if (!range.canonical) throw new RuleTextError(`'${text}': '${peer}' has host bits set: write ${range.text}`);
  const [spec, ...more] = parseTraffic(traffic);
  if (!spec || more.length > 0) throw new RuleTextError(`'${text}': an entry has one port or range of ports: write two entries`);
  return { ruleNumber, egress: direction === 'egress', ruleAction: action, cidr: range.text, ...trafficOf(spec) };
}

function trafficOf({
  protocol,
  fromPort,
  toPort,
}: ReturnType<typeof parseTraffic>[number]): Pick<AclEntrySpec, 'protocol' | 'portRange' | 'icmp'> {
  if (protocol === 'icmp' || protocol === 'icmpv6') return { protocol, icmp: { type: fromPort ?? -1, code: toPort ?? -1 } };
  if (fromPort === undefined || toPort === undefined) return { protocol };
  return { protocol, portRange: { from: fromPort, to: toPort } };
}

/** Text that is equal for two entries exactly when they say the same. */
export function aclEntryKey({ ruleNumber, egress, ruleAction, protocol, cidr, portRange, icmp }: AclEntrySpec): string {
  const ports = portRange ? `${portRange.from}-${portRange.to}` : icmp ? `${icmp.type}:${icmp.code}` : 'all';
  const all = ports === '0-65535' || ports === '-1:-1' ? 'all' : ports;
  return [ruleNumber, egress ? 'egress' : 'ingress', ruleAction, protocol, all, cidr].join(' ');
}
