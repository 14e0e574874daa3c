import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const KEY_BYTES = 32;

/** The key that tokens are signed with, made at the first call. Lies in the data directory, for the owner's eyes only. @throws when it is damaged. */
export function metadataKey(dataDir: string): Buffer {
  const path = `${dataDir}/metadata.key`;
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, randomBytes(KEY_BYTES), { mode: 0o600, flush: true });
  try {
    // Whole or not at all, and never in the place of one that is there.
    linkSync(fresh, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(fresh, { force: true });
  }
  const key = readFileSync(path);
  if (key.length !== KEY_BYTES) throw new Error(`${path} is damaged: delete it, and instances will ask for new tokens`);
  return key;
}
