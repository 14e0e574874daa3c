import { z } from 'zod';
import type { MetadataOptions } from '../model/instance.js';

/** At most this many bytes of user data, before any encoding. */
const MAX_USER_DATA = 16_384;

const MetadataOptionsInput = z.strictObject({
  httpEndpoint: z.enum(['enabled', 'disabled']).optional(),
  httpTokens: z.enum(['optional', 'required']).optional(),
  httpPutResponseHopLimit: z.number().int().min(1).max(64).optional(),
  httpProtocolIpv6: z.enum(['enabled', 'disabled']).optional(),
  instanceMetadataTags: z.enum(['enabled', 'disabled']).optional(),
});

/** Attributes of an instance that its launch sets and `modifyInstance` changes. */
export const instanceFields = {
  userData: z
    .string()
    .refine((script) => new TextEncoder().encode(script).length <= MAX_USER_DATA, {
      message: `User data is limited to ${MAX_USER_DATA} bytes`,
    })
    .optional()
    .describe('Script that runs inside the instance at each start, as plain text, at most 16 KiB.'),
  sourceBasedRouting: z.boolean().optional().describe('Replies leave by the interface that holds the address. Default true.'),
  disableApiTermination: z.boolean().optional().describe('Refuse to terminate it. Default false.'),
  shutdownBehavior: z.enum(['stop', 'terminate']).optional().describe('What a shutdown from inside does. Default stop.'),
  metadataOptions: MetadataOptionsInput.optional().describe('Metadata service.'),
};

const DEFAULTS: MetadataOptions = {
  httpEndpoint: 'enabled',
  httpTokens: 'optional',
  httpPutResponseHopLimit: 1,
  httpProtocolIpv6: 'disabled',
  instanceMetadataTags: 'disabled',
};

export function metadataOptionsFrom(
  change: z.output<typeof MetadataOptionsInput> | undefined,
  before: MetadataOptions = DEFAULTS,
): MetadataOptions {
  return {
    httpEndpoint: change?.httpEndpoint ?? before.httpEndpoint,
    httpTokens: change?.httpTokens ?? before.httpTokens,
    httpPutResponseHopLimit: change?.httpPutResponseHopLimit ?? before.httpPutResponseHopLimit,
    httpProtocolIpv6: change?.httpProtocolIpv6 ?? before.httpProtocolIpv6,
    instanceMetadataTags: change?.instanceMetadataTags ?? before.instanceMetadataTags,
  };
}
