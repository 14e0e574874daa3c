import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeNetwork, startApi, type TestApi } from '../support/api.js';

let api: TestApi;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

/** Every page of a list, following the tokens. */
async function pages(path: string): Promise<any[][]> {
  const found: any[][] = [];
  let token: string | undefined;
  do {
    const page = await api.ok('GET', `${path}${token ? `&nextToken=${encodeURIComponent(token)}` : ''}`);
    found.push(page.items);
    token = page.nextToken;
  } while (token !== undefined && found.length < 20);
  return found;
}

describe('pages', () => {
  it('hold every item once, whatever is deleted in between', async () => {
    const { subnetId } = await makeNetwork(api);
    for (let i = 0; i < 12; i++) await api.ok('POST', '/v1/network-interfaces', { subnetId });
    const all = (await api.ok('GET', '/v1/network-interfaces')).items.map((eni: any) => eni.networkInterfaceId);
    expect(all).toHaveLength(12);
    const found = await pages('/v1/network-interfaces?maxResults=5');
    expect(found.map((page) => page.length)).toEqual([5, 5, 2]);
    expect(found.flat().map((eni) => eni.networkInterfaceId)).toEqual(all);

    const first = await api.ok('GET', '/v1/network-interfaces?maxResults=5');
    await api.call('DELETE', `/v1/network-interfaces/${all[4]}`);
    const second = await api.ok('GET', `/v1/network-interfaces?maxResults=5&nextToken=${encodeURIComponent(first.nextToken)}`);
    expect(second.items.map((eni: any) => eni.networkInterfaceId)).toEqual(all.slice(5, 10));
  });

  it('exist for what is no record too', async () => {
    const found = await pages('/v1/instance-types?maxResults=50');
    expect(found[0]).toHaveLength(50);
    expect(new Set(found.flat().map((type) => type.instanceType)).size).toBe(found.flat().length);
  });

  it.each([
    '/v1/vpcs',
    '/v1/subnets',
    '/v1/network-interfaces',
    '/v1/instances',
    '/v1/security-groups',
    '/v1/route-tables',
    '/v1/network-acls',
    '/v1/prefix-lists',
    '/v1/tags',
    '/v1/conditions',
  ])('%s is empty before anything is made', async (path) => {
    expect(await api.ok('GET', path)).toEqual({ items: [] });
  });
});

describe('filters', () => {
  it.each([
    ['/v1/network-interfaces', 'status:in-use', ['attached']],
    ['/v1/network-interfaces', 'status:available', ['free']],
    ['/v1/network-interfaces', 'status:available,in-use', ['attached', 'free']],
    ['/v1/network-interfaces', 'tag:Name:fr*', ['free']],
    ['/v1/network-interfaces', 'tag:Name:FREE', []],
    ['/v1/network-interfaces', 'private-ip-address:10.0.1.9?', ['free']],
    ['/v1/network-interfaces', 'attachment.status:attached', ['attached']],
    ['/v1/network-interfaces', 'attachment.device-index:1', ['attached']],
    ['/v1/network-interfaces', 'group-name:default&filter=status:available', ['free']],
    ['/v1/network-interfaces', 'mac-address:02:aa:bb:cc:dd:ee', ['free']],
    ['/v1/instances', 'instance-state-name:running', ['host']],
    ['/v1/instances', 'instance-state-name:stopped', []],
    ['/v1/subnets', 'availability-zone:us-east-1a', ['first']],
    ['/v1/vpcs', 'cidr:10.0.*', ['net']],
  ])('%s?filter=%s', async (path, filter, names) => {
    const { vpcId, subnetId } = await makeNetwork(api);
    await api.ok('PUT', `/v1/tags/${vpcId}`, { tags: { Name: 'net' } });
    await api.ok('PUT', `/v1/tags/${subnetId}`, { tags: { Name: 'first' } });
    await api.ok('POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.2.0/24', availabilityZone: 'us-east-1b', tags: { Name: 'second' } });
    const [instance] = (await api.ok('POST', '/v1/instances', { subnetId, tags: { Name: 'host' } })).instances;
    const primary = instance.networkInterfaces[0].networkInterfaceId;
    await api.ok('PUT', `/v1/tags/${primary}`, { tags: { Name: 'primary' } });
    const free = { subnetId, privateIpAddress: '10.0.1.99', macAddress: '02:aa:bb:cc:dd:ee', tags: { Name: 'free' } };
    await api.ok('POST', '/v1/network-interfaces', free);
    const { networkInterfaceId } = await api.ok('POST', '/v1/network-interfaces', { subnetId, tags: { Name: 'attached' } });
    await api.ok('POST', `/v1/network-interfaces/${networkInterfaceId}/attach`, { instanceId: instance.instanceId, deviceIndex: 1 });

    const { items } = await api.ok('GET', `${path}?filter=${filter}`);
    const found = items.map((item: any) => item.tags.Name).filter((name: string) => name !== 'primary');
    expect(found.sort()).toEqual(names);
  });

  it('lists tags of resources by key, value and type', async () => {
    const { vpcId, subnetId } = await makeNetwork(api);
    await api.ok('PUT', `/v1/tags/${vpcId}`, { tags: { Name: 'a', team: 'x' } });
    await api.ok('PUT', `/v1/tags/${subnetId}`, { tags: { Name: 'b' } });
    const found = async (filter: string) =>
      (await api.ok('GET', `/v1/tags?filter=${filter}`)).items.map((tag: any) => [tag.resourceId, tag.key, tag.value]);
    expect(await found('key:team')).toEqual([[vpcId, 'team', 'x']]);
    expect(await found('resource-type:subnet')).toEqual([[subnetId, 'Name', 'b']]);
    expect(await found(`resource-id:${vpcId}`)).toHaveLength(2);
  });

  it('lists zones and instance types', async () => {
    expect((await api.ok('GET', '/v1/availability-zones?filter=zone-name:*b')).items).toEqual([
      { zoneName: 'us-east-1b', regionName: 'us-east-1', state: 'available' },
    ]);
    const { items } = await api.ok('GET', '/v1/instance-types?filter=instance-type:t3.micro');
    expect(items).toEqual([expect.objectContaining({ maxNetworkInterfaces: 2, ipv4AddressesPerInterface: 2 })]);
  });
});
