import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import type { Resource } from '../client.js';
import type { Io } from '../io.js';
import { resourcePath } from '../nouns.js';
import { plainTable } from '../output/views.js';
import { action, fetchResource, type Options, resolveId, type Session, show } from '../session.js';
import { examples, given, parseCount } from './shared.js';

const enabledOrDisabled = (value: string): string => {
  if (value === 'on' || value === 'enabled') return 'enabled';
  if (value === 'off' || value === 'disabled') return 'disabled';
  throw new InvalidArgumentError('must be on or off');
};

const tokenUse = (value: string): string => {
  if (value === 'optional' || value === 'required') return value;
  throw new InvalidArgumentError('must be optional or required');
};

export function metadataCommand(program: Command, io: Io): void {
  program
    .command('metadata-options')
    .description('Show or change what the metadata service answers an instance; changes hold at once')
    .argument('<instance>', 'id or name')
    .option('--service <on|off>', 'whether it answers at all', enabledOrDisabled)
    .option('--tokens <optional|required>', 'whether it answers without a session token', tokenUse)
    .option('--hop-limit <n>', 'how many hops a session token travels, 1 to 64', parseCount)
    .option('--ipv6 <on|off>', 'whether it answers at fd00:ec2::254 too', enabledOrDisabled)
    .option('--tags <on|off>', "whether it tells the instance's tags", enabledOrDisabled)
    .addHelpText('after', examples('eni metadata-options web --tokens required --hop-limit 2', 'eni metadata-options web'))
    .action(action(io, metadataOptions));
}

const WithOptions = z.looseObject({ metadataOptions: z.record(z.string(), z.json()) });

async function metadataOptions(session: Session, [instance]: readonly any[], options: Options): Promise<void> {
  const id = await resolveId(session, 'instance', instance);
  const { service, tokens, hopLimit, ipv6, tags } = options as Record<string, string | number | undefined>;
  const change = given({
    httpEndpoint: service,
    httpTokens: tokens,
    httpPutResponseHopLimit: hopLimit,
    httpProtocolIpv6: ipv6,
    instanceMetadataTags: tags,
  });
  const answer: Resource =
    Object.keys(change).length > 0
      ? await session.client.resource('PATCH', `${resourcePath('instance', id)}/metadata-options`, change)
      : await fetchResource(session, 'instance', id);
  const { metadataOptions: now } = WithOptions.parse(answer);
  show(session, now, () => plainTable([now], session.paint));
}
