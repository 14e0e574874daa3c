import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readdirSync, readSync, rmSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { AuditEntry } from './entry.js';

/** Where an entry lies: number of the file, offset of the line. */
export interface AuditPosition {
  readonly file: number;
  readonly offset: number;
}

export interface AuditLog {
  /** Afterwards the entry is with the kernel: it survives the end of this process, but not a loss of power. @throws {Error} of the file system. */
  append(entry: AuditEntry): void;
  /** Entries from the newest on, or from before a position. */
  read(before?: AuditPosition): AsyncIterable<{ readonly entry: AuditEntry; readonly position: AuditPosition }>;
  close(): void;
}

export interface AuditLogOptions {
  readonly dir: string;
  /** A file is closed past this size, bytes. */
  readonly fileBytes?: number;
  /** How many files are kept, the one that is written among them. */
  readonly files?: number;
}

const FILE = /^audit-(\d{6,})\.jsonl$/;
const fileName = (number: number): string => `audit-${String(number).padStart(6, '0')}.jsonl`;

/** JSON lines in files with rising numbers, in a directory for root only. @throws {Error} when it can't be written there. */
export function openAuditLog({ dir, fileBytes = 8 * 1024 * 1024, files = 8 }: AuditLogOptions): AuditLog {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (!lstatSync(dir).isDirectory()) throw new Error(`${dir} is not a directory: the audit log needs one of its own`);
  let number = numbersIn(dir).at(-1) ?? 1;
  let current = openFile(dir, number);
  let open = true;

  const rotate = () => {
    closeSync(current.fd);
    number += 1;
    current = openFile(dir, number);
    for (const old of numbersIn(dir).slice(0, -files)) rmSync(`${dir}/${fileName(old)}`, { force: true });
  };
  return {
    append: (entry) => {
      if (!open) throw new Error('the audit log is closed');
      const line = Buffer.from(`${JSON.stringify(entry)}\n`);
      if (current.size > 0 && current.size + line.length > fileBytes) rotate();
      current.size += writeSync(current.fd, line);
    },
    read: (before) => readBackwards(dir, before),
    close: () => {
      if (open) closeSync(current.fd);
      open = false;
    },
  };
}

function numbersIn(dir: string): number[] {
  return readdirSync(dir)
    .flatMap((name) => FILE.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** A line that a crash or a full disk cut off is ended, so that the next one stands by itself. */
function openFile(dir: string, number: number): { readonly fd: number; size: number } {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
  const fd = openSync(`${dir}/${fileName(number)}`, flags, 0o600);
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  if (size === 0 || (readSync(fd, last, 0, 1, size - 1) === 1 && last[0] === 0x0a)) return { fd, size };
  return { fd, size: size + writeSync(fd, '\n') };
}

async function* readBackwards(dir: string, before: AuditPosition | undefined) {
  for (const file of numbersIn(dir).reverse()) {
    if (before && file > before.file) continue;
    // A file may be rotated away meanwhile.
    const content = await readFile(`${dir}/${fileName(file)}`).catch(() => Buffer.alloc(0));
    let end = before?.file === file ? Math.min(before.offset, content.length) : content.length;
    while (end > 0) {
      const offset = content.lastIndexOf(0x0a, end - 2) + 1;
      const entry = parse(content.subarray(offset, end).toString('utf8'));
      if (entry) yield { entry, position: { file, offset } };
      end = offset;
    }
  }
}

function parse(line: string): AuditEntry | undefined {
  try {
    return AuditEntry.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
