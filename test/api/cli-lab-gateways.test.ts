import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi, type TestApi } from '../support/api.js';
import { cliOver, fetchInto, temporaryFile } from '../support/cli.js';

/** Labs with gateways against the API: `up` converges, the second time does nothing, an edit does what differs, `down` leaves nothing. */

const BASE = `lab: edge
vpcs:
  main: { cidr: 10.0.0.0/16, ipv6: true, internet: true, egressOnly: true, dhcpOptions: names }
  other: { cidr: 10.1.0.0/16, internet: other-door }
dhcpOptions:
  names: { domainName: lab.example }
subnets:
  public: { vpc: main, cidr: 10.0.1.0/24 }
  private: { vpc: main, cidr: 10.0.2.0/24 }
  far: { vpc: other, cidr: 10.1.1.0/24 }
interfaces:
  web: { subnet: public, address: 10.0.1.10, addresses: [10.0.1.11], public: true }
  app: { subnet: private, address: 10.0.2.10 }
elasticAddresses:
  second: { interface: web, address: 10.0.1.11, publicIp: 203.0.113.77 }
  spare: {}
natGateways:
  nat: { subnet: public }
  inside: { subnet: private, private: true }
vpnGateways:
  corporate: { vpc: main }
customerGateways:
  office: { address: 192.0.2.10, vpnGateway: corporate, routes: [172.16.0.0/16, 172.20.0.0/16] }
peerings:
  both: { between: [main, other] }
networkAcls:
  guarded:
    vpc: main
    subnets: [private]
    ingress: [100 allow all from 10.0.0.0/8, 200 allow tcp/1024-65535 from anywhere]
    egress: [100 allow all to anywhere]
routeTables:
  public: { vpc: main, subnets: [public], routes: [0.0.0.0/0 via internet, '::/0 via egress-only', 10.1.0.0/16 via both] }
  private: { vpc: main, subnets: [private], routes: [0.0.0.0/0 via nat, 10.9.0.0/16 via inside], propagate: [corporate] }
  far: { vpc: other, main: true, routes: [0.0.0.0/0 via other-door, 10.0.0.0/16 via both] }
instances:
  web: { interfaces: [web] }
  app: { interfaces: [app] }
`;

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

async function up(text: string): Promise<string[]> {
  const { code, out, err } = await eni('--json', 'lab', 'up', file.write(text));
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return (JSON.parse(out).steps as { verb: string; subject: string; detail?: string }[]).map(({ verb, subject, detail }) =>
    detail === undefined ? `${verb} ${subject}` : `${verb} ${subject}: ${detail}`,
  );
}
const items = async (path: string): Promise<any[]> => (await api.ok('GET', `/v1/${path}`)).items;
const named = async (path: string, name: string) =>
  (await items(path)).find((r) => r.tags['enid:name'] === name && r.state !== 'terminated' && r.state !== 'deleted');

function edited(...replacements: [from: string, to: string][]): string {
  return replacements.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the lab has no '${from}'`);
    return text.replace(from, () => to);
  }, BASE);
}

describe('eni lab with gateways', () => {
  it('up makes all of it; the second time there is nothing to do', async () => {
    await up(BASE);
    expect(await up(BASE)).toEqual([]);
    const main = await named('vpcs', 'main');
    expect((await named('internet-gateways', 'main-internet')).vpcId).toBe(main.vpcId);
    expect((await named('vpn-gateways', 'corporate')).vpcId).toBe(main.vpcId);
    expect(main.dhcpOptionsId).toBe((await named('dhcp-options', 'names')).dhcpOptionsId);
    const web = await named('network-interfaces', 'web');
    expect((await named('elastic-ips', 'web-public')).association).toMatchObject({
      networkInterfaceId: web.networkInterfaceId,
      privateIpAddress: '10.0.1.10',
    });
    expect(await named('elastic-ips', 'second')).toMatchObject({
      publicIp: '203.0.113.77',
      association: { privateIpAddress: '10.0.1.11' },
    });
    const nat = await named('nat-gateways', 'nat');
    expect(nat.natGatewayAddresses[0].allocationId).toBe((await named('elastic-ips', 'nat-public')).allocationId);
    expect((await named('vpc-peering-connections', 'both')).status).toBe('active');
    const { routes } = await named('route-tables', 'private');
    expect(routes.map((route: any) => [route.destination, route.origin]).slice(1)).toEqual(
      expect.arrayContaining([
        ['0.0.0.0/0', 'CreateRoute'],
        ['10.9.0.0/16', 'CreateRoute'],
        ['172.16.0.0/16', 'EnableVgwRoutePropagation'],
        ['172.20.0.0/16', 'EnableVgwRoutePropagation'],
      ]),
    );
    const acl = await named('network-acls', 'guarded');
    expect(acl.associations.map((a: any) => a.subnetId)).toEqual([(await named('subnets', 'private')).subnetId]);
    expect(acl.entries).toHaveLength(3);
  });

  it.each<[name: string, text: string, there: string[], back: string[]]>([
    [
      "an interface's address",
      edited([', public: true', '']),
      ['change address web-public: take it away', 'delete address web-public'],
      ['create address web-public', 'change address web-public: to web'],
    ],
    [
      'an address to another interface, live',
      edited(['{ interface: web, address: 10.0.1.11, publicIp', '{ interface: app, publicIp']),
      ['change address second: to app'],
      ['change address second: to 10.0.1.11 of web'],
    ],
    [
      'the target of a route',
      edited(['0.0.0.0/0 via nat', '0.0.0.0/0 via web']),
      ['change route table private: 0.0.0.0/0 via web'],
      ['change route table private: 0.0.0.0/0 via nat'],
    ],
    [
      'a route within the VPC, and the local one itself',
      edited(['10.9.0.0/16 via inside]', '10.9.0.0/16 via inside, 10.0.1.0/24 via web, 10.0.0.0/16 via app]']),
      ['change route table private: 10.0.1.0/24 via web', 'change route table private: 10.0.0.0/16 via app'],
      ['change route table private: no route 10.0.0.0/16', 'change route table private: no route 10.0.1.0/24'],
    ],
    [
      'the ranges of a customer, and propagation',
      edited(['[172.16.0.0/16, 172.20.0.0/16]', '[172.16.0.0/16]'], [', propagate: [corporate]', '']),
      ['change route table private: no longer propagate routes of corporate', 'change vpn office: no route 172.20.0.0/16'],
      ['change vpn office: route 172.20.0.0/16', 'change route table private: propagate routes of corporate'],
    ],
    [
      'entries of an ACL, and the subnet back to the default one',
      edited(
        ['    subnets: [private]\n', ''],
        ['200 allow tcp/1024-65535', '200 deny tcp/1024-65535'],
        ['100 allow all from 10', '90 allow all from 10'],
      ),
      [
        'change acl guarded: 90 allow all from 10.0.0.0/8',
        'change acl guarded: 200 deny tcp from 0.0.0.0/0',
        'change acl guarded: no ingress entry 100',
        'change acl guarded: no longer use it for subnet private',
      ],
      [
        'change acl guarded: 100 allow all from 10.0.0.0/8',
        'change acl guarded: 200 allow tcp from 0.0.0.0/0',
        'change acl guarded: no ingress entry 90',
        'change acl guarded: use it for subnet private',
      ],
    ],
    [
      'other DHCP options',
      edited(['lab.example', 'other.example']),
      [
        expect.stringMatching(/^change dhcp options names: set aside/) as unknown as string,
        'create dhcp options names',
        'change vpc main: DHCP options names',
        'delete dhcp options names',
      ],
      [
        expect.stringMatching(/^change dhcp options names: set aside/) as unknown as string,
        'create dhcp options names',
        'change vpc main: DHCP options names',
        'delete dhcp options names',
      ],
    ],
  ])('an edit does only what differs: %s', async (_name, text, there, back) => {
    await up(BASE);
    expect(await up(text)).toEqual(there);
    expect(await up(text)).toEqual([]);
    expect(await up(BASE)).toEqual(back);
    expect(await up(BASE)).toEqual([]);
  });

  it('replaces a VPC with its gateways; takes everything out and puts it back', async () => {
    await up(BASE);
    const other = BASE.replaceAll(/10\.0\.(?!0\.0\/8)/g, '10.7.');
    await up(other);
    expect(await up(other)).toEqual([]);
    const small = 'lab: edge\nvpcs:\n  main: { cidr: 10.7.0.0/16 }\n';
    await up(small);
    expect(await up(small)).toEqual([]);
    for (const path of ['internet-gateways', 'elastic-ips', 'vpn-gateways', 'customer-gateways', 'vpn-connections', 'dhcp-options'])
      expect(await items(path)).toEqual([]);
    await up(BASE);
    expect(await up(BASE)).toEqual([]);
  });

  it('down deletes all of it', async () => {
    await up(BASE);
    const { code, err } = await eni('lab', 'down', file.path);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const path of ['vpcs', 'internet-gateways', 'elastic-ips', 'vpn-gateways', 'customer-gateways', 'network-acls', 'route-tables'])
      expect(await items(path)).toEqual([]);
    expect((await eni('lab', 'down', file.path)).out).toBe('lab edge: nothing to do\n');
  });
});
