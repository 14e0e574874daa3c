import { Snapshot } from '../model/snapshot.js';
import { GroupCommitStore } from './group-commit.js';
import type { Store } from './store.js';

/** A store that forgets everything when the process ends; for tests and trials. */
export function createMemoryStore(initial: Snapshot = Snapshot.empty): Store {
  return new GroupCommitStore(initial, { write: async () => undefined, close: async () => undefined });
}
