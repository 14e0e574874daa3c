import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalFunctions } from '../../agent/cli/commands/local.js';
import type { CliEnvironment, Io } from '../../agent/cli/io.js';
import { runCli } from '../../agent/cli/run.js';
import type { TestApi } from './api.js';

export interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CliOptions {
  readonly fetch: typeof fetch;
  readonly environment?: CliEnvironment;
  readonly local?: Partial<LocalFunctions>;
  readonly color?: boolean;
  readonly signal?: AbortSignal;
  readonly onOut?: (text: string) => void;
}

/** Runs command lines of `eni` in this process. */
export function cliOver({ fetch, environment = {}, local = {}, color = false, signal, onOut }: CliOptions) {
  return async (...argv: string[]): Promise<CliRun> => {
    let out = '';
    let err = '';
    const io: Io = {
      out: (text) => {
        out += text;
        onOut?.(text);
      },
      err: (text) => {
        err += text;
      },
      color,
      columns: 120,
      progress: false,
      fetch,
      now: Date.now,
      environment,
      signal: signal ?? new AbortController().signal,
    };
    const unexpected = () => Promise.reject(new Error('not in this test'));
    const code = await runCli(argv, { io, version: '0.0.0', local: { diagnose: unexpected, teardown: unexpected, ...local } });
    return { code, out, err };
  };
}

/** `fetch` that ends in a server without a network. */
export function fetchInto(api: TestApi): typeof fetch {
  return async (input, init = {}) => {
    const url = new URL(String(input));
    const { body, method = 'GET' } = init;
    const answer = await api.raw({
      method: method as 'GET',
      url: url.pathname + url.search,
      headers: { ...Object.fromEntries(new Headers(init.headers)), host: '127.0.0.1' },
      ...(typeof body === 'string' && { payload: body }),
    });
    const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    return new Response(text === '' ? null : text, { status: answer.status });
  };
}

/** A file in a directory of its own; `remove` takes both away. */
export function temporaryFile(name: string): { readonly path: string; write(text: string): string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'eni-test-'));
  const path = join(directory, name);
  return {
    path,
    write: (text) => {
      writeFileSync(path, text);
      return path;
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
