import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Snapshot } from '../model/snapshot.js';
import { metadataListeners } from '../planner/metadata.js';
import { answerMetadata } from './answer.js';
import { callerOf } from './caller.js';
import { MetadataKeeper } from './keeper.js';
import { metadataKey } from './key.js';
import { openListener } from './listener.js';
import { NONCE_BYTES } from './tokens.js';

export interface MetadataServiceOptions {
  readonly hostId: string;
  readonly region: string;
  readonly dataDir: string;
  readonly snapshot: () => Snapshot;
  readonly now: () => number;
  readonly log: Pick<Logger, 'warn'>;
}

/** The metadata service of this host's VPCs, for the loop to keep. Answers come from the newest state, not from a copy. */
export function createMetadataService({ hostId, region, dataDir, snapshot, now, log }: MetadataServiceOptions): MetadataKeeper {
  const key = metadataKey(dataDir);
  const nonce = () => randomBytes(NONCE_BYTES);
  return new MetadataKeeper(
    (unit) => metadataListeners(snapshot(), hostId, unit),
    (spec) =>
      openListener(
        spec,
        (vpcId, peer, request) => {
          const state = snapshot();
          const instance = callerOf(state, vpcId, peer);
          return instance && answerMetadata(request, instance, { snapshot: state, region, key, nowMs: now(), nonce });
        },
        (error) => log.warn({ err: error, vpcId: spec.vpcId }, 'a metadata request failed'),
      ),
  );
}
