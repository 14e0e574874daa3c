import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { NETNS_DIR } from '../kernel/resources.js';
import { isId } from '../model/ids.js';
import { INIT_SCRIPT } from './init.js';
import { type ProcessRef, parseStat } from './processes.js';
import type { InstanceBoot } from './runtime.js';

/** As the cloud keeps. */
export const CONSOLE_BYTES = 64 * 1024;

export interface NetnsIdentity {
  /** As a process's `ns/net` link names it. */
  readonly link: string;
  /** Differs for a namespace made later, even one that got the same inode number. */
  readonly key: string;
}

/** The namespace that bears the name now; `undefined`: none. */
export function netnsIdentity(name: string): NetnsIdentity | undefined {
  const file = statSync(`${NETNS_DIR}/${name}`, { throwIfNoEntry: false, bigint: true });
  // A name whose namespace is gone is an empty file on another file system.
  if (!file || file.dev !== statSync('/proc/self/ns/net', { bigint: true }).dev) return undefined;
  return { link: `net:[${file.ino}]`, key: `${file.ino}-${file.ctimeNs}` };
}

/** Of this run of the host's kernel; read once, it cannot change. */
export const kernelBootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** Names one boot of an instance: its serial, the host's boot, the namespace. */
export const bootKey = (boot: InstanceBoot, kernelBoot: string, netns: NetnsIdentity): string =>
  `${boot.bootSerial}-${netns.key}-${kernelBoot}`;

/**
 * What is on disk of an instance, below `instances/<id>`. A boot is a file named by its key: `.claim` from when it is
 * prepared, renamed to `.started` by the init that runs its user data. The rename is what makes it happen once: a daemon
 * that was killed at any point finds the one or the other and starts an init for a claim only, and a second init finds
 * no claim. `.started` holds the init's line of `/proc/PID/stat`; it is empty for a boot without user data.
 */
export class InstanceDirectory {
  readonly path: string;

  constructor(dataDir: string, instanceId: string) {
    if (!isId('instance', instanceId)) throw new TypeError(`not an instance id: ${JSON.stringify(instanceId)}`);
    this.path = `${dataDir}/instances/${instanceId}`;
  }

  get script(): string {
    return `${this.path}/user-data`;
  }
  get init(): string {
    return `${this.path}/init`;
  }
  get console(): string {
    return `${this.path}/console.log`;
  }
  get complaints(): string {
    return `${this.path}/start.log`;
  }
  claim(key: string): string {
    return `${this.path}/${key}.claim`;
  }
  started(key: string): string {
    return `${this.path}/${key}.started`;
  }

  stateOf(key: string): 'claimable' | 'started' | undefined {
    // In this order: a rename between the two looks is not missed.
    if (exists(this.claim(key))) return 'claimable';
    return exists(this.started(key)) ? 'started' : undefined;
  }

  /** Afterwards the boot is claimable, and nothing is left of earlier ones. */
  prepare(key: string, userData: string): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    this.forgetBoots();
    for (const old of [this.console, `${this.console}.1`, `${this.console}.next`]) rmSync(old, { force: true });
    // New files, as a shell that runs the old ones reads them bit by bit.
    replaceFile(this.script, userData);
    replaceFile(this.init, INIT_SCRIPT);
    writeFileSync(this.claim(key), '', { mode: 0o600 });
  }

  /** Afterwards the boot counts as started, without a process. */
  markStarted(key: string): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    this.forgetBoots();
    writeFileSync(this.started(key), '', { mode: 0o600 });
  }

  /** Whether the last boot was in this very namespace. */
  hasBootIn(netns: NetnsIdentity): boolean {
    return [...this.boots('.claim'), ...this.boots('.started')].some((name) => name.includes(`-${netns.key}-`));
  }

  /** Afterwards no init that is still on its way can start. */
  withdrawClaims(): void {
    for (const name of this.boots('.claim')) rmSync(`${this.path}/${name}`, { force: true });
  }

  forgetBoots(): void {
    this.withdrawClaims();
    for (const name of this.boots('.started')) rmSync(`${this.path}/${name}`, { force: true });
  }

  /** The init that took a claim under this run of the host's kernel; it may have ended since. */
  recordedInit(kernelBoot: string): ProcessRef | undefined {
    const name = this.boots('.started').find((file) => file.endsWith(`-${kernelBoot}.started`));
    return name === undefined ? undefined : parseStat(readFileSync(`${this.path}/${name}`, 'utf8'));
  }

  complaint(): string {
    return readTail(this.complaints, 1000).toString().trim().replace(/\n/g, '; ');
  }

  consoleOutput(): { readonly output: string; readonly timestamp: string } | undefined {
    const files = [`${this.console}.1`, this.console].filter(exists);
    const newest = files.at(-1);
    if (newest === undefined) return undefined;
    const bytes = Buffer.concat(files.map((file) => readTail(file, CONSOLE_BYTES))).subarray(-CONSOLE_BYTES);
    // Not from the middle of a character.
    const start = bytes.length < CONSOLE_BYTES ? 0 : bytes.subarray(0, 4).findIndex((byte) => (byte & 0xc0) !== 0x80);
    return { output: bytes.subarray(Math.max(start, 0)).toString('utf8'), timestamp: statSync(newest).mtime.toISOString() };
  }

  /** Off the main thread: there may be hundreds at a time, and a directory on a disk takes a while to go. */
  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }

  private boots(suffix: '.claim' | '.started'): string[] {
    return exists(this.path) ? readdirSync(this.path).filter((name) => name.endsWith(suffix)) : [];
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function replaceFile(path: string, content: string): void {
  writeFileSync(`${path}.new`, content, { mode: 0o700 });
  renameSync(`${path}.new`, path);
}

/** Empty when there is no such file. */
function readTail(path: string, bytes: number): Buffer {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return Buffer.alloc(0);
  const fd = openSync(path, 'r');
  try {
    const tail = Buffer.alloc(Math.min(size, bytes));
    return tail.subarray(0, readSync(fd, tail, 0, tail.length, size - tail.length));
  } finally {
    closeSync(fd);
  }
}
