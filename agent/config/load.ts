import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { z } from 'zod';
import { yaml } from '../lib/yaml.js';
import { Config } from './schema.js';
import { SETTINGS, type Setting } from './settings.js';

export { renderDefaultConfig, renderFlagHelp } from './settings.js';

export const DEFAULT_CONFIG_FILE = '/etc/enid/config.yaml';

export type SettingSource = 'default' | 'file' | 'environment' | 'flag';

export interface LoadedConfig {
  readonly config: Config;
  /** Which source won, for every key. */
  readonly sources: Readonly<Record<keyof Config, SettingSource>>;
  /** The file that was read, when there was one. */
  readonly file?: string;
  /** Arguments that are no flags: a subcommand. */
  readonly positionals: readonly string[];
  readonly help: boolean;
  readonly version: boolean;
  /** Settings that look meant but have no effect, in words. */
  readonly warnings: readonly string[];
}

export interface ConfigInputs {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Read when neither `--config` nor `ENID_CONFIG` names another, and only if it exists. */
  readonly defaultFile?: string;
}

/** One or more settings that cannot be used; each line of the message tells where the setting stands. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

interface Given {
  readonly value: unknown;
  readonly source: SettingSource;
  /** Where a person finds it: `--mtu`, `ENID_MTU`, `/etc/enid/config.yaml:7`. */
  readonly place: string;
}
type Layer = ReadonlyMap<string, Given>;

/** Variables that are not settings of the daemon: the file's name, and those of the `eni` command line. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set(['ENID_CONFIG', 'ENID_ENDPOINT', 'ENID_URL', 'ENID_TOKEN_FILE', 'ENID_CA']);

/**
 * The settings in force: defaults, then the YAML file, then the environment, then flags; the later wins.
 * @throws {ConfigError} for unknown flags and keys, a file that is named but unreadable, and values of the wrong shape.
 */
export function loadConfig({ argv, env, defaultFile = DEFAULT_CONFIG_FILE }: ConfigInputs): LoadedConfig {
  const flags = readFlags(argv);
  const named = flags.config ?? env.ENID_CONFIG;
  const file = named ?? (existsSync(defaultFile) ? defaultFile : undefined);
  const given: Layer = new Map([...(file === undefined ? [] : readFile(file)), ...readEnvironment(env), ...flags.layer]);

  const parsed = Config.safeParse(Object.fromEntries([...given].map(([key, { value }]) => [key, value])));
  if (!parsed.success) throw new ConfigError(parsed.error.issues.map((issue) => problemOf(issue, given)));
  const sources = Object.fromEntries(SETTINGS.map(({ key }) => [key, given.get(key)?.source ?? 'default']));
  return {
    config: parsed.data,
    sources: sources as Record<keyof Config, SettingSource>,
    ...(file !== undefined && { file }),
    positionals: flags.positionals,
    help: flags.help,
    version: flags.version,
    warnings: unknownVariables(env),
  };
}

interface ParsedFlags {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
}

function readFlags(argv: readonly string[]) {
  const options = Object.fromEntries(
    SETTINGS.map(({ flag, type }) => [flag.slice(2), { type: type === 'boolean' ? ('boolean' as const) : ('string' as const) }]),
  );
  const { values, positionals } = parse(argv, options);
  const layer = SETTINGS.flatMap((setting): [string, Given][] => {
    const value = values[setting.flag.slice(2)];
    if (value === undefined) return [];
    return [[setting.key, { value: convert(setting, value), source: 'flag', place: setting.flag }]];
  });
  const { config, help, version } = values;
  return { layer, positionals, help: help === true, version: version === true, config: typeof config === 'string' ? config : undefined };
}

function parse(argv: readonly string[], options: Record<string, { type: 'boolean' | 'string' }>): ParsedFlags {
  try {
    return parseArgs({
      args: [...argv],
      options: { ...options, config: { type: 'string' }, help: { type: 'boolean', short: 'h' }, version: { type: 'boolean' } },
      allowPositionals: true,
      allowNegative: true,
    });
  } catch (error) {
    throw new ConfigError([error instanceof Error ? error.message : String(error)]);
  }
}

function readEnvironment(env: ConfigInputs['env']): [string, Given][] {
  return SETTINGS.flatMap((setting): [string, Given][] => {
    const text = env[setting.variable];
    if (text === undefined || text === '') return [];
    return [[setting.key, { value: convert(setting, text), source: 'environment', place: setting.variable }]];
  });
}

function unknownVariables(env: ConfigInputs['env']): string[] {
  const known = new Set(SETTINGS.map(({ variable }) => variable));
  return Object.keys(env)
    .filter((name) => name.startsWith('ENID_') && !known.has(name) && !OTHER_VARIABLES.has(name))
    .map((name) => `environment variable ${name} is no setting and has no effect${suggestion(name, [...known])}`);
}

/** Text of a flag or variable as the type the schema asks for; what cannot be converted is left for the schema to refuse. */
function convert({ type }: Setting, value: string | boolean): unknown {
  if (typeof value === 'boolean' || type === 'string') return value;
  if (type === 'list') return value.split(',').map((item) => item.trim());
  if (type === 'number') return /^-?\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : value;
  return { true: true, '1': true, yes: true, false: false, '0': false, no: false }[value.toLowerCase()] ?? value;
}

function readFile(file: string): [string, Given][] {
  const { isMap, isScalar, LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  const document = parseDocument(contentOf(file), { lineCounter: lines });
  const at = (offset: number | undefined) => `${file}:${lines.linePos(offset ?? 0).line}`;
  if (document.errors.length > 0)
    throw new ConfigError(
      document.errors.map(({ message, pos }) => `${at(pos[0])}: ${message.split('\n')[0]?.replace(/ at line.*$/, '')}`),
    );
  if (document.contents === null) return [];
  if (!isMap(document.contents)) throw new ConfigError([`${file}:1: must be a mapping of settings, like "listen: 127.0.0.1:8780"`]);

  const known = SETTINGS.map(({ key }) => key);
  const problems: string[] = [];
  const given: [string, Given][] = [];
  for (const { key, value } of document.contents.items) {
    const name = isScalar(key) ? String(key.value) : String(key);
    const place = at(isScalar(key) ? key.range?.[0] : undefined);
    const plain: unknown = (value as { toJS(doc: unknown): unknown } | null)?.toJS(document);
    if (!known.some((each) => each === name)) problems.push(`${place}: unknown key "${name}"${suggestion(name, known)}`);
    // `key:` with nothing behind it is the same as leaving it out.
    else if (plain !== null && plain !== undefined) given.push([name, { value: plain, source: 'file', place }]);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return given;
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([`${file}: cannot be read: ${error instanceof Error ? error.message : String(error)}`]);
  }
}

function problemOf(issue: z.core.$ZodIssue, given: Layer): string {
  const key = String(issue.path[0] ?? '');
  return `${given.get(key)?.place ?? key}: ${key}: ${issue.message}`;
}

/** ` (did you mean "x"?)` for the closest known name, when one is close. */
function suggestion(name: string, known: readonly string[]): string {
  const best = known
    .map((each) => ({ each, distance: editDistance(name.toLowerCase(), each.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return best && best.distance <= 3 ? ` (did you mean "${best.each}"?)` : '';
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
