import { alreadyRegistered, type Guest, type GuestReference } from '../commands/guest.js';
import { kernelBootId } from '../instances/boot.js';
import { type GuestNamespace, readGuestNamespace } from '../kernel/guest.js';
import { HOST_NAMESPACE, isInstanceNamespace } from '../kernel/resources.js';
import { apiError, invalidValue } from '../model/errors.js';
import { namespacePath, processOf } from './locate.js';

/** A namespace by its name. @throws {ApiError} InvalidParameterValue, OperationNotPermitted, Resource.AlreadyAssociated */
export function resolveNamespace(name: string): Guest {
  const title = `network namespace ${name}`;
  const found = readGuestNamespace(namespacePath(name));
  if (!found) throw invalidValue(`There is no network namespace '${name}' under /run/netns; \`ip netns list\` shows those that there are`);
  return guestOf({ kind: 'namespace', name }, title, found);
}

/** The namespace of a process. @throws {ApiError} InvalidParameterValue, OperationNotPermitted, Resource.AlreadyAssociated */
export function resolveProcess(pid: number): Guest {
  const ref = processOf(pid);
  const found = ref && readGuestNamespace(`/proc/${pid}/ns/net`);
  if (!ref || !found) throw invalidValue(`There is no process ${pid} on this host, or it has just ended`);
  return guestOf({ kind: 'process', ...ref, bootId: kernelBootId() }, `network namespace of process ${pid}`, found);
}

/** @throws {ApiError} when the namespace is the host's or enid's. */
export function guestOf(holder: Guest['holder'], title: string, { ours, devices, hasDefaultRoute }: GuestNamespace): Guest {
  if (ours === HOST_NAMESPACE)
    throw apiError('OperationNotPermitted', {
      reason: `The ${title} is the host's own or the daemon's, which an instance can't have; name a guest with a network namespace of its own`,
    });
  if (ours !== undefined && isInstanceNamespace(ours)) throw alreadyRegistered(title, ours);
  if (ours !== undefined) throw apiError('OperationNotPermitted', { reason: `The ${title} is enid's own ${ours}` });
  return { holder, title, devices, hasDefaultRoute };
}

/** Looks guests up; what is found wrong is told to those who name them. */
export type ResolveGuest = (reference: GuestReference) => Guest | Promise<Guest>;

export const resolveLocal: ResolveGuest = ({ netns, pid, containerId }) => {
  if (netns !== undefined) return resolveNamespace(netns);
  if (pid !== undefined) return resolveProcess(pid);
  throw apiError('UnsupportedOperation', {
    reason: `Container ${containerId} can't be looked up: no container engine is configured; start the daemon with --container-socket /run/docker.sock`,
  });
};
