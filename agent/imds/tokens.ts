import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Session tokens of the metadata service: when the token ends, a random part, and a code over both and the instance. Nothing is stored, so
 * a token outlives the daemon as the key does, and is good for one instance only. Pure.
 */

export const TOKEN_TTL_SECONDS = { min: 1, max: 21_600 } as const;

/** Bytes; 42 in all, so that a token has the 56 characters that it has in the cloud. */
const END = 6;
export const NONCE_BYTES = 12;
const CODE = 24;

/** `endMs`: milliseconds since the epoch, the first at which it is no good. */
export function issueToken(key: Buffer, instanceId: string, endMs: number, nonce: Buffer): string {
  const body = Buffer.alloc(END + NONCE_BYTES);
  body.writeUIntBE(endMs, 0, END);
  nonce.copy(body, END);
  return Buffer.concat([body, codeOf(key, instanceId, body)]).toString('base64url');
}

/** How long the token is still good for this instance, milliseconds; `undefined`: not at all. */
export function tokenLifeMs(key: Buffer, instanceId: string, token: string, nowMs: number): number | undefined {
  const bytes = Buffer.from(token, 'base64url');
  // One spelling only: decoding passes over what is no base64.
  if (bytes.length !== END + NONCE_BYTES + CODE || bytes.toString('base64url') !== token) return undefined;
  const body = bytes.subarray(0, END + NONCE_BYTES);
  if (!timingSafeEqual(bytes.subarray(body.length), codeOf(key, instanceId, body))) return undefined;
  const lifeMs = body.readUIntBE(0, END) - nowMs;
  return lifeMs > 0 ? lifeMs : undefined;
}

function codeOf(key: Buffer, instanceId: string, body: Buffer): Buffer {
  return createHmac('sha256', key).update(body).update(instanceId).digest().subarray(0, CODE);
}
