import { compileRuleset } from '../../agent/firewall/compile.js';
import { PROTOCOL_NUMBER } from '../../agent/firewall/ir.js';
import type { KernelObject } from '../../agent/kernel/port.js';
import { familyOf } from '../../agent/model/address.js';
import type { NetworkInterface } from '../../agent/model/network-interface.js';
import type { Snapshot } from '../../agent/model/snapshot.js';
import { planUnit } from '../../agent/planner/plan.js';
import { allUnits } from '../../agent/planner/units.js';
import { HOST, SETTINGS } from './builders.js';
import { type Device, forward, type Packet, type Verdict } from './packet-filter.js';

/** A gateway's link: a device without interface. */
export const GATEWAY: Device = { name: 'gateway', group: 0 };

export interface FlowSpec {
  readonly protocol: keyof typeof PROTOCOL_NUMBER | number;
  /** Destination port of the first packet. */
  readonly port?: number;
  readonly icmp?: { readonly type: number; readonly code: number };
  readonly src?: string;
  readonly dst?: string;
}

type End = NetworkInterface | Device;

/** The plan of a host, as far as the packet filter sees it, and the flows through it. */
export class Router {
  private snapshot: Snapshot;
  private objects: readonly KernelObject[] = [];

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
    this.load(snapshot);
  }

  /** Another state of the model; flows live on. */
  load(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    this.objects = [...allUnits(snapshot, HOST)].flatMap((unit) => planUnit(snapshot, SETTINGS, unit));
  }

  flow(from: End, to: End, spec: FlowSpec): Flow {
    return new Flow(this, from, to, spec);
  }

  decide(vpcId: string, packet: Packet, connmark: number): Verdict {
    const sets = new Map<string, Set<string>>();
    for (const object of this.objects) if (object.kind === 'set' && object.netns === vpcId) sets.set(object.name, new Set());
    for (const object of this.objects) if (object.kind === 'member' && object.netns === vpcId) sets.get(object.set)?.add(object.entry);
    return forward(compileRuleset(this.snapshot, vpcId, familyOf(packet.src)), sets, packet, connmark);
  }

  device(end: End): Device {
    if (!('networkInterfaceId' in end)) return end;
    const found = this.objects.find((object) => object.kind === 'veth' && object.alias === end.networkInterfaceId);
    if (found?.kind !== 'veth') throw new TypeError(`${end.networkInterfaceId} has no device`);
    return { name: found.name, group: found.group };
  }
}

const CLIENT_PORT = 40_000;

/** One connection as connection tracking has it: from the first accepted packet on it keeps its mark. */
export class Flow {
  connmark = 0;
  last: Verdict | undefined;
  private confirmed = false;

  constructor(
    private readonly router: Router,
    private readonly from: End,
    private readonly to: End,
    private readonly spec: FlowSpec,
  ) {}

  /** A packet of the direction that began, over the hop between two interfaces (the flow's ends when absent). */
  original(from = this.from, to = this.to): 'accept' | 'drop' {
    const { port, icmp } = this.spec;
    return this.send(from, to, {
      ...this.ends(),
      ...(port !== undefined && { destinationPort: port }),
      ...(icmp && { icmp }),
      ct: { direction: 'ORIGINAL', state: this.confirmed ? 'ESTABLISHED' : 'NEW' },
    });
  }

  reply(from = this.to, to = this.from): 'accept' | 'drop' {
    const { src, dst } = this.ends();
    const { port, icmp } = this.spec;
    return this.send(from, to, {
      src: dst,
      dst: src,
      ...(port !== undefined && { destinationPort: CLIENT_PORT }),
      ...(icmp && { icmp: { type: icmp.type === 128 ? 129 : 0, code: 0 } }),
      ct: { direction: 'REPLY', state: 'ESTABLISHED' },
    });
  }

  /** An ICMP error about the flow, from where its packets arrive. */
  error(): 'accept' | 'drop' {
    const { src, dst } = this.ends();
    const protocol = familyOf(src) === 4 ? PROTOCOL_NUMBER.icmp : PROTOCOL_NUMBER.icmpv6;
    const packet = { src: dst, dst: src, protocol, icmp: { type: 3, code: 4 }, ct: { direction: 'REPLY', state: 'RELATED' } } as const;
    return this.send(this.to, this.from, packet);
  }

  /** First packet, then an answer. */
  opens(): 'accept' | 'drop' {
    return this.original() === 'accept' && this.reply() === 'accept' ? 'accept' : 'drop';
  }

  private ends(): { src: string; dst: string } {
    const wanted6 = [this.spec.src, this.spec.dst].some((address) => address?.includes(':')) || this.spec.protocol === 'icmpv6';
    const addressOf = (end: End) => {
      if (!('networkInterfaceId' in end)) return wanted6 ? '2001:db8::1' : '198.51.100.1';
      return (wanted6 ? end.ipv6Addresses[0] : end.privateIpAddresses[0]) ?? '';
    };
    return { src: this.spec.src ?? addressOf(this.from), dst: this.spec.dst ?? addressOf(this.to) };
  }

  private send(from: End, to: End, packet: Omit<Packet, 'from' | 'to' | 'protocol'> & { protocol?: number }): 'accept' | 'drop' {
    const { protocol } = this.spec;
    const number = typeof protocol === 'number' ? protocol : PROTOCOL_NUMBER[protocol];
    const vpcId = [from, to, this.from, this.to].flatMap((end) => ('networkInterfaceId' in end ? [end.vpcId] : []))[0] ?? '';
    const hop = { from: this.router.device(from), to: this.router.device(to) };
    this.last = this.router.decide(vpcId, { protocol: number, ...packet, ...hop }, this.connmark);
    // The first packet's entry is only kept when the packet gets through.
    if (this.last.verdict === 'accept') this.confirmed = true;
    if (this.confirmed) this.connmark = this.last.connmark;
    return this.last.verdict;
  }
}
