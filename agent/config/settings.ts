import { z } from 'zod';
import { Config } from './schema.js';

/** One setting as a person meets it: in a file, an environment variable or a flag. Derived from the schema. */
export interface Setting {
  readonly key: keyof Config;
  /** Name in the configuration file. */
  readonly flag: string;
  readonly variable: string;
  readonly type: 'string' | 'number' | 'boolean' | 'list';
  /** What values it takes, in words. */
  readonly takes: string;
  readonly description: string;
  /** Default as YAML text; absent when there is none or when it depends on the host. */
  readonly defaultText?: string;
}

interface PropertySchema {
  readonly type: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
}

/** Defaults that the schema computes on the host where it runs; a written text must not carry this host's value. */
const COMPUTED: ReadonlySet<keyof Config> = new Set(['hostId']);

export const SETTINGS: readonly Setting[] = describeSettings();

function describeSettings(): Setting[] {
  const { properties } = z.toJSONSchema(Config, { io: 'input' });
  return Object.entries(properties as Record<keyof Config, PropertySchema>).map(([name, property]) => {
    const key = name as keyof Config;
    return {
      key,
      flag: `--${words(key).join('-')}`,
      variable: `ENID_${words(key).join('_').toUpperCase()}`,
      type: settingType(property),
      takes: takes(property),
      description: property.description ?? '',
      ...(property.default !== undefined && !COMPUTED.has(key) && { defaultText: String(property.default) }),
    };
  });
}

function words(key: string): string[] {
  return key.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
}

function settingType({ type }: PropertySchema): Setting['type'] {
  if (type === 'array') return 'list';
  if (type === 'boolean') return 'boolean';
  return type === 'number' || type === 'integer' ? 'number' : 'string';
}

function takes(property: PropertySchema): string {
  if (property.enum) return property.enum.join(' | ');
  if (property.type === 'boolean') return 'true | false';
  if (property.type === 'array') return 'list';
  if (property.type === 'string') return 'text';
  const { minimum, maximum } = property;
  const bounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  const range = minimum === undefined ? '' : bounded ? ` ${minimum} to ${maximum}` : ` from ${minimum}`;
  return `${property.type}${range}`;
}

/** The whole configuration file with every setting commented out at its default. */
export function renderDefaultConfig(): string {
  const blocks = SETTINGS.map(({ key, description, takes, type, defaultText }) =>
    [
      `# ${description}`,
      `# (${takes}${defaultText === undefined ? '' : `; default ${defaultText}`})`,
      `#${key}: ${example(type, defaultText)}`,
    ].join('\n'),
  );
  return `${['# Configuration of enid. Flags win over environment variables (ENID_*), those over this file.', ...blocks].join('\n\n')}\n`;
}

function example(type: Setting['type'], defaultText: string | undefined): string {
  if (defaultText === undefined) return type === 'list' ? '[]' : '""';
  return type === 'string' ? JSON.stringify(defaultText) : defaultText;
}

/** One line per flag, for `--help`. */
export function renderFlagHelp(): string {
  const rows = SETTINGS.map(({ flag, type, takes, description, defaultText }) => ({
    left: type === 'boolean' ? flag : `${flag} <${type === 'list' ? 'a,b,…' : takes}>`,
    right: defaultText === undefined || type === 'boolean' ? description : `${description} [${defaultText}]`,
  }));
  const width = Math.min(Math.max(...rows.map(({ left }) => left.length)), 34);
  return rows.map(({ left, right }) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}
