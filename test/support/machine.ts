import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';

/** A Debian in a directory, made by `scripts/guest-root` before the tests run; without it their tests are left out. */
export const GUEST_ROOT = guestRoot();

function guestRoot(): string | undefined {
  try {
    return execFileSync('scripts/guest-root', ['--cached'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

export interface Machine {
  /** Where its files are; what it writes is here and goes with the test. */
  readonly root: string;
  /** Runs a shell script in it, as the first process of PID, mount, UTS and IPC namespaces made for it. */
  run(script: string, options?: MachineOptions): Promise<{ exitCode: number | undefined; all: string }>;
}

export interface MachineOptions {
  /** The instance whose network it has; without one a network of its own, with nothing but loopback. */
  readonly netns?: string;
  /** What the firmware says that the machine is. */
  readonly firmware?: 'ec2' | 'none';
}

const ENTER = resolve(import.meta.dirname, 'guest/enter');
const NAMESPACES = ['--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child'];

/** A machine from the directory: the same files for every test, each with its own changes on top. */
export async function newMachine(): Promise<Machine> {
  const directory = mkdtempSync(join(tmpdir(), 'enid-machine-'));
  const root = join(directory, 'root');
  onTestFinished(async () => {
    await execa('umount', ['--recursive', '--lazy', directory], { reject: false });
    rmSync(directory, { recursive: true, force: true });
  });
  await execa('mount', ['-t', 'tmpfs', '-o', 'mode=0755', 'none', directory]);
  for (const name of ['upper', 'work', 'root']) mkdirSync(join(directory, name));
  const layers = `lowerdir=${GUEST_ROOT},upperdir=${directory}/upper,workdir=${directory}/work`;
  await execa('mount', ['-t', 'overlay', '-o', layers, 'overlay', root]);
  await execa('mount', ['-t', 'tmpfs', '-o', 'mode=0755', 'none', join(root, 'run')]);
  return {
    root,
    run: async (script, { netns, firmware = 'none' } = {}) => {
      const into = netns === undefined ? ['unshare', '--net'] : ['ip', 'netns', 'exec', netns, 'unshare'];
      const [program = '', ...argv] = [...into, ...NAMESPACES, ENTER, root, firmware, '/bin/bash', '-c', script];
      const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LANG: 'C.UTF-8' };
      const { exitCode, all } = await execa(program, argv, { all: true, reject: false, timeout: 200_000, env, extendEnv: false });
      return { exitCode, all };
    },
  };
}
