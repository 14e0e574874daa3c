import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Where the program lies. Stands in the topmost directory of the code, and only there: a bundle, which lies there too, then finds the same
 * places.
 */

/** Directory of the daemon's code. */
export const CODE = dirname(fileURLToPath(import.meta.url));

/** Of this package. */
export const version = (): string => (JSON.parse(readFileSync(`${CODE}/../../package.json`, 'utf8')) as { version: string }).version;
