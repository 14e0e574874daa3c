import { z } from 'zod';
import { parseAddress } from '../model/address.js';
import { DEFAULT_DHCP_OPTIONS, PROVIDED_DNS } from '../model/dhcp-options.js';
import { apiError } from '../model/errors.js';
import { idSchema, mintId } from '../model/ids.js';
import { idempotent } from './client-token.js';
import { command } from './command.js';
import { clientToken, tags, vpcId } from './fields.js';
import { required } from './lookup.js';
import { checkTags } from './tags.js';

const dhcpOptionsId = idSchema('dhcpOptions').describe('The DHCP options.');

const DOMAIN_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

const NameServer = z
  .string()
  .refine((text) => text === PROVIDED_DNS || parseAddress(text) !== undefined, { message: `must be an address, or ${PROVIDED_DNS}` });

export const createDhcpOptions = idempotent(
  'createDhcpOptions',
  command({
    summary: 'Create DHCP options: domain name and name servers for the instances of the VPCs that get them.',
    input: z.strictObject({
      domainName: z.string().regex(DOMAIN_NAME, 'must be a domain name').optional().describe("Default: the region's."),
      domainNameServers: z
        .array(NameServer)
        .min(1, 'must hold at least one name server')
        .max(4, 'must hold at most four name servers')
        .optional()
        .describe(`Addresses, or ${PROVIDED_DNS} for the VPC's resolver. Default: that.`),
      tags,
      clientToken,
    }),
    run: (draft, input, context) => {
      const { domainName, domainNameServers } = input;
      if (domainName === undefined && domainNameServers === undefined)
        throw apiError('MissingParameter', { name: 'domainName or domainNameServers' });
      const dhcpOptionsId = mintId('dhcpOptions', context.randomHex);
      draft.put('dhcpOptions', {
        dhcpOptionsId,
        ...(domainName !== undefined && { domainName }),
        domainNameServers: [...new Set(domainNameServers?.map((text) => parseAddress(text)?.text ?? text) ?? [PROVIDED_DNS])],
        ownerId: context.ownerId,
        tags: checkTags(input.tags),
      });
      return { dhcpOptionsId };
    },
  }),
);

export const associateDhcpOptions = command({
  summary: 'Give a VPC other DHCP options; its instances learn of them at once.',
  input: z.strictObject({
    vpcId,
    dhcpOptionsId: z
      .union([z.literal(DEFAULT_DHCP_OPTIONS), dhcpOptionsId])
      .describe(`The DHCP options; ${DEFAULT_DHCP_OPTIONS}: the standard ones.`),
  }),
  run: (draft, { vpcId, dhcpOptionsId }) => {
    const vpc = required(draft, 'vpc', vpcId);
    if (dhcpOptionsId !== DEFAULT_DHCP_OPTIONS) required(draft, 'dhcpOptions', dhcpOptionsId);
    draft.put('vpc', { ...vpc, dhcpOptionsId });
    return {};
  },
});

export const deleteDhcpOptions = command({
  summary: 'Delete DHCP options that no VPC has.',
  input: z.strictObject({ dhcpOptionsId }),
  run: (draft, { dhcpOptionsId }) => {
    required(draft, 'dhcpOptions', dhcpOptionsId);
    const users = draft.by('vpc', 'dhcpOptionsId', dhcpOptionsId).map((vpc) => vpc.vpcId);
    if (users.length > 0)
      throw apiError('DependencyViolation', {
        reason: `The dhcpOptions '${dhcpOptionsId}' has dependencies and cannot be deleted: ${users.sort().join(', ')} use it`,
      });
    draft.delete('dhcpOptions', dhcpOptionsId);
    return {};
  },
});
