import type { InstanceBoot } from '../instances/runtime.js';
import { cidr, nthAddress } from '../model/address.js';
import { primaryAddress } from '../model/network-interface.js';
import type { Snapshot } from '../model/snapshot.js';

/** What a running instance of this host starts with; `undefined` when it shall not run here. */
export function bootOf(
  snapshot: Snapshot,
  settings: { readonly hostId: string; readonly region: string },
  instanceId: string,
): InstanceBoot | undefined {
  const instance = snapshot.get('instance', instanceId);
  if (instance?.state !== 'running' || instance.hostId !== settings.hostId) return undefined;
  const vpc = snapshot.get('vpc', instance.vpcId);
  const primary = snapshot.by('networkInterface', 'instanceId', instanceId).find((eni) => eni.attachment?.deviceIndex === 0);
  const domain = internalDomain(settings.region);
  const hostname = primary ? privateHostName(primaryAddress(primary)) : instanceId;
  const ownLines = primary ? [`${primaryAddress(primary)} ${hostname}.${domain} ${hostname}`] : [];
  return {
    instanceId,
    bootSerial: instance.bootSerial,
    ...(instance.userData !== undefined && { userData: instance.userData }),
    hostname,
    hosts: ['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback', ...ownLines, ''].join('\n'),
    // The resolver's address: VPC base plus two (https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html).
    resolvConf: vpc ? `search ${domain}\nnameserver ${nthAddress(cidr(vpc.cidrBlock), 2)}\n` : '',
  };
}

/** First label of the private DNS name of an address. */
export function privateHostName(address: string): string {
  return `ip-${address.replaceAll('.', '-')}`;
}

/** Domain of private DNS names; us-east-1 has one of its own. */
export function internalDomain(region: string): string {
  return region === 'us-east-1' ? 'ec2.internal' : `${region}.compute.internal`;
}
