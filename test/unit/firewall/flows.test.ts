import { describe, expect, it } from 'vitest';
import { CONNMARK } from '../../../agent/kernel/resources.js';
import type { NetworkInterface } from '../../../agent/model/network-interface.js';
import type { SecurityGroup, SecurityGroupRule } from '../../../agent/model/security-group.js';
import type { Vpc } from '../../../agent/model/vpc.js';
import { egress, ingress, openEgress, routeTo, WorldBuilder } from '../../support/builders.js';
import { GATEWAY, Router } from '../../support/flows.js';

const FAMILIES = [
  { family: 4, everywhere: '0.0.0.0/0', vpcRange: '10.0.0.0/16' },
  { family: 6, everywhere: '::/0', vpcRange: 'fd00:1::/56' },
] as const;

class Lab {
  readonly world = new WorldBuilder();
  readonly vpc = this.world.vpc({ ipv6Range: 'fd00:1::/56' });
  readonly subnet = this.world.subnet(this.vpc, '10.0.1.0/24', { ipv6Range: 'fd00:1::/64' });
  private placed = 9;
  private started: Router | undefined;

  group(...rules: SecurityGroupRule[]): SecurityGroup {
    return this.world.group(this.vpc, rules);
  }

  place(
    groups: SecurityGroup[] | undefined,
    options: Partial<NetworkInterface> = {},
    subnet = this.subnet,
    vpc: Vpc = this.vpc,
  ): NetworkInterface {
    this.placed++;
    const to = this.world.instance(vpc);
    const ipv6 = [`fd00:1::${this.placed.toString(16)}`];
    return this.world.networkInterface(subnet, `10.0.1.${this.placed}`, { to, ...(groups && { groups }), ipv6, ...options });
  }

  setRules(group: SecurityGroup, ...rules: SecurityGroupRule[]): void {
    this.world.put('securityGroup', { ...group, rules });
    this.router.load(this.world.snapshot());
  }

  setGroups(eni: NetworkInterface, groups: SecurityGroup[]): void {
    const groupIds = groups.map((group) => group.groupId);
    const combinationIndex = this.world.combination(eni.vpcId, groupIds).index;
    this.world.put('networkInterface', { ...this.world.must('networkInterface', eni.networkInterfaceId), groupIds, combinationIndex });
    this.router.load(this.world.snapshot());
  }

  get router(): Router {
    this.started ??= new Router(this.world.snapshot());
    return this.started;
  }
}

describe.each(FAMILIES)('IPv$family', ({ family, everywhere, vpcRange }) => {
  const tcp = (port: number) => ({ protocol: 'tcp', port, ...ends }) as const;
  const udp = (port: number) => ({ protocol: 'udp', port, ...ends }) as const;
  const ping =
    family === 4
      ? ({ protocol: 'icmp', icmp: { type: 8, code: 0 } } as const)
      : ({ protocol: 'icmpv6', icmp: { type: 128, code: 0 } } as const);
  const icmp = family === 4 ? 'icmp' : 'icmpv6';
  /** First two interfaces of a lab. */
  const ends = family === 4 ? { src: '10.0.1.10', dst: '10.0.1.11' } : { src: 'fd00:1::a', dst: 'fd00:1::b' };
  const open = egress('-1', everywhere);
  const subnetRange = family === 4 ? '10.0.1.0/24' : 'fd00:1::/64';
  const outside = family === 4 ? '198.51.100.7' : '2001:db8::7';

  describe('groups', () => {
    it('members of the default group reach each other, others do not', () => {
      const lab = new Lab();
      const [a, b, stranger] = [lab.place(undefined), lab.place(undefined), lab.place([lab.group(open)])];
      expect(lab.router.flow(a, b, tcp(80)).opens()).toBe('accept');
      expect(lab.router.flow(a, b, ping).opens()).toBe('accept');
      const src = family === 4 ? '10.0.1.12' : 'fd00:1::c';
      expect(lab.router.flow(stranger, b, { ...tcp(80), src }).original()).toBe('drop');
      expect(lab.router.flow(stranger, b, { ...ping, src, dst: ends.dst }).original()).toBe('drop');
    });

    it('an interface has the permissions of all its groups', () => {
      const lab = new Lab();
      const web = lab.group(ingress('tcp', everywhere, 80));
      const ssh = lab.group(ingress('tcp', everywhere, 22), open);
      const [client, server] = [lab.place([lab.group(open)]), lab.place([web, ssh])];
      expect([80, 22, 443].map((port) => lab.router.flow(client, server, tcp(port)).original())).toEqual(['accept', 'accept', 'drop']);
    });

    it('changing the groups of an interface changes what new flows may, and who refers to the group', () => {
      const lab = new Lab();
      const clients = lab.group(open);
      const others = lab.group(open);
      const servers = lab.group(ingress('tcp', clients, 80));
      const [client, server] = [lab.place([others]), lab.place([servers])];
      expect(lab.router.flow(client, server, tcp(80)).original()).toBe('drop');
      lab.setGroups(client, [others, clients]);
      expect(lab.router.flow(client, server, tcp(80)).opens()).toBe('accept');
    });

    it('a combination that the rules do not know reaches nobody', () => {
      const lab = new Lab();
      const [a, b] = [lab.place(undefined), lab.place(undefined)];
      const device = lab.router.device(a);
      const stray = { ...device, group: (device.group & 0xfff) | (999 << 12) };
      expect(lab.router.flow(stray, b, { ...tcp(80) }).original()).toBe('drop');
      expect(lab.router.flow(b, stray, { ...tcp(80), src: ends.dst, dst: ends.src }).original()).toBe('drop');
    });
  });

  describe('tracked flows', () => {
    const oneWay = () => {
      const lab = new Lab();
      const [clients, servers] = [
        lab.group(open),
        lab.group(ingress('udp', vpcRange, 53), ingress('tcp', vpcRange, 80), ingress(icmp, vpcRange)),
      ];
      const [client, server] = [lab.place([clients]), lab.place([servers])];
      return { lab, clients, servers, client, server };
    };

    it('one-way UDP passes packet after packet, by its mark', () => {
      const { lab, client, server } = oneWay();
      const flow = lab.router.flow(client, server, udp(53));
      expect([flow.original(), flow.original(), flow.original()]).toEqual(['accept', 'accept', 'accept']);
      expect(flow.connmark).toBe(CONNMARK.both);
    });

    it.each([
      ['tcp', tcp(80)],
      ['udp', udp(53)],
      ['icmp', { ...ping, ...ends }],
    ] as const)('an open %s flow outlives the rules that let it begin, a new one does not begin', (_name, spec) => {
      const { lab, clients, servers, client, server } = oneWay();
      const flow = lab.router.flow(client, server, spec);
      expect(flow.opens()).toBe('accept');
      lab.setRules(servers);
      lab.setRules(clients);
      expect([flow.original(), flow.reply()]).toEqual(['accept', 'accept']);
      expect(lab.router.flow(client, server, spec).original()).toBe('drop');
    });

    it('an answer without a question is dropped', () => {
      const { lab, client, server } = oneWay();
      expect(lab.router.flow(client, server, udp(53)).reply()).toBe('drop');
    });

    it('the server may not begin', () => {
      const { lab, client, server } = oneWay();
      const spec = { ...tcp(80), src: ends.dst, dst: ends.src };
      expect(lab.router.flow(server, client, spec).original()).toBe('drop');
    });

    it('errors about a flow come back', () => {
      const { lab, client, server } = oneWay();
      const flow = lab.router.flow(client, server, udp(53));
      flow.original();
      expect(flow.error()).toBe('accept');
    });

    it('a first packet that the receiver refuses leaves no mark', () => {
      const { lab, client, server } = oneWay();
      const flow = lab.router.flow(client, server, udp(99));
      expect([flow.original(), flow.connmark]).toEqual(['drop', 0]);
    });
  });

  describe('untracked flows', () => {
    /** Open both ways: the cloud does not track tcp and udp here. */
    const openServer = (...inbound: SecurityGroupRule[]) => {
      const lab = new Lab();
      const servers = lab.group(...inbound, open);
      const [client, server] = [lab.place([lab.group(open)]), lab.place([servers])];
      return { lab, servers, client, server };
    };

    it.each([
      ['tcp, a port', 'tcp', 80, tcp(80)],
      ['udp, a port', 'udp', 53, udp(53)],
      ['all traffic, tcp', '-1', undefined, tcp(80)],
      ['all traffic, udp', '-1', undefined, udp(53)],
    ] as const)('%s: passes both ways and ends with the rule', (_name, protocol, port, spec) => {
      const { lab, servers, client, server } = openServer(ingress(protocol, everywhere, port));
      const flow = lab.router.flow(client, server, spec);
      expect(flow.opens()).toBe('accept');
      expect(flow.connmark & CONNMARK.ingressTracked).toBe(0);
      lab.setRules(servers, open);
      expect(flow.original()).toBe('drop');
      expect(flow.last?.counted).toMatch(/^ingress-drops/);
    });

    it('answers of an untracked flow pass by the egress rule, and end with it', () => {
      const { lab, servers, client, server } = openServer(ingress('tcp', everywhere, 80));
      const flow = lab.router.flow(client, server, tcp(80));
      expect(flow.opens()).toBe('accept');
      lab.setRules(servers, ingress('tcp', everywhere, 80));
      expect(flow.reply()).toBe('drop');
      expect(flow.last?.counted).toMatch(/^egress-drops/);
    });

    it('an answer that a narrower rule lets out does not bring a cut flow back', () => {
      const { lab, servers, client, server } = openServer(ingress('tcp', everywhere, 80));
      const flow = lab.router.flow(client, server, tcp(80));
      flow.opens();
      lab.setRules(servers, egress('tcp', vpcRange));
      expect([flow.reply(), flow.original()]).toEqual(['accept', 'drop']);
    });

    it.each([
      ['icmp is always tracked', (e: string) => ingress(icmp, e), ping, (e: string) => [egress('-1', e)]],
      ['a protocol without ports is tracked', (e: string) => ingress('47', e), { protocol: 47 }, (e: string) => [egress('-1', e)]],
      ['a source of its own is tracked', () => ingress('tcp', vpcRange, 80), tcp(80), (e: string) => [egress('-1', e)]],
      ['no return rule', (e: string) => ingress('tcp', e, 80), tcp(80), () => []],
      ['a return rule of another protocol', (e: string) => ingress('tcp', e, 80), tcp(80), (e: string) => [egress('udp', e)]],
      ['a return rule for some ports', (e: string) => ingress('tcp', e, 80), tcp(80), (e: string) => [egress('tcp', e, [1, 65535])]],
      ['a return rule to some addresses', (e: string) => ingress('tcp', e, 80), tcp(80), () => [egress('tcp', vpcRange)]],
      [
        'a return rule of the other family',
        (e: string) => ingress('tcp', e, 80),
        tcp(80),
        () => [egress('-1', family === 4 ? '::/0' : '0.0.0.0/0')],
      ],
    ] as const)('tracked: %s', (_name, inbound, spec, outbound) => {
      const lab = new Lab();
      const servers = lab.group(inbound(everywhere), ...outbound(everywhere));
      const [client, server] = [lab.place([lab.group(open)]), lab.place([servers])];
      const flow = lab.router.flow(client, server, { ...spec, ...ends });
      expect(flow.opens()).toBe('accept');
      expect(flow.connmark & CONNMARK.ingressTracked).toBe(CONNMARK.ingressTracked);
    });

    it.each([
      ['all ports written out', (e: string) => egress('tcp', e, [0, 65535])],
      ['all ports left out', (e: string) => egress('tcp', e)],
      ['by number', (e: string) => egress('6', e)],
    ])('a return rule for one protocol opens it: %s', (_name, outbound) => {
      const lab = new Lab();
      const servers = lab.group(ingress('tcp', everywhere, 80), ingress('udp', everywhere, 53), outbound(everywhere));
      const [client, server] = [lab.place([lab.group(open)]), lab.place([servers])];
      const [byTcp, byUdp] = [lab.router.flow(client, server, tcp(80)), lab.router.flow(client, server, udp(53))];
      expect([byTcp.opens(), byUdp.opens()]).toEqual(['accept', 'accept']);
      expect([byTcp.connmark & CONNMARK.ingressTracked, byUdp.connmark & CONNMARK.ingressTracked]).toEqual([0, CONNMARK.ingressTracked]);
    });

    it('the return rule may be in another group of the interface', () => {
      const lab = new Lab();
      const [inbound, outbound] = [lab.group(ingress('tcp', everywhere, 80)), lab.group(open)];
      const [client, server] = [lab.place([outbound]), lab.place([inbound, outbound])];
      const flow = lab.router.flow(client, server, tcp(80));
      flow.opens();
      expect(flow.connmark & CONNMARK.ingressTracked).toBe(0);
    });

    it('one side open both ways does not make the other one untracked', () => {
      const lab = new Lab();
      const clients = lab.group(ingress('-1', everywhere), open);
      const [client, server] = [lab.place([clients]), lab.place([lab.group(ingress('tcp', everywhere, 80))])];
      const flow = lab.router.flow(client, server, tcp(80));
      expect([flow.opens(), flow.connmark]).toEqual(['accept', CONNMARK.ingressTracked]);
    });

    it('an answer marks nothing, whatever rule it passes by', () => {
      const lab = new Lab();
      const servers = lab.group(ingress('tcp', everywhere, 80), open);
      const [client, server] = [lab.place([lab.group(ingress('tcp', everywhere), open)]), lab.place([servers])];
      const flow = lab.router.flow(client, server, tcp(80));
      expect([flow.opens(), flow.connmark]).toEqual(['accept', 0]);
      lab.setRules(servers, ingress('tcp', everywhere, 80), egress('tcp', vpcRange));
      expect([flow.reply(), flow.connmark]).toEqual(['accept', 0]);
    });

    it('is tracked from the packet on that narrower rules let through, by both sides at once', () => {
      const lab = new Lab();
      const clients = lab.group(ingress('tcp', everywhere), open);
      const servers = lab.group(ingress('tcp', everywhere, 80), open);
      const [client, server] = [lab.place([clients]), lab.place([servers])];
      const flow = lab.router.flow(client, server, tcp(80));
      expect([flow.opens(), flow.connmark]).toEqual(['accept', 0]);
      lab.setRules(clients, egress('tcp', vpcRange));
      lab.setRules(servers, ingress('tcp', vpcRange, 80));
      expect([flow.original(), flow.connmark]).toEqual(['accept', CONNMARK.both]);
      lab.setRules(clients);
      lab.setRules(servers);
      expect([flow.original(), flow.reply()]).toEqual(['accept', 'accept']);
    });

    it('errors about it come back, though the groups let no ICMP in', () => {
      const lab = new Lab();
      const clients = lab.group(ingress('tcp', everywhere), open);
      const [client, server] = [lab.place([clients]), lab.place([lab.group(ingress('tcp', everywhere, 80))])];
      const flow = lab.router.flow(client, server, tcp(80));
      flow.original();
      expect(flow.error()).toBe('accept');
    });

    it('the client’s side: open both ways is untracked and cut at once', () => {
      const lab = new Lab();
      const clients = lab.group(ingress('tcp', everywhere), open);
      const [client, server] = [lab.place([clients]), lab.place([lab.group(ingress('tcp', vpcRange, 80))])];
      const flow = lab.router.flow(client, server, tcp(80));
      expect(flow.opens()).toBe('accept');
      expect(flow.connmark).toBe(CONNMARK.ingressTracked);
      lab.setRules(clients, ingress('tcp', everywhere));
      expect([flow.original(), flow.reply()]).toEqual(['drop', 'accept']);
    });
  });

  describe('gateways', () => {
    it('out, and the answer in', () => {
      const lab = new Lab();
      const eni = lab.place([lab.group(egress('tcp', everywhere, 443))]);
      const dst = family === 4 ? '198.51.100.1' : '2001:db8::1';
      expect(lab.router.flow(eni, GATEWAY, { ...tcp(443), dst }).opens()).toBe('accept');
      expect(lab.router.flow(eni, GATEWAY, { ...tcp(80), dst }).original()).toBe('drop');
    });

    it('in, and the answer out, by the interface’s groups alone', () => {
      const lab = new Lab();
      const eni = lab.place([lab.group(ingress('tcp', everywhere, 443))]);
      const [src, dst] = family === 4 ? ['198.51.100.1', '10.0.1.10'] : ['2001:db8::1', 'fd00:1::a'];
      expect(lab.router.flow(GATEWAY, eni, { ...tcp(443), src, dst }).opens()).toBe('accept');
      expect(lab.router.flow(GATEWAY, eni, { ...tcp(80), src, dst }).original()).toBe('drop');
    });
  });

  describe('source and destination check', () => {
    const foreign = family === 4 ? '10.0.9.9' : 'fd00:1:0:9::9';

    it('drops a source that is not the interface’s, and counts it', () => {
      const lab = new Lab();
      const [a, b] = [lab.place(undefined), lab.place(undefined)];
      const flow = lab.router.flow(a, b, { ...tcp(80), src: foreign });
      expect(flow.original()).toBe('drop');
      expect(flow.last?.counted).toBe(`source-check-drops${family} ${lab.router.device(a).name}`);
    });

    it('drops another interface’s address as well', () => {
      const lab = new Lab();
      const [a, b, c] = [lab.place(undefined), lab.place(undefined), lab.place(undefined)];
      const src = family === 4 ? '10.0.1.12' : 'fd00:1::c';
      expect(lab.router.flow(a, b, { ...tcp(80), src }).original()).toBe('drop');
      expect(lab.router.flow(c, b, { ...tcp(80), src }).original()).toBe('accept');
    });

    it('without the check a foreign source passes if the groups let it', () => {
      const lab = new Lab();
      const servers = lab.group(ingress('tcp', vpcRange, 80));
      const [a, b] = [lab.place([lab.group(open)], { sourceDestCheck: false }), lab.place([servers])];
      expect(lab.router.flow(a, b, { ...tcp(80), src: foreign }).original()).toBe('accept');
      expect(lab.router.flow(a, b, { ...tcp(81), src: foreign }).original()).toBe('drop');
    });

    it('drops what a route brings to an interface with the check, and counts it there', () => {
      const lab = new Lab();
      const [a, b] = [lab.place(undefined), lab.place(undefined)];
      lab.world.routeTable(lab.vpc, { routes: [routeTo(everywhere, b)] });
      lab.router.load(lab.world.snapshot());
      const flow = lab.router.flow(a, b, { ...tcp(80), dst: foreign });
      expect(flow.original()).toBe('drop');
      expect(flow.last?.counted).toBe(`dest-check-drops${family} ${lab.router.device(b).name}`);
    });
  });

  it.each([
    ['to an address of the VPC', subnetRange, {}],
    ['to elsewhere', everywhere, { dst: outside }],
  ] as const)('a flow that both ends track is checked too when a route turns it %s', (_name, destination, to) => {
    const lab = new Lab();
    const [a, b, c] = [lab.place([lab.group(open)]), lab.place([lab.group(ingress('tcp', vpcRange, 80))]), lab.place(undefined)];
    const flow = lab.router.flow(a, b, { ...tcp(80), ...to });
    lab.router.load(lab.world.snapshot());
    if (destination === subnetRange) expect([flow.original(), flow.reply(), flow.original()]).toEqual(['accept', 'accept', 'accept']);
    lab.world.routeTable(lab.vpc, { subnets: [lab.subnet], routes: [routeTo(destination, c)] });
    lab.router.load(lab.world.snapshot());
    expect(flow.original(a, c)).toBe('drop');
    expect(flow.last?.counted).toBe(`dest-check-drops${family} ${lab.router.device(c).name}`);
  });

  describe('an appliance in the path', () => {
    /** Client → appliance (check off) → server: two hops, one connection in the router. */
    const path = (applianceRules: SecurityGroupRule[], serverRules: SecurityGroupRule[]) => {
      const lab = new Lab();
      const appliances = lab.group(...applianceRules);
      const servers = lab.group(...serverRules);
      const [client, server] = [lab.place([lab.group(open)]), lab.place([servers])];
      const appliance = lab.place([appliances], { sourceDestCheck: false });
      lab.world.routeTable(lab.vpc, { subnets: [lab.subnet], routes: [routeTo(subnetRange, appliance)] });
      const flow = lab.router.flow(client, server, tcp(80));
      const there = () => [flow.original(client, appliance), flow.original(appliance, server)];
      const back = () => [flow.reply(server, appliance), flow.reply(appliance, client)];
      return { lab, appliances, servers, flow, there, back };
    };
    const narrow = [ingress('tcp', vpcRange, 80), egress('tcp', vpcRange, 80)];

    it('passes when both let it, and so do answers', () => {
      const { there, back } = path(narrow, [ingress('tcp', vpcRange, 80)]);
      expect([...there(), ...back()]).toEqual(['accept', 'accept', 'accept', 'accept']);
    });

    it('the server’s groups are asked, though the appliance’s have agreed', () => {
      const { there } = path(narrow, [ingress('tcp', vpcRange, 443)]);
      expect(there()).toEqual(['accept', 'drop']);
    });

    it('the appliance’s egress rules are asked, though the client’s have agreed', () => {
      const { there } = path([ingress('tcp', vpcRange, 80)], [ingress('tcp', vpcRange, 80)]);
      expect(there()).toEqual(['accept', 'drop']);
    });

    it('the appliance’s ingress rules are asked', () => {
      const { there } = path([open], [ingress('tcp', vpcRange, 80)]);
      expect(there()[0]).toBe('drop');
    });

    it('an open appliance does not track: its part of the flow ends with the rule', () => {
      const { lab, appliances, there, back } = path([ingress('-1', everywhere), open], [ingress('tcp', vpcRange, 80)]);
      expect([...there(), ...back()]).toEqual(['accept', 'accept', 'accept', 'accept']);
      lab.setRules(appliances, open);
      expect(there()[0]).toBe('drop');
    });

    it('behind a gateway it is asked too: a gateway’s consent is nobody else’s', () => {
      const lab = new Lab();
      const server = lab.place([lab.group(ingress('tcp', everywhere, 80))]);
      const appliance = lab.place([lab.group(ingress('tcp', everywhere, 80))], { sourceDestCheck: false });
      const [src, dst] = family === 4 ? ['198.51.100.1', '10.0.1.10'] : ['2001:db8::1', 'fd00:1::a'];
      const flow = lab.router.flow(GATEWAY, server, { ...tcp(80), src, dst });
      expect([flow.original(GATEWAY, appliance), flow.original(appliance, server)]).toEqual(['accept', 'drop']);
    });

    it('a tracking appliance keeps its open flows', () => {
      const { lab, appliances, servers, there, back } = path(narrow, [ingress('tcp', vpcRange, 80)]);
      there();
      back();
      lab.setRules(appliances);
      lab.setRules(servers);
      expect([...there(), ...back()]).toEqual(['accept', 'accept', 'accept', 'accept']);
    });
  });

  it('packets that connection tracking cannot place are judged by the rules alone', () => {
    const lab = new Lab();
    const [client, server] = [lab.place([lab.group(open)]), lab.place([lab.group(ingress('tcp', vpcRange, 80))])];
    const hop = { from: lab.router.device(client), to: lab.router.device(server), ...ends, protocol: 6 };
    const at = (destinationPort: number) => lab.router.decide(lab.vpc.vpcId, { ...hop, destinationPort }, 0).verdict;
    expect([at(80), at(81)]).toEqual(['accept', 'drop']);
  });
});

describe('two VPCs with the same ranges', () => {
  it('have rules and sets of their own: nobody of the one is known in the other', () => {
    const world = new WorldBuilder();
    const place = () => {
      const vpc = world.vpc();
      return { vpc, eni: world.networkInterface(world.subnet(vpc), '10.0.1.10', { to: world.instance(vpc) }) };
    };
    const [one, two] = [place(), place()];
    const router = new Router(world.snapshot());
    // A device of the second that somehow got into the first one's router is not known there.
    const packet = {
      from: router.device(two.eni),
      to: router.device(one.eni),
      src: '10.0.1.10',
      dst: '10.0.1.10',
      protocol: 6,
      destinationPort: 80,
      ct: { direction: 'ORIGINAL', state: 'NEW' },
    } as const;
    expect(router.decide(one.vpc.vpcId, packet, 0).verdict).toBe('drop');
    expect(router.decide(two.vpc.vpcId, packet, 0).verdict).toBe('drop');
  });
});

describe('before an interface has an IPv6 address', () => {
  const lab = new Lab();
  const [a, b] = [lab.place(undefined), lab.place([lab.group(...openEgress())])];
  const from = (type: number) => ({
    from: lab.router.device(a),
    to: lab.router.device(b),
    src: '::',
    dst: 'fd00:1::b',
    protocol: 58,
    icmp: { type, code: 0 },
  });

  it('other packets than neighbour solicitations are dropped by the guard, uncounted', () => {
    const verdict = lab.router.decide(lab.vpc.vpcId, from(143), 0);
    expect([verdict.verdict, verdict.counted]).toEqual(['drop', undefined]);
  });

  it('solicitations pass the guard, and end at the groups like anything else that is forwarded', () => {
    expect(lab.router.decide(lab.vpc.vpcId, from(135), 0).counted).toMatch(/^ingress-drops6 /);
  });
});
