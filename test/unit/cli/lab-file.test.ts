import { describe, expect, it } from 'vitest';
import { LabFileError, loadLab, parseLab } from '../../../agent/cli/lab/load.js';

const BASE = `lab: l
vpcs:
  v: { cidr: 10.0.0.0/16 }
subnets:
  s: { vpc: v, cidr: 10.0.0.0/24 }
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

describe('parseLab', () => {
  it('reads the example lab', async () => {
    const lab = await loadLab('vagrant/labs/first/lab.yaml');
    expect(Object.keys(lab.instances)).toEqual(['web', 'db', 'bastion']);
    expect(lab.instances.bastion?.interfaces).toEqual(['bastion-eth0']);
    expect(lab.interfaces['bastion-eth0']).toMatchObject({ subnet: 'public', address: '10.0.1.5' });
    expect(lab.groups.db?.egress).toEqual([]);
    expect(lab.groups.app?.egress).toBeUndefined();
  });

  it.each([
    ['check: off', false],
    ['check: on', true],
    ['check: false', false],
    ['description: x', true],
  ])('source/destination check: %s', (entry, check) => {
    expect(parseLab('l.yaml', `${BASE}interfaces:\n  i: { subnet: s, ${entry} }\n`).interfaces.i?.check).toBe(check);
  });

  it.each([
    ['broken YAML', 'lab: [', 'l.yaml:1:7: Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ['an empty file', '', 'l.yaml:1:1: lab: is missing'],
    ['no name', 'vpcs: {}', 'l.yaml:1:1: lab: is missing'],
    ['an unknown key', `${BASE}subnet: {}`, "l.yaml:6:1: 'subnet' is not known here"],
    ['an unknown key inside', 'lab: l\nvpcs:\n  v: { cidr: 10.0.0.0/16, zone: a }', "l.yaml:3:27: vpcs.v: 'zone' is not known here"],
    ['host bits', 'lab: l\nvpcs:\n  v: { cidr: 10.0.0.1/16 }', 'l.yaml:3:14: vpcs.v.cidr: has host bits set: write 10.0.0.0/16'],
    ['a wrong type', 'lab: l\nvpcs:\n  v: { cidr: 7 }', 'l.yaml:3:14: vpcs.v.cidr: Invalid input: expected string, received number'],
    ['a missing field', 'lab: l\nsubnets:\n  s: { cidr: 10.0.0.0/24 }', 'l.yaml:3:6: subnets.s.vpc: is missing'],
    [
      'a bad name',
      'lab: l\nvpcs:\n  a/b: { cidr: 10.0.0.0/16 }',
      "l.yaml:3:3: 'a/b' must be a name: letters, digits, dots, dashes, underscores",
    ],
    [
      'an unknown VPC',
      'lab: l\nvpcs: { a: { cidr: 10.0.0.0/16 } }\nsubnets:\n  s: { vpc: b, cidr: 10.0.0.0/24 }',
      "l.yaml:4:13: vpcs has no 'b' (it has a)",
    ],
    [
      'a subnet outside',
      'lab: l\nvpcs: { a: { cidr: 10.0.0.0/16 } }\nsubnets:\n  s: { vpc: a, cidr: 10.1.0.0/24 }',
      'l.yaml:4:22: 10.1.0.0/24 is not within 10.0.0.0/16 of VPC a',
    ],
    [
      'a bad rule',
      `${BASE}groups:\n  g:\n    vpc: v\n    ingress:\n      - tcp/99999 from anywhere`,
      "l.yaml:10:9: groups.g.ingress.0: 'tcp/99999': '99999' is no port (0 to 65535) or range like 8000-8080",
    ],
    [
      'a rule with an unknown group',
      `${BASE}groups:\n  g:\n    vpc: v\n    ingress: [all from nobody]`,
      "l.yaml:9:15: there is no group and no prefix list 'nobody'",
    ],
    [
      'an address outside',
      `${BASE}interfaces:\n  i: { subnet: s, address: 10.0.1.4 }`,
      'l.yaml:7:28: 10.0.1.4 is not in 10.0.0.0/24 of subnet s',
    ],
    [
      'an interface used twice',
      `${BASE}interfaces: { i: { subnet: s } }\ninstances:\n  a: { interfaces: [i] }\n  b: { interfaces: [i] }`,
      'l.yaml:9:21: i is an interface of a already',
    ],
    [
      'an unknown field of an inline interface',
      `${BASE}instances:\n  a: { interfaces: [{ subnet: s, adress: 10.0.0.4 }] }`,
      "l.yaml:7:34: instances.a.interfaces.0: 'adress' is not known here",
    ],
    [
      'a bad route',
      `${BASE}routeTables:\n  r: { vpc: v, routes: [0.0.0.0/0 to nat] }`,
      "l.yaml:7:25: routeTables.r.routes.0: '0.0.0.0/0 to nat' is no route: write it like '0.0.0.0/0 via nat-interface'",
    ],
    ['an expectation of nobody', `${BASE}expect:\n  - a -> b icmp passes`, "l.yaml:7:5: there is no instance 'a'"],
    ['a bad expectation', `${BASE}expect:\n  - a -> b icmp`, "l.yaml:7:5: expect.0: 'a -> b icmp' must end with 'passes' or 'is dropped'"],
    [
      'two guests for one instance',
      `${BASE}instances:\n  a: { container: web, netns: blue, interfaces: [{ subnet: s }] }`,
      'l.yaml:7:19: instances.a.container: give one of container, netns and pid',
    ],
    [
      'one guest for two instances',
      `${BASE}instances:\n  a: { netns: blue, interfaces: [{ subnet: s }] }\n  b: { netns: blue, interfaces: [{ subnet: s }] }`,
      'l.yaml:8:6: network namespace blue is a already',
    ],
    [
      'a device index without a guest',
      `${BASE}instances:\n  a: { index: 1, interfaces: [{ subnet: s }] }`,
      "l.yaml:7:15: instances.a.index: only goes with container, netns or pid: enid's own instances start at eth0",
    ],
    [
      'user data for a guest',
      `${BASE}instances:\n  a: { pid: 4711, userData: id, interfaces: [{ subnet: s }] }`,
      'l.yaml:7:29: instances.a.userData: never runs in a guest: leave it out',
    ],
    [
      'a container with a name that none has',
      `${BASE}instances:\n  a: { container: a/b, interfaces: [{ subnet: s }] }`,
      'l.yaml:7:19: instances.a.container: must be the id or the name of a container',
    ],
    [
      'a namespace by its path',
      `${BASE}instances:\n  a: { netns: /run/netns/a, interfaces: [{ subnet: s }] }`,
      'l.yaml:7:15: instances.a.netns: must be the name of a network namespace',
    ],
    [
      'an expectation of a device that a guest has no interface at',
      `${BASE}instances:\n  a: { netns: blue, index: 1, interfaces: [{ subnet: s }] }\nexpect:\n  - a/eth0 -> a/eth1 icmp passes`,
      "l.yaml:9:5: a has no interface 'eth0'",
    ],
    ['a duplicate key', 'lab: l\nvpcs: {}\nvpcs: {}', 'l.yaml:3:1: Map keys must be unique'],
  ])('%s', (_name, text, message) => expect(faults(text)[0]).toContain(message));

  it('tells every fault, not only the first', () => {
    expect(faults(`${BASE}groups:\n  g: { vpc: x }\ninterfaces:\n  i: { subnet: y }`)).toEqual([
      "l.yaml:7:13: vpcs has no 'x' (it has v)",
      "l.yaml:9:16: subnets has no 'y' (it has s)",
    ]);
  });

  it('a file that is not there is a lab file error too', async () => {
    await expect(loadLab('/nonexistent/lab.yaml')).rejects.toThrow('/nonexistent/lab.yaml: ENOENT');
  });
});
