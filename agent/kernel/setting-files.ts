import { closeSync, constants, openSync, readSync } from 'node:fs';
import { toKernelError } from './errors.js';
import { insideNetns } from './netns.js';
import { canonicalSetting, settingFile } from './sysctl.js';

/** Longer than any setting that we look at. */
const arrival = Buffer.alloc(4096);

/**
 * Settings of one namespace, their files kept open: looking a file below `/proc/sys` up takes the kernel the longer the more namespaces
 * there are, reading an open one does not. Open files do not keep a namespace alive.
 */
export class SettingFiles {
  readonly #files = new Map<string, number>();

  /** Values by path, canonical; a path that this kernel or namespace does not have is left out. @throws {KernelError} */
  read(netns: string, paths: readonly string[]): Map<string, string> {
    if (paths.some((path) => !this.#files.has(path))) insideNetns(netns, () => this.#open(paths));
    const values = new Map<string, string>();
    for (const path of paths) {
      const file = this.#files.get(path);
      if (file !== undefined)
        values.set(path, canonicalSetting(arrival.toString('utf8', 0, readSync(file, arrival, 0, arrival.length, 0))));
    }
    return values;
  }

  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }

  #open(paths: readonly string[]): void {
    for (const path of paths) {
      if (this.#files.has(path)) continue;
      try {
        this.#files.set(path, openSync(settingFile(path), constants.O_RDONLY));
      } catch (error) {
        const known = toKernelError(error);
        if (known.kind !== 'not-found') throw known.during(`read ${path}`);
      }
    }
  }
}
