import type { Chain, Match, Rule, Ruleset, SetLookup } from '../../agent/firewall/ir.js';
import { GROUP_WORD } from '../../agent/kernel/resources.js';
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
  return walk.verdict(HOOKS.every((hook) => walk.passes(hook)) ? 'accept' : 'drop');
}

const HOOKS = ['prerouting', 'forward'] as const;

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

  passes(hook: (typeof HOOKS)[number]): boolean {
    const called = this.ruleset.chains.filter((chain) => chain.hook?.at === hook);
    if (called.length === 0) throw new TypeError(`nothing is called at ${hook}`);
    return called.every((chain) => (this.chain(chain, 1) ?? chain.hook?.policy) === 'accept');
  }

  private named(name: string): Chain {
    const chain = this.ruleset.chains.find((each) => each.name === name);
    if (!chain) throw new TypeError(`no chain ${name}`);
    return chain;
  }

  /** `undefined`: came back from the chain. */
  private chain(chain: Chain, depth: number): 'accept' | 'drop' | undefined {
    if (depth > MAX_DEPTH) throw new TypeError(`${chain.name} is ${depth} chains deep`);
    for (const { matches, target } of chain.rules) {
      const lookups = matches.map((match) => this.matches(match));
      if (!lookups.every((found) => found !== false)) continue;
      this.counted = lookups.find((found) => typeof found === 'string');
      switch (target.kind) {
        case 'accept':
          return 'accept';
        case 'drop':
          return 'drop';
        case 'return':
          return undefined;
        case 'goto':
          return this.chain(this.named(target.chain), depth + 1);
        case 'jump': {
          const end = this.chain(this.named(target.chain), depth + 1);
          if (end !== undefined) return end;
          break;
        }
        case 'dispatch': {
          const { group } = target.side === 'src' ? this.packet.from : this.packet.to;
          const way = target.chains.get((group & GROUP_WORD.combinationMask) >>> GROUP_WORD.combinationShift);
          if (way === undefined) break;
          const end = this.chain(this.named(way), depth + 1);
          if (end !== undefined || target.by === 'goto') return end;
          break;
        }
        case 'mark':
          this.mark = ((this.mark & ~target.mask) | target.value) >>> 0;
          if (target.then) return target.then;
          break;
        case 'connmark':
          if (this.packet.ct) this.connmark = ((this.connmark & ~target.mask) | target.value) >>> 0;
          if (target.then) return target.then;
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
      case 'ranges':
        return match.cidrs.some((range) => contains(cidr(range), match.side === 'src' ? packet.src : packet.dst));
      case 'protocol':
        return this.matchesProtocol(match);
      case 'deviceGroup': {
        const { group } = match.side === 'src' ? packet.from : packet.to;
        return ((group & match.mask) >>> 0 === match.value >>> 0) !== (match.negated ?? false);
      }
      case 'combination': {
        const { group } = match.side === 'src' ? packet.from : packet.to;
        const index = (group & GROUP_WORD.combinationMask) >>> GROUP_WORD.combinationShift;
        return match.indexes.includes(index) !== (match.negated ?? false);
      }
      case 'set': {
        const entry = this.lookUp(match.set, match.lookup);
        return match.negated ? entry === undefined : (entry ?? false);
      }
      case 'mark':
        return (this.mark & match.mask) >>> 0 === match.value;
      case 'connmark':
        return packet.ct !== undefined && (this.connmark & match.mask) >>> 0 === match.value;
      case 'ctState':
        return (match.states as readonly string[]).includes(packet.ct?.state ?? 'INVALID');
      case 'ctDirection':
        return packet.ct?.direction === match.direction;
      case 'unconfirmed':
        return packet.ct?.state === 'NEW';
      // Nobody here holds many flows.
      case 'flowsAbove':
        return false;
      case 'sample':
      case 'note':
        return true;
    }
  }

  private matchesProtocol({ number, ports, icmp }: Extract<Match, { kind: 'protocol' }>): boolean {
    const { protocol, destinationPort = -1, icmp: message } = this.packet;
    if (protocol !== number) return false;
    if (ports && !ports.some(({ from, to }) => from <= destinationPort && destinationPort <= to)) return false;
    return !icmp || (message?.type === icmp.type && (icmp.code === undefined || message.code === icmp.code));
  }

  private lookUp(set: string, lookup: SetLookup): string | undefined {
    const entries = this.sets.get(set);
    if (!entries) throw new TypeError(`no set ${set}`);
    const { src, dst, from, to } = this.packet;
    const keys = {
      src,
      dst,
      'src,src': `${src},${from.name}`,
      'dst,dst': `${dst},${to.name}`,
      iif: from.name,
      oif: to.name,
      'iif index': from.name,
    };
    const key = keys[lookup];
    return entries.has(key) ? `${set} ${key}` : undefined;
  }
}

/** Every rule of a ruleset, with its chain. */
export function* allRules({ chains }: Ruleset): Iterable<{ chain: string; rule: Rule }> {
  for (const { name, rules } of chains) for (const rule of rules) yield { chain: name, rule };
}
