// A client sends one packet per millisecond; meanwhile the service goes from the primary to the standby, in each of the four ways.
// Once while both live (a planned switch), once as the primary is killed and the call follows at once.
import { execFileSync } from 'node:child_process';
import { prober } from '../../../scripts/bench.d/support.mjs';
import { during, switches } from '../../../scripts/bench.d/switches.mjs';

const endpoint = process.env.ENID_ENDPOINT ?? 'http://127.0.0.1:8780';
const rounds = Number(process.argv[2] ?? 5);

const call = async (method, path, body) => {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const answer = await fetch(`${endpoint}${path}`, init);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
};
const named = async (path, name) => {
  const { items } = await call('GET', `/v1/${path}?maxResults=1000`);
  const found = items.find(({ tags, state }) => tags['enid:lab'] === 'failover' && tags['enid:name'] === name && state !== 'terminated');
  if (!found) throw new Error(`the lab has no ${name}: eni lab up first`);
  return found;
};

const nodes = [];
for (const name of ['primary', 'standby']) {
  const { instanceId } = await named('instances', name);
  nodes.push({ name, instanceId, eni: (await named('network-interfaces', name)).networkInterfaceId });
}
const client = await named('instances', 'client');
const floating = await named('network-interfaces', 'floating');
const elastic = await named('elastic-ips', 'service');
const vpc = await named('vpcs', 'main');
const methods = switches(call, {
  nodes,
  floating: { id: floating.networkInterfaceId, address: '10.0.1.100' },
  secondary: '10.0.1.200',
  elastic: { id: elastic.allocationId, publicIp: elastic.publicIp },
  route: { table: vpc.mainRouteTableId, address: '192.168.99.1' },
});

const meters = [prober(client.instanceId), prober('internet')];
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const rows = [['moved', 'no switch', 'planned', 'lost', 'killed', 'lost']];
try {
  for (const [name, { address, fromInternet, to }] of Object.entries(methods)) {
    const meter = meters[fromInternet ? 1 : 0];
    const seen = { still: [], planned: [], plannedLost: [], killed: [], killedLost: [] };
    for (let i = 0; i < rounds; i++) {
      seen.still.push((await during(meter, address, async () => {})).gapMs);
      const planned = await during(meter, address, () => to(1));
      seen.planned.push(planned.gapMs);
      seen.plannedLost.push(planned.lost);
      await to(0);
      // Killed: the service's process on the primary is stopped dead, and the call follows.
      const pid = servicePid(nodes[0].instanceId);
      const killed = await during(meter, address, async () => {
        process.kill(pid, 'SIGSTOP');
        await to(1);
      });
      await to(0);
      process.kill(pid, 'SIGCONT');
      seen.killed.push(killed.gapMs);
      seen.killedLost.push(killed.lost);
    }
    const ms = (values) => `${median(values).toFixed(1)} ms`;
    rows.push([name, ms(seen.still), ms(seen.planned), median(seen.plannedLost), ms(seen.killed), median(seen.killedLost)]);
  }
} finally {
  for (const meter of meters) meter.end();
}
console.log(`longest gap at 1 packet/ms and packets lost of 400, median of ${rounds}`);
for (const row of rows) console.log(row.map((cell, i) => (i === 0 ? String(cell).padEnd(20) : String(cell).padStart(10))).join(''));

/** The process in the instance that listens at the service's port. */
function servicePid(netns) {
  const listing = execFileSync('ip', ['netns', 'exec', netns, 'ss', '-Hulnp', 'sport = :7000'], { encoding: 'utf8' });
  const pid = /pid=(\d+)/.exec(listing)?.[1];
  if (!pid) throw new Error(`nobody serves in ${netns}`);
  return Number(pid);
}
