import type { Change, Snapshot } from '../model/snapshot.js';
import { type CommitEvent, type Store, StoreConflict, StoreFault } from './store.js';

/** Where a commit is kept. Rejecting means: nothing was kept. */
export interface Medium {
  /** Afterwards the changes and the revision are durable, as a whole. */
  write(revision: number, changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * The part that all adapters share: commits run one at a time in the order of their calls, compare the revision, write,
 * publish. A commit without changes writes nothing and keeps the revision. A listener that throws does not fail the
 * commit (it is durable by then) and does not silence the others; its error surfaces as an uncaught exception.
 */
export class SerialStore implements Store {
  private readonly listeners = new Set<(event: CommitEvent) => void>();
  private queue: Promise<unknown> = Promise.resolve();
  private closing: Promise<void> | undefined;

  constructor(
    private current: Snapshot,
    private readonly medium: Medium,
  ) {}

  snapshot(): Snapshot {
    return this.current;
  }

  commit(expectedRevision: number, changes: readonly Change[]): Promise<Snapshot> {
    if (this.closing) return Promise.reject(new StoreFault('the store is closed'));
    return this.enqueue(() => this.commitNow(expectedRevision, changes));
  }

  watch(listener: (event: CommitEvent) => void): () => void {
    const own = (event: CommitEvent) => listener(event);
    this.listeners.add(own);
    return () => this.listeners.delete(own);
  }

  close(): Promise<void> {
    this.closing ??= this.enqueue(() => this.medium.close());
    return this.closing;
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.queue.then(work);
    this.queue = done.catch(() => undefined);
    return done;
  }

  private async commitNow(expectedRevision: number, changes: readonly Change[]): Promise<Snapshot> {
    const before = this.current;
    if (before.revision !== expectedRevision) {
      throw new StoreConflict(`expected revision ${expectedRevision}, the store is at ${before.revision}`);
    }
    if (changes.length === 0) return before;
    const after = before.with(before.revision + 1, changes);
    await this.medium.write(after.revision, changes);
    this.current = after;
    this.publish({ before, after, changes });
    return after;
  }

  private publish(event: CommitEvent): void {
    for (const listener of [...this.listeners]) {
      if (!this.listeners.has(listener)) continue;
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
