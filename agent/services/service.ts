/** A process that belongs to the data plane: it outlives the daemon, which finds it again. Types and names only; pure. */
export interface ServiceSpec {
  /** `<unit>` or `<unit>.<part>`; the unit that wants it can be told from its name. */
  readonly name: string;
  /** Named network namespace that it runs in. */
  readonly netns: string;
  /** Program and arguments. A change restarts it. `{dir}` in them stands for the service's own
   * directory, `{node}` for the Node that runs the daemon, `{agent}` for the directory of its code. */
  readonly argv: readonly string[];
  /** In addition to a bare environment. A change restarts it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Files in its directory, name → content. */
  readonly files?: Readonly<Record<string, string>>;
  /** How it takes note of changed files. */
  readonly onFileChange?: 'SIGHUP' | 'restart';
  /** It has started once all of these are there: ports that somebody listens on in the namespace, a file that it makes in its directory. */
  readonly ready?: { readonly listens?: readonly ListenSpec[]; readonly file?: string };
}

export interface ListenSpec {
  readonly protocol: 'udp' | 'tcp';
  readonly port: number;
}

export interface Supervisor {
  /**
   * Afterwards the service runs as specified, in the namespace that bears the name now, with these files read. Does nothing when it
   * already does. Calls about one name run one after the other.
   * @throws {KernelError} not-found: no such namespace; unsupported: the program is not installed; other: it ended, with its last words.
   */
  ensure(spec: ServiceSpec): Promise<void>;
  /** Afterwards it does not run, and nothing of it is left on disk. */
  remove(name: string): Promise<void>;
  /** Names of the services that were started and not removed, alive or not. */
  list(): string[];
  /** Its process, when it lives in the namespace that bears the name now. */
  pid(name: string): number | undefined;
  /** Afterwards no service runs in the namespace. They stay listed. */
  endIn(netns: string): Promise<void>;
  /** Stops watching; the services go on. */
  close(): void;
}

export const unitOfService = (name: string): string => name.split('.', 1)[0] ?? name;

export const isServiceName = (name: string): boolean => /^[a-z0-9-]{1,64}(\.[a-z0-9-]{1,32})?$/.test(name);
