import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import type { Command } from 'commander';
import { NETNS_DIR } from '../../kernel/resources.js';
import { CliError, ExitWith } from '../errors.js';
import type { Io } from '../io.js';
import { action, fetchResource } from '../session.js';
import * as wire from '../wire.js';
import { examples } from './shared.js';

export function execCommand(program: Command, io: Io): void {
  program
    .command('exec')
    .description("Run a command inside an instance of this host, as root; its exit code becomes eni's")
    .argument('<instance>', 'id or name')
    .argument('<command...>', 'after --')
    .addHelpText('after', examples('sudo eni exec web -- ip address', 'sudo eni exec i-0123456789abcdef0 -- ping -c 3 10.0.2.10'))
    .action(
      action(io, async (session, [name, command]: readonly any[]) => {
        const instance = wire.Instance.parse(await fetchResource(session, 'instance', name));
        const argv = entryArgv(instance, command as string[], { uid: process.getuid?.() ?? -1, exists: existsSync });
        throw new ExitWith(await runInside(argv));
      }),
    );
}

export interface Surroundings {
  readonly uid: number;
  readonly exists: (path: string) => boolean;
}

/**
 * The argument vector that runs a command inside an instance: in the namespaces of its first process when it has one (network,
 * PIDs, host name, mounts: its own /etc/hosts), otherwise in its network namespace.
 * @throws {CliError} when that can't be from here, with the remedy.
 */
export function entryArgv(instance: wire.Instance, command: readonly string[], { uid, exists }: Surroundings): string[] {
  const { instanceId, state, namespace, hostId, initPid } = instance;
  if (uid !== 0) throw new CliError('NotRoot', 'entering a network namespace needs root: run it with sudo');
  if (namespace === undefined || !exists(`${NETNS_DIR}/${namespace}`))
    throw new CliError(
      'NotHere',
      state === 'running' || state === 'pending'
        ? `${instanceId} is on host ${hostId ?? '(unknown)'}, and this machine has no namespace ${namespace ?? instanceId}: run eni exec there`
        : `${instanceId} is ${state}: start it first (eni start ${instanceId})`,
    );
  if (initPid !== undefined && exists(`/proc/${initPid}/ns/net`))
    return ['nsenter', `--target=${initPid}`, '--net', '--mount', '--uts', '--pid', '--', ...command];
  return ['ip', 'netns', 'exec', namespace, ...command];
}

/** Runs with this process's own input and output. Returns the command's exit code, 128 + n after signal n. */
async function runInside([file = '', ...args]: readonly string[]): Promise<number> {
  // ctrl-c reaches the command by itself, as it is in the terminal's foreground group; eni waits for it to end.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  try {
    const child = spawn(file, args, { stdio: 'inherit' });
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + (signal ? constants.signals[signal] : 0);
  } catch (error) {
    throw new CliError('NotFound', `cannot run ${file}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    process.off('SIGINT', ignore);
  }
}
