import { invalidValue } from '../model/errors.js';
import { isLocalUnicastMac, isReservedMac, macFromHex } from '../model/mac.js';
import type { CommandContext } from './command.js';
import type { Draft } from './draft.js';

/** A MAC that no interface has, of any VPC. */
export function newMac(draft: Draft, context: CommandContext): string {
  for (let attempt = 0; attempt < 100; attempt++) {
    const mac = macFromHex(context.randomHex(11));
    if (!isReservedMac(mac) && draft.count('networkInterface', 'macAddress', mac) === 0) return mac;
  }
  throw new Error('the source of random digits repeats itself: no unused MAC in 100 attempts');
}

/**
 * That an interface may be given this MAC.
 * @throws {ApiError} InvalidParameterValue: multicast, not locally administered, the agent's own, or another interface's.
 */
export function checkMac(draft: Draft, mac: string): void {
  const fault = (reason: string) => invalidValue(`Value (${mac}) for parameter macAddress is invalid: ${reason}`);
  if ((Number.parseInt(mac.slice(0, 2), 16) & 1) === 1) throw fault('it is a multicast address; the first octet must be even');
  if (!isLocalUnicastMac(mac)) throw fault('it is not locally administered; begin it with 02, 06, 0a or 0e');
  if (isReservedMac(mac)) throw fault('02:00:00:00:00:00 to 02:00:00:00:00:ff are reserved');
  const [holder] = draft.by('networkInterface', 'macAddress', mac);
  if (holder) throw fault(`${holder.networkInterfaceId} has it already`);
}
