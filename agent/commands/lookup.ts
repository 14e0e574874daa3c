import { type ApiError, apiError } from '../model/errors.js';
import type { IdKind, VpcId } from '../model/ids.js';
import type { Instance } from '../model/instance.js';
import type { Attachment, NetworkInterface } from '../model/network-interface.js';
import { ID_ERRORS, type TaggedKind } from '../model/resource.js';
import type { Records } from '../model/snapshot.js';
import type { Vpc } from '../model/vpc.js';
import type { Draft } from './draft.js';

/** The fault of naming what does not exist, under the code of its kind. */
export function notFound(kind: IdKind, id: string): ApiError {
  return apiError(ID_ERRORS[kind]?.notFound ?? 'InvalidID', { id });
}

/** @throws {ApiError} the kind's `.NotFound` code. */
export function required<K extends TaggedKind>(draft: Draft, kind: K, id: string): Records[K] {
  const record = draft.get(kind, id);
  if (!record) throw notFound(kind, id);
  return record;
}

/** The VPC that a request without one means. @throws {ApiError} VPCIdNotSpecified */
export function vpcOrDefault(draft: Draft, id: VpcId | undefined): Vpc {
  if (id !== undefined) return required(draft, 'vpc', id);
  const standard = draft.all('vpc').find((vpc) => vpc.isDefault);
  if (!standard) throw apiError('VPCIdNotSpecified', {});
  return standard;
}

/** An instance that is not gone: a terminated one is still listed for an hour, but takes no part in anything. */
export function requiredInstance(draft: Draft, instanceId: string): Instance {
  const instance = required(draft, 'instance', instanceId);
  if (instance.state === 'terminated') throw apiError('IncorrectInstanceState', { reason: `Instance ${instanceId} is terminated` });
  return instance;
}

export type AttachedInterface = NetworkInterface & { readonly attachment: Attachment };

export function isAttached(eni: NetworkInterface): eni is AttachedInterface {
  return eni.attachment !== undefined;
}

/** Interfaces of an instance, detaching ones too, by device index. */
export function interfacesOf(draft: Draft, instanceId: string): AttachedInterface[] {
  return draft
    .by('networkInterface', 'instanceId', instanceId)
    .filter(isAttached)
    .sort((a, b) => a.attachment.deviceIndex - b.attachment.deviceIndex);
}
