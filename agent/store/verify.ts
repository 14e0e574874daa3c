import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { StoreFault } from './store.js';

/** Reads every record and allocates a page, without changing anything. Runs as `node -e`, hence CommonJS and plain. */
const READ_ALL = `
  const [lmdb, path] = process.argv.slice(1);
  const { open, ABORT } = require(lmdb);
  const db = open({ path, noSubdir: true, encoding: 'string', overlappingSync: false });
  for (const { value } of db.getRange()) if (typeof value !== 'string') throw new Error('a record is no text');
  db.transactionSync(() => { db.putSync('meta', 'x'.repeat(20000)); return ABORT; });
`;

/**
 * LMDB trusts the pages of its file: a damaged one can end the process that reads it (SIGSEGV, SIGBUS, assertion). So a
 * child reads it first, and its end is an answer.
 * @throws {StoreFault} when the file is damaged.
 */
export async function verifyFile(path: string): Promise<void> {
  const lmdb = createRequire(import.meta.url).resolve('lmdb');
  const child = spawn(process.execPath, ['-e', READ_ALL, lmdb, path], { stdio: ['ignore', 'ignore', 'pipe'], env: {}, timeout: 60_000 });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000);
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...end) => resolve(end));
  });
  if (code === 0) return;
  const reason = /^\w*Error: .*$/m.exec(said)?.[0] ?? (signal ? `its reader ended by ${signal}` : `its reader ended with code ${code}`);
  throw new StoreFault(`it is damaged (${reason}): restore a copy of it, or move it away to start empty`);
}
