/** Everything of the process that commands touch; tests hand in their own. */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether standard output is a terminal that wants colour. */
  readonly color: boolean;
  /** Width for tables and matrices, characters. */
  readonly columns: number;
  /** Whether standard error is a terminal, so that progress may rewrite its line. */
  readonly progress: boolean;
  readonly fetch: typeof fetch;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly environment: CliEnvironment;
  /** Ends on ctrl-c. */
  readonly signal: AbortSignal;
}

/** The settings that `eni` takes from the environment; flags win over them. */
export interface CliEnvironment {
  readonly endpoint?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly ca?: string;
}

export const DEFAULT_ENDPOINT = 'http://127.0.0.1:8780';

/** The one place where `eni` reads its process. */
export function processIo(signal: AbortSignal): Io {
  const { stdout, stderr, env } = process;
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    color: stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb',
    columns: stdout.isTTY ? stdout.columns : 120,
    progress: stderr.isTTY === true,
    fetch: globalThis.fetch,
    now: Date.now,
    environment: {
      ...(env.ENID_ENDPOINT && { endpoint: env.ENID_ENDPOINT }),
      ...(env.ENID_TOKEN && { token: env.ENID_TOKEN }),
      ...(env.ENID_TOKEN_FILE && { tokenFile: env.ENID_TOKEN_FILE }),
      ...(env.ENID_CA && { ca: env.ENID_CA }),
    },
    signal,
  };
}
