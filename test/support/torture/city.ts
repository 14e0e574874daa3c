import type { Dice } from './budget.js';
import { Probe } from './probe.js';

/** Runs commands as one change; resolves when it is durable and the kernel has it. */
export type Call = (...calls: readonly { readonly command: string; readonly input: unknown }[]) => Promise<any[]>;

/** Ports of the probes. Every instance sends to all of them at every address. */
export const PORT = {
  /** Open to all: shows that a probe would have seen something. */
  open: 8080,
  /** No group lets it in. */
  closed: 7777,
} as const;

export interface City {
  readonly vpcId: string;
  readonly subnetId: string;
  /** Lets `PORT.open` in, and ping. */
  readonly openGroupId: string;
  /** Lets nothing in, and nothing out. */
  readonly muteGroupId: string;
  /** Two with open groups, and one whose only group is mute. */
  readonly instances: readonly [string, string, string];
  readonly addresses: readonly [string, string, string];
  /** Interfaces that come and go, with their addresses; the last is mute. */
  readonly spare: readonly { readonly id: string; readonly address: string }[];
}

const SPARE = ['10.0.1.100', '10.0.1.101', '10.0.1.102'];

/** A VPC with permanent instances and interfaces that are attached, moved and detached. */
export async function buildCity(call: Call): Promise<City> {
  const [vpc, subnet, open, , mute] = await call(
    { command: 'createVpc', input: { cidrBlock: '10.0.0.0/16' } },
    { command: 'createSubnet', input: { vpcId: '$0.vpcId', cidrBlock: '10.0.1.0/24', availabilityZone: 'us-east-1a' } },
    { command: 'createSecurityGroup', input: { vpcId: '$0.vpcId', groupName: 'open', description: 'open' } },
    {
      command: 'authorizeSecurityGroupRules',
      input: {
        groupId: '$2.groupId',
        direction: 'ingress',
        rules: [
          { protocol: 'udp', fromPort: PORT.open, toPort: PORT.open, peer: { cidr: '0.0.0.0/0' } },
          { protocol: 'icmp', peer: { cidr: '0.0.0.0/0' } },
        ],
      },
    },
    { command: 'createSecurityGroup', input: { vpcId: '$0.vpcId', groupName: 'mute', description: 'mute' } },
    {
      command: 'revokeSecurityGroupRules',
      input: { groupId: '$4.groupId', direction: 'egress', rules: [{ protocol: '-1', peer: { cidr: '0.0.0.0/0' } }] },
    },
  );
  const common = { subnetId: subnet.subnetId, instanceType: 'm5.xlarge' };
  const [openGroupId, muteGroupId] = [open.groupId, mute.groupId];
  const launch = (address: string, groupId: string) => ({
    command: 'runInstances',
    input: { ...common, privateIpAddress: address, groupIds: [groupId] },
  });
  const addresses = ['10.0.1.11', '10.0.1.12', '10.0.1.13'] as const;
  const launched = await call(...addresses.map((address, i) => launch(address, i === 2 ? muteGroupId : openGroupId)));
  const spare = await call(
    ...SPARE.map((address, i) => ({
      command: 'createNetworkInterface',
      input: { subnetId: subnet.subnetId, privateIpAddress: address, groupIds: [i === 2 ? muteGroupId : openGroupId] },
    })),
  );
  return {
    vpcId: vpc.vpcId,
    subnetId: subnet.subnetId,
    openGroupId,
    muteGroupId,
    instances: launched.map(({ instanceIds }) => instanceIds[0]) as unknown as City['instances'],
    addresses,
    spare: spare.map(({ networkInterfaceId }, i) => ({ id: networkInterfaceId, address: SPARE[i] ?? '' })),
  };
}

export interface Deed {
  readonly name: string;
  readonly calls: readonly { readonly command: string; readonly input: unknown }[];
}

/** Where a spare interface is: instance and device index. */
export type Place = { readonly instanceId: string; readonly deviceIndex: number } | undefined;

/** What one can do next in the city, given where its interfaces are and which instances are only visiting. */
export function deeds(
  city: City,
  state: { readonly placeOf: (networkInterfaceId: string) => Place; readonly visitors: readonly string[] },
  dice: Dice,
): Deed {
  const { id } = dice.pick(city.spare);
  const place = state.placeOf(id);
  const somewhere = () => {
    const taken = new Set(city.spare.map((each) => state.placeOf(each.id)).map((at) => (at ? `${at.instanceId} ${at.deviceIndex}` : '')));
    const free = city.instances.flatMap((instanceId) =>
      [1, 2, 3].filter((index) => !taken.has(`${instanceId} ${index}`)).map((deviceIndex) => ({ instanceId, deviceIndex })),
    );
    return dice.pick(free);
  };
  const options: Deed[] = [
    { name: 'run', calls: [{ command: 'runInstances', input: { subnetId: city.subnetId, groupIds: [city.openGroupId] } }] },
    ...(place
      ? [
          { name: 'detach', calls: [{ command: 'detachNetworkInterface', input: { networkInterfaceId: id } }] },
          { name: 'move', calls: [{ command: 'moveNetworkInterface', input: { networkInterfaceId: id, ...somewhere() } }] },
        ]
      : [{ name: 'attach', calls: [{ command: 'attachNetworkInterface', input: { networkInterfaceId: id, ...somewhere() } }] }]),
    ...state.visitors
      .slice(0, 1)
      .map((instanceId) => ({ name: 'terminate', calls: [{ command: 'terminateInstance', input: { instanceId } }] })),
    {
      name: 'check',
      calls: [{ command: 'modifyNetworkInterface', input: { networkInterfaceId: id, sourceDestCheck: dice.chance(0.5) } }],
    },
  ];
  // Many visitors make every pass slow and nothing more likely.
  return dice.pick(state.visitors.length >= 2 ? options.filter(({ name }) => name !== 'run') : options);
}

/** Everybody sends to everybody, and listens. */
export async function populate(city: City): Promise<Probe[]> {
  const addresses = [...city.addresses, ...city.spare.map(({ address }) => address)];
  const targets = addresses.flatMap((address) => Object.values(PORT).map((port) => [address, port] as const));
  const probes = city.instances.map((instanceId) => new Probe(instanceId));
  for (const probe of probes) await probe.order({ targets, listen: Object.values(PORT) });
  return probes;
}

/** Datagrams that arrived although the groups of the sender or of the receiver forbid it. */
export function trespasses(city: City, probes: readonly Probe[]): string[] {
  const mute = new Set([city.addresses[2], city.spare.at(-1)?.address]);
  return probes.flatMap(({ netns, seen }) =>
    [...seen.keys()].filter((key) => {
      const [port, source, destination] = key.split(' ');
      return (
        source !== destination && !isOwn(city, netns, source) && (Number(port) === PORT.closed || mute.has(source) || mute.has(destination))
      );
    }),
  );
}

/** What an instance sends to an address that it has itself does not leave it. */
function isOwn({ instances, addresses }: City, netns: string, source: string | undefined): boolean {
  return addresses[instances.indexOf(netns)] === source;
}
