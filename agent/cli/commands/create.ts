import type { Command } from 'commander';
import type { Resource } from '../client.js';
import type { Io } from '../io.js';
import { NOUNS, type NounName } from '../nouns.js';
import { action, type Options, resolveId, type Session } from '../session.js';
import { createGatewayCommands } from './create-gateways.js';
import { showResource } from './describe.js';
import { createKeyCommand } from './keys.js';
import { collect, examples, given, parseCount, parseSwitch, parseTag } from './shared.js';

/** `eni create NOUN …`. Every one takes --name, --tag and --client-token. */
export function createCommands(program: Command, io: Io): void {
  const create = program
    .command('create')
    .description('Create a VPC, subnet, interface, group, route table, prefix list, key pair, gateway, address or connection');
  const verb = (usage: string, summary: string) =>
    create
      .command(usage)
      .description(summary)
      .option('--name <name>', 'tag Name, by which other commands find it')
      .option('--tag <key=value>', 'repeatable', parseTag, {})
      .option('--client-token <token>', 'the same token with the same parameters creates only once');

  verb('vpc', 'A virtual private cloud: an address space of its own')
    .argument('<range>', 'IPv4 range, /16 to /28')
    .option('--ipv6 [range]', 'with an IPv6 range too: this /56, or one that is chosen')
    .addHelpText('after', examples('eni create vpc 10.0.0.0/16 --name main', 'eni create vpc 10.1.0.0/16 --ipv6'))
    .action(action(io, (session, [cidrBlock], options) => submit(session, 'vpc', options, { cidrBlock, ipv6: options.ipv6 })));

  verb('subnet', 'A part of a VPC in one zone')
    .argument('<vpc>', 'id or name')
    .argument('<range>', 'IPv4 range within the VPC')
    .option('--zone <zone>', 'availability zone')
    .option('--ipv6 [range]', 'with an IPv6 range too: this /64 of the VPC, or one that is chosen')
    .option('--parent <device>', 'device of the host that it is on: interfaces are macvlan devices there')
    .option('--host-access', 'with --parent: the host gets an address in it, base plus three')
    .addHelpText(
      'after',
      examples(
        'eni create subnet main 10.0.1.0/24 --name public',
        'eni create subnet main 10.0.7.0/24 --name wire --parent eth1 --host-access',
      ),
    )
    .action(
      action(io, async (session, [vpc, cidrBlock], options) =>
        submit(session, 'subnet', options, {
          vpcId: await resolveId(session, 'vpc', vpc),
          cidrBlock,
          availabilityZone: options.zone,
          ipv6: options.ipv6,
          parentDevice: options.parent,
          hostAccess: options.hostAccess,
        }),
      ),
    );

  verb('interface', 'A network interface: it lives until it is deleted, attached or not')
    .argument('<subnet>', 'id or name')
    .option('--address <address>', 'primary private IPv4 address (default: a free one)')
    .option('--secondary <address>', 'further private IPv4 address; repeatable', collect, [])
    .option('--secondary-count <n>', 'so many further private IPv4 addresses', parseCount)
    .option('--ipv6 <address>', 'IPv6 address; repeatable', collect, [])
    .option('--ipv6-count <n>', 'so many IPv6 addresses', parseCount)
    .option('--group <group>', 'security group, id or name; repeatable (default: the default group)', collect, [])
    .option('--mac <mac>', 'MAC address (default: a generated one)')
    .option('--check <on|off>', 'source/destination check', parseSwitch)
    .option('--description <text>')
    .addHelpText('after', examples('eni create interface public --group web --address 10.0.1.10 --name web-public'))
    .action(
      action(io, async (session, [subnet], options) =>
        submit(session, 'interface', options, {
          subnetId: await resolveId(session, 'subnet', subnet),
          privateIpAddress: options.secondary.length === 0 ? options.address : undefined,
          privateIpAddresses: options.secondary.length > 0 ? addressList(options.address, options.secondary) : undefined,
          secondaryPrivateIpAddressCount: options.secondaryCount,
          ipv6Addresses: options.ipv6,
          ipv6AddressCount: options.ipv6Count,
          groupIds: await resolveAll(session, 'group', options.group),
          macAddress: options.mac,
          sourceDestCheck: options.check,
          description: options.description,
        }),
      ),
    );

  verb('group', 'A security group: what may reach its interfaces, and what they may reach')
    .argument('<vpc>', 'id or name')
    .argument('<group-name>')
    .option('--description <text>', 'what it is for')
    .addHelpText('after', examples("eni create group main web --description 'web servers'", "eni authorize web 'tcp/80 from 0.0.0.0/0'"))
    .action(
      action(io, async (session, [vpc, groupName], options) =>
        submit(session, 'group', options, {
          vpcId: await resolveId(session, 'vpc', vpc),
          groupName,
          description: options.description ?? groupName,
        }),
      ),
    );

  verb('route-table', 'A route table')
    .argument('<vpc>', 'id or name')
    .addHelpText('after', examples('eni create route-table main --name private', 'eni associate private app-subnet'))
    .action(
      action(io, async (session, [vpc], options) =>
        submit(session, 'route-table', options, { vpcId: await resolveId(session, 'vpc', vpc) }),
      ),
    );

  verb('prefix-list', 'A named list of ranges for rules and routes')
    .argument('<list-name>')
    .option('--entry <range>', 'a range; repeatable', collect, [])
    .option('--family <4|6>', 'address family', '4')
    .option('--max-entries <n>', 'how many entries it can ever hold (default: as many as given)', parseCount)
    .addHelpText('after', examples('eni create prefix-list offices --entry 203.0.113.0/24 --entry 198.51.100.0/24 --max-entries 10'))
    .action(
      action(io, (session, [name], options) =>
        submit(session, 'prefix-list', options, {
          name,
          family: Number(options.family),
          maxEntries: options.maxEntries ?? Math.max(1, options.entry.length),
          entries: (options.entry as string[]).map((cidr) => ({ cidr })),
        }),
      ),
    );

  createKeyCommand(verb, io);
  createGatewayCommands(verb, io, post);
}

/** Begins a command of `eni create`. */
export type CreateVerb = (usage: string, summary: string) => Command;

/** Tags of a create body: --tag and --name. */
export function tagsOf(options: Options): Record<string, string> {
  return { ...(options.tag as Record<string, string> | undefined), ...(typeof options.name === 'string' && { Name: options.name }) };
}

async function submit(session: Session, noun: NounName, options: Options, body: Record<string, unknown>): Promise<void> {
  showResource(session, noun, await post(session, noun, options, body));
}

/** Creates a resource and returns it as it was answered. */
export type Submit = (session: Session, noun: NounName, options: Options, body: Record<string, unknown>) => Promise<Resource>;

const post: Submit = (session, noun, options, body) =>
  session.client.resource('POST', NOUNS[noun].path, given({ ...body, tags: tagsOf(options), clientToken: options.clientToken }));

function addressList(primary: string | undefined, secondary: readonly string[]): { privateIpAddress: string; primary: boolean }[] {
  return [
    ...(primary === undefined ? [] : [{ privateIpAddress: primary, primary: true }]),
    ...secondary.map((privateIpAddress) => ({ privateIpAddress, primary: false })),
  ];
}

export async function resolveAll(session: Session, noun: NounName, names: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const name of names) ids.push(await resolveId(session, noun, name));
  return ids;
}
