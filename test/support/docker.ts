import { execFileSync } from 'node:child_process';
import { execa } from 'execa';

/** Why nothing can run with a Docker daemon of its own here; empty when it can. `tools` are other commands that are needed. */
export function whyNoDocker(...tools: readonly string[]): string {
  for (const tool of ['dockerd', 'docker-compose', ...tools])
    if (!succeeds('which', tool)) return `no ${tool}: install Debian's docker.io, docker-compose, vagrant`;
  // Here, without a network, only finds what was made before.
  if (!succeeds('vagrant/docker/private', '--prepare')) return 'not prepared: sudo vagrant/docker/private --prepare';
  return '';
}

const succeeds = (program: string, ...argv: string[]): boolean => {
  try {
    execFileSync(program, argv, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** Runs a shell script with a Docker daemon of its own, which ends with it. One at a time: the images are kept. */
export async function withDocker(script: string, env: Record<string, string> = {}): Promise<{ code: number | undefined; out: string }> {
  const { exitCode, all } = await execa('vagrant/docker/private', ['bash', '-euc', script], {
    all: true,
    reject: false,
    timeout: 500_000,
    env,
  });
  return { code: exitCode, out: all };
}
