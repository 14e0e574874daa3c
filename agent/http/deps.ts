import type { Logger } from 'pino';
import type { AuditLog } from '../audit/log.js';
import type { CommandCall, Transaction } from '../commands/transact.js';
import type { Config } from '../config/schema.js';
import type { InstanceRuntime } from '../instances/runtime.js';
import type { RouterDiscards } from '../kernel/discards.js';
import type { InterfaceCounters, KernelFeatures } from '../kernel/port.js';
import type { VpcId } from '../model/ids.js';
import type { Snapshot } from '../model/snapshot.js';
import type { StatusReader } from '../reconcile/status.js';
import type { EventHub } from './event-hub.js';
import type { Metrics } from './metrics.js';

/** Everything the HTTP side needs of the rest of the daemon. It decides nothing: it decodes, calls and renders. */
export interface HttpDeps {
  readonly config: Config;
  /** Names of the availability zones. */
  readonly zones: readonly string[];
  readonly log: Logger;
  /** Runs commands as one commit; see `commands/transact.ts`. */
  readonly transact: (calls: readonly CommandCall[], options?: { readonly dryRun?: boolean }) => Promise<Transaction>;
  /** Resolves when the kernel pass for that state is over, or after a bound. Never rejects. */
  readonly settle: (after: Snapshot, signal?: AbortSignal) => Promise<void>;
  readonly snapshot: () => Snapshot;
  readonly status: StatusReader;
  /** Counters of those interfaces that have a device here; the others are left out. */
  readonly counters: (networkInterfaceIds: readonly string[]) => Promise<ReadonlyMap<string, InterfaceCounters>>;
  /** What the router of a VPC dropped before any rule; `undefined` when there is none here. */
  readonly discards: (vpcId: VpcId) => RouterDiscards | undefined;
  readonly runtime: Pick<InstanceRuntime, 'consoleOutput' | 'initPid'>;
  readonly hostFacts: () => Promise<Readonly<Record<string, unknown>>>;
  readonly features: () => KernelFeatures;
  readonly events: EventHub;
  readonly metrics: Metrics;
  readonly audit: AuditLog;
  /** Empties model and kernel; resolves when both are empty. */
  readonly reset: () => Promise<void>;
  /** What the daemon still waits for before it serves well, in words; empty: ready. */
  readonly waitsFor: () => readonly string[];
}
