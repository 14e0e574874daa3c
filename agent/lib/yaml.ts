import { createRequire } from 'node:module';

/** The YAML library, loaded when there is a file to read: a start without one has no time for its seventy modules. */
export function yaml(): typeof import('yaml') {
  return createRequire(import.meta.url)('yaml');
}
