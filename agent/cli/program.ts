import { Command } from 'commander';
import { auditCommand } from './commands/audit.js';
import { createCommands } from './commands/create.js';
import { describeCommand } from './commands/describe.js';
import { execCommand } from './commands/exec.js';
import { gatewayCommands } from './commands/gateways.js';
import { instanceCommands } from './commands/instances.js';
import { interfaceCommands } from './commands/interfaces.js';
import { labCommands } from './commands/lab.js';
import { type LocalFunctions, localCommands } from './commands/local.js';
import { metadataCommand } from './commands/metadata.js';
import { modifyCommands } from './commands/modify.js';
import { rangeCommands } from './commands/ranges.js';
import { registerCommand } from './commands/register.js';
import { routeCommands } from './commands/routes.js';
import { ruleCommands } from './commands/rules.js';
import { watchCommand } from './commands/watch.js';
import { DEFAULT_ENDPOINT, type Io } from './io.js';

export interface ProgramDeps {
  readonly io: Io;
  readonly version: string;
  readonly local: LocalFunctions;
}

const EPILOGUE = `
Resources are named by id, or by their name where that is unique (tag enid:name or Name, a group's or list's name).

Exit codes: 0 done · 1 refused or failed (CODE: message on standard error) · 2 wrong usage or lab file · 3 no agent answers
Environment: ENID_ENDPOINT, ENID_TOKEN, ENID_TOKEN_FILE, ENID_CA (as the options of these names) · NO_COLOR

Examples:
  eni lab up vagrant/labs/first/lab.yaml     make a lab's network, instances and interfaces
  eni lab test vagrant/labs/first/lab.yaml   prove with packets what may reach what
  eni describe interfaces
  sudo eni exec web -- ip address`;

/** The tree of commands. Parsing never ends the process: errors are thrown (see `main.ts`). */
export function buildProgram({ io, version, local }: ProgramDeps): Command {
  const program = new Command('eni')
    .description('Elastic network interfaces on this host: the command line of enid')
    .version(version)
    .option('--endpoint <url>', `where the agent listens (default: ${DEFAULT_ENDPOINT})`)
    .option('--token <token>', 'bearer token, when the agent wants one; others on this machine can see it')
    .option('--token-file <file>', 'file of mode 0600 with the token')
    .option('--ca <file>', 'PEM file of the authority, or the certificate itself, that an https endpoint is to be trusted by')
    .option('--json', 'print what the agent answers, for programs')
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err, getOutHelpWidth: () => io.columns, getErrHelpWidth: () => io.columns })
    .addHelpText('after', EPILOGUE);
  describeCommand(program, io);
  createCommands(program, io);
  instanceCommands(program, io);
  registerCommand(program, io);
  interfaceCommands(program, io);
  ruleCommands(program, io);
  routeCommands(program, io);
  gatewayCommands(program, io);
  rangeCommands(program, io);
  modifyCommands(program, io);
  metadataCommand(program, io);
  execCommand(program, io);
  watchCommand(program, io);
  auditCommand(program, io);
  labCommands(program, io);
  localCommands(program, io, local);
  return program;
}
