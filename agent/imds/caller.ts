import { fromBigInt, toBigInt } from '../model/address.js';
import type { Instance } from '../model/instance.js';
import type { Snapshot } from '../model/snapshot.js';

/** The instance that has the address in a VPC. The packet filter vouches for the address. `undefined`: nobody that has metadata. */
export function callerOf(snapshot: Snapshot, vpcId: string, address: string): Instance | undefined {
  const text = address.includes(':') ? canonical(address) : address;
  const [eni] = text === undefined ? [] : snapshot.by('networkInterface', 'address', `${vpcId} ${text}`);
  const instance = eni?.attachment && snapshot.get('instance', eni.attachment.instanceId);
  return instance?.state === 'terminated' ? undefined : instance;
}

/** A link-local address names an interface only together with a device: no caller. */
function canonical(address: string): string | undefined {
  return address.includes('%') ? undefined : fromBigInt(6, toBigInt(address));
}
