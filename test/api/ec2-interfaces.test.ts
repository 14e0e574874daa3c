import * as ec2 from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Ec2Api, makeSubnet, startEc2 } from '../support/ec2.js';

let aws: Ec2Api;
beforeEach(async () => {
  aws = await startEc2();
});
afterEach(() => aws.close());

async function newInterface(): Promise<{ subnetId: string; eniId: string }> {
  const { subnetId } = await makeSubnet(aws);
  const eniId = (await aws.send(new ec2.CreateNetworkInterfaceCommand({ SubnetId: subnetId }))).NetworkInterface.NetworkInterfaceId;
  return { subnetId, eniId };
}

async function attach(eniId: string, subnetId: string): Promise<string> {
  const launch = { ImageId: 'ami-12345678', MinCount: 1, MaxCount: 1, SubnetId: subnetId };
  const { InstanceId } = (await aws.send(new ec2.RunInstancesCommand(launch))).Instances[0];
  const command = new ec2.AttachNetworkInterfaceCommand({ NetworkInterfaceId: eniId, InstanceId, DeviceIndex: 1 });
  return (await aws.send(command)).AttachmentId;
}

describe('permissions of an interface', () => {
  const grant = (NetworkInterfaceId: string, AwsAccountId = '123456789012', Permission = 'INSTANCE-ATTACH') =>
    new ec2.CreateNetworkInterfacePermissionCommand({
      NetworkInterfaceId,
      AwsAccountId,
      Permission: Permission as ec2.InterfacePermissionType,
    });
  const revoke = (NetworkInterfacePermissionId: string, Force?: boolean) =>
    new ec2.DeleteNetworkInterfacePermissionCommand({ NetworkInterfacePermissionId, ...(Force && { Force }) });
  const list = async (input: object = {}): Promise<any[]> =>
    (await aws.send(new ec2.DescribeNetworkInterfacePermissionsCommand(input))).NetworkInterfacePermissions;

  it('are granted to one account, told, kept while it has the interface attached, and taken back', async () => {
    const { subnetId, eniId } = await newInterface();
    const { InterfacePermission } = await aws.send(grant(eniId));
    const id = InterfacePermission.NetworkInterfacePermissionId as string;
    expect(InterfacePermission).toEqual({
      NetworkInterfacePermissionId: expect.stringMatching(/^eni-perm-[0-9a-f]{17}$/),
      NetworkInterfaceId: eniId,
      AwsAccountId: '123456789012',
      Permission: 'INSTANCE-ATTACH',
      PermissionState: { State: 'granted' },
    });
    expect((await aws.send(grant(eniId))).InterfacePermission.NetworkInterfacePermissionId).toBe(id);
    const other = (await aws.send(grant(eniId, '123456789012', 'EIP-ASSOCIATE'))).InterfacePermission.NetworkInterfacePermissionId;
    expect(await aws.fault(grant(eniId, '210987654321'))).toBe('OperationNotPermitted');

    const found = async (Name: string, Value: string) =>
      (await list({ Filters: [{ Name: `network-interface-permission.${Name}`, Values: [Value] }] })).length;
    expect(await list({ NetworkInterfacePermissionIds: [id] })).toEqual([InterfacePermission]);
    expect(await found('network-interface-permission-id', id)).toBe(1);
    expect(await found('network-interface-id', eniId)).toBe(2);
    expect(await found('aws-account-id', '123456789012')).toBe(2);
    expect(await found('aws-service', '*')).toBe(0);
    expect(await found('permission', 'EIP-ASSOCIATE')).toBe(1);

    await attach(eniId, subnetId);
    expect(await aws.fault(revoke(id))).toBe('OperationNotPermitted');
    expect(await aws.send(revoke(other))).toMatchObject({ Return: true });
    expect(await aws.send(revoke(id, true))).toMatchObject({ Return: true });
    expect(await list()).toEqual([]);
    expect(await aws.fault(revoke(id))).toBe('InvalidNetworkInterfacePermissionID.NotFound');
  });

  it.each([
    ['an unknown interface', 'eni-0123456789abcdef0', '123456789012', 'INSTANCE-ATTACH', 'InvalidNetworkInterfaceID.NotFound'],
    ['no interface', 'eni', '123456789012', 'INSTANCE-ATTACH', 'InvalidNetworkInterfaceId.Malformed'],
    ['no account', 'eni-0123456789abcdef0', '12', 'INSTANCE-ATTACH', 'InvalidParameterValue'],
    ['an unknown permission', 'eni-0123456789abcdef0', '123456789012', 'ALL', 'InvalidParameterValue'],
  ])('for %s are refused', async (_name, eniId, account, permission, code) => {
    expect(await aws.fault(grant(eniId, account, permission))).toBe(code);
  });

  it('are in REST too, and go with the interface', async () => {
    const { eniId } = await newInterface();
    const body = { accountId: '210987654321', permission: 'EIP-ASSOCIATE' };
    const { permissions } = await aws.api.ok('POST', `/v1/network-interfaces/${eniId}/permissions`, body);
    expect(permissions).toMatchObject([body]);
    const path = `/v1/network-interface-permissions/${permissions[0].networkInterfacePermissionId}`;
    expect((await aws.api.call('DELETE', path)).status).toBe(204);
    expect((await aws.api.call('DELETE', path)).body.error.code).toBe('InvalidNetworkInterfacePermissionID.NotFound');
    expect(await aws.api.ok('GET', `/v1/network-interfaces/${eniId}`)).not.toHaveProperty('permissions');
    await aws.send(grant(eniId));
    await aws.send(new ec2.DeleteNetworkInterfaceCommand({ NetworkInterfaceId: eniId }));
    expect(await list()).toEqual([]);
  });
});

it('an attachment that has ended is shown as detached to who asks for it, after a restart as well, whoever ended it', async () => {
  const { subnetId, eniId } = await newInterface();
  const ask = (attachmentId: string) =>
    new ec2.DescribeNetworkInterfacesCommand({ Filters: [{ Name: 'attachment.attachment-id', Values: [attachmentId] }] });
  const first = await attach(eniId, subnetId);
  await aws.send(new ec2.DetachNetworkInterfaceCommand({ AttachmentId: first }));
  const { store } = aws.api;
  const second = await startEc2({ store });
  const { NetworkInterfaces } = await second.send(ask(first));
  expect(NetworkInterfaces).toMatchObject([
    { NetworkInterfaceId: eniId, Status: 'available', Attachment: { AttachmentId: first, Status: 'detached' } },
  ]);
  await second.close();

  const next = await attach(eniId, subnetId);
  expect((await aws.send(ask(first))).NetworkInterfaces).toEqual([]);
  await aws.api.ok('POST', `/v1/network-interfaces/${eniId}/detach`, {});
  expect((await aws.send(ask(next))).NetworkInterfaces).toMatchObject([{ Attachment: { AttachmentId: next, Status: 'detached' } }]);

  const last = await attach(eniId, subnetId);
  await aws.send(new ec2.DetachNetworkInterfaceCommand({ AttachmentId: last, Force: true }));
  expect((await aws.send(ask(last))).NetworkInterfaces).toMatchObject([{ Attachment: { AttachmentId: last, Status: 'detached' } }]);
});
