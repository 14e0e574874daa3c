import { execFileSync } from 'node:child_process';
import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ec2 from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { find, listing } from '../../agent/imds/node.js';
import { metadataTree } from '../../agent/imds/tree.js';
import { cliOver, fetchInto } from '../support/cli.js';
import { type Ec2Api, makeSubnet, startEc2 } from '../support/ec2.js';

/** Making RSA keys takes its time on a busy machine. */
vi.setConfig({ testTimeout: 60_000 });

let aws: Ec2Api;
let dir: string;
beforeEach(async () => {
  aws = await startEc2();
  dir = mkdtempSync(join(tmpdir(), 'enid-keys-'));
});
afterEach(async () => {
  await aws.close();
  rmSync(dir, { recursive: true, force: true });
});

/** The public key of RFC 8032's third test of Ed25519. */
const ED25519 = `ssh-ed25519 ${Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.from([0, 0, 0, 32]), Buffer.from('fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025', 'hex')]).toString('base64')}`;

const create = (input: object): Promise<any> => aws.send(new ec2.CreateKeyPairCommand(input as ec2.CreateKeyPairCommandInput));
const importing = (KeyName: string, text: string) => new ec2.ImportKeyPairCommand({ KeyName, PublicKeyMaterial: Buffer.from(text) });
const pairs = async (input: object = {}): Promise<any[]> => (await aws.send(new ec2.DescribeKeyPairsCommand(input))).KeyPairs;

describe('key pairs', () => {
  it('of Ed25519 are created in the format of OpenSSH; the private key is told once', async () => {
    const made = await create({
      KeyName: 'admin',
      KeyType: 'ed25519',
      TagSpecifications: [{ ResourceType: 'key-pair', Tags: [{ Key: 'team', Value: 'a' }] }],
    });
    expect(made).toMatchObject({
      KeyName: 'admin',
      KeyPairId: expect.stringMatching(/^key-[0-9a-f]{17}$/),
      Tags: [{ Key: 'team', Value: 'a' }],
    });
    expect(made.KeyMaterial).toMatch(/^-----BEGIN OPENSSH PRIVATE KEY-----\n([A-Za-z0-9+/=]{1,70}\n)+-----END OPENSSH PRIVATE KEY-----\n$/);
    const [pair] = await pairs({ IncludePublicKey: true });
    expect(pair).toMatchObject({
      KeyType: 'ed25519',
      KeyFingerprint: made.KeyFingerprint,
      PublicKey: expect.stringMatching(/^ssh-ed25519 \S+ admin$/),
    });
    const blob = Buffer.from(pair.PublicKey.split(' ')[1], 'base64');
    expect(made.KeyFingerprint).toBe(createHash('sha256').update(blob).digest('base64'));
    expect(JSON.stringify(await pairs())).not.toMatch(/PublicKey|PRIVATE/);
    // The blob is in the private key's file too.
    const file = Buffer.from(made.KeyMaterial.replaceAll(/-----.*-----|\n/g, ''), 'base64');
    expect(file.includes(blob)).toBe(true);
    expect(file.subarray(0, 15).toString()).toBe('openssh-key-v1\0');
  });

  it('of RSA are created in PKCS #1, with the digest of the private key for a fingerprint', async () => {
    const made = await create({ KeyName: 'old' });
    expect(made.KeyMaterial).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/);
    const privateKey = createPrivateKey(made.KeyMaterial);
    expect(privateKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
    const der = privateKey.export({ type: 'pkcs8', format: 'der' });
    expect(made.KeyFingerprint.replaceAll(':', '')).toBe(createHash('sha1').update(der).digest('hex'));
  });

  it.skipIf(!existsSync('/usr/bin/ssh-keygen'))('are what ssh-keygen (openssh-client) reads, both ways', async () => {
    for (const KeyType of ['rsa', 'ed25519']) {
      const { KeyMaterial } = await create({ KeyName: KeyType, KeyType });
      const path = join(dir, KeyType);
      writeFileSync(path, KeyMaterial, { mode: 0o600 });
      const [told] = await pairs({ KeyNames: [KeyType], IncludePublicKey: true });
      const read = execFileSync('/usr/bin/ssh-keygen', ['-y', '-f', path], { encoding: 'utf8' });
      expect(read.trim().split(' ').slice(0, 2)).toEqual(told.PublicKey.split(' ').slice(0, 2));
      // As `ssh-keygen -l` prints it, but for the padding.
      const own = join(dir, `own-${KeyType}`);
      execFileSync('/usr/bin/ssh-keygen', [
        '-q',
        '-t',
        KeyType,
        '-N',
        '',
        '-C',
        'me@home',
        '-f',
        own,
        ...(KeyType === 'rsa' ? ['-b', '2048'] : []),
      ]);
      const imported = await aws.send(importing(`own-${KeyType}`, readFileSync(`${own}.pub`, 'utf8')));
      const sha256 = execFileSync('/usr/bin/ssh-keygen', ['-l', '-f', own], { encoding: 'utf8' });
      if (KeyType === 'ed25519') expect(sha256).toContain(`SHA256:${imported.KeyFingerprint.replace(/=+$/, '')} `);
      else expect(imported.KeyFingerprint).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);
    }
  });

  it('are imported, found by name, id, tag and fingerprint, and deleted', async () => {
    const one = await aws.send(importing('one', `${ED25519} somebody@somewhere\n`));
    expect(one.KeyFingerprint).toBe(
      createHash('sha256')
        .update(Buffer.from(ED25519.split(' ')[1] ?? '', 'base64'))
        .digest('base64'),
    );
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { e = '', n = '' } = publicKey.export({ format: 'jwk' });
    const part = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, bytes.length >> 8, bytes.length & 255]), bytes]);
    const modulus = Buffer.concat([Buffer.from([0]), Buffer.from(n, 'base64url')]);
    const blob = Buffer.concat([part(Buffer.from('ssh-rsa')), part(Buffer.from(e, 'base64url')), part(modulus)]);
    const two = await aws.send(importing('two', `ssh-rsa ${blob.toString('base64')}`));
    const md5 = createHash('md5')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex');
    expect(two.KeyFingerprint.replaceAll(':', '')).toBe(md5);

    const names = async (input: object) => (await pairs(input)).map((pair) => pair.KeyName);
    const by = (Name: string, ...Values: string[]) => names({ Filters: [{ Name, Values }] });
    await aws.send(new ec2.CreateTagsCommand({ Resources: [two.KeyPairId], Tags: [{ Key: 'team', Value: 'b' }] }));
    expect(await names({})).toEqual(['one', 'two']);
    expect(await names({ KeyNames: ['two'] })).toEqual(['two']);
    expect(await names({ KeyPairIds: [one.KeyPairId] })).toEqual(['one']);
    expect(await by('key-name', 't*')).toEqual(['two']);
    expect(await by('key-pair-id', one.KeyPairId)).toEqual(['one']);
    expect(await by('fingerprint', two.KeyFingerprint)).toEqual(['two']);
    expect(await by('tag:team', 'b')).toEqual(['two']);
    expect(await by('tag-key', 'team')).toEqual(['two']);

    expect(await aws.send(new ec2.DeleteKeyPairCommand({ KeyName: 'one' }))).toMatchObject({ Return: true, KeyPairId: one.KeyPairId });
    await aws.send(new ec2.DeleteKeyPairCommand({ KeyPairId: two.KeyPairId }));
    expect(await aws.send(new ec2.DeleteKeyPairCommand({ KeyName: 'never' }))).toMatchObject({ Return: true });
    expect(await pairs()).toEqual([]);
  });

  const RSA_512 = `ssh-rsa ${Buffer.concat([Buffer.from('00000007', 'hex'), Buffer.from('ssh-rsa'), Buffer.from('00000003010001', 'hex'), Buffer.from('00000041', 'hex'), Buffer.from([0]), Buffer.alloc(64, 0xff)]).toString('base64')}`;
  it.each([
    ['the same name twice', async () => (await create({ KeyName: 'a' })) && importing('a', ED25519), 'InvalidKeyPair.Duplicate'],
    ['no key', () => importing('a', 'hello'), 'InvalidKey.Format'],
    ['a private key', () => importing('a', '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n'), 'InvalidKey.Format'],
    ['another kind of key', () => importing('a', 'ecdsa-sha2-nistp256 AAAAE2VjZHNh'), 'InvalidKey.Format'],
    ['a type that the key is not of', () => importing('a', ED25519.replace('ssh-ed25519', 'ssh-rsa')), 'InvalidKey.Format'],
    ['a key cut short', () => importing('a', ED25519.slice(0, -6)), 'InvalidKey.Format'],
    ['two lines', () => importing('a', `${ED25519}\n${ED25519}`), 'InvalidKey.Format'],
    ['a key of 512 bits', () => importing('a', RSA_512), 'InvalidKeyPair.Format'],
    ['a long name', () => importing('a'.repeat(256), ED25519), 'InvalidParameterValue'],
    ['a name beyond ASCII', () => importing('schlüssel', ED25519), 'InvalidParameterValue'],
    ['an unknown type', () => new ec2.CreateKeyPairCommand({ KeyName: 'a', KeyType: 'dsa' as 'rsa' }), 'InvalidParameterValue'],
    ['the format of PuTTY', () => new ec2.CreateKeyPairCommand({ KeyName: 'a', KeyFormat: 'ppk' }), 'UnsupportedOperation'],
    ['an unknown name', () => new ec2.DescribeKeyPairsCommand({ KeyNames: ['x'] }), 'InvalidKeyPair.NotFound'],
    ['an unknown id', () => new ec2.DeleteKeyPairCommand({ KeyPairId: 'key-0123456789abcdef0' }), 'InvalidKeyPair.NotFound'],
    ['both ways to name it', () => new ec2.DeleteKeyPairCommand({ KeyName: 'a', KeyPairId: 'key-0' }), 'InvalidParameterCombination'],
    ['a dry run', () => new ec2.CreateKeyPairCommand({ KeyName: 'a', KeyType: 'ed25519', DryRun: true }), 'DryRunOperation'],
  ])('%s: refused', async (_name, command, code) => {
    expect(await aws.fault(await command())).toBe(code);
  });

  it("are known to an instance's metadata from its launch on, and an unknown one refuses the launch", async () => {
    const { subnetId } = await makeSubnet(aws);
    await aws.send(importing('me', ED25519));
    const launch = (KeyName: string) =>
      new ec2.RunInstancesCommand({ ImageId: 'ami-12345678', MinCount: 1, MaxCount: 1, SubnetId: subnetId, KeyName });
    expect(await aws.fault(launch('nobody'))).toBe('InvalidKeyPair.NotFound');
    const { InstanceId, KeyName } = (await aws.send(launch('me'))).Instances[0];
    expect(KeyName).toBe('me');
    await aws.send(new ec2.DeleteKeyPairCommand({ KeyName: 'me' }));

    const snapshot = aws.api.store.snapshot();
    const instance = snapshot.get('instance', InstanceId);
    if (!instance) throw new Error('no instance');
    const tree = metadataTree(snapshot, instance, 'us-east-1');
    const at = (path: string) => {
      const node = find(tree, ['latest', 'meta-data', ...path.split('/')]);
      return node === undefined || typeof node === 'string' || Buffer.isBuffer(node) ? node : listing(node);
    };
    expect(at('public-keys')).toBe('0=me');
    expect(at('public-keys/0')).toBe('openssh-key');
    expect(at('public-keys/0/openssh-key')).toBe(`${ED25519} me`);
    expect(at('public-keys/1')).toBeUndefined();
  });

  it('are made, taken and deleted on the command line', async () => {
    const eni = cliOver({ fetch: fetchInto(aws.api) });
    const path = join(dir, 'admin.pem');
    const made = await eni('create', 'key', 'admin', '--out', path);
    expect(made).toMatchObject({ code: 0, err: '', out: expect.stringContaining('admin') });
    expect(made.out).not.toContain('PRIVATE');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await eni('create', 'key', 'second', '--out', path)).toMatchObject({ code: 2 });
    await eni('delete', 'second');
    expect((await eni('create', 'key', 'printed', '--type', 'rsa')).out).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
    writeFileSync(join(dir, 'id.pub'), `${ED25519} me`);
    expect(await eni('create', 'key', 'mine', '--public-key', join(dir, 'id.pub'))).toMatchObject({ code: 0 });
    expect((await eni('describe', 'keys')).out).toMatch(/^KEY PAIR +NAME +TYPE +FINGERPRINT\n/);
    expect((await eni('describe', 'keys', 'mine', '--json')).out).toContain(ED25519);
    const vpc = JSON.parse((await eni('--json', 'create', 'vpc', '10.0.0.0/16')).out);
    const subnet = JSON.parse((await eni('--json', 'create', 'subnet', vpc.vpcId, '10.0.1.0/24')).out);
    expect(JSON.parse((await eni('--json', 'run', '--subnet', subnet.subnetId, '--key', 'mine')).out).instances[0].keyName).toBe('mine');
  });
});
