import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi, type TestApi } from '../support/api.js';
import { cliOver, fetchInto, temporaryFile } from '../support/cli.js';

/** Labs against the API: `up` converges, the second time does nothing, an edit does what differs, `down` leaves nothing. */

/** The example lab without its expectations, which would keep edits from taking things out. */
const [BASE = ''] = readFileSync('vagrant/labs/first/lab.yaml', 'utf8').split('expect:');

let api: TestApi;
let file: ReturnType<typeof temporaryFile>;
let eni: ReturnType<typeof cliOver>;
beforeEach(async () => {
  api = await startApi();
  eni = cliOver({ fetch: fetchInto(api) });
  file = temporaryFile('lab.yaml');
});
afterEach(async () => {
  file.remove();
  await api.close();
});

/** What `up` did, as `verb subject: detail`. */
async function up(text: string): Promise<string[]> {
  const { code, out, err } = await eni('--json', 'lab', 'up', file.write(text));
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return stepTexts(out);
}
const stepTexts = (json: string): string[] =>
  (JSON.parse(json).steps as { verb: string; subject: string; detail?: string }[]).map(({ verb, subject, detail }) =>
    detail === undefined ? `${verb} ${subject}` : `${verb} ${subject}: ${detail}`,
  );
const items = async (path: string): Promise<any[]> => (await api.ok('GET', `/v1/${path}`)).items;
const named = async (path: string, name: string) =>
  (await items(path)).find((r) => r.tags['enid:name'] === name && r.state !== 'terminated');

/** The base text with replacements, each of which must be there. */
function edited(...replacements: [from: string, to: string][]): string {
  return replacements.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the example lab has no '${from}'`);
    return text.replace(from, () => to);
  }, BASE);
}

describe('eni lab', () => {
  it('up makes what the file says, in order; the second time there is nothing to do', async () => {
    expect(await up(BASE)).toEqual([
      'create vpc main',
      'create subnet public',
      'create subnet private',
      'create group site',
      'create group app',
      'create group admin',
      'create group db',
      'create group bastion',
      'change group site: permit tcp/80 from 0.0.0.0/0, icmp from 10.0.0.0/16',
      'change group admin: permit tcp/22 from bastion',
      'change group db: permit tcp/5432 from app, icmp from app',
      'create interface web-public',
      'create interface web-management',
      'create interface db',
      'create interface bastion-eth0',
      'create instance web',
      'create instance db',
      'create instance bastion',
      'change group db: revoke all to 0.0.0.0/0',
    ]);
    const before = api.store.snapshot().revision;
    expect(await up(BASE)).toEqual([]);
    expect(api.store.snapshot().revision).toBe(before);
    const web = await named('instances', 'web');
    expect(web.networkInterfaces.map((i: any) => [i.privateIpAddress, i.status, i.attachment.deviceIndex])).toEqual([
      ['10.0.1.10', 'in-use', 0],
      ['10.0.2.10', 'in-use', 1],
    ]);
    const site = await named('security-groups', 'site');
    expect(site.rules.find((r: any) => r.fromPort === 80).description).toBe('the site');
  });

  const routes = `
routeTables:
  nat: { vpc: main, subnets: [private], routes: [0.0.0.0/0 via bastion-eth0] }
  main: { vpc: main, main: true, routes: [192.168.0.0/16 via web-public] }
`;
  const lists = `
prefixLists:
  offices: { entries: [203.0.113.0/24], maxEntries: 5 }
`;
  const withList = edited(['- tcp/22 from bastion', '- tcp/22 from bastion\n      - tcp/22 from offices']) + lists;

  // From the base to the edited file, and back again.
  it.each<[name: string, text: string, there: string[], back: string[]]>([
    [
      'a rule',
      edited(['tcp/5432 from app', 'tcp/5433 from app']),
      [
        'change group db: permit tcp/5433 from app',
        expect.stringMatching(/^change group db: revoke tcp\/5432 from sg-/) as unknown as string,
      ],
      [
        'change group db: permit tcp/5432 from app',
        expect.stringMatching(/^change group db: revoke tcp\/5433 from sg-/) as unknown as string,
      ],
    ],
    [
      'a description of a rule',
      edited(['description: the site', 'description: our site']),
      ['change group site: describe tcp/80 from 0.0.0.0/0'],
      ['change group site: describe tcp/80 from 0.0.0.0/0'],
    ],
    [
      'egress',
      edited(['    egress: []\n', '']),
      ['change group db: permit all to 0.0.0.0/0'],
      ['change group db: revoke all to 0.0.0.0/0'],
    ],
    [
      'groups, check and description of an interface',
      edited(['groups: [admin, app] }', 'groups: [admin], check: off, description: management }']),
      ['change interface web-management: check off, description, groups admin'],
      ['change interface web-management: check on, description, groups admin, app'],
    ],
    [
      'an interface to the default group',
      edited([', groups: [admin, app] }', ' }']),
      ['change interface web-management: groups default'],
      ['change interface web-management: groups admin, app'],
    ],
    [
      'secondary addresses',
      edited(['address: 10.0.1.10,', 'address: 10.0.1.10, addresses: [10.0.1.11, 10.0.1.12],']),
      ['change interface web-public: assign 10.0.1.11, 10.0.1.12'],
      ['change interface web-public: unassign 10.0.1.11, 10.0.1.12'],
    ],
    [
      'the type of an instance',
      edited(['type: t3.small', 'type: t3.large']),
      ['change instance web: stop', 'change instance web: type t3.large', 'change instance web: start'],
      ['change instance web: stop', 'change instance web: type t3.small', 'change instance web: start'],
    ],
    [
      'user data away and source-based routing off',
      edited([BASE.slice(BASE.indexOf('    userData:'), BASE.indexOf('  db:\n    type')), '    sourceBasedRouting: off\n']),
      ['change instance web: stop', 'change instance web: user data, source-based routing off', 'change instance web: start'],
      ['change instance web: stop', 'change instance web: user data, source-based routing on', 'change instance web: start'],
    ],
    [
      'an interface to another instance',
      edited(
        ['interfaces: [web-public, web-management]', 'interfaces: [web-public]'],
        ['interfaces: [db]', 'interfaces: [db, web-management]'],
      ),
      ['change interface web-management: move to eth1 of db'],
      ['change interface web-management: move to eth1 of web'],
    ],
    [
      'an interface off its instance',
      edited(['interfaces: [web-public, web-management]', 'interfaces: [web-public]']),
      ['change interface web-management: detach'],
      ['change interface web-management: attach as eth1 of web'],
    ],
    [
      'another address: the interface is made anew, and what has it as primary',
      edited(['address: 10.0.2.20', 'address: 10.0.2.21']),
      ['delete instance db', 'delete interface db', 'create interface db', 'create instance db'],
      ['delete instance db', 'delete interface db', 'create interface db', 'create instance db'],
    ],
    [
      'another address of a secondary interface: the instance stays',
      edited(['address: 10.0.2.10', 'address: 10.0.2.11']),
      [
        'change interface web-management: detach',
        'delete interface web-management',
        'create interface web-management',
        'change interface web-management: attach as eth1 of web',
      ],
      [
        'change interface web-management: detach',
        'delete interface web-management',
        'create interface web-management',
        'change interface web-management: attach as eth1 of web',
      ],
    ],
    [
      'an instance out of the file',
      edited([BASE.slice(BASE.indexOf('  bastion:\n    type')), '']),
      ['delete instance bastion', 'delete interface bastion-eth0'],
      ['create interface bastion-eth0', 'create instance bastion'],
    ],
    [
      'route tables',
      BASE + routes,
      [
        'create route table nat',
        'change route table nat: use it for subnet private',
        'change route table nat: 0.0.0.0/0 via bastion-eth0',
        'change route table main: 192.168.0.0/16 via web-public',
      ],
      [
        'change route table nat: no longer use it for subnet private',
        'change route table main (main): no route 192.168.0.0/16',
        'delete route table nat',
      ],
    ],
    [
      'a prefix list',
      withList,
      ['create prefix list offices', 'change group admin: permit tcp/22 from offices'],
      [expect.stringMatching(/^change group admin: revoke tcp\/22 from pl-/) as unknown as string, 'delete prefix list offices'],
    ],
    [
      'the range of a subnet under everything: all in it is made anew',
      edited(['private: { vpc: main, cidr: 10.0.2.0/24 }', 'private: { vpc: main, cidr: 10.0.2.0/25 }']),
      [
        'delete instance db',
        'change interface web-management: detach',
        'delete interface web-management',
        'delete interface db',
        'delete subnet private',
        'create subnet private',
        'create interface web-management',
        'create interface db',
        'create instance db',
        'change interface web-management: attach as eth1 of web',
      ],
      [
        'delete instance db',
        'change interface web-management: detach',
        'delete interface web-management',
        'delete interface db',
        'delete subnet private',
        'create subnet private',
        'create interface web-management',
        'create interface db',
        'create instance db',
        'change interface web-management: attach as eth1 of web',
      ],
    ],
  ])('an edit does only what differs: %s', async (_name, text, there, back) => {
    await up(BASE);
    expect(await up(text)).toEqual(there);
    expect(await up(text)).toEqual([]);
    expect(await up(BASE)).toEqual(back);
    expect(await up(BASE)).toEqual([]);
  });

  it('a VPC with another range is replaced with all that is in it, also when groups name one another', async () => {
    const circular = edited(
      ['    egress: []\n', '    egress: [tcp to app]\n'],
      ['  app:\n    vpc: main', '  app:\n    vpc: main\n    ingress: [tcp/1 from db]'],
    );
    await up(circular);
    const other = circular.replaceAll('10.0.', '10.9.');
    await up(other);
    expect(await up(other)).toEqual([]);
    expect((await items('vpcs')).map((vpc) => vpc.cidrBlock)).toEqual(['10.9.0.0/16']);
  });

  it('moves interfaces around in a circle', async () => {
    const lab = (a: string, b: string) => `lab: l
vpcs: { v: { cidr: 10.0.0.0/16 } }
subnets: { s: { vpc: v, cidr: 10.0.0.0/24 } }
interfaces: { x: { subnet: s }, y: { subnet: s } }
instances:
  one: { type: t3.small, interfaces: [{ subnet: s }, ${a}] }
  two: { type: t3.small, interfaces: [{ subnet: s }, ${b}] }
`;
    await up(lab('x', 'y'));
    const x = await named('network-interfaces', 'x');
    await up(lab('y', 'x'));
    expect(await up(lab('y', 'x'))).toEqual([]);
    const moved = await named('network-interfaces', 'x');
    expect(moved.networkInterfaceId).toBe(x.networkInterfaceId);
    expect(moved.attachment.instanceId).toBe((await named('instances', 'two')).instanceId);
  });

  it('IPv6: ranges and addresses chosen by the agent, and in rules', async () => {
    const lab = (count: number) => `lab: l
vpcs: { v: { cidr: 10.0.0.0/16, ipv6: true } }
subnets: { s: { vpc: v, cidr: 10.0.0.0/24, ipv6: true, zone: b } }
groups: { g: { vpc: v, ingress: [icmpv6 from anywhere-ipv6] } }
interfaces: { x: { subnet: s, ipv6: ${count}, groups: [g] } }
`;
    await up(lab(1));
    expect(await up(lab(1))).toEqual([]);
    expect((await named('subnets', 's')).availabilityZone).toBe('us-east-1b');
    expect(await up(lab(2))).toEqual(['change interface x: assign 1 IPv6']);
    expect(await up(lab(2))).toEqual([]);
    const [, second] = (await named('network-interfaces', 'x')).ipv6Addresses;
    expect(await up(lab(1))).toEqual([`change interface x: unassign ${second}`]);
  });

  it('heals what was changed by hand: a stopped instance, a detached interface, a rule, a route', async () => {
    await up(BASE + routes);
    await eni('stop', 'db');
    await eni('detach', 'web-management');
    await eni('authorize', 'site', 'udp/53 from anywhere');
    await eni('route', 'delete', 'nat', '0.0.0.0/0');
    expect(await up(BASE + routes)).toEqual([
      'change route table nat: 0.0.0.0/0 via bastion-eth0',
      'change instance db: start',
      'change interface web-management: attach as eth1 of web',
      'change group site: revoke udp/53 from 0.0.0.0/0',
    ]);
  });

  it('goes on after a failure where it stopped', async () => {
    const taken = edited(['address: 10.0.2.20', 'address: 10.0.2.10']);
    const failed = await eni('lab', 'up', file.write(taken));
    expect(failed.code).toBe(1);
    expect(failed.err).toContain('InvalidIPAddress.InUse: create interface db: ');
    expect((await up(BASE)).filter((step) => step.includes('vpc') || step.includes('subnet'))).toEqual([]);
    expect(await up(BASE)).toEqual([]);
  });

  it('down deletes all that belongs to the lab and nothing else', async () => {
    await api.ok('POST', '/v1/vpcs', { cidrBlock: '10.7.0.0/16' });
    await up(BASE + routes + lists);
    const { code, out } = await eni('lab', 'down', file.path);
    expect({ code, out: out.trim().split('\n').at(-1) }).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^lab first: \d+ steps done in /),
    });
    expect((await items('vpcs')).map((vpc) => vpc.cidrBlock)).toEqual(['10.7.0.0/16']);
    for (const path of ['subnets', 'network-interfaces', 'prefix-lists']) expect(await items(path)).toEqual([]);
    expect((await eni('lab', 'down', file.path)).out).toBe('lab first: nothing to do\n');
  });

  it('--dry-run shows the steps and changes nothing', async () => {
    const { code, out } = await eni('lab', 'up', '--dry-run', file.write(BASE));
    expect(code).toBe(0);
    expect(out).toContain('+ create interface web-public\n');
    expect(out.trim().split('\n').at(-1)).toBe('lab first: 19 steps to do');
    expect(await items('vpcs')).toEqual([]);
  });

  it('a faulty file is told with its lines and exits 2', async () => {
    const { code, err } = await eni('lab', 'up', file.write('lab: l\nvpcs:\n  v: { cdir: 10.0.0.0/16 }\n'));
    expect(code).toBe(2);
    expect(err).toBe(`InvalidLabFile: ${file.path}:3:6: vpcs.v.cidr: is missing\n${file.path}:3:8: vpcs.v: 'cdir' is not known here\n`);
  });
});
