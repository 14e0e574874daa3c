import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { buffer as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import { z } from 'zod';
import type { Resource } from '../client.js';
import { UsageError } from '../errors.js';
import type { Io } from '../io.js';
import { NOUNS, resourcePath } from '../nouns.js';
import { VIEWS } from '../output/views.js';
import { action, fetchResource, resolveId, type Session, show } from '../session.js';
import { resolveAll, tagsOf } from './create.js';
import { showResource } from './describe.js';
import { collect, examples, given, parseCount, parseSwitch, parseTag } from './shared.js';

export function instanceCommands(program: Command, io: Io): void {
  program
    .command('run')
    .description('Run instances, with interfaces that exist or with new ones')
    .option('--type <type>', 'instance type, see eni describe types')
    .option('--subnet <subnet>', 'make the first interface there; id or name')
    .option('--group <group>', 'security group of that interface; repeatable', collect, [])
    .option('--interface <interface>', 'existing interface; the first becomes eth0, the next eth1, …; repeatable', collect, [])
    .option('--public-address <on|off>', "automatic public address for that interface (default: the subnet's setting)", parseSwitch)
    .option('--count <n>', 'how many instances', parseCount)
    .option('--key <key-name>', 'key pair whose public key its metadata tell')
    .option('--user-data <file>', 'script that runs in the instance at each start; - reads standard input')
    .option('--source-based-routing <on|off>', 'replies leave by the interface that was asked', parseSwitch)
    .option('--name <name>', 'tag Name')
    .option('--tag <key=value>', 'repeatable', parseTag, {})
    .option('--client-token <token>', 'the same token with the same parameters runs only once')
    .addHelpText(
      'after',
      examples(
        'eni run --subnet public --group web --name web-1',
        'eni run --interface web-public --interface web-mgmt --user-data boot.sh',
      ),
    )
    .action(action(io, runInstances));

  for (const [verb, summary] of [
    ['start', 'Start stopped instances'],
    ['stop', 'Stop instances; interfaces and addresses stay'],
    ['reboot', 'Restart the processes of instances'],
  ] as const) {
    program
      .command(verb)
      .description(summary)
      .argument('<instances...>', 'ids or names')
      .action(
        action(io, async (session, [instances]) => {
          const answers: Resource[] = [];
          for (const id of await resolveAll(session, 'instance', instances)) {
            await session.client.request('POST', `${resourcePath('instance', id)}/${verb}`, {});
            answers.push(await fetchResource(session, 'instance', id));
          }
          show(session, answers, () => VIEWS.instance(answers, { paint: session.paint, nowMs: io.now(), detail: false }));
        }),
      );
  }

  program
    .command('terminate')
    .description('End instances for good; interfaces without delete-on-termination become available again')
    .argument('<instances...>', 'ids or names')
    .action(
      action(io, async (session, [instances]) => {
        const ids = await resolveAll(session, 'instance', instances);
        for (const id of ids) await session.client.request('DELETE', resourcePath('instance', id));
        show(session, { terminated: ids }, () => ids.map((id) => `${id} terminated\n`).join(''));
      }),
    );

  program
    .command('console')
    .description('Print what the user data of an instance wrote')
    .argument('<instance>', 'id or name')
    .action(
      action(io, async (session, [instance]) => {
        const id = await resolveId(session, 'instance', instance);
        const answer = await session.client.resource('GET', `${resourcePath('instance', id)}/console-output`);
        show(session, answer, () => String(answer.output ?? ''));
      }),
    );
}

const Reservation = z.looseObject({ reservationId: z.string(), instances: z.array(z.record(z.string(), z.json())) });

async function runInstances(session: Session, _args: readonly unknown[], options: any): Promise<void> {
  if (options.interface.length > 0 && (options.subnet !== undefined || options.group.length > 0))
    throw new UsageError('--subnet and --group make a new interface; they do not go with --interface');
  if (options.interface.length > 0 && options.publicAddress !== undefined)
    throw new UsageError('--public-address is for a new interface; associate an elastic address with an existing one');
  const interfaceIds = await resolveAll(session, 'interface', options.interface);
  const fresh = given({
    subnetId: options.subnet && (await resolveId(session, 'subnet', options.subnet)),
    groupIds: await resolveAll(session, 'group', options.group),
  });
  const interfaces =
    options.publicAddress === undefined
      ? { ...fresh, networkInterfaces: interfaceIds.map((networkInterfaceId, deviceIndex) => ({ deviceIndex, networkInterfaceId })) }
      : { networkInterfaces: [{ deviceIndex: 0, ...fresh, associatePublicIpAddress: options.publicAddress }] };
  const answer = await session.client.resource(
    'POST',
    NOUNS.instance.path,
    given({
      instanceType: options.type,
      ...interfaces,
      count: options.count,
      keyName: options.key,
      ...(options.userData && (await readUserData(options.userData))),
      sourceBasedRouting: options.sourceBasedRouting,
      tags: tagsOf(options),
      clientToken: options.clientToken,
    }),
  );
  const { instances } = Reservation.parse(answer);
  const [only] = instances;
  if (session.json || instances.length !== 1 || !only)
    show(session, answer, () => VIEWS.instance(instances, { paint: session.paint, nowMs: session.io.now(), detail: false }));
  else showResource(session, 'instance', only);
}

/** What is in a file, or comes on standard input for `-`, as fields of a request: text where it is text, else in base64. */
export async function readUserData(path: string): Promise<{ userData: string } | { userDataBase64: string }> {
  const bytes = path === '-' ? await readAll(process.stdin) : await readBytes(path);
  return isUtf8(bytes) ? { userData: bytes.toString('utf8') } : { userDataBase64: bytes.toString('base64') };
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
