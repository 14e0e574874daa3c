import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ec2 from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi, type TestApi } from '../support/api.js';

/** The real SDK against the server on a socket in the file system. */
let api: TestApi;
let client: ec2.EC2Client;
let dir: string;

async function start(config: Parameters<typeof startApi>[0] = {}, secretAccessKey = 'secretsecretsecret'): Promise<void> {
  dir = mkdtempSync(join(tmpdir(), 'enid-ec2-'));
  const socketPath = join(dir, 'socket');
  api = await startApi(config);
  await api.app.listen({ path: socketPath });
  client = new ec2.EC2Client({
    endpoint: 'http://localhost',
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: { accessKeyId: 'AKIDEXAMPLEAKIDEX', secretAccessKey },
    requestHandler: { httpAgent: new Agent({ socketPath } as object) },
  });
}

beforeEach(() => start());
afterEach(async () => {
  client.destroy();
  await api.close();
  rmSync(dir, { recursive: true, force: true });
});

const send = (command: any): Promise<any> => client.send(command);
const fault = async (command: any): Promise<string> =>
  send(command).then(
    () => 'none',
    (error: { name: string }) => error.name,
  );

async function network() {
  const vpcId = (await send(new ec2.CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }))).Vpc.VpcId as string;
  const subnetId = (await send(new ec2.CreateSubnetCommand({ VpcId: vpcId, CidrBlock: '10.0.1.0/24' }))).Subnet.SubnetId as string;
  return { vpcId, subnetId };
}

async function instance(subnetId: string) {
  const reservation = await send(
    new ec2.RunInstancesCommand({ ImageId: 'ami-12345678', InstanceType: 't3.small', MinCount: 1, MaxCount: 1, SubnetId: subnetId }),
  );
  return reservation.Instances[0] as ec2.Instance;
}

describe('the SDK', () => {
  it('attaches an interface, sees it in use, detaches and deletes it, as in the article', async () => {
    const { vpcId, subnetId } = await network();
    const { InstanceId } = await instance(subnetId);
    await ec2.waitUntilInstanceRunning({ client, minDelay: 1, maxDelay: 2, maxWaitTime: 10 }, { InstanceIds: [InstanceId ?? ''] });
    const created = await send(new ec2.CreateNetworkInterfaceCommand({ SubnetId: subnetId, Description: 'a <b> & "c"' }));
    const id = created.NetworkInterface.NetworkInterfaceId as string;
    expect(created.NetworkInterface).toMatchObject({ Status: 'available', VpcId: vpcId, Description: 'a <b> & "c"', TagSet: [] });
    const { AttachmentId } = await send(new ec2.AttachNetworkInterfaceCommand({ NetworkInterfaceId: id, InstanceId, DeviceIndex: 1 }));
    const shown = (await send(new ec2.DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [id] }))).NetworkInterfaces[0];
    expect(shown).toMatchObject({ Status: 'in-use', Attachment: { AttachmentId, InstanceId, DeviceIndex: 1, Status: 'attached' } });
    expect(shown.Attachment.AttachTime).toBeInstanceOf(Date);
    expect(await fault(new ec2.DeleteNetworkInterfaceCommand({ NetworkInterfaceId: id }))).toBe('InvalidNetworkInterface.InUse');
    await send(new ec2.DetachNetworkInterfaceCommand({ AttachmentId }));
    const byAttachment = { Filters: [{ Name: 'attachment.attachment-id', Values: [AttachmentId] }] };
    const past = (await send(new ec2.DescribeNetworkInterfacesCommand(byAttachment))).NetworkInterfaces[0];
    expect(past).toMatchObject({ NetworkInterfaceId: id, Status: 'available', Attachment: { Status: 'detached', InstanceId } });
    await ec2.waitUntilNetworkInterfaceAvailable({ client, minDelay: 1, maxDelay: 2, maxWaitTime: 10 }, { NetworkInterfaceIds: [id] });
    await send(new ec2.DeleteNetworkInterfaceCommand({ NetworkInterfaceId: id }));
    await send(new ec2.TerminateInstancesCommand({ InstanceIds: [InstanceId ?? ''] }));
    const gone = await send(new ec2.DescribeInstancesCommand({ InstanceIds: [InstanceId ?? ''] }));
    expect(gone.Reservations[0].Instances[0].State).toEqual({ Code: 48, Name: 'terminated' });
  });

  it('pages, filters with wildcards, and refuses what is no filter', async () => {
    const { subnetId } = await network();
    for (let i = 0; i < 7; i++)
      await send(
        new ec2.CreateNetworkInterfaceCommand({
          SubnetId: subnetId,
          TagSpecifications: [{ ResourceType: 'network-interface', Tags: [{ Key: 'Name', Value: `web-${i}` }] }],
        }),
      );
    const sizes: number[] = [];
    for await (const page of ec2.paginateDescribeNetworkInterfaces({ client, pageSize: 5 }, {}))
      sizes.push(page.NetworkInterfaces?.length ?? 0);
    expect(sizes).toEqual([5, 2]);
    const found = await send(new ec2.DescribeNetworkInterfacesCommand({ Filters: [{ Name: 'tag:Name', Values: ['web-?', 'none'] }] }));
    expect(found.NetworkInterfaces).toHaveLength(7);
    expect(await fault(new ec2.DescribeNetworkInterfacesCommand({ Filters: [{ Name: 'nonsense', Values: ['a'] }] }))).toBe(
      'InvalidParameterValue',
    );
    expect(await fault(new ec2.DescribeNetworkInterfacesCommand({ NextToken: 'x' }))).toBe('InvalidNextToken');
  });

  it('gets the first answer again for the same token, and nothing done for a dry run', async () => {
    const { subnetId } = await network();
    const request = new ec2.CreateNetworkInterfaceCommand({ SubnetId: subnetId, ClientToken: 'once' });
    const ids = [await send(request), await send(request)].map((answer) => answer.NetworkInterface.NetworkInterfaceId);
    expect(ids[0]).toBe(ids[1]);
    expect(await fault(new ec2.CreateNetworkInterfaceCommand({ SubnetId: subnetId, ClientToken: 'once', Description: 'x' }))).toBe(
      'IdempotentParameterMismatch',
    );
    expect(await fault(new ec2.DeleteNetworkInterfaceCommand({ NetworkInterfaceId: ids[0], DryRun: true }))).toBe('DryRunOperation');
    expect(await fault(new ec2.DescribeVpcsCommand({ DryRun: true }))).toBe('DryRunOperation');
    expect(api.store.snapshot().all('networkInterface')).toHaveLength(1);
  });

  it('changes rules of a group under their ids, and reads them back', async () => {
    const { vpcId } = await network();
    const { GroupId } = await send(new ec2.CreateSecurityGroupCommand({ GroupName: 'web', Description: 'd', VpcId: vpcId }));
    const permission = { IpProtocol: 'tcp', FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: '0.0.0.0/0', Description: 'all' }] };
    const added = await send(new ec2.AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [permission] }));
    const [{ SecurityGroupRuleId }] = added.SecurityGroupRules;
    expect(await fault(new ec2.AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [permission] }))).toBe(
      'InvalidPermission.Duplicate',
    );
    await send(
      new ec2.ModifySecurityGroupRulesCommand({
        GroupId,
        SecurityGroupRules: [
          {
            SecurityGroupRuleId,
            SecurityGroupRule: { IpProtocol: 'tcp', FromPort: 443, ToPort: 443, CidrIpv4: '10.0.0.0/8', Description: 'in' },
          },
        ],
      }),
    );
    const described = await send(new ec2.DescribeSecurityGroupRulesCommand({ SecurityGroupRuleIds: [SecurityGroupRuleId] }));
    expect(described.SecurityGroupRules[0]).toMatchObject({ FromPort: 443, CidrIpv4: '10.0.0.0/8', Description: 'in', IsEgress: false });
    await send(
      new ec2.UpdateSecurityGroupRuleDescriptionsIngressCommand({
        GroupId,
        IpPermissions: [{ ...permission, FromPort: 443, ToPort: 443, IpRanges: [{ CidrIp: '10.0.0.0/8', Description: 'new' }] }],
      }),
    );
    await send(new ec2.RevokeSecurityGroupIngressCommand({ GroupId, SecurityGroupRuleIds: [SecurityGroupRuleId] }));
    const [group] = (await send(new ec2.DescribeSecurityGroupsCommand({ GroupIds: [GroupId] }))).SecurityGroups;
    expect(group.IpPermissions).toEqual([]);
    expect(group.IpPermissionsEgress).toMatchObject([{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }]);
  });

  it('makes the default VPC and launches into it without naming a subnet', async () => {
    await send(new ec2.CreateDefaultVpcCommand({}));
    expect(await fault(new ec2.CreateDefaultVpcCommand({}))).toBe('DefaultVpcAlreadyExists');
    const subnets = (await send(new ec2.DescribeSubnetsCommand({ Filters: [{ Name: 'default-for-az', Values: ['true'] }] }))).Subnets;
    expect(subnets.map((subnet: ec2.Subnet) => [subnet.AvailabilityZone, subnet.CidrBlock]).sort()).toEqual([
      ['us-east-1a', '172.31.0.0/20'],
      ['us-east-1b', '172.31.16.0/20'],
      ['us-east-1c', '172.31.32.0/20'],
    ]);
    const reservation = await send(new ec2.RunInstancesCommand({ ImageId: 'ami-12345678', MinCount: 1, MaxCount: 1 }));
    expect(reservation.Instances[0].PublicIpAddress).toMatch(/^203\.0\.113\./);
    await send(
      new ec2.DeleteSubnetCommand({ SubnetId: subnets.find((each: ec2.Subnet) => each.AvailabilityZone === 'us-east-1c').SubnetId }),
    );
    expect((await send(new ec2.CreateDefaultSubnetCommand({ AvailabilityZone: 'us-east-1c' }))).Subnet.DefaultForAz).toBe(true);
  });

  it.each([
    [
      'an unknown interface',
      () => new ec2.DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: ['eni-00000000000000000'] }),
      'InvalidNetworkInterfaceID.NotFound',
    ],
    ['no id', () => new ec2.DescribeVpcsCommand({ VpcIds: ['nonsense'] }), 'InvalidVpcID.Malformed'],
    [
      'an unknown attachment',
      () => new ec2.DetachNetworkInterfaceCommand({ AttachmentId: 'eni-attach-00000000000000000' }),
      'InvalidAttachmentID.NotFound',
    ],
    ['a missing parameter', () => new ec2.CreateVpcCommand({}), 'MissingParameter'],
    ['an action that is not served', () => new ec2.CreateTransitGatewayCommand({}), 'InvalidAction'],
    [
      'a parameter without effect',
      () => new ec2.CreateVpcCommand({ CidrBlock: '10.0.0.0/16', Ipv4IpamPoolId: 'x' }),
      'UnsupportedOperation',
    ],
    [
      'tags of another type',
      () => new ec2.CreateVpcCommand({ CidrBlock: '10.0.0.0/16', TagSpecifications: [{ ResourceType: 'subnet', Tags: [] }] }),
      'InvalidParameterValue',
    ],
    [
      'an unknown instance type',
      () => new ec2.DescribeInstanceTypesCommand({ InstanceTypes: ['x9.huge' as 't3.micro'] }),
      'InvalidInstanceType',
    ],
  ] as const)('hears of %s', async (_name, command, code) => {
    expect(await fault(command())).toBe(code);
  });
});

describe('every describe action', () => {
  it.each([
    new ec2.DescribeAccountAttributesCommand({}),
    new ec2.DescribeAddressesCommand({}),
    new ec2.DescribeAvailabilityZonesCommand({}),
    new ec2.DescribeCustomerGatewaysCommand({}),
    new ec2.DescribeDhcpOptionsCommand({}),
    new ec2.DescribeEgressOnlyInternetGatewaysCommand({}),
    new ec2.DescribeImagesCommand({ Owners: ['amazon'] }),
    new ec2.DescribeInstanceStatusCommand({ IncludeAllInstances: true }),
    new ec2.DescribeInstanceTypesCommand({}),
    new ec2.DescribeInternetGatewaysCommand({}),
    new ec2.DescribeKeyPairsCommand({}),
    new ec2.DescribeManagedPrefixListsCommand({}),
    new ec2.DescribeNatGatewaysCommand({}),
    new ec2.DescribeNetworkAclsCommand({}),
    new ec2.DescribeRegionsCommand({}),
    new ec2.DescribeRouteTablesCommand({}),
    new ec2.DescribeSecurityGroupRulesCommand({}),
    new ec2.DescribeTagsCommand({}),
    new ec2.DescribeVolumesCommand({}),
    new ec2.DescribeVpcPeeringConnectionsCommand({}),
    new ec2.DescribeVpnConnectionsCommand({}),
    new ec2.DescribeVpnGatewaysCommand({}),
  ] as any[])('$constructor.name', async (command) => {
    const { vpcId } = await network();
    await send(new ec2.CreateTagsCommand({ Resources: [vpcId], Tags: [{ Key: 'a', Value: '' }] }));
    const { $metadata, ...answer } = await send(command);
    expect($metadata.httpStatusCode).toBe(200);
    expect(Object.values(answer).some(Array.isArray)).toBe(true);
  });
});

describe('signatures', () => {
  const accessKeys = ['AKIDEXAMPLEAKIDEX:secretsecretsecret'];
  const restart = async (secret: string) => {
    client.destroy();
    await api.close();
    await start({ config: { accessKeys } }, secret);
  };

  it('of a configured key are taken, by POST', async () => {
    await restart('secretsecretsecret');
    expect((await send(new ec2.DescribeVpcsCommand({ Filters: [{ Name: 'tag:a b', Values: ['*/ü'] }] }))).Vpcs).toEqual([]);
  });

  it('with another secret are not', async () => {
    await restart('anothersecret');
    expect(await fault(new ec2.DescribeVpcsCommand({}))).toBe('SignatureDoesNotMatch');
  });
});
