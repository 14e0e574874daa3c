/** A container engine as enid needs it. Types only, but for the error. */
export interface ContainerEngine {
  /** By id, the beginning of one, or name; `undefined`: there is none. @throws {EngineError} */
  inspect(reference: string): Promise<Container | undefined>;
  /** Names of containers that have the label, running or not. @throws {EngineError} */
  list(label: string): Promise<readonly string[]>;
  /** Afterwards there is a container of that name, not started. @throws {EngineError} no such image, … */
  create(spec: ContainerSpec): Promise<void>;
  /** Afterwards it runs. @throws {EngineError} */
  start(name: string): Promise<void>;
  /** Afterwards it ran from its beginning once more. @throws {EngineError} */
  restart(name: string): Promise<void>;
  /** Afterwards it does not run; nor if there is none. @throws {EngineError} */
  stop(name: string): Promise<void>;
  /** Afterwards there is none of that name. @throws {EngineError} */
  remove(name: string): Promise<void>;
  /**
   * Tells of containers that start, end and go, from when `onOpen` is called until the engine ends it or `signal` is aborted.
   * @throws {EngineError} unreachable, when it could not begin.
   */
  events(onOpen: () => void, onEvent: (event: ContainerEvent) => void, signal: AbortSignal): Promise<void>;
}

export interface Container {
  readonly id: string;
  readonly name: string;
  readonly running: boolean;
  /** First process, in the host's view; 0 when it does not run. */
  readonly pid: number;
  /** `none`, `host`, `container:ID`, a network's name. */
  readonly networkMode: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly hostname: string;
  readonly dnsServers: readonly string[];
  readonly dnsSearch: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ContainerEvent {
  readonly action: 'start' | 'die' | 'destroy';
  readonly id: string;
  readonly name: string;
}

/** The engine does not answer (`unreachable`), or said no. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  constructor(
    readonly kind: 'unreachable' | 'refused',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Label of containers that enid started: the id of their instance. */
export const INSTANCE_LABEL = 'enid.instance';
