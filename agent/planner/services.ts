import type { Snapshot } from '../model/snapshot.js';
import type { ServiceSpec } from '../services/service.js';
import { internetServices } from './internet-servers.js';
import { INTERNET_UNIT } from './presence.js';
import { resolverServices, resolverVpcId } from './resolver.js';

/** Processes that a unit shall have on this host; none when it shall not exist here. Pure. */
export function planServices(
  snapshot: Snapshot,
  settings: { readonly hostId: string; readonly region: string },
  unit: string,
): ServiceSpec[] {
  if (resolverVpcId(unit) !== undefined) return resolverServices(snapshot, settings, unit);
  return unit === INTERNET_UNIT ? internetServices(snapshot, settings) : [];
}
