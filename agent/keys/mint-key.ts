import { generateKeyPair, type KeyObject, type KeyPairKeyObjectResult, randomBytes } from 'node:crypto';
import { createdFingerprint, type KeyType, type PublicHalf, publicKeyLine, sshBlob, sshString } from './ssh-key.js';

export interface MintedKey extends PublicHalf {
  /** PEM, unencrypted: PKCS #1 for RSA, OpenSSH's own format for Ed25519, as the cloud gives them. */
  readonly privateKey: string;
}

function generate(keyType: KeyType): Promise<KeyPairKeyObjectResult> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, publicKey: KeyObject, privateKey: KeyObject) =>
      error ? reject(error) : resolve({ publicKey, privateKey });
    if (keyType === 'rsa') generateKeyPair('rsa', { modulusLength: 2048 }, done);
    else generateKeyPair('ed25519', undefined, done);
  });
}

/** A new key pair of the system's random source. The comment stands in an Ed25519 private key. */
export async function mintKey(keyType: KeyType, comment: string): Promise<MintedKey> {
  const { publicKey, privateKey } = await generate(keyType);
  const blob = sshBlob(publicKey, keyType);
  return {
    keyType,
    publicKey: publicKeyLine(keyType, blob),
    fingerprint: createdFingerprint(privateKey, keyType, blob),
    privateKey: keyType === 'rsa' ? String(privateKey.export({ type: 'pkcs1', format: 'pem' })) : opensshPem(privateKey, blob, comment),
  };
}

/** @see https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key */
function opensshPem(privateKey: KeyObject, blob: Buffer, comment: string): string {
  const { d = '', x = '' } = privateKey.export({ format: 'jwk' });
  const [seed, point] = [Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')];
  const check = randomBytes(4);
  const fields = [Buffer.from('ssh-ed25519'), point, Buffer.concat([seed, point]), Buffer.from(comment)];
  const secret = Buffer.concat([check, check, ...fields.map(sshString)]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, i) => i + 1));
  const none = sshString(Buffer.from('none'));
  const whole = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    none,
    none,
    sshString(Buffer.alloc(0)),
    Buffer.from([0, 0, 0, 1]),
    sshString(blob),
    sshString(Buffer.concat([secret, padding])),
  ]);
  const lines = whole.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
}
