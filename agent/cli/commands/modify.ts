import type { Command } from 'commander';
import { CliError, UsageError } from '../errors.js';
import type { Io } from '../io.js';
import { NOUN_NAMES, type NounName, nounOfId, resourcePath } from '../nouns.js';
import { action, fetchResource, type Options, resolveId, type Session, show } from '../session.js';
import { resolveAll } from './create.js';
import { showResource } from './describe.js';
import { readUserData } from './instances.js';
import { collect, examples, given, parseSwitch } from './shared.js';

/** Options of `eni modify`: name of the option → noun that has it, field of the request. */
const FIELDS: Readonly<Record<string, { readonly noun: NounName; readonly field: string }>> = {
  description: { noun: 'interface', field: 'description' },
  group: { noun: 'interface', field: 'groupIds' },
  check: { noun: 'interface', field: 'sourceDestCheck' },
  deleteOnTermination: { noun: 'interface', field: 'deleteOnTermination' },
  type: { noun: 'instance', field: 'instanceType' },
  userData: { noun: 'instance', field: 'userData' },
  sourceBasedRouting: { noun: 'instance', field: 'sourceBasedRouting' },
  terminationProtection: { noun: 'instance', field: 'disableApiTermination' },
  shutdownBehavior: { noun: 'instance', field: 'shutdownBehavior' },
  mapPublicIp: { noun: 'subnet', field: 'mapPublicIpOnLaunch' },
  hostAccess: { noun: 'subnet', field: 'hostAccess' },
};

export function modifyCommands(program: Command, io: Io): void {
  program
    .command('modify')
    .description('Change a resource in place')
    .argument('<resource>', 'id, or name of an interface, instance or subnet')
    .option('--description <text>', 'interface')
    .option('--group <group>', 'interface: its security groups from now on; repeatable', collect)
    .option('--check <on|off>', 'interface: source/destination check', parseSwitch)
    .option('--delete-on-termination <on|off>', 'interface: goes with its instance', parseSwitch)
    .option('--type <type>', 'stopped instance')
    .option('--user-data <file>', 'stopped instance; - reads standard input')
    .option('--source-based-routing <on|off>', 'instance: replies leave by the interface that was asked', parseSwitch)
    .option('--termination-protection <on|off>', 'instance', parseSwitch)
    .option('--shutdown-behavior <stop|terminate>', 'instance')
    .option('--map-public-ip <on|off>', 'subnet: public address on launch', parseSwitch)
    .option('--host-access <on|off>', 'subnet on a device of the host: the host has an address in it', parseSwitch)
    .addHelpText(
      'after',
      examples('eni modify nat-eni --check off', 'eni modify web-public --group web --group ssh', 'eni modify web --type t3.large'),
    )
    .action(action(io, modify));

  program
    .command('delete')
    .description('Delete resources; an instance is terminated')
    .argument('<ids...>', 'ids of any kind')
    .addHelpText('after', examples('eni delete eni-0123456789abcdef0'))
    .action(
      action(io, async (session, [ids]: readonly any[]) => {
        const targets = (ids as string[]).map((id) => ({ id, noun: nounFromId(id) }));
        for (const { noun, id } of targets) await session.client.request('DELETE', resourcePath(noun, id));
        show(session, { deleted: ids }, () => targets.map(({ id }) => `${id} deleted\n`).join(''));
      }),
    );

  program
    .command('tag')
    .description('Set tags')
    .argument('<id>', 'id of any resource')
    .argument('<tags...>', 'key=value')
    .addHelpText('after', examples('eni tag eni-0123456789abcdef0 Name=web-public team=web'))
    .action(
      action(io, async (session, [id, pairs]: readonly any[]) => {
        const tags = Object.fromEntries((pairs as string[]).map(parsePair));
        await session.client.request('PUT', `/v1/tags/${encodeURIComponent(id)}`, { tags });
        showResource(session, nounFromId(id), await fetchResource(session, nounFromId(id), id));
      }),
    );

  program
    .command('untag')
    .description('Remove tags')
    .argument('<id>', 'id of any resource')
    .argument('<keys...>')
    .action(
      action(io, async (session, [id, keys]: readonly any[]) => {
        await session.client.request('DELETE', `/v1/tags/${encodeURIComponent(id)}`, { keys });
        showResource(session, nounFromId(id), await fetchResource(session, nounFromId(id), id));
      }),
    );
}

function parsePair(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`a tag is key=value, not '${text}'`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function nounFromId(id: string): NounName {
  const noun = nounOfId(id);
  if (noun === undefined) throw new UsageError(`'${id}' is no id (of ${NOUN_NAMES.join(', ')})`);
  return noun;
}

async function modify(session: Session, [resource]: readonly any[], options: Options): Promise<void> {
  const named = Object.keys(options).flatMap((option) => FIELDS[option]?.noun ?? []);
  const [noun] = named;
  if (noun === undefined) throw new UsageError('nothing to change: give an option, see eni modify --help');
  if (named.some((other) => other !== noun)) throw new UsageError(`options of ${[...new Set(named)].join(' and ')} do not go together`);
  const actual = nounOfId(resource) ?? noun;
  if (actual !== noun) throw new CliError('InvalidParameterCombination', `${resource} is no ${noun}`);
  const id = await resolveId(session, noun, resource);
  const body: Record<string, unknown> = {};
  for (const [option, value] of Object.entries(options)) {
    const field = FIELDS[option]?.field;
    if (field === 'userData') Object.assign(body, await readUserData(String(value)));
    else if (field !== undefined) body[field] = await fieldValue(session, field, value);
  }
  showResource(session, noun, await session.client.resource('PATCH', resourcePath(noun, id), given(body)));
}

async function fieldValue(session: Session, field: string, value: unknown): Promise<unknown> {
  if (field === 'groupIds') return resolveAll(session, 'group', value as string[]);
  return value;
}
