// HTTP clients of the benchmarks that cost little themselves: kept connections, bodies as they come.
import http from 'node:http';

/** A client with one kept connection: one request at a time, unless it may have more. */
export function connection(endpoint, maxSockets = 1) {
  const agent = new http.Agent({ keepAlive: true, maxSockets });
  const request = (method, path, body, type) =>
    new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) };
      const sent = http.request(`${endpoint}${path}`, { method, agent, headers }, (answer) => {
        const chunks = [];
        answer.on('data', (chunk) => chunks.push(chunk));
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if (answer.statusCode < 300) resolve(text);
          else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text.slice(0, 300)}`));
        });
        answer.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(body);
    });
  return {
    /** REST; the answer's JSON. */
    rest: async (method, path, body) => {
      const text = await request(method, path, body && JSON.stringify(body), 'application/json');
      return text === '' ? undefined : JSON.parse(text);
    },
    /** The answer as text. */
    get: (path) => request('GET', path),
    /** EC2 query endpoint; the answer as text. */
    ec2: (Action, parameters = {}) =>
      request('POST', '/', `${new URLSearchParams({ Action, Version: '2016-11-15', ...parameters })}`, 'application/x-www-form-urlencoded'),
    close: () => agent.destroy(),
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
