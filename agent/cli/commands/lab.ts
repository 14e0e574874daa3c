import type { Command } from 'commander';
import type { Io } from '../io.js';
import { action } from '../session.js';
import { examples, parseCount } from './shared.js';

const FILE = ['<file>', 'lab file (YAML)'] as const;

/** What does the work is loaded only when it is asked for: no other command needs a YAML parser or the kernel's bindings. */
const work = () => import('../lab/run.js');

export function labCommands(program: Command, io: Io): void {
  const lab = program.command('lab').description('Whole networks from a file: make them, prove them, remove them');
  lab
    .command('up')
    .description('Make what the file says; changes only what differs')
    .argument(...FILE)
    .option('--dry-run', 'only show what would be done')
    .addHelpText('after', examples('eni lab up vagrant/labs/first/lab.yaml', 'eni lab up --dry-run lab.yaml'))
    .action(action(io, async (session, [file], options) => (await work()).labUp(session, file, options)));
  lab
    .command('down')
    .description('Delete everything that belongs to the lab')
    .argument(...FILE)
    .option('--dry-run', 'only show what would be done')
    .addHelpText('after', examples('eni lab down vagrant/labs/first/lab.yaml'))
    .action(action(io, async (session, [file], options) => (await work()).labDown(session, file, options)));
  lab
    .command('test')
    .description(
      'Prove what the file expects, with real packets from inside the instances. Exit code 1 when one is not as expected. Needs root',
    )
    .argument(...FILE)
    .option('--timeout <ms>', 'how long to wait for a packet that should be dropped', parseCount, 700)
    .addHelpText('after', examples('sudo eni lab test vagrant/labs/first/lab.yaml'))
    .action(action(io, async (session, [file], options) => (await work()).labTest(session, file, options)));
}
