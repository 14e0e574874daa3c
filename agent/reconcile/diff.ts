import { type KernelObject, type KernelOp, keyOf, type ObjectKey, type ObjectMap, type VethSpec } from '../kernel/port.js';

/**
 * What has to be done so that `actual` becomes `desired`; nothing when they are equal. What goes with its container when that is made
 * anew counts as absent: everything in a namespace, the members of a set, and what hangs on a device, at either of its ends. So it is
 * made again in the same pass. A device whose other end is not where it shall be is replaced: one `update` whose `from` has another
 * `peer` namespace or name.
 */
export function diff(desired: ObjectMap, actual: ObjectMap): KernelOp[] {
  const fresh = freshContainers(desired, actual);
  const ops: KernelOp[] = [];
  for (const [key, object] of desired) {
    const found = actual.get(key);
    if (found === undefined || isLost(found, object, fresh)) ops.push({ verb: 'create', object });
    else if (!isSame(object, found) || isOutOfPlace(object, found, fresh)) ops.push({ verb: 'update', object, from: found });
  }
  for (const [key, object] of actual) {
    if (!desired.has(key) && !isMoot(object, desired, fresh)) ops.push({ verb: 'delete', object });
  }
  return ops;
}

/** Containers that will be empty when the other operations come to them, by key; devices as `<namespace> <name>`. */
interface Fresh {
  readonly namespaces: ReadonlySet<string>;
  readonly sets: ReadonlySet<ObjectKey>;
  readonly devices: ReadonlySet<string>;
}

function freshContainers(desired: ObjectMap, actual: ObjectMap): Fresh {
  const namespaces = new Set<string>();
  const sets = new Set<ObjectKey>();
  const devices = new Set<string>();
  const isNew = (netns: string) => namespaces.has(netns);
  for (const [key, object] of desired) {
    const found = actual.get(key);
    // The name of somebody else's namespace goes over to another one.
    if (object.kind === 'netns' && (!found || !isSame(object, found))) namespaces.add(object.netns);
  }
  for (const [key, object] of desired) {
    const found = actual.get(key);
    if (object.kind === 'set' && (!found || isNew(object.netns))) sets.add(key);
    if ((object.kind === 'tun' || object.kind === 'macvlan') && (!found || isNew(object.netns)))
      devices.add(`${object.netns} ${object.name}`);
    if (object.kind !== 'veth') continue;
    const isMade = found?.kind !== 'veth' || isNew(object.netns) || isNew(object.peer.netns) || !hasSamePeer(object, found);
    if (isMade) for (const end of ends(object)) devices.add(end);
  }
  return { namespaces, sets, devices };
}

/** Both ends of a device, as `<namespace> <name>`. */
export function ends({ netns, name, peer }: VethSpec): readonly [string, string] {
  return [`${netns} ${name}`, `${peer.netns} ${peer.name}`];
}

/** Whether the two devices end in the same place. */
export function hasSamePeer(a: VethSpec, b: VethSpec): boolean {
  return a.peer.netns === b.peer.netns && a.peer.name === b.peer.name;
}

/** Whether an object that was there is not any more when its turn comes. */
function isLost(found: KernelObject, object: KernelObject, { namespaces, sets, devices }: Fresh): boolean {
  if (namespaces.has(found.netns)) return true;
  if (found.kind === 'member') return sets.has(setKey(found));
  // Its process remembers through which device the other end was reached.
  if (found.kind === 'wireguard') return [...devices].some((device) => device.startsWith(`${found.netns} `));
  const device = deviceOf(found);
  // A route that goes over to another device is replaced in place, whatever becomes of the old one.
  return device !== undefined && device === deviceOf(object) && devices.has(device);
}

function isOutOfPlace(object: KernelObject, found: KernelObject, { namespaces }: Fresh): boolean {
  return object.kind === 'veth' && found.kind === 'veth' && (!hasSamePeer(object, found) || namespaces.has(object.peer.netns));
}

/** Whether an unwanted object needs no operation: it went with its container, or is a value that can't be taken back. */
function isMoot(object: KernelObject, desired: ObjectMap, { namespaces, sets }: Fresh): boolean {
  if (namespaces.has(object.netns)) return true;
  if (object.kind === 'member') return sets.has(setKey(object));
  return object.kind === 'sysctl' && desired.has(keyOf({ kind: 'netns', netns: object.netns }));
}

function setKey({ netns, set }: { readonly netns: string; readonly set: string }): ObjectKey {
  return `set ${netns} ${set}`;
}

function deviceOf(object: KernelObject): string | undefined {
  const ofDevice = object.kind === 'sysctl' ? /^net\/ipv4\/conf\/([^/]+)\//.exec(object.path)?.[1] : undefined;
  if (ofDevice !== undefined) return `${object.netns} ${ofDevice}`;
  if (!('device' in object) || object.device === undefined) return undefined;
  return `${object.netns} ${object.device}`;
}

/** Whether an object is as another of the same key; of rules, whose text nobody reads back, by their fingerprint. */
export function isSame(a: KernelObject, b: KernelObject): boolean {
  if (a.kind === 'netns' && b.kind === 'netns') return a.holder?.identity === b.holder?.identity;
  if (a.kind === 'ruleset' && b.kind === 'ruleset') return a.fingerprint === b.fingerprint;
  if (a.kind === 'nft' && b.kind === 'nft') return a.fingerprint === b.fingerprint;
  if (a.kind === 'parent' && b.kind === 'parent') return a.fingerprint === b.fingerprint;
  return isEqual(a, b);
}

/** Equality of plain values; a field that is absent equals one that is undefined or false. */
function isEqual(a: unknown, b: unknown): boolean {
  if (a === b || (!a && !b && a !== 0 && b !== 0 && a !== '' && b !== '')) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const name in left) if (!isEqual(left[name], right[name])) return false;
  for (const name in right) if (!(name in left) && !isEqual(undefined, right[name])) return false;
  return true;
}
