import type { Change, Snapshot } from '../model/snapshot.js';
import { type CommitEvent, type Store, StoreConflict, StoreFault } from './store.js';

/** Where commits are kept. Rejecting means: nothing was kept. */
export interface Medium {
  /** Afterwards the changes, applied in their order, and the revision are durable, as a whole. */
  write(revision: number, changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
}

/** A commit that is part of the head and not durable yet. */
interface Accepted {
  readonly changes: readonly Change[];
  readonly after: Snapshot;
  readonly resolve: (after: Snapshot) => void;
  readonly reject: (reason: unknown) => void;
}

type Listeners = Set<(event: CommitEvent) => void>;

/**
 * The part that all adapters share. A commit is accepted, or refused for its revision, at once and in memory, and is written at once unless
 * others are being written: those that arrive meanwhile become durable together, by one write. When a write fails, all that
 * was accepted and not durable fails with it: it was decided on a state that never came to be.
 * A listener that throws does not fail the commit (it is durable by then) and does not silence the others; its error surfaces as an
 * uncaught exception.
 */
export class GroupCommitStore implements Store {
  private readonly listeners: Listeners = new Set();
  private readonly headListeners: Listeners = new Set();
  private accepted: Accepted[] = [];
  private newest: Snapshot;
  private writing: Promise<void> | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private durable: Snapshot,
    private readonly medium: Medium,
  ) {
    this.newest = durable;
  }

  snapshot(): Snapshot {
    return this.durable;
  }

  head(): Snapshot {
    return this.newest;
  }

  async commit(expectedRevision: number, changes: readonly Change[]): Promise<Snapshot> {
    if (this.closing) throw new StoreFault('the store is closed');
    const before = this.newest;
    if (before.revision !== expectedRevision)
      throw new StoreConflict(`expected revision ${expectedRevision}, the store is at ${before.revision}`);
    if (changes.length === 0 && before === this.durable) return before;
    const after = changes.length === 0 ? before : before.with(before.revision + 1, changes);
    this.newest = after;
    const durable = new Promise<Snapshot>((resolve, reject) => this.accepted.push({ changes, after, resolve, reject }));
    this.writing ??= this.writeAll();
    if (changes.length > 0) tell(this.headListeners, { before, after, changes });
    return durable;
  }

  watch(listener: (event: CommitEvent) => void): () => void {
    return listen(this.listeners, listener);
  }

  watchHead(listener: (event: CommitEvent) => void): () => void {
    return listen(this.headListeners, listener);
  }

  close(): Promise<void> {
    this.closing ??= (this.writing ?? Promise.resolve()).then(() => this.medium.close());
    return this.closing;
  }

  private async writeAll(): Promise<void> {
    while (this.accepted.length > 0) await this.writeGroup(this.accepted.splice(0));
    this.writing = undefined;
  }

  private async writeGroup(group: readonly Accepted[]): Promise<void> {
    const changes = group.flatMap((commit) => commit.changes);
    const last = group.at(-1)?.after ?? this.durable;
    try {
      if (changes.length > 0) await this.medium.write(last.revision, changes);
    } catch (error) {
      this.giveUp([...group, ...this.accepted.splice(0)], error);
      return;
    }
    for (const { changes, after, resolve } of group) {
      const before = this.durable;
      this.durable = after;
      if (changes.length > 0) tell(this.listeners, { before, after, changes });
      resolve(after);
    }
  }

  /** What was accepted comes to nothing: the durable state is the newest again. */
  private giveUp(failed: readonly Accepted[], error: unknown): void {
    const before = this.newest;
    const after = this.durable;
    this.newest = after;
    const changes = failed.flatMap((commit) => commit.changes);
    const undone = changes.map(({ kind, id }) => ({ kind, id, record: after.get(kind, id) }) as Change);
    if (undone.length > 0) tell(this.headListeners, { before, after, changes: undone });
    for (const { reject } of failed) reject(error);
  }
}

function listen(listeners: Listeners, listener: (event: CommitEvent) => void): () => void {
  const own = (event: CommitEvent) => listener(event);
  listeners.add(own);
  return () => listeners.delete(own);
}

function tell(listeners: Listeners, event: CommitEvent): void {
  for (const listener of [...listeners]) {
    if (!listeners.has(listener)) continue;
    try {
      listener(event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
