import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/**
 * A web server on the lab's internet that tells callers who they are. Runs as a process of its own; arguments: the addresses to listen
 * at, port 80. `GET /` answers the caller's address and a line break; any other path answers the request as JSON.
 */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const address = request.socket.remoteAddress ?? '';
  request.resume();
  if (request.url === '/') {
    response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-store' }).end(`${address}\n`);
    return;
  }
  const { method, url, headers } = request;
  const body = JSON.stringify({ address, port: request.socket.remotePort, method, url, headers });
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(`${body}\n`);
}

for (const host of process.argv.slice(2)) createServer(answer).listen({ host, port: 80 });
