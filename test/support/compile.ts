import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';

/**
 * A TypeScript module and what it imports, compiled, so that a test can run it in a plain Node process (to kill it, say).
 * Lies below `node_modules`, where imports of packages resolve. `remove` deletes it.
 */
export function compile(entry: string): { readonly path: string; readonly remove: () => void } {
  const root = resolve(import.meta.dirname, '../..');
  mkdirSync(`${root}/node_modules/.cache`, { recursive: true });
  const outDir = mkdtempSync(`${root}/node_modules/.cache/enid-`);
  const options = [
    '--target',
    'es2023',
    '--module',
    'nodenext',
    '--rootDir',
    root,
    '--types',
    'node',
    '--skipLibCheck',
    '--noCheck',
    '--strict',
  ];
  execFileSync(
    process.execPath,
    [`${root}/node_modules/typescript/bin/tsc`, '--ignoreConfig', ...options, '--outDir', outDir, resolve(root, entry)],
    {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  return { path: `${outDir}/${entry.replace(/\.ts$/, '.js')}`, remove: () => rmSync(outDir, { recursive: true, force: true }) };
}
