import { describe, expect, it } from 'vitest';
import { type LabEndpoint, planChecks } from '../../../agent/cli/lab/checks.js';
import { parseExpectation, probeText } from '../../../agent/cli/lab/expect.js';
import { parseLab } from '../../../agent/cli/lab/load.js';

describe('parseExpectation', () => {
  const tcp = (port: number) => ({ protocol: 'tcp', port, family: 4 });
  it.each([
    [
      'web -> db tcp/5432 passes',
      { sources: [{ instance: 'web' }], targets: [{ instance: 'db' }], probes: [tcp(5432)], outcome: 'passes' },
    ],
    [
      'web → db tcp/22 is dropped',
      { sources: [{ instance: 'web' }], targets: [{ instance: 'db' }], probes: [tcp(22)], outcome: 'dropped' },
    ],
    ['web→db icmp dropped', { probes: [{ protocol: 'icmp', family: 4 }], outcome: 'dropped' }],
    [
      'a, b -> c/eth1 , d tcp/1,udp/2 passes',
      { sources: [{ instance: 'a' }, { instance: 'b' }], targets: [{ instance: 'c', interface: 'eth1' }, { instance: 'd' }] },
    ],
    ['web -> db tcp/80 over ipv6 passes', { probes: [{ protocol: 'tcp', port: 80, family: 6 }], outcome: 'passes' }],
  ])('%s', (text, expected) => expect(parseExpectation(text)).toMatchObject({ kind: 'pairs', ...expected }));

  it('everything else', () => {
    expect(parseExpectation('everything else is dropped')).toEqual({ kind: 'everythingElse', outcome: 'dropped' });
    expect(parseExpectation('everything else passes')).toEqual({ kind: 'everythingElse', outcome: 'passes' });
  });

  it.each([
    ['web db tcp/80 passes', 'is no expectation'],
    ['web -> db passes', 'is no probe'],
    ['web -> db tcp/80', "must end with 'passes' or 'is dropped'"],
    ['web -> db tcp/80 works', "must end with 'passes' or 'is dropped'"],
    ['web -> db tcp/0 passes', 'is no probe'],
    ['web -> db sctp/80 passes', 'is no probe'],
    ['everything else', "must end with 'passes' or 'is dropped'"],
  ])('refuses %s', (text, message) => expect(() => parseExpectation(text)).toThrow(message));
});

const LAB = (expectations: string) =>
  parseLab(
    'lab.yaml',
    `lab: l
vpcs: { v: { cidr: 10.0.0.0/16 } }
subnets: { s: { vpc: v, cidr: 10.0.0.0/24 } }
interfaces: { extra: { subnet: s } }
instances:
  web: { interfaces: [{ subnet: s }, extra] }
  db: { interfaces: [{ subnet: s }] }
expect:
${expectations
  .split('\n')
  .map((line) => `  - ${line}`)
  .join('\n')}
`,
  );

const ENDPOINTS = new Map<string, LabEndpoint>([
  ['web', { namespace: 'i-web', interfaces: [{ ipv4: '10.0.0.4', ipv6: 'fd00::4' }, { ipv4: '10.0.0.5' }] }],
  ['db', { namespace: 'i-db', interfaces: [{ ipv4: '10.0.0.6' }] }],
]);
const texts = (expectations: string, endpoints = ENDPOINTS) =>
  planChecks(LAB(expectations), endpoints).checks.map(
    (check) =>
      `${check.source}${check.sourceIndex === undefined ? '' : `/eth${check.sourceIndex}`} ${check.target}/eth${check.targetIndex} ${probeText(check.probe)} ${check.expected}`,
  );

describe('planChecks', () => {
  it('takes lines one by one, with interfaces by name or device', () => {
    expect(texts('web/extra -> db tcp/5432 passes\ndb -> web/eth1 icmp is dropped')).toEqual([
      'web/eth1 db/eth0 tcp/5432 passes',
      'db web/eth1 icmp dropped',
    ]);
  });

  it('everything else: all other pairs and addresses, with default and mentioned probes, without what was said before', () => {
    const checks = texts('web -> db tcp/5432 passes\neverything else is dropped');
    expect(checks[0]).toBe('web db/eth0 tcp/5432 passes');
    const others = ['icmp', 'tcp/22', 'tcp/80', 'tcp/5432'];
    expect(checks.slice(1).sort()).toEqual(
      [
        ...others.filter((probe) => probe !== 'tcp/5432').map((probe) => `web db/eth0 ${probe} dropped`),
        ...others.map((probe) => `db web/eth0 ${probe} dropped`),
        ...others.map((probe) => `db web/eth1 ${probe} dropped`),
      ].sort(),
    );
  });

  it('everything else covers IPv6 where both sides have it', () => {
    const endpoints = new Map(ENDPOINTS).set('db', { namespace: 'i-db', interfaces: [{ ipv4: '10.0.0.6', ipv6: 'fd00::6' }] });
    const checks = texts('everything else is dropped', endpoints).filter((text) => text.includes('IPv6'));
    expect(checks.sort()).toEqual(
      ['web db/eth0', 'db web/eth0']
        .flatMap((pair) => ['icmp', 'tcp/22', 'tcp/80'].map((probe) => `${pair} ${probe} over IPv6 dropped`))
        .sort(),
    );
  });

  it('tells contradictions and missing IPv6 addresses with the line', () => {
    const { issues } = planChecks(LAB('web -> db icmp passes\nweb -> db icmp is dropped\nweb -> db icmp over ipv6 passes'), ENDPOINTS);
    expect(issues).toEqual([
      { line: 10, message: 'contradicts line 9' },
      { line: 11, message: 'db has no IPv6 address' },
    ]);
  });
});
