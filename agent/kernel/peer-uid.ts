import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Answers of earlier questions about the same connection: its owner does not change. */
const known = new WeakMap<Socket, number | undefined>();

/**
 * The user who opened a connection within this machine, as the kernel lists its other end. `undefined`: not from this machine, or gone
 * already. Costs one reading of the list of connections for each connection.
 */
export function peerUid(socket: Socket): number | undefined {
  if (known.has(socket)) return known.get(socket);
  const uid = lookUp(socket);
  known.set(socket, uid);
  return uid;
}

function lookUp({ remoteAddress: remote, remotePort, localAddress: local, localPort }: Socket): number | undefined {
  if (!remote || !remotePort || !local || !localPort) return undefined;
  const [remoteAddress, localAddress] = [remote, local].map((address) => address.replace(/^::ffff:(?=\d+\.)/, ''));
  if (!remoteAddress || !localAddress) return undefined;
  const wanted = `${endText(remoteAddress, remotePort)} ${endText(localAddress, localPort)}`;
  const list = readFileSync(remoteAddress.includes(':') ? '/proc/self/net/tcp6' : '/proc/self/net/tcp', 'latin1');
  const at = list.indexOf(` ${wanted} `);
  if (at < 0) return undefined;
  const [, , , , , , uid] = list
    .slice(at + 1, list.indexOf('\n', at))
    .trim()
    .split(/ +/);
  return uid !== undefined && /^\d+$/.test(uid) ? Number(uid) : undefined;
}

/** As proc(5) writes an end of a connection: words of the address in the byte order of the machine, which is little-endian. */
function endText(address: string, port: number): string {
  const bytes = Buffer.from(ipaddr.parse(address).toByteArray());
  const words = bytes.swap32().toString('hex').toUpperCase();
  return `${words}:${port.toString(16).toUpperCase().padStart(4, '0')}`;
}
