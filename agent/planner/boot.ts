import type { InstanceBoot } from '../instances/runtime.js';
import { PROVIDED_DNS } from '../model/dhcp-options.js';
import { isForeign } from '../model/instance.js';
import { primaryAddress } from '../model/network-interface.js';
import type { Snapshot } from '../model/snapshot.js';
import type { Vpc } from '../model/vpc.js';
import { internalDomain, privateHostName } from './names.js';
import { resolverAddress } from './resolver.js';

export { internalDomain, privateHostName } from './names.js';

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
  const { domain, servers } = namingOf(snapshot, vpc, settings.region);
  const hostname = primary ? privateHostName(primaryAddress(primary)) : instanceId;
  const ownLines = primary ? [`${primaryAddress(primary)} ${hostname}.${domain} ${hostname}`] : [];
  return {
    instanceId,
    bootSerial: instance.bootSerial,
    ...(isForeign(instance) && { foreign: true }),
    ...(instance.userData !== undefined && isScript(instance.userData) && { userData: instance.userData }),
    hostname,
    hosts: ['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback', ...ownLines, ''].join('\n'),
    resolvConf: [`search ${domain}`, ...servers.map((server) => `nameserver ${server}`), ''].join('\n'),
  };
}

/** First lines by which cloud-init knows what is no script; the metadata service hands it out, and cloud-init in an instance acts on it. */
const CLOUD_INIT =
  /^(#cloud-(config|config-archive|config-jsonp|boothook)|#(include|include-once|part-handler|upstart-job)|## template: ?jinja|mime-version:|content-type: ?multipart\/)/i;

/** @see https://cloudinit.readthedocs.io/en/latest/explanation/format.html */
function isScript(userData: string): boolean {
  return !CLOUD_INIT.test(userData);
}

/** What the VPC's DHCP options say about names: the domain that bare names are tried in, and who is asked. */
export function namingOf(snapshot: Snapshot, vpc: Vpc | undefined, region: string): { domain: string; servers: string[] } {
  const options = vpc && snapshot.get('dhcpOptions', vpc.dhcpOptionsId);
  const servers = (options?.domainNameServers ?? [PROVIDED_DNS]).flatMap((server) => {
    if (server !== PROVIDED_DNS) return [server];
    return vpc?.enableDnsSupport ? [resolverAddress(vpc)] : [];
  });
  return { domain: options?.domainName ?? internalDomain(region), servers };
}
