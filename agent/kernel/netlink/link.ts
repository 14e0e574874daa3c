import { KernelError } from '../errors.js';
import type { Family } from '../port.js';
import { attribute, attributesOf, mac, macText, nested, text, textOf, u32 } from './attributes.js';
import { FLAG, message, type NetlinkSocket } from './socket.js';

/** Devices: linux/if_link.h, linux/neighbour.h (tables), linux/net_namespace.h. */

export const RTM_LINK = { new: 16, delete: 17, get: 18, set: 19 } as const;
const RTM_NEIGHBOUR_TABLE = { new: 64, get: 66, set: 67 } as const;
const RTM_NEWNSID = 88;
const RTM_GETNSID = 90;

const HEADER = 16;
const IFF_UP = 1;
const IFF_LOWER_UP = 1 << 16;
const AF_INET = 2;
const AF_INET6 = 10;
const IFLA = {
  address: 1,
  name: 3,
  mtu: 4,
  link: 5,
  master: 10,
  linkInfo: 18,
  alias: 20,
  afSpec: 26,
  group: 27,
  netnsFd: 28,
  extMask: 29,
  sendQueues: 31,
  receiveQueues: 32,
  linkNetnsId: 37,
  targetNetnsId: 46,
} as const;
const INFO = { kind: 1, data: 2 } as const;
const VETH_PEER = 1;
const INET_CONF = 1;
/** Places in IFLA_INET_CONF (linux/ip.h, IPV4_DEVCONF_*). */
const DEVCONF = { proxyArp: 3, rpFilter: 8, arpIgnore: 19 } as const;
const SKIP_STATISTICS = 1 << 3;
const TABLE = { name: 1, parameters: 6 } as const;
const PARAMETER = { ifindex: 1, retransmission: 5, proxyDelay: 13 } as const;
const NSID = { id: 1, fd: 3 } as const;

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  /** Whether there is somebody at the other end of a tun; of other devices, whether it has a carrier. */
  readonly running: boolean;
  readonly mtu: number;
  readonly mac: string;
  readonly group: number;
  readonly alias?: string;
  /** `veth`, `dummy`, …; absent for loopback and hardware. */
  readonly kind?: string;
  /** The other end of a veth: its index, and which namespace it is in as this one counts them; absent when it is in this one. */
  readonly peer?: { readonly index: number; readonly netnsId?: number };
  readonly rpFilter?: number;
  readonly proxyArp?: number;
  /** Index of the bridge, bond or team that it is a port of. */
  readonly master?: number;
  /** ARPHRD_* (linux/if_arp.h). */
  readonly hardware: number;
}

export interface LinkChange {
  readonly up?: boolean;
  readonly mtu?: number;
  readonly mac?: string;
  readonly group?: number;
  readonly alias?: string;
  readonly rpFilter?: number;
  readonly proxyArp?: number;
  readonly arpIgnore?: number;
}

function header(index = 0, flags = 0, change = 0): Buffer {
  const bytes = Buffer.alloc(HEADER);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt32LE(flags, 8);
  bytes.writeUInt32LE(change, 12);
  return bytes;
}

/** A link message of either direction. */
export function parseLink(body: Buffer): Link {
  const found = attributesOf(body, HEADER);
  const info = attributesOf(found.get(IFLA.linkInfo) ?? Buffer.alloc(0));
  const kind = info.get(INFO.kind);
  const alias = found.get(IFLA.alias);
  const peerIndex = found.u32(IFLA.link);
  const netnsId = found.get(IFLA.linkNetnsId)?.readInt32LE();
  const inet = attributesOf(found.get(IFLA.afSpec) ?? Buffer.alloc(0)).get(AF_INET);
  const conf = inet && attributesOf(inet).get(INET_CONF);
  const master = found.u32(IFLA.master);
  return {
    index: body.readInt32LE(4),
    hardware: body.readUInt16LE(2),
    ...(master && { master }),
    name: textOf(found.get(IFLA.name) ?? Buffer.alloc(0)),
    up: (body.readUInt32LE(8) & IFF_UP) !== 0,
    running: (body.readUInt32LE(8) & IFF_LOWER_UP) !== 0,
    mtu: found.u32(IFLA.mtu) ?? 0,
    mac: macText(found.get(IFLA.address) ?? Buffer.alloc(0)),
    group: found.u32(IFLA.group) ?? 0,
    ...(alias && { alias: textOf(alias) }),
    ...(kind && { kind: textOf(kind) }),
    ...(peerIndex !== undefined && { peer: { index: peerIndex, ...(netnsId !== undefined && { netnsId }) } }),
    ...(conf && { rpFilter: devconf(conf, DEVCONF.rpFilter), proxyArp: devconf(conf, DEVCONF.proxyArp) }),
  };
}

const devconf = (conf: Buffer, place: number): number => (conf.length >= place * 4 ? conf.readUInt32LE((place - 1) * 4) : 0);

const inNamespace = (netnsId: number | undefined): Buffer[] => (netnsId === undefined ? [] : [u32(IFLA.targetNetnsId, netnsId)]);

/** Devices of the socket's namespace, or of the one that it knows by a number. */
export function listLinks(socket: NetlinkSocket, netnsId?: number): Link[] {
  const body = Buffer.concat([header(), u32(IFLA.extMask, SKIP_STATISTICS), ...inNamespace(netnsId)]);
  return socket.dump(RTM_LINK.get, body).map((link) => parseLink(link.body));
}

/** Asks for a device, of which `parseLink` reads the reply. */
export function getLink(which: { readonly name: string } | { readonly index: number }): Buffer {
  const [index, name] = 'name' in which ? [0, [text(IFLA.name, which.name)]] : [which.index, []];
  return message(RTM_LINK.get, 0, header(index), ...name, u32(IFLA.extMask, SKIP_STATISTICS));
}

/** A device by name or index; `undefined` when there is none. */
export function findLink(socket: NetlinkSocket, which: { readonly name: string } | { readonly index: number }): Link | undefined {
  try {
    const [reply] = socket.request(getLink(which));
    return reply && parseLink(reply.body);
  } catch (error) {
    if (error instanceof KernelError && error.kind === 'not-found') return undefined;
    throw error;
  }
}

/**
 * As many as a pair uses anyway: without this the kernel makes one for each processor and puts all but one out of use again, for which it waits
 * until no processor looks at them any more (drivers/net/veth.c: veth_init_queues). That takes longer than all the rest.
 */
const ONE_QUEUE = [u32(IFLA.sendQueues, 1), u32(IFLA.receiveQueues, 1)];

export interface NewVeth {
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  readonly group: number;
  readonly peer: { readonly name: string; readonly mac: string; readonly netnsFd: number };
}

/** A pair with its ends in the socket's and in another namespace, both down. */
export function newVeth(veth: NewVeth): Buffer {
  const { name, mac: address, mtu, group, peer } = veth;
  const otherEnd = attribute(
    VETH_PEER,
    Buffer.concat([
      header(),
      text(IFLA.name, peer.name),
      mac(IFLA.address, peer.mac),
      u32(IFLA.mtu, mtu),
      u32(IFLA.netnsFd, peer.netnsFd),
      ...ONE_QUEUE,
    ]),
  );
  return message(
    RTM_LINK.new,
    FLAG.create | FLAG.excl,
    header(),
    text(IFLA.name, name),
    mac(IFLA.address, address),
    u32(IFLA.mtu, mtu),
    u32(IFLA.group, group),
    ...ONE_QUEUE,
    nested(IFLA.linkInfo, text(INFO.kind, 'veth'), nested(INFO.data, otherEnd)),
  );
}

const MACVLAN_MODE = 1;
const BRIDGE_MODE = 4;

export interface NewMacvlan {
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  readonly group: number;
  /** Index of the device, in the socket's namespace, that it is put on. */
  readonly parent: number;
  /** Where it shall be. */
  readonly netnsFd: number;
}

/** A macvlan device in bridge mode, down. */
export function newMacvlan({ name, mac: address, mtu, group, parent, netnsFd }: NewMacvlan): Buffer {
  return message(
    RTM_LINK.new,
    FLAG.create | FLAG.excl,
    header(),
    text(IFLA.name, name),
    mac(IFLA.address, address),
    u32(IFLA.mtu, mtu),
    u32(IFLA.group, group),
    u32(IFLA.link, parent),
    u32(IFLA.netnsFd, netnsFd),
    nested(IFLA.linkInfo, text(INFO.kind, 'macvlan'), nested(INFO.data, u32(MACVLAN_MODE, BRIDGE_MODE))),
  );
}

/** Changes a device of that name. What is left out stays. */
export function changeLink(name: string, change: LinkChange): Buffer {
  const conf = [
    ...(change.proxyArp === undefined ? [] : [u32(DEVCONF.proxyArp, change.proxyArp)]),
    ...(change.rpFilter === undefined ? [] : [u32(DEVCONF.rpFilter, change.rpFilter)]),
    ...(change.arpIgnore === undefined ? [] : [u32(DEVCONF.arpIgnore, change.arpIgnore)]),
  ];
  return message(
    RTM_LINK.set,
    0,
    change.up === undefined ? header() : header(0, change.up ? IFF_UP : 0, IFF_UP),
    text(IFLA.name, name),
    ...(change.mac === undefined ? [] : [mac(IFLA.address, change.mac)]),
    ...(change.mtu === undefined ? [] : [u32(IFLA.mtu, change.mtu)]),
    ...(change.group === undefined ? [] : [u32(IFLA.group, change.group)]),
    ...(change.alias === undefined ? [] : [text(IFLA.alias, change.alias)]),
    ...(conf.length === 0 ? [] : [nested(IFLA.afSpec, nested(AF_INET, nested(INET_CONF, ...conf)))]),
  );
}

export const deleteLink = (name: string): Buffer => message(RTM_LINK.delete, 0, header(), text(IFLA.name, name));
/** Every device of a group, at the price of one. */
export const deleteLinkGroup = (group: number): Buffer => message(RTM_LINK.delete, 0, header(), u32(IFLA.group, group));

/** How long a device may wait before it answers ARP for others, milliseconds. */
export const setProxyDelay = (index: number, milliseconds: number): Buffer =>
  setNeighbourParameter(4, index, PARAMETER.proxyDelay, milliseconds);

/** How long a device waits for the answer to a neighbour request before it asks again, milliseconds. */
export const setRetransmission = (family: Family, index: number, milliseconds: number): Buffer =>
  setNeighbourParameter(family, index, PARAMETER.retransmission, milliseconds);

function setNeighbourParameter(family: Family, index: number, parameter: number, milliseconds: number): Buffer {
  const value = Buffer.alloc(8);
  value.writeBigUInt64LE(BigInt(milliseconds));
  return message(
    RTM_NEIGHBOUR_TABLE.set,
    FLAG.replace,
    Buffer.from([family === 4 ? AF_INET : AF_INET6, 0, 0, 0]),
    text(TABLE.name, family === 4 ? 'arp_cache' : 'ndisc_cache'),
    nested(TABLE.parameters, u32(PARAMETER.ifindex, index), attribute(parameter, value)),
  );
}

/** How long the devices wait before they answer ARP for others, by index. */
export function proxyDelays(socket: NetlinkSocket): Map<number, number> {
  const delays = new Map<number, number>();
  for (const { body } of socket.dump(RTM_NEIGHBOUR_TABLE.get, Buffer.from([AF_INET, 0, 0, 0]))) {
    const parameters = attributesOf(body, 4).get(TABLE.parameters);
    if (!parameters) continue;
    const found = attributesOf(parameters);
    const index = found.get(PARAMETER.ifindex)?.readUInt32LE();
    const delay = found.get(PARAMETER.proxyDelay)?.readBigUInt64LE();
    if (index && delay !== undefined) delays.set(index, Number(delay));
  }
  return delays;
}

/** The number by which the socket's namespace knows the one behind a descriptor; `undefined` when it knows none. */
export function netnsIdOf(socket: NetlinkSocket, netnsFd: number): number | undefined {
  const [reply] = socket.request(message(RTM_GETNSID, 0, Buffer.alloc(4), u32(NSID.fd, netnsFd)));
  const id = reply && attributesOf(reply.body, 4).get(NSID.id)?.readInt32LE();
  return id !== undefined && id >= 0 ? id : undefined;
}

/** Gives the namespace behind a descriptor that number in the socket's namespace. Refused (EEXIST) when it has one. */
export const newNetnsId = (netnsFd: number, id: number): Buffer =>
  message(RTM_NEWNSID, 0, Buffer.alloc(4), u32(NSID.id, id), u32(NSID.fd, netnsFd));
