import { z } from 'zod';
import { ApiError, apiError, type ErrorCode, invalidValue } from '../model/errors.js';
import { type InstanceId, mintId, type SubnetId } from '../model/ids.js';
import { IMAGE_ID } from '../model/images.js';
import type { Instance, InstanceHolder } from '../model/instance.js';
import { DEFAULT_INSTANCE_TYPE } from '../model/instance-types.js';
import type { NetworkInterface } from '../model/network-interface.js';
import type { Subnet } from '../model/subnet.js';
import { instanceTypeOf } from './address-limits.js';
import { attach, checkPlace } from './attachments.js';
import { idempotent } from './client-token.js';
import { type CommandContext, command } from './command.js';
import type { Draft } from './draft.js';
import { clientToken, count, deleteOnTermination, deviceIndex, networkInterfaceId, subnetId, tags, text } from './fields.js';
import { checkMetadataTags, instanceFields, metadataOptionsFrom, userDataFrom } from './instance-fields.js';
import { type InterfaceSpec, interfaceFields, putNewInterface } from './interface-spec.js';
import { required, vpcOrDefault } from './lookup.js';
import { giveAutomatic } from './public-addresses.js';
import { checkTags } from './tags.js';

const LaunchInterface = z.strictObject({
  deviceIndex: deviceIndex.optional().describe('Default: its place in the list.'),
  networkInterfaceId: networkInterfaceId.optional().describe('An existing interface; or leave out to create one.'),
  subnetId: subnetId.optional().describe('Subnet of the interface to create.'),
  ...interfaceFields,
  associatePublicIpAddress: z
    .boolean()
    .optional()
    .describe("Whether the interface gets an automatic public address; only a new one at device index 0. Default: the subnet's setting."),
  deleteOnTermination: deleteOnTermination.optional().describe('Default: true for created interfaces, false for existing ones.'),
});

/** What a request says of the interfaces of an instance. */
export const launchFields = {
  instanceType: text(40).optional().describe(`Decides how many interfaces and addresses it takes. Default ${DEFAULT_INSTANCE_TYPE}.`),
  subnetId: subnetId.optional(),
  groupIds: interfaceFields.groupIds,
  privateIpAddress: interfaceFields.privateIpAddress,
  secondaryPrivateIpAddressCount: interfaceFields.secondaryPrivateIpAddressCount,
  ipv6Addresses: interfaceFields.ipv6Addresses,
  ipv6AddressCount: interfaceFields.ipv6AddressCount,
  networkInterfaces: z
    .array(LaunchInterface)
    .min(1, 'must hold at least one interface')
    .max(64)
    .optional()
    .describe('Interfaces; instead of subnetId, groupIds and addresses.'),
  tags,
  networkInterfaceTags: tags.describe('Tags of the interfaces that are created.'),
};

const Input = z.strictObject({
  imageId: z
    .string()
    .optional()
    .describe('ami- and 8 or 17 hex digits. An id that DescribeImages does not list means a plain namespace, unless anyImage is off.'),
  count: count(1000).optional().describe('How many instances; default 1.'),
  minCount: count(1000).optional().describe('Fewest; when addresses run out, so many will do.'),
  maxCount: count(1000).optional().describe('Most.'),
  availabilityZone: z.string().optional().describe("Must be the subnet's; without a subnet it chooses the default one."),
  ...launchFields,
  keyName: text(255).optional().describe('Key pair whose public key the metadata service tells the instance.'),
  ...instanceFields,
  clientToken,
});
type Input = z.output<typeof Input>;

const Launch = z.object({ ...launchFields, ...instanceFields });
/** What launches and registrations of instances have in common. */
export type Launch = z.output<typeof Launch> & Partial<Pick<Input, 'imageId' | 'keyName' | 'availabilityZone'>>;

/** One interface of each instance: an existing one, or one to be made. */
export type Plan = { readonly deviceIndex: number; readonly deleteOnTermination: boolean } & (
  | { readonly eni: NetworkInterface }
  | { readonly subnet: Subnet; readonly spec: InterfaceSpec; readonly automaticPublicIp: boolean }
);

/** Faults of a launch after which the instances launched so far will do. */
const SHORTAGES: ReadonlySet<ErrorCode> = new Set(['InsufficientFreeAddressesInSubnet', 'InsufficientAddressCapacity']);

export const runInstances = idempotent(
  'runInstances',
  command({
    summary: 'Run instances. Without named interfaces each gets one, which is deleted with it.',
    input: Input,
    run: (draft, input, context) => {
      instanceTypeOf(input.instanceType ?? DEFAULT_INSTANCE_TYPE);
      if (input.imageId !== undefined) checkImage(input.imageId, context);
      const plans = plansOf(draft, input);
      if (!plans.some(({ deviceIndex }) => deviceIndex === 0))
        throw invalidValue('You must specify a network interface at device index 0, the primary one');
      const holder = holderOf(input.imageId, context);
      const { minCount, maxCount } = counts(input);
      checkRepeatable(plans, maxCount);
      const primary = primaryPlace(plans, input.availabilityZone);
      const reservationId = mintId('reservation', context.randomHex);
      const instanceIds: InstanceId[] = [];
      while (instanceIds.length < maxCount) {
        try {
          instanceIds.push(
            draft.attempt(() => {
              const launchIndex = instanceIds.length;
              return launch(draft, input, plans, { ...primary, reservationId, launchIndex, holder }, context);
            }),
          );
        } catch (error) {
          const enough = instanceIds.length >= minCount;
          if (enough && error instanceof ApiError && SHORTAGES.has(error.code)) break;
          throw error;
        }
      }
      return { reservationId, instanceIds };
    },
  }),
);

/** What the image makes of an instance. @throws {ApiError} UnsupportedOperation when there is no engine for containers. */
function holderOf(imageId: string | undefined, { containers }: CommandContext): InstanceHolder {
  const image = containers?.images.find((each) => each.imageId === imageId);
  if (!image) return { kind: 'netns' };
  if (!containers?.hasEngine)
    throw apiError('UnsupportedOperation', {
      reason: `Image ${imageId} is the container image ${image.containerImage}, and no container engine is configured; start the daemon with --container-socket /run/docker.sock`,
    });
  return { kind: 'image', image: image.containerImage, ...(image.command && { command: image.command }) };
}

/** Writes an instance and its interfaces. */
export function launch(
  draft: Draft,
  input: Launch,
  plans: readonly Plan[],
  place: Pick<Instance, 'vpcId' | 'availabilityZone' | 'reservationId' | 'launchIndex' | 'holder'>,
  context: CommandContext,
): InstanceId {
  const instance: Instance = {
    ...place,
    instanceId: mintId('instance', context.randomHex),
    ownerId: context.ownerId,
    tags: checkTags(input.tags),
    instanceType: input.instanceType ?? DEFAULT_INSTANCE_TYPE,
    imageId: input.imageId ?? 'ami-00000000000000000',
    ...(input.keyName !== undefined && keyOf(draft, input.keyName)),
    hostId: context.hostId,
    state: 'running',
    bootSerial: 1,
    ...userDataFrom(input),
    sourceBasedRouting: input.sourceBasedRouting ?? true,
    disableApiTermination: input.disableApiTermination ?? false,
    shutdownBehavior: input.shutdownBehavior ?? 'stop',
    metadataOptions: metadataOptionsFrom(input.metadataOptions),
    launchTime: context.now,
  };
  checkMetadataTags(instance);
  draft.put('instance', instance);
  for (const plan of plans) {
    const eni = 'eni' in plan ? plan.eni : putNewInterface(draft, plan.subnet, plan.spec, context);
    checkPlace(draft, eni, instance, plan.deviceIndex, 'InvalidInterface.IpAddressLimitExceeded');
    attach(draft, eni, instance, plan.deviceIndex, plan.deleteOnTermination, context);
    if ('automaticPublicIp' in plan && plan.automaticPublicIp) {
      const attached = required(draft, 'networkInterface', eni.networkInterfaceId);
      giveAutomatic(draft, draft.put('networkInterface', { ...attached, automaticPublicIp: true }), context);
    }
  }
  return instance.instanceId;
}

/** @throws {ApiError} InvalidKeyPair.NotFound */
function keyOf(draft: Draft, keyName: string): Pick<Instance, 'keyName' | 'publicKey'> {
  const [pair] = draft.by('keyPair', 'keyName', keyName);
  if (!pair) throw apiError('InvalidKeyPair.NotFound', { id: keyName });
  return { keyName, publicKey: pair.publicKey };
}

/** @throws {ApiError} InvalidAMIID.Malformed, InvalidAMIID.NotFound */
function checkImage(id: string, { imageIds }: CommandContext): void {
  if (!IMAGE_ID.test(id)) throw apiError('InvalidAMIID.Malformed', { id: id.slice(0, 80) });
  if (imageIds && !imageIds.includes(id)) throw apiError('InvalidAMIID.NotFound', { id });
}

function counts({ count, minCount, maxCount }: Input): { minCount: number; maxCount: number } {
  if (count !== undefined && (minCount !== undefined || maxCount !== undefined))
    throw apiError('InvalidParameterCombination', { reason: 'Give either count, or minCount and maxCount' });
  const max = count ?? maxCount ?? minCount ?? 1;
  const min = count ?? minCount ?? max;
  if (min > max) throw invalidValue(`minCount (${min}) must not exceed maxCount (${max})`);
  return { minCount: min, maxCount: max };
}

/** The interfaces that the request describes. A registered guest may have none at device index 0. */
export function plansOf(draft: Draft, input: Launch, deviceIndex = 0): Plan[] {
  return input.networkInterfaces ? listedPlans(draft, input, input.networkInterfaces) : [simplePlan(draft, input, deviceIndex)];
}

function simplePlan(draft: Draft, input: Launch, deviceIndex: number): Plan {
  const { privateIpAddress, secondaryPrivateIpAddressCount, ipv6Addresses, ipv6AddressCount, groupIds, networkInterfaceTags } = input;
  const spec = { privateIpAddress, secondaryPrivateIpAddressCount, ipv6Addresses, ipv6AddressCount, groupIds, tags: networkInterfaceTags };
  const subnet = subnetOrDefault(draft, input.subnetId, input.availabilityZone);
  const automaticPublicIp = deviceIndex === 0 && subnet.mapPublicIpOnLaunch;
  return { deviceIndex, deleteOnTermination: true, subnet, spec, automaticPublicIp };
}

/** Parameters of the instance that belong to its interfaces when these are named. */
const INTERFACE_LEVEL = [
  'subnetId',
  'groupIds',
  'privateIpAddress',
  'secondaryPrivateIpAddressCount',
  'ipv6Addresses',
  'ipv6AddressCount',
] as const;

function listedPlans(draft: Draft, input: Launch, interfaces: NonNullable<Input['networkInterfaces']>): Plan[] {
  for (const name of INTERFACE_LEVEL)
    if (input[name] !== undefined)
      throw apiError('InvalidParameterCombination', {
        reason: `Network interfaces and an instance-level ${name} may not be specified on the same request; put it into networkInterfaces`,
      });
  const plans = interfaces.map(({ deviceIndex, networkInterfaceId, subnetId, deleteOnTermination, ...spec }, place): Plan => {
    const common = { deviceIndex: deviceIndex ?? place, deleteOnTermination: deleteOnTermination ?? networkInterfaceId === undefined };
    if (networkInterfaceId === undefined) {
      const { associatePublicIpAddress, ...rest } = spec;
      const subnet = subnetOrDefault(draft, subnetId, input.availabilityZone);
      const automaticPublicIp = wantsPublicIp(associatePublicIpAddress, subnet, common.deviceIndex, interfaces.length);
      return { ...common, subnet, spec: { ...rest, tags: input.networkInterfaceTags }, automaticPublicIp };
    }
    return { ...common, eni: existing(draft, networkInterfaceId, { subnetId, ...spec }, common.deleteOnTermination) };
  });
  const indexes = plans.map((plan) => plan.deviceIndex);
  if (new Set(indexes).size !== indexes.length)
    throw invalidValue(`Each network interface requires a unique device index: ${indexes.join(', ')} were given`);
  const named = plans.flatMap((plan) => ('eni' in plan ? [plan.eni.networkInterfaceId] : []));
  if (new Set(named).size !== named.length)
    throw invalidValue('A network interface is named twice; an interface can be at one device index only');
  return plans;
}

/** As in the cloud: for the one new interface of a launch, and no launch with several. */
function wantsPublicIp(wanted: boolean | undefined, subnet: Subnet, deviceIndex: number, count: number): boolean {
  if (wanted && deviceIndex !== 0)
    throw apiError('InvalidParameterCombination', {
      reason: `associatePublicIpAddress can be given for device index 0 only, not for ${deviceIndex}`,
    });
  if (wanted && count > 1)
    throw apiError('InvalidParameterCombination', {
      reason:
        'The associatePublicIpAddress parameter cannot be specified when launching with multiple network interfaces; use elastic addresses',
    });
  return wanted ?? (subnet.mapPublicIpOnLaunch && count === 1);
}

function existing(draft: Draft, id: string, others: Record<string, unknown>, deleteOnTermination: boolean): NetworkInterface {
  const eni = required(draft, 'networkInterface', id);
  const clash = Object.keys(others).find((name) => others[name] !== undefined);
  if (clash)
    throw apiError('InvalidParameterCombination', { reason: `${clash} cannot be given with networkInterfaceId; ${id} has its own` });
  if (deleteOnTermination)
    throw apiError('InvalidParameterCombination', {
      reason: `deleteOnTermination can be true only for interfaces that the launch creates; change it on ${id} afterwards`,
    });
  if (eni.attachment)
    throw apiError('InvalidNetworkInterface.InUse', {
      reason: `Interface: ${id} in use: it is attached to ${eni.attachment.instanceId}; detach it first`,
    });
  return eni;
}

function checkRepeatable(plans: readonly Plan[], maxCount: number): void {
  const single = plans.find(
    (plan) =>
      'eni' in plan || plan.spec.privateIpAddress || plan.spec.privateIpAddresses || plan.spec.ipv6Addresses || plan.spec.macAddress,
  );
  if (maxCount > 1 && single)
    throw apiError('InvalidParameterCombination', {
      reason: 'Interfaces, addresses and MACs that are named can go to one instance only; run one at a time',
    });
}

/** VPC and zone of the instance: those of its first interface. */
export function primaryPlace(plans: readonly Plan[], wantedZone: string | undefined): Pick<Instance, 'vpcId' | 'availabilityZone'> {
  const [primary] = [...plans].sort((a, b) => a.deviceIndex - b.deviceIndex);
  if (!primary) throw invalidValue('You must specify a network interface');
  const { vpcId, availabilityZone, subnetId } = 'eni' in primary ? primary.eni : primary.subnet;
  if (wantedZone !== undefined && wantedZone !== availabilityZone)
    throw apiError('InvalidParameterCombination', {
      reason: `The subnet ${subnetId} is in the availability zone ${availabilityZone}, not in ${wantedZone}`,
    });
  return { vpcId, availabilityZone };
}

/** @throws {ApiError} VPCIdNotSpecified, InvalidParameterValue when the default VPC has no default subnet there. */
function subnetOrDefault(draft: Draft, id: SubnetId | undefined, zone: string | undefined): Subnet {
  if (id !== undefined) return required(draft, 'subnet', id);
  const vpc = vpcOrDefault(draft, undefined);
  const found = draft
    .by('subnet', 'vpcId', vpc.vpcId)
    .filter((subnet) => subnet.defaultForAz && (zone === undefined || subnet.availabilityZone === zone))
    .sort((a, b) => (a.availabilityZone < b.availabilityZone ? -1 : 1))[0];
  if (!found) throw invalidValue(`The default VPC ${vpc.vpcId} has no default subnet${zone ? ` in ${zone}` : ''}; name a subnet`);
  return found;
}
