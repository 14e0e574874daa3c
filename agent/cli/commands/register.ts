import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import type { Io } from '../io.js';
import { NOUNS } from '../nouns.js';
import { action, resolveId, type Session } from '../session.js';
import { resolveAll, tagsOf } from './create.js';
import { showResource } from './describe.js';
import { collect, examples, given, parseIndex, parsePid, parseSwitch, parseTag } from './shared.js';

export function registerCommand(program: Command, io: Io): void {
  program
    .command('register')
    .description('Make an instance of a namespace that is there already; terminate takes the interfaces out and leaves it alone')
    .option('--container <id>', 'a running container, by id or name')
    .option('--netns <name>', 'a network namespace, see ip netns list')
    .option('--pid <pid>', 'the network namespace of a process', parsePid)
    .option('--type <type>', 'instance type, see eni describe types')
    .option('--subnet <subnet>', 'make the first interface there; id or name')
    .option('--group <group>', 'security group of that interface; repeatable', collect, [])
    .option('--interface <interface>', 'existing interface instead; repeatable', collect, [])
    .option('--index <n>', 'device index of the first interface (default: 0); others leave the default route to the guest', parseIndex)
    .option('--source-based-routing <on|off>', 'replies leave by the interface that was asked', parseSwitch)
    .option('--name <name>', 'tag Name')
    .option('--tag <key=value>', 'repeatable', parseTag, {})
    .option('--client-token <token>', 'the same token with the same parameters registers only once')
    .addHelpText(
      'after',
      examples(
        'eni register --container web --subnet public --group web',
        'eni register --netns blue --subnet public --group web --name blue',
        'eni register --pid 4711 --subnet public --index 1',
      ),
    )
    .action(action(io, register));
}

async function register(session: Session, _args: readonly unknown[], options: any): Promise<void> {
  if (options.interface.length > 0 && (options.subnet !== undefined || options.group.length > 0))
    throw new UsageError('--subnet and --group make a new interface; they do not go with --interface');
  const existing = await resolveAll(session, 'interface', options.interface);
  const first = options.index ?? 0;
  const interfaces =
    existing.length > 0
      ? { networkInterfaces: existing.map((networkInterfaceId, place) => ({ deviceIndex: first + place, networkInterfaceId })) }
      : {
          deviceIndex: options.index,
          subnetId: options.subnet && (await resolveId(session, 'subnet', options.subnet)),
          groupIds: await resolveAll(session, 'group', options.group),
        };
  const answer = await session.client.resource(
    'POST',
    `${NOUNS.instance.path}/register`,
    given({
      containerId: options.container,
      netns: options.netns,
      pid: options.pid,
      instanceType: options.type,
      ...interfaces,
      sourceBasedRouting: options.sourceBasedRouting,
      tags: tagsOf(options),
      clientToken: options.clientToken,
    }),
  );
  showResource(session, 'instance', answer);
}
