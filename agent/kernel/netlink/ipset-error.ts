import { KernelError } from '../errors.js';
import type { FaultKind } from '../port.js';

/** Ipset answers with errno numbers of its own, from 4096 (linux/netfilter/ipset/ip_set.h), which libc has no words for. */
export const IPSET_ERROR = {
  /** The element is there already (add) or is not there (delete). */
  exists: 4103,
  /** Of a `list:set`: no set has the name. */
  listNoSuchSet: 4352,
  /** Of a `list:set`: the set is not one of its members. */
  listNotMember: 4357,
} as const;

type Words = Readonly<Record<number, readonly [FaultKind, string]>>;

const COMMON: Words = {
  4097: ['invalid', "the entry is not of the set's type or address family"],
  4098: ['unsupported', 'this kernel has no such set type'],
  4099: ['no-space', 'the kernel holds as many sets as it can'],
  4100: ['busy', 'the set is in use by a rule or by another set'],
  4101: ['exists', 'the other name is taken, or no set has it'],
  4102: ['invalid', 'the sets are of different types'],
  4103: ['exists', 'the entry is there already, or is not there'],
  4104: ['invalid', 'the prefix length is not one that this type of set takes'],
  4106: ['invalid', 'the type of set does not take this address family'],
  4108: ['busy', 'the set is in use by a rule or by another set'],
  4109: ['invalid', 'an IPv4 address is expected'],
  4110: ['invalid', 'an IPv6 address is expected'],
  4111: ['invalid', 'the set keeps no counters'],
};

const BY_TYPE: Readonly<Record<'hash' | 'list', Words>> = {
  hash: {
    4352: ['no-space', 'the set is full, or holds the range with as many devices as it can'],
    4353: ['invalid', 'the entry cannot be kept in this type of set'],
  },
  list: {
    4352: ['not-found', 'no set has that name'],
    4353: ['invalid', 'a set of sets cannot hold another'],
    4356: ['no-space', 'the set of sets is full'],
    4357: ['not-found', 'the set is not a member'],
  },
};

/** The number of an answer that only ipset gives; `undefined` for those that all of the kernel gives. */
export function ipsetErrorOf(error: KernelError): number | undefined {
  const number = Number(/(\d+)$/.exec(error.errno ?? '')?.[1]);
  return number >= 4096 ? number : undefined;
}

/** The answer with ipset's meaning. Some numbers mean one thing from a hash and another from a `list:set`. */
export function explain(error: KernelError, type: 'hash' | 'list' = 'hash'): KernelError {
  if (error.errno === 'ENOENT') return new KernelError('no set has that name', { kind: 'not-found', errno: 'ENOENT', cause: error });
  const number = ipsetErrorOf(error);
  const words = number === undefined ? undefined : (COMMON[number] ?? BY_TYPE[type][number]);
  return words ? new KernelError(words[1], { kind: words[0], errno: `ipset ${number}`, cause: error }) : error;
}
