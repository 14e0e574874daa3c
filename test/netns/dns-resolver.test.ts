import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { namespaceOf } from '../../agent/instances/processes.js';
import { teardown } from '../../agent/teardown.js';
import { inside, until } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

const setup = useAgent();

/** Answers of a name server as seen from a namespace; an error code when there is none. Not given: the servers of resolv.conf. */
async function ask(netns: string, name: string, type = 'A', server?: string): Promise<string[] | string> {
  const script = `const { Resolver } = require('node:dns').promises;
    const resolver = new Resolver({ timeout: 500, tries: 2 });
    const [name, type, server] = process.argv.slice(1);
    if (server) resolver.setServers([server]);
    (type === 'PTR' && !name.endsWith('arpa') ? resolver.reverse(name) : resolver.resolve(name, type))
      .then((answers) => answers.flat().sort(), (error) => error.code)
      .then((answer) => console.log(JSON.stringify(answer)));`;
  const { stdout } = await inside(netns, process.execPath, '-e', script, name, type, ...(server ? [server] : []));
  return JSON.parse(stdout);
}

const hex = (id: string) => id.slice(id.indexOf('-') + 1);
const service = (vpcId: string) => `${setup.agent.dataDir}/services/dns-${hex(vpcId)}`;
const pidOf = (vpcId: string) => Number.parseInt(readFileSync(`${service(vpcId)}/process`, 'utf8'), 10);
/** Waits for another process than the one that there was. */
const replaced = (vpcId: string, old: number, withinMs: number) =>
  until(() => existsSync(`${service(vpcId)}/process`) && ![old, Number.NaN].includes(pidOf(vpcId)), withinMs, 'a new resolver');

it('answers names of addresses, of instances and of Name tags, and addresses in reverse', async () => {
  const { instance, networkInterface } = await setup.world();
  const client = await instance();
  const web = await instance({ tags: { Name: 'Web Server 1' } });
  const spare = (await networkInterface()).privateIpAddresses[0].privateIpAddress;
  const label = (address: string) => `ip-${address.replaceAll('.', '-')}`;
  for (const server of [undefined, '10.0.0.2', '169.254.169.253']) {
    expect(await ask(client.instanceId, `${label(web.address)}.ec2.internal`, 'A', server)).toEqual([web.address]);
    expect(await ask(client.instanceId, `${web.instanceId}.ec2.internal`, 'A', server)).toEqual([web.address]);
    expect(await ask(client.instanceId, 'web-server-1.ec2.internal', 'A', server)).toEqual([web.address]);
    expect(await ask(client.instanceId, `${label(spare)}.ec2.internal`, 'A', server)).toEqual([spare]);
    expect(await ask(client.instanceId, web.address, 'PTR', server)).toEqual([`${label(web.address)}.ec2.internal`]);
    expect(await ask(client.instanceId, 'nobody.ec2.internal', 'A', server)).toBe('ENOTFOUND');
    expect(await ask(client.instanceId, '10.0.9.9', 'PTR', server)).toBe('ENOTFOUND');
  }
  // The search domain of resolv.conf makes bare names work.
  expect((await inside(client.instanceId, 'getent', 'ahostsv4', 'web-server-1')).stdout.split(/\s+/)[0]).toBe(web.address);
});

it('follows the model: tags, new addresses, instances that go', async () => {
  const { agent, instance } = await setup.world();
  const client = await instance();
  const web = await instance({ tags: { Name: 'web' } });
  const before = pidOf(web.eni.vpcId);
  expect(await ask(client.instanceId, 'web.ec2.internal')).toEqual([web.address]);
  await agent.ok('PUT', `/v1/tags/${web.instanceId}`, { tags: { Name: 'db' } });
  await until(async () => (await ask(client.instanceId, 'db.ec2.internal'))[0] === web.address);
  expect(await ask(client.instanceId, 'web.ec2.internal')).toBe('ENOTFOUND');
  await agent.ok('POST', `/v1/network-interfaces/${web.eni.networkInterfaceId}/assign-private-ip-addresses`, {
    privateIpAddresses: ['10.0.1.200'],
  });
  await until(async () => (await ask(client.instanceId, 'ip-10-0-1-200.ec2.internal'))[0] === '10.0.1.200');
  await agent.ok('DELETE', `/v1/instances/${web.instanceId}`);
  await until(async () => (await ask(client.instanceId, 'db.ec2.internal')) === 'ENOTFOUND');
  // All that without a restart of the resolver.
  expect(pidOf(web.eni.vpcId)).toBe(before);
});

it('answers IPv6 addresses, and over IPv6 where a VPC has it', async () => {
  const { agent, instance, vpcId } = await setup.world({ ipv6: true });
  const body = { vpcId, cidrBlock: '10.0.3.0/24', availabilityZone: 'us-east-1a', ipv6: true, assignIpv6AddressOnCreation: true };
  const { subnetId } = await agent.ok('POST', '/v1/subnets', body);
  const client = await instance({ subnetId });
  const [address] = client.eni.ipv6Addresses;
  const name = `${client.instanceId}.ec2.internal`;
  expect(address).toMatch(/^fd/);
  for (const server of ['10.0.0.2', 'fd00:ec2::253']) {
    expect(await ask(client.instanceId, name, 'AAAA', server)).toEqual([address]);
    expect(await ask(client.instanceId, name, 'A', server)).toEqual([client.address]);
  }
});

it('goes with enableDnsSupport, and instances learn of it and of other DHCP options at once', async () => {
  const { agent, instance, vpcId } = await setup.world();
  const client = await instance();
  const resolvConf = async () => (await inside(client.instanceId, 'cat', '/etc/resolv.conf')).stdout;
  expect(await resolvConf()).toBe('search ec2.internal\nnameserver 10.0.0.2');
  const pid = pidOf(vpcId);
  await agent.ok('PATCH', `/v1/vpcs/${vpcId}`, { enableDnsSupport: false });
  await until(async () => (await resolvConf()) === 'search ec2.internal');
  expect(() => process.kill(pid, 0)).toThrow();
  expect(await ask(client.instanceId, 'ip-10-0-1-4.ec2.internal', 'A', '10.0.0.2')).not.toEqual(['10.0.1.4']);
  await agent.ok('PATCH', `/v1/vpcs/${vpcId}`, { enableDnsSupport: true });
  const name = `${client.instanceId}.ec2.internal`;
  await until(async () => (await ask(client.instanceId, name, 'A', '10.0.0.2'))[0] === client.address);
  const options = { domainName: 'corp.example', domainNameServers: ['AmazonProvidedDNS', '10.0.2.53'] };
  const { dhcpOptionsId } = await agent.ok('POST', '/v1/dhcp-options', options);
  await agent.ok('POST', `/v1/vpcs/${vpcId}/dhcp-options`, { dhcpOptionsId });
  await until(async () => (await resolvConf()) === 'search corp.example\nnameserver 10.0.0.2\nnameserver 10.0.2.53');
});

it('outlives the daemon, is found again, and is started again when it dies', async () => {
  const { agent, instance, vpcId } = await setup.world();
  const client = await instance();
  const name = `${client.instanceId}.ec2.internal`;
  const pid = pidOf(vpcId);
  await agent.kill();
  expect(await ask(client.instanceId, name)).toEqual([client.address]);
  await agent.start();
  expect(pidOf(vpcId)).toBe(pid);
  // Not a child of this daemon: its end makes no event.
  process.kill(pid, 'SIGKILL');
  await replaced(vpcId, pid, 5000);
  await until(async () => (await ask(client.instanceId, name))[0] === client.address);
  // A child of this one: at once.
  const second = pidOf(vpcId);
  process.kill(second, 'SIGKILL');
  await replaced(vpcId, second, 3000);
  await until(async () => (await ask(client.instanceId, name))[0] === client.address);
});

it('a router that was deleted has its resolver again, and one that lost its addresses too', async () => {
  const { instance, vpcId } = await setup.world();
  const client = await instance();
  const name = `${client.instanceId}.ec2.internal`;
  const answers = async () => (await ask(client.instanceId, name, 'A', '10.0.0.2'))[0] === client.address;
  const pid = pidOf(vpcId);
  await inside(vpcId, 'ip', 'address', 'delete', '10.0.0.2/32', 'dev', 'lo');
  await until(answers, 5000, 'an answer');
  expect(pidOf(vpcId)).toBe(pid);
  execFileSync('ip', ['netns', 'delete', vpcId]);
  await replaced(vpcId, pid, 8000);
  await until(answers, 5000, 'an answer');
  expect(existsSync(`/proc/${pid}`)).toBe(false);
});

it('two VPCs with the same ranges have names of their own; a resolver ends with its VPC', async () => {
  const [one, two] = [await setup.world(), await setup.world()];
  const [a, b] = [await one.instance({ tags: { Name: 'here' } }), await two.instance({ tags: { Name: 'there' } })];
  expect(await ask(a.instanceId, 'here.ec2.internal')).toEqual([a.address]);
  expect(await ask(a.instanceId, 'there.ec2.internal')).toBe('ENOTFOUND');
  expect(await ask(b.instanceId, 'there.ec2.internal')).toEqual([b.address]);
  const pid = pidOf(two.vpcId);
  await setup.agent.ok('DELETE', `/v1/instances/${b.instanceId}`);
  await until(() => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  });
  expect(await ask(a.instanceId, 'here.ec2.internal')).toEqual([a.address]);
});

it('a teardown ends it', async () => {
  const { agent, instance, vpcId } = await setup.world();
  await instance();
  const pid = pidOf(vpcId);
  await agent.stop();
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  await teardown({ dataDir: agent.dataDir, removeData: false });
  // Nobody may have taken note of its end yet.
  expect([namespaceOf(pid, 'net'), existsSync(service(vpcId))]).toEqual([undefined, false]);
  await agent.start();
});
