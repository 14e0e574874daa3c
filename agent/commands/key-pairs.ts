import { z } from 'zod';
import { apiError } from '../model/errors.js';
import { mintId } from '../model/ids.js';
import { command } from './command.js';
import { keyPairId, tags } from './fields.js';
import { required } from './lookup.js';
import { checkTags } from './tags.js';

/** As many as the cloud takes in a region. */
const MAX_KEY_PAIRS = 5000;

export const keyName = z
  .string()
  .regex(/^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/, 'must be 1 to 255 ASCII characters, without a space at either end')
  .describe('Name of the key pair.');

/** The keys come out of `keys/`: what makes or reads them is not pure, and the fingerprint of a new one is of its private key. */
export const keepKeyPair = command({
  summary: 'Keep the public key of a key pair that was generated or read.',
  input: z.strictObject({
    keyName,
    keyType: z.enum(['rsa', 'ed25519']).describe('Kind of key.'),
    publicKey: z.string().describe("Without its comment, in OpenSSH's format."),
    fingerprint: z.string().describe('As the cloud computes it.'),
    tags,
  }),
  run: (draft, { keyName, keyType, publicKey, fingerprint, tags }, context) => {
    const [same] = draft.by('keyPair', 'keyName', keyName);
    if (same) throw apiError('InvalidKeyPair.Duplicate', { reason: `The keypair '${keyName}' already exists: ${same.keyPairId}` });
    if (draft.ids('keyPair').length >= MAX_KEY_PAIRS)
      throw apiError('KeyPairLimitExceeded', { reason: `There are ${MAX_KEY_PAIRS} key pairs, the most there can be; delete one` });
    const keyPairId = mintId('keyPair', context.randomHex);
    draft.put('keyPair', {
      keyPairId,
      keyName,
      keyType,
      fingerprint,
      publicKey: `${publicKey} ${keyName}`,
      createTime: context.now,
      ownerId: context.ownerId,
      tags: checkTags(tags),
    });
    return { keyPairId };
  },
});

export const deleteKeyPair = command({
  summary: 'Delete a key pair; instances keep the key that they were launched with.',
  input: z.strictObject({ keyPairId }),
  run: (draft, input) => {
    required(draft, 'keyPair', input.keyPairId);
    draft.delete('keyPair', input.keyPairId);
    return {};
  },
});
