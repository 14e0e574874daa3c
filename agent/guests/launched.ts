import type { Logger } from 'pino';
import { type Instance, type InstanceHolder, isLive } from '../model/instance.js';
import { primaryAddress } from '../model/network-interface.js';
import type { Snapshot } from '../model/snapshot.js';
import { namingOf, privateHostName } from '../planner/boot.js';
import type { Containers } from './containers.js';
import { type ContainerEngine, type ContainerSpec, INSTANCE_LABEL } from './engine.js';

/** Name of the container that enid starts for an instance. */
export const containerName = (instanceId: string): string => `enid-${instanceId}`;

export interface LaunchedContainersDeps {
  readonly engine: ContainerEngine;
  readonly containers: Containers;
  readonly snapshot: () => Snapshot;
  readonly hostId: string;
  readonly region: string;
  readonly now: () => number;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly onChange: () => void;
}

interface Failure {
  readonly message: string;
  readonly count: number;
  readonly until: number;
}

/** First and longest pause before something that failed is tried again, milliseconds. */
const BACKOFF_MS = { first: 500, longest: 30_000 } as const;

/**
 * Containers that enid itself starts, one for each instance that was launched from a container image: makes them be as the instances
 * shall. A container that ends by itself is not started again; one that does not run when the agent takes over is.
 */
export class LaunchedContainers {
  private readonly jobs = new Set<string>();
  private readonly failures = new Map<string, Failure>();
  /** The boot of each instance that its container has been started for. */
  private readonly boots = new Map<string, number>();
  /** Containers with our label, as far as they are known to be there. */
  private readonly labelled = new Set<string>();

  constructor(private readonly deps: LaunchedContainersDeps) {}

  /** Asks which containers of ours there are; those whose instances are gone go too. */
  async find(): Promise<void> {
    for (const name of await this.deps.engine.list(INSTANCE_LABEL)) this.labelled.add(name);
  }

  /** What keeps an instance's container from running, in words; `undefined`: nothing, it was started for this boot. */
  waitsFor({ instanceId, bootSerial }: Instance): string | undefined {
    const failure = this.failures.get(instanceId);
    if (failure) return `its container can't be started: ${failure.message}`;
    return this.boots.get(instanceId) === bootSerial && !this.jobs.has(instanceId) ? undefined : 'its container is being started';
  }

  /** Begins what there is to do; `onChange` is called when something of it is done. */
  sync(): void {
    if (this.deps.containers.trouble !== undefined) return;
    const wanted = new Set<string>();
    for (const instance of this.deps.snapshot().by('instance', 'hostId', this.deps.hostId)) {
      if (instance.holder.kind !== 'image' || !isLive(instance) || instance.state === 'shutting-down') continue;
      wanted.add(containerName(instance.instanceId));
      const work = this.workFor(instance, instance.holder);
      if (work) this.begin(instance.instanceId, work);
    }
    for (const name of this.labelled)
      if (!wanted.has(name))
        this.begin(name.slice('enid-'.length), async () => {
          await this.deps.engine.remove(name);
          this.labelled.delete(name);
          this.boots.delete(name.slice('enid-'.length));
        });
  }

  private workFor(instance: Instance, holder: Extract<InstanceHolder, { kind: 'image' }>): (() => Promise<void>) | undefined {
    const { engine, containers } = this.deps;
    const { instanceId, bootSerial } = instance;
    const name = containerName(instanceId);
    if (!containers.isKnown(name)) return () => containers.refresh(name);
    const { state } = containers.locate(name);
    if (instance.state !== 'running') return state === 'there' ? () => engine.stop(name) : undefined;
    const booted = this.boots.get(instanceId);
    if (booted === bootSerial) return undefined;
    return async () => {
      if (state === 'gone') await engine.create(this.specOf(instance, holder));
      this.labelled.add(name);
      // Of the boot that a container runs in, only this agent knows: one that runs when it comes is taken to be right.
      if (state === 'there' && booted !== undefined) await engine.restart(name);
      else if (state !== 'there') await engine.start(name);
      await containers.refresh(name);
      this.boots.set(instanceId, bootSerial);
    };
  }

  private specOf(instance: Instance, { image, command }: Extract<InstanceHolder, { kind: 'image' }>): ContainerSpec {
    const snapshot = this.deps.snapshot();
    const { instanceId, vpcId } = instance;
    const { domain, servers } = namingOf(snapshot, snapshot.get('vpc', vpcId), this.deps.region);
    const primary = snapshot.by('networkInterface', 'instanceId', instanceId).find((eni) => eni.attachment?.deviceIndex === 0);
    return {
      name: containerName(instanceId),
      image,
      ...(command && { command }),
      hostname: primary ? privateHostName(primaryAddress(primary)) : instanceId,
      dnsServers: servers,
      dnsSearch: domain,
      labels: { [INSTANCE_LABEL]: instanceId },
    };
  }

  /** One thing at a time for each instance. */
  private begin(instanceId: string, work: () => Promise<void>): void {
    const failure = this.failures.get(instanceId);
    if (this.jobs.has(instanceId) || (failure && this.deps.now() < failure.until)) return;
    this.jobs.add(instanceId);
    work()
      .then(
        () => this.failures.delete(instanceId),
        (error: unknown) => {
          const count = (failure?.count ?? 0) + 1;
          const pause = Math.min(BACKOFF_MS.first * 2 ** (count - 1), BACKOFF_MS.longest);
          const message = error instanceof Error ? error.message : String(error);
          this.failures.set(instanceId, { message, count, until: this.deps.now() + pause });
          this.deps.log.warn({ instanceId, reason: message, retryMs: pause }, 'container of an instance is not as it shall be, will retry');
        },
      )
      .finally(() => {
        this.jobs.delete(instanceId);
        this.deps.onChange();
      });
  }
}
