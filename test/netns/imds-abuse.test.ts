import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { metadata } from '../support/metadata.js';
import { inside } from '../support/traffic.js';
import { useAgent } from '../support/world.js';

/** What a hostile instance does to the metadata service is its own loss. */
const setup = useAgent();
const ID = '/latest/meta-data/instance-id';

/** Sends bytes to the service; resolves to the status line that comes back, or `closed`. */
async function send(netns: string, bytes: string): Promise<string> {
  const script = `const socket = require('node:net').connect(80, '169.254.169.254', () => socket.end(Buffer.from(process.argv[1], 'base64')));
    let text = '';
    socket.on('data', (data) => (text += data)).on('error', () => {}).on('close', () => console.log(text.split('\\r\\n')[0] || 'closed'));`;
  return (await inside(netns, process.execPath, '-e', script, Buffer.from(bytes, 'latin1').toString('base64'))).stdout;
}

it('no request breaks it', async () => {
  const { instance } = await setup.world();
  const { instanceId } = await instance();
  for (const [bytes, answer] of [
    ['nonsense\r\n\r\n', 'closed'],
    ['GET / HTTP/1.0\r\n\r\n', 'HTTP/1.1 200 OK'],
    ['GET /latest/meta-data/%ff HTTP/1.1\r\nHost: x\r\n\r\n', 'HTTP/1.1 400 Bad Request'],
    [`GET /${'a'.repeat(15_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 'HTTP/1.1 404 Not Found'],
    [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 'closed'],
    ['GET / HTTP/1.1\r\nHost: x\r\nX-aws-ec2-metadata-token: \xff\xfe\r\n\r\n', 'HTTP/1.1 401 Unauthorized'],
    ['PUT /latest/api/token HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello', 'HTTP/1.1 400 Bad Request'],
    ['CONNECT 10.0.1.1:22 HTTP/1.1\r\nHost: x\r\n\r\n', 'closed'],
    ['GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n', 'HTTP/1.1 200 OK'],
  ] as const)
    expect([bytes.slice(0, 40), await send(instanceId, bytes)]).toEqual([bytes.slice(0, 40), answer]);
  expect((await metadata(instanceId, ID)).body).toBe(instanceId);
});

it('an instance that holds every connection it gets keeps nobody else out', async () => {
  const { instance } = await setup.world();
  const [greedy, other] = [await instance(), await instance()];
  const script = `const net = require('node:net');
    let open = 0, closed = 0;
    const tell = () => open + closed === 300 && console.log('kept ' + (open - 0));
    for (let i = 0; i < 300; i++) {
      const socket = net.connect(80, '169.254.169.254');
      socket.on('error', () => {}).on('close', () => (closed += 1, tell()));
      setTimeout(() => { if (!socket.destroyed) { open += 1; tell(); } }, 1500);
    }`;
  const child = spawn('ip', ['netns', 'exec', greedy.instanceId, process.execPath, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = await once(child.stdout, 'data');
  expect(String(line)).toBe('kept 64\n');
  expect((await metadata(greedy.instanceId, ID)).status).toBe(0);
  expect((await metadata(other.instanceId, ID)).body).toBe(other.instanceId);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await expect.poll(async () => (await metadata(greedy.instanceId, ID)).body, { timeout: 5000 }).toBe(greedy.instanceId);
});
