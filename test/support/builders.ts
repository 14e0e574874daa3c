import type { KernelObject, ObjectKind } from '../../agent/kernel/port.js';
import { cidr } from '../../agent/model/address.js';
import type { GroupCombination } from '../../agent/model/group-combination.js';
import { type Id, type IdKind, mintId } from '../../agent/model/ids.js';
import type { Instance } from '../../agent/model/instance.js';
import type { NetworkInterface } from '../../agent/model/network-interface.js';
import type { Route, RouteTable } from '../../agent/model/route-table.js';
import type { PrefixList, RulePeer, SecurityGroup, SecurityGroupRule } from '../../agent/model/security-group.js';
import { type Change, type RecordKind, type Records, Snapshot } from '../../agent/model/snapshot.js';
import type { Subnet } from '../../agent/model/subnet.js';
import type { Vpc } from '../../agent/model/vpc.js';
import type { CommitEvent } from '../../agent/store/store.js';

/** This host in tests. */
export const HOST = 'host-a';
export const SETTINGS = { hostId: HOST, mtu: 1500, publicPool: '203.0.113.0/24', hostAccess: true } as const;

const OWNER = { ownerId: '123456789012', tags: {} };
const NOW = '2026-01-01T00:00:00.000Z';

const ID_OF: { readonly [K in RecordKind]: (record: Records[K]) => string } = {
  vpc: (r) => r.vpcId,
  subnet: (r) => r.subnetId,
  routeTable: (r) => r.routeTableId,
  securityGroup: (r) => r.groupId,
  groupCombination: (r) => r.combinationId,
  prefixList: (r) => r.prefixListId,
  networkAcl: (r) => r.networkAclId,
  networkInterface: (r) => r.networkInterfaceId,
  instance: (r) => r.instanceId,
  internetGateway: (r) => r.internetGatewayId,
  egressOnlyInternetGateway: (r) => r.egressOnlyInternetGatewayId,
  natGateway: (r) => r.natGatewayId,
  elasticIp: (r) => r.allocationId,
  vpcPeeringConnection: (r) => r.vpcPeeringConnectionId,
  vpnGateway: (r) => r.vpnGatewayId,
  customerGateway: (r) => r.customerGatewayId,
  vpnConnection: (r) => r.vpnConnectionId,
  dhcpOptions: (r) => r.dhcpOptionsId,
  keyPair: (r) => r.keyPairId,
  clientToken: (r) => r.tokenId,
};

/**
 * Desired states for tests, without the commands' checks: every builder puts a complete record, fields given override. Ids repeat
 * from one world to the next. `commit` gives what a store would tell the loop.
 */
export class WorldBuilder {
  private minted = 0;
  private pending: Change[] = [];
  private committed = Snapshot.empty;
  private collected: Change[] = [];

  vpc(fields: Partial<Vpc> & { ipv6Range?: string } = {}): Vpc {
    const { ipv6Range, ...rest } = fields;
    const vpcId = this.id('vpc');
    const main = this.id('routeTable');
    const groupId = this.id('securityGroup');
    const vpc: Vpc = {
      ...OWNER,
      vpcId,
      cidrBlock: '10.0.0.0/16',
      secondaryCidrBlocks: [],
      cidrAssociationId: this.id('vpcCidrAssociation'),
      ...(ipv6Range !== undefined && { ipv6: { associationId: this.id('vpcCidrAssociation'), cidrBlock: ipv6Range } }),
      isDefault: false,
      instanceTenancy: 'default',
      enableDnsSupport: true,
      enableDnsHostnames: false,
      dhcpOptionsId: 'default',
      mainRouteTableId: main,
      defaultSecurityGroupId: groupId,
      defaultNetworkAclId: this.id('networkAcl'),
      ...rest,
    };
    this.put('vpc', vpc);
    this.routeTable(vpc, { routeTableId: main, main: true, mainAssociationId: this.id('routeTableAssociation') });
    const self: RulePeer = { kind: 'group', groupId, vpcId, ownerId: vpc.ownerId };
    this.group(vpc, [ingress('-1', self), ...openEgress(vpc)], { groupId, groupName: 'default' });
    return vpc;
  }

  subnet(vpc: Vpc, cidrBlock = '10.0.1.0/24', fields: Partial<Subnet> & { ipv6Range?: string } = {}): Subnet {
    const { ipv6Range, ...rest } = fields;
    return this.put('subnet', {
      ...OWNER,
      subnetId: this.id('subnet'),
      vpcId: vpc.vpcId,
      availabilityZone: 'us-east-1a',
      cidrBlock,
      ...(ipv6Range !== undefined && { ipv6: { associationId: this.id('subnetCidrAssociation'), cidrBlock: ipv6Range } }),
      mapPublicIpOnLaunch: false,
      assignIpv6AddressOnCreation: false,
      defaultForAz: false,
      ...rest,
    });
  }

  group(vpc: Vpc, rules: readonly SecurityGroupRule[], fields: Partial<SecurityGroup> = {}): SecurityGroup {
    const groupId = this.id('securityGroup');
    const { vpcId } = vpc;
    return this.put('securityGroup', { ...OWNER, groupId, groupName: groupId, description: '', vpcId, rules, ...fields });
  }

  prefixList(entries: readonly string[], fields: Partial<PrefixList> = {}): PrefixList {
    return this.put('prefixList', {
      ...OWNER,
      prefixListId: this.id('prefixList'),
      name: 'list',
      family: 4,
      maxEntries: 100,
      version: 1,
      entries: entries.map((range) => ({ cidr: range })),
      ...fields,
    });
  }

  routeTable(vpc: Vpc, fields: Partial<RouteTable> & { subnets?: readonly Subnet[] } = {}): RouteTable {
    const { subnets = [], ...rest } = fields;
    const index = this.snapshot().by('routeTable', 'vpcId', vpc.vpcId).length + 1;
    const associations = subnets.map(({ subnetId }) => ({ associationId: this.id('routeTableAssociation'), subnetId }));
    const routeTableId = this.id('routeTable');
    const { vpcId } = vpc;
    const table = { ...OWNER, routeTableId, vpcId, index, main: false, associations, routes: [], propagatingGatewayIds: [], ...rest };
    return this.put('routeTable', table);
  }

  instance(vpc: Vpc, fields: Partial<Instance> = {}): Instance {
    return this.put('instance', {
      ...OWNER,
      instanceId: this.id('instance'),
      reservationId: this.id('reservation'),
      launchIndex: 0,
      vpcId: vpc.vpcId,
      availabilityZone: 'us-east-1a',
      instanceType: 't3.medium',
      imageId: 'ami-netns',
      hostId: HOST,
      holder: { kind: 'netns' },
      state: 'running',
      bootSerial: 1,
      sourceBasedRouting: true,
      disableApiTermination: false,
      shutdownBehavior: 'stop',
      metadataOptions: {
        httpEndpoint: 'enabled',
        httpTokens: 'optional',
        httpPutResponseHopLimit: 1,
        httpProtocolIpv6: 'disabled',
        instanceMetadataTags: 'disabled',
      },
      launchTime: NOW,
      ...fields,
    });
  }

  /** Attached to `to` at `deviceIndex` when given. Groups: the VPC's default one. */
  networkInterface(
    subnet: Subnet,
    address: string,
    options: {
      to?: Instance;
      deviceIndex?: number;
      groups?: readonly SecurityGroup[];
      ipv6?: readonly string[];
    } & Partial<NetworkInterface> = {},
  ): NetworkInterface {
    const { to, deviceIndex = 0, groups, ipv6 = [], ...fields } = options;
    const networkInterfaceId = this.id('networkInterface');
    const groupIds = groups?.map((group) => group.groupId) ?? [this.must('vpc', subnet.vpcId).defaultSecurityGroupId];
    const eni: NetworkInterface = {
      ...OWNER,
      networkInterfaceId,
      subnetId: subnet.subnetId,
      vpcId: subnet.vpcId,
      availabilityZone: subnet.availabilityZone,
      description: '',
      interfaceType: 'interface',
      requesterManaged: false,
      macAddress: `02:${(networkInterfaceId.slice(4, 14).match(/../g) ?? []).join(':')}`,
      sourceDestCheck: true,
      groupIds,
      combinationIndex: this.combination(subnet.vpcId, groupIds).index,
      privateIpAddresses: [address],
      ipv6Addresses: ipv6,
      createTime: NOW,
      ...fields,
    };
    this.put('networkInterface', eni);
    return to ? this.attach(eni, to, deviceIndex) : eni;
  }

  attach(eni: NetworkInterface, { instanceId }: Instance, deviceIndex = 0): NetworkInterface {
    const attachment = { attachmentId: this.id('attachment'), instanceId, deviceIndex, networkCardIndex: 0, attachTime: NOW };
    return this.put('networkInterface', { ...eni, attachment: { ...attachment, deleteOnTermination: false, status: 'attached' } });
  }

  detach(eni: NetworkInterface): NetworkInterface {
    const { attachment, ...rest } = eni;
    return this.put('networkInterface', attachment ? { ...rest, attachment: { ...attachment, status: 'detaching' } } : rest);
  }

  /** The combination of some groups, with the lowest free number when it is new. */
  combination(vpcId: Vpc['vpcId'], groupIds: readonly SecurityGroup['groupId'][]): GroupCombination {
    const sorted = [...new Set(groupIds)].sort();
    const existing = this.snapshot().by('groupCombination', 'vpcId', vpcId);
    const known = existing.find((combination) => combination.groupIds.join() === sorted.join());
    if (known) return known;
    const index = existing.length + 1;
    return this.put('groupCombination', { combinationId: `${vpcId}/${index}`, vpcId, index, groupIds: sorted });
  }

  put<K extends RecordKind>(kind: K, record: Records[K]): Records[K] {
    this.pending.push({ kind, id: ID_OF[kind](record), record } as Change);
    return record;
  }

  delete(kind: RecordKind, id: string): void {
    this.pending.push({ kind, id, record: undefined } as Change);
  }

  must<K extends RecordKind>(kind: K, id: string): Records[K] {
    const record = this.snapshot().get(kind, id);
    if (!record) throw new TypeError(`no ${kind} ${id}`);
    return record;
  }

  snapshot(): Snapshot {
    if (this.pending.length > 0) this.committed = this.committed.with(this.committed.revision + 1, this.pending);
    this.collected.push(...this.pending);
    this.pending = [];
    return this.committed;
  }

  /** What a store tells its watchers when `work` is one commit. */
  commit(work: () => void): CommitEvent {
    const before = this.snapshot();
    this.collected = [];
    work();
    const after = this.snapshot();
    return { before, after, changes: this.collected };
  }

  /** Ids look random in their first digits, as real ones do: names of kernel objects are cut from those. */
  private id<K extends IdKind>(kind: K): Id<K> {
    this.minted++;
    const spread = Math.imul(this.minted, 0x9e3779b1) >>> 0;
    return mintId(kind, (digits) => spread.toString(16).padStart(8, '0') + this.minted.toString(16).padStart(digits - 8, '0'));
  }
}

let rules = 0;

/** A rule; `ports` are from and to, or ICMP type and code. */
export function permission(
  direction: SecurityGroupRule['direction'],
  protocol: string,
  peer: RulePeer | SecurityGroup | PrefixList | string,
  ports?: number | readonly [number, number],
): SecurityGroupRule {
  rules++;
  const [fromPort, toPort] = typeof ports === 'number' ? [ports, ports] : (ports ?? []);
  return {
    ruleId: mintId('securityGroupRule', (digits) => rules.toString(16).padStart(digits, '0')),
    direction,
    protocol,
    ...(fromPort !== undefined && { fromPort, toPort }),
    peer: peerOf(peer),
    tags: {},
  };
}

export const ingress = (protocol: string, peer: Parameters<typeof permission>[2], ports?: Parameters<typeof permission>[3]) =>
  permission('ingress', protocol, peer, ports);
export const egress = (protocol: string, peer: Parameters<typeof permission>[2], ports?: Parameters<typeof permission>[3]) =>
  permission('egress', protocol, peer, ports);

/** The egress rules that a new group has. */
export function openEgress(vpc?: Vpc): SecurityGroupRule[] {
  return vpc && !vpc.ipv6 ? [egress('-1', '0.0.0.0/0')] : [egress('-1', '0.0.0.0/0'), egress('-1', '::/0')];
}

/** The objects of one kind. */
export function ofKind<K extends ObjectKind>(objects: Iterable<KernelObject>, kind: K): Extract<KernelObject, { kind: K }>[] {
  return [...objects].filter((object): object is Extract<KernelObject, { kind: K }> => object.kind === kind);
}

export function routeTo(destination: string, eni: NetworkInterface): Route {
  return { destination, target: { kind: 'networkInterface', networkInterfaceId: eni.networkInterfaceId } };
}

function peerOf(peer: RulePeer | SecurityGroup | PrefixList | string): RulePeer {
  if (typeof peer === 'string') return { kind: cidr(peer).family === 4 ? 'cidr' : 'cidr6', cidr: peer };
  if ('kind' in peer) return peer;
  if ('prefixListId' in peer) return { kind: 'prefixList', prefixListId: peer.prefixListId };
  return { kind: 'group', groupId: peer.groupId, vpcId: peer.vpcId, ownerId: peer.ownerId };
}
