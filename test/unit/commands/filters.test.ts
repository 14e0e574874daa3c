import { describe, expect, it } from 'vitest';
import type { FilterFacts } from '../../../agent/commands/filter-facts.js';
import { applyFilters, paginate, parseFilter } from '../../../agent/commands/filters.js';
import { filterRecords, listKey, NOUN_FILTERS } from '../../../agent/commands/noun-filters.js';
import { ApiError } from '../../../agent/model/errors.js';
import type { TaggedKind } from '../../../agent/model/resource.js';
import { ID_FIELD } from '../../../agent/model/snapshot.js';
import { city } from './world.js';

const codeOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    if (error instanceof ApiError) return error.code;
  }
  return undefined;
};

describe('a filter in a query', () => {
  it.each([
    ['vpc-id:vpc-1', { name: 'vpc-id', values: ['vpc-1'] }],
    ['status:a,b', { name: 'status', values: ['a', 'b'] }],
    ['status:', { name: 'status', values: [''] }],
    ['tag:Name:web', { name: 'tag:Name', values: ['web'] }],
    ['tag:a\\:b:c:d', { name: 'tag:a:b', values: ['c:d'] }],
    ['description:a\\,b,c', { name: 'description', values: ['a\\,b', 'c'] }],
    ['description:a\\\\,b', { name: 'description', values: ['a\\\\', 'b'] }],
    ['ipv6:fd00::1', { name: 'ipv6', values: ['fd00::1'] }],
  ])('%s', (text, filter) => expect(parseFilter(text)).toEqual(filter));

  it.each(['vpc-id', ':x', '', 'tag:Name'])('%s is refused', (text) => {
    expect(codeOf(() => parseFilter(text))).toBe('InvalidParameterValue');
  });
});

describe('wildcards', () => {
  it.each([
    ['web', 'web', true],
    ['web', 'Web', false],
    ['web', 'web1', false],
    ['web*', 'web1', true],
    ['web*', 'web', true],
    ['*', '', true],
    ['*1', 'web1', true],
    ['w*b*', 'wxbx', true],
    ['w*b', 'wxbx', false],
    ['we?', 'web', true],
    ['we?', 'we', false],
    ['we\\*', 'we*', true],
    ['we\\*', 'web', false],
    ['a\\,b', 'a,b', true],
    ['a.b', 'axb', false],
    ['[a]', '[a]', true],
    ['a\\', 'a\\', true],
    ['?', '網', true],
    ['?', '😀', true],
    [`${'*a'.repeat(30)}b`, 'a'.repeat(3000), false],
  ])('%s on %s: %s', (pattern, value, expected) => {
    const found = applyFilters([value], { value: (item: string) => [item] }, [{ name: 'value', values: [pattern] }], undefined);
    expect(found).toHaveLength(expected ? 1 : 0);
  });
});

function facts(c: ReturnType<typeof city>): FilterFacts {
  return {
    snapshot: c.world.state,
    interfaceStatus: (eni) => (eni.attachment ? 'in-use' : 'available'),
    attachmentStatus: (eni) => eni.attachment?.status ?? '',
    natGatewayState: (gateway) => gateway.state,
    instanceState: (instance) => instance.state,
    privateDnsName: (address) => `ip-${address.replaceAll('.', '-')}.ec2.internal`,
  };
}

describe('nouns', () => {
  const c = city();
  c.world.run('createTags', { resourceId: c.eniId, tags: { Name: 'front', 'a:b': 'x', toString: 'y' } });
  c.world.run('attachNetworkInterface', { networkInterfaceId: c.eniId, instanceId: c.instanceId, deviceIndex: 1 });
  c.world.run('createRoute', { routeTableId: c.mainRouteTableId, destination: '0.0.0.0/0', networkInterfaceId: c.eniId });
  const attachmentId = c.world.eni(c.eniId).attachment?.attachmentId ?? '';
  const primary = c.primaryOf(c.instanceId);
  const find = (kind: TaggedKind, ...filters: string[]): string[] =>
    filterRecords(kind, filters.map(parseFilter), facts(c)).map((record) => String(record[ID_FIELD[kind] as keyof typeof record]));

  const rows: readonly (readonly [TaggedKind, readonly string[], readonly string[]])[] = [
    ['networkInterface', [], [c.eniId, primary]],
    ['networkInterface', [`network-interface-id:${c.eniId}`], [c.eniId]],
    ['networkInterface', [`attachment.attachment-id:${attachmentId}`], [c.eniId]],
    ['networkInterface', [`attachment.instance-id:${c.instanceId}`], [c.eniId, primary]],
    ['networkInterface', [`attachment.instance-id:${c.instanceId}`, 'attachment.device-index:0'], [primary]],
    ['networkInterface', ['attachment.status:attached', 'attachment.delete-on-termination:true'], [primary]],
    ['networkInterface', ['attachment.status:detached'], []],
    ['networkInterface', ['status:in-use,available'], [c.eniId, primary]],
    ['networkInterface', ['status:available'], []],
    ['networkInterface', ['private-ip-address:10.0.1.5'], [c.eniId]],
    ['networkInterface', ['addresses.private-ip-address:10.0.1.*'], [c.eniId, primary]],
    ['networkInterface', ['private-dns-name:ip-10-0-1-5.ec2.internal'], [c.eniId]],
    ['networkInterface', [`mac-address:${c.world.eni(c.eniId).macAddress}`], [c.eniId]],
    ['networkInterface', [`vpc-id:${c.otherVpcId}`], []],
    ['networkInterface', [`subnet-id:${c.subnetId}`, 'availability-zone:us-east-1a'], [c.eniId, primary]],
    ['networkInterface', [`group-id:${c.defaultGroupId}`, 'group-name:def*'], [c.eniId, primary]],
    ['networkInterface', ['tag:Name:front'], [c.eniId]],
    ['networkInterface', ['tag:Name:f*,back'], [c.eniId]],
    ['networkInterface', ['tag:a\\:b:x'], [c.eniId]],
    ['networkInterface', ['tag:toString:y'], [c.eniId]],
    ['networkInterface', ['tag:valueOf:*'], []],
    ['networkInterface', ['tag-key:Name'], [c.eniId]],
    ['networkInterface', ['source-dest-check:true', 'requester-managed:false'], [c.eniId, primary]],
    ['instance', [`instance-id:${c.instanceId}`, 'instance-state-name:running', 'instance-state-code:16'], [c.instanceId]],
    ['instance', ['instance-state-name:stop*'], []],
    ['instance', ['private-ip-address:10.0.1.4', 'instance-type:m5.*'], [c.instanceId]],
    ['instance', ['private-ip-address:10.0.1.5'], []],
    ['instance', ['network-interface.addresses.private-ip-address:10.0.1.5'], [c.instanceId]],
    ['instance', [`network-interface.network-interface-id:${c.eniId}`], [c.instanceId]],
    ['instance', [`network-interface.attachment.attachment-id:${attachmentId}`], [c.instanceId]],
    ['instance', ['instance.group-name:default', `vpc-id:${c.vpcId}`, `subnet-id:${c.subnetId}`], [c.instanceId]],
    ['vpc', ['cidr:10.0.0.0/16', `vpc-id:${c.vpcId}`, 'is-default:false', 'state:available'], [c.vpcId]],
    ['vpc', ['ipv6-cidr-block-association.ipv6-cidr-block:fd*'], [c.vpcId]],
    ['subnet', [`vpc-id:${c.vpcId}`, 'availability-zone:us-east-1b'], [c.farSubnetId]],
    ['subnet', ['available-ip-address-count:249'], [c.subnetId]],
    ['securityGroup', ['group-name:web', `vpc-id:${c.vpcId}`], [c.groupId]],
    ['securityGroup', [`ip-permission.group-id:${c.defaultGroupId}`], [c.defaultGroupId]],
    ['securityGroup', ['egress.ip-permission.ipv6-cidr:::/0', 'group-name:web'], [c.groupId]],
    ['routeTable', ['association.main:true', `vpc-id:${c.vpcId}`], [c.mainRouteTableId]],
    [
      'routeTable',
      [`association.route-table-association-id:${c.world.get('routeTable', c.mainRouteTableId).mainAssociationId}`],
      [c.mainRouteTableId],
    ],
    ['routeTable', ['route.destination-cidr-block:0.0.0.0/0', `route.instance-id:${c.instanceId}`], [c.mainRouteTableId]],
    ['networkAcl', [`association.subnet-id:${c.subnetId}`, 'default:true'], [c.world.get('vpc', c.vpcId).defaultNetworkAclId]],
    ['prefixList', ['prefix-list-name:x'], []],
    ['networkInterface', ['owner-id:123456789012'], [c.eniId, primary]],
  ];
  for (const [kind, filters, expected] of rows)
    it(`${kind} by ${filters.join(' and ') || 'nothing'}`, () => expect(find(kind, ...filters).sort()).toEqual([...expected].sort()));

  it.each(['color:red', 'constructor:x', 'vpc:x', '__proto__:x', 'Tag:x:y'])('no filter %s', (text) => {
    for (const kind of Object.keys(NOUN_FILTERS) as TaggedKind[]) expect(codeOf(() => find(kind, text))).toBe('InvalidParameterValue');
  });

  it('at most 200 values', () => {
    expect(find('vpc', `vpc-id:${Array(200).fill('x').join(',')}`)).toEqual([]);
    expect(codeOf(() => find('vpc', `vpc-id:${Array(200).fill('x').join(',')}`, 'state:available'))).toBe('FilterLimitExceeded');
  });
});

describe('pages', () => {
  const items = Array.from({ length: 23 }, (_, i) => `k${String((i * 7) % 23).padStart(2, '0')} ä`);
  const all = (list: string[], size: number, between?: (page: number) => void) => {
    const seen: string[] = [];
    let nextToken: string | undefined;
    for (let page = 0; page < 20; page++) {
      const got = paginate(list, (item) => item, { maxResults: size, nextToken }, 'list');
      seen.push(...got.items);
      nextToken = got.nextToken;
      between?.(page);
      if (nextToken === undefined) break;
    }
    return seen;
  };

  it.each([5, 7, 22, 23, 24, 1000])('of %i show everything once, in order', (size) => {
    expect(all(items, size)).toEqual([...items].sort());
  });

  it('without a size: everything', () => {
    expect(paginate(items, (item) => item, {}, 'list')).toEqual({ items: [...items].sort() });
  });

  it('stay right when items come and go between them', () => {
    const list = [...items];
    const seen = all(list, 5, (page) => {
      if (page > 0) return;
      list.splice(list.indexOf('k04 ä'), 1);
      list.splice(list.indexOf('k10 ä'), 1);
      list.push('k03 b', 'k99 ä');
    });
    expect(seen).toEqual([...items.filter((item) => item !== 'k10 ä'), 'k99 ä'].sort());
  });

  it.each([
    ['rubbish', 'xyz!'],
    ['empty', ''],
    ['base64 of something else', btoa('hello')],
    ["another list's", paginate(items, (item) => item, { maxResults: 5 }, 'other').nextToken ?? ''],
  ])('refuse a token that is %s', (_name, nextToken) => {
    expect(codeOf(() => paginate(items, (item) => item, { nextToken }, 'list'))).toBe('InvalidNextToken');
  });

  it('go by time of creation, then by id', () => {
    const c = city();
    c.world.wait(1);
    const later = c.create();
    const records = c.world.state.all('networkInterface');
    const { items: ordered } = paginate(records, (record) => listKey('networkInterface', record), {}, '');
    expect(ordered.at(-1)?.networkInterfaceId).toBe(later);
    expect(ordered).toHaveLength(3);
    expect(listKey('vpc', c.world.get('vpc', c.vpcId))).toBe(` ${c.vpcId}`);
  });
});
