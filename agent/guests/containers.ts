import type { Logger } from 'pino';
import { alreadyRegistered, type Guest } from '../commands/guest.js';
import type { ProcessRef } from '../instances/processes.js';
import { readGuestNamespace } from '../kernel/guest.js';
import { apiError, invalidValue } from '../model/errors.js';
import { type ContainerEngine, type ContainerEvent, EngineError, INSTANCE_LABEL } from './engine.js';
import { holderOf, processOf, type Whereabouts } from './locate.js';
import { guestOf } from './resolve.js';

/** What an engine said of a container last. */
type Known = { readonly name: string; readonly process?: ProcessRef } | 'removed';

/** First and longest pause before the engine is called again, milliseconds. */
const BACKOFF_MS = { first: 200, longest: 10_000 } as const;

export interface ContainersDeps {
  readonly engine: ContainerEngine;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Ids or names of the containers that matter. */
  readonly tracked: () => readonly string[];
  /** Called when the engine answers (again). */
  readonly onConnect?: () => Promise<void>;
  readonly onChange: () => void;
}

/** Knows which of some containers run, by the engine's events; asks anew whenever it has been out of touch with the engine. */
export class Containers {
  private readonly known = new Map<string, Known>();
  /** Why nothing is known for sure at the moment. */
  private fault: string | undefined = 'the container engine has not answered yet';
  private readonly end = new AbortController();
  private following: Promise<void> | undefined;

  constructor(private readonly deps: ContainersDeps) {}

  /** Resolves when the engine has answered for the first time, or has failed to. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      this.following = this.follow(resolve);
    });
  }

  async stop(): Promise<void> {
    this.end.abort();
    await this.following;
  }

  /** Asks the engine about a container. */
  async refresh(reference: string): Promise<void> {
    const found = await this.deps.engine.inspect(reference);
    const process = found?.running ? processOf(found.pid) : undefined;
    this.known.set(reference, found ? { name: found.name, ...(process && { process }) } : 'removed');
  }

  /** `undefined`: it was never asked about. */
  isKnown(reference: string): boolean {
    return this.known.has(reference);
  }

  get trouble(): string | undefined {
    return this.fault;
  }

  locate(reference: string): Whereabouts {
    const known = this.known.get(reference);
    if (known === undefined) return { state: 'unknown', reason: this.fault ?? 'the container has not been looked up yet' };
    if (known === 'removed') return { state: 'gone', reason: `the container ${reference.slice(0, 12)} was removed` };
    const holder = known.process && holderOf(known.process);
    // A container may outlive its engine for a while.
    if (holder) return this.fault === undefined ? { state: 'there', holder } : { state: 'unknown', reason: this.fault };
    return {
      state: 'absent',
      reason: `the container ${known.name} does not run; interfaces come back when it starts${this.fault === undefined ? '' : ` (${this.fault})`}`,
    };
  }

  /** @throws {ApiError} what the container is found not to be. */
  async resolve(reference: string): Promise<Guest> {
    const found = await this.deps.engine.inspect(reference).catch((error: unknown) => {
      if (error instanceof EngineError && error.kind === 'unreachable')
        throw apiError('ServiceUnavailable', { reason: `Container ${reference} can't be looked up: ${error.message}` });
      if (error instanceof EngineError) throw invalidValue(`Container ${reference}: ${error.message}`);
      throw error;
    });
    if (!found) throw invalidValue(`There is no container '${reference}'; \`docker ps\` shows those that there are`);
    const title = `container ${found.name}`;
    const own = found.labels[INSTANCE_LABEL];
    if (own !== undefined) throw alreadyRegistered(title, own);
    if (found.networkMode === 'host') throw notItsOwn(title, "it has the host's network; run it with --network none");
    if (/^(container|ns):/.test(found.networkMode))
      throw notItsOwn(
        title,
        `it shares the network of ${found.networkMode.replace(/^(container|ns):/, '').slice(0, 64)}; register that one`,
      );
    const process = found.running ? processOf(found.pid) : undefined;
    const namespace = process && readGuestNamespace(`/proc/${process.pid}/ns/net`);
    if (!process || !namespace)
      throw apiError('IncorrectState', { reason: `The ${title} does not run and has no network namespace; start it first` });
    this.known.set(found.id, { name: found.name, process });
    return guestOf({ kind: 'container', containerId: found.id, name: found.name }, title, namespace);
  }

  private async follow(answered: () => void): Promise<void> {
    const { engine, log } = this.deps;
    let pause: number = BACKOFF_MS.first;
    while (!this.end.signal.aborted) {
      try {
        await engine.events(
          () =>
            void this.catchUp().then(() => {
              pause = BACKOFF_MS.first;
              answered();
            }),
          (event) => void this.hear(event),
          this.end.signal,
        );
        this.lose('the container engine has ended the stream of its events');
      } catch (error) {
        if (this.end.signal.aborted) return;
        this.lose(error instanceof Error ? error.message : String(error));
      }
      answered();
      if (this.end.signal.aborted) return;
      log.warn({ reason: this.fault, retryMs: pause }, 'no container engine, will retry');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause);
        const stop = () => {
          clearTimeout(timer);
          resolve();
        };
        this.end.signal.addEventListener('abort', stop, { once: true });
      });
      pause = Math.min(pause * 2, BACKOFF_MS.longest);
    }
  }

  /** Events from now on are heard; what they would have told of before is asked for. */
  private async catchUp(): Promise<void> {
    try {
      await Promise.all([...this.deps.tracked().map((reference) => this.refresh(reference)), this.deps.onConnect?.()]);
      this.fault = undefined;
      this.deps.log.info('following the container engine');
    } catch (error) {
      this.lose(error instanceof Error ? error.message : String(error));
    }
    this.deps.onChange();
  }

  private lose(reason: string): void {
    if (this.end.signal.aborted) return;
    this.fault = reason;
    this.deps.onChange();
  }

  private async hear({ id, name }: ContainerEvent): Promise<void> {
    const concerned = this.deps.tracked().filter((reference) => reference === id || reference === name);
    if (concerned.length === 0) return;
    try {
      await Promise.all(concerned.map((reference) => this.refresh(reference)));
    } catch (error) {
      this.deps.log.warn({ err: error, container: name }, 'cannot look a container up');
    }
    this.deps.onChange();
  }
}

function notItsOwn(title: string, why: string) {
  return apiError('OperationNotPermitted', { reason: `The ${title} has no network namespace of its own: ${why}` });
}
