import { gzipSync } from 'node:zlib';
import * as ec2 from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { userData } from '../../agent/imds/tree.js';
import { bootOf } from '../../agent/planner/boot.js';
import { type Ec2Api, makeSubnet, startEc2 } from '../support/ec2.js';

let aws: Ec2Api;
beforeEach(async () => {
  aws = await startEc2();
});
afterEach(() => aws.close());

const launch = async (more: object): Promise<string> => {
  const { subnetId } = await makeSubnet(aws);
  const command = { ImageId: 'ami-12345678', MinCount: 1, MaxCount: 1, SubnetId: subnetId, ...more };
  return (await aws.send(new ec2.RunInstancesCommand(command as ec2.RunInstancesCommandInput))).Instances[0].InstanceId;
};

describe('user data', () => {
  const allBytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const CASES = [
    ['a script', Buffer.from('#!/bin/sh\necho héllo\n'), true],
    ['commands', Buffer.from('echo hello\n'), true],
    ['cloud-config', Buffer.from('#cloud-config\npackages: [nginx]\n'), false],
    ['MIME parts', Buffer.from('Content-Type: multipart/mixed; boundary="b"\nMIME-Version: 1.0\n\n--b--\n'), false],
    ['a compressed script', gzipSync('#!/bin/sh\necho hello\n'), false],
    ['every byte', allBytes, false],
    ['a byte order mark', Buffer.from([0xef, 0xbb, 0xbf, 0x61]), true],
  ] as const;

  it.each(CASES)('%s comes back byte by byte, and runs only if it is a script', async (_name, bytes, runs) => {
    const UserData = bytes.toString('base64');
    const instanceId = await launch({ UserData });
    const told = async () =>
      (await aws.send(new ec2.DescribeInstanceAttributeCommand({ InstanceId: instanceId, Attribute: 'userData' }))).UserData.Value;
    const held = () => {
      const snapshot = aws.api.store.snapshot();
      const instance = snapshot.get('instance', instanceId);
      return {
        metadata: instance && userData(instance)?.equals(bytes),
        runs: bootOf(snapshot, { hostId: 'host-a', region: 'us-east-1' }, instanceId)?.userData !== undefined,
      };
    };
    expect(await told()).toBe(UserData);
    expect(held()).toEqual({ metadata: true, runs });

    await aws.send(new ec2.StopInstancesCommand({ InstanceIds: [instanceId] }));
    const change = (Value: Uint8Array) => new ec2.ModifyInstanceAttributeCommand({ InstanceId: instanceId, UserData: { Value } });
    await aws.send(change(Buffer.from('other')));
    expect(await told()).toBe(Buffer.from('other').toString('base64'));
    await aws.send(change(bytes));
    expect(await told()).toBe(UserData);
    await aws.send(new ec2.StartInstancesCommand({ InstanceIds: [instanceId] }));
    expect(held()).toEqual({ metadata: true, runs });
  });

  it.each([
    ['no base64', '*', 'InvalidParameterValue'],
    ['more than 16 KiB', Buffer.alloc(16_385).toString('base64'), 'InvalidParameterValue'],
  ])('%s is refused', async (_name, UserData, code) => {
    await expect(launch({ UserData })).rejects.toMatchObject({ name: code });
  });
});

describe('images', () => {
  const describeImages = (ImageIds: string[]) => new ec2.DescribeImagesCommand({ ImageIds });

  it.each([
    ['ami-12345678', 'InvalidAMIID.NotFound'],
    ['ami-0123456789abcdef0', 'InvalidAMIID.NotFound'],
    ['ami-123', 'InvalidAMIID.Malformed'],
    ['debian', 'InvalidAMIID.Malformed'],
    ['ami-00000000000000000', 'none'],
  ])('%s asked for: %s', async (id, code) => {
    expect(await aws.fault(describeImages([id]))).toBe(code);
  });

  it.each([
    [true, 'ami-12345678', 'none'],
    [true, 'ami-1234', 'InvalidAMIID.Malformed'],
    [false, 'ami-12345678', 'InvalidAMIID.NotFound'],
    [false, 'ami-00000000000000001', 'none'],
  ])('with anyImage %s a launch of %s: %s', async (anyImage, ImageId, code) => {
    await aws.close();
    aws = await startEc2({ config: { anyImage } });
    const outcome = launch({ ImageId });
    if (code === 'none') expect(await outcome).toMatch(/^i-/);
    else await expect(outcome).rejects.toMatchObject({ name: code });
  });
});

describe('a managed prefix list', () => {
  it('changes its name and its entries, at the version that the caller knows', async () => {
    const create = {
      PrefixListName: 'offices',
      MaxEntries: 5,
      AddressFamily: 'IPv4',
      Entries: [{ Cidr: '10.1.0.0/16', Description: 'one' }],
    };
    const { PrefixListId } = (await aws.send(new ec2.CreateManagedPrefixListCommand(create))).PrefixList;
    const modify = async (change: object) =>
      (await aws.send(new ec2.ModifyManagedPrefixListCommand({ PrefixListId, ...change }))).PrefixList;
    const entries = async () => (await aws.send(new ec2.GetManagedPrefixListEntriesCommand({ PrefixListId }))).Entries;

    expect(await modify({ PrefixListName: 'all offices' })).toMatchObject({ PrefixListName: 'all offices', Version: 1 });
    // As Terraform changes a description: out with the entry, in with it again.
    expect(await modify({ CurrentVersion: 1, RemoveEntries: [{ Cidr: '10.1.0.0/16' }] })).toMatchObject({ Version: 2 });
    const renamed = { Cidr: '10.1.0.0/16', Description: 'head office' };
    expect(await modify({ CurrentVersion: 2, AddEntries: [renamed] })).toMatchObject({ Version: 3 });
    expect(await entries()).toEqual([renamed]);
    // And in one step.
    await modify({ CurrentVersion: 3, AddEntries: [{ ...renamed, Description: 'branch' }] });
    expect(await entries()).toEqual([{ ...renamed, Description: 'branch' }]);
    expect(await modify({ MaxEntries: 8 })).toMatchObject({ MaxEntries: 8, Version: 4 });

    const fault = (change: object) => aws.fault(new ec2.ModifyManagedPrefixListCommand({ PrefixListId, ...change }));
    expect(await fault({ CurrentVersion: 1, AddEntries: [{ Cidr: '10.2.0.0/16' }] })).toBe('PrefixListVersionMismatch');
    expect(await fault({ CurrentVersion: 4, RemoveEntries: [{ Cidr: '10.9.0.0/16' }] })).toBe('InvalidParameterValue');
    expect(await fault({ MaxEntries: 9, AddEntries: [{ Cidr: '10.2.0.0/16' }] })).toBe('InvalidParameterCombination');
    expect(await entries()).toHaveLength(1);
  });
});
