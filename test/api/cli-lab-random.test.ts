import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startApi } from '../support/api.js';
import { cliOver, fetchInto, temporaryFile } from '../support/cli.js';

/** Whatever lab follows whatever lab: `up` gets there, and then has nothing to do. */

const some = <T>(items: readonly T[], max = items.length) => fc.subarray([...items], { maxLength: Math.min(max, items.length) });

interface Names {
  readonly vpcs: Readonly<Record<string, number>>;
  readonly subnets: Readonly<Record<string, { readonly vpc: string; readonly third: number }>>;
  readonly groups: Readonly<Record<string, string>>;
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);

/** A choice for each of some of the names. */
const choices = <T>(all: readonly string[], value: fc.Arbitrary<T>, min = 0) =>
  fc
    .subarray([...all], { minLength: min })
    .chain((keys) => fc.tuple(...keys.map((key) => fc.tuple(fc.constant(key), value))))
    .map((pairs) => Object.fromEntries(pairs) as Record<string, T>);

const skeleton: fc.Arbitrary<Names> = choices(names('v', 2), fc.integer({ min: 1, max: 3 }), 1).chain((vpcs) => {
  const vpc = fc.constantFrom(...Object.keys(vpcs));
  return fc.record({
    vpcs: fc.constant(vpcs),
    subnets: choices(names('s', 3), vpc, 1).map((subnets) =>
      Object.fromEntries(Object.entries(subnets).map(([name, of]) => [name, { vpc: of, third: Number(name.slice(1)) }])),
    ),
    groups: choices(names('g', 4), vpc),
  });
});

const lab = skeleton.chain(({ vpcs, subnets, groups }) => {
  const groupsOf = (vpc: string) => Object.keys(groups).filter((name) => groups[name] === vpc);
  const rules = (vpc: string) =>
    some(
      [
        'tcp/80 from anywhere',
        'udp/1-100 from 10.0.0.0/8',
        'all from self',
        'tcp/22 from list',
        ...groupsOf(vpc).map((name) => `icmp from ${name}`),
      ],
      4,
    );
  const anInterface = (name: string) =>
    fc.constantFrom(...Object.keys(subnets)).chain((subnet) => {
      const { vpc = '', third = 0 } = subnets[subnet] ?? {};
      const octet = Number(name.slice(1)) * 10;
      return fc.record(
        {
          subnet: fc.constant(subnet),
          address: fc.constantFrom(octet, octet + 1).map((last) => `10.${vpcs[vpc]}.${third}.${last}`),
          ...(groupsOf(vpc).length > 0 && { groups: fc.subarray(groupsOf(vpc), { minLength: 1 }) }),
          check: fc.boolean(),
        },
        { requiredKeys: ['subnet'] },
      );
    });
  const interfaceNames = names('e', 6);
  return fc
    .record({
      vpcs: fc.constant(Object.fromEntries(Object.entries(vpcs).map(([name, second]) => [name, { cidr: `10.${second}.0.0/16` }]))),
      subnets: fc.constant(
        Object.fromEntries(Object.entries(subnets).map(([name, { vpc, third }]) => [name, { vpc, cidr: `10.${vpcs[vpc]}.${third}.0/24` }])),
      ),
      prefixLists: fc.record({ list: fc.record({ entries: some(['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24']) }) }),
      groups: fc
        .tuple(
          ...Object.entries(groups).map(([name, vpc]) =>
            fc.tuple(
              fc.constant(name),
              fc.record({ vpc: fc.constant(vpc), ingress: rules(vpc), egress: fc.constant([]) }, { requiredKeys: ['vpc'] }),
            ),
          ),
        )
        .map((pairs) => Object.fromEntries(pairs)),
      interfaces: fc
        .tuple(...interfaceNames.map((name) => fc.tuple(fc.constant(name), anInterface(name))))
        .map((pairs) => Object.fromEntries(pairs)),
      owners: fc.array(fc.constantFrom('i1', 'i2', 'i3', ''), { minLength: interfaceNames.length, maxLength: interfaceNames.length }),
      // Secondary addresses that wander from interface to interface.
      wanderers: fc.array(fc.constantFrom(...interfaceNames, ''), { minLength: 4, maxLength: 4 }),
      order: fc.shuffledSubarray(interfaceNames, { minLength: interfaceNames.length }),
      type: fc.constantFrom('t3.large', 'm5.large'),
      tables: choices(
        names('r', 2),
        fc.record({ vpc: fc.constantFrom(...Object.keys(vpcs)), subnets: some(Object.keys(subnets)), targets: some(interfaceNames, 2) }),
      ),
    })
    .map(({ owners, wanderers, order, type, tables, interfaces: plain, ...rest }) => {
      const interfaces = Object.fromEntries(
        Object.entries(plain).map(([name, entry]) => {
          const { vpc = '', third = 0 } = subnets[entry.subnet] ?? {};
          const addresses = wanderers.flatMap((owner, i) => (owner === name ? [`10.${vpcs[vpc]}.${third}.${200 + i}`] : []));
          return [name, { ...entry, addresses }];
        }),
      );
      const vpcOf = (name: string) => subnets[interfaces[name]?.subnet ?? '']?.vpc;
      const instances: Record<string, { type: string; interfaces: string[] }> = {};
      for (const [i, name] of order.entries()) {
        const owner = owners[i];
        if (!owner) continue;
        const instance = instances[owner];
        if (!instance) instances[owner] = { type, interfaces: [name] };
        else if (instance.interfaces.length < 3 && vpcOf(instance.interfaces[0] ?? '') === vpcOf(name)) instance.interfaces.push(name);
      }
      const used = new Set<string>();
      const routeTables = Object.fromEntries(
        Object.entries(tables).map(([name, { vpc, subnets: wanted, targets }]) => {
          const own = wanted.filter((subnet) => subnets[subnet]?.vpc === vpc && !used.has(subnet));
          for (const subnet of own) used.add(subnet);
          const routes = targets.filter((target) => vpcOf(target) === vpc).map((target, i) => `172.${16 + i}.0.0/16 via ${target}`);
          return [name, { vpc, subnets: own, routes }];
        }),
      );
      return { lab: 'random', ...rest, interfaces, instances, routeTables };
    });
});

/** The network goes away after so many calls that change something: `up` ends in the middle. */
function breaksAfter(calls: number, inner: typeof fetch): typeof fetch {
  let left = calls;
  return async (input, init) => {
    if (init?.method !== 'GET' && left-- <= 0) throw new TypeError('fetch failed');
    return inner(input, init);
  };
}

describe('eni lab up', () => {
  it('gets from any lab to any other, interrupted or not, and then has nothing to do', { timeout: 120_000 }, async () => {
    const file = temporaryFile('lab.yaml');
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(lab, fc.option(fc.integer({ min: 1, max: 40 }))), { minLength: 2, maxLength: 3 }),
          async (labs) => {
            const api = await startApi();
            const eni = cliOver({ fetch: fetchInto(api) });
            try {
              for (const [each, patience] of labs) {
                const path = file.write(JSON.stringify(each, null, 1));
                if (patience !== null) await cliOver({ fetch: breaksAfter(patience, fetchInto(api)) })('lab', 'up', path);
                expect(await eni('lab', 'up', path)).toMatchObject({ err: '', code: 0 });
                expect(await eni('lab', 'up', path)).toEqual({ out: 'lab random: nothing to do\n', err: '', code: 0 });
              }
              expect(await eni('lab', 'down', file.path)).toMatchObject({ err: '', code: 0 });
              for (const kind of ['vpc', 'subnet', 'securityGroup', 'networkInterface', 'prefixList', 'routeTable'] as const)
                expect([...api.store.snapshot().all(kind)]).toEqual([]);
            } finally {
              await api.close();
            }
          },
        ),
        { numRuns: Number(process.env.LAB_RUNS ?? 10) },
      );
    } finally {
      file.remove();
    }
  });
});
