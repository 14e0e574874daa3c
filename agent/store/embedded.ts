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
 * The store on this host's disk (LMDB). A group of commits is one transaction, written through to the disk before it returns;
 * that blocks the thread for the time of two disk flushes (0.4 ms on a solid-state disk), which is less than a hand-over
 * to another thread costs.
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
  constructor(
    private readonly db: Database,
    private readonly path: string,
    private meta: Meta,
    private readonly release: () => void,
  ) {}

  async write(revision: number, changes: readonly Change[]): Promise<void> {
    try {
      this.meta = this.db.transactionSync(() => writeChanges(this.db, { ...this.meta, revision }, changes));
    } catch (error) {
      // LMDB reports a write that was cut short as an I/O error.
      const full = freeBytes(this.path) < MIN_FREE_BYTES;
      const cause = full ? Object.assign(new Error('disk full', { cause: error }), { code: 'ENOSPC' }) : error;
      throw inWords(`store ${this.path}/${STORE_FILE}: revision ${revision} could not be written, nothing was changed`, cause);
    }
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
    // A transaction is on the disk when its call returns.
    overlappingSync: false,
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

/** Inside a transaction: afterwards the changes and the meta record are in it. */
function writeChanges(db: Database, meta: Meta, changes: readonly { kind: string; id: string; record: unknown }[]): Meta {
  let digest = SetDigest.parse(meta.digest);
  let records = meta.records;
  for (const { kind, id, record } of changes) {
    const key = recordKey(kind, id);
    const before = db.get(key);
    if (before !== undefined) {
      digest = digest.subtract(key, before);
      records -= 1;
    }
    if (record === undefined) db.removeSync(key);
    else {
      const after = encode(record);
      db.putSync(key, after);
      digest = digest.add(key, after);
      records += 1;
    }
  }
  const next = { ...meta, records, digest: digest.toString() };
  db.putSync(META_KEY, encode(next));
  return next;
}

function replaceAll(db: Database, meta: Meta, records: readonly StoredRecord[]): Meta {
  return db.transactionSync(() => {
    for (const key of [...db.getKeys({ start: RECORD_PREFIX, end: `${RECORD_PREFIX}\uffff` })]) db.removeSync(key);
    return writeChanges(db, { ...meta, records: 0, digest: SetDigest.zero.toString() }, records);
  });
}

const MIN_FREE_BYTES = 64 * 1024;

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
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
