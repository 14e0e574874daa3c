import type { Socket } from 'node:net';
import { familyOf, toBigInt } from '../model/address.js';
import { KernelError } from './errors.js';
import { bindSocket, closeDescriptor, setSocketOption, socket } from './libc.js';
import { insideNetns } from './netns.js';

/** Sockets that are born in a namespace and stay in it, for Node to use from where it is (`{ fd }` of net and dgram). */

export interface SocketSpec {
  readonly family: 4 | 6;
  /** `ping`: ICMP echo without privileges; its gid must be in the namespace's `ping_group_range`. @see man:icmp(7) */
  readonly type: 'tcp' | 'udp' | 'ping';
  /** Local address and port; port 0 lets the kernel choose. */
  readonly bind?: { readonly address: string; readonly port: number };
}

const AF = { 4: 2, 6: 10 } as const;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_ICMP = { 4: 1, 6: 58 } as const;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IPPROTO_IP = 0;
const IP_TTL = 2;
const IPV6_UNICAST_HOPS = 16;

/**
 * A descriptor of a new socket in the named namespace. The caller closes it, or hands it to Node, which then does.
 * @throws {KernelError} not-found when there is no such namespace; `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES` of the calls.
 */
export function openSocketIn(netns: string, spec: SocketSpec): number {
  return insideNetns(netns, () => {
    const { family, type, bind } = spec;
    const protocol = type === 'ping' ? IPPROTO_ICMP[family] : 0;
    const fd = socket(AF[family], (type === 'tcp' ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, protocol);
    try {
      if (family === 6) setSocketOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
      if (bind) {
        // Lets a listener take a port whose last connections are still in TIME_WAIT.
        if (type === 'tcp') setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        bindSocket(fd, socketAddress(bind.address, bind.port));
      }
      return fd;
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
  });
}

/** From now on packets of the connection reach `hops` routers, the last of which drops them. @throws {KernelError} when the connection is closed. */
export function setHopLimit(connection: Socket, family: 4 | 6, hops: number): void {
  const fd = descriptorOf(connection);
  if (fd === undefined) throw new KernelError('the connection is closed', { errno: 'ENOTCONN' });
  if (family === 4) setSocketOption(fd, IPPROTO_IP, IP_TTL, hops);
  else setSocketOption(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops);
}

/** Node has no other way to it, and has had this one in every version. */
function descriptorOf(connection: Socket): number | undefined {
  const { _handle: handle } = connection as unknown as { _handle?: { fd?: unknown } | null };
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined;
}

/** `struct sockaddr_in` or `sockaddr_in6` (netinet/in.h). */
function socketAddress(address: string, port: number): Buffer {
  const family = familyOf(address);
  const bytes = Buffer.alloc(family === 4 ? 16 : 28);
  bytes.writeUInt16LE(AF[family], 0);
  bytes.writeUInt16BE(port, 2);
  const digits = toBigInt(address).toString(16);
  if (family === 4) bytes.write(digits.padStart(8, '0'), 4, 'hex');
  else bytes.write(digits.padStart(32, '0'), 8, 'hex');
  return bytes;
}
