import { describe, expect, it } from 'vitest';
import { issueToken, NONCE_BYTES, tokenLifeMs } from '../../../agent/imds/tokens.js';

const KEY = Buffer.alloc(32, 1);
const ONE = 'i-00000000000000001';
const END = 1_800_000_000_000;
const token = issueToken(KEY, ONE, END, Buffer.alloc(NONCE_BYTES, 7));

describe('metadata tokens', () => {
  it('have the length that they have in the cloud, and nothing that a header or a shell minds', () => {
    expect(token).toMatch(/^[A-Za-z0-9_-]{56}$/);
  });

  it.each([
    ['the instance it was made for, in time', KEY, ONE, token, END - 1500, 1500],
    ['a millisecond before its end', KEY, ONE, token, END - 1, 1],
    ['at its end', KEY, ONE, token, END, undefined],
    ['another instance', KEY, 'i-00000000000000002', token, END - 1500, undefined],
    ['another key', Buffer.alloc(32, 2), ONE, token, END - 1500, undefined],
    ['a character more', KEY, ONE, `${token}A`, END - 1500, undefined],
    ['a character less', KEY, ONE, token.slice(1), END - 1500, undefined],
    ['characters that decoding passes over', KEY, ONE, `${token.slice(0, 20)} ${token.slice(20)}`, END - 1500, undefined],
    ['nothing', KEY, ONE, '', END - 1500, undefined],
  ] as const)('%s', (_name, key, instanceId, text, nowMs, life) => {
    expect(tokenLifeMs(key, instanceId, text, nowMs)).toBe(life);
  });

  it('no character of it can be changed', () => {
    for (let place = 0; place < token.length; place++) {
      const other = token[place] === 'A' ? 'B' : 'A';
      expect(tokenLifeMs(KEY, ONE, token.slice(0, place) + other + token.slice(place + 1), END - 1)).toBeUndefined();
    }
  });

  it('cannot be made to last: the end is signed', () => {
    const bytes = Buffer.from(token, 'base64url');
    bytes.writeUIntBE(END + 1_000_000, 0, 6);
    expect(tokenLifeMs(KEY, ONE, bytes.toString('base64url'), END - 1)).toBeUndefined();
  });
});
