// The whole of it without anybody's hand: a client at one packet per ms, the guard, and a primary that is stopped dead. Prints the gap.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { prober } from '../../../scripts/bench.d/support.mjs';

const [primary, standby, standbyEni, client, floating] = process.argv.slice(2);
const guard = spawn(process.execPath, ['vagrant/labs/failover/guard.mjs', standby, standbyEni, '10.0.1.10', floating], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const lines = createInterface({ input: guard.stdout });
lines.on('line', (line) => console.log(line));
await once(lines, 'line');
const meter = prober(client);
const { begun, answer } = meter.ask({ do: 'stream', address: '10.0.1.100', port: 7000, ms: 1500 });
await begun;
await new Promise((resolve) => setTimeout(resolve, 300));
const listing = execFileSync('ip', ['netns', 'exec', primary, 'ss', '-Hulnp', 'sport = :7000'], { encoding: 'utf8' });
const pid = Number(/pid=(\d+)/.exec(listing)?.[1]);
process.kill(pid, 'SIGKILL');
console.log('primary: killed');
const { gapMs, lost, sent } = await answer;
meter.end();
guard.kill();
console.log(`client: ${gapMs.toFixed(1)} ms without an answer, ${lost} of ${sent} packets lost, from the kill to the standby's answer`);
