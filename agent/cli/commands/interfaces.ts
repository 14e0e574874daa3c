import type { Command } from 'commander';
import { z } from 'zod';
import { UsageError } from '../errors.js';
import type { Io } from '../io.js';
import { resourcePath } from '../nouns.js';
import { renderFields } from '../output/table.js';
import { bytes } from '../output/units.js';
import { action, fetchResource, resolveId, type Session, show } from '../session.js';
import { showResource } from './describe.js';
import { collect, examples, given, parseCount, parseIndex } from './shared.js';

/** Attach, detach, move; addresses; counters. */
export function interfaceCommands(program: Command, io: Io): void {
  for (const [verb, summary] of [
    ['attach', 'Attach an interface to an instance, running or stopped'],
    ['move', 'Move an attached interface to another instance in one step, without losing a packet'],
  ] as const) {
    program
      .command(verb)
      .description(summary)
      .argument('<interface>', 'id or name')
      .argument('<instance>', 'id or name')
      .requiredOption('--index <n>', 'device index: 1 becomes eth1', parseIndex)
      .option('--delete-on-termination', 'delete the interface when the instance is terminated')
      .addHelpText('after', examples(`eni ${verb} web-mgmt web --index 1`))
      .action(
        action(io, async (session, [networkInterface, instance], options) => {
          const id = await resolveId(session, 'interface', networkInterface);
          const body = given({
            instanceId: await resolveId(session, 'instance', instance),
            deviceIndex: options.index,
            deleteOnTermination: options.deleteOnTermination,
          });
          await session.client.request('POST', `${resourcePath('interface', id)}/${verb}`, body);
          await showInterface(session, id);
        }),
      );
  }

  program
    .command('detach')
    .description('Detach an interface; it keeps its addresses and MAC')
    .argument('<interface>', 'id or name')
    .option('--force', 'without waiting for the instance')
    .addHelpText('after', examples('eni detach web-mgmt'))
    .action(
      action(io, async (session, [networkInterface], options) => {
        const id = await resolveId(session, 'interface', networkInterface);
        await session.client.request('POST', `${resourcePath('interface', id)}/detach`, given({ force: options.force }));
        await showInterface(session, id);
      }),
    );

  program
    .command('assign')
    .description('Give an interface further addresses, at once')
    .argument('<interface>', 'id or name')
    .option('--address <address>', 'IPv4 or IPv6 address; repeatable', collect, [])
    .option('--count <n>', 'so many free IPv4 addresses', parseCount)
    .option('--ipv6-count <n>', 'so many free IPv6 addresses', parseCount)
    .option('--allow-reassignment', 'take the address away from the interface that has it')
    .addHelpText('after', examples('eni assign web-public --address 10.0.1.50 --allow-reassignment', 'eni assign web-public --count 2'))
    .action(action(io, assign));

  program
    .command('unassign')
    .description('Take secondary addresses away from an interface')
    .argument('<interface>', 'id or name')
    .argument('<addresses...>')
    .addHelpText('after', examples('eni unassign web-public 10.0.1.50'))
    .action(
      action(io, async (session, [networkInterface, addresses]) => {
        const id = await resolveId(session, 'interface', networkInterface);
        const { ipv4, ipv6 } = byFamily(addresses);
        const path = resourcePath('interface', id);
        if (ipv4.length > 0) await session.client.request('POST', `${path}/unassign-private-ip-addresses`, { privateIpAddresses: ipv4 });
        if (ipv6.length > 0) await session.client.request('POST', `${path}/unassign-ipv6-addresses`, { ipv6Addresses: ipv6 });
        await showInterface(session, id);
      }),
    );

  program
    .command('counters')
    .description('Traffic of an interface, and what security groups and the source/destination check dropped')
    .argument('<interface>', 'id or name')
    .action(
      action(io, async (session, [networkInterface]) => {
        const id = await resolveId(session, 'interface', networkInterface);
        const answer = await session.client.resource('GET', `${resourcePath('interface', id)}/counters`);
        show(session, answer, () => countersText(session, answer));
      }),
    );
}

async function showInterface(session: Session, id: string): Promise<void> {
  showResource(session, 'interface', await fetchResource(session, 'interface', id));
}

export function byFamily(addresses: readonly string[]): { ipv4: string[]; ipv6: string[] } {
  return { ipv4: addresses.filter((a) => !a.includes(':')), ipv6: addresses.filter((a) => a.includes(':')) };
}

async function assign(session: Session, [networkInterface]: readonly any[], options: any): Promise<void> {
  const { ipv4, ipv6 } = byFamily(options.address);
  if (ipv4.length > 0 && options.count !== undefined) throw new UsageError('give addresses or --count, not both');
  const wants4 = ipv4.length > 0 || options.count !== undefined;
  const wants6 = ipv6.length > 0 || options.ipv6Count !== undefined;
  if (!wants4 && !wants6) throw new UsageError('nothing to assign: give --address, --count or --ipv6-count');
  const id = await resolveId(session, 'interface', networkInterface);
  const path = resourcePath('interface', id);
  if (wants4)
    await session.client.request(
      'POST',
      `${path}/assign-private-ip-addresses`,
      given({
        privateIpAddresses: ipv4,
        secondaryPrivateIpAddressCount: options.count,
        allowReassignment: options.allowReassignment,
      }),
    );
  if (wants6)
    await session.client.request(
      'POST',
      `${path}/assign-ipv6-addresses`,
      given({ ipv6Addresses: ipv6, ipv6AddressCount: options.ipv6Count }),
    );
  await showInterface(session, id);
}

const Counters = z.looseObject({
  rxBytes: z.number(),
  rxPackets: z.number(),
  txBytes: z.number(),
  txPackets: z.number(),
  ingressGroupDrops: z.number(),
  egressGroupDrops: z.number(),
  sourceCheckDrops: z.number(),
  destinationCheckDrops: z.number(),
  frameDrops: z.number(),
});

function countersText(session: Session, answer: unknown): string {
  const counters = Counters.parse(answer);
  const drops = (count: number) => ({ text: `${count} packets dropped`, style: count > 0 ? ('yellow' as const) : ('dim' as const) });
  return renderFields(
    [
      ['received', `${counters.rxPackets} packets, ${bytes(counters.rxBytes)}`],
      ['sent', `${counters.txPackets} packets, ${bytes(counters.txBytes)}`],
      ['groups, ingress', drops(counters.ingressGroupDrops)],
      ['groups, egress', drops(counters.egressGroupDrops)],
      ['source check', drops(counters.sourceCheckDrops)],
      ['destination check', drops(counters.destinationCheckDrops)],
      ['frames', drops(counters.frameDrops)],
    ],
    session.paint,
  );
}
