import type { KeyPairId } from './ids.js';
import type { Noun } from './tags.js';

/** The public half of a key pair; nobody keeps the private one. */
export interface KeyPair extends Noun {
  readonly keyPairId: KeyPairId;
  readonly keyName: string;
  readonly keyType: 'rsa' | 'ed25519';
  /** As the cloud computes it, which depends on type and origin; see `ssh-key.ts`. */
  readonly fingerprint: string;
  /** One line in OpenSSH's format; its comment is the name. */
  readonly publicKey: string;
  readonly createTime: string;
}
