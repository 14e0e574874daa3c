// HTTP clients of the benchmarks that cost little themselves: kept connections, bodies as they come.
import net from 'node:net';

/** A client with one kept connection: one request at a time, unless it may have more. */
export function connection(endpoint, maxSockets = 1) {
  const { hostname, port, host } = new URL(endpoint);
  const free = [];
  const waiting = [];
  const all = new Set();
  const lent = async () => {
    if (free.length > 0) return free.pop();
    if (all.size >= maxSockets) return new Promise((resolve) => waiting.push(resolve));
    const wire = openWire(Number(port), hostname);
    all.add(wire);
    void wire.ended.then(() => {
      all.delete(wire);
      if (free.includes(wire)) free.splice(free.indexOf(wire), 1);
    });
    return wire;
  };
  const giveBack = (wire) => {
    const next = waiting.shift();
    if (next) next(all.has(wire) ? wire : lent());
    else if (all.has(wire)) free.push(wire);
  };
  const request = async (method, path, body = '', type) => {
    const wire = await lent();
    try {
      const about = type ? `content-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` : '';
      const { status, text } = await wire.ask(`${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${about}\r\n${body}`);
      if (status < 300) return text;
      throw new Error(`${method} ${path}: ${status} ${text.slice(0, 300)}`);
    } finally {
      giveBack(wire);
    }
  };
  return {
    /** REST; the answer's JSON. */
    rest: async (method, path, body) => {
      const text = await (body ? request(method, path, JSON.stringify(body), 'application/json') : request(method, path));
      return text === '' ? undefined : JSON.parse(text);
    },
    /** The answer as text. */
    get: (path) => request('GET', path),
    /** EC2 query endpoint; the answer as text. */
    ec2: (Action, parameters = {}) =>
      request('POST', '/', `${new URLSearchParams({ Action, Version: '2016-11-15', ...parameters })}`, 'application/x-www-form-urlencoded'),
    close: () => {
      for (const wire of all) wire.close();
    },
  };
}

/** Runs `work(client, index)` on so many clients at a time; each has a connection of its own. Resolves when all are done. */
export async function concurrently(endpoint, count, work) {
  const clients = Array.from({ length: count }, () => connection(endpoint));
  try {
    return await Promise.all(clients.map(work));
  } finally {
    for (const client of clients) client.close();
  }
}

/**
 * A connection that takes one request after the other, whole ones as text. Node's own client would be a tenth of what is measured. Only for
 * answers that tell their length.
 */
function openWire(port, host) {
  const socket = net.connect({ port, host, noDelay: true });
  let chunks = [];
  let asking;
  const finish = (settle, value) => {
    const done = asking?.[settle];
    asking = undefined;
    chunks = [];
    done?.(value);
  };
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    const bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks);
    chunks = [bytes];
    const head = bytes.indexOf('\r\n\r\n');
    if (head < 0) return;
    const headers = bytes.toString('latin1', 0, head);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(headers)?.[1] ?? 0);
    if (bytes.length < head + 4 + length) return;
    finish('resolve', { status: Number(headers.split(' ', 2)[1]), text: bytes.toString('utf8', head + 4, head + 4 + length) });
  });
  socket.on('error', (error) => finish('reject', error));
  const ended = new Promise((resolve) => socket.once('close', resolve));
  void ended.then(() => finish('reject', new Error('the connection was closed')));
  return {
    ended,
    ask: (text) =>
      new Promise((resolve, reject) => {
        asking = { resolve, reject };
        socket.write(text);
      }),
    close: () => socket.destroy(),
  };
}
