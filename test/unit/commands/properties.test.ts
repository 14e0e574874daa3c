import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CommandName } from '../../../agent/commands/index.js';
import { availableAddressCount } from '../../../agent/commands/ipam.js';
import { cidr, contains } from '../../../agent/model/address.js';
import { ApiError } from '../../../agent/model/errors.js';
import { combinationKey } from '../../../agent/model/group-combination.js';
import { INSTANCE_TYPES } from '../../../agent/model/instance-types.js';
import { aclFilters } from '../../../agent/model/network-acl.js';
import { interfaceAddresses } from '../../../agent/model/network-interface.js';
import { Snapshot } from '../../../agent/model/snapshot.js';
import { isReservedAddress } from '../../../agent/model/subnet.js';
import { gateways } from './gateway-world.js';
import { type City, city } from './world.js';

/** One step: a command whose arguments are chosen by numbers among what there is, so that most steps do something. */
interface Step {
  readonly verb: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

type Verb = (c: City, step: Step) => readonly [CommandName, object] | undefined;

const at = <T>(items: readonly T[], index: number): T | undefined => items[index % Math.max(items.length, 1)];
const sorted = (ids: readonly string[]) => [...ids].sort();
const ids = {
  enis: (c: City) => sorted(c.world.state.tables.networkInterface.ids()),
  instances: (c: City) => sorted(c.world.state.tables.instance.ids()),
  groups: (c: City) => sorted(c.world.state.tables.securityGroup.ids()),
  tables: (c: City) => sorted(c.world.state.tables.routeTable.ids()),
  addresses: (c: City) => sorted(c.world.state.tables.elasticIp.ids()),
  nats: (c: City) => sorted(c.world.state.tables.natGateway.ids()),
  acls: (c: City) => sorted(c.world.state.tables.networkAcl.ids()),
};
/** Attached interfaces other than primary ones. */
const secondaries = (c: City) =>
  sorted(c.world.state.all('networkInterface').flatMap((eni) => ((eni.attachment?.deviceIndex ?? 0) > 0 ? [eni.networkInterfaceId] : [])));
const subnetOf = (c: City, n: number) => at([c.subnetId, c.secondSubnetId, c.farSubnetId, c.otherSubnetId], n);
const someGroups = (c: City, n: number) => [at(ids.groups(c), n), at(ids.groups(c), n >> 3)];
const types = ['t3.micro', 't3.small', 'm5.large'];

const VERBS: readonly Verb[] = [
  (c, s) => ['createNetworkInterface', { subnetId: subnetOf(c, s.a), secondaryPrivateIpAddressCount: 1 + (s.b % 4) }],
  (c, s) => [
    'createNetworkInterface',
    { subnetId: subnetOf(c, s.a), groupIds: someGroups(c, s.b), ...(s.c % 2 && { ipv6AddressCount: 1 + (s.c % 3) }) },
  ],
  (c, s) => ['createNetworkInterface', { subnetId: subnetOf(c, s.a), privateIpAddress: `10.0.${1 + (s.a % 4)}.${s.b % 256}` }],
  (c, s) => ['deleteNetworkInterface', { networkInterfaceId: at(ids.enis(c), s.a) }],
  (c, s) => [
    'modifyNetworkInterface',
    { networkInterfaceId: at(ids.enis(c), s.a), groupIds: someGroups(c, s.b), sourceDestCheck: s.c % 2 === 0 },
  ],
  (c, s) => ['assignPrivateIpAddresses', { networkInterfaceId: at(ids.enis(c), s.a), secondaryPrivateIpAddressCount: 1 + (s.b % 3) }],
  (c, s) => [
    'assignPrivateIpAddresses',
    {
      networkInterfaceId: at(ids.enis(c), s.a),
      privateIpAddresses: [`10.0.${1 + (s.b % 3)}.${s.c % 256}`],
      allowReassignment: s.b % 2 === 0,
    },
  ],
  (c, s) => {
    const eni = at(c.world.state.all('networkInterface'), s.a);
    return (
      eni && [
        'unassignPrivateIpAddresses',
        { networkInterfaceId: eni.networkInterfaceId, privateIpAddresses: [at(eni.privateIpAddresses, s.b)] },
      ]
    );
  },
  (c, s) => ['assignIpv6Addresses', { networkInterfaceId: at(ids.enis(c), s.a), ipv6AddressCount: 1 + (s.b % 2) }],
  (c, s) => [
    'attachNetworkInterface',
    {
      networkInterfaceId: at(ids.enis(c), s.a),
      instanceId: at(ids.instances(c), s.b),
      deviceIndex: s.c % 4,
      deleteOnTermination: s.c % 2 === 0,
    },
  ],
  (c, s) => {
    const networkInterfaceId = at(secondaries(c), s.a);
    return ['detachNetworkInterface', { networkInterfaceId: networkInterfaceId ?? at(ids.enis(c), s.a), force: s.b % 3 === 0 }];
  },
  (c, s) => {
    const networkInterfaceId = at(secondaries(c), s.a);
    return networkInterfaceId === undefined
      ? undefined
      : ['moveNetworkInterface', { networkInterfaceId, instanceId: at(ids.instances(c), s.b), deviceIndex: 1 + (s.c % 3) }];
  },
  (c, s) => {
    const eni = at(
      c.world.state.all('networkInterface').filter((one) => one.attachment?.status === 'detaching'),
      s.a,
    );
    return eni && ['finishDetach', { networkInterfaceId: eni.networkInterfaceId, attachmentId: eni.attachment?.attachmentId }];
  },
  (c, s) => ['runInstances', { subnetId: subnetOf(c, s.a), instanceType: at(types, s.b), count: 1 + (s.c % 2) }],
  (c, s) => ['stopInstance', { instanceId: at(ids.instances(c), s.a) }],
  (c, s) => ['finishStop', { instanceId: at(ids.instances(c), s.a) }],
  (c, s) => ['startInstance', { instanceId: at(ids.instances(c), s.a) }],
  (c, s) => ['terminateInstance', { instanceId: at(ids.instances(c), s.a) }],
  (c, s) => ['finishTerminate', { instanceId: at(ids.instances(c), s.a) }],
  (c, s) => ['modifyInstance', { instanceId: at(ids.instances(c), s.a), instanceType: at(types, s.b) }],
  (c, s) => ['createSecurityGroup', { vpcId: at([c.vpcId, c.otherVpcId], s.a), groupName: `g${s.b % 6}`, description: '' }],
  (c, s) => ['deleteSecurityGroup', { groupId: at(ids.groups(c), s.a) }],
  (c, s) => [
    'authorizeSecurityGroupRules',
    { groupId: at(ids.groups(c), s.a), direction: 'ingress', rules: [{ protocol: '-1', peer: { groupId: at(ids.groups(c), s.b) } }] },
  ],
  (c, s) => ['createRouteTable', { vpcId: at([c.vpcId, c.otherVpcId], s.a) }],
  (c, s) => ['deleteRouteTable', { routeTableId: at(ids.tables(c), s.a) }],
  (c, s) => ['associateRouteTable', { routeTableId: at(ids.tables(c), s.a), subnetId: subnetOf(c, s.b) }],
  (c, s) => [
    'createRoute',
    { routeTableId: at(ids.tables(c), s.a), destination: `198.51.${s.b % 4}.0/24`, networkInterfaceId: at(ids.enis(c), s.c) },
  ],
  (c, s) => ['runInstances', { networkInterfaces: [{ subnetId: subnetOf(c, s.a), associatePublicIpAddress: true }] }],
  () => ['allocateAddress', {}],
  (c, s) => {
    const eni = at(c.world.state.all('networkInterface'), s.b);
    return (
      eni && [
        'associateAddress',
        {
          allocationId: at(ids.addresses(c), s.a),
          networkInterfaceId: eni.networkInterfaceId,
          privateIpAddress: at(eni.privateIpAddresses, s.c),
          allowReassociation: s.a % 3 !== 0,
        },
      ]
    );
  },
  (c, s) => {
    const address = at(c.world.state.all('elasticIp'), s.a);
    return address?.association && ['disassociateAddress', { associationId: address.association.associationId }];
  },
  (c, s) => ['releaseAddress', { allocationId: at(ids.addresses(c), s.a) }],
  (c, s) => ['createNatGateway', { subnetId: subnetOf(c, s.a), allocationId: at(ids.addresses(c), s.b) }],
  (c, s) => ['createNatGateway', { subnetId: subnetOf(c, s.a), connectivityType: 'private' }],
  (c, s) => ['deleteNatGateway', { natGatewayId: at(ids.nats(c), s.a) }],
  (c, s) => ['finishNatGateway', { natGatewayId: at(ids.nats(c), s.a) }],
  (c, s) => ['createNetworkAcl', { vpcId: at([c.vpcId, c.otherVpcId], s.a) }],
  (c, s) => [
    'createNetworkAclEntry',
    {
      networkAclId: at(ids.acls(c), s.a),
      ruleNumber: 1 + (s.b % 4),
      egress: s.b % 2 === 0,
      ruleAction: at(['allow', 'deny'], s.c),
      protocol: '-1',
      cidr: at(['0.0.0.0/0', '::/0'], s.c >> 1),
    },
  ],
  (c, s) => [
    'deleteNetworkAclEntry',
    { networkAclId: at(ids.acls(c), s.a), ruleNumber: at([1, 2, 3, 4, 100, 101], s.b), egress: s.c % 2 === 0 },
  ],
  (c, s) => {
    const [acl] = c.world.state.by('networkAcl', 'subnetId', subnetOf(c, s.a) ?? '');
    const association = acl?.associations.find((one) => one.subnetId === subnetOf(c, s.a));
    return (
      association && ['replaceNetworkAclAssociation', { associationId: association.associationId, networkAclId: at(ids.acls(c), s.b) }]
    );
  },
  () => ['forgetExpired', {}],
];

function unique(values: readonly string[], what: string): void {
  expect(new Set(values).size, what).toBe(values.length);
}

function checkInvariants({ world: { state, context } }: City): void {
  const enis = state.all('networkInterface');
  unique(
    enis.map((eni) => eni.macAddress),
    'MACs',
  );
  unique(
    enis.flatMap((eni) => interfaceAddresses(eni).map((address) => `${eni.vpcId} ${address}`)),
    'addresses',
  );
  unique(
    enis.flatMap((eni) => eni.attachment?.attachmentId ?? []),
    'attachments',
  );
  unique(
    enis.flatMap((eni) => (eni.attachment ? [`${eni.attachment.instanceId} ${eni.attachment.deviceIndex}`] : [])),
    'device indexes',
  );
  for (const eni of enis) {
    const subnet = state.get('subnet', eni.subnetId);
    if (!subnet) throw new Error(`${eni.networkInterfaceId} is in no subnet`);
    expect(eni).toMatchObject({ vpcId: subnet.vpcId, availabilityZone: subnet.availabilityZone });
    for (const address of interfaceAddresses(eni)) {
      const range = address.includes(':') ? (subnet.ipv6?.cidrBlock ?? '') : subnet.cidrBlock;
      expect(contains(cidr(range), address) && !isReservedAddress(range, address), address).toBe(true);
    }
    expect(eni.groupIds.length > 0).toBe(!eni.requesterManaged);
    expect(eni.groupIds.length).toBeLessThanOrEqual(context.limits.groupsPerInterface);
    for (const id of eni.groupIds) expect(state.get('securityGroup', id)?.vpcId).toBe(eni.vpcId);
    const acls = state.by('networkAcl', 'subnetId', eni.subnetId);
    expect(acls.map((acl) => acl.vpcId)).toEqual([eni.vpcId]);
    const filtered = acls.some((acl) => aclFilters(acl, state.get('vpc', eni.vpcId)?.ipv6 !== undefined));
    const combination = state.get('groupCombination', `${eni.vpcId}/${eni.combinationIndex}`);
    if (eni.requesterManaged && !filtered) expect(eni.combinationIndex).toBe(0);
    else {
      expect(combination?.groupIds).toEqual([...eni.groupIds].sort());
      expect(combination?.subnetId).toBe(filtered ? eni.subnetId : undefined);
    }
    if (!eni.attachment) continue;
    const instance = state.get('instance', eni.attachment.instanceId);
    expect(instance).toMatchObject({ vpcId: eni.vpcId, availabilityZone: eni.availabilityZone });
    expect(instance?.state).not.toBe('terminated');
    expect(eni.privateIpAddresses.length).toBeLessThanOrEqual(
      INSTANCE_TYPES.get(instance?.instanceType ?? '')?.ipv4AddressesPerInterface ?? 0,
    );
    expect(eni.ipv6Addresses.length).toBeLessThanOrEqual(INSTANCE_TYPES.get(instance?.instanceType ?? '')?.ipv6AddressesPerInterface ?? 0);
  }
  for (const instance of state.all('instance')) {
    const attached = state.by('networkInterface', 'instanceId', instance.instanceId);
    expect(attached.length).toBeLessThanOrEqual(INSTANCE_TYPES.get(instance.instanceType)?.maxNetworkInterfaces ?? 0);
    expect(attached.some((eni) => eni.attachment?.deviceIndex === 0)).toBe(instance.state !== 'terminated');
  }
  const used = new Set(enis.flatMap((eni) => (eni.combinationIndex > 0 ? [`${eni.vpcId}/${eni.combinationIndex}`] : [])));
  expect([...state.tables.groupCombination.ids()]).toEqual(expect.arrayContaining([...used]));
  unique(state.all('groupCombination').map(combinationKey), 'combinations');
  unique(
    state.all('routeTable').map((table) => `${table.vpcId} ${table.index}`),
    'route table indexes',
  );
  unique(
    state.all('routeTable').flatMap((table) => table.associations.map((one) => String(one.subnetId))),
    'subnets with a route table',
  );
  checkPublicAddresses(state);
  for (const vpc of state.all('vpc'))
    expect(
      state
        .by('routeTable', 'vpcId', vpc.vpcId)
        .filter((table) => table.main)
        .map((table) => table.routeTableId),
    ).toEqual([vpc.mainRouteTableId]);
  for (const group of state.all('securityGroup'))
    for (const { peer } of group.rules)
      if (peer.kind === 'group') expect(state.get('securityGroup', peer.groupId)?.vpcId).toBe(group.vpcId);
  for (const subnet of state.all('subnet')) {
    const held = state.by('networkInterface', 'subnetId', subnet.subnetId).reduce((sum, eni) => sum + eni.privateIpAddresses.length, 0);
    expect(availableAddressCount(state, subnet)).toBe(251 - held);
  }
}

function checkPublicAddresses(state: Snapshot): void {
  const addresses = state.all('elasticIp');
  unique(
    addresses.map((address) => address.publicIp),
    'public addresses',
  );
  unique(
    addresses.flatMap(({ association }) => (association ? [`${association.networkInterfaceId} ${association.privateIpAddress}`] : [])),
    'private addresses with a public one',
  );
  for (const { kind, association } of addresses) {
    const eni = association && state.get('networkInterface', association.networkInterfaceId);
    if (association) expect(eni?.privateIpAddresses).toContain(association.privateIpAddress);
    if (kind !== 'automatic') continue;
    expect(state.get('instance', eni?.attachment?.instanceId ?? '')?.state).toBe('running');
  }
  for (const gateway of state.all('natGateway')) {
    const eni = state.get('networkInterface', gateway.networkInterfaceId);
    expect(eni?.requesterId).toBe(gateway.state === 'deleted' ? undefined : gateway.natGatewayId);
    if (!gateway.allocationId || gateway.state === 'deleted') continue;
    expect(state.get('elasticIp', gateway.allocationId)?.association?.networkInterfaceId).toBe(gateway.networkInterfaceId);
  }
}

/** The state as a store would load it: from its records alone. */
function reloaded(state: Snapshot): Snapshot {
  const changes = Object.entries(state.tables).flatMap(([kind, table]) => table.entries().map(([id, record]) => ({ kind, id, record })));
  return Snapshot.empty.with(state.revision, changes as Parameters<Snapshot['with']>[1]);
}

it('any sequence of commands keeps the model whole', { timeout: 120_000 }, () => {
  const outcomes = new Map<CommandName, { done: number; refused: number }>();
  const pick = (max: number) => fc.noBias(fc.nat(max));
  const step = fc.record({ verb: pick(VERBS.length - 1), a: pick(999), b: pick(999), c: pick(999) });
  fc.assert(
    fc.property(fc.noBias(fc.array(step, { minLength: 20, maxLength: 150, size: 'max' })), (steps) => {
      const c = city();
      for (const vpcId of [c.vpcId, c.otherVpcId]) gateways(c).internetGateway(vpcId);
      for (const one of steps) {
        const call = VERBS[one.verb]?.(c, one);
        if (!call) continue;
        const [name, input] = call;
        const outcome = outcomes.get(name) ?? { done: 0, refused: 0 };
        outcomes.set(name, outcome);
        c.world.wait(1);
        try {
          c.world.run(name, input);
          outcome.done++;
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          outcome.refused++;
        }
      }
      checkInvariants(c);
      const again = reloaded(c.world.state);
      c.world.state = again;
      checkInvariants(c);
    }),
    { numRuns: 150 },
  );
  // The sequences must get somewhere: every command was carried out at least once.
  expect([...outcomes].filter(([, { done }]) => done === 0).map(([name]) => name)).toEqual([]);
});
