import { mintKey } from '../../../keys/mint-key.js';
import { importedKey } from '../../../keys/ssh-key.js';
import { apiError, invalidValue } from '../../../model/errors.js';
import type { KeyPair } from '../../../model/key-pair.js';
import { type Actions, need, type Region, recordOf, tagList, tagsFor } from '../action.js';
import { describe, existing } from '../describe.js';
import type { Tree } from '../params.js';

function pairTree(pair: KeyPair): Tree {
  return {
    KeyPairId: pair.keyPairId,
    KeyName: pair.keyName,
    KeyFingerprint: pair.fingerprint,
    Tags: tagList(pair.tags),
  };
}

/** @throws {ApiError} InvalidParameterValue, UnsupportedOperation */
function keyTypeOf({ KeyType = 'rsa', KeyFormat = 'pem' }: Tree): 'rsa' | 'ed25519' {
  if (KeyType !== 'rsa' && KeyType !== 'ed25519')
    throw invalidValue(`Value (${KeyType}) for parameter keyType is invalid; use rsa or ed25519`);
  if (KeyFormat === 'ppk')
    throw apiError('UnsupportedOperation', { reason: 'Private keys are given in the format pem, not ppk; puttygen converts them' });
  if (KeyFormat !== 'pem') throw invalidValue(`Value (${KeyFormat}) for parameter keyFormat is invalid; use pem`);
  return KeyType;
}

/** @throws {ApiError} InvalidKeyPair.NotFound */
function named({ snapshot }: Region, keyName: string): KeyPair {
  const [pair] = snapshot.by('keyPair', 'keyName', keyName);
  if (!pair) throw apiError('InvalidKeyPair.NotFound', { id: keyName.slice(0, 80) });
  return pair;
}

const describeByIds = (publicKeys: boolean) =>
  describe({
    kind: 'keyPair',
    ids: 'KeyPairIds',
    list: 'KeyPairs',
    heeds: ['KeyNames', 'IncludePublicKey'],
    check: (input, region) => {
      for (const name of (input.KeyNames ?? []) as string[]) named(region, name);
    },
    where: (pair, input) => !input.KeyNames?.length || input.KeyNames.includes(pair.keyName),
    tree: (pair) => ({
      ...pairTree(pair),
      KeyType: pair.keyType,
      CreateTime: pair.createTime,
      ...(publicKeys && { PublicKey: pair.publicKey }),
    }),
    pages: false,
  });
const bare = describeByIds(false);
const withKeys = describeByIds(true);

export const keyPairActions: Actions = {
  CreateKeyPair: {
    heeds: ['KeyName', 'KeyType', 'KeyFormat', 'TagSpecifications'],
    answer: async ({ input, region, run }) => {
      const keyName = need<string>(input, 'KeyName');
      const { privateKey, ...key } = await mintKey(keyTypeOf(input), keyName);
      const [{ keyPairId }] = await run([{ command: 'keepKeyPair', input: { keyName, ...key, tags: tagsFor(input, 'key-pair') } }]);
      return { ...pairTree(recordOf(region(), 'keyPair', keyPairId)), KeyMaterial: privateKey };
    },
  },
  ImportKeyPair: {
    heeds: ['KeyName', 'PublicKeyMaterial', 'TagSpecifications'],
    answer: async ({ input, region, run }) => {
      const keyName = need<string>(input, 'KeyName');
      // What is no base64 decodes to what is no key.
      const key = importedKey(Buffer.from(need<string>(input, 'PublicKeyMaterial'), 'base64').toString('utf8'));
      const [{ keyPairId }] = await run([{ command: 'keepKeyPair', input: { keyName, ...key, tags: tagsFor(input, 'key-pair') } }]);
      return pairTree(recordOf(region(), 'keyPair', keyPairId));
    },
  },
  DescribeKeyPairs: { ...bare, answer: (request) => (request.input.IncludePublicKey ? withKeys : bare).answer(request) },
  DeleteKeyPair: {
    heeds: ['KeyName', 'KeyPairId'],
    answer: async ({ input, region, run }) => {
      const { KeyName, KeyPairId } = input;
      if (KeyName !== undefined && KeyPairId !== undefined)
        throw apiError('InvalidParameterCombination', { reason: 'Give either KeyName or KeyPairId' });
      const now = region();
      // As in the cloud a name that nothing has is no fault.
      const [pair] =
        KeyPairId === undefined ? now.snapshot.by('keyPair', 'keyName', need(input, 'KeyName')) : [existing(now, 'keyPair', KeyPairId)];
      if (!pair) return { Return: true };
      await run([{ command: 'deleteKeyPair', input: { keyPairId: pair.keyPairId } }]);
      return { Return: true, KeyPairId: pair.keyPairId };
    },
  },
};
