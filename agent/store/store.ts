import type { Change, Snapshot } from '../model/snapshot.js';

/**
 * Where the desired state lives. Two rules: a commit is durable before it returns, and it applies as a whole or not at all.
 * Adapters hold the newest snapshot in memory; reading never waits.
 */
export interface Store {
  /** Newest committed state. */
  snapshot(): Snapshot;
  /**
   * Applies the changes if the state is still at `expectedRevision`.
   * @throws {StoreConflict} when another commit came first; nothing was changed.
   * @throws {StoreFault} when the medium failed (disk full, read-only); nothing was changed.
   */
  commit(expectedRevision: number, changes: readonly Change[]): Promise<Snapshot>;
  /** Calls back after each commit, in order, with the state before and after. Returns the function that stops it. */
  watch(listener: (event: CommitEvent) => void): () => void;
  close(): Promise<void>;
}

export interface CommitEvent {
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly changes: readonly Change[];
}

export class StoreConflict extends Error {
  override readonly name = 'StoreConflict';
}

export class StoreFault extends Error {
  override readonly name = 'StoreFault';
}
