import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

/**
 * Content of a file that holds a secret: a regular file of this user's or of root's that nobody else can read or write.
 * @param groupMayRead as for private keys, which some systems share within a group. @throws {Error} telling the remedy.
 */
export function readSecretFile(path: string, { groupMayRead = false }: { readonly groupMayRead?: boolean } = {}): string {
  const fd = openFile(path);
  try {
    const { mode, uid } = fstatSync(fd);
    if ((mode & 0o170000) !== 0o100000) throw new Error(`${path} is not a regular file`);
    if ((mode & (groupMayRead ? 0o037 : 0o077)) !== 0)
      throw new Error(
        `${path} has mode ${(mode & 0o7777).toString(8).padStart(4, '0')}: other users can get at its secrets; chmod 600 ${path}`,
      );
    if (uid !== 0 && uid !== process.geteuid?.())
      throw new Error(`${path} belongs to user ${uid}, who can change it; chown it to the user who runs this`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new Error(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
