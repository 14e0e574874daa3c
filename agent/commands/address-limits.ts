import { apiError, invalidValue } from '../model/errors.js';
import { INSTANCE_TYPES, type InstanceType, MAX_ADDRESSES_PER_INTERFACE } from '../model/instance-types.js';
import type { NetworkInterface } from '../model/network-interface.js';
import type { Draft } from './draft.js';

/** @throws {ApiError} InvalidParameterValue */
export function instanceTypeOf(name: string): InstanceType {
  const type = INSTANCE_TYPES.get(name);
  if (!type) throw invalidValue(`Invalid value '${name}' for InstanceType; GET /v1/instance-types lists them`);
  return type;
}

/**
 * That an interface has no more addresses than its instance's type takes; unattached, no more than any type takes.
 * @throws {ApiError} PrivateIpAddressLimitExceeded
 */
export function checkAddressLimit(draft: Draft, eni: NetworkInterface): void {
  const instance = eni.attachment && draft.get('instance', eni.attachment.instanceId);
  checkAddressesFor(eni, instance?.instanceType);
}

/** The same for an instance type that the interface is not on yet. */
export function checkAddressesFor(
  eni: NetworkInterface,
  instanceType: string | undefined,
  code: 'PrivateIpAddressLimitExceeded' | 'InvalidInterface.IpAddressLimitExceeded' = 'PrivateIpAddressLimitExceeded',
): void {
  const type = instanceType === undefined ? undefined : instanceTypeOf(instanceType);
  const check = (family: 4 | 6, used: number, limit: number) => {
    if (used <= limit) return;
    const on = type ? `on ${type.instanceType}` : 'of any instance type';
    throw apiError(code, {
      reason: `Number of private addresses will exceed limit: ${eni.networkInterfaceId} would have ${used} IPv${family} addresses, an interface ${on} takes ${limit}`,
    });
  };
  check(4, eni.privateIpAddresses.length, type?.ipv4AddressesPerInterface ?? MAX_ADDRESSES_PER_INTERFACE);
  check(6, eni.ipv6Addresses.length, type?.ipv6AddressesPerInterface ?? MAX_ADDRESSES_PER_INTERFACE);
}
