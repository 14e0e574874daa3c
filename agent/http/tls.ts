import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ConfigError } from '../config/load.js';
import type { Config } from '../config/schema.js';
import { readSecretFile } from '../lib/secret-file.js';

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** `undefined`: no TLS. @throws {ConfigError} when a file cannot be used, others can read the key, or the two do not belong together. */
export function readTls({ tlsCert, tlsKey }: Pick<Config, 'tlsCert' | 'tlsKey'>): TlsFiles | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  try {
    const files = { cert: readFileSync(tlsCert, 'utf8'), key: readSecretFile(tlsKey, { groupMayRead: true }) };
    createSecureContext(files);
    return files;
  } catch (error) {
    throw new ConfigError([`tlsCert ${tlsCert}, tlsKey ${tlsKey}: ${error instanceof Error ? error.message : String(error)}`]);
  }
}
