#!/usr/bin/env node
// Writes agent/http/ec2/shapes.ts: the request and answer shapes of the served EC2 actions, out of the schemas that @aws-sdk/client-ec2
// (Apache-2.0) carries as data. Run after adding an action here; a test compares the list with the table of actions.
import { readFileSync, writeFileSync } from 'node:fs';
import { NormalizedSchema } from '@smithy/core/schema';

const OPERATIONS = `
AcceptVpcPeeringConnection AllocateAddress AssignIpv6Addresses AssociateSubnetCidrBlock AssociateVpcCidrBlock CreateKeyPair CreateNetworkInterfacePermission
DeleteKeyPair DeleteNetworkInterfacePermission DisassociateSubnetCidrBlock DisassociateVpcCidrBlock ImportKeyPair AssignPrivateIpAddresses AssociateAddress AssociateDhcpOptions
AssociateRouteTable AttachInternetGateway AttachNetworkInterface AttachVpnGateway AuthorizeSecurityGroupEgress
AuthorizeSecurityGroupIngress CreateCustomerGateway CreateDefaultSubnet CreateDefaultVpc CreateDhcpOptions
CreateEgressOnlyInternetGateway CreateInternetGateway CreateManagedPrefixList CreateNatGateway CreateNetworkAcl CreateNetworkAclEntry
CreateNetworkInterface CreateRoute CreateRouteTable CreateSecurityGroup CreateSubnet CreateTags CreateVpc CreateVpcPeeringConnection
CreateVpnConnection CreateVpnConnectionRoute CreateVpnGateway DeleteCustomerGateway DeleteDhcpOptions DeleteEgressOnlyInternetGateway
DeleteInternetGateway DeleteManagedPrefixList DeleteNatGateway DeleteNetworkAcl DeleteNetworkAclEntry DeleteNetworkInterface DeleteRoute
DeleteRouteTable DeleteSecurityGroup DeleteSubnet DeleteTags DeleteVpc DeleteVpcPeeringConnection DeleteVpnConnection
DeleteVpnConnectionRoute DeleteVpnGateway DescribeAccountAttributes DescribeAddresses DescribeAddressesAttribute
DescribeAvailabilityZones DescribeCustomerGateways DescribeDhcpOptions DescribeEgressOnlyInternetGateways DescribeImages
DescribeInstanceAttribute DescribeInstanceCreditSpecifications DescribeInstanceStatus DescribeInstanceTypeOfferings
DescribeInstanceTypes DescribeInstances DescribeInternetGateways DescribeKeyPairs DescribeManagedPrefixLists DescribeNatGateways
DescribeNetworkAcls DescribeNetworkInterfaceAttribute DescribeNetworkInterfacePermissions DescribeNetworkInterfaces DescribePrefixLists
DescribeRegions DescribeRouteTables DescribeSecurityGroupReferences DescribeSecurityGroupRules DescribeSecurityGroups
DescribeStaleSecurityGroups DescribeSubnets DescribeTags DescribeVolumes DescribeVpcAttribute DescribeVpcClassicLink
DescribeVpcClassicLinkDnsSupport DescribeVpcPeeringConnections DescribeVpcs DescribeVpnConnections DescribeVpnGateways
DetachInternetGateway DetachNetworkInterface DetachVpnGateway DisableVgwRoutePropagation DisassociateAddress DisassociateRouteTable
EnableVgwRoutePropagation GetConsoleOutput GetManagedPrefixListAssociations GetManagedPrefixListEntries ModifyInstanceAttribute
ModifyInstanceMetadataOptions ModifyManagedPrefixList ModifyNetworkInterfaceAttribute ModifySecurityGroupRules ModifySubnetAttribute
ModifyVpcAttribute RebootInstances RejectVpcPeeringConnection ReleaseAddress ReplaceNetworkAclAssociation ReplaceNetworkAclEntry
ReplaceRoute ReplaceRouteTableAssociation ResetNetworkInterfaceAttribute RevokeSecurityGroupEgress RevokeSecurityGroupIngress
RunInstances StartInstances StopInstances TerminateInstances UnassignIpv6Addresses UnassignPrivateIpAddresses
UpdateSecurityGroupRuleDescriptionsEgress UpdateSecurityGroupRuleDescriptionsIngress`
  .trim()
  .split(/\s+/)
  .sort();

const { version, license } = JSON.parse(readFileSync(new URL('../node_modules/@aws-sdk/client-ec2/package.json', import.meta.url), 'utf8'));
const schemas = await import('@aws-sdk/client-ec2');

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const small = (text) => text.charAt(0).toLowerCase() + text.slice(1);
const structures = new Map();

/** The type of a schema, in the notation that `notation.ts` reads. */
function typeOf(schema) {
  if (schema.isListSchema()) {
    const item = schema.getValueSchema();
    const name = item.getMergedTraits().xmlName ?? 'member';
    return `[${typeOf(item)}${name === 'item' ? '' : `|${name}`}]`;
  }
  if (schema.isStructSchema()) return `{${addStructure(schema)}}`;
  if (schema.isTimestampSchema()) return 't';
  if (schema.isBooleanSchema()) return 'b';
  if (schema.isNumericSchema()) return 'n';
  if (schema.isBlobSchema()) return 'x';
  if (schema.isStringSchema()) return 's';
  throw new Error(`no notation for ${schema.getName(true)}`);
}

function addStructure(schema) {
  const name = schema.getName();
  if (structures.has(name)) return name;
  structures.set(name, '');
  const members = [...schema.structIterator()].map(([member, target]) => {
    const { xmlName, ec2QueryName } = target.getMergedTraits();
    const query = ec2QueryName ?? capital(xmlName ?? member);
    const xml = xmlName ?? member;
    const type = typeOf(target);
    return `${member}${query === member ? '' : `/${query}`}${xml === small(member) ? '' : `@${xml}`}${type === 's' ? '' : `:${type}`}`;
  });
  structures.set(name, members.join(' '));
  return name;
}

const operations = OPERATIONS.map((name) => {
  const operation = schemas[`${name}$`];
  if (!operation) throw new Error(`${name}: the package has no such operation`);
  const [, , , , input, output] = operation;
  const [inputName, outputName] = [input, output].map((each) => {
    const schema = NormalizedSchema.of(each);
    return schema.isUnitSchema() ? '' : addStructure(schema);
  });
  return `  ${name}: ['${inputName}', '${outputName}'],`;
});

writeFileSync(
  new URL('../agent/http/ec2/shapes.ts', import.meta.url),
  `// Generated by scripts/ec2-shapes.mjs out of @aws-sdk/client-ec2 ${version} (${license}, Copyright Amazon.com, Inc. or its affiliates); do not edit.
// The notation is described in notation.ts.

/** Action → its request and answer structure; an empty name: none. */
export const OPERATIONS: Readonly<Record<string, readonly [input: string, output: string]>> = {
${operations.join('\n')}
};

/** Structure → its members. */
export const STRUCTURES: Readonly<Record<string, string>> = {
${[...structures]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, members]) => `  ${name}: '${members}',`)
  .join('\n')}
};
`,
);
