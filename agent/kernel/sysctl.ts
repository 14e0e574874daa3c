import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path/posix';
import { KernelError, toKernelError } from './errors.js';
import { insideNetns } from './netns.js';

/** Namespace-wide settings below `/proc/sys`. All of a call's paths are handled in one visit to the namespace, synchronously. */

const ROOT = '/proc/sys';

export interface Setting {
  /** Below `/proc/sys`, with slashes: `net/ipv4/ip_forward`. */
  readonly path: string;
  readonly value: string;
}

/**
 * Values by path, canonical (fields separated by one space); a path that this kernel or namespace does not have is left out.
 * @throws {KernelError} not-found when there is no such namespace.
 */
export function readSysctls(netns: string, paths: Iterable<string>): Map<string, string> {
  return insideNetns(netns, () => {
    const values = new Map<string, string>();
    for (const path of paths) {
      const value = readSysctlHere(path);
      if (value !== undefined) values.set(path, value);
    }
    return values;
  });
}

/**
 * Writes all, whatever becomes of the others; per setting `null` or why not: `not-found` when the device in the path does not exist,
 * `unsupported` when the kernel has no such setting, `invalid` when it refuses the value.
 * @throws {KernelError} not-found when there is no such namespace.
 */
export function writeSysctls(netns: string, settings: readonly Setting[]): (KernelError | null)[] {
  return insideNetns(netns, () => settings.map(writeSysctlHere));
}

const FORWARDING = 'net/ipv4/ip_forward';

/** Whether a namespace as a whole forwards. */
export function isForwarding(netns: string): boolean {
  return readSysctls(netns, [FORWARDING]).get(FORWARDING) === '1';
}

/**
 * Gives devices' forwarding back: each has what the namespace has as a whole. A device that is gone needs nothing.
 * @throws {KernelError} not-found when there is no such namespace.
 */
export function resetForwarding(netns: string, settings: readonly Setting[]): (KernelError | null)[] {
  return insideNetns(netns, () => {
    const value = readSysctlHere(FORWARDING) ?? '0';
    return settings.map(({ path }) => {
      const error = writeSysctlHere({ path, value });
      return error?.kind === 'not-found' ? null : error;
    });
  });
}

/** In the namespace that the thread is in. `undefined`: no such setting. */
export function readSysctlHere(path: string): string | undefined {
  try {
    return canonicalSetting(readFileSync(settingFile(path), 'utf8'));
  } catch (error) {
    const known = toKernelError(error);
    if (known.kind === 'not-found') return undefined;
    throw known.during(`read ${path}`);
  }
}

function writeSysctlHere({ path, value }: Setting): KernelError | null {
  try {
    // No O_CREAT: a missing file is ENOENT and not EACCES.
    writeFileSync(settingFile(path), value, { flag: 'r+' });
    return null;
  } catch (error) {
    const known = toKernelError(error);
    return known.kind === 'not-found' ? missing(path) : known.during(`set ${path} to ${value}`);
  }
}

function missing(path: string): KernelError {
  const directory = dirname(path);
  const device = /^(net\/ipv[46]\/(?:conf|neigh))\/([^/]+)$/.exec(directory);
  if (device?.[1] && device[2] && !existsSync(settingFile(directory)) && existsSync(settingFile(device[1])))
    return new KernelError(`set ${path}: no device ${device[2]} in the namespace`, { errno: 'ENOENT' });
  return new KernelError(`set ${path}: the kernel has no such setting`, { kind: 'unsupported', errno: 'ENOENT' });
}

/** @throws {KernelError} invalid when it is no path of a setting. */
export function settingFile(path: string): string {
  if (!/^[a-z]+\/[\w@.:-]+(\/[\w@.:-]+)*$/.test(path) || path.split('/').includes('..'))
    throw new KernelError(`not a setting's path: ${path}`, { kind: 'invalid' });
  return `${ROOT}/${path}`;
}

/** Fields separated by one space. */
export const canonicalSetting = (value: string): string => value.trim().replace(/\s+/g, ' ');
