import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GUEST_ROOT, newMachine } from '../support/machine.js';
import { metadata } from '../support/metadata.js';
import { inside, pings, serve, tcp } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

/** Software of the guests' side, as it comes, on metadata of ours. */
const setup = useAgent();
const GUEST = resolve(import.meta.dirname, '../support/guest');

/** A boot of cloud-init, stage by stage as its units run them: https://cloudinit.readthedocs.io/en/latest/explanation/boot.html */
const BOOT = `
  set -e
  mkdir -p /run/systemd/generator.early
  /lib/systemd/system-generators/cloud-init-generator /run/systemd/generator /run/systemd/generator.early /run/systemd/generator.late
  test -e /run/systemd/generator.early/multi-user.target.wants/cloud-init.target || { cat /run/cloud-init/*.log; exit 1; }
  cloud-init init --local
  cloud-init init
  cloud-init modules --mode=config
  cloud-init modules --mode=final
  hostname >/run/hostname-now`;

const USER_DATA = `Content-Type: multipart/mixed; boundary="part"
MIME-Version: 1.0

--part
Content-Type: text/x-shellscript

#!/bin/sh
hostname >/root/said-by-user-data
--part
Content-Type: text/cloud-config

#cloud-config
locale: C.UTF-8
ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 somebody]
--part--
`;

describe.skipIf(!GUEST_ROOT)('cloud-init (needs what scripts/guest-root makes)', () => {
  it.each([
    ['on a machine that says it is EC2: with tokens', 'ec2', 'required', ''],
    // There it must be told where to look, and asks without tokens.
    ['on a machine that does not say what it is', 'none', 'optional', 'datasource_list: [ Ec2 ]\n'],
  ] as const)('boots %s', async (_name, firmware, httpTokens, settings) => {
    const world = await setup.world();
    const client = await world.instance({ groupIds: [world.defaultGroupId] });
    const second = await world.networkInterface({ subnetId: world.subnetB, secondaryPrivateIpAddressCount: 1 });
    const { instanceId, address } = await world.instance({
      userDataBase64: Buffer.from(USER_DATA).toString('base64'),
      metadataOptions: { httpTokens, instanceMetadataTags: 'enabled' },
      tags: { Name: 'web' },
    });
    await setup.agent.ok('POST', `/v1/network-interfaces/${second.networkInterfaceId}/attach`, { instanceId, deviceIndex: 1 });
    const machine = await newMachine();
    const read = (path: string) => readFileSync(join(machine.root, path), 'utf8');
    writeFileSync(join(machine.root, 'etc/cloud/cloud.cfg.d/99-test.cfg'), settings);
    // Nobody answers DHCP: addresses come from outside. This says how long a guest tries.
    appendFileSync(join(machine.root, 'etc/dhcp/dhclient.conf'), 'timeout 1;\n');

    const { exitCode, all } = await machine.run(BOOT, { netns: instanceId, firmware });
    expect(exitCode, all).toBe(0);
    expect(JSON.parse(read('run/cloud-init/result.json')).v1).toEqual({ datasource: expect.stringMatching(/^DataSourceEc2/), errors: [] });
    const hostname = `ip-${address.replaceAll('.', '-')}`;
    expect([read('etc/hostname'), read('run/hostname-now'), read('root/said-by-user-data')]).toEqual(Array(3).fill(`${hostname}\n`));
    expect(read('home/debian/.ssh/authorized_keys')).toContain('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 somebody');
    const { ds, v1 } = JSON.parse(read('run/cloud-init/instance-data-sensitive.json'));
    expect(v1).toMatchObject({
      instance_id: instanceId,
      region: 'us-east-1',
      availability_zone: 'us-east-1a',
      local_hostname: expect.stringContaining(hostname),
    });
    expect(ds['meta-data']).toMatchObject({ 'local-ipv4': address, tags: { instance: { Name: 'web' } } });
    // The second interface by its MAC, and its secondary address with the subnet's length.
    const [primary, secondary] = second.privateIpAddresses.map((each: any) => each.privateIpAddress);
    const rendered = read('etc/network/interfaces.d/50-cloud-init');
    expect(rendered).toContain('auto eth0\niface eth0 inet dhcp\n');
    expect(rendered).toContain(
      `auto eth1\niface eth1 inet dhcp\n    metric 200\n\n# control-alias eth1\niface eth1 inet static\n    address ${secondary}/24\n`,
    );
    // What it did with the devices has not cut them off.
    for (const each of [address, primary, secondary]) expect(await pings(client.instanceId, each)).toBe(true);
  });
});

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
  expect(await inside(instanceId, `${GUEST}/configure-interfaces`)).toMatchObject({ exitCode: 0, stderr: '' });
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
