import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ec2 from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ec2Api, startEc2 } from '../support/ec2.js';

/** Every filter that the SDK's own documentation names for an action that is served. */
function documentedFilters(): [action: string, filter: string][] {
  const dir = 'node_modules/@aws-sdk/client-ec2/dist-types/models';
  const text = readdirSync(dir)
    .filter((name) => /^models_\d+\.d\.ts$/.test(name))
    .map((name) => readFileSync(join(dir, name), 'utf8'))
    .join('\n');
  return [...text.matchAll(/export interface (Describe\w+)Request \{([\s\S]*?)\n\}/g)].flatMap(([, action = '', body = '']) => {
    const [, doc = ''] = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+Filters?\?: Filter\[\]/.exec(body) ?? [];
    const names = [...doc.matchAll(/<p>\s*(?:\*\s*)*<code>([\w.:<>&;-]+)<\/code>/g)].map(([, name = '']) => name);
    return [...new Set(names)].map((name): [string, string] => [action, name.startsWith('tag:') || name === 'tag' ? 'tag:Name' : name]);
  });
}

/** Words of a scan's severity, which the documentation sets like names. */
const NO_FILTERS = ['critical', 'high', 'medium', 'low', 'informational'];

const served = documentedFilters().filter(([action, name]) => `${action}Command` in ec2 && !NO_FILTERS.includes(name));

let aws: Ec2Api;
const ids: Record<string, string> = {};

/** One of everything that the filters below tell apart. */
beforeAll(async () => {
  aws = await startEc2();
  const { send } = aws;
  const named = (type: string, name: string) => [{ ResourceType: type as ec2.ResourceType, Tags: [{ Key: 'Name', Value: name }] }];
  for (const [name, CidrBlock] of [
    ['one', '10.0.0.0/16'],
    ['two', '10.1.0.0/16'],
  ] as const)
    ids[name] = (await send(new ec2.CreateVpcCommand({ CidrBlock, TagSpecifications: named('vpc', name) }))).Vpc.VpcId;
  const VpcId = ids.one;
  await send(new ec2.AssociateVpcCidrBlockCommand({ VpcId, AmazonProvidedIpv6CidrBlock: true }));
  const vpc = (await send(new ec2.DescribeVpcsCommand({ VpcIds: [VpcId ?? ''] }))).Vpcs[0];
  ids.ipv6 = vpc.Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock.replace('/56', '/64');
  for (const [name, CidrBlock, AvailabilityZone] of [
    ['front', '10.0.1.0/24', 'us-east-1a'],
    ['back', '10.0.2.0/24', 'us-east-1b'],
  ] as const) {
    const spec = { VpcId, CidrBlock, AvailabilityZone, TagSpecifications: named('subnet', name) };
    ids[name] = (await send(new ec2.CreateSubnetCommand(spec))).Subnet.SubnetId;
  }
  await send(new ec2.AssociateSubnetCidrBlockCommand({ SubnetId: ids.front, Ipv6CidrBlock: ids.ipv6 }));
  const group = { GroupName: 'web', Description: 'web servers', VpcId };
  ids.web = (await send(new ec2.CreateSecurityGroupCommand(group))).GroupId;
  const rule = { IpProtocol: 'tcp', FromPort: 80, ToPort: 81, UserIdGroupPairs: [{ GroupId: ids.web }] };
  await send(new ec2.AuthorizeSecurityGroupIngressCommand({ GroupId: ids.web, IpPermissions: [rule] }));
  const launch = { ImageId: 'ami-12345678', MinCount: 1, MaxCount: 1, SubnetId: ids.front };
  const first = { ...launch, InstanceType: 't3.small' as const, Ipv6AddressCount: 1, SecurityGroupIds: [ids.web ?? ''] };
  ids.a = (await send(new ec2.RunInstancesCommand(first))).Instances[0].InstanceId;
  const second = {
    ...launch,
    SubnetId: ids.back,
    InstanceType: 't4g.small' as const,
    MetadataOptions: { HttpTokens: 'required' as const, HttpPutResponseHopLimit: 3 },
  };
  ids.b = (await send(new ec2.RunInstancesCommand(second))).Instances[0].InstanceId;
  await send(new ec2.StopInstancesCommand({ InstanceIds: [ids.b ?? ''] }));
  const acl = (await send(new ec2.CreateNetworkAclCommand({ VpcId }))).NetworkAcl.NetworkAclId;
  ids.acl = acl;
  const entry = { NetworkAclId: acl, RuleAction: 'deny' as const, Egress: false };
  await send(
    new ec2.CreateNetworkAclEntryCommand({
      ...entry,
      RuleNumber: 7,
      Protocol: '6',
      CidrBlock: '10.3.0.0/16',
      PortRange: { From: 22, To: 23 },
    }),
  );
  await send(
    new ec2.CreateNetworkAclEntryCommand({
      ...entry,
      RuleNumber: 8,
      Protocol: '58',
      Ipv6CidrBlock: '2001:db8::/32',
      IcmpTypeCode: { Type: 128, Code: 0 },
    }),
  );
  ids.peering = (
    await send(new ec2.CreateVpcPeeringConnectionCommand({ VpcId, PeerVpcId: ids.two }))
  ).VpcPeeringConnection.VpcPeeringConnectionId;
}, 60_000);
afterAll(() => aws.close());

const filtered = (action: string, name: string, value: string) =>
  aws.post(`Action=${action}&Filter.1.Name=${encodeURIComponent(name)}&Filter.1.Value.1=${encodeURIComponent(value)}`);

describe('documented filters', () => {
  it('are many', () => {
    expect(new Set(served.map(([action]) => action)).size).toBeGreaterThan(25);
    expect(served.length).toBeGreaterThan(400);
  });

  it('are all taken, and nothing matches a value that nothing has', async () => {
    const refused: string[] = [];
    for (const [action, name] of served) {
      const { status, code, xml } = await filtered(action, name, 'no-such-value');
      if (code === 'InvalidAction') continue;
      if (status !== 200) refused.push(`${action} ${name}: ${code}`);
      else if (/<(item|instanceId|vpcId)>/.test(xml)) refused.push(`${action} ${name}: matched`);
    }
    expect(refused).toEqual([]);
  }, 60_000);

  it('and none other, by any action', async () => {
    const wrong: string[] = [];
    for (const action of new Set(served.map(([each]) => each))) {
      const { code } = await filtered(action, 'no-such-filter', 'a');
      if (code !== 'InvalidParameterValue' && code !== 'InvalidAction') wrong.push(`${action}: ${code}`);
    }
    expect(wrong).toEqual([]);
  });

  it.each([
    ['DescribeInstances', 'ipv6-address', 'fd*', ['a']],
    ['DescribeInstances', 'network-interface.ipv6-address', 'fd*', ['a']],
    ['DescribeInstances', 'metadata-options.http-put-response-hop-limit', '3', ['b']],
    ['DescribeInstances', 'metadata-options.http-tokens', 'required', ['b']],
    ['DescribeInstances', 'metadata-options.http-protocol-ipv4', 'enabled', ['a', 'b']],
    ['DescribeInstances', 'architecture', 'arm64', ['b']],
    ['DescribeInstances', 'state-reason-message', 'Client.User*', ['b']],
    ['DescribeInstances', 'reason', 'User initiated*', ['b']],
    ['DescribeInstances', 'ebs-optimized', 'false', ['a', 'b']],
    ['DescribeInstances', 'platform-details', 'Linux/UNIX', ['a', 'b']],
    ['DescribeInstances', 'availability-zone-id', 'use1-az2', ['b']],
    ['DescribeInstances', 'instance.group-name', 'web', ['a']],
    ['DescribeInstances', 'source-dest-check', 'true', ['a', 'b']],
    ['DescribeInstances', 'network-interface.addresses.private-dns-name', 'ip-10-0-1-*', ['a']],
    ['DescribeInstances', 'client-token', '*', []],
    ['DescribeInstanceStatus', 'availability-zone-id', 'use1-az1', ['a']],
    ['DescribeVpcs', 'cidr-block-association.cidr-block', '10.1.*', ['two']],
    ['DescribeVpcs', 'ipv6-cidr-block-association.state', 'associated', ['one']],
    ['DescribeVpcs', 'tag:Name', 'o?e', ['one']],
    ['DescribeSubnets', 'availability-zone-id', 'use1-az2', ['back']],
    ['DescribeSubnets', 'ipv6-cidr-block-association.ipv6-cidr-block', '*/64', ['front']],
    ['DescribeSubnets', 'available-ip-address-count', '250', ['front', 'back']],
    ['DescribeSecurityGroups', 'ip-permission.group-name', 'web', ['web']],
    ['DescribeSecurityGroups', 'ip-permission.to-port', '81', ['web']],
    ['DescribeNetworkAcls', 'entry.ipv6-cidr', '2001:db8::/32', ['acl']],
    ['DescribeNetworkAcls', 'entry.cidr', '10.3.0.0/16', ['acl']],
    ['DescribeNetworkAcls', 'entry.icmp.type', '128', ['acl']],
    ['DescribeNetworkAcls', 'entry.icmp.code', '0', ['acl']],
    ['DescribeNetworkAcls', 'entry.port-range.from', '22', ['acl']],
    ['DescribeNetworkAcls', 'entry.port-range.to', '23', ['acl']],
    ['DescribeVpcPeeringConnections', 'status-message', 'Pending*', ['peering']],
    ['DescribeVpcPeeringConnections', 'expiration-time', '20*', ['peering']],
    ['DescribeVpcPeeringConnections', 'accepter-vpc-info.cidr-block', '10.1.0.0/16', ['peering']],
    ['DescribeTags', 'tag:Name', 'front', ['front']],
    ['DescribeTags', 'resource-type', 'subnet', ['front', 'back']],
  ] as const)('%s %s=%s', async (action, name, value, wanted) => {
    const { status, xml } = await filtered(action, name, value);
    expect(status).toBe(200);
    const known = Object.entries(ids).filter(([, id]) =>
      new RegExp(`<(instanceId|vpcId|subnetId|groupId|networkAclId|vpcPeeringConnectionId|resourceId)>${id}<`).test(xml),
    );
    const subjects: Record<string, string[]> = {
      DescribeInstances: ['a', 'b'],
      DescribeInstanceStatus: ['a', 'b'],
      DescribeVpcs: ['one', 'two'],
    };
    const names = known.map(([key]) => key).filter((key) => (subjects[action] ?? [...wanted, 'front', 'back']).includes(key));
    const mine =
      action === 'DescribeNetworkAcls' || action === 'DescribeVpcPeeringConnections'
        ? names.filter((key) => wanted.includes(key as never))
        : names;
    expect(mine.sort()).toEqual([...wanted].sort());
  });
});

describe('pages', () => {
  it.each([
    ['DescribeVpcs', 5, 1000],
    ['DescribeNetworkInterfaces', 5, 1000],
    ['DescribeRouteTables', 5, 100],
    ['DescribeInstanceTypes', 5, 100],
    ['DescribeEgressOnlyInternetGateways', 5, 255],
    ['DescribeVpcClassicLinkDnsSupport', 5, 255],
    ['DescribeNetworkInterfacePermissions', 5, 255],
    ['DescribeManagedPrefixLists', 1, 100],
    ['DescribeAddressesAttribute', 1, 1000],
    ['DescribeTags', 5, 1000],
    ['DescribeVolumes', 5, 1000],
  ])('of %s hold %i to %i items', async (action, fewest, most) => {
    for (const [count, code] of [
      [fewest - 1, 'InvalidParameterValue'],
      [fewest, undefined],
      [most, undefined],
      [most + 1, 'InvalidParameterValue'],
      [-1, 'InvalidParameterValue'],
    ] as const)
      expect([count, (await aws.post(`Action=${action}&MaxResults=${count}`)).code]).toEqual([count, code]);
  });

  it.each(['DescribeInstances', 'DescribeInstanceStatus', 'DescribeInstanceCreditSpecifications'])(
    'of %s do not go with ids',
    async (action) => {
      expect((await aws.post(`Action=${action}&MaxResults=5&InstanceId.1=${ids.a}`)).code).toBe('InvalidParameterCombination');
    },
  );
});
