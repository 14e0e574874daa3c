import { describe, expect, it } from 'vitest';
import { city } from './world.js';

const rulesOf = (c: ReturnType<typeof city>, direction: 'ingress' | 'egress') =>
  c.world
    .get('securityGroup', c.groupId)
    .rules.filter((rule) => rule.direction === direction)
    .map(({ ruleId: _id, direction: _direction, tags: _tags, ...rest }) => rest);

describe('security group', () => {
  it('lets nothing in and everything out when it is new', () => {
    const c = city();
    expect(rulesOf(c, 'ingress')).toEqual([]);
    expect(rulesOf(c, 'egress').map((rule) => rule.peer)).toEqual([
      { kind: 'cidr', cidr: '0.0.0.0/0' },
      { kind: 'cidr6', cidr: '::/0' },
    ]);
  });

  it.each([
    ['tcp', { protocol: 'tcp', fromPort: 22, toPort: 23 }, { protocol: 'tcp', fromPort: 22, toPort: 23 }],
    ['TCP', { protocol: 'TCP', fromPort: 0, toPort: 65535 }, { protocol: 'tcp', fromPort: 0, toPort: 65535 }],
    ['6', { protocol: '6', fromPort: 1, toPort: 1 }, { protocol: 'tcp', fromPort: 1, toPort: 1 }],
    ['number 17', { protocol: 17, fromPort: 53, toPort: 53 }, { protocol: 'udp', fromPort: 53, toPort: 53 }],
    ['icmp echo', { protocol: 'icmp', fromPort: 8, toPort: 0 }, { protocol: 'icmp', fromPort: 8, toPort: 0 }],
    ['icmp, all', { protocol: 'icmp', fromPort: -1, toPort: -1 }, { protocol: 'icmp', fromPort: -1, toPort: -1 }],
    ['icmp without type', { protocol: 1 }, { protocol: 'icmp', fromPort: -1, toPort: -1 }],
    ['icmp type, all codes', { protocol: 'icmp', fromPort: 3 }, { protocol: 'icmp', fromPort: 3, toPort: -1 }],
    ['all', { protocol: 'all' }, { protocol: '-1' }],
    ['-1', { protocol: '-1', fromPort: -1, toPort: -1 }, { protocol: '-1' }],
    ['number -1', { protocol: -1 }, { protocol: '-1' }],
    ['esp by number', { protocol: '50', fromPort: 1, toPort: 2 }, { protocol: '50' }],
  ] as const)('protocol %s', (_name, input, expected) => {
    const c = city();
    c.world.run('authorizeSecurityGroupRules', {
      groupId: c.groupId,
      direction: 'ingress',
      rules: [{ ...input, peer: { cidr: '10.0.0.0/8' } }],
    });
    expect(rulesOf(c, 'ingress')).toEqual([{ ...expected, peer: { kind: 'cidr', cidr: '10.0.0.0/8' } }]);
  });

  it.each([
    ['IPv4 range', () => ({ cidr: '0.0.0.0/0' }), () => ({ kind: 'cidr', cidr: '0.0.0.0/0' })],
    ['IPv6 range', () => ({ cidr6: 'FD00:0::/8' }), () => ({ kind: 'cidr6', cidr: 'fd00::/8' })],
    [
      'group',
      (c) => ({ groupId: c.defaultGroupId }),
      (c) => ({ kind: 'group', groupId: c.defaultGroupId, vpcId: c.vpcId, ownerId: '123456789012' }),
    ],
    ['self', () => ({ self: true }), (c) => ({ kind: 'group', groupId: c.groupId, vpcId: c.vpcId, ownerId: '123456789012' })],
  ] as [string, (c: ReturnType<typeof city>) => object, (c: ReturnType<typeof city>) => object][])('peer: %s', (_name, input, expected) => {
    const c = city();
    c.world.run('authorizeSecurityGroupRules', {
      groupId: c.groupId,
      direction: 'egress',
      rules: [{ protocol: 'tcp', fromPort: 1, toPort: 1, peer: input(c) }],
    });
    expect(rulesOf(c, 'egress').at(-1)?.peer).toEqual(expected(c));
  });

  it('peer: prefix list; it counts as many times as it may have entries', () => {
    const c = city();
    const { prefixListId } = c.world.run('createPrefixList', {
      name: 'offices',
      family: 4,
      maxEntries: 58,
      entries: [{ cidr: '192.0.2.0/24', description: 'x' }],
    });
    const authorize = (rules: object[]) => ({ groupId: c.groupId, direction: 'ingress', rules });
    c.world.run(
      'authorizeSecurityGroupRules',
      authorize([
        { protocol: '-1', peer: { prefixListId } },
        { protocol: '-1', peer: { self: true } },
      ]),
    );
    c.world.run('authorizeSecurityGroupRules', authorize([{ protocol: '-1', peer: { cidr: '10.0.0.0/8' } }]));
    c.world.refuse(
      'authorizeSecurityGroupRules',
      authorize([{ protocol: '-1', peer: { cidr: '11.0.0.0/8' } }]),
      'RulesPerSecurityGroupLimitExceeded',
    );
    c.world.run('authorizeSecurityGroupRules', authorize([{ protocol: '-1', peer: { cidr6: 'fd00::/8' } }]));
  });

  it('holds 60 rules each way for each family, or as many as configured', () => {
    const c = city();
    const rules = (count: number, peer: object) =>
      Array.from({ length: count }, (_, i) => ({ protocol: 'tcp', fromPort: i, toPort: i, peer }));
    const run = (direction: string, list: object[]) =>
      c.world.run('authorizeSecurityGroupRules', { groupId: c.groupId, direction, rules: list });
    run('ingress', [...rules(60, { cidr: '10.0.0.0/8' }), ...rules(60, { cidr6: '::/0' })]);
    run('egress', rules(59, { cidr: '10.0.0.0/8' }));
    const one = { groupId: c.groupId, direction: 'ingress', rules: [{ protocol: '-1', peer: { self: true } }] };
    c.world.refuse('authorizeSecurityGroupRules', one, 'RulesPerSecurityGroupLimitExceeded');
    c.world.context = { ...c.world.context, limits: { rulesPerDirection: 61, groupsPerInterface: 5 } };
    c.world.run('authorizeSecurityGroupRules', one);
  });

  it('loses rules by id, and by what they say whatever their description', () => {
    const c = city();
    const ssh = { protocol: 'tcp', fromPort: 22, toPort: 22, peer: { cidr: '10.0.0.0/8' } };
    const http = { ...ssh, fromPort: 80, toPort: 80, description: 'web', tags: { a: 'b' } };
    const { ruleIds } = c.world.run('authorizeSecurityGroupRules', { groupId: c.groupId, direction: 'ingress', rules: [ssh, http] });
    expect(ruleIds).toHaveLength(2);
    c.world.run('modifySecurityGroupRule', { groupId: c.groupId, ruleId: ruleIds[0], description: 'shell' });
    expect(rulesOf(c, 'ingress').map((rule) => rule.description)).toEqual(['shell', 'web']);
    c.world.run('revokeSecurityGroupRules', { groupId: c.groupId, direction: 'ingress', rules: [{ ...ssh, protocol: 6 }] });
    expect(rulesOf(c, 'ingress').map((rule) => rule.fromPort)).toEqual([80]);
    c.world.run('modifySecurityGroupRule', { groupId: c.groupId, ruleId: ruleIds[1] });
    expect(rulesOf(c, 'ingress')[0]).not.toHaveProperty('description');
    c.world.run('revokeSecurityGroupRules', { groupId: c.groupId, ruleIds: [ruleIds[1]] });
    expect(rulesOf(c, 'ingress')).toEqual([]);
    expect(rulesOf(c, 'egress')).toHaveLength(2);
  });

  it('goes when nothing uses it; rules that name itself do not count', () => {
    const c = city();
    const { world, groupId, defaultGroupId } = c;
    world.run('authorizeSecurityGroupRules', { groupId, direction: 'ingress', rules: [{ protocol: '-1', peer: { self: true } }] });
    const networkInterfaceId = c.create({ groupIds: [groupId] });
    world.run('modifyNetworkInterface', { networkInterfaceId, groupIds: [defaultGroupId] });
    world.run('deleteSecurityGroup', { groupId });
    expect(world.state.get('securityGroup', groupId)).toBeUndefined();
  });

  it('may have the name of one in another VPC', () => {
    const c = city();
    expect(c.world.get('securityGroup', c.groupId).groupName).toBe(c.world.get('securityGroup', c.otherGroupId).groupName);
  });
});

describe('prefix list', () => {
  it('grows, shrinks and counts its versions', () => {
    const { world } = city();
    const { prefixListId } = world.run('createPrefixList', { name: 'a', family: 6, maxEntries: 2, entries: [{ cidr: 'FD00::/8' }] });
    const list = () => world.get('prefixList', prefixListId);
    expect(list()).toMatchObject({ version: 1, entries: [{ cidr: 'fd00::/8' }] });
    world.run('modifyPrefixList', {
      prefixListId,
      currentVersion: 1,
      addEntries: [{ cidr: 'fc00::/8', description: 'x' }],
      removeEntries: [{ cidr: 'fd00::/8' }],
    });
    expect(list()).toMatchObject({ version: 2, entries: [{ cidr: 'fc00::/8', description: 'x' }] });
    world.run('modifyPrefixList', { prefixListId, name: 'b', maxEntries: 9 });
    expect(list()).toMatchObject({ version: 2, name: 'b', maxEntries: 9 });
    world.run('deletePrefixList', { prefixListId });
    expect(world.state.all('prefixList')).toEqual([]);
  });
});
