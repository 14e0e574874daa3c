import { readFileSync } from 'node:fs';
import { kernelBootId } from '../instances/boot.js';
import { isAlive, type ProcessRef, parseStat } from '../instances/processes.js';
import { netnsIdentity } from '../kernel/netns.js';
import type { NamespaceHolder } from '../kernel/port.js';
import { NETNS_DIR } from '../kernel/resources.js';
import type { InstanceHolder } from '../model/instance.js';

/** Where a namespace that somebody else made is now. */
export type Whereabouts =
  | { readonly state: 'there'; readonly holder: NamespaceHolder }
  /** It may come back. */
  | { readonly state: 'absent'; readonly reason: string }
  /** It never comes back. */
  | { readonly state: 'gone'; readonly reason: string }
  /** Nobody can tell for the moment. */
  | { readonly state: 'unknown'; readonly reason: string };

export const namespacePath = (name: string): string => `${NETNS_DIR}/${name}`;

export function locateNamespace({ name }: Extract<InstanceHolder, { kind: 'namespace' }>): Whereabouts {
  const path = namespacePath(name);
  const identity = netnsIdentity(path);
  if (identity === undefined) return { state: 'absent', reason: `there is no network namespace ${name}; interfaces come back with it` };
  return { state: 'there', holder: { path, identity } };
}

export function locateProcess({ pid, startTime, bootId }: Extract<InstanceHolder, { kind: 'process' }>): Whereabouts {
  const holder = bootId === kernelBootId() ? holderOf({ pid, startTime }) : undefined;
  return holder ? { state: 'there', holder } : { state: 'gone', reason: `process ${pid} has ended` };
}

/** The namespace of that very process; `undefined` when it has ended. */
export function holderOf(ref: ProcessRef): NamespaceHolder | undefined {
  const path = `/proc/${ref.pid}/ns/net`;
  const identity = identityOf(path);
  // In this order: what was read belongs to the process if it is alive afterwards.
  return identity !== undefined && isAlive(ref) ? { path, identity } : undefined;
}

/** The process that has this number now. */
export function processOf(pid: number): ProcessRef | undefined {
  try {
    const ref = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    return ref && isAlive(ref) ? ref : undefined;
  } catch {
    return undefined;
  }
}

/** A process may end between two looks at it. */
function identityOf(path: string): string | undefined {
  try {
    return netnsIdentity(path);
  } catch {
    return undefined;
  }
}
