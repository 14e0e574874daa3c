import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory for a daemon's PATH, with everything that the real one has, in which tools can be made to fail. */
export class Tools {
  readonly path = mkdtempSync(join(tmpdir(), 'enid-tools-'));
  readonly #real = new Map<string, string>();

  constructor() {
    for (const directory of [...new Set((process.env.PATH ?? '').split(':'))].filter((each) => existsSync(each)))
      for (const name of readdirSync(directory)) {
        if (this.#real.has(name) || !isExecutable(join(directory, name))) continue;
        this.#real.set(name, join(directory, name));
        symlinkSync(join(directory, name), join(this.path, name));
      }
  }

  /** As if it were not installed. */
  remove(name: string): void {
    rmSync(join(this.path, name), { force: true });
  }

  /** A shell script in its place. */
  replace(name: string, script: string): void {
    this.remove(name);
    writeFileSync(join(this.path, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  restore(name: string): void {
    this.remove(name);
    const real = this.#real.get(name);
    if (real !== undefined) symlinkSync(real, join(this.path, name));
  }

  dispose(): void {
    mkdirSync(this.path, { recursive: true });
    rmSync(this.path, { recursive: true });
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
