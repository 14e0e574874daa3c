import { describe, expect, it } from 'vitest';
import { planChecks } from '../../../agent/cli/lab/checks.js';
import { LabFileError, parseLab } from '../../../agent/cli/lab/load.js';
import { sourceText, targetText } from '../../../agent/cli/lab/matrix.js';

/** Gateways in lab files: every fault with its line, and what the short forms stand for. */

const BASE = `lab: l
vpcs:
  v: { cidr: 10.0.0.0/16, internet: true }
  w: { cidr: 10.1.0.0/16 }
subnets:
  s: { vpc: v, cidr: 10.0.0.0/24 }
  t: { vpc: w, cidr: 10.1.0.0/24 }
interfaces:
  i: { subnet: s, address: 10.0.0.10 }
`;

function faults(text: string): string[] {
  try {
    parseLab('l.yaml', text);
  } catch (error) {
    if (error instanceof LabFileError) return error.message.split('\n');
    throw error;
  }
  return [];
}

describe('faults', () => {
  it.each([
    ['a target that is nothing', 'routeTables: { r: { vpc: v, routes: [0.0.0.0/0 via x] } }', "10:38: there is nothing called 'x'"],
    ['no internet', 'routeTables: { r: { vpc: w, routes: [0.0.0.0/0 via internet] } }', '10:38: VPC w has no way to the internet'],
    [
      'no egress-only gateway',
      "routeTables: { r: { vpc: v, routes: ['::/0 via egress-only'] } }",
      '10:38: VPC v has no egress-only gateway',
    ],
    ['a target of another VPC', 'routeTables: { r: { vpc: w, routes: [0.0.0.0/0 via i] } }', '10:38: i is of VPC v, the table of w'],
    [
      'a target with two meanings',
      'natGateways: { i: { subnet: s } }\nrouteTables: { r: { vpc: v, routes: [0.0.0.0/0 via i] } }',
      "11:38: 'i' could be the interface or the NAT gateway: rename one of them",
    ],
    [
      'an instance with two interfaces as a target',
      'instances: { n: { interfaces: [{ subnet: s }, { subnet: s }] } }\nrouteTables: { r: { vpc: v, routes: [0.0.0.0/0 via n] } }',
      '11:38: n has 2 interfaces: say which one',
    ],
    ['a public interface without a gateway', '  j: { subnet: t, public: true }', '10:27: VPC w has no way to the internet'],
    [
      'a public interface, inline',
      'instances: { n: { interfaces: [{ subnet: t, public: true }] } }',
      '10:53: VPC w has no way to the internet',
    ],
    ['a public address that is none', '  j: { subnet: s, public: 300.0.0.1 }', 'interfaces.j.public: must be an IPv4 address'],
    ['an elastic address of nobody', 'elasticAddresses: { e: { interface: x } }', "10:37: interfaces has no 'x'"],
    ['an address that is not there', 'elasticAddresses: { e: { interface: i, address: 10.0.0.11 } }', '10:49: i has no address 10.0.0.11'],
    [
      'one private address for two elastic ones',
      'elasticAddresses: { e: { interface: i }, f: { interface: i, address: 10.0.0.10 } }',
      '10:45: e is associated with that address of i already',
    ],
    [
      'one public address twice',
      'elasticAddresses: { e: { publicIp: 203.0.113.9 }, f: { publicIp: 203.0.113.9 } }',
      '10:66: 203.0.113.9 is the address of e already',
    ],
    ['a NAT gateway without internet', 'natGateways: { n: { subnet: t } }', '10:19: VPC w has no way to the internet'],
    [
      'a NAT gateway with somebody’s address',
      'elasticAddresses: { e: { interface: i } }\nnatGateways: { n: { subnet: s, elasticAddress: e } }',
      '11:48: e is the address of i already',
    ],
    ['two VPN gateways', 'vpnGateways: { g: { vpc: v }, h: { vpc: v } }', '10:41: VPC v has g already'],
    [
      'a customer within the VPC',
      'vpnGateways: { g: { vpc: v } }\ncustomerGateways: { c: { address: 192.0.2.1, vpnGateway: g, routes: [10.0.9.0/24] } }',
      '11:70: 10.0.9.0/24 overlaps 10.0.0.0/16',
    ],
    [
      'a customer of no gateway',
      'customerGateways: { c: { address: 192.0.2.1, vpnGateway: g, routes: [172.16.0.0/16] } }',
      "10:58: vpnGateways has no 'g'",
    ],
    ['overlapping peers', 'peerings: { p: { between: [v, v] } }', '10:27: 10.0.0.0/16 and 10.0.0.0/16 overlap'],
    ['one peer', 'peerings: { p: { between: [v] } }', '10:27: peerings.p.between: must be two VPCs'],
    [
      'an ACL number',
      'networkAcls: { a: { vpc: v, ingress: [32767 allow all from anywhere] } }',
      "an entry's number is 1 to 32766, not '32767'",
    ],
    [
      'an ACL number twice',
      'networkAcls: { a: { vpc: v, egress: [1 allow all to anywhere, 1 deny all to anywhere] } }',
      '10:63: there is an egress entry 1 already',
    ],
    ['an ACL entry', 'networkAcls: { a: { vpc: v, ingress: [1 permit all from anywhere] } }', 'is no ingress entry: write it like'],
    [
      'an ACL of two for one subnet',
      'networkAcls: { a: { vpc: v, subnets: [s] }, b: { vpc: v, subnets: [s] } }',
      '10:68: subnet s uses a already',
    ],
    ['an ACL of another VPC', 'networkAcls: { a: { vpc: w, subnets: [s] } }', '10:39: subnet s is of VPC v, the ACL of w'],
    ['DHCP options that are not there', 'dhcpOptions: { d: {} }', 'dhcpOptions.d: must say domainName or servers'],
    ['propagation from nowhere', 'routeTables: { r: { vpc: v, propagate: [g] } }', "10:41: vpnGateways has no 'g'"],
    [
      'an interface of the internet',
      'expect: [internet/eth0 -> internet icmp passes]',
      "internet is not of the lab's own: it has no interface 'eth0'",
    ],
    ['a source by its public address', 'expect: [i@public -> internet icmp passes]', '@public is how a target is addressed'],
  ])('%s', (_name, text, message) => expect(faults(BASE + text)[0]).toContain(message));
});

const LAB = `${BASE}
vpnGateways: { g: { vpc: v } }
customerGateways: { corp: { address: 192.0.2.1, vpnGateway: g, routes: [172.16.0.0/16] } }
instances:
  web: { interfaces: [i] }
  app: { interfaces: [{ subnet: s }] }
`;

describe('what the short forms stand for', () => {
  it('gateways get names after their VPC, addresses after their owner', () => {
    const lab = parseLab('l.yaml', `${LAB}natGateways: { n: { subnet: s } }\nelasticAddresses: { e: { interface: i } }`);
    expect(lab.internetGateways).toEqual({ 'v-internet': { vpc: 'v' } });
    expect(lab.elasticAddresses).toEqual({ e: { interface: 'i' }, 'n-public': { natGateway: 'n' } });
    expect(lab.natGateways).toEqual({ n: { subnet: 's', elasticAddress: 'n-public' } });
    expect(lab.vpnConnections).toEqual({ corp: { vpnGateway: 'g', routes: ['172.16.0.0/16'] } });
  });
});

describe('expectations of the outside', () => {
  const endpoints = new Map([
    ['web', { namespace: 'i-web', interfaces: [{ ipv4: '10.0.0.10', publicIp: '203.0.113.1' }] }],
    ['app', { namespace: 'i-app', interfaces: [{ ipv4: '10.0.0.11' }] }],
    ['internet', { namespace: 'internet', outside: true as const, interfaces: [{ ipv4: '198.51.100.80' }] }],
    ['corp', { namespace: 'cgw-1', outside: true as const, interfaces: [{ ipv4: '172.16.0.1' }] }],
  ]);
  const checks = (...lines: string[]) =>
    planChecks(parseLab('l.yaml', `${LAB}expect:\n${lines.map((line) => `  - ${line}\n`).join('')}`), endpoints);

  it('the internet and customers are sources and targets', () => {
    const { checks: found, issues } = checks('internet -> web tcp/80 passes', 'corp -> web tcp/22 passes', 'web -> internet icmp passes');
    expect(issues).toEqual([]);
    expect(found.map((check) => `${sourceText(check)} ${targetText(check)}`)).toEqual(['internet web', 'corp web', 'web internet']);
  });

  it('from the internet nothing passes to what has no elastic address, and that is told', () => {
    expect(checks('internet -> app tcp/80 passes').issues).toEqual([{ line: 17, message: 'app has no elastic address' }]);
    expect(checks('internet -> app tcp/80 is dropped').issues).toEqual([]);
    expect(checks('web -> app@public tcp/80 is dropped').issues).toEqual([{ line: 17, message: 'app has no elastic address' }]);
  });

  it('by its elastic address is another check than by its private one', () => {
    const { checks: found } = checks('app -> web@public,web tcp/80 passes');
    expect(found.map(targetText)).toEqual(['web@public', 'web']);
  });

  it('everything else has the outside as sources only', () => {
    const { checks: found } = checks('internet -> web tcp/80 passes', 'everything else is dropped');
    const pairs = new Set(found.map((check) => `${sourceText(check)} ${targetText(check)}`));
    expect([...pairs].filter((pair) => pair.startsWith('internet '))).toEqual(['internet web', 'internet app']);
    expect([...pairs].filter((pair) => pair.endsWith(' internet'))).toEqual([]);
  });
});
