import { z } from 'zod';
import { apiError, invalidValue } from '../model/errors.js';
import type { Instance, MetadataOptions } from '../model/instance.js';

/** At most this many bytes of user data, before any encoding. */
const MAX_USER_DATA = 16_384;

export const metadataOptionFields = {
  httpEndpoint: z.enum(['enabled', 'disabled']).optional().describe('Whether the metadata service answers the instance. Default enabled.'),
  httpTokens: z.enum(['optional', 'required']).optional().describe('Whether it answers without a session token. Default optional.'),
  httpPutResponseHopLimit: z
    .number()
    .int('must be a whole number')
    .min(1, 'must be 1 or more')
    .max(64, 'must be at most 64')
    .optional()
    .describe('How many hops a session token travels. Default 1: not beyond the instance.'),
  httpProtocolIpv6: z.enum(['enabled', 'disabled']).optional().describe('Whether it answers over IPv6 too. Default disabled.'),
  instanceMetadataTags: z.enum(['enabled', 'disabled']).optional().describe('Whether it tells the tags of the instance. Default disabled.'),
};
const MetadataOptionsInput = z.strictObject(metadataOptionFields);

/** Bytes that a base64 text stands for; says something of other texts too. */
const decodedLength = (base64: string): number => Math.floor((base64.replace(/=+$/, '').length * 3) / 4);

/** Attributes of an instance that its launch sets and `modifyInstance` changes. */
export const instanceFields = {
  userData: z
    .string()
    .refine((script) => new TextEncoder().encode(script).length <= MAX_USER_DATA, {
      message: `User data is limited to ${MAX_USER_DATA} bytes`,
    })
    .optional()
    .describe(
      'Script that runs inside the instance at each start, as plain text, at most 16 KiB; cloud-init formats are only kept for the metadata service.',
    ),
  userDataBase64: z
    .base64('must be base64')
    .refine((text) => decodedLength(text) <= MAX_USER_DATA, { message: `User data is limited to ${MAX_USER_DATA} bytes` })
    .optional()
    .describe('The same in base64, any bytes. What is no text is kept for the metadata service and never run.'),
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

interface UserDataInput {
  readonly userData?: string | undefined;
  readonly userDataBase64?: string | undefined;
}

/** The fields of an instance for user data that was given either way: text wherever it is text. @throws {ApiError} InvalidParameterCombination */
export function userDataFrom({ userData, userDataBase64 }: UserDataInput): Pick<Instance, 'userData' | 'userDataBase64'> {
  if (userData !== undefined && userDataBase64 !== undefined)
    throw apiError('InvalidParameterCombination', { reason: 'userData and userDataBase64 are the same thing twice; give one of them' });
  const text = userData ?? textOf(userDataBase64 ?? '');
  if (text === undefined) return { userDataBase64 };
  return text === '' ? {} : { userData: text };
}

/** `undefined`: bytes that are no UTF-8, or that hold a NUL, which no script has. */
function textOf(base64: string): string | undefined {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Tags are paths of the metadata service while it tells them. @throws {ApiError} InvalidParameterValue */
export function checkMetadataTags({ metadataOptions, tags }: Pick<Instance, 'metadataOptions' | 'tags'>): void {
  if (metadataOptions.instanceMetadataTags === 'disabled') return;
  const unfit = Object.keys(tags).find((key) => !/^[A-Za-z0-9+=.,_:@-]+$/.test(key) || ['.', '..', '_index'].includes(key));
  if (unfit !== undefined)
    throw invalidValue(
      `'${unfit}' is not a valid tag key while the instance's metadata tells its tags. Tag keys may hold letters, digits and + - = . , _ : @, and may not be ., .. or _index`,
    );
}
