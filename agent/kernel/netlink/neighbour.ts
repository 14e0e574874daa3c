import { PROTOCOL } from '../resources.js';
import { address, addressText, attributesOf, mac, macText, u8 } from './attributes.js';
import { FLAG, message, type NetlinkSocket } from './socket.js';

/** Neighbour entries (ARP and neighbour discovery): linux/neighbour.h. */

export const RTM_NEIGHBOUR = { new: 28, delete: 29, get: 30 } as const;

const HEADER = 12;
const AF = { 4: 2, 6: 10 } as const;
const NDA = { address: 1, mac: 2, protocol: 12 } as const;
const PERMANENT = 0x80;

export interface Neighbour {
  readonly index: number;
  readonly address: string;
  readonly mac: string;
  /** Set by somebody, as opposed to learned. */
  readonly permanent: boolean;
  readonly protocol: number;
}

/** `undefined`: no entry of IPv4 or IPv6 (a bridge's forwarding entry). */
export function parseNeighbour(body: Buffer): Neighbour | undefined {
  const family = body.readUInt8(0);
  const found = attributesOf(body, HEADER);
  const value = found.get(NDA.address);
  if ((family !== AF[4] && family !== AF[6]) || !value) return undefined;
  return {
    index: body.readInt32LE(4),
    address: addressText(value),
    mac: macText(found.get(NDA.mac) ?? Buffer.alloc(0)),
    permanent: (body.readUInt16LE(8) & PERMANENT) !== 0,
    protocol: found.get(NDA.protocol)?.readUInt8() ?? 0,
  };
}

export function listNeighbours(socket: NetlinkSocket): Neighbour[] {
  return socket.dump(RTM_NEIGHBOUR.get, Buffer.alloc(HEADER)).flatMap((found) => parseNeighbour(found.body) ?? []);
}

/** A permanent entry of ours in place of whatever is known of the address. */
export function newNeighbour(index: number, value: string, hardware: string): Buffer {
  return message(
    RTM_NEIGHBOUR.new,
    FLAG.create | FLAG.replace,
    header(index, value, PERMANENT),
    address(NDA.address, value),
    mac(NDA.mac, hardware),
    u8(NDA.protocol, PROTOCOL),
  );
}

export function deleteNeighbour(index: number, value: string): Buffer {
  return message(RTM_NEIGHBOUR.delete, 0, header(index, value, 0), address(NDA.address, value));
}

function header(index: number, value: string, state: number): Buffer {
  const bytes = Buffer.alloc(HEADER);
  bytes.writeUInt8(value.includes(':') ? AF[6] : AF[4], 0);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt16LE(state, 8);
  return bytes;
}
