import type { Instance } from '../model/instance.js';
import { INSTANCE_TYPES } from '../model/instance-types.js';
import { type NetworkInterface, primaryAddress } from '../model/network-interface.js';
import type { Snapshot } from '../model/snapshot.js';
import { zoneIdOf } from '../model/zone.js';
import { namingOf, privateHostName } from '../planner/boot.js';
import { groupNames, interfaceTree, lines, publicAddresses, publicHostname } from './interface-tree.js';
import { type Branch, branch, type Node, outerBranch } from './node.js';
import { VERSIONS } from './versions.js';

/**
 * What an instance may read, from the newest state of the model: an interface is in it from the attachment's commit on. Pure.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-metadata.html
 */
export function metadataTree(snapshot: Snapshot, instance: Instance, region: string): Branch {
  const content = outerBranch({
    dynamic: branch({
      fws: branch({ 'instance-monitoring': 'disabled' }),
      'instance-identity': branch({ document: identityDocument(snapshot, instance, region) }),
    }),
    'meta-data': metaData(snapshot, instance, region),
    'user-data': userData(instance),
  });
  return outerBranch(Object.fromEntries(VERSIONS.map((version) => [version, content])));
}

/** As bytes: it is the user's, whatever it is. */
export function userData({ userData, userDataBase64 }: Instance): Buffer | undefined {
  if (userDataBase64 !== undefined) return Buffer.from(userDataBase64, 'base64');
  return userData === undefined ? undefined : Buffer.from(userData, 'utf8');
}

function interfacesOf(snapshot: Snapshot, instanceId: string): NetworkInterface[] {
  return snapshot
    .by('networkInterface', 'instanceId', instanceId)
    .filter(({ attachment }) => attachment?.status === 'attached')
    .sort((a, b) => (a.attachment?.deviceIndex ?? 0) - (b.attachment?.deviceIndex ?? 0));
}

function metaData(snapshot: Snapshot, instance: Instance, region: string): Branch {
  const interfaces = interfacesOf(snapshot, instance.instanceId);
  const { domain } = namingOf(snapshot, snapshot.get('vpc', instance.vpcId), region);
  const macs = new Map<string, Node>(interfaces.map((eni) => [eni.macAddress, interfaceTree(snapshot, eni, { region, domain })]));
  const primary = interfaces.find(({ attachment }) => attachment?.deviceIndex === 0);
  return branch({
    'ami-id': instance.imageId,
    'ami-launch-index': String(instance.launchIndex),
    'ami-manifest-path': '(unknown)',
    events: branch({ maintenance: branch({ history: '[]', scheduled: '[]' }) }),
    hibernation: branch({ configured: 'false' }),
    'instance-action': 'none',
    'instance-id': instance.instanceId,
    'instance-life-cycle': 'on-demand',
    'instance-type': instance.instanceType,
    network: branch({ interfaces: branch({ macs: branch(macs) }) }),
    placement: branch({
      'availability-zone': instance.availabilityZone,
      'availability-zone-id': zoneIdOf(instance.availabilityZone),
      region,
    }),
    'public-keys': publicKeys(instance),
    'reservation-id': instance.reservationId,
    services: services(region),
    tags: instance.metadataOptions.instanceMetadataTags === 'enabled' ? tags(instance) : undefined,
    ...(primary && ofPrimary(snapshot, primary, { region, domain })),
  });
}

function ofPrimary(
  snapshot: Snapshot,
  eni: NetworkInterface,
  { region, domain }: { readonly region: string; readonly domain: string },
): Record<string, Node | undefined> {
  const hostname = `${privateHostName(primaryAddress(eni))}.${domain}`;
  return {
    hostname,
    ipv6: eni.ipv6Addresses[0],
    'local-hostname': hostname,
    'local-ipv4': primaryAddress(eni),
    mac: eni.macAddress,
    'public-hostname': publicHostname(snapshot, eni, region),
    'public-ipv4': publicAddresses(snapshot, eni)[0]?.publicIp,
    'security-groups': lines(groupNames(snapshot, eni)),
  };
}

/** Listed as `0=NAME`; the key is under `0/`. */
function publicKeys({ keyName, publicKey }: Instance): Branch | undefined {
  if (keyName === undefined || publicKey === undefined) return undefined;
  return { ...branch({ 0: branch({ 'openssh-key': publicKey }) }), labels: new Map([['0', `0=${keyName}`]]) };
}

function services(region: string): Branch {
  if (region.startsWith('cn-')) return branch({ domain: 'amazonaws.com.cn', partition: 'aws-cn' });
  return branch({ domain: 'amazonaws.com', partition: region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws' });
}

function tags({ tags }: Instance): Branch {
  return branch({ instance: branch(new Map(Object.entries(tags))) });
}

/** In the layout that the cloud writes: two spaces, colons between spaces. */
function identityDocument(snapshot: Snapshot, instance: Instance, region: string): string {
  const primary = interfacesOf(snapshot, instance.instanceId).find(({ attachment }) => attachment?.deviceIndex === 0);
  const fields: Readonly<Record<string, string | null>> = {
    accountId: instance.ownerId,
    architecture: INSTANCE_TYPES.get(instance.instanceType)?.architecture ?? 'x86_64',
    availabilityZone: instance.availabilityZone,
    billingProducts: null,
    devpayProductCodes: null,
    marketplaceProductCodes: null,
    imageId: instance.imageId,
    instanceId: instance.instanceId,
    instanceType: instance.instanceType,
    kernelId: null,
    pendingTime: `${instance.launchTime.slice(0, 19)}Z`,
    privateIp: primary ? primaryAddress(primary) : null,
    ramdiskId: null,
    region,
    version: '2017-09-30',
  };
  const members = Object.entries(fields).map(([name, value]) => `  "${name}" : ${JSON.stringify(value)}`);
  return `{\n${members.join(',\n')}\n}`;
}
