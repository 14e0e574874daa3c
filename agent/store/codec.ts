import { createHash } from 'node:crypto';
import { type Change, INDEXES } from '../model/snapshot.js';
import { MIGRATIONS, type Migration, type StoredRecord } from './migrations/index.js';
import { StoreFault } from './store.js';

/**
 * Layout of an embedded store: records as JSON under `desired/<kind>/<id>`, and one `meta` record. The first layout has
 * format 1; each migration makes the next one.
 */
export const RECORD_PREFIX = 'desired/';
export const META_KEY = 'meta';

export interface Meta {
  readonly format: number;
  readonly revision: number;
  /** Number of records, and sum of their digests: what a damaged file would not add up to. */
  readonly records: number;
  readonly digest: string;
}

export const recordKey = (kind: string, id: string): string => `${RECORD_PREFIX}${kind}/${id}`;

/** The newest format that `migrations` lead to. */
export const newestFormat = (migrations: readonly Migration[] = MIGRATIONS): number => 1 + migrations.length;

export const encode = (value: unknown): string => JSON.stringify(value);

/** @throws {StoreFault} when the text is no JSON. */
export function decode(key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StoreFault(`record ${JSON.stringify(key)} is damaged`, { cause });
  }
}

/** @throws {StoreFault} when the record is not a meta record or its format is newer than `newest`, with the remedy. */
export function decodeMeta(text: string, newest: number): Meta {
  const meta = decode(META_KEY, text) as Partial<Meta> | null;
  const whole = [meta?.format, meta?.revision, meta?.records].every((n) => Number.isSafeInteger(n) && Number(n) >= 0);
  if (!meta || !whole || typeof meta.digest !== 'string') throw new StoreFault(`record "${META_KEY}" is damaged`);
  if (Number(meta.format) > newest) {
    throw new StoreFault(
      `it has format ${meta.format}, this version of enid reads up to ${newest}: install the newer version that wrote it, or start with another data directory`,
    );
  }
  return meta as Meta;
}

/** @throws {StoreFault} when the key is none of ours. */
export function decodeRecord(key: string, text: string): StoredRecord {
  const [, kind = '', id = ''] = /^desired\/([^/]+)\/(.+)$/s.exec(key) ?? [];
  if (id === '') throw new StoreFault(`key ${JSON.stringify(key)} is unknown`);
  return { kind, id, record: decode(key, text) };
}

/** A stored record of the newest format as a change that creates it. The digest vouches for its shape. */
export function toChange(stored: StoredRecord): Change {
  if (!Object.hasOwn(INDEXES, stored.kind)) {
    throw new StoreFault(
      `records of kind ${JSON.stringify(stored.kind)} are unknown: a newer version of enid wrote them; install that one`,
    );
  }
  return stored as Change;
}

/** Digest of a set of rows that can be kept up to date by adding and subtracting; finds damage, not malice. */
export class SetDigest {
  private constructor(private readonly sum: bigint) {}

  static readonly zero = new SetDigest(0n);
  static readonly parse = (text: string): SetDigest => new SetDigest(/^[0-9a-f]{1,16}$/.test(text) ? BigInt(`0x${text}`) : -1n);

  add(key: string, text: string): SetDigest {
    return new SetDigest(BigInt.asUintN(64, this.sum + rowDigest(key, text)));
  }

  subtract(key: string, text: string): SetDigest {
    return new SetDigest(BigInt.asUintN(64, this.sum - rowDigest(key, text)));
  }

  toString(): string {
    return this.sum.toString(16);
  }
}

function rowDigest(key: string, text: string): bigint {
  return createHash('sha256').update(`${key}\0${text}`).digest().readBigUInt64BE();
}
