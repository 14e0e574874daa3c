import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pings } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

/** Clients as they are installed, told nothing but the endpoint. Each is left out where it is not installed; its name says of what. */
const setup = useAgent();
const FILES = resolve(import.meta.dirname, 'ec2');
const ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLEAKIDEX',
  AWS_SECRET_ACCESS_KEY: 'secretsecretsecret',
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_PAGER: '',
};
/** Debian's, and not others that may come first in the path. */
const AWS = '/usr/bin/aws';
const PYTHON = '/usr/bin/python3';
const PLAYBOOK = '/usr/bin/ansible-playbook';
const MIRROR = '/opt/tf-plugins';

function works(program: string, ...argv: string[]): boolean {
  try {
    execFileSync(program, argv, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const run = (program: string, argv: readonly string[], options: object = {}) =>
  execa(program, argv, { env: ENVIRONMENT, timeout: 280_000, all: true, reject: false, ...options });

describe.skipIf(!works(AWS, '--version'))('AWS CLI (Debian package awscli)', () => {
  /** One call; resolves to what `query` picks of the answer, as text. */
  const aws = async (query: string, ...argv: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await run(AWS, [
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
  const { exitCode, all } = await run(PYTHON, [join(FILES, 'article.py'), setup.agent.endpoint]);
  expect(all).toBe('10.0.1.50 in-use attached\n10.0.1.50 in-use attached\nInvalidNetworkInterfaceID.NotFound 400\n0');
  expect(exitCode).toBe(0);
});

it.skipIf(!works(PLAYBOOK, '--version') || !works(PYTHON, '-c', 'import boto3'))(
  "Ansible's amazon.aws (Debian package ansible) makes a network, and changes nothing the second time",
  async () => {
    const play = () =>
      run(
        PLAYBOOK,
        [
          '-i',
          'localhost,',
          '-e',
          `endpoint=${setup.agent.endpoint}`,
          '-e',
          `ansible_python_interpreter=${PYTHON}`,
          join(FILES, 'playbook.yml'),
        ],
        { env: { ...ENVIRONMENT, ANSIBLE_NOCOLOR: '1', ANSIBLE_LOCALHOST_WARNING: 'false' } },
      );
    expect((await play()).all).toMatch(/changed=10 .*failed=0/);
    expect((await play()).all).toMatch(/ok=11 .*changed=0 .*failed=0/);
  },
);

it.skipIf(!works('terraform', 'version') || !works('test', '-d', `${MIRROR}/registry.terraform.io/hashicorp/aws`))(
  `Terraform with the AWS provider (a mirror at ${MIRROR}) applies, sees no difference, changes, and destroys`,
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'enid-terraform-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    cpSync(join(FILES, 'main.tf'), join(dir, 'main.tf'));
    writeFileSync(join(dir, 'rc'), `provider_installation {\n  filesystem_mirror { path = "${MIRROR}" }\n}\ndisable_checkpoint = true\n`);
    const terraform = async (description: string, verb: string, ...argv: string[]) => {
      const { exitCode, all } = await run('terraform', [verb, '-no-color', '-input=false', ...argv], {
        cwd: dir,
        env: { TF_CLI_CONFIG_FILE: join(dir, 'rc'), TF_VAR_endpoint: setup.agent.endpoint, TF_VAR_description: description },
      });
      return { exitCode, all };
    };
    expect(await terraform('web', 'init')).toMatchObject({ exitCode: 0 });
    expect((await terraform('web', 'apply', '-auto-approve')).all).toContain('11 added, 0 changed, 0 destroyed');
    expect((await terraform('web', 'plan', '-detailed-exitcode')).all).toContain('No changes.');
    expect((await terraform('changed', 'apply', '-auto-approve')).all).toContain('0 added, 2 changed, 0 destroyed');
    expect((await terraform('changed', 'plan', '-detailed-exitcode')).all).toContain('No changes.');
    expect((await terraform('changed', 'destroy', '-auto-approve')).all).toContain('11 destroyed');
  },
  // Its waits between looks add up to minutes.
  480_000,
);
