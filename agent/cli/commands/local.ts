import { Argument, type Command } from 'commander';
import type { Finding } from '../../host/doctor.js';
import type { TeardownOptions, TeardownResult } from '../../teardown.js';
import { type ChoiceMap, completionEntries, completionScript, SHELLS, type Shell } from '../completion.js';
import { AgentUnreachable, CliError, EXIT, ExitWith } from '../errors.js';
import type { Io } from '../io.js';
import { NOUNS } from '../nouns.js';
import { renderTable } from '../output/table.js';
import type { Paint, Style } from '../output/text.js';
import { action, type Session, show } from '../session.js';
import { DESCRIBE_TOPICS } from './describe.js';
import { examples } from './shared.js';

/** Functions on this machine itself; loaded only when their command runs, as they bring the kernel bindings with them. */
export interface LocalFunctions {
  /** @param known ids that the agent knows, to tell leftovers. */
  readonly diagnose: (known?: ReadonlySet<string>) => Promise<readonly Finding[]>;
  readonly teardown: (options: TeardownOptions) => Promise<TeardownResult>;
}

const CHOICES: ChoiceMap = { describe: DESCRIBE_TOPICS, completion: SHELLS };

export function localCommands(program: Command, io: Io, local: LocalFunctions): void {
  program
    .command('doctor')
    .description('Check this machine: kernel features, tools, what could get in the way, leftovers. Exit code 1 when something is wrong')
    .action(
      action(io, async (session) => {
        const findings = await local.diagnose(await knownIds(session));
        show(session, findings, () => findingsText(findings, session.paint));
        if (findings.some((finding) => finding.level === 'problem')) throw new ExitWith(EXIT.failed);
      }),
    );

  program
    .command('teardown')
    .description(
      'Remove everything enid made in this kernel: namespaces, devices, processes of instances. Needs root, and the agent stopped',
    )
    .option('--data', 'remove the data directory too: the model is lost')
    .option('--data-dir <directory>', 'the data directory of the agent', '/var/lib/enid')
    .option('--force', 'even though an agent answers at the endpoint; it would make everything again')
    .addHelpText('after', examples('sudo systemctl stop enid && sudo eni teardown', 'sudo eni teardown --data --data-dir /var/lib/enid'))
    .action(
      action(io, async (session, _args, options) => {
        if (process.getuid?.() !== 0) throw new CliError('NotRoot', 'teardown removes network namespaces: run it with sudo');
        if (!options.force && (await answers(session)))
          throw new CliError(
            'AgentRunning',
            `an agent answers at ${session.client.endpoint} and would make everything again: stop it first, or use --force`,
          );
        const done = await local.teardown({ dataDir: options.dataDir, removeData: options.data === true }).catch((error: unknown) => {
          throw new CliError('TeardownFailed', error instanceof Error ? error.message : String(error), EXIT.failed, { cause: error });
        });
        show(session, done, () => teardownText(done));
      }),
    );

  program
    .command('completion')
    .description('Print a completion script for a shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText('after', examples('eni completion bash | sudo tee /etc/bash_completion.d/eni'))
    .action(
      action(io, (_session, [shell]) => {
        io.out(completionScript(shell as Shell, program.name(), completionEntries(program, CHOICES)));
      }),
    );
}

/** Ids of what the agent has in this kernel; `undefined` when no agent answers. */
async function knownIds({ client }: Session): Promise<ReadonlySet<string> | undefined> {
  const ids = new Set<string>();
  try {
    for (const noun of ['vpc', 'instance', 'interface'] as const)
      for (const resource of await client.list(NOUNS[noun].path)) ids.add(String(resource[NOUNS[noun].idField]));
    return ids;
  } catch (error) {
    if (error instanceof AgentUnreachable) return undefined;
    throw error;
  }
}

/** Whether anything at all answers HTTP at the endpoint, be it an error. */
async function answers(session: Session): Promise<boolean> {
  try {
    await session.client.request('GET', '/healthz');
    return true;
  } catch (error) {
    if (error instanceof AgentUnreachable) return false;
    if (error instanceof CliError) return true;
    throw error;
  }
}

function teardownText({ namespaces, dataDir }: TeardownResult): string {
  const count = namespaces.length;
  const lines = [count === 0 ? 'no namespace of enid was there' : `removed ${count} network namespace${count > 1 ? 's' : ''}`];
  if (dataDir !== undefined) lines.push(`removed ${dataDir}`);
  return `${lines.join('\n')}\n`;
}

const LEVELS: Readonly<Record<Finding['level'], { readonly mark: string; readonly style: Style }>> = {
  ok: { mark: '✓', style: 'green' },
  note: { mark: 'i', style: 'cyan' },
  warning: { mark: '!', style: 'yellow' },
  problem: { mark: '✗', style: 'red' },
};

export function findingsText(findings: readonly Finding[], paint: Paint): string {
  const table = renderTable<Finding>(
    [
      { title: '', cell: ({ level }) => ({ text: LEVELS[level].mark, style: LEVELS[level].style }) },
      { title: 'CHECKED', cell: ({ subject }) => subject },
      { title: 'FOUND', cell: ({ message }) => message },
      { title: 'REMEDY', cell: ({ remedy }) => remedy },
    ],
    findings,
    paint,
  );
  const bad = findings.filter(({ level }) => level === 'problem').length;
  return `${table}${bad === 0 ? 'nothing is wrong' : `${bad} problem${bad > 1 ? 's' : ''}`}\n`;
}
