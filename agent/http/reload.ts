import { unwatchFile, watchFile } from 'node:fs';

/** How often files are looked at, milliseconds: by their times, as a file that is replaced is another file. */
const LOOK_MS = 2000;

/** Calls `changed` some seconds after any of the files did, until the returned function is called. */
export function onChangeOf(files: readonly string[], changed: () => void, lookMs = LOOK_MS): () => void {
  const listener = () => changed();
  for (const file of files) watchFile(file, { interval: lookMs, persistent: false }, listener);
  return () => {
    for (const file of files) unwatchFile(file, listener);
  };
}
