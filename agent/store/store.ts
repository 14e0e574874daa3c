import type { Change, Snapshot } from '../model/snapshot.js';

/**
 * Where the desired state lives. Two rules: a commit is durable before it returns, and it applies as a whole or not at all.
 * Adapters hold the newest states in memory; reading never waits.
 */
export interface Store {
  /** Newest durable state: what may be shown and acted on. */
  snapshot(): Snapshot;
  /**
   * The state with all commits so far, of which the last may still be on their way to the medium: what the next is decided on. They may
   * yet fail; whoever answers from this state waits for `commit(head.revision, …)`, with or without changes.
   */
  head(): Snapshot;
  /**
   * Applies the changes if the head is still at `expectedRevision`. Resolves when they are durable, to the state right after them;
   * commits become durable in their order. Without changes it resolves when the head is durable.
   * @throws {StoreConflict} when another commit came first; nothing was changed.
   * @throws {StoreFault} when the medium failed (disk full, read-only), for this commit or one before it; nothing was changed.
   */
  commit(expectedRevision: number, changes: readonly Change[]): Promise<Snapshot>;
  /** Calls back when a commit has become durable, in order, with the state before and after. Returns the function that stops it. */
  watch(listener: (event: CommitEvent) => void): () => void;
  /**
   * Calls back when a commit has been accepted onto the head, in order; and when a write has failed, with what leads back from the head that
   * came to nothing to the newest durable state. Returns the function that stops it.
   */
  watchHead(listener: (event: CommitEvent) => void): () => void;
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
