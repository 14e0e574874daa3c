import { createRequire } from 'node:module';
import { type DestinationStream, type Logger, pino } from 'pino';

export interface LogOptions {
  readonly format: 'json' | 'pretty';
  readonly level: string;
  /** Standard output when absent. */
  readonly destination?: DestinationStream;
}

/** Where a secret may stand in what is logged. */
const SECRETS = [
  'token',
  '*.token',
  'authorization',
  '*.authorization',
  'req.headers.authorization',
  'headers.authorization',
  'config.token',
];

/**
 * JSON lines, or lines for people. Formatting happens in this thread: a transport would start a worker thread,
 * and threads must not be born while the main one is in another namespace.
 */
export function createLogger({ format, level, destination }: LogOptions): Logger {
  const options = { level, base: undefined, redact: { paths: SECRETS, censor: '[redacted]' }, timestamp: pino.stdTimeFunctions.isoTime };
  const output = destination ?? pino.destination({ dest: 1, sync: true });
  if (format === 'json') return pino(options, output);
  // Loaded where it is used: a start has no time for it.
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty');
  const prettify = prettyFactory({ translateTime: 'SYS:HH:MM:ss.l', colorize: destination === undefined && process.stdout.isTTY });
  return pino(options, { write: (line) => output.write(prettify(line)) });
}
