import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { open, type RootDatabase } from 'lmdb';
import { type Change, Snapshot } from '../model/snapshot.js';
import {
  decodeMeta,
  decodeRecord,
  encode,
  META_KEY,
  type Meta,
  newestFormat,
  RECORD_PREFIX,
  recordKey,
  SetDigest,
  toChange,
} from './codec.js';
import { inWords, lockDirectory, prepareDirectory, STORE_FILE } from './directory.js';
import { GroupCommitStore, type Medium } from './group-commit.js';
import { MIGRATIONS, type Migration, type StoredRecord } from './migrations/index.js';
import { type Store, StoreFault } from './store.js';
import { verifyFile } from './verify.js';

export interface EmbeddedStoreOptions {
  /** Made when absent. One process at a time. */
  readonly dataDir: string;
  /** For tests of the mechanism. */
  readonly migrations?: readonly Migration[];
}

type Database = RootDatabase<string, string>;

/**
 * The store on this host's disk (LMDB). A group of commits is one transaction, written through to the disk, by a thread of libuv's pool, before
 * it counts as durable.
 * @throws {StoreFault} when the directory is in use, unfit, unwritable, or the file is damaged or too new.
 */
export async function openEmbeddedStore({ dataDir, migrations = MIGRATIONS }: EmbeddedStoreOptions): Promise<Store> {
  const path = prepareDirectory(dataDir);
  const lock = lockDirectory(path);
  const file = `${path}/${STORE_FILE}`;
  let db: Database | undefined;
  try {
    proveWritable(path);
    if (existsSync(file)) await verifyFile(file);
    db = openFile(file);
    let { meta, records } = load(db, newestFormat(migrations));
    if (meta.format < newestFormat(migrations)) {
      copyFileSync(file, `${path}/store-format-${meta.format}.mdb`);
      records = migrations.slice(meta.format - 1).reduce((rows, migration) => migration.run(rows), records);
      meta = replaceAll(db, { ...meta, format: newestFormat(migrations) }, records);
    }
    const snapshot = Snapshot.empty.with(meta.revision, records.map(toChange));
    return new GroupCommitStore(snapshot, new LmdbMedium(db, path, meta, lock.release));
  } catch (error) {
    await db?.close();
    lock.release();
    const fault = inWords('cannot be opened', error);
    throw new StoreFault(`store ${file}: ${fault.message}`, { cause: fault });
  }
}

class LmdbMedium implements Medium {
  private doubtful = false;

  constructor(
    private readonly db: Database,
    private readonly path: string,
    private meta: Meta,
    private readonly release: () => void,
  ) {}

  async write(revision: number, changes: readonly Change[]): Promise<void> {
    try {
      const { rows, meta } = this.rowsOf(revision, changes);
      proveRoom(this.path, rows);
      // What a failed write leaves of the library's state is only certain when a transaction on this thread has worked.
      if (this.doubtful) this.db.transactionSync(() => put(this.db, rows));
      else await this.db.batch(() => put(this.db, rows));
      this.meta = meta;
      this.doubtful = false;
    } catch (error) {
      this.doubtful = true;
      const reason = await reasonOf(error);
      throw inWords(`store ${this.path}/${STORE_FILE}: revision ${revision} could not be written, nothing was changed`, reason);
    }
  }

  /** What the changes make of the records, and of the meta record. */
  private rowsOf(revision: number, changes: readonly StoredRecord[]): { rows: Rows; meta: Meta } {
    const rows = new Map(changes.map(({ kind, id, record }) => [recordKey(kind, id), record === undefined ? undefined : encode(record)]));
    const meta = countRows(this.db, { ...this.meta, revision }, rows);
    rows.set(META_KEY, encode(meta));
    // Thrown within a batch, it would leave a part of it.
    for (const key of rows.keys()) if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw new StoreFault(`key ${key.slice(0, 40)}… is too long`);
    return { rows, meta };
  }

  async close(): Promise<void> {
    await this.db.close();
    this.release();
  }
}

function openFile(file: string): Database {
  const options = {
    path: file,
    noSubdir: true,
    encoding: 'string' as const,
    // A transaction is on the disk when it is done,
    overlappingSync: false,
    // and begins when it is asked for, not with the next turn of the event loop.
    eventTurnBatching: false,
    permissionsMode: 0o600,
  };
  return open<string, string>(options);
}

/** All records and the meta record, checked against each other. A new file gets its meta record here. */
function load(db: Database, newest: number): { meta: Meta; records: readonly StoredRecord[] } {
  const text = db.get(META_KEY);
  const rows = [...db.getRange()].filter(({ key }) => key !== META_KEY);
  if (text === undefined) {
    if (rows.length > 0) throw new StoreFault(`it is damaged: record "${META_KEY}" is missing`);
    const meta: Meta = { format: newest, revision: 0, records: 0, digest: SetDigest.zero.toString() };
    db.transactionSync(() => db.putSync(META_KEY, encode(meta)));
    return { meta, records: [] };
  }
  const meta = decodeMeta(text, newest);
  const digest = rows.reduce((sum, { key, value }) => sum.add(key, value), SetDigest.zero);
  if (rows.length !== meta.records || digest.toString() !== meta.digest) {
    throw new StoreFault(`it is damaged: ${rows.length} of ${meta.records} records were found, or some differ from what was written`);
  }
  return { meta, records: rows.map(({ key, value }) => decodeRecord(key, value)) };
}

/** Texts by key; absent ones are to go. */
type Rows = Map<string, string | undefined>;

/** The meta record once the rows are in the database. */
function countRows(db: Database, meta: Meta, rows: Rows): Meta {
  let digest = SetDigest.parse(meta.digest);
  let records = meta.records;
  for (const [key, after] of rows) {
    const before = db.get(key);
    if (before !== undefined) {
      digest = digest.subtract(key, before);
      records -= 1;
    }
    if (after !== undefined) {
      digest = digest.add(key, after);
      records += 1;
    }
  }
  return { ...meta, records, digest: digest.toString() };
}

/** Within a transaction or a batch. */
function put(db: Database, rows: Rows): void {
  for (const [key, text] of rows) void (text === undefined ? db.remove(key) : db.put(key, text));
}

/** The library rejects what failed with an error that promises the reason; a promise that nobody waits for would end the process. */
function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { readonly commitError?: Promise<never> };
  return Promise.resolve(commitError ?? error).catch((reason: unknown) => reason);
}

function replaceAll(db: Database, meta: Meta, records: readonly StoredRecord[]): Meta {
  return db.transactionSync(() => {
    for (const key of [...db.getKeys({ start: RECORD_PREFIX, end: `${RECORD_PREFIX}\uffff` })]) db.removeSync(key);
    const rows: Rows = new Map(records.map(({ kind, id, record }) => [recordKey(kind, id), encode(record)]));
    const next = countRows(db, { ...meta, records: 0, digest: SetDigest.zero.toString() }, rows);
    put(db, rows.set(META_KEY, encode(next)));
    return next;
  });
}

/** LMDB's limit for pages of 4 KiB. */
const MAX_KEY_BYTES = 1978;
const MIN_FREE_BYTES = 64 * 1024;
const PAGE_BYTES = 4096;

/**
 * The library's text for a write that the disk refuses is longer than the memory it has for it, which ends the process sooner or later. So
 * what would not fit is not tried: of each row, its page and one above it are written anew.
 * @throws {Error} ENOSPC
 */
function proveRoom(path: string, rows: Rows): void {
  const { bavail, bsize } = statfsSync(path);
  const texts = [...rows.values()].reduce((sum, text) => sum + Buffer.byteLength(text ?? ''), 0);
  if (bavail * bsize >= MIN_FREE_BYTES + rows.size * 2 * PAGE_BYTES + texts) return;
  throw Object.assign(new Error('disk full'), { code: 'ENOSPC' });
}

/** LMDB maps its lock file into memory: on a full disk a first touch of it would end the process by SIGBUS. So fail here. */
function proveWritable(path: string): void {
  const probe = `${path}/.probe`;
  try {
    const fd = openSync(probe, 'w', 0o600);
    try {
      writeSync(fd, Buffer.alloc(MIN_FREE_BYTES));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } finally {
    rmSync(probe, { force: true });
  }
}
