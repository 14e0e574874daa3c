// What a question to the metadata service takes inside an instance, beside a web server of Node's that always says the same.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { startDaemon, timesBeside, world } from './support.mjs';

const META = 'http://169.254.169.254/latest';
const PATH = `${META}/meta-data/network/interfaces/macs/`;

/** Runs inside the instance: asks `count` times, one after the other; prints milliseconds. */
const ASK = `const http = require('node:http');
const [url, count, keep, token] = process.argv.slice(1);
const agent = new http.Agent({ keepAlive: keep === 'keep', maxSockets: 1 });
const headers = token ? { 'x-aws-ec2-metadata-token': token } : {};
const ask = () => new Promise((resolve, reject) => {
  const start = process.hrtime.bigint();
  http.get(url, { agent, headers }, (answer) => {
    if (answer.statusCode !== 200) reject(new Error('status ' + answer.statusCode));
    answer.resume().on('end', () => resolve(Number(process.hrtime.bigint() - start) / 1e6));
  }).on('error', reject);
});
(async () => {
  for (let i = 0; i < 50; i++) await ask();
  const times = [];
  for (let i = 0; i < Number(count); i++) times.push(await ask());
  console.log(JSON.stringify(times));
  process.exit(0);
})();`;

const PLAIN = `require('node:http').createServer((_, answer) => answer.end('02:00:00:00:00:aa/')).listen(80, () => console.log('ready'));`;

export async function metadata({ rounds }) {
  const daemon = await startDaemon();
  let plain;
  try {
    const { instance, eni } = await world(daemon);
    const [asker, server] = [await instance(), await instance()];
    // A tree of eight interfaces.
    for (let deviceIndex = 1; deviceIndex < 8; deviceIndex++) {
      const { networkInterfaceId } = await eni();
      await daemon.call('POST', `/v1/network-interfaces/${networkInterfaceId}/attach`, { instanceId: asker.instanceId, deviceIndex });
    }
    plain = spawn('ip', ['netns', 'exec', server.instanceId, process.execPath, '-e', PLAIN], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(plain.stdout, 'data');
    const inside = async (...argv) => (await promisify(execFile)('ip', ['netns', 'exec', asker.instanceId, ...argv])).stdout;
    const times = async (url, keep, token = '') =>
      JSON.parse(await inside(process.execPath, '-e', ASK, url, String(rounds * 40), keep, token));
    const header = 'X-aws-ec2-metadata-token-ttl-seconds: 600';
    const token = await inside('curl', '-sf', '-X', 'PUT', '-H', header, `${META}/api/token`);
    const reference = `http://${server.privateIpAddress}/`;
    const result = (what, values, beside) => timesBeside(what, values, 'a web server of Node in an instance', beside);
    const [kept, fresh] = [await times(reference, 'keep'), await times(reference, 'close')];
    return [
      result('metadata: GET on an open connection', await times(PATH, 'keep'), kept),
      result('metadata: GET with a session token', await times(PATH, 'keep', token), kept),
      result('metadata: GET on a connection of its own', await times(PATH, 'close'), fresh),
    ];
  } finally {
    plain?.kill('SIGKILL');
    await daemon.dispose();
  }
}
