import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { toKernelError } from '../../kernel/errors.js';
import { openSocketIn } from '../../kernel/socket.js';
import { familyOf } from '../../model/address.js';

/** The far end of probes: sockets inside the target instances that send back what they get. */

export interface Listener {
  /** The instance itself listens at the port; ours could not be opened. */
  readonly taken: boolean;
  /** Why there can be no listener, in words. */
  readonly fault?: string;
  hasReceived(token: Buffer): boolean;
}

export class Listeners {
  private readonly byPlace = new Map<string, Listener>();
  private readonly closers: (() => void)[] = [];

  get(namespace: string, protocol: string, address: string, port: number): Listener | undefined {
    return this.byPlace.get(placeOf(namespace, protocol, address, port));
  }

  /** Afterwards something listens there: ours, or the instance's own; or the listener's `fault` says why not. */
  async open(namespace: string, protocol: string, address: string, port: number): Promise<void> {
    const place = placeOf(namespace, protocol, address, port);
    if (this.byPlace.has(place)) return;
    try {
      const type = protocol === 'tcp' ? 'tcp' : 'udp';
      const fd = openSocketIn(namespace, { family: familyOf(address), type, bind: { address, port } });
      this.byPlace.set(place, type === 'tcp' ? await this.echoStreams(fd) : await this.echoDatagrams(fd, familyOf(address)));
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE' || toKernelError(error).errno === 'EADDRINUSE';
      this.byPlace.set(
        place,
        taken ? TAKEN : { ...TAKEN, taken: false, fault: `cannot listen at ${address}: ${(error as Error).message}` },
      );
    }
  }

  close(): void {
    for (const close of this.closers) close();
  }

  private async echoStreams(fd: number): Promise<Listener> {
    const open = new Set<Socket>();
    const server: Server = createServer((socket) => {
      open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => open.delete(socket));
      socket.pipe(socket);
    });
    server.listen({ fd });
    await once(server, 'listening');
    this.closers.push(() => {
      server.close();
      for (const socket of open) socket.destroy();
    });
    return { taken: false, hasReceived: () => false };
  }

  private async echoDatagrams(fd: number, family: 4 | 6): Promise<Listener> {
    const socket = await datagramSocket(fd, family);
    const received = new Set<string>();
    socket.on('error', () => {});
    socket.on('message', (message, { address, port }) => {
      received.add(message.toString('hex'));
      socket.send(message, port, address);
    });
    this.closers.push(() => socket.close());
    return { taken: false, hasReceived: (token) => received.has(token.toString('hex')) };
  }
}

const TAKEN: Listener = { taken: true, hasReceived: () => false };

function placeOf(namespace: string, protocol: string, address: string, port: number): string {
  return `${namespace} ${protocol} ${address} ${port}`;
}

/** Node's socket around a descriptor that was opened elsewhere. */
export async function datagramSocket(fd: number, family: 4 | 6): Promise<DatagramSocket> {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  const listening = once(socket, 'listening');
  socket.bind({ fd });
  await listening;
  return socket;
}
