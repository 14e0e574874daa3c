import { z } from 'zod';
import { apiError, invalidValue } from '../model/errors.js';
import { idSchema, mintId } from '../model/ids.js';
import { aclFilters, MAX_ACL_RULE_NUMBER, type NetworkAcl, type NetworkAclEntry } from '../model/network-acl.js';
import { idempotent } from './client-token.js';
import { renumberSubnets } from './combinations.js';
import { command } from './command.js';
import type { Draft } from './draft.js';
import { clientToken, networkAclId, tags, vpcId } from './fields.js';
import { notFound, required } from './lookup.js';
import { protocolOf } from './permissions.js';
import { parseRange } from './ranges.js';
import { checkTags } from './tags.js';

/** Entries of one direction and family, as many as the cloud's raised quota. */
const MAX_ENTRIES = 40;

const ruleNumber = z
  .number()
  .int('must be a whole number')
  .min(1, 'must be 1 or more')
  .max(MAX_ACL_RULE_NUMBER, `must be at most ${MAX_ACL_RULE_NUMBER}`)
  .describe(`1 to ${MAX_ACL_RULE_NUMBER}: entries are tried in this order, the first that matches counts.`);
const egress = z.boolean().describe('true: for packets that leave the subnet; false: for those that enter it.');
const port = z.number().int('must be a whole number').min(0, 'must be 0 or more').max(65535, 'must be at most 65535');
const icmpNumber = z.number().int('must be a whole number').min(-1, 'must be -1 or more').max(255, 'must be at most 255');

const entryFields = {
  networkAclId,
  ruleNumber,
  egress,
  ruleAction: z.enum(['allow', 'deny']).describe('What happens to packets that match.'),
  protocol: z.union([z.string(), z.number().int()]).describe('tcp, udp, icmp, icmpv6, a protocol number, or -1 (all).'),
  cidr: z.string().describe('The other side: IPv4 or IPv6 range.'),
  portRange: z.strictObject({ from: port, to: port }).optional().describe('Destination ports; needed for tcp and udp.'),
  icmp: z.strictObject({ type: icmpNumber, code: icmpNumber }).optional().describe('ICMP type and code, -1 for all; default all.'),
};
const EntryInput = z.strictObject(entryFields);

export const createNetworkAcl = idempotent(
  'createNetworkAcl',
  command({
    summary: 'Create a network ACL, which lets nothing through until it has entries.',
    input: z.strictObject({ vpcId, tags, clientToken }),
    run: (draft, input, context) => {
      const { vpcId } = required(draft, 'vpc', input.vpcId);
      const networkAclId = mintId('networkAcl', context.randomHex);
      const noun = { ownerId: context.ownerId, tags: checkTags(input.tags) };
      draft.put('networkAcl', { ...noun, networkAclId, vpcId, isDefault: false, associations: [], entries: [] });
      return { networkAclId };
    },
  }),
);

export const deleteNetworkAcl = command({
  summary: 'Delete a network ACL that no subnet has. The default one goes with its VPC.',
  input: z.strictObject({ networkAclId }),
  run: (draft, { networkAclId }) => {
    const acl = required(draft, 'networkAcl', networkAclId);
    if (acl.isDefault) throw invalidValue(`cannot delete default network ACL ${networkAclId}; it goes with its VPC`);
    if (acl.associations.length > 0)
      throw apiError('DependencyViolation', {
        reason: `The networkAcl '${networkAclId}' has dependencies and cannot be deleted: it is associated with ${acl.associations.map((a) => a.subnetId).join(', ')}`,
      });
    draft.delete('networkAcl', networkAclId);
    return {};
  },
});

export const createNetworkAclEntry = command({
  summary: 'Add an entry to a network ACL; live.',
  input: EntryInput,
  run: (draft, input) => {
    const acl = required(draft, 'networkAcl', input.networkAclId);
    if (acl.entries.some((entry) => isAt(entry, input)))
      throw apiError('NetworkAclEntryAlreadyExists', {
        reason: `The network acl entry identified by ${input.ruleNumber} already exists (${side(input)}) in ${acl.networkAclId}`,
      });
    putEntries(draft, acl, [...acl.entries, entryOf(input)]);
    return {};
  },
});

export const replaceNetworkAclEntry = command({
  summary: 'Change an entry of a network ACL; live.',
  input: EntryInput,
  run: (draft, input) => {
    const acl = required(draft, 'networkAcl', input.networkAclId);
    const others = withoutEntry(acl, input);
    putEntries(draft, acl, [...others, entryOf(input)]);
    return {};
  },
});

export const deleteNetworkAclEntry = command({
  summary: 'Remove an entry from a network ACL; live.',
  input: z.strictObject({ networkAclId, ruleNumber, egress }),
  run: (draft, input) => {
    const acl = required(draft, 'networkAcl', input.networkAclId);
    putEntries(draft, acl, withoutEntry(acl, input));
    return {};
  },
});

export const replaceNetworkAclAssociation = command({
  summary: 'Give a subnet another network ACL of its VPC; live.',
  input: z.strictObject({
    associationId: idSchema('networkAclAssociation').describe('The association of the subnet with the ACL that it has.'),
    networkAclId: networkAclId.describe('The new network ACL.'),
  }),
  run: (draft, input, context) => {
    const [before] = draft.by('networkAcl', 'associationId', input.associationId);
    const association = before?.associations.find((one) => one.associationId === input.associationId);
    if (!before || !association) throw notFound('networkAclAssociation', input.associationId);
    const after = required(draft, 'networkAcl', input.networkAclId);
    if (after.vpcId !== before.vpcId)
      throw invalidValue(
        `Network ACL ${after.networkAclId} and ${association.subnetId} belong to different networks: ${after.vpcId} and ${before.vpcId}`,
      );
    const associationId = mintId('networkAclAssociation', context.randomHex);
    draft.put('networkAcl', { ...before, associations: before.associations.filter((one) => one !== association) });
    const target = required(draft, 'networkAcl', after.networkAclId);
    draft.put('networkAcl', { ...target, associations: [...target.associations, { associationId, subnetId: association.subnetId }] });
    renumberSubnets(draft, [association.subnetId]);
    return { associationId };
  },
});

type Place = Pick<NetworkAclEntry, 'ruleNumber' | 'egress'>;

const isAt = (entry: NetworkAclEntry, { ruleNumber, egress }: Place) => entry.ruleNumber === ruleNumber && entry.egress === egress;
const side = ({ egress }: Place) => (egress ? 'egress' : 'ingress');

function withoutEntry(acl: NetworkAcl, place: Place): NetworkAclEntry[] {
  const others = acl.entries.filter((entry) => !isAt(entry, place));
  if (others.length === acl.entries.length)
    throw apiError('InvalidNetworkAclEntry.NotFound', {
      reason: `${acl.networkAclId} has no ${side(place)} entry ${place.ruleNumber}`,
    });
  return others;
}

function putEntries(draft: Draft, acl: NetworkAcl, entries: readonly NetworkAclEntry[]): void {
  for (const egress of [false, true])
    for (const family of [4, 6]) {
      const count = entries.filter((entry) => entry.egress === egress && entry.cidr.includes(':') === (family === 6)).length;
      if (count > MAX_ENTRIES)
        throw apiError('NetworkAclEntryLimitExceeded', {
          reason: `${acl.networkAclId} has ${MAX_ENTRIES} ${side({ egress, ruleNumber: 0 })} entries for IPv${family}, the most there can be`,
        });
    }
  const sorted = [...entries].sort((a, b) => Number(a.egress) - Number(b.egress) || a.ruleNumber - b.ruleNumber);
  const changed = draft.put('networkAcl', { ...acl, entries: sorted });
  const withIpv6 = draft.get('vpc', acl.vpcId)?.ipv6 !== undefined;
  if (aclFilters(acl, withIpv6) === aclFilters(changed, withIpv6)) return;
  renumberSubnets(
    draft,
    acl.associations.map((association) => association.subnetId),
  );
}

/** @throws {ApiError} InvalidParameterValue, MissingParameter */
function entryOf({ ruleNumber, egress, ruleAction, ...input }: z.output<typeof EntryInput>): NetworkAclEntry {
  const protocol = protocolOf(input.protocol);
  const range = parseRange(input.cidr, 'cidr');
  const family = protocol === 'icmp' ? 4 : protocol === 'icmpv6' ? 6 : range.family;
  if (family !== range.family) throw invalidValue(`${protocol} is a protocol of IPv${family}: ${range.text} is no IPv${family} range`);
  const common = { ruleNumber, egress, ruleAction, protocol, cidr: range.text };
  if (protocol === 'tcp' || protocol === 'udp') {
    if (!input.portRange) throw apiError('MissingParameter', { name: 'portRange' });
    const { from, to } = input.portRange;
    if (from > to) throw invalidValue(`Invalid port range ${from}-${to}: from must not exceed to`);
    return { ...common, portRange: { from, to } };
  }
  if (protocol === 'icmp' || protocol === 'icmpv6') {
    const icmp = input.icmp ?? { type: -1, code: -1 };
    if (icmp.type === -1 && icmp.code !== -1) throw invalidValue('ICMP type -1 (all) needs code -1 (all)');
    return { ...common, icmp };
  }
  return common;
}
