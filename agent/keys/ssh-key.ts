import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { apiError } from '../model/errors.js';

/** Keys in OpenSSH's wire format (RFC 4253 §6.6, RFC 8709 §4). */

export type KeyType = 'rsa' | 'ed25519';

/** What is kept of a key pair. */
export interface PublicHalf {
  readonly keyType: KeyType;
  /** Without a comment. */
  readonly publicKey: string;
  readonly fingerprint: string;
}

interface SshPublicKey {
  readonly keyType: KeyType;
  readonly blob: Buffer;
  readonly key: KeyObject;
  /** Of the RSA modulus. */
  readonly bits?: number;
}

const NAMES = { rsa: 'ssh-rsa', ed25519: 'ssh-ed25519' } as const;

/** Of RSA keys that the cloud takes. */
const RSA_BITS: readonly (number | undefined)[] = [1024, 2048, 4096];

/** A public key that somebody brings. @throws {ApiError} InvalidKey.Format, InvalidKeyPair.Format */
export function importedKey(text: string): PublicHalf {
  const key = parseSshPublicKey(text);
  if (!key)
    throw apiError('InvalidKey.Format', {
      reason: 'Key is not in valid OpenSSH public key format: one line, ssh-ed25519 or ssh-rsa first',
    });
  const { keyType, blob, bits } = key;
  if (keyType === 'rsa' && !RSA_BITS.includes(bits))
    throw apiError('InvalidKeyPair.Format', { reason: `An RSA key must have ${RSA_BITS.join(', ')} bits, not ${bits}` });
  return { keyType, publicKey: publicKeyLine(keyType, blob), fingerprint: importedFingerprint(key) };
}

export function publicKeyLine(keyType: KeyType, blob: Buffer): string {
  return `${NAMES[keyType]} ${blob.toString('base64')}`;
}

/** A line as in `~/.ssh/authorized_keys`, without options. `undefined`: no such line, or a key of another type. */
function parseSshPublicKey(text: string): SshPublicKey | undefined {
  const [, name, base64 = ''] = /^\s*(ssh-rsa|ssh-ed25519)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t][^\r\n]*)?\s*$/.exec(text) ?? [];
  const blob = Buffer.from(base64, 'base64');
  const fields = sshStrings(blob);
  if (name === undefined || fields?.[0]?.toString('latin1') !== name) return undefined;
  try {
    return name === NAMES.rsa ? rsaKey(blob, fields.slice(1)) : ed25519Key(blob, fields.slice(1));
  } catch {
    return undefined;
  }
}

function rsaKey(blob: Buffer, [exponent, modulus, ...rest]: readonly Buffer[]): SshPublicKey | undefined {
  if (!exponent || !modulus || rest.length > 0) return undefined;
  const jwk = { kty: 'RSA', e: unsigned(exponent).toString('base64url'), n: unsigned(modulus).toString('base64url') };
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return { keyType: 'rsa', blob, key, bits: key.asymmetricKeyDetails?.modulusLength ?? 0 };
}

function ed25519Key(blob: Buffer, [point, ...rest]: readonly Buffer[]): SshPublicKey | undefined {
  if (point?.length !== 32 || rest.length > 0) return undefined;
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') }, format: 'jwk' });
  return { keyType: 'ed25519', blob, key };
}

/** The blob of a key object. */
export function sshBlob(key: KeyObject, keyType: KeyType): Buffer {
  const { e = '', n = '', x = '' } = key.export({ format: 'jwk' });
  const numbers = keyType === 'rsa' ? [e, n].map((text) => signed(Buffer.from(text, 'base64url'))) : [Buffer.from(x, 'base64url')];
  return Buffer.concat([Buffer.from(NAMES[keyType]), ...numbers].map(sshString));
}

/**
 * The fingerprint of an imported key: RSA, MD5 of the DER-encoded public key; Ed25519, SHA-256 in base64.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/verify-keys.html
 */
function importedFingerprint({ keyType, blob, key }: SshPublicKey): string {
  return keyType === 'rsa' ? colons('md5', key.export({ type: 'spki', format: 'der' })) : sha256Fingerprint(blob);
}

/** The fingerprint of a created key: RSA, SHA-1 of the DER-encoded private key (PKCS #8); Ed25519 as of an imported one. */
export function createdFingerprint(privateKey: KeyObject, keyType: KeyType, blob: Buffer): string {
  return keyType === 'rsa' ? colons('sha1', privateKey.export({ type: 'pkcs8', format: 'der' })) : sha256Fingerprint(blob);
}

const sha256Fingerprint = (blob: Buffer) => createHash('sha256').update(blob).digest('base64');

function colons(algorithm: string, data: Buffer): string {
  return (createHash(algorithm).update(data).digest('hex').match(/../g) ?? []).join(':');
}

export function sshString(data: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([length, data]);
}

/** Length-prefixed strings that fill a blob; `undefined` when they do not. */
function sshStrings(blob: Buffer): Buffer[] | undefined {
  const strings: Buffer[] = [];
  let at = 0;
  while (at < blob.length) {
    if (at + 4 > blob.length) return undefined;
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) return undefined;
    strings.push(blob.subarray(at + 4, end));
    at = end;
  }
  return strings;
}

/** Numbers on the wire are signed: one whose first bit is set has a zero byte before it. */
const signed = (data: Buffer) => ((data[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), data]) : data);
const unsigned = (data: Buffer) => (data[0] === 0 ? data.subarray(1) : data);
