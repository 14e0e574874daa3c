import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { StoreFault } from './store.js';

export const LOCK_FILE = 'lock';
export const STORE_FILE = 'store.mdb';

/**
 * Afterwards the directory exists, is ours and closed to others (0700). A directory that holds something else and is open
 * to other users is refused rather than closed: it may be `/tmp`.
 * @throws {StoreFault} for a symbolic link, a foreign owner, a read-only medium.
 */
export function prepareDirectory(dataDir: string): string {
  const path = resolve(dataDir);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) throw new StoreFault(`${path} is a symbolic link: name the directory itself`);
    if (stat.uid !== process.geteuid?.()) throw new StoreFault(`${path} belongs to user ${stat.uid}: use a directory of one's own`);
    if ((stat.mode & 0o077) !== 0) {
      const names = readdirSync(path);
      if (names.length === 0 || names.includes(STORE_FILE)) chmodSync(path, 0o700);
      else if ((stat.mode & 0o022) !== 0) {
        throw new StoreFault(`${path} can be written by other users and holds other files: use an empty directory`);
      }
    }
    const file = lstatSync(`${path}/${STORE_FILE}`, { throwIfNoEntry: false });
    if (file && !file.isFile()) throw new StoreFault(`${path}/${STORE_FILE} is not a regular file`);
    return path;
  } catch (error) {
    throw inWords(`data directory ${path}`, error);
  }
}

/**
 * Takes the directory for this process until `release` or the end of the process, however it ends. The lock sits on the
 * open file (flock(2)), so it needs no clean-up; flock(1) sets it on a descriptor that it shares with us.
 * @throws {StoreFault} naming the process that has it.
 */
export function lockDirectory(path: string): { release: () => void } {
  let fd: number | undefined;
  try {
    fd = openSync(`${path}/${LOCK_FILE}`, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    const flock = spawnSync('flock', ['--nonblock', '--conflict-exit-code', '75', '3'], {
      stdio: ['ignore', 'ignore', 'pipe', fd],
      timeout: 10_000,
    });
    if (flock.error) throw flock.error;
    if (flock.status === 75) {
      const pid = readFileSync(`${path}/${LOCK_FILE}`, 'utf8').trim();
      throw new StoreFault(`data directory ${path} is in use by process ${pid || '(unknown)'}: stop that one, or use another directory`);
    }
    if (flock.status !== 0) throw new StoreFault(`data directory ${path} can't be locked: ${String(flock.stderr).trim()}`);
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`, 0);
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw inWords(`lock of data directory ${path}`, error);
  }
  const held = fd;
  return { release: () => closeSync(held) };
}

/** Any error as a fault that says what failed and, for the usual causes, what to do. Faults pass unchanged. */
export function inWords(what: string, error: unknown): StoreFault {
  if (error instanceof StoreFault) return error;
  const { code, message, syscall } = error as NodeJS.ErrnoException;
  const remedy =
    (code === 'EROFS' && 'the file system is read-only') ||
    (code === 'ENOSPC' && 'no space is left on the device; free some and try again') ||
    ((code === 'EACCES' || code === 'EPERM') && 'permission denied; run as the owner of the directory') ||
    (code === 'ENOENT' && syscall?.startsWith('spawn') && 'the command flock (package util-linux) is missing') ||
    message;
  return new StoreFault(`${what}: ${remedy}`, { cause: error });
}
