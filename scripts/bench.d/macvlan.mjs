// Drivers side by side: the round trip and the throughput between two interfaces of a subnet, and an attach, veth and macvlan in one run.
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { median, msSince, now, round, startDaemon } from './support.mjs';

const run = promisify(execFile);
const PARENT = 'bench-par0';

export async function macvlan({ rounds }) {
  // A device of its own: the benchmark runs in a network namespace made for it.
  await run('ip', ['link', 'add', PARENT, 'type', 'veth', 'peer', 'name', 'bench-wire0']);
  for (const device of [PARENT, 'bench-wire0']) await run('ip', ['link', 'set', device, 'up']);
  const daemon = await startDaemon();
  try {
    const veth = await measure(daemon.call, rounds, '10.60.0.0/16', {});
    const wire = await measure(daemon.call, rounds, '10.61.0.0/16', { parentDevice: PARENT });
    const row = (what, unit, field) => ({
      what: `macvlan: ${what}`,
      value: round(wire[field], 3),
      unit,
      reference: { what: 'veth', value: round(veth[field], 3), unit },
      ratio: round(wire[field] / veth[field]),
    });
    return [
      row('round trip within a subnet, median', 'ms', 'roundTripMs'),
      row('throughput within a subnet, one TCP stream', 'Gbit/s', 'gigabits'),
      row('attach, API call, median', 'ms', 'attachMs'),
    ];
  } finally {
    await daemon.dispose();
    await run('ip', ['link', 'del', PARENT]);
  }
}

async function measure(call, rounds, range, fields) {
  const { vpcId } = await call('POST', '/v1/vpcs', { cidrBlock: range });
  const { subnetId } = await call('POST', '/v1/subnets', { vpcId, cidrBlock: range.replace('/16', '/24'), ...fields });
  const launch = async () => (await call('POST', '/v1/instances', { subnetId, instanceType: 'm5.large' })).instances[0];
  const [a, b] = [await launch(), await launch()];
  const { networkInterfaceId } = await call('POST', '/v1/network-interfaces', { subnetId });
  const path = `/v1/network-interfaces/${networkInterfaceId}`;
  const attaches = [];
  for (let round = 0; round < rounds; round++) {
    const start = now();
    await call('POST', `${path}/attach`, { instanceId: a.instanceId, deviceIndex: 1 });
    attaches.push(msSince(start));
    await call('POST', `${path}/detach`, {});
  }
  return {
    roundTripMs: await roundTrip(a.instanceId, b.privateIpAddress),
    gigabits: await throughput(a.instanceId, b.instanceId, b.privateIpAddress),
    attachMs: median(attaches),
  };
}

async function roundTrip(netns, address) {
  const { stdout } = await run('ip', ['netns', 'exec', netns, 'ping', '-n', '-i', '0.002', '-c', '500', address]);
  return median([...stdout.matchAll(/time=([\d.]+)/g)].map(([, time]) => Number(time)));
}

/** One stream of Node's, for a second: the same at both drivers, and far from what the kernel could do. */
async function throughput(from, to, address) {
  const sink = "require('net').createServer((s) => s.resume()).listen(7000, () => console.log('ready'))";
  const source = `const s = require('net').connect(7000, '${address}'), chunk = Buffer.alloc(1 << 20); let sent = 0;
    const pump = () => { while (s.write(chunk)) sent += chunk.length; };
    s.on('connect', () => { pump(); s.on('drain', () => { sent += chunk.length; pump(); }); setTimeout(() => { console.log(s.bytesWritten - s.writableLength); process.exit(); }, 1000); });`;
  const server = spawn('ip', ['netns', 'exec', to, process.execPath, '-e', sink], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await new Promise((resolve) => server.stdout.once('data', resolve));
    const { stdout } = await run('ip', ['netns', 'exec', from, process.execPath, '-e', source]);
    return (Number(stdout) * 8) / 1e9;
  } finally {
    server.kill('SIGKILL');
  }
}
