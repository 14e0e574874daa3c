import { InvalidArgumentError } from 'commander';

/** Option parsers and help pieces that several commands use. */

export const collect = (value: string, previous: readonly string[] = []): string[] => [...previous, value];

export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

export function parseIndex(value: string): number {
  if (!/^\d{1,3}$/.test(value)) throw new InvalidArgumentError('must be a device index: 0, 1, 2, …');
  return Number(value);
}

export function parseCount(value: string): number {
  if (!/^[1-9]\d{0,4}$/.test(value)) throw new InvalidArgumentError('must be a number from 1 on');
  return Number(value);
}

export function parsePid(value: string): number {
  if (!/^[1-9]\d{0,6}$/.test(value)) throw new InvalidArgumentError('must be the number of a process');
  return Number(value);
}

export function parseSwitch(value: string): boolean {
  if (value === 'on' || value === 'true' || value === 'yes') return true;
  if (value === 'off' || value === 'false' || value === 'no') return false;
  throw new InvalidArgumentError('must be on or off');
}

/** `key=value` pairs as tags. */
export function parseTag(value: string, previous: Readonly<Record<string, string>>): Record<string, string> {
  const at = value.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('must be key=value');
  return { ...previous, [value.slice(0, at)]: value.slice(at + 1) };
}

/** The object without the fields that are undefined, or empty lists and objects: what the user did not give. */
export function given<T extends Record<string, unknown>>(fields: T): Partial<T> {
  const isEmpty = (value: unknown) =>
    value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value))) as Partial<T>;
}
