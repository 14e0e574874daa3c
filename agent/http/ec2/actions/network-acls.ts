import { apiError } from '../../../model/errors.js';
import type { NetworkAcl, NetworkAclEntry } from '../../../model/network-acl.js';
import { type Actions, commandAction, need, type Region, recordOf, tagList, tagsFor } from '../action.js';
import { describe } from '../describe.js';
import type { Tree } from '../params.js';

/** Entries tell protocols by number. */
const NUMBERS: Readonly<Record<string, string>> = { tcp: '6', udp: '17', icmp: '1', icmpv6: '58' };

function aclTree(acl: NetworkAcl, { snapshot }: Region): Tree {
  const withIpv6 = snapshot.get('vpc', acl.vpcId)?.ipv6 !== undefined;
  return {
    NetworkAclId: acl.networkAclId,
    VpcId: acl.vpcId,
    OwnerId: acl.ownerId,
    IsDefault: acl.isDefault,
    Associations: acl.associations.map((association) => ({
      NetworkAclAssociationId: association.associationId,
      NetworkAclId: acl.networkAclId,
      SubnetId: association.subnetId,
    })),
    Entries: [true, false].flatMap((egress) => [
      ...acl.entries.filter((entry) => entry.egress === egress).map(entryTree),
      { ...LAST, RuleNumber: 32767, CidrBlock: '0.0.0.0/0', Egress: egress },
      ...(withIpv6 ? [{ ...LAST, RuleNumber: 32768, Ipv6CidrBlock: '::/0', Egress: egress }] : []),
    ]),
    Tags: tagList(acl.tags),
  };
}

/** The entry that every ACL ends with. */
const LAST = { Protocol: '-1', RuleAction: 'deny' };

function entryTree(entry: NetworkAclEntry): Tree {
  return {
    RuleNumber: entry.ruleNumber,
    Egress: entry.egress,
    RuleAction: entry.ruleAction,
    Protocol: NUMBERS[entry.protocol] ?? entry.protocol,
    ...(entry.cidr.includes(':') ? { Ipv6CidrBlock: entry.cidr } : { CidrBlock: entry.cidr }),
    PortRange: entry.portRange && { From: entry.portRange.from, To: entry.portRange.to },
    IcmpTypeCode: entry.icmp && { Type: entry.icmp.type, Code: entry.icmp.code },
  };
}

const ENTRY = ['NetworkAclId', 'RuleNumber', 'Protocol', 'RuleAction', 'Egress', 'CidrBlock', 'Ipv6CidrBlock', 'IcmpTypeCode', 'PortRange'];

function entryInput(input: Tree): object {
  if (input.CidrBlock && input.Ipv6CidrBlock)
    throw apiError('InvalidParameterCombination', { reason: 'Give either CidrBlock or Ipv6CidrBlock' });
  const protocol = need<string>(input, 'Protocol');
  const hasPorts = ['6', '17', 'tcp', 'udp'].includes(protocol.toLowerCase());
  const isIcmp = ['1', '58', 'icmp', 'icmpv6'].includes(protocol.toLowerCase());
  return {
    networkAclId: need(input, 'NetworkAclId'),
    ruleNumber: need(input, 'RuleNumber'),
    egress: need(input, 'Egress'),
    ruleAction: need(input, 'RuleAction'),
    protocol,
    cidr: input.Ipv6CidrBlock || need(input, 'CidrBlock'),
    // Clients send ports with every protocol; they count for those that have some.
    portRange: hasPorts && input.PortRange ? { from: need(input.PortRange, 'From'), to: need(input.PortRange, 'To') } : undefined,
    icmp: isIcmp && input.IcmpTypeCode ? { type: input.IcmpTypeCode.Type ?? -1, code: input.IcmpTypeCode.Code ?? -1 } : undefined,
  };
}

export const networkAclActions: Actions = {
  CreateNetworkAcl: commandAction({
    heeds: ['VpcId', 'TagSpecifications', 'ClientToken'],
    command: 'createNetworkAcl',
    input: (input) => ({ vpcId: need(input, 'VpcId'), tags: tagsFor(input, 'network-acl'), clientToken: input.ClientToken }),
    answer: ({ result, region, input }) => ({
      NetworkAcl: aclTree(recordOf(region, 'networkAcl', result.networkAclId), region),
      ClientToken: input.ClientToken,
    }),
  }),
  DeleteNetworkAcl: commandAction({
    heeds: ['NetworkAclId'],
    command: 'deleteNetworkAcl',
    input: (input) => ({ networkAclId: need(input, 'NetworkAclId') }),
  }),
  DescribeNetworkAcls: describe({
    kind: 'networkAcl',
    ids: 'NetworkAclIds',
    list: 'NetworkAcls',
    tree: aclTree,
    more: () => ({
      'association.network-acl-id': (acl) => (acl.associations.length > 0 ? [acl.networkAclId] : []),
      'entry.ipv6-cidr': (acl) => acl.entries.map((entry) => entry.cidr).filter((cidr) => cidr.includes(':')),
      'entry.icmp.type': (acl) => acl.entries.flatMap((entry) => (entry.icmp ? [String(entry.icmp.type)] : [])),
      'entry.icmp.code': (acl) => acl.entries.flatMap((entry) => (entry.icmp ? [String(entry.icmp.code)] : [])),
      'entry.port-range.from': (acl) => acl.entries.flatMap((entry) => (entry.portRange ? [String(entry.portRange.from)] : [])),
      'entry.port-range.to': (acl) => acl.entries.flatMap((entry) => (entry.portRange ? [String(entry.portRange.to)] : [])),
    }),
  }),
  CreateNetworkAclEntry: commandAction({ heeds: ENTRY, command: 'createNetworkAclEntry', input: entryInput }),
  ReplaceNetworkAclEntry: commandAction({ heeds: ENTRY, command: 'replaceNetworkAclEntry', input: entryInput }),
  DeleteNetworkAclEntry: commandAction({
    heeds: ['NetworkAclId', 'RuleNumber', 'Egress'],
    command: 'deleteNetworkAclEntry',
    input: (input) => ({
      networkAclId: need(input, 'NetworkAclId'),
      ruleNumber: need(input, 'RuleNumber'),
      egress: need(input, 'Egress'),
    }),
  }),
  ReplaceNetworkAclAssociation: commandAction({
    heeds: ['AssociationId', 'NetworkAclId'],
    command: 'replaceNetworkAclAssociation',
    input: (input) => ({ associationId: need(input, 'AssociationId'), networkAclId: need(input, 'NetworkAclId') }),
    answer: ({ result }) => ({ NewAssociationId: result.associationId }),
  }),
};
