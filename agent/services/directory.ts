import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type ProcessRef, parseStat } from '../instances/processes.js';
import { isServiceName } from './service.js';

/** What is on disk of a service, below `services/<name>`. */
export class ServiceDirectory {
  readonly path: string;

  constructor(root: string, name: string) {
    if (!isServiceName(name)) throw new TypeError(`not a service name: ${JSON.stringify(name)}`);
    this.path = `${root}/${name}`;
  }

  static names(root: string): string[] {
    try {
      return readdirSync(root).filter(isServiceName);
    } catch {
      return [];
    }
  }

  get log(): string {
    return `${this.path}/log`;
  }

  make(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o755 });
  }

  /** New files by rename: a reader sees the old content or the new. */
  writeFiles(files: Readonly<Record<string, string>>): void {
    for (const [name, content] of Object.entries(files)) {
      if (!/^[a-z0-9][a-z0-9.-]*$/.test(name) || NOTES.has(name)) throw new TypeError(`not a file name: ${JSON.stringify(name)}`);
      this.replace(name, content);
    }
  }

  /** What the process was started as, and which files it was last told to read. */
  note(name: 'key' | 'loaded' | 'netns', content: string): void {
    this.replace(name, content);
  }
  read(name: 'key' | 'loaded' | 'netns'): string | undefined {
    return readText(`${this.path}/${name}`);
  }

  /** The process that was started last; it may have ended since. Written by the process itself, see `LAUNCH`. */
  process(): ProcessRef | undefined {
    return parseStat(readText(`${this.path}/process`) ?? '');
  }
  forgetProcess(): void {
    rmSync(`${this.path}/process`, { force: true });
  }

  lastWords(): string {
    return (readText(this.log) ?? '')
      .slice(-1000)
      .trim()
      .replace(/\s*\n\s*/g, '; ');
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  private replace(name: string, content: string): void {
    writeFileSync(`${this.path}/${name}.new`, content, { mode: 0o644 });
    renameSync(`${this.path}/${name}.new`, `${this.path}/${name}`);
  }
}

const NOTES: ReadonlySet<string> = new Set(['key', 'loaded', 'netns', 'process', 'log']);

/**
 * The process notes its own identity, then becomes the program: a daemon that is killed right after the start leaves no process
 * that nobody knows. Arguments: the directory, the program and its arguments.
 */
export const LAUNCH = 'read -r stat </proc/self/stat && echo "$stat" >"$0/process" && exec "$@"';

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
