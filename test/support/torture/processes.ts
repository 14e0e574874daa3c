import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Processes in the named namespaces, and those that name `dataDir` wherever they are, except some: `pid command line`. */
export function strangers(dataDir: string, known: ReadonlySet<number>): string[] {
  const named = new Set(readdirSync('/run/netns').map((name) => link(join('/run/netns', name))));
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && !known.has(Number(name)))
    .flatMap((pid) => {
      const netns = inodeOfNetns(pid);
      const command = commandLine(pid);
      if (netns === undefined || command === '') return [];
      return named.has(netns) || command.includes(dataDir) ? [`${pid} ${command}`] : [];
    });
}

const link = (path: string): string | undefined => attempt(() => String(statSync(path).ino));
const inodeOfNetns = (pid: string): string | undefined => attempt(() => /\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[1] ?? '');
const commandLine = (pid: string): string => attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()) ?? '';

/** `undefined`: it ended meanwhile. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
