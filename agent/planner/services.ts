import type { Snapshot } from '../model/snapshot.js';
import type { ServiceSpec } from '../services/service.js';
import { internetServices } from './internet-servers.js';
import { INTERNET_UNIT } from './presence.js';
import { resolverServices, resolverVpcId } from './resolver.js';

type ServiceSettings = { readonly hostId: string; readonly region: string };

/** What was planned for a state: asked for more than once in a pass. Goes with the state. */
const remembered = new WeakMap<Snapshot, Map<string, readonly ServiceSpec[]>>();

/** Processes that a unit shall have on this host; none when it shall not exist here. Pure. */
export function planServices(snapshot: Snapshot, settings: ServiceSettings, unit: string): readonly ServiceSpec[] {
  const known = remembered.get(snapshot) ?? new Map<string, readonly ServiceSpec[]>();
  remembered.set(snapshot, known);
  const key = `${settings.hostId} ${settings.region} ${unit}`;
  const planned = known.get(key) ?? plan(snapshot, settings, unit);
  known.set(key, planned);
  return planned;
}

function plan(snapshot: Snapshot, settings: ServiceSettings, unit: string): ServiceSpec[] {
  if (resolverVpcId(unit) !== undefined) return resolverServices(snapshot, settings, unit);
  return unit === INTERNET_UNIT ? internetServices(snapshot, settings) : [];
}
