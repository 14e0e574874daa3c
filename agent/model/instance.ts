import type { InstanceId, VpcId } from './ids.js';
import type { Noun } from './tags.js';

/** What holds an instance's network namespace. */
export type InstanceHolder =
  /** A namespace that the agent makes and removes, `/run/netns/<instanceId>`. */
  | { readonly kind: 'netns' }
  /** Somebody else's, by its name under `/run/netns`. */
  | { readonly kind: 'namespace'; readonly name: string }
  /** That of a running container, by the engine's id. */
  | { readonly kind: 'container'; readonly containerId: string; readonly name: string }
  /** That of a container which the agent starts, stops and removes with the instance. */
  | { readonly kind: 'image'; readonly image: string; readonly command?: readonly string[] }
  /** That of a process of somebody else's. Its start, in clock ticks since the host's boot, tells it from a later one with its number. */
  | { readonly kind: 'process'; readonly pid: number; readonly startTime: string; readonly bootId: string };

/** Whether the namespace is somebody else's: enid puts interfaces into it and takes them out, and leaves all the rest alone. */
export function isForeign({ holder }: Pick<Instance, 'holder'>): boolean {
  return holder.kind !== 'netns';
}

export interface Instance extends Noun {
  readonly instanceId: InstanceId;
  readonly reservationId: string;
  readonly launchIndex: number;
  readonly vpcId: VpcId;
  readonly availabilityZone: string;
  readonly instanceType: string;
  readonly imageId: string;
  readonly keyName?: string;
  /** Public key of the key pair as it was at launch, in OpenSSH's format. */
  readonly publicKey?: string;
  /** The host that realises the instance. */
  readonly hostId: string;
  readonly holder: InstanceHolder;
  /**
   * Where it shall be. `running` reads `pending` until its namespace and interfaces are realised; `stopping` and
   * `shutting-down` become `stopped` and `terminated` once the host reports everything of it gone.
   */
  readonly state: 'running' | 'stopping' | 'stopped' | 'shutting-down' | 'terminated';
  /** Counts starts; a new value makes the user data run again. */
  readonly bootSerial: number;
  /** Runs inside the instance at each start, unless it is of one of cloud-init's formats; at most 16 KiB before encoding. */
  readonly userData?: string;
  /** Instead of `userData` where that is no text: kept for the metadata service, never run. */
  readonly userDataBase64?: string;
  /** Source-based rules for interfaces beyond the first, written by the agent (default true). */
  readonly sourceBasedRouting: boolean;
  readonly disableApiTermination: boolean;
  readonly shutdownBehavior: 'stop' | 'terminate';
  readonly metadataOptions: MetadataOptions;
  readonly launchTime: string;
  readonly stateReason?: { readonly code: string; readonly message: string };
  readonly terminationTime?: string;
}

export interface MetadataOptions {
  readonly httpEndpoint: 'enabled' | 'disabled';
  readonly httpTokens: 'optional' | 'required';
  readonly httpPutResponseHopLimit: number;
  readonly httpProtocolIpv6: 'enabled' | 'disabled';
  readonly instanceMetadataTags: 'enabled' | 'disabled';
}

export function isLive(instance: Instance): boolean {
  return instance.state !== 'terminated';
}
