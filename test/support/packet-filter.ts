import type { Match, Rule, Ruleset, TableRules } from '../../agent/firewall/ir.js';
import { cidr, contains } from '../../agent/model/address.js';

/** Walks rules as the kernel does, for one packet. The specification of what the rule data mean. */

export interface Device {
  readonly name: string;
  readonly group: number;
}

export interface Packet {
  readonly from: Device;
  readonly to: Device;
  readonly src: string;
  readonly dst: string;
  /** IANA number. */
  readonly protocol: number;
  readonly destinationPort?: number;
  readonly icmp?: { readonly type: number; readonly code: number };
  /** Absent: connection tracking could not place it. */
  readonly ct?: { readonly direction: 'ORIGINAL' | 'REPLY'; readonly state: 'NEW' | 'ESTABLISHED' | 'RELATED' };
}

/** Name of a set → its entries. */
export type Sets = ReadonlyMap<string, ReadonlySet<string>>;

export interface Verdict {
  readonly verdict: 'accept' | 'drop';
  readonly mark: number;
  readonly connmark: number;
  /** Set and entry of the last rule that matched, when it looked one up: what counts the packet. */
  readonly counted?: string;
}

/** How many jumps deep nf_tables goes (NFT_JUMP_STACK_SIZE). */
const MAX_DEPTH = 16;

/** What becomes of a packet that the router forwards. */
export function forward(ruleset: Ruleset, sets: Sets, packet: Packet, connmark: number): Verdict {
  const walk = new Walk(ruleset, sets, packet, connmark);
  for (const [table, chain] of HOOKS) if (!walk.passes(table, chain)) return walk.verdict('drop');
  return walk.verdict('accept');
}

const HOOKS = [
  ['raw', 'PREROUTING'],
  ['filter', 'FORWARD'],
] as const;

class Walk {
  private mark = 0;
  private counted: string | undefined;

  constructor(
    private readonly ruleset: Ruleset,
    private readonly sets: Sets,
    private readonly packet: Packet,
    private connmark: number,
  ) {}

  verdict(verdict: 'accept' | 'drop'): Verdict {
    const { mark, connmark, counted } = this;
    return { verdict, mark, connmark, ...(counted !== undefined && { counted }) };
  }

  passes(tableName: TableRules['name'], chainName: string): boolean {
    const table = this.ruleset.tables.find(({ name }) => name === tableName);
    if (!table) throw new TypeError(`no table ${tableName}`);
    const end = this.chain(table, chainName, 1) ?? table.chains.find(({ name }) => name === chainName)?.policy;
    if (end === undefined) throw new TypeError(`${chainName} has no policy`);
    return end === 'ACCEPT';
  }

  /** `undefined`: came back from the chain. */
  private chain(table: TableRules, chainName: string, depth: number): 'ACCEPT' | 'DROP' | undefined {
    const chain = table.chains.find(({ name }) => name === chainName);
    if (!chain) throw new TypeError(`no chain ${chainName} in ${table.name}`);
    if (depth > MAX_DEPTH) throw new TypeError(`${chainName} is ${depth} chains deep`);
    for (const { matches, target } of chain.rules) {
      const lookups = matches.map((match) => this.matches(match));
      if (!lookups.every((found) => found !== false)) continue;
      this.counted = lookups.find((found) => typeof found === 'string');
      switch (target.kind) {
        case 'accept':
          return 'ACCEPT';
        case 'drop':
          return 'DROP';
        case 'return':
          return undefined;
        case 'goto':
          return this.chain(table, target.chain, depth + 1);
        case 'jump': {
          const end = this.chain(table, target.chain, depth + 1);
          if (end !== undefined) return end;
          break;
        }
        case 'mark':
          this.mark = ((this.mark & ~target.mask) | target.value) >>> 0;
          break;
        case 'connmark':
          if (this.packet.ct) this.connmark = ((this.connmark & ~target.mask) | target.value) >>> 0;
          break;
      }
    }
    return undefined;
  }

  /** True, or the set's entry that matched; false when it does not match. */
  private matches(match: Match): boolean | string {
    const { packet } = this;
    switch (match.kind) {
      case 'address':
        return contains(cidr(match.cidr), match.side === 'src' ? packet.src : packet.dst);
      case 'protocol':
        return this.matchesProtocol(match);
      case 'deviceGroup': {
        const { group } = match.side === 'src' ? packet.from : packet.to;
        return ((group & match.mask) >>> 0 === match.value >>> 0) !== (match.negated ?? false);
      }
      case 'set': {
        const entry = this.lookUp(match.set, match.lookup);
        return match.negated ? entry === undefined : (entry ?? false);
      }
      case 'mark':
        return (this.mark & match.mask) === match.value;
      case 'connmark':
        return packet.ct !== undefined && (this.connmark & match.mask) === match.value;
      case 'ctState':
        return (match.states as readonly string[]).includes(packet.ct?.state ?? 'INVALID');
      case 'ctDirection':
        return packet.ct?.direction === match.direction;
      case 'unconfirmed':
        return packet.ct?.state === 'NEW';
      // Nobody here holds many flows.
      case 'flowsAbove':
      case 'noted':
        return false;
      case 'sample':
      case 'note':
        return true;
    }
  }

  private matchesProtocol({ number, ports, icmp }: Extract<Match, { kind: 'protocol' }>): boolean {
    const { protocol, destinationPort = -1, icmp: message } = this.packet;
    if (protocol !== number) return false;
    if (ports && (destinationPort < ports.from || destinationPort > ports.to)) return false;
    return !icmp || (message?.type === icmp.type && (icmp.code === undefined || message.code === icmp.code));
  }

  private lookUp(set: string, lookup: string): string | undefined {
    const entries = this.sets.get(set);
    if (!entries) throw new TypeError(`no set ${set}`);
    const [address, device] = lookup.startsWith('src') ? [this.packet.src, this.packet.from.name] : [this.packet.dst, this.packet.to.name];
    for (const entry of entries) {
      if (this.sets.has(entry)) {
        const inner = this.lookUp(entry, lookup);
        if (inner !== undefined) return inner;
        continue;
      }
      const [range = '', ofDevice] = entry.split(',');
      const isThere = range.includes('/') ? contains(cidr(range), address) : range === address;
      if (isThere && (ofDevice === undefined || ofDevice === device)) return `${set} ${entry}`;
    }
    return undefined;
  }
}

/** Every rule of a ruleset, with its chain. */
export function* allRules(ruleset: Ruleset): Iterable<{ table: string; chain: string; rule: Rule }> {
  for (const table of ruleset.tables)
    for (const chain of table.chains) for (const rule of chain.rules) yield { table: table.name, chain: chain.name, rule };
}
