import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { METADATA } from '../kernel/resources.js';
import { openSocketIn, setHopLimit } from '../kernel/socket.js';
import { limitPeers } from '../lib/limit-peers.js';
import type { MetadataListener } from '../planner/metadata.js';
import { type MetadataAnswer, type MetadataRequest, TOKEN_HEADER, TTL_HEADER } from './answer.js';

/** `undefined`: the peer is nobody that has metadata. */
export type Answer = (vpcId: string, peer: string, request: MetadataRequest) => MetadataAnswer | undefined;

export interface OpenListener {
  /** Ends it with all its connections: an open one would keep the namespace alive. */
  close(): void;
}

/** Connections of one address at a time; more are hung up on, so that one instance cannot use up what the others need. */
const PEER_CONNECTIONS = 64;

/** Resolves when the socket in the namespace takes connections. @throws {KernelError} and Node's errors of listening. */
export async function openListener(spec: MetadataListener, answer: Answer, onError: (error: unknown) => void): Promise<OpenListener> {
  const { netns, family, address } = spec;
  const fd = openSocketIn(netns, { family, type: 'tcp', bind: { address, port: METADATA.port } });
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000, keepAliveTimeout: 15_000, maxHeaderSize: 16_384 });
  server.on('request', (request, response) => {
    try {
      respond(spec, answer, request, response);
    } catch (error) {
      request.socket.destroy();
      onError(error);
    }
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  limitPeers(server, PEER_CONNECTIONS);
  const listening = once(server, 'listening');
  // From here on the descriptor is Node's, which closes it when it cannot listen.
  server.listen({ fd });
  await listening;
  // A connection that cannot be taken (too many open files) is the peer's loss, not the daemon's.
  server.on('error', () => {});
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function respond({ vpcId, family }: MetadataListener, answer: Answer, request: IncomingMessage, response: ServerResponse): void {
  const { method = '', url = '', headers, socket } = request;
  request.resume();
  const token = headerText(headers[TOKEN_HEADER]);
  const ttl = headerText(headers[TTL_HEADER]);
  const answered = answer(vpcId, socket.remoteAddress ?? '', {
    method,
    target: url,
    ...(token !== undefined && { token }),
    ...(ttl !== undefined && { ttl }),
    isForwarded: headers['x-forwarded-for'] !== undefined,
    family,
  });
  if (!answered) return void socket.destroy();
  if (answered.hopLimit !== undefined) setHopLimit(socket, family, answered.hopLimit);
  const body = Buffer.from(answered.body);
  response.writeHead(answered.status, { ...answered.headers, server: 'EC2ws', 'content-length': body.length });
  response.end(body);
}

/** Of a header that came twice: both, which is no valid value. */
function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
