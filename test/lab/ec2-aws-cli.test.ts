import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AWS, EC2_FILES, PYTHON, runClient, works } from '../support/ec2-clients.js';
import { pings } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

const setup = useAgent();

describe.skipIf(!works(AWS, '--version'))('AWS CLI (Debian package awscli)', () => {
  /** One call; resolves to what `query` picks of the answer, as text. */
  const aws = async (query: string, ...argv: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await runClient(AWS, [
      '--endpoint-url',
      setup.agent.endpoint,
      'ec2',
      ...argv,
      '--output',
      'text',
      ...(query === '' ? [] : ['--query', query]),
    ]);
    if (exitCode !== 0) throw new Error(stderr);
    return stdout.trim();
  };

  it("does the article's steps, and packets follow the interface", async () => {
    const vpc = await aws('Vpc.VpcId', 'create-vpc', '--cidr-block', '10.0.0.0/16');
    const subnet = await aws('Subnet.SubnetId', 'create-subnet', '--vpc-id', vpc, '--cidr-block', '10.0.1.0/24');
    const launch = ['run-instances', '--image-id', 'ami-12345678', '--instance-type', 't3.small', '--count', '3', '--subnet-id', subnet];
    const [one = '', two = '', peer = ''] = (await aws('Instances[].InstanceId', ...launch)).split(/\s+/);
    await aws('', 'wait', 'instance-running', '--instance-ids', one, two, peer);
    const create = ['create-network-interface', '--subnet-id', subnet, '--private-ip-address', '10.0.1.50', '--description', 'moves'];
    const eni = await aws('NetworkInterface.NetworkInterfaceId', ...create);
    expect(await pings(peer, '10.0.1.50')).toBe(false);

    const attach = (instance: string) =>
      aws('AttachmentId', 'attach-network-interface', '--network-interface-id', eni, '--instance-id', instance, '--device-index', '1');
    const first = await attach(one);
    expect(await pings(peer, '10.0.1.50')).toBe(true);
    await expect(aws('', 'delete-network-interface', '--network-interface-id', eni)).rejects.toThrow('InvalidNetworkInterface.InUse');

    await aws('', 'detach-network-interface', '--attachment-id', first);
    await aws('', 'wait', 'network-interface-available', '--network-interface-ids', eni);
    expect(await pings(peer, '10.0.1.50')).toBe(false);
    await attach(two);
    expect(await pings(peer, '10.0.1.50')).toBe(true);

    await aws('', 'assign-private-ip-addresses', '--network-interface-id', eni, '--private-ip-addresses', '10.0.1.60');
    expect(await pings(peer, '10.0.1.60')).toBe(true);
    const group = await aws('GroupId', 'create-security-group', '--group-name', 'closed', '--description', 'no ingress', '--vpc-id', vpc);
    await aws('', 'modify-network-interface-attribute', '--network-interface-id', eni, '--groups', group);
    expect(await pings(peer, '10.0.1.60')).toBe(false);
    await aws('', 'authorize-security-group-ingress', '--group-id', group, '--protocol', 'icmp', '--port', '-1', '--cidr', '10.0.0.0/16');
    expect(await pings(peer, '10.0.1.60')).toBe(true);
  });
});

it.skipIf(!works(PYTHON, '-c', 'import boto3'))("boto3 (Debian package python3-boto3) does the article's steps", async () => {
  const { exitCode, all } = await runClient(PYTHON, [join(EC2_FILES, 'article.py'), setup.agent.endpoint]);
  expect(all).toBe('10.0.1.50 in-use attached\n10.0.1.50 in-use attached\nInvalidNetworkInterfaceID.NotFound 400\n0');
  expect(exitCode).toBe(0);
});
