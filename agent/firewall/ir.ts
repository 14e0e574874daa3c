import type { Family } from '../kernel/port.js';
import { GROUP_WORD } from '../kernel/resources.js';

/** Packet filter rules as data. Only what is in these types can get into the rule text. Pure. */

export type Side = 'src' | 'dst';
/** Which fields of a packet are looked up in a set: an address, or address and device. */
export type SetLookup = Side | 'src,src' | 'dst,dst';

export type Match =
  | { readonly kind: 'address'; readonly side: Side; readonly cidr: string }
  | {
      readonly kind: 'protocol';
      /** IANA number, 1 to 255: to the tools 0 means every protocol. */
      readonly number: number;
      /** Destination ports, both included (TCP and UDP). */
      readonly ports?: { readonly from: number; readonly to: number };
      /** ICMP or ICMPv6 type, and code within it. */
      readonly icmp?: { readonly type: number; readonly code?: number };
    }
  | { readonly kind: 'deviceGroup'; readonly side: Side; readonly value: number; readonly mask: number; readonly negated?: boolean }
  | { readonly kind: 'set'; readonly set: string; readonly lookup: SetLookup; readonly negated?: boolean }
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number }
  | { readonly kind: 'connmark'; readonly value: number; readonly mask: number }
  | { readonly kind: 'ctState'; readonly states: readonly ('ESTABLISHED' | 'RELATED')[] }
  | { readonly kind: 'ctDirection'; readonly direction: 'ORIGINAL' | 'REPLY' }
  /** The first packet of a flow: connection tracking has not taken the flow in yet. */
  | { readonly kind: 'unconfirmed' }
  /** One packet in so many, at random. */
  | { readonly kind: 'sample'; readonly every: number }
  /** More flows than that, of those that were asked about here and live: of the source address, or of all together. */
  | { readonly kind: 'flowsAbove'; readonly count: number; readonly of: 'source' | 'all' }
  /** Whether the source (or anybody) was noted under a name in the last seconds; `note`: notes it, and matches. */
  | { readonly kind: 'noted'; readonly name: string; readonly of: 'source' | 'all'; readonly seconds: number }
  | { readonly kind: 'note'; readonly name: string; readonly of: 'source' | 'all' };

export type Target =
  | { readonly kind: 'accept' | 'drop' | 'return' }
  | { readonly kind: 'jump'; readonly chain: string }
  /** As jump, but the end of that chain returns to where this chain was jumped to from. */
  | { readonly kind: 'goto'; readonly chain: string }
  /** Sets the bits of `mask` to those of `value` and goes on. */
  | { readonly kind: 'mark' | 'connmark'; readonly value: number; readonly mask: number };

export interface Rule {
  readonly matches: readonly Match[];
  readonly target: Target;
}

export interface Chain {
  /** At most 28 characters. */
  readonly name: string;
  /** Of the kernel's own chains only. */
  readonly policy?: 'ACCEPT' | 'DROP';
  readonly rules: readonly Rule[];
}

export interface TableRules {
  readonly name: 'raw' | 'mangle' | 'filter';
  readonly chains: readonly Chain[];
}

export interface Ruleset {
  readonly family: Family;
  readonly tables: readonly TableRules[];
}

export const PROTOCOL_NUMBER = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

export const ACCEPT: Target = { kind: 'accept' };
export const DROP: Target = { kind: 'drop' };
export const RETURN: Target = { kind: 'return' };
export const jump = (chain: string): Target => ({ kind: 'jump', chain });
export const goto = (chain: string): Target => ({ kind: 'goto', chain });
export const setMark = (value: number, mask: number): Target => ({ kind: 'mark', value, mask });
export const setConnmark = (value: number, mask: number): Target => ({ kind: 'connmark', value, mask });

export const original: Match = { kind: 'ctDirection', direction: 'ORIGINAL' };
export const reply: Match = { kind: 'ctDirection', direction: 'REPLY' };
export const marked = (bits: number): Match => ({ kind: 'mark', value: bits, mask: bits });
export const unmarked = (bits: number): Match => ({ kind: 'mark', value: 0, mask: bits });
export const connmarked = (bits: number): Match => ({ kind: 'connmark', value: bits, mask: bits });
export const deviceGroup = (side: Side, value: number, mask: number): Match => ({ kind: 'deviceGroup', side, value, mask });
/** An interface without source/destination check; a gateway's link is no interface. */
export const isUnchecked = (side: Side): readonly Match[] => [deviceGroup(side, 0, GROUP_WORD.checkMask), isInterface(side)];
export const isInterface = (side: Side): Match => ({
  kind: 'deviceGroup',
  side,
  value: 0,
  mask: GROUP_WORD.combinationMask,
  negated: true,
});
export const inSet = (set: string, lookup: SetLookup): Match => ({ kind: 'set', set, lookup });
export const notInSet = (set: string, lookup: SetLookup): Match => ({ kind: 'set', set, lookup, negated: true });
export const addressAndDevice = (side: Side): SetLookup => (side === 'src' ? 'src,src' : 'dst,dst');
export const protocol = (number: number): Match => ({ kind: 'protocol', number });

export function rule(target: Target, ...matches: readonly Match[]): Rule {
  return { matches, target };
}
