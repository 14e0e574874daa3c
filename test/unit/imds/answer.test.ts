import { describe, expect, it } from 'vitest';
import { answerMetadata, type MetadataRequest } from '../../../agent/imds/answer.js';
import { callerOf } from '../../../agent/imds/caller.js';
import { World } from '../commands/world.js';

const KEY = Buffer.alloc(32, 1);
const NOW = Date.parse('2026-01-01T00:00:00Z');

/** Two instances, each with an interface in a subnet of its own VPC, with the same addresses. */
function lab(fields: Record<string, unknown> = {}) {
  const world = new World();
  const build = (more: Record<string, unknown>) => {
    const { vpcId } = world.run('createVpc', { cidrBlock: '10.0.0.0/16', ipv6: true });
    const { subnetId } = world.run('createSubnet', { vpcId, cidrBlock: '10.0.1.0/24', availabilityZone: 'us-east-1b', ipv6: true });
    const { instanceIds } = world.run('runInstances', {
      subnetId,
      instanceType: 'm5.large',
      privateIpAddress: '10.0.1.10',
      ipv6AddressCount: 1,
      ...more,
    });
    const [instanceId] = instanceIds as string[];
    return { vpcId: vpcId as string, subnetId: subnetId as string, instanceId: instanceId ?? '' };
  };
  const one = build(fields);
  const two = build({});
  const ask = (request: Partial<MetadataRequest> & { target?: string }, { vpcId } = one, nowMs = NOW) => {
    const instance = callerOf(world.state, vpcId, '10.0.1.10');
    if (!instance) throw new Error('nobody asks');
    return answerMetadata({ method: 'GET', target: '/', isForwarded: false, family: 4, ...request }, instance, {
      snapshot: world.state,
      region: 'us-east-1',
      key: KEY,
      nowMs,
      nonce: () => Buffer.alloc(12, 3),
    });
  };
  const get = (path: string, from = one) => {
    const { status, body } = ask({ target: path }, from);
    return status === 200 ? String(body) : status;
  };
  const token = (from = one, ttl = '60') => String(ask({ method: 'PUT', target: '/latest/api/token', ttl }, from).body);
  return { world, one, two, ask, get, token };
}

describe('session tokens', () => {
  const PUT = { method: 'PUT', target: '/latest/api/token' } as const;
  it.each([
    ['a second', { ...PUT, ttl: '1' }, 200],
    ['six hours', { ...PUT, ttl: '21600' }, 200],
    ['no time to live', PUT, 400],
    ['none', { ...PUT, ttl: '0' }, 400],
    ['more than six hours', { ...PUT, ttl: '21601' }, 400],
    ['a negative one', { ...PUT, ttl: '-1' }, 400],
    ['a fraction', { ...PUT, ttl: '1.5' }, 400],
    ['words', { ...PUT, ttl: 'forever' }, 400],
    ['twice', { ...PUT, ttl: '60, 60' }, 400],
    ['somebody forwards it', { ...PUT, ttl: '60', isForwarded: true }, 403],
    ['a version instead of latest', { ...PUT, target: '/2021-03-23/api/token', ttl: '60' }, 405],
    ['a slash at the end', { ...PUT, target: '/latest/api/token/', ttl: '60' }, 405],
    ['somewhere else', { ...PUT, target: '/latest/meta-data/', ttl: '60' }, 405],
    ['to read one', { target: '/latest/api/token' }, 405],
    ['to post one', { method: 'POST', target: '/latest/api/token', ttl: '60' }, 405],
    ['to delete something', { method: 'DELETE', target: '/latest/meta-data/' }, 405],
  ] as const)('%s', (_name, request, status) => {
    expect(lab().ask(request).status).toBe(status);
  });

  it('the answer carries the hop limit, the time to live, and ends the connection', () => {
    const { ask } = lab({ metadataOptions: { httpPutResponseHopLimit: 3 } });
    const { hopLimit, headers } = ask({ ...PUT, ttl: '77' });
    expect([hopLimit, headers['x-aws-ec2-metadata-token-ttl-seconds'], headers.connection]).toEqual([3, '77', 'close']);
    expect(ask({ target: '/latest/' }).hopLimit).toBeUndefined();
  });

  it.each([
    ['optional', 'none', 200],
    ['optional', 'its own', 200],
    ['optional', "another instance's", 401],
    ['optional', 'wrong', 401],
    ['optional', 'expired', 401],
    ['required', 'none', 401],
    ['required', 'its own', 200],
    ['required', "another instance's", 401],
    ['required', 'wrong', 401],
    ['required', 'expired', 401],
  ] as const)('%s, with %s', (httpTokens, which, status) => {
    const { ask, token, one, two } = lab({ metadataOptions: { httpTokens } });
    const tokens = { none: undefined, 'its own': token(), "another instance's": token(two), wrong: 'AAAA', expired: token() };
    const text = tokens[which];
    const request = { target: '/latest/meta-data/', ...(text !== undefined && { token: text }) };
    expect(ask(request, one, which === 'expired' ? NOW + 60_000 : NOW + 59_000).status).toBe(status);
  });

  it('answers tell how long the token is still good', () => {
    const { ask, token, one } = lab();
    expect(ask({ target: '/', token: token() }, one, NOW + 20_500).headers['x-aws-ec2-metadata-token-ttl-seconds']).toBe('40');
  });
});

describe('options', () => {
  it.each([
    ['disabled', { httpEndpoint: 'disabled' }, 4, 403],
    ['IPv6 by default', {}, 6, 403],
    ['IPv6 when enabled', { httpProtocolIpv6: 'enabled' }, 6, 200],
    ['IPv6 when all is disabled', { httpEndpoint: 'disabled', httpProtocolIpv6: 'enabled' }, 6, 403],
  ] as const)('%s', (_name, options, family, status) => {
    const { world, one, ask } = lab();
    if (Object.keys(options).length > 0) world.run('modifyInstanceMetadataOptions', { instanceId: one.instanceId, ...options });
    expect(ask({ target: '/latest/', family }).status).toBe(status);
    expect(ask({ method: 'PUT', target: '/latest/api/token', ttl: '60', family }).status).toBe(status);
  });

  it('change alone, and are refused when there are none or they are no options', () => {
    const { world, one } = lab();
    const { instanceId } = one;
    world.run('modifyInstanceMetadataOptions', { instanceId, httpTokens: 'required' });
    world.run('modifyInstanceMetadataOptions', { instanceId, httpPutResponseHopLimit: 64 });
    expect(world.state.get('instance', instanceId)?.metadataOptions).toEqual({
      httpEndpoint: 'enabled',
      httpTokens: 'required',
      httpPutResponseHopLimit: 64,
      httpProtocolIpv6: 'disabled',
      instanceMetadataTags: 'disabled',
    });
    world.refuse('modifyInstanceMetadataOptions', { instanceId }, 'MissingParameter');
    world.refuse('modifyInstanceMetadataOptions', { instanceId, httpPutResponseHopLimit: 65 }, 'InvalidParameterValue');
    world.refuse('modifyInstanceMetadataOptions', { instanceId, httpTokens: 'never' }, 'InvalidParameterValue');
    world.refuse(
      'modifyInstanceMetadataOptions',
      { instanceId: 'i-0123456789abcdef0', httpTokens: 'optional' },
      'InvalidInstanceID.NotFound',
    );
  });
});

describe('the tree', () => {
  it.each([
    ['/', /^1\.0\n2007-01-19\n[\s\S]*\nlatest$/],
    ['/latest', /^dynamic\nmeta-data$/],
    ['/2021-03-23/', /^dynamic\nmeta-data$/],
    ['/latest/dynamic/', /^fws\/\ninstance-identity\/$/],
    ['/latest/dynamic/instance-identity/', /^document$/],
    ['/latest/meta-data', /^ami-id\nami-launch-index\nami-manifest-path\nevents\/\nhibernation\/\nhostname\ninstance-action\n/],
    ['/latest/meta-data/network', /^interfaces\/$/],
    ['/latest/meta-data/network/interfaces/', /^macs\/$/],
    ['/latest/meta-data/network/interfaces/macs/', /^[0-9a-f:]{17}\/$/],
    ['/latest/meta-data/placement/', /^availability-zone\navailability-zone-id\nregion$/],
    ['/latest/meta-data/placement/availability-zone-id', /^use1-az2$/],
    ['/latest/meta-data/local-ipv4', /^10\.0\.1\.10$/],
    ['/latest/meta-data/local-ipv4/', /^10\.0\.1\.10$/],
    ['/latest//meta-data/local-ipv4?x=1', /^10\.0\.1\.10$/],
    ['/latest/meta-data/local-hostname', /^ip-10-0-1-10\.ec2\.internal$/],
    ['/latest/meta-data/security-groups', /^default$/],
  ] as const)('GET %s', (path, body) => {
    expect(lab().get(path)).toMatch(body);
  });

  it.each([
    ['/latest/meta-data/public-ipv4', 404],
    ['/latest/meta-data/tags/', 404],
    ['/latest/meta-data/iam/', 404],
    ['/latest/user-data', 404],
    ['/2099-01-01/', 404],
    ['/latest/meta-data/local-ipv4/more', 404],
    ['/latest/meta-data/../meta-data/', 404],
    ['/latest/meta-data/constructor', 404],
    ['/latest/meta-data/%zz', 400],
  ] as const)('GET %s is refused', (path, status) => {
    expect(lab().get(path)).toBe(status);
  });

  it('two VPCs with the same addresses: the listener tells who asks', () => {
    const { get, one, two } = lab();
    expect([get('/latest/meta-data/instance-id', one), get('/latest/meta-data/instance-id', two)]).toEqual([
      one.instanceId,
      two.instanceId,
    ]);
  });

  it('has every interface from its attachment on, and not after its detachment', () => {
    const { world, one, get } = lab();
    const macs = '/latest/meta-data/network/interfaces/macs/';
    const { networkInterfaceId } = world.run('createNetworkInterface', {
      subnetId: one.subnetId,
      privateIpAddresses: ['10.0.1.20', '10.0.1.21'],
    });
    const mac = world.state.get('networkInterface', networkInterfaceId)?.macAddress;
    expect(get(`${macs}${mac}/`)).toBe(404);
    const { attachmentId } = world.run('attachNetworkInterface', { networkInterfaceId, instanceId: one.instanceId, deviceIndex: 2 });
    expect(String(get(macs)).split('\n')).toHaveLength(2);
    const at = (leaf: string) => get(`${macs}${mac}/${leaf}`);
    expect(at('device-number')).toBe('2');
    expect(at('interface-id')).toBe(networkInterfaceId);
    expect(at('local-ipv4s')).toBe('10.0.1.20\n10.0.1.21');
    expect(at('subnet-ipv4-cidr-block')).toBe('10.0.1.0/24');
    expect(at('vpc-ipv4-cidr-blocks')).toBe('10.0.0.0/16');
    expect(at('security-groups')).toBe('default');
    expect(at('ipv6s')).toBe(404);
    expect(get('/latest/meta-data/local-ipv4')).toBe('10.0.1.10');
    world.run('detachNetworkInterface', { attachmentId });
    expect(get(`${macs}${mac}/`)).toBe(404);
  });

  it('has elastic addresses where they belong', () => {
    const { world, one, get } = lab();
    const { internetGatewayId } = world.run('createInternetGateway', {});
    world.run('attachInternetGateway', { internetGatewayId, vpcId: one.vpcId });
    world.run('modifyVpc', { vpcId: one.vpcId, enableDnsHostnames: true });
    const { allocationId } = world.run('allocateAddress', {});
    world.run('associateAddress', { allocationId, instanceId: one.instanceId });
    const publicIp = world.state.get('elasticIp', allocationId)?.publicIp ?? '';
    const mac = get('/latest/meta-data/mac');
    const at = `/latest/meta-data/network/interfaces/macs/${mac}`;
    expect(get('/latest/meta-data/public-ipv4')).toBe(publicIp);
    expect(get('/latest/meta-data/public-hostname')).toBe(`ec2-${publicIp.replaceAll('.', '-')}.compute-1.amazonaws.com`);
    expect(get(`${at}/public-ipv4s`)).toBe(publicIp);
    expect(get(`${at}/ipv4-associations/`)).toBe(publicIp);
    expect(get(`${at}/ipv4-associations/${publicIp}`)).toBe('10.0.1.10');
  });

  it('has tags when they are enabled, and keeps out keys that are no names', () => {
    const { world, one, get } = lab({ tags: { Name: 'web', 'a:b': 'c' } });
    const { instanceId } = one;
    expect(get('/latest/meta-data/tags/instance/Name')).toBe(404);
    world.run('modifyInstanceMetadataOptions', { instanceId, instanceMetadataTags: 'enabled' });
    expect(get('/latest/meta-data/tags/')).toBe('instance/');
    expect(get('/latest/meta-data/tags/instance/')).toBe('Name\na:b');
    expect(get('/latest/meta-data/tags/instance/a%3Ab')).toBe('c');
    world.refuse('createTags', { resourceId: instanceId, tags: { 'a/b': '' } }, 'InvalidParameterValue', /a\/b/);
    world.run('modifyInstanceMetadataOptions', { instanceId, instanceMetadataTags: 'disabled' });
    world.run('createTags', { resourceId: instanceId, tags: { 'a/b': '' } });
    world.refuse('modifyInstanceMetadataOptions', { instanceId, instanceMetadataTags: 'enabled' }, 'InvalidParameterValue', /a\/b/);
  });

  it.each([
    ['text', { userData: '#!/bin/sh\necho ü\n' }, Buffer.from('#!/bin/sh\necho ü\n')],
    ['text in base64', { userDataBase64: Buffer.from('#cloud-config\n').toString('base64') }, Buffer.from('#cloud-config\n')],
    ['bytes', { userDataBase64: Buffer.from([0x1f, 0x8b, 0, 255, 128]).toString('base64') }, Buffer.from([0x1f, 0x8b, 0, 255, 128])],
  ] as const)('gives user data as it came: %s', (_name, fields, bytes) => {
    const { ask, get } = lab(fields);
    const { status, body, headers } = ask({ target: '/latest/user-data' });
    expect([status, headers['content-type']]).toEqual([200, 'application/octet-stream']);
    expect(Buffer.compare(Buffer.from(body), bytes)).toBe(0);
    expect(get('/latest/')).toBe('dynamic\nmeta-data\nuser-data');
  });

  it('has the identity document', () => {
    const { get, one } = lab();
    expect(JSON.parse(String(get('/latest/dynamic/instance-identity/document')))).toMatchObject({
      accountId: '123456789012',
      architecture: 'x86_64',
      availabilityZone: 'us-east-1b',
      instanceId: one.instanceId,
      instanceType: 'm5.large',
      pendingTime: '2026-01-01T00:00:00Z',
      privateIp: '10.0.1.10',
      region: 'us-east-1',
      kernelId: null,
    });
  });
});

describe('who asks', () => {
  it.each([
    ['an address that nobody has', '10.0.1.99'],
    ['a link-local address', 'fe80::1%eth0'],
    ['an address of another shape', '::ffff:10.0.1.10'],
  ])('%s: nobody', (_name, address) => {
    const { world, one } = lab();
    expect(callerOf(world.state, one.vpcId, address)).toBeUndefined();
  });

  it('an interface that is attached to nothing: nobody', () => {
    const { world, one } = lab();
    world.run('createNetworkInterface', { subnetId: one.subnetId, privateIpAddress: '10.0.1.50' });
    expect(callerOf(world.state, one.vpcId, '10.0.1.50')).toBeUndefined();
  });

  it('IPv6 in any spelling', () => {
    const { world, one } = lab();
    const [address = ''] = world.state.by('networkInterface', 'instanceId', one.instanceId).flatMap((eni) => eni.ipv6Addresses);
    expect(callerOf(world.state, one.vpcId, address.toUpperCase())?.instanceId).toBe(one.instanceId);
  });
});
