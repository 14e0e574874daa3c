import { PROTOCOL } from '../resources.js';
import { address, addressText, attributesOf, u8, u32 } from './attributes.js';
import { FLAG, message, type NetlinkSocket } from './socket.js';

/** Addresses of devices: linux/if_addr.h. */

export const RTM_ADDRESS = { new: 20, delete: 21, get: 22 } as const;

const HEADER = 8;
const AF = { 4: 2, 6: 10 } as const;
const IFA = { address: 1, local: 2, flags: 8, protocol: 11 } as const;
const NO_DAD = 0x02;
const SCOPE_LINK = 253;
/** IFA_PROTO of what the kernel adds by itself: loopback, from a router's advertisement, link-local. */
const LAST_KERNEL_PROTOCOL = 3;

export interface DeviceAddress {
  readonly index: number;
  /** With prefix length. */
  readonly address: string;
  /** Who added it; absent on kernels before 5.18, which keep no such note. */
  readonly protocol?: number;
  /** Whether the kernel adds it by itself; without a `protocol` a guess by what it is. */
  readonly automatic: boolean;
}

export function parseAddress(body: Buffer): DeviceAddress {
  const found = attributesOf(body, HEADER);
  const value = addressText(found.get(IFA.local) ?? found.get(IFA.address) ?? Buffer.alloc(4));
  const protocol = found.get(IFA.protocol)?.readUInt8();
  const isLinkLocal = body.readUInt8(0) === AF[6] && body.readUInt8(3) === SCOPE_LINK;
  return {
    index: body.readUInt32LE(4),
    address: `${value}/${body.readUInt8(1)}`,
    ...(protocol !== undefined && { protocol }),
    automatic:
      value === '127.0.0.1' || value === '::1' || (protocol === undefined ? isLinkLocal : protocol > 0 && protocol <= LAST_KERNEL_PROTOCOL),
  };
}

export function listAddresses(socket: NetlinkSocket): DeviceAddress[] {
  const found = socket.dump(RTM_ADDRESS.get, Buffer.alloc(HEADER)).map(({ body }) => parseAddress(body));
  // A kernel that marks addresses marks the link-local ones that it adds: one without a mark is somebody's.
  const marks = found.some(({ protocol }) => protocol !== undefined);
  return found.map((one) => (marks && one.protocol === undefined && one.address.startsWith('fe80:') ? { ...one, automatic: false } : one));
}

/** Adds an address as ours, or makes one that is there ours. IPv6 is usable at once. */
export function newAddress(index: number, cidr: string): Buffer {
  return changeAddress(RTM_ADDRESS.new, FLAG.create | FLAG.replace, index, cidr, [u32(IFA.flags, NO_DAD), u8(IFA.protocol, PROTOCOL)]);
}

export function deleteAddress(index: number, cidr: string): Buffer {
  return changeAddress(RTM_ADDRESS.delete, 0, index, cidr, []);
}

function changeAddress(type: number, flags: number, index: number, cidr: string, more: Buffer[]): Buffer {
  const [value = '', length] = cidr.split('/');
  const header = Buffer.alloc(HEADER);
  header.writeUInt8(value.includes(':') ? AF[6] : AF[4], 0);
  header.writeUInt8(Number(length), 1);
  header.writeUInt32LE(index, 4);
  return message(type, flags, header, address(IFA.local, value), address(IFA.address, value), ...more);
}
