import { describe, expect, it } from 'vitest';
import { compileRuleset } from '../../../agent/firewall/compile.js';
import { vpcFirewall } from '../../../agent/firewall/ruleset.js';
import { combinationKey } from '../../../agent/model/group-combination.js';
import { mintId } from '../../../agent/model/ids.js';
import type { NetworkAcl, NetworkAclEntry } from '../../../agent/model/network-acl.js';
import type { NetworkInterface } from '../../../agent/model/network-interface.js';
import type { Subnet } from '../../../agent/model/subnet.js';
import { ingress, openEgress, WorldBuilder } from '../../support/builders.js';
import { GATEWAY, Router } from '../../support/flows.js';
import { allRules } from '../../support/packet-filter.js';

type EntryText = `${number} ${'in' | 'out'} ${'allow' | 'deny'} ${string}`;

/** `100 in allow tcp/80 10.0.0.0/16`, `110 out deny icmp/8/-1 ::/0`, `120 in allow all 0.0.0.0/0`. */
function entry(text: EntryText): NetworkAclEntry {
  const [number, direction, action, what = '', cidr = ''] = text.split(' ');
  const [protocol = '', first, second] = what.split('/');
  const isIcmp = protocol.startsWith('icmp');
  return {
    ruleNumber: Number(number),
    egress: direction === 'out',
    ruleAction: action === 'allow' ? 'allow' : 'deny',
    protocol: protocol === 'all' ? '-1' : protocol,
    cidr,
    ...(isIcmp && { icmp: { type: Number(first ?? -1), code: Number(second ?? -1) } }),
    ...(!isIcmp && first !== undefined && { portRange: { from: Number(first), to: Number(second ?? first) } }),
  };
}

/** Two subnets whose interfaces are in a group that lets everything through: only ACLs decide. */
class Lab {
  readonly world = new WorldBuilder();
  readonly vpc = this.world.vpc({ ipv6Range: 'fd00:1::/56' });
  readonly a = this.world.subnet(this.vpc, '10.0.1.0/24', { ipv6Range: 'fd00:1:0:1::/64' });
  readonly b = this.world.subnet(this.vpc, '10.0.2.0/24', { ipv6Range: 'fd00:1:0:2::/64' });
  readonly open = this.world.group(this.vpc, [ingress('-1', '0.0.0.0/0'), ingress('-1', '::/0'), ...openEgress()]);
  private readonly filtered = new Map<string, NetworkAcl>();
  private placed = 9;
  private started: Router | undefined;

  acl(subnet: Subnet, ...entries: EntryText[]): void {
    const known = this.filtered.get(subnet.subnetId);
    const networkAclId = known?.networkAclId ?? mintId('networkAcl', (digits) => String(this.filtered.size).padStart(digits, 'a'));
    const record: NetworkAcl = {
      ownerId: this.vpc.ownerId,
      tags: {},
      networkAclId,
      vpcId: this.vpc.vpcId,
      isDefault: false,
      associations: [{ associationId: `of ${subnet.subnetId}`, subnetId: subnet.subnetId }],
      entries: entries.map(entry),
    };
    this.filtered.set(subnet.subnetId, this.world.put('networkAcl', record));
    this.started?.load(this.world.snapshot());
  }

  place(subnet: Subnet, options: Partial<NetworkInterface> = {}): NetworkInterface {
    this.placed++;
    const third = subnet === this.a ? 1 : 2;
    return this.world.networkInterface(subnet, `10.0.${third}.${this.placed}`, {
      to: this.world.instance(this.vpc),
      groups: [this.open],
      ipv6: [`fd00:1:0:${third}::${this.placed.toString(16)}`],
      combinationIndex: this.combination(subnet),
      ...options,
    });
  }

  get router(): Router {
    this.started ??= new Router(this.world.snapshot());
    return this.started;
  }

  /** As the commands number interfaces: with their subnet when its ACL filters. */
  private combination(subnet: Subnet): number {
    const { vpcId } = this.vpc;
    const wanted = { vpcId, groupIds: [this.open.groupId], ...(this.filtered.has(subnet.subnetId) && { subnetId: subnet.subnetId }) };
    const existing = this.world.snapshot().by('groupCombination', 'vpcId', vpcId);
    const known = existing.find((combination) => combinationKey(combination) === combinationKey(wanted));
    if (known) return known.index;
    const index = existing.length + 1;
    return this.world.put('groupCombination', { combinationId: `${vpcId}/${index}`, index, ...wanted }).index;
  }
}

const ALL: readonly EntryText[] = [
  '100 in allow all 0.0.0.0/0',
  '101 out allow all 0.0.0.0/0',
  '102 in allow all ::/0',
  '103 out allow all ::/0',
];
const http = { protocol: 'tcp', port: 80 } as const;
const ping = { protocol: 'icmp', icmp: { type: 8, code: 0 } } as const;
const ping6 = { protocol: 'icmpv6', icmp: { type: 128, code: 0 } } as const;
const http6 = (from: NetworkInterface, to: NetworkInterface) =>
  ({ ...http, src: from.ipv6Addresses[0] ?? '', dst: to.ipv6Addresses[0] ?? '' }) as const;

describe('an ACL on the server’s subnet decides by number', () => {
  const EPHEMERAL: EntryText = '900 out allow tcp/1024/65535 0.0.0.0/0';
  it.each<[string, EntryText[], 'accept' | 'drop', 'accept' | 'drop']>([
    ['everything', [...ALL], 'accept', 'accept'],
    ['nothing', [], 'drop', 'drop'],
    ['the port, and ephemeral ports back', ['100 in allow tcp/80 0.0.0.0/0', EPHEMERAL], 'accept', 'accept'],
    ['the port, but nothing back', ['100 in allow tcp/80 0.0.0.0/0'], 'accept', 'drop'],
    ['the port back is no ephemeral one', ['100 in allow tcp/80 0.0.0.0/0', '100 out allow tcp/80 0.0.0.0/0'], 'accept', 'drop'],
    [
      'a deny before an allow',
      ['100 in deny tcp/80 0.0.0.0/0', ...ALL.map((text) => text.replace(/^1/, '5') as EntryText)],
      'drop',
      'accept',
    ],
    ['a deny after an allow', [...ALL, '200 in deny tcp/80 0.0.0.0/0'], 'accept', 'accept'],
    ['numbers, not places in the list', ['200 in allow tcp/80 0.0.0.0/0', '100 in deny tcp/80 0.0.0.0/0'], 'drop', 'drop'],
    ['another port', ['100 in allow tcp/81 0.0.0.0/0', EPHEMERAL], 'drop', 'accept'],
    ['a range of ports', ['100 in allow tcp/70/90 0.0.0.0/0', EPHEMERAL], 'accept', 'accept'],
    ['another protocol', ['100 in allow udp/80 0.0.0.0/0', EPHEMERAL], 'drop', 'accept'],
    ['the client’s range', ['100 in allow tcp/80 10.0.1.0/24', EPHEMERAL], 'accept', 'accept'],
    ['another range', ['100 in allow tcp/80 10.0.3.0/24', EPHEMERAL], 'drop', 'accept'],
    ['a deny of the client alone', ['90 in deny all 10.0.1.10/32', ...ALL], 'drop', 'accept'],
    ['a deny of another', ['90 in deny all 10.0.1.99/32', ...ALL], 'accept', 'accept'],
    ['the other family', ['100 in allow all ::/0', '100 out allow all ::/0'], 'drop', 'drop'],
    ['an egress entry is no ingress entry', ['100 out allow all 0.0.0.0/0'], 'drop', 'accept'],
  ])('%s', (_name, entries, request, answer) => {
    const lab = new Lab();
    lab.acl(lab.b, ...entries);
    const flow = lab.router.flow(lab.place(lab.a), lab.place(lab.b), http);
    lab.router.load(lab.world.snapshot());
    expect(flow.original()).toBe(request);
    expect(flow.reply()).toBe(answer);
  });

  it.each<[string, EntryText[], 'accept' | 'drop', 'accept' | 'drop']>([
    ['echo requests', ['100 in allow icmp/8 0.0.0.0/0'], 'accept', 'drop'],
    ['requests in, answers out', ['100 in allow icmp/8/0 0.0.0.0/0', '100 out allow icmp/0/-1 0.0.0.0/0'], 'accept', 'accept'],
    ['every ICMP', ['100 in allow icmp 0.0.0.0/0', '100 out allow icmp 0.0.0.0/0'], 'accept', 'accept'],
    ['TCP', ['100 in allow tcp/0/65535 0.0.0.0/0', '100 out allow icmp 0.0.0.0/0'], 'drop', 'accept'],
  ])('ping: %s', (_name, entries, request, answer) => {
    const lab = new Lab();
    lab.acl(lab.b, ...entries);
    const flow = lab.router.flow(lab.place(lab.a), lab.place(lab.b), ping);
    lab.router.load(lab.world.snapshot());
    expect(flow.original()).toBe(request);
    expect(flow.reply()).toBe(answer);
  });

  it.each<[string, EntryText[], 'accept' | 'drop', 'accept' | 'drop']>([
    ['everything', ['100 in allow all ::/0', '100 out allow all ::/0'], 'accept', 'accept'],
    ['ICMPv6 only', ['100 in allow icmpv6 ::/0', '100 out allow icmpv6 ::/0'], 'drop', 'accept'],
    ['IPv4 only', ['100 in allow all 0.0.0.0/0', '100 out allow all 0.0.0.0/0'], 'drop', 'drop'],
  ])('IPv6: %s', (_name, entries, tcp, icmp) => {
    const lab = new Lab();
    lab.acl(lab.b, ...entries);
    const [client, server] = [lab.place(lab.a), lab.place(lab.b)];
    lab.router.load(lab.world.snapshot());
    expect(lab.router.flow(client, server, http6(client, server)).opens()).toBe(tcp);
    expect(lab.router.flow(client, server, ping6).opens()).toBe(icmp);
  });
});

describe('where ACLs are asked', () => {
  it('not within a subnet, even when they deny everything', () => {
    const lab = new Lab();
    lab.acl(lab.a);
    const other = lab.world.group(lab.vpc, [ingress('-1', '0.0.0.0/0'), ...openEgress()]);
    const combination = { vpcId: lab.vpc.vpcId, groupIds: [other.groupId], subnetId: lab.a.subnetId };
    lab.world.put('groupCombination', { combinationId: `${lab.vpc.vpcId}/40`, index: 40, ...combination });
    const [one, two] = [lab.place(lab.a), lab.place(lab.a)];
    // In a bucket of its own.
    const three = lab.place(lab.a, { groupIds: [other.groupId], combinationIndex: 40 });
    const outside = lab.place(lab.b);
    lab.router.load(lab.world.snapshot());
    expect(lab.router.flow(one, two, http).opens()).toBe('accept');
    expect(lab.router.flow(one, three, http).opens()).toBe('accept');
    expect(lab.router.flow(three, one, http).opens()).toBe('accept');
    expect(lab.router.flow(one, outside, http).original()).toBe('drop');
    expect(lab.router.flow(three, outside, http).original()).toBe('drop');
    expect(lab.router.flow(outside, three, http).original()).toBe('drop');
  });

  it('both ends’, each in its direction', () => {
    const lab = new Lab();
    lab.acl(lab.a, '100 out allow tcp/80 10.0.2.0/24', '100 in allow tcp/1024/65535 10.0.2.0/24');
    lab.acl(lab.b, '100 in allow tcp/80 10.0.1.0/24', '100 out allow tcp/1024/65535 10.0.1.0/24');
    const [client, server] = [lab.place(lab.a), lab.place(lab.b)];
    lab.router.load(lab.world.snapshot());
    expect(lab.router.flow(client, server, http).opens()).toBe('accept');
    expect(lab.router.flow(client, server, { protocol: 'tcp', port: 81 }).original()).toBe('drop');
    expect(lab.router.flow(server, client, http).original()).toBe('drop');
    lab.acl(lab.a, '100 out allow tcp/80 10.0.2.0/24');
    const flow = lab.router.flow(client, server, http);
    expect([flow.original(), flow.reply()]).toEqual(['accept', 'drop']);
  });

  it('to and from gateways', () => {
    const lab = new Lab();
    lab.acl(lab.a, '100 in allow tcp/80 0.0.0.0/0', '100 out allow tcp/1024/65535 0.0.0.0/0');
    const server = lab.place(lab.a);
    lab.router.load(lab.world.snapshot());
    expect(lab.router.flow(GATEWAY, server, http).opens()).toBe('accept');
    expect(lab.router.flow(GATEWAY, server, { protocol: 'tcp', port: 22 }).original()).toBe('drop');
    expect(lab.router.flow(server, GATEWAY, http).original()).toBe('drop');
  });

  it('about established flows too, and about errors that belong to them', () => {
    const lab = new Lab();
    lab.acl(lab.b, ...ALL);
    const [client, server] = [lab.place(lab.a), lab.place(lab.b)];
    lab.router.load(lab.world.snapshot());
    const flow = lab.router.flow(client, server, http);
    expect([flow.opens(), flow.original(), flow.error()]).toEqual(['accept', 'accept', 'accept']);
    lab.acl(lab.b, '90 in deny tcp/80 10.0.1.0/24', '91 out deny icmp 0.0.0.0/0', ...ALL);
    expect([flow.original(), flow.error(), flow.reply()]).toEqual(['drop', 'drop', 'accept']);
    lab.acl(lab.b, ...ALL);
    expect([flow.original(), flow.error(), flow.reply()]).toEqual(['accept', 'accept', 'accept']);
  });

  it('of the next hop, when an appliance forwards', () => {
    const lab = new Lab();
    lab.acl(lab.b, '100 in allow tcp/80 0.0.0.0/0', '100 out allow tcp/1024/65535 0.0.0.0/0');
    const client = lab.place(lab.a);
    const appliance = lab.place(lab.b, { sourceDestCheck: false });
    lab.router.load(lab.world.snapshot());
    const flow = lab.router.flow(client, GATEWAY, http);
    expect(flow.original(client, appliance)).toBe('accept');
    // Its own requests may not leave its subnet.
    expect(flow.original(appliance, GATEWAY)).toBe('drop');
  });
});

describe('what ACLs cost', () => {
  const rulesOf = (lab: Lab) => [...allRules(compileRuleset(lab.world.snapshot(), lab.vpc.vpcId, 4))];

  it('nothing where none filters', () => {
    const lab = new Lab();
    lab.place(lab.a);
    lab.place(lab.b);
    expect(rulesOf(lab).filter(({ chain }) => /^(acl|a[oi]\d+|subnet-)/.test(chain))).toEqual([]);
    expect(rulesOf(lab).filter(({ rule }) => rule.target.kind === 'jump' && rule.target.chain === 'acl')).toEqual([]);
  });

  it('not by interface', () => {
    const lab = new Lab();
    lab.acl(lab.b, ...ALL);
    lab.place(lab.b);
    const before = rulesOf(lab).length;
    for (let n = 0; n < 50; n++) lab.place(lab.b);
    expect(rulesOf(lab)).toHaveLength(before);
  });

  it('rules are compiled again when an entry changed, and only then', () => {
    const lab = new Lab();
    lab.acl(lab.b, ...ALL);
    lab.place(lab.b);
    const first = vpcFirewall(lab.world.snapshot(), lab.vpc);
    lab.place(lab.b);
    expect(vpcFirewall(lab.world.snapshot(), lab.vpc)).toBe(first);
    lab.acl(lab.b);
    const second = vpcFirewall(lab.world.snapshot(), lab.vpc);
    expect(second.rulesets.map(({ fingerprint }) => fingerprint)).not.toEqual(first.rulesets.map(({ fingerprint }) => fingerprint));
  });

  it('a subnet whose ACL is not there is closed', () => {
    const lab = new Lab();
    lab.acl(lab.b, ...ALL);
    const [client, server] = [lab.place(lab.a), lab.place(lab.b)];
    for (const { networkAclId } of lab.world.snapshot().all('networkAcl')) lab.world.delete('networkAcl', networkAclId);
    lab.router.load(lab.world.snapshot());
    expect(lab.router.flow(client, server, http).original()).toBe('drop');
  });
});
