import { describe, expect, it } from 'vitest';
import { mintId } from '../../../agent/model/ids.js';
import { bootOf } from '../../../agent/planner/boot.js';
import { hostLabel } from '../../../agent/planner/names.js';
import { affectedResolvers, resolverUnit } from '../../../agent/planner/resolver.js';
import { planServices } from '../../../agent/planner/services.js';
import { HOST, WorldBuilder } from '../../support/builders.js';

const settings = { hostId: HOST, region: 'eu-west-1' };

function lab() {
  const world = new WorldBuilder();
  const vpc = world.vpc({ cidrBlock: '10.7.0.0/16' });
  const subnet = world.subnet(vpc, '10.7.1.0/24');
  const web = world.instance(vpc, { tags: { Name: 'web' } });
  const eni = world.networkInterface(subnet, '10.7.1.10', { to: web, privateIpAddresses: ['10.7.1.10', '10.7.1.20'], ipv6: ['fd00::10'] });
  const second = world.networkInterface(subnet, '10.7.1.11', { to: web, deviceIndex: 1, ipv6: ['fd00::11'] });
  return { world, vpc, subnet, web, eni, second };
}
const hostsOf = ({ world, vpc }: Pick<ReturnType<typeof lab>, 'world' | 'vpc'>) =>
  planServices(world.snapshot(), settings, resolverUnit(vpc.vpcId))[0]?.files?.hosts?.split('\n').filter(Boolean);

describe('names', () => {
  it('of addresses, and of instances at the primary address and the IPv6 addresses of the primary interface', () => {
    const built = lab();
    const id = built.web.instanceId;
    const domain = 'eu-west-1.compute.internal';
    const own = `${id}.${domain} ${id} web.${domain} web`;
    expect(hostsOf(built)).toEqual([
      `10.7.1.10 ip-10-7-1-10.${domain} ip-10-7-1-10 ${own}`,
      `10.7.1.11 ip-10-7-1-11.${domain} ip-10-7-1-11`,
      `10.7.1.20 ip-10-7-1-20.${domain} ip-10-7-1-20`,
      `fd00::10 ${own}`,
    ]);
  });

  it.each<[string, string | undefined]>([
    ['web', 'web'],
    ['Web Server 1', 'web-server-1'],
    ['db.prod', 'db.prod'],
    ['  ünïcode  ', 'n-code'],
    ['a\n6.6.6.6 evil', 'a-6.6.6.6-evil'],
    ['ip-10-0-0-1', undefined],
    ['i-0123', undefined],
    ['localhost', undefined],
    ['10.0.0.1', undefined],
    ['..', undefined],
    ['---', undefined],
    ['', undefined],
  ])('%j as a host name', (text, label) => expect(hostLabel(text)).toBe(label));

  it('a terminated instance and one being detached have none; a stopped one has', () => {
    const built = lab();
    const { world, web, eni } = built;
    world.put('instance', { ...web, state: 'stopped' });
    world.networkInterface(built.subnet, '10.7.1.30', { to: world.instance(built.vpc) });
    expect(hostsOf(built)?.join()).toContain('web');
    world.put('instance', { ...web, state: 'terminated' });
    expect(hostsOf(built)?.join()).not.toContain('web');
    world.put('instance', web);
    world.detach(eni);
    expect(hostsOf(built)?.join()).not.toContain('web');
  });
});

describe('the resolver', () => {
  it('is there with its VPC, unless that does without', () => {
    const { world, vpc, eni, second } = lab();
    const unit = resolverUnit(vpc.vpcId);
    expect(planServices(world.snapshot(), settings, unit)).toHaveLength(1);
    expect(planServices(world.snapshot(), { ...settings, hostId: 'other' }, unit)).toEqual([]);
    world.put('vpc', { ...vpc, enableDnsSupport: false });
    expect(planServices(world.snapshot(), settings, unit)).toEqual([]);
    world.put('vpc', vpc);
    for (const each of [eni, second]) world.detach(each);
    expect(planServices(world.snapshot(), settings, unit)).toEqual([]);
  });

  it('asks the lab’s DNS while there is an internet', () => {
    const { world, vpc } = lab();
    const servers = () => planServices(world.snapshot(), settings, resolverUnit(vpc.vpcId))[0]?.files?.servers;
    expect(servers()).toBe('');
    const internetGatewayId = mintId('internetGateway', (digits) => 'a'.repeat(digits));
    world.put('internetGateway', { ownerId: vpc.ownerId, tags: {}, internetGatewayId, vpcId: vpc.vpcId });
    expect(servers()).toBe('server=fe80::ff:fe00:1%up0\n');
    expect(planServices(world.snapshot(), settings, 'internet').map(({ name }) => name)).toEqual(['internet.http', 'internet.dns']);
  });

  type Lab = ReturnType<typeof lab>;
  it.each<[string, (lab: Lab) => unknown, boolean]>([
    ['a Name tag', ({ world, web }) => world.put('instance', { ...web, tags: { Name: 'db' } }), true],
    ['another tag', ({ world, web }) => world.put('instance', { ...web, tags: { Name: 'web', stage: 'x' } }), false],
    ['an address', ({ world, eni }) => world.put('networkInterface', { ...eni, privateIpAddresses: ['10.7.1.10'] }), true],
    ['a new interface', ({ world, subnet }) => world.networkInterface(subnet, '10.7.1.99'), true],
    ['a further interface detached', ({ world, second }) => world.detach(second), false],
    ['the primary one detached', ({ world, eni }) => world.detach(eni), true],
    ['groups', ({ world, eni }) => world.put('networkInterface', { ...eni, groupIds: [] }), false],
    ['an instance stops', ({ world, web }) => world.put('instance', { ...web, bootSerial: 2 }), false],
    ['enableDnsSupport', ({ world, vpc }) => world.put('vpc', { ...vpc, enableDnsSupport: false }), true],
    ['a tag of the VPC', ({ world, vpc }) => world.put('vpc', { ...vpc, tags: { a: 'b' } }), false],
  ])('is affected or not: %s', (_name, change, affected) => {
    const built = lab();
    const event = built.world.commit(() => change(built));
    expect(affectedResolvers(event, HOST)).toEqual(new Set(affected ? [resolverUnit(built.vpc.vpcId)] : []));
  });
});

describe('resolv.conf', () => {
  const dhcpOptionsId = mintId('dhcpOptions', (digits) => 'b'.repeat(digits));
  it.each<[string, { domainName?: string; domainNameServers?: string[]; enableDnsSupport?: boolean }, string]>([
    ['as it comes', {}, 'search eu-west-1.compute.internal\nnameserver 10.7.0.2\n'],
    ['a domain', { domainName: 'corp.example' }, 'search corp.example\nnameserver 10.7.0.2\n'],
    [
      'servers, in order',
      { domainNameServers: ['10.9.0.1', 'AmazonProvidedDNS', 'fd00::1'] },
      'search eu-west-1.compute.internal\nnameserver 10.9.0.1\nnameserver 10.7.0.2\nnameserver fd00::1\n',
    ],
    ['no resolver', { enableDnsSupport: false }, 'search eu-west-1.compute.internal\n'],
    [
      'no resolver, other servers',
      { enableDnsSupport: false, domainNameServers: ['10.9.0.1'] },
      'search eu-west-1.compute.internal\nnameserver 10.9.0.1\n',
    ],
  ])('%s', (_name, { enableDnsSupport = true, domainNameServers, domainName }, expected) => {
    const { world, vpc, web } = lab();
    const options = { dhcpOptionsId, domainNameServers: domainNameServers ?? ['AmazonProvidedDNS'], ...(domainName && { domainName }) };
    world.put('dhcpOptions', { ownerId: vpc.ownerId, tags: {}, ...options });
    world.put('vpc', { ...vpc, enableDnsSupport, dhcpOptionsId: domainName || domainNameServers ? dhcpOptionsId : 'default' });
    expect(bootOf(world.snapshot(), settings, web.instanceId)?.resolvConf).toBe(expected);
  });
});
