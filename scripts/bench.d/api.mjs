// The API by itself: lists of 1,000 interfaces, durable creates per second, 200 clients at once. Beside: a web server that sends the
// same bytes, and durable transactions of the same size one after another.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { concurrently, connection } from './http.mjs';
import { cpuSeconds, msSince, now, round, startDaemon, timesBeside, world } from './support.mjs';

const CLIENTS = 200;

export async function api({ rounds, interfaces }) {
  const daemon = await startDaemon();
  try {
    const { subnetId, groupId } = await world(daemon);
    const body = { subnetId, groupIds: [groupId] };
    const made = await creates(daemon, body, interfaces);
    const lists = await describes(daemon, rounds, interfaces);
    const churn = await churns(daemon, body, interfaces);
    return [made, ...lists, ...churn];
  } finally {
    await daemon.dispose();
  }
}

async function creates(daemon, body, count) {
  let left = count;
  const cpu = cpuSeconds(daemon.pid());
  const start = now();
  await concurrently(daemon.endpoint, CLIENTS, async (client) => {
    while (left-- > 0) await client.rest('POST', '/v1/network-interfaces', body);
  });
  const seconds = msSince(start) / 1000;
  const used = cpuSeconds(daemon.pid()) - cpu;
  return {
    what: `durable creates of interfaces, ${CLIENTS} clients (${round((used / count) * 1e3)} ms of CPU each)`,
    unit: '/s',
    value: round(count / seconds, 0),
    goal: '≥ 500',
    reference: { what: 'durable transactions one after another', value: round(transactionsPerSecond(), 0) },
  };
}

/** Transactions with one record of an interface's size, each on the disk before the next begins. */
function transactionsPerSecond(count = 300) {
  const dir = mkdtempSync(join(tmpdir(), 'enid-bench-lmdb-'));
  const db = open({ path: join(dir, 'x.mdb'), noSubdir: true, encoding: 'string', overlappingSync: false });
  try {
    const start = now();
    for (let i = 0; i < count; i++) db.transactionSync(() => db.putSync(`record ${i}`, 'x'.repeat(600)));
    return count / (msSince(start) / 1000);
  } finally {
    void db.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Lists by REST and by the EC2 endpoint, whole and by the page; shared with the fleet, whose interfaces are attached. */
export async function describes(daemon, rounds, count, kind = 'interfaces') {
  const client = connection(daemon.endpoint);
  const path = '/v1/network-interfaces';
  const asks = {
    [`describe ${count} ${kind}: REST`]: () => client.get(path),
    [`describe ${count} ${kind}: EC2 endpoint`]: () => client.ec2('DescribeNetworkInterfaces'),
    'a page of 100 of them: REST': () => client.get(`${path}?maxResults=100`),
    'a page of 100 of them: EC2 endpoint': () => client.ec2('DescribeNetworkInterfaces', { MaxResults: 100 }),
  };
  // One after the other: the garbage of whole lists would be collected while a page is asked for.
  const rows = [];
  for (const [what, ask] of Object.entries(asks)) {
    const plain = await plainServer(await ask());
    const [took, plainTook] = [[], []];
    for (let i = 0; i < rounds + 3; i++) {
      const start = now();
      await ask();
      const middle = now();
      await plain.get();
      if (i < 3) continue;
      took.push(msSince(start, middle));
      plainTook.push(msSince(middle));
    }
    plain.end();
    const goal = what.startsWith('describe') ? '≤ 50' : '≤ 10';
    rows.push(timesBeside(what, took, 'a web server that sends the same bytes', plainTook, goal));
  }
  client.close();
  return rows;
}

const PLAIN = `let text = '';
process.stdin.on('data', (chunk) => { text += chunk; }).on('end', () => {
  const server = require('node:http').createServer((_, answer) => answer.end(text));
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
});`;

async function plainServer(text) {
  const child = spawn(process.execPath, ['-e', PLAIN], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(text);
  const [port] = await once(child.stdout, 'data');
  const client = connection(`http://127.0.0.1:${Number(port)}`);
  const end = () => {
    client.close();
    child.kill('SIGKILL');
  };
  return { get: () => client.get('/'), end };
}

/** Every client makes an interface, changes it and deletes it; half by REST, half by the EC2 endpoint. */
async function churns(daemon, body, count) {
  const each = 5;
  let calls = 0;
  let faults = 0;
  const start = now();
  await concurrently(daemon.endpoint, CLIENTS, async (client, index) => {
    for (let i = 0; i < each; i++) {
      try {
        await (index % 2 ? churnByRest : churnByEc2)(client, body, `client ${index}, round ${i}`);
      } catch (error) {
        faults++;
        console.error(String(error));
      }
      calls += 4;
    }
  });
  const seconds = msSince(start) / 1000;
  const { items } = await daemon.call('GET', '/v1/network-interfaces');
  return [
    { what: `${CLIENTS} clients make, change, read, delete interfaces: calls`, unit: '/s', value: round(calls / seconds, 0) },
    { what: `${CLIENTS} clients: failed, lost or left over`, unit: '', value: faults + Math.abs(items.length - count), goal: '0' },
  ];
}

async function churnByRest(client, body, description) {
  const { networkInterfaceId } = await client.rest('POST', '/v1/network-interfaces', body);
  const path = `/v1/network-interfaces/${networkInterfaceId}`;
  await client.rest('PATCH', path, { description });
  const seen = await client.rest('GET', path);
  if (seen.description !== description) throw new Error(`lost: ${description}`);
  await client.rest('DELETE', path);
}

async function churnByEc2(client, { subnetId, groupIds }, description) {
  const made = await client.ec2('CreateNetworkInterface', { SubnetId: subnetId, 'SecurityGroupId.1': groupIds[0] });
  const NetworkInterfaceId = /<networkInterfaceId>(eni-[0-9a-f]+)</.exec(made)?.[1];
  await client.ec2('ModifyNetworkInterfaceAttribute', { NetworkInterfaceId, 'Description.Value': description });
  const seen = await client.ec2('DescribeNetworkInterfaces', { 'NetworkInterfaceId.1': NetworkInterfaceId });
  if (!seen.includes(`<description>${description}<`)) throw new Error(`lost: ${description}`);
  await client.ec2('DeleteNetworkInterface', { NetworkInterfaceId });
}
