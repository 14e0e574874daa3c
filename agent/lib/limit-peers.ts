import type { Server, Socket } from 'node:net';

/** Connections of one address past `most` are hung up on at once, so that one peer cannot use up what the others need. */
export function limitPeers(server: Server, most: number): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const peer = socket.remoteAddress;
    // Peers of a socket in the file system have no address.
    if (typeof server.address() === 'string') return;
    const count = (open.get(peer ?? '') ?? 0) + 1;
    if (peer === undefined || count > most) return void socket.destroy();
    open.set(peer, count);
    socket.once('close', () => {
      const left = (open.get(peer) ?? 1) - 1;
      if (left > 0) open.set(peer, left);
      else open.delete(peer);
    });
  });
}
