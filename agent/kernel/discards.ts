import { readFileSync } from 'node:fs';
import { toKernelError } from './errors.js';
import { insideNetns, netnsIdentity } from './netns.js';

/** What a namespace's kernel dropped by itself, before any rule could: packets, both families together, since the namespace was made. */
export interface RouterDiscards {
  /** Broken headers and checksums, options for source routing, hop limits that ran out. */
  readonly header: number;
  /** Addresses that no packet may have, or not here. */
  readonly address: number;
  readonly noRoute: number;
  /** Fragments that overlapped, or that never became whole. */
  readonly fragment: number;
  /** Sources that strict reverse path filtering refused. */
  readonly reversePath: number;
}

const COUNTERS: { readonly [K in keyof RouterDiscards]: readonly string[] } = {
  header: ['Ip.InHdrErrors', 'Ip6InHdrErrors', 'Ip6InTruncatedPkts', 'IpExt.InTruncatedPkts', 'Ip.InUnknownProtos'],
  address: ['Ip.InAddrErrors', 'Ip6InAddrErrors'],
  noRoute: ['IpExt.InNoRoutes', 'Ip.OutNoRoutes', 'Ip6InNoRoutes', 'Ip6OutNoRoutes'],
  fragment: ['Ip.ReasmFails', 'Ip6ReasmFails'],
  reversePath: ['TcpExt.IPReversePathFilter'],
};

/** `undefined` when there is no such namespace, or it comes or goes just now. */
export function readDiscards(netns: string): RouterDiscards | undefined {
  try {
    const values = insideNetns(netns, readCounters);
    const sum = (names: readonly string[]) => names.reduce((total, name) => total + (values.get(name) ?? 0), 0);
    return Object.fromEntries(Object.entries(COUNTERS).map(([key, names]) => [key, sum(names)])) as unknown as RouterDiscards;
  } catch (error) {
    // Its name is a plain file for a moment before it is a namespace and after it was one.
    if (netnsIdentity(netns) === undefined) return undefined;
    throw toKernelError(error).during(`read what ${netns} discards`);
  }
}

function readCounters(): Map<string, number> {
  const read = (name: string) => readFileSync(`/proc/self/net/${name}`, 'latin1').trimEnd().split('\n');
  const values = new Map<string, number>();
  for (const name of ['snmp', 'netstat']) {
    // Pairs of lines: names, then values, both behind the protocol.
    const lines = read(name).map((line) => line.split(/:? /));
    for (let i = 0; i + 1 < lines.length; i += 2)
      lines[i]?.forEach((field, at) => void values.set(`${lines[i]?.[0]}.${field}`, Number(lines[i + 1]?.[at])));
  }
  for (const line of read('snmp6')) {
    const [name = '', value] = line.split(/\s+/);
    values.set(name, Number(value));
  }
  return values;
}
