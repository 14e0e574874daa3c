/** A record as it lies in the store, before it is known to fit the model. */
export interface StoredRecord {
  readonly kind: string;
  readonly id: string;
  readonly record: unknown;
}

/** Rewrites all records of one format into the next. Pure; runs once, in the transaction that also raises the format. */
export interface Migration {
  /** What changes, in a sentence. */
  readonly summary: string;
  readonly run: (records: readonly StoredRecord[]) => readonly StoredRecord[];
}

/** In order: the first one leads from format 1 to format 2, and so on. Never remove or reorder one. */
export const MIGRATIONS: readonly Migration[] = [];
