import { createPrivateKey, createPublicKey } from 'node:crypto';

/** DER of a PKCS #8 private key of X25519 up to its 32 bytes (RFC 8410 §7). */
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex');

export interface TunnelKeys {
  /** 64 hex digits each, as WireGuard's processes take them. */
  readonly privateKey: string;
  readonly publicKey: string;
}

/** The key pair of one end of a tunnel, made from 64 random hex digits: the same from the same. */
export function tunnelKeys(randomHex: string): TunnelKeys {
  const secret = Buffer.from(randomHex, 'hex');
  if (secret.length !== 32) throw new TypeError('a tunnel key is made from 64 hex digits');
  // Clamped as RFC 7748 §5 wants it, so that it reads back as it was written.
  secret[0] = (secret[0] ?? 0) & 0xf8;
  secret[31] = ((secret[31] ?? 0) & 0x7f) | 0x40;
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_X25519, secret]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
  return { privateKey: secret.toString('hex'), publicKey: publicKey.toString('hex') };
}
