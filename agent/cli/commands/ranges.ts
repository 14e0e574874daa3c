import type { Command } from 'commander';
import { CliError, UsageError } from '../errors.js';
import type { Io } from '../io.js';
import { nounOfId, resourcePath } from '../nouns.js';
import { action, fetchResource, resolveId, type Session } from '../session.js';
import * as wire from '../wire.js';
import { showResource } from './describe.js';
import { examples, given } from './shared.js';

/** `eni range …`: further ranges of VPCs and subnets. */
export function rangeCommands(program: Command, io: Io): void {
  const range = program.command('range').description('Add ranges to a VPC or a subnet, or take them away');
  range
    .command('add')
    .description('Give a VPC a further IPv4 range or an IPv6 range, or a subnet an IPv6 range')
    .argument('<vpc-or-subnet>', 'id or name')
    .argument('[range]', 'IPv4 range, for a VPC')
    .option('--ipv6 [range]', 'this IPv6 range, or one that is chosen')
    .addHelpText('after', examples('eni range add main 10.9.0.0/16', 'eni range add main --ipv6', 'eni range add front --ipv6'))
    .action(
      action(io, async (session, [owner, cidrBlock], options) => {
        const { noun, id } = await ownerOf(session, owner);
        const body = given({ cidrBlock, ipv6: options.ipv6 });
        showResource(session, noun, await session.client.resource('POST', `${resourcePath(noun, id)}/cidr-blocks`, body));
      }),
    );
  range
    .command('remove')
    .description('Take a range from a VPC or a subnet')
    .argument('<vpc-or-subnet>', 'id or name')
    .argument('<range>')
    .addHelpText('after', examples('eni range remove main 10.9.0.0/16'))
    .action(
      action(io, async (session, [owner, text]) => {
        const { noun, id } = await ownerOf(session, owner);
        const found = wire.Ranges.parse(await fetchResource(session, noun, id));
        const blocks = [...(found.secondaryCidrBlocks ?? []), ...(found.ipv6 ? [found.ipv6] : [])];
        const block = blocks.find(({ cidrBlock }) => cidrBlock === text);
        if (!block)
          throw new UsageError(`${id} has no such further range; it has ${blocks.map(({ cidrBlock }) => cidrBlock).join(', ') || 'none'}`);
        await session.client.request('DELETE', `/v1/${noun}-cidr-blocks/${encodeURIComponent(block.associationId)}`);
        showResource(session, noun, await fetchResource(session, noun, id));
      }),
    );
}

/** A VPC where it is one by id or name, else a subnet. */
async function ownerOf(session: Session, text: string): Promise<{ noun: 'vpc' | 'subnet'; id: string }> {
  const noun = nounOfId(text);
  if (noun === 'vpc' || noun === 'subnet') return { noun, id: text };
  try {
    return { noun: 'vpc', id: await resolveId(session, 'vpc', text) };
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'NotFound') throw error;
    return { noun: 'subnet', id: await resolveId(session, 'subnet', text) };
  }
}
