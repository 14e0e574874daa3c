import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi, TEST_COUNTERS, type TestApi } from '../support/api.js';
import { type CliRun, cliOver, fetchInto, temporaryFile } from '../support/cli.js';

/** Every verb of `eni` against the API: what it asks for happens, what it prints is what there is. */

let api: TestApi;
let run: (...argv: string[]) => Promise<CliRun>;
beforeEach(async () => {
  api = await startApi();
  run = cliOver({ fetch: fetchInto(api) });
});
afterEach(() => api.close());

/** Runs with success and returns what `--json` prints. */
async function eni(...argv: string[]): Promise<any> {
  const { code, out, err } = await run('--json', ...argv);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out);
}
const table = async (...argv: string[]): Promise<string> => {
  const { code, out, err } = await run(...argv);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
};

async function network() {
  const vpc = await eni('create', 'vpc', '10.0.0.0/16', '--name', 'main', '--ipv6');
  const subnet = await eni('create', 'subnet', 'main', '10.0.1.0/24', '--name', 'public', '--zone', 'us-east-1b', '--ipv6');
  const group = await eni('create', 'group', 'main', 'web', '--description', 'web servers');
  return { vpc, subnet, group };
}

describe('create and describe', () => {
  it('networks, groups, lists and tables, by id and by name', async () => {
    const { vpc, subnet, group } = await network();
    expect(subnet).toMatchObject({
      vpcId: vpc.vpcId,
      availabilityZone: 'us-east-1b',
      ipv6: { cidrBlock: expect.stringContaining('/64') },
      tags: { Name: 'public' },
    });
    expect(group).toMatchObject({ groupName: 'web', description: 'web servers' });
    const list = await eni('create', 'prefix-list', 'offices', '--entry', '203.0.113.0/24', '--max-entries', '5');
    expect(list).toMatchObject({ family: 4, maxEntries: 5, entries: [{ cidr: '203.0.113.0/24' }] });
    const routeTable = await eni('create', 'route-table', 'main', '--name', 'nat', '--tag', 'team=a');
    expect(routeTable.tags).toEqual({ Name: 'nat', team: 'a' });
    for (const [topic, id] of [
      ['vpcs', vpc.vpcId],
      ['subnets', subnet.subnetId],
      ['groups', group.groupId],
      ['prefix-lists', list.prefixListId],
      ['route-tables', routeTable.routeTableId],
      ['acls', vpc.defaultNetworkAclId],
    ]) {
      expect(JSON.stringify(await eni('describe', topic))).toContain(id);
      expect(await table('describe', topic)).toContain(id);
      expect(await eni('describe', id)).toMatchObject(Object.fromEntries([[Object.keys(await eni('describe', id))[0], id]]));
    }
    expect(await eni('describe', 'groups', 'web')).toMatchObject([{ groupId: group.groupId }]);
    expect(await table('describe', 'groups', 'web')).toMatch(/DIRECTION +TRAFFIC +PEER\n.*egress +all +0\.0\.0\.0\/0/);
    expect(await table('describe', vpc.vpcId, subnet.subnetId)).toContain('us-east-1b');
  });

  it('an interface with all its options', async () => {
    await network();
    const made = await eni(
      ...['create', 'interface', 'public', '--address', '10.0.1.10', '--secondary', '10.0.1.11', '--secondary', '10.0.1.12'],
      ...[
        '--ipv6-count',
        '1',
        '--group',
        'web',
        '--mac',
        '02:00:00:00:01:10',
        '--check',
        'off',
        '--description',
        'a; rm -rf /',
        '--name',
        'x',
      ],
    );
    expect(made).toMatchObject({
      macAddress: '02:00:00:00:01:10',
      sourceDestCheck: false,
      description: 'a; rm -rf /',
      groups: [{ groupName: 'web' }],
      status: 'available',
    });
    expect(made.privateIpAddresses.map((a: any) => a.privateIpAddress)).toEqual(['10.0.1.10', '10.0.1.11', '10.0.1.12']);
    expect(made.ipv6Addresses).toHaveLength(1);
    const text = await table('describe', 'interfaces');
    expect(text).toMatch(/INTERFACE +NAME +STATUS +ADDRESS/);
    expect(text).toContain('10.0.1.10 +2');
  });

  it('filters; zones, types, host, conditions; the overview', async () => {
    expect(await table('describe')).toContain('nothing yet; try: eni lab up');
    await network();
    await eni('create', 'interface', 'public', '--name', 'x');
    await eni('create', 'interface', 'public', '--name', 'y', '--tag', 'team:colour=a,b');
    expect(
      (await eni('describe', 'interfaces', '--filter', 'tag:Name=y', '--filter', 'status=available')).map((i: any) => i.tags.Name),
    ).toEqual(['y']);
    expect(await eni('describe', 'interfaces', '--filter', 'tag:team:colour=a*')).toHaveLength(1);
    expect(await table('describe', 'interfaces', '--filter', 'tag:Name=z')).toBe('none\n');
    expect(await table('describe', 'zones')).toContain('us-east-1c');
    expect(await table('describe', 'types')).toContain('t3.micro');
    expect(await table('describe', 'host')).toMatch(/os\.distribution +Test/);
    await table('describe', 'conditions');
    const overview = await table('describe');
    for (const title of ['VPC', 'SUBNET', 'GROUP', 'INTERFACE']) expect(overview).toMatch(new RegExp(`^${title} `, 'm'));
  });

  it('a create with the same client token creates once', async () => {
    const once = await eni('create', 'vpc', '10.0.0.0/16', '--client-token', 't');
    expect(await eni('create', 'vpc', '10.0.0.0/16', '--client-token', 't')).toEqual(once);
  });

  it('names that name nothing, or several', async () => {
    await network();
    expect(await run('create', 'interface', 'nowhere')).toMatchObject({
      code: 1,
      err: "NotFound: no subnet is named 'nowhere'; see eni describe\n",
    });
    await eni('create', 'subnet', 'main', '10.0.2.0/24', '--name', 'public');
    expect(await run('create', 'interface', 'public')).toMatchObject({
      code: 1,
      err: expect.stringContaining("Ambiguous: 'public' names 2 of them (subnet-"),
    });
  });

  it('follows the pages of a list', async () => {
    const pages: Record<string, unknown> = {
      '/v1/vpcs': { items: [{ n: 1 }], nextToken: 'a b' },
      '/v1/vpcs?nextToken=a+b': { items: [{ n: 2 }] },
    };
    const paged = cliOver({
      fetch: async (input) => new Response(JSON.stringify(pages[new URL(String(input)).pathname + new URL(String(input)).search])),
    });
    expect(JSON.parse((await paged('--json', 'describe', 'vpcs')).out)).toEqual([{ n: 1 }, { n: 2 }]);
  });
});

describe('instances and interfaces', () => {
  it('run, attach, move, detach, stop, start, reboot, terminate', async () => {
    await network();
    const script = temporaryFile('boot.sh');
    script.write('#!/bin/sh\necho hi\n');
    const first = await eni(
      'run',
      '--subnet',
      'public',
      '--group',
      'web',
      '--name',
      'one',
      '--type',
      't3.small',
      '--user-data',
      script.path,
    );
    script.remove();
    expect(first.instances[0]).toMatchObject({
      instanceType: 't3.small',
      userData: '#!/bin/sh\necho hi\n',
      state: 'running',
      tags: { Name: 'one' },
    });
    await eni('create', 'interface', 'public', '--name', 'x');
    await eni('create', 'interface', 'public', '--name', 'y');
    const second = await eni('run', '--interface', 'y', '--name', 'two', '--source-based-routing', 'off');
    expect(second.instances[0]).toMatchObject({ sourceBasedRouting: false, networkInterfaces: [{ tags: { Name: 'y' } }] });

    expect(await eni('attach', 'x', 'one', '--index', '1')).toMatchObject({
      status: 'in-use',
      attachment: { deviceIndex: 1, deleteOnTermination: false },
    });
    const moved = await eni('move', 'x', 'two', '--index', '1', '--delete-on-termination');
    expect(moved).toMatchObject({ attachment: { instanceId: second.instances[0].instanceId, deleteOnTermination: true } });
    expect(await eni('detach', 'x')).toMatchObject({ status: 'available' });
    expect(await run('detach', 'y')).toMatchObject({ code: 1, err: expect.stringContaining('OperationNotPermitted: ') });

    expect((await eni('stop', 'one', 'two')).map((i: any) => i.state)).toEqual(['stopped', 'stopped']);
    expect((await eni('modify', 'one', '--type', 't3.large', '--termination-protection', 'on')).instanceType).toBe('t3.large');
    expect((await eni('start', 'one', 'two')).map((i: any) => i.state)).toEqual(['running', 'running']);
    expect((await eni('reboot', 'one'))[0].state).toBe('running');
    expect(await run('terminate', 'one')).toMatchObject({ code: 1, err: expect.stringContaining('OperationNotPermitted: ') });
    await eni('modify', 'one', '--termination-protection', 'off');
    expect(await table('terminate', 'one')).toMatch(/^i-[0-9a-f]{17} terminated\n$/);
    expect(await table('describe', 'instances')).toMatch(/one +terminated/);
    expect(await table('run', '--subnet', 'public', '--count', '2')).toMatch(/INSTANCE.*\n.*running.*\n.*running/);
    expect(await run('run', '--interface', 'x', '--subnet', 'public')).toMatchObject({ code: 2 });
  });

  it('addresses, counters, console output', async () => {
    await network();
    const { networkInterfaceId } = await eni('create', 'interface', 'public', '--name', 'x');
    await eni('create', 'interface', 'public', '--name', 'y', '--address', '10.0.1.30', '--secondary', '10.0.1.31');
    const addresses = (eni: any) => eni.privateIpAddresses.map((a: any) => a.privateIpAddress).slice(1);
    expect(addresses(await eni('assign', 'x', '--address', '10.0.1.50'))).toEqual(['10.0.1.50']);
    expect((await eni('assign', 'x', '--count', '2', '--ipv6-count', '1')).ipv6Addresses).toHaveLength(1);
    expect(addresses(await eni('assign', 'x', '--address', '10.0.1.31', '--allow-reassignment'))).toContain('10.0.1.31');
    const [ipv6] = (await eni('describe', networkInterfaceId)).ipv6Addresses;
    const rest = await eni('unassign', 'x', '10.0.1.50', '10.0.1.31', ipv6);
    expect({ ipv4: addresses(rest).length, ipv6: rest.ipv6Addresses }).toEqual({ ipv4: 2, ipv6: [] });
    expect(await run('assign', 'x')).toMatchObject({ code: 2 });

    expect(await run('counters', 'x')).toMatchObject({ code: 1, err: expect.stringContaining('IncorrectState: ') });
    api.host.counters.set(networkInterfaceId, TEST_COUNTERS);
    expect(await eni('counters', 'x')).toMatchObject({ ...TEST_COUNTERS });
    expect(await table('counters', 'x')).toBe(
      'received           1 packets, 100 B\nsent               2 packets, 200 B\ngroups, ingress    3 packets dropped\ngroups, egress     4 packets dropped\nsource check       5 packets dropped\ndestination check  6 packets dropped\nframes             7 packets dropped\n',
    );
    const { instances } = await eni('run', '--interface', 'x', '--type', 't3.small');
    expect(await table('console', instances[0].instanceId)).toBe('hello\n');
  });
});

describe('rules, routes, attributes, tags', () => {
  it('authorize and revoke, as text or by id', async () => {
    await network();
    await eni('create', 'group', 'main', 'db');
    await eni('create', 'prefix-list', 'offices', '--entry', '203.0.113.0/24');
    const shown = await eni(
      'authorize',
      'db',
      'tcp/5432 from web',
      'tcp/22,23 from offices',
      'icmp from self',
      'tcp/443 to anywhere-ipv6',
      '--description',
      'why',
    );
    const texts = shown.rules.map((r: any) => [r.direction, r.protocol, r.fromPort, r.peer.kind, r.description]);
    expect(texts).toEqual(
      expect.arrayContaining([
        ['ingress', 'tcp', 5432, 'group', 'why'],
        ['ingress', 'tcp', 23, 'prefixList', 'why'],
        ['ingress', 'icmp', -1, 'group', 'why'],
        ['egress', 'tcp', 443, 'cidr6', 'why'],
      ]),
    );
    const id = shown.rules.find((r: any) => r.protocol === 'icmp').ruleId;
    const left = await eni('revoke', 'db', 'tcp/5432 from web', 'tcp/22,23 from offices', id);
    expect(left.rules.map((r: any) => r.direction)).toEqual(['egress', 'egress', 'egress']);
    expect(await run('revoke', 'db', 'tcp/1 from web')).toMatchObject({
      code: 1,
      err: "NotFound: db has no rule 'tcp/1 from web'; see eni describe groups db\n",
    });
    expect(await run('authorize', 'db', 'tcp/1 from nobody')).toMatchObject({
      code: 1,
      err: "NotFound: no group and no prefix list is named 'nobody'\n",
    });
  });

  it('routes and associations', async () => {
    const { subnet } = await network();
    const a = await eni('create', 'interface', 'public', '--name', 'a');
    const { instances } = await eni('run', '--subnet', 'public', '--name', 'i');
    await eni('create', 'route-table', 'main', '--name', 'nat');
    await eni('create', 'route-table', 'main', '--name', 'other');
    const targets = (t: any) => t.routes.filter((r: any) => r.target.kind !== 'local').map((r: any) => r.target.networkInterfaceId);
    expect(targets(await eni('route', 'set', 'nat', '0.0.0.0/0', 'a'))).toEqual([a.networkInterfaceId]);
    const replaced = await eni('route', 'set', 'nat', '0.0.0.0/0', instances[0].instanceId);
    expect(targets(replaced)).toEqual([instances[0].networkInterfaces[0].networkInterfaceId]);
    expect(await table('describe', 'route-tables', 'nat')).toContain('10.0.0.0/16 via local');
    expect((await eni('associate', 'nat', 'public')).associations).toMatchObject([{ subnetId: subnet.subnetId }]);
    expect((await eni('associate', 'other', 'public')).associations).toMatchObject([{ subnetId: subnet.subnetId }]);
    expect((await eni('describe', 'route-tables', 'nat'))[0].associations).toEqual([]);
    await eni('disassociate', 'public');
    expect((await eni('describe', 'route-tables', 'other'))[0].associations).toEqual([]);
    expect(targets(await eni('route', 'delete', 'nat', '0.0.0.0/0'))).toEqual([]);
  });

  it('modify, tag, untag, delete', async () => {
    await network();
    const { networkInterfaceId } = await eni('create', 'interface', 'public', '--name', 'x');
    const changed = await eni('modify', 'x', '--group', 'web', '--check', 'off', '--description', 'd');
    expect(changed).toMatchObject({ sourceDestCheck: false, description: 'd', groups: [{ groupName: 'web' }] });
    expect((await eni('modify', 'public', '--map-public-ip', 'on')).mapPublicIpOnLaunch).toBe(true);
    expect(await run('modify', 'x')).toMatchObject({ code: 2, err: expect.stringContaining('nothing to change') });
    expect(await run('modify', 'x', '--check', 'on', '--type', 't3.micro')).toMatchObject({
      code: 2,
      err: expect.stringContaining('do not go together'),
    });
    expect((await eni('tag', networkInterfaceId, 'team=a=b', 'empty=')).tags).toEqual({ Name: 'x', team: 'a=b', empty: '' });
    expect((await eni('untag', networkInterfaceId, 'team', 'empty')).tags).toEqual({ Name: 'x' });
    expect(await table('delete', networkInterfaceId)).toBe(`${networkInterfaceId} deleted\n`);
    expect(await run('describe', networkInterfaceId)).toMatchObject({
      code: 1,
      err: expect.stringContaining('InvalidNetworkInterfaceID.NotFound: '),
    });
    expect(await run('delete', 'x')).toMatchObject({ code: 2, err: expect.stringContaining("'x' is no id") });
  });
});
