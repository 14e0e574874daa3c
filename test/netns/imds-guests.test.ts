import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { expect, it, onTestFinished } from 'vitest';
import { metadata } from '../support/metadata.js';
import { inside, pings, serve, tcp } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

/** Software of the guests' side, as it comes, on metadata of ours. */
const setup = useAgent();
const GUEST = resolve(import.meta.dirname, '../support/guest');
/** Debian's Python: the package is in its path. */
const PYTHON = '/usr/bin/python3';

function hasCloudInit(): boolean {
  try {
    execFileSync(PYTHON, ['-c', 'import cloudinit.sources.DataSourceEc2'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

it.skipIf(!hasCloudInit()).each([
  ['on a machine that says it is EC2: with tokens', 'ec2', 'required', 'aws'],
  ['on a machine that does not say what it is: without', 'none', 'optional', 'unknown'],
] as const)(
  'cloud-init (Debian package cloud-init; skipped without it) finds its data source %s',
  async (_name, firmware, httpTokens, cloud) => {
    const world = await setup.world();
    const second = await world.networkInterface({ subnetId: world.subnetB, secondaryPrivateIpAddressCount: 1 });
    const userData = '#cloud-config\npackages: [nginx]\n';
    const { instanceId, address, eni } = await world.instance({
      userDataBase64: Buffer.from(userData).toString('base64'),
      metadataOptions: { httpTokens, instanceMetadataTags: 'enabled' },
      tags: { Name: 'web' },
    });
    await setup.agent.ok('POST', `/v1/network-interfaces/${second.networkInterfaceId}/attach`, { instanceId, deviceIndex: 1 });
    const directory = mkdtempSync(join(tmpdir(), 'enid-cloud-init-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const { stdout, stderr } = await execa('ip', ['netns', 'exec', instanceId, PYTHON, `${GUEST}/cloud-init-ec2.py`, directory, firmware], {
      reject: false,
      timeout: 60_000,
    });
    expect(stdout, stderr).not.toBe('');
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({
      isEc2: true,
      cloud,
      instanceId,
      zone: 'us-east-1a',
      region: 'us-east-1',
      address: 'http://169.254.169.254',
      hostname: `ip-${address.replaceAll('.', '-')}.ec2.internal`,
      userData: [...Buffer.from(userData)],
    });
    expect(found.metadata).toMatchObject({ 'instance-id': instanceId, 'local-ipv4': address, tags: { instance: { Name: 'web' } } });
    // Read from EC2 only.
    expect(found.identity).toEqual(cloud === 'aws' ? expect.objectContaining({ instanceId, privateIp: address }) : {});
    // Both interfaces by their MACs, and the secondary address with the subnet's length.
    const secondary = second.privateIpAddresses[1].privateIpAddress;
    expect(found.network).toEqual({
      version: 2,
      ethernets: {
        eth0: expect.objectContaining({ match: { macaddress: eni.macAddress }, 'set-name': 'eth0' }),
        eth1: expect.objectContaining({ match: { macaddress: second.macAddress }, 'set-name': 'eth1', addresses: [`${secondary}/24`] }),
      },
    });
  },
);

it('a script that configures further interfaces from metadata makes their addresses reachable', async () => {
  const world = await setup.world();
  const client = await world.instance({ subnetId: world.subnetA });
  const { instanceId } = await world.instance({ sourceBasedRouting: false, metadataOptions: { httpTokens: 'required' } });
  const second = await world.networkInterface({ subnetId: world.subnetB, secondaryPrivateIpAddressCount: 1 });
  await setup.agent.ok('POST', `/v1/network-interfaces/${second.networkInterfaceId}/attach`, { instanceId, deviceIndex: 1 });
  const addresses: string[] = second.privateIpAddresses.map((each: any) => each.privateIpAddress);
  await serve(instanceId, 'tcp:8080');
  // Replies leave by eth0 with an address that is not its: the source check drops them.
  for (const address of addresses) expect(await pings(client.instanceId, address)).toBe(false);
  for (let run = 0; run < 2; run++) {
    const { exitCode, stderr } = await inside(instanceId, `${GUEST}/configure-interfaces`);
    expect([exitCode, stderr]).toEqual([0, '']);
  }
  for (const address of addresses) {
    expect(await pings(client.instanceId, address)).toBe(true);
    expect(await tcp(client.instanceId, address, 8080)).toBe(client.address);
  }
  // A new address, and the script again.
  const path = `/v1/network-interfaces/${second.networkInterfaceId}/assign-private-ip-addresses`;
  await setup.agent.ok('POST', path, { privateIpAddresses: ['10.0.2.200'] });
  expect(await pings(client.instanceId, '10.0.2.200')).toBe(false);
  expect((await inside(instanceId, `${GUEST}/configure-interfaces`)).exitCode).toBe(0);
  expect(await pings(client.instanceId, '10.0.2.200')).toBe(true);
});

it('user data of an instance finds the metadata service at its start', async () => {
  const world = await setup.world();
  const userData = '#!/bin/sh\ncurl -sf --max-time 2 http://169.254.169.254/latest/meta-data/instance-id\necho " said"\n';
  const { instanceId } = await world.instance({ userData });
  await expect
    .poll(async () => (await setup.agent.ok('GET', `/v1/instances/${instanceId}/console-output`)).output, { timeout: 5000 })
    .toContain(`${instanceId} said`);
  expect((await metadata(instanceId, '/latest/user-data')).body).toBe(userData);
});
