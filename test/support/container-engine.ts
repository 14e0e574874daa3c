import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from './traffic.js';

/** A private engine in the network namespace of the test file, with an image `busybox` and nothing else. */
export interface TestDocker {
  readonly socket: string;
  /** `docker …`, its output trimmed. */
  run(...argv: string[]): Promise<string>;
  start(): Promise<void>;
  /** Ends the engine, and with it the containers. */
  stop(): Promise<void>;
  dispose(): Promise<void>;
}

const BUSYBOX = '/bin/busybox';
const which = (name: string): boolean =>
  ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/bin'].some((dir) => existsSync(`${dir}/${name}`));

/** Why there can be no engine here; `undefined`: there can. */
export function dockerIsMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  for (const [tool, from] of [
    ['dockerd', 'docker.io'],
    ['docker', 'docker.io'],
    ['busybox', 'busybox-static'],
  ] as const)
    if (!which(tool)) return `no ${tool} (package ${from})`;
  return undefined;
}

export async function startDocker(): Promise<TestDocker> {
  const dir = mkdtempSync(join(tmpdir(), 'enid-docker-'));
  const socket = join(dir, 'docker.sock');
  const options = { env: { ...process.env, DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: dir } };
  let daemon: ChildProcess | undefined;
  const run = async (...argv: string[]) => (await promisify(execFile)('docker', argv, options)).stdout.trim();
  const start = async () => {
    const places = ['--data-root', join(dir, 'root'), '--exec-root', join(dir, 'exec'), '--pidfile', join(dir, 'pid')];
    const argv = ['dockerd', ...places, '-H', `unix://${socket}`, '--iptables=false', '--shutdown-timeout', '2'];
    // The test's own /sys hides the control groups that are mounted below the host's.
    const seeing = ['unshare', '--mount', 'sh', '-c', 'umount -l /sys && exec "$@"', 'engine'];
    daemon = spawn('setpriv', ['--pdeathsig', 'TERM', ...seeing, ...argv], { stdio: 'ignore' });
    await until(
      () =>
        run('version').then(
          () => true,
          () => false,
        ),
      60_000,
      'an engine that answers',
    );
  };
  const stop = async () => {
    const ended = daemon;
    if (!ended || ended.exitCode !== null) return;
    ended.kill('SIGTERM');
    await until(() => ended.exitCode !== null || ended.signalCode !== null, 60_000, 'the end of the engine');
  };
  await start();
  const image = join(dir, 'image');
  mkdirSync(join(image, 'bin'), { recursive: true });
  cpSync(which('busybox') && existsSync(BUSYBOX) ? BUSYBOX : '/usr/bin/busybox', join(image, 'bin/busybox'), { dereference: true });
  const applets = execFileSync('busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n');
  for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', join(image, 'bin', applet));
  const tar = join(dir, 'image.tar');
  execFileSync('tar', ['-C', image, '-cf', tar, '.']);
  await run('import', '-c', 'CMD ["sleep", "3600"]', tar, 'busybox');
  return {
    socket,
    run,
    start,
    stop,
    dispose: async () => {
      await run('ps', '-aq').then(
        async (ids) => (ids === '' ? '' : run('rm', '-f', ...ids.split('\n'))),
        () => '',
      );
      await stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
