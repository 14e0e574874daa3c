import type { Family } from '../kernel/port.js';
import { GROUP_WORD } from '../kernel/resources.js';

/** Packet filter rules as data. Only what is in these types can get into the rule text. Pure. */

export type Side = 'src' | 'dst';
/** Which fields of a packet are looked up in a set: an address, a device by its name or its index, or address and name. */
export type SetLookup = Side | 'src,src' | 'dst,dst' | 'iif' | 'oif' | 'iif index';

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export type Match =
  | { readonly kind: 'address'; readonly side: Side; readonly cidr: string }
  /** Within one of the ranges, of which there is at least one. */
  | { readonly kind: 'ranges'; readonly side: Side; readonly cidrs: readonly string[] }
  | {
      readonly kind: 'protocol';
      /** IANA number, 1 to 255: to the tools 0 means every protocol. */
      readonly number: number;
      /** Ranges of destination ports, both ends included (TCP and UDP): one of them. Sorted, and apart from each other. */
      readonly ports?: readonly PortRange[];
      /** ICMP or ICMPv6 type, and code within it. */
      readonly icmp?: { readonly type: number; readonly code?: number };
    }
  | { readonly kind: 'deviceGroup'; readonly side: Side; readonly value: number; readonly mask: number; readonly negated?: boolean }
  /** The device has one of these combinations of groups; 0: none, as a gateway's link. */
  | { readonly kind: 'combination'; readonly side: Side; readonly indexes: readonly number[]; readonly negated?: boolean }
  | { readonly kind: 'set'; readonly set: string; readonly lookup: SetLookup; readonly negated?: boolean }
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number }
  | { readonly kind: 'connmark'; readonly value: number; readonly mask: number }
  | { readonly kind: 'ctState'; readonly states: readonly ('ESTABLISHED' | 'RELATED')[] }
  | { readonly kind: 'ctDirection'; readonly direction: 'ORIGINAL' | 'REPLY' }
  /** The first packet of a flow: connection tracking has not taken the flow in yet. */
  | { readonly kind: 'unconfirmed' }
  /** One packet in so many, at random. */
  | { readonly kind: 'sample'; readonly every: number }
  /** More flows than that, of those of the packet's device that were asked about here and live; they are counted in the set. */
  | { readonly kind: 'flowsAbove'; readonly count: number; readonly set: string }
  /** Puts the packet's device into the set for some seconds, and matches. */
  | { readonly kind: 'note'; readonly set: string; readonly seconds: number };

export type Target =
  | { readonly kind: 'accept' | 'drop' | 'return' }
  | { readonly kind: 'jump'; readonly chain: string }
  /** As jump, but the end of that chain returns to where this chain was jumped to from. */
  | { readonly kind: 'goto'; readonly chain: string }
  /** To the chain of the device's combination of groups, by its index; goes on with the next rule when there is none. */
  | { readonly kind: 'dispatch'; readonly side: Side; readonly by: 'jump' | 'goto'; readonly chains: ReadonlyMap<number, string> }
  /** Sets the bits of `mask` to those of `value` and goes on, or accepts. */
  | { readonly kind: 'mark' | 'connmark'; readonly value: number; readonly mask: number; readonly then?: 'accept' };

export interface Rule {
  readonly matches: readonly Match[];
  readonly target: Target;
}

export interface Chain {
  readonly name: string;
  /** Of a chain that the kernel calls. */
  readonly hook?: { readonly at: 'prerouting' | 'input' | 'forward'; readonly priority: number; readonly policy: 'accept' | 'drop' };
  readonly rules: readonly Rule[];
}

export interface Ruleset {
  readonly family: Family;
  readonly chains: readonly Chain[];
}

export const PROTOCOL_NUMBER = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

/** All bits of a mark. */
export const WORD = 0xffffffff;

export const ACCEPT: Target = { kind: 'accept' };
export const DROP: Target = { kind: 'drop' };
export const RETURN: Target = { kind: 'return' };
export const jump = (chain: string): Target => ({ kind: 'jump', chain });
export const goto = (chain: string): Target => ({ kind: 'goto', chain });
export const setMark = (value: number, mask: number): Target => ({ kind: 'mark', value, mask });
export const setConnmark = (value: number, mask: number, then?: 'accept'): Target => ({
  kind: 'connmark',
  value,
  mask,
  ...(then && { then }),
});

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
export const deviceInSet = (set: string, side: Side): Match => inSet(set, side === 'src' ? 'iif' : 'oif');
/** The device has the combination of this index. */
export const hasCombination = (side: Side, index: number): Match => deviceGroup(side, combinationWord(index), GROUP_WORD.combinationMask);
export const combinationWord = (index: number): number => (index << GROUP_WORD.combinationShift) >>> 0;
export const protocol = (number: number): Match => ({ kind: 'protocol', number });

export function rule(target: Target, ...matches: readonly Match[]): Rule {
  return { matches, target };
}
