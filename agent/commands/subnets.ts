import { z } from 'zod';
import { type Cidr, cidr, containsCidr, fromBigInt, overlaps } from '../model/address.js';
import { apiError, invalidValue } from '../model/errors.js';
import { mintId, type SubnetId, type VpcId } from '../model/ids.js';
import { DEVICE_NAME } from '../model/parent-device.js';
import type { Subnet, SubnetParent } from '../model/subnet.js';
import { type Vpc, vpcIpv4Ranges } from '../model/vpc.js';
import { idempotent } from './client-token.js';
import { routerCombinationIndex } from './combinations.js';
import { type CommandContext, command } from './command.js';
import type { Draft } from './draft.js';
import { clientToken, subnetId, tags, vpcId } from './fields.js';
import { required } from './lookup.js';
import { parseRange } from './ranges.js';
import { checkTags } from './tags.js';
import { ipv6Request } from './vpcs.js';

const mapPublicIpOnLaunch = z.boolean().describe('Whether interfaces created at launch get a public address.');
const hostAccess = z
  .boolean()
  .describe('Whether the host has an address in a subnet on one of its devices, base plus three. Default false. Only with parentDevice.');
const assignIpv6AddressOnCreation = z.boolean().describe('Whether new interfaces get an IPv6 address; needs an IPv6 range.');

export const createSubnet = idempotent(
  'createSubnet',
  command({
    summary: 'Create a subnet in a VPC, in one availability zone.',
    input: z.strictObject({
      vpcId,
      cidrBlock: z.string().describe('IPv4 range, /16 to /28, within the VPC and apart from its other subnets.'),
      ipv6: ipv6Request.optional(),
      availabilityZone: z.string().optional().describe('Default: the first zone.'),
      mapPublicIpOnLaunch: mapPublicIpOnLaunch.optional(),
      assignIpv6AddressOnCreation: assignIpv6AddressOnCreation.optional(),
      parentDevice: z
        .string()
        .regex(DEVICE_NAME, 'must be the name of a device')
        .optional()
        .describe('Device of the host on whose wire the subnet is: its interfaces are macvlan devices. Default: veth pairs to the router.'),
      hostAccess: hostAccess.optional(),
      tags,
      clientToken,
    }),
    run: (draft, input, context) => {
      const vpc = required(draft, 'vpc', input.vpcId);
      const siblings = draft.by('subnet', 'vpcId', vpc.vpcId);
      const cidrBlock = subnetRange(vpc, siblings, input.cidrBlock);
      const ipv6 = input.ipv6 === undefined ? undefined : subnetIpv6Range(vpc, siblings, input.ipv6);
      if (input.assignIpv6AddressOnCreation && !ipv6)
        throw apiError('InvalidParameterCombination', { reason: 'assignIpv6AddressOnCreation needs an IPv6 range; give ipv6 too' });
      const id = mintId('subnet', context.randomHex);
      const parent = parentOf(draft, vpc.vpcId, id, input, context);
      draft.put('subnet', {
        subnetId: id,
        vpcId: vpc.vpcId,
        ownerId: context.ownerId,
        tags: checkTags(input.tags),
        availabilityZone: zone(input.availabilityZone, context),
        cidrBlock,
        ...(ipv6 && { ipv6: { associationId: mintId('subnetCidrAssociation', context.randomHex), cidrBlock: ipv6 } }),
        mapPublicIpOnLaunch: input.mapPublicIpOnLaunch ?? false,
        assignIpv6AddressOnCreation: input.assignIpv6AddressOnCreation ?? false,
        defaultForAz: false,
        ...(parent && { parent }),
      });
      const acl = required(draft, 'networkAcl', vpc.defaultNetworkAclId);
      const association = { associationId: mintId('networkAclAssociation', context.randomHex), subnetId: id };
      draft.put('networkAcl', { ...acl, associations: [...acl.associations, association] });
      return { subnetId: id };
    },
  }),
);

export const modifySubnet = command({
  summary: "Change a subnet's defaults for new interfaces.",
  input: z.strictObject({
    subnetId,
    mapPublicIpOnLaunch: mapPublicIpOnLaunch.optional(),
    assignIpv6AddressOnCreation: assignIpv6AddressOnCreation.optional(),
    hostAccess: hostAccess.optional(),
  }),
  run: (draft, { subnetId, hostAccess, ...change }) => {
    const before = required(draft, 'subnet', subnetId);
    if (hostAccess !== undefined && !before.parent) throw hostAccessFault();
    const parent = before.parent && hostAccess !== undefined ? { ...before.parent, hostAccess } : before.parent;
    const subnet: Subnet = { ...before, ...change, ...(parent && { parent }) };
    if (change.assignIpv6AddressOnCreation && !subnet.ipv6)
      throw invalidValue(`${subnetId} has no IPv6 range: assignIpv6AddressOnCreation cannot be true`);
    draft.put('subnet', subnet);
    return {};
  },
});

export const deleteSubnet = command({
  summary: 'Delete a subnet that holds no interface.',
  input: z.strictObject({ subnetId }),
  run: (draft, { subnetId }) => {
    required(draft, 'subnet', subnetId);
    const [held] = draft.by('networkInterface', 'subnetId', subnetId);
    if (held)
      throw apiError('DependencyViolation', {
        reason: `The subnet '${subnetId}' has dependencies and cannot be deleted; delete its network interfaces first (${held.networkInterfaceId})`,
      });
    for (const table of draft.by('routeTable', 'subnetId', subnetId))
      draft.put('routeTable', { ...table, associations: table.associations.filter((association) => association.subnetId !== subnetId) });
    for (const acl of draft.by('networkAcl', 'subnetId', subnetId))
      draft.put('networkAcl', { ...acl, associations: acl.associations.filter((association) => association.subnetId !== subnetId) });
    draft.delete('subnet', subnetId);
    return {};
  },
});

/**
 * What binds the subnet to a device of the host. One subnet per device: a wire is one broadcast domain, and only what passes the router
 * can be told apart by route tables and network ACLs.
 * @throws {ApiError} InvalidParameterValue, InvalidParameterCombination, UnsupportedOperation
 */
function parentOf(
  draft: Draft,
  vpcId: VpcId,
  subnetId: SubnetId,
  { parentDevice: device, hostAccess = false }: { parentDevice?: string | undefined; hostAccess?: boolean | undefined },
  context: CommandContext,
): SubnetParent | undefined {
  if (device === undefined) {
    if (hostAccess) throw hostAccessFault();
    return undefined;
  }
  const other = draft.all('subnet').find(({ parent }) => parent?.device === device);
  if (other)
    throw invalidValue(
      `Value (${device}) for parameter parentDevice is invalid: ${other.subnetId} is on it; make a VLAN device (ip link add link ${device} type vlan) for each further subnet`,
    );
  const fault = context.parentFault?.(device);
  if (fault?.unsupported) throw apiError('UnsupportedOperation', { reason: fault.reason });
  if (fault) throw invalidValue(`Value (${device}) for parameter parentDevice is invalid: ${fault.reason}`);
  return { device, hostAccess, combinationIndex: routerCombinationIndex(draft, { vpcId, subnetId }) };
}

function hostAccessFault() {
  return apiError('InvalidParameterCombination', {
    reason:
      'hostAccess needs parentDevice: instances of other subnets are reached from the host by `eni exec`, or through an internet gateway',
  });
}

function zone(wanted: string | undefined, context: CommandContext): string {
  const chosen = wanted ?? context.zones[0] ?? '';
  if (!context.zones.includes(chosen))
    throw invalidValue(`Value (${chosen}) for parameter availabilityZone is invalid; the zones are: ${context.zones.join(', ')}`);
  return chosen;
}

/** @throws {ApiError} InvalidSubnet.Range, InvalidSubnet.Conflict, InvalidParameterValue */
function subnetRange(vpc: Vpc, siblings: readonly Subnet[], text: string): string {
  const range = parseRange(text, 'cidrBlock', 4);
  if (range.prefixLength < 16 || range.prefixLength > 28)
    throw apiError('InvalidSubnet.Range', { reason: `The CIDR '${text}' is invalid: the block size must be between /16 and /28` });
  const ranges = vpcIpv4Ranges(vpc);
  if (!ranges.some((outer) => containsCidr(cidr(outer), range)))
    throw apiError('InvalidSubnet.Range', {
      reason: `The CIDR '${text}' is invalid: it does not lie within the VPC's ${ranges.join(', ')}`,
    });
  const other = siblings.find((sibling) => overlaps(cidr(sibling.cidrBlock), range));
  if (other) throw conflict(text, other.subnetId, other.cidrBlock);
  return range.text;
}

/** A /64 of the VPC's range: the one asked for, or the lowest that no sibling has. */
export function subnetIpv6Range(vpc: Vpc, siblings: readonly Subnet[], request: true | string): string {
  if (!vpc.ipv6) throw invalidValue(`${vpc.vpcId} has no IPv6 range: a subnet of it cannot have one`);
  const outer = cidr(vpc.ipv6.cidrBlock);
  if (request === true) return lowestFree64(outer, new Set(siblings.map((sibling) => sibling.ipv6?.cidrBlock)), vpc);
  const range = parseRange(request, 'ipv6', 6);
  if (range.prefixLength !== 64 || !containsCidr(outer, range))
    throw apiError('InvalidSubnet.Range', {
      reason: `The IPv6 CIDR '${request}' is invalid: it must be a /64 within the VPC's ${outer.text}`,
    });
  const other = siblings.find((sibling) => sibling.ipv6?.cidrBlock === range.text);
  if (other) throw conflict(request, other.subnetId, range.text);
  return range.text;
}

function lowestFree64(outer: Cidr, taken: ReadonlySet<string | undefined>, vpc: Vpc): string {
  for (let i = 0n; i < 1n << BigInt(64 - outer.prefixLength); i++) {
    const candidate = `${fromBigInt(6, outer.base + (i << 64n))}/64`;
    if (!taken.has(candidate)) return candidate;
  }
  throw apiError('InvalidSubnet.Conflict', { reason: `Every /64 of ${vpc.vpcId}'s ${outer.text} is used by a subnet` });
}

function conflict(text: string, id: string, range: string) {
  return apiError('InvalidSubnet.Conflict', { reason: `The CIDR '${text}' conflicts with another subnet: ${id} has ${range}` });
}
