import type { KernelError } from '../errors.js';
import { errnoError } from '../libc.js';
import { align4, attributesOf, joined, textOf } from './attributes.js';

/** Netlink messages: linux/netlink.h. */

const HEADER = 16;
const REQUEST = 0x1;
const CAPPED = 0x100;
const ACK_ATTRIBUTES = 0x200;
const EXT_ACK_TEXT = 1;

/** Types of messages about messages. */
export const MESSAGE = { error: 2, done: 3 } as const;

/** Flags of a request (linux/netlink.h). REQUEST and ACK are added by the socket. */
export const FLAG = { replace: 0x100, excl: 0x200, create: 0x400, append: 0x800 } as const;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  /** After the header. */
  readonly body: Buffer;
  /** Port of the socket whose request caused a notification; 0: not known or not a request. */
  readonly port: number;
  readonly sequence: number;
}

/** A request, ready to be sent: header and body. */
export function message(type: number, flags: number, ...body: Buffer[]): Buffer {
  const { bytes, length } = joined(HEADER, body);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags | REQUEST, 6);
  // Number and sender: the socket's affair.
  bytes.fill(0, 8, HEADER);
  return bytes;
}

/** The messages of a datagram. Their bodies are views of it. */
export function messagesIn(datagram: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  let at = 0;
  while (at + HEADER <= datagram.length) {
    const length = datagram.readUInt32LE(at);
    if (length < HEADER || at + length > datagram.length) break;
    messages.push({
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      sequence: datagram.readUInt32LE(at + 8),
      port: datagram.readUInt32LE(at + 12),
      body: datagram.subarray(at + HEADER, at + length),
    });
    at += align4(length);
  }
  return messages;
}

/** What an NLMSG_ERROR message says: `null` is success. The kernel's own words come along when it has any. */
export function errorOf(reply: NetlinkMessage): KernelError | null {
  const errno = -reply.body.readInt32LE(0);
  if (errno === 0) return null;
  if (!(reply.flags & ACK_ATTRIBUTES)) return errnoError(errno);
  const request = reply.flags & CAPPED ? HEADER : reply.body.readUInt32LE(4);
  const words = attributesOf(reply.body, align4(4 + request)).get(EXT_ACK_TEXT);
  return errnoError(errno, words && textOf(words));
}
