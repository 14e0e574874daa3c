// A health check as keepalived does it: asks the primary's own address every 20 ms from the standby's place in the network; after
// ten silences in a row it calls the API by itself, and the service is the standby's. Ends after one failover, or with the signal.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const [standby, standbyEni, primaryAddress, floating] = process.argv.slice(2);
const endpoint = process.env.ENID_ENDPOINT ?? 'http://127.0.0.1:8780';
const EVERY_MS = 20;
const SILENCES = 10;

// Inside the standby: it cannot reach the API from there, as no instance can.
const check = `
  const socket = require('node:dgram').createSocket('udp4');
  let answered = true, silences = 0, alive = false;
  socket.on('message', () => { answered = true; if (!alive) { alive = true; console.log('alive'); } });
  socket.on('error', () => {});
  socket.bind(0, () => setInterval(() => {
    silences = answered ? 0 : silences + 1;
    if (alive && silences >= ${SILENCES}) { console.log('silent'); process.exit(0); }
    answered = false;
    socket.send('?', 7000, ${JSON.stringify(primaryAddress)}, () => {});
  }, ${EVERY_MS}));
`;
const checker = spawn('ip', ['netns', 'exec', standby, process.execPath, '-e', check], { stdio: ['ignore', 'pipe', 'inherit'] });
process.on('exit', () => checker.kill());
process.on('SIGTERM', () => process.exit(0));

for await (const line of createInterface({ input: checker.stdout })) {
  console.log(line === 'alive' ? `guard: ${primaryAddress} answers` : `guard: ${primaryAddress} is silent, taking over`);
  if (line !== 'silent') continue;
  const start = performance.now();
  const answer = await fetch(`${endpoint}/v1/network-interfaces/${floating}/move`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ instanceId: standby, deviceIndex: 1 }),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  console.log(`guard: ${floating} moved to the standby (${standbyEni}), the call took ${(performance.now() - start).toFixed(1)} ms`);
  break;
}
