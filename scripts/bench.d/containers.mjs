// From the attach call to the first packet answered by a running container, beside the two usual ways to plug something into one: the
// engine's own `network connect` over its HTTP API, and the CNI plugin `bridge`. Theirs is the time of the call alone.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { msSince, now, prober, startDaemon, timesBeside, warmUp, world } from './support.mjs';

const CNI = '/usr/lib/cni';
/** Whether the two ways to compare with are there. */
export const hasContainers = () => existsSync(`${CNI}/bridge`);

export async function containers({ rounds }) {
  if (!hasContainers()) return [{ what: `containers: left out, no ${CNI}/bridge`, unit: '', value: 0 }];
  const engine = await startEngine();
  let daemon;
  const probers = [];
  try {
    await engine.ask('POST', '/networks/create', { Name: 'other', Driver: 'bridge' });
    const guest = await engine.run('guest', 'none');
    const bridged = await engine.run('bridged', 'bridge');
    const plugged = await engine.run('plugged', 'none');
    daemon = await startDaemon({ args: ['--container-socket', engine.socket] });
    const { instance, eni, subnetId, groupId } = await world(daemon);
    const client = await instance();
    const own = { containerId: guest, subnetId, groupIds: [groupId], instanceType: 'c5.4xlarge' };
    const target = await daemon.call('POST', '/v1/instances/register', own);
    const [meter, server] = [prober(client.instanceId), prober(target.instanceId)];
    probers.push(meter, server);
    await server.ask({ do: 'echo', port: 7000 }).answer;
    const spare = await eni();
    const address = spare.privateIpAddresses[0].privateIpAddress;
    const path = `/v1/network-interfaces/${spare.networkInterfaceId}`;
    const { State } = await engine.ask('GET', `/containers/${plugged}/json`);
    const plug = cni(`/proc/${State.Pid}/ns/net`, plugged, engine.dir);

    const times = { attach: [], connect: [], cni: [] };
    const plugIn = () => daemon.call('POST', `${path}/attach`, { instanceId: target.instanceId, deviceIndex: 1 });
    const unplug = () => daemon.call('POST', `${path}/detach`, {});
    await warmUp(async () => {
      await plugIn();
      await unplug();
    });
    for (let i = -1; i < rounds; i++) {
      const { begun, answer } = meter.ask({ do: 'first', address, port: 7000 });
      await begun;
      const start = now();
      await plugIn();
      const { at } = await answer;
      if (at === null) throw new Error('no packet was answered');
      const attach = Math.max(msSince(start, BigInt(at)), 0);
      const connect = await timed(() => engine.ask('POST', '/networks/other/connect', { Container: bridged }));
      const added = await timed(() => plug('ADD'));
      // In the first one the meter has yet to learn where the address is.
      if (i >= 0) for (const [name, value] of Object.entries({ attach, connect, cni: added })) times[name].push(value);
      await unplug();
      await engine.ask('POST', '/networks/other/disconnect', { Container: bridged });
      plug('DEL');
    }
    const result = (...beside) => timesBeside('attach to a running container: call to first packet answered', times.attach, ...beside);
    return [
      result('`docker network connect` by the HTTP API, to its answer', times.connect),
      result('CNI bridge ADD, to its answer', times.cni),
    ];
  } finally {
    for (const each of probers) each.end();
    await daemon?.dispose();
    await engine.dispose();
  }
}

async function timed(work) {
  const start = now();
  await work();
  return msSince(start);
}

/** The plugin as a container runtime calls it; `host`: the namespace that shall have the bridge. */
export function cni(netns, id, dir, host) {
  const conf = {
    cniVersion: '0.4.0',
    name: 'bench',
    type: 'bridge',
    bridge: 'cni0',
    isGateway: true,
    ipam: { type: 'host-local', subnet: '10.88.0.0/16', dataDir: join(dir, 'cni') },
  };
  const env = { ...process.env, CNI_CONTAINERID: id.slice(0, 12), CNI_NETNS: netns, CNI_IFNAME: 'eth0', CNI_PATH: CNI };
  const argv = [...(host ? ['ip', 'netns', 'exec', host] : []), `${CNI}/bridge`];
  return (command) =>
    void execFileSync(argv[0], argv.slice(1), {
      input: JSON.stringify(conf),
      env: { ...env, CNI_COMMAND: command },
      stdio: ['pipe', 'ignore', 'inherit'],
    });
}

/** An engine of the benchmark's own, with an image of busybox. */
export async function startEngine() {
  const dir = mkdtempSync(join(tmpdir(), 'enid-bench-docker-'));
  const socket = join(dir, 'docker.sock');
  const places = [
    '--data-root',
    join(dir, 'root'),
    '--exec-root',
    join(dir, 'exec'),
    '--pidfile',
    join(dir, 'pid'),
    '-H',
    `unix://${socket}`,
  ];
  // The benchmark's own /sys hides the control groups below the host's.
  const seeing = ['--mount', 'sh', '-c', 'umount -l /sys && exec "$@"', 'engine', 'dockerd', ...places];
  const daemon = spawn('unshare', seeing, { stdio: 'ignore' });
  const env = { ...process.env, DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: dir };
  const docker = (...argv) => execFileSync('docker', argv, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  for (const deadline = Date.now() + 60_000; ; ) {
    try {
      docker('version');
      break;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  mkdirSync(join(dir, 'image/bin'), { recursive: true });
  const busybox = execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim();
  cpSync(busybox, join(dir, 'image/bin/busybox'), { dereference: true });
  execFileSync('tar', ['-C', join(dir, 'image'), '-cf', join(dir, 'image.tar'), '.']);
  docker('import', join(dir, 'image.tar'), 'busybox');
  return {
    dir,
    socket,
    run: async (name, network) => docker('run', '-d', '--name', name, '--network', network, 'busybox', '/bin/busybox', 'sleep', '3600'),
    ask: (method, path, body) => ask(socket, method, path, body),
    dispose: async () => {
      docker('rm', '-f', ...docker('ps', '-aq').split('\n'));
      const ended = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill('SIGTERM');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function ask(socketPath, method, path, body) {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path, headers: { 'content-type': 'application/json' } }, async (answer) => {
      let text = '';
      for await (const chunk of answer) text += chunk;
      if (answer.statusCode >= 300) reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
      else resolve(text.startsWith('{') ? JSON.parse(text) : undefined);
    });
    call.once('error', reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
