import { z } from 'zod';
import { tags } from '../../commands/fields.js';
import { keyName } from '../../commands/key-pairs.js';
import { mintKey } from '../../keys/mint-key.js';
import { importedKey, type PublicHalf } from '../../keys/ssh-key.js';
import type { KeyPair } from '../../model/key-pair.js';
import type { Tags } from '../../model/tags.js';
import type { HttpDeps } from '../deps.js';
import { type NounOptions, nounRoutes } from './noun.js';
import { procedureRoute } from './route.js';
import { nounFields, pick, shownId, shownTime } from './view.js';

const fields = {
  keyPairId: shownId('keyPair'),
  keyName: z.string(),
  keyType: z.enum(['rsa', 'ed25519']),
  fingerprint: z.string(),
  publicKey: z.string().describe("One line in OpenSSH's format."),
  createTime: shownTime('When it was made or imported.'),
  ...nounFields,
};
export const KeyPairView = z.strictObject(fields).meta({ id: 'KeyPair' });
const NewKeyPairView = z
  .strictObject({ ...fields, privateKey: z.string().describe('PEM, unencrypted. It is told this once and not kept.') })
  .meta({ id: 'NewKeyPair' });

export function keyPairView(pair: KeyPair): z.output<typeof KeyPairView> {
  return pick(pair, ['keyPairId', 'keyName', 'keyType', 'fingerprint', 'publicKey', 'createTime', 'ownerId', 'tags']);
}

const keyPair: NounOptions<'keyPair'> = {
  kind: 'keyPair',
  noun: 'KeyPair',
  plural: 'KeyPairs',
  path: '/v1/key-pairs',
  idField: 'keyPairId',
  schema: KeyPairView,
  view: keyPairView,
  delete: 'deleteKeyPair',
  tag: 'Key pairs',
};

/** @throws {ApiError} InvalidKeyPair.Duplicate */
async function keep(deps: HttpDeps, key: PublicHalf, { keyName, tags }: { keyName: string; tags?: Tags | undefined }) {
  const { keyType, publicKey, fingerprint } = key;
  const { results, after } = await deps.transact([{ command: 'keepKeyPair', input: { keyName, keyType, publicKey, fingerprint, tags } }]);
  const record = after.get('keyPair', (results[0] as { keyPairId: string }).keyPairId);
  if (!record) throw new Error('keepKeyPair left no key pair');
  return keyPairView(record);
}

export const keyPairRoutes = [
  ...nounRoutes(keyPair),
  procedureRoute({
    path: keyPair.path,
    operationId: 'createKeyPair',
    summary: 'Generate a key pair; the answer holds the private key, once',
    tag: keyPair.tag,
    body: z.strictObject({ keyName, keyType: z.enum(['rsa', 'ed25519']).optional().describe('Default ed25519.'), tags }),
    status: 201,
    response: NewKeyPairView,
    run: async ({ body, deps }) => {
      const key = await mintKey(body.keyType ?? 'ed25519', body.keyName);
      return { ...(await keep(deps, key, body)), privateKey: key.privateKey };
    },
  }),
  procedureRoute({
    path: `${keyPair.path}/import`,
    operationId: 'importKeyPair',
    summary: 'Make a key pair of a public key',
    tag: keyPair.tag,
    body: z.strictObject({
      keyName,
      publicKey: z.string().max(16_384).describe("One line in OpenSSH's format: ssh-ed25519 … or ssh-rsa …"),
      tags,
    }),
    status: 201,
    response: KeyPairView,
    run: ({ body, deps }) => keep(deps, importedKey(body.publicKey), body),
  }),
];
