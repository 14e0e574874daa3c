// Many interfaces on a quarter as many instances: until all answer, through a restart, until all are gone.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { msSince, now, round, startDaemon, world } from './support.mjs';

export async function fleet({ interfaces }) {
  const daemon = await startDaemon();
  try {
    const { instance, subnetId, groupId } = await world(daemon);
    const client = await instance();
    const perInstance = 4;
    const count = Math.ceil(interfaces / perInstance);
    const start = now();
    const networkInterfaces = Array.from({ length: perInstance }, (_, deviceIndex) => ({ deviceIndex, subnetId, groupIds: [groupId] }));
    const made = [];
    for (let i = 0; i < count; i += 50) {
      const { instances } = await daemon.call('POST', '/v1/instances', {
        instanceType: 'c5.4xlarge',
        count: Math.min(50, count - i),
        networkInterfaces,
      });
      made.push(...instances);
    }
    const answered = msSince(start);
    const addresses = made.flatMap((each) => each.networkInterfaces.map((eni) => eni.privateIpAddresses[0].privateIpAddress));
    const reached = await reachAll(client.instanceId, addresses);
    const reachable = msSince(start);
    const memory = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid()}/status`, 'utf8'))?.[1]) / 1024;

    await daemon.stop();
    const restart = now();
    await daemon.start();
    const restarted = msSince(restart);

    const down = now();
    await daemon.call('POST', '/v1/reset');
    const gone = msSince(down);
    return [
      { what: `${addresses.length} interfaces on ${count} instances: calls answered`, unit: 'ms', value: round(answered, 0) },
      { what: `${addresses.length} interfaces: all reachable (${reached} answered)`, unit: 'ms', value: round(reachable, 0) },
      { what: `${addresses.length} interfaces: memory of the daemon`, unit: 'MB', value: round(memory, 0) },
      { what: `${addresses.length} interfaces: restart until it serves`, unit: 'ms', value: round(restarted, 0) },
      { what: `${addresses.length} interfaces: all gone`, unit: 'ms', value: round(gone, 0) },
    ];
  } finally {
    await daemon.dispose();
  }
}

/** Pings every address from one instance until all have answered; bounded. Returns how many did. */
function reachAll(netns, addresses) {
  return new Promise((resolve) => {
    const argv = ['netns', 'exec', netns, 'fping', '--alive', '--retry', '5', '--timeout', '200', '--interval', '1'];
    execFile('ip', [...argv, ...addresses], { maxBuffer: 1 << 24 }, (_error, stdout) => resolve(stdout.split('\n').filter(Boolean).length));
  });
}
