import { addressOf, EAGAIN, receiveMany } from '../libc.js';

/** Datagrams of a socket of the kind that hears of several namespaces, many at a time (recvmmsg(2), netlink(7), cmsg(3); 64 bits). */

/** At most so many at a time; fewer when no more are there. */
export const SLOTS = 32;
/** A device's notification takes 1 to 2 kB. */
const SLOT_BYTES = 16 * 1024;
/** struct mmsghdr: name, its length, io vector, its length, control bytes, their length, flags, length received. */
const HEADER = { bytes: 64, vector: 16, vectors: 24, control: 32, controlLength: 40, flags: 48, length: 56 } as const;
const VECTOR = { bytes: 16, length: 8 } as const;
/** struct cmsghdr and an integer. */
const CONTROL = { bytes: 64, level: 8, type: 12, value: 16, least: 20 } as const;

const SOL_NETLINK = 270;
const LISTEN_ALL_NSID = 8;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;

export interface Letter {
  /** Number of the namespace that it is about; `undefined`: the socket's own. */
  readonly netnsId: number | undefined;
  /** Valid until the next are fetched. `undefined`: longer than a slot. */
  readonly datagram: Buffer | undefined;
}

/** Where datagrams arrive. */
export class Mailbox {
  readonly #bytes = Buffer.allocUnsafeSlow(SLOTS * SLOT_BYTES);
  readonly #controls = Buffer.alloc(SLOTS * CONTROL.bytes);
  readonly #vectors = Buffer.alloc(SLOTS * VECTOR.bytes);
  readonly #headers = Buffer.alloc(SLOTS * HEADER.bytes);

  constructor() {
    const [bytes, controls, vectors] = [this.#bytes, this.#controls, this.#vectors].map(addressOf) as [bigint, bigint, bigint];
    for (let slot = 0; slot < SLOTS; slot++) {
      this.#vectors.writeBigUInt64LE(bytes + BigInt(slot * SLOT_BYTES), slot * VECTOR.bytes);
      this.#vectors.writeUInt32LE(SLOT_BYTES, slot * VECTOR.bytes + VECTOR.length);
      const header = slot * HEADER.bytes;
      this.#headers.writeBigUInt64LE(vectors + BigInt(slot * VECTOR.bytes), header + HEADER.vector);
      this.#headers.writeUInt32LE(1, header + HEADER.vectors);
      this.#headers.writeBigUInt64LE(controls + BigInt(slot * CONTROL.bytes), header + HEADER.control);
      this.#headers.writeUInt32LE(CONTROL.bytes, header + HEADER.controlLength);
    }
  }

  /** The next ones of the socket; `lost`: more had come than its buffer holds. */
  fetch(fd: number): Letter[] | 'nothing' | 'lost' {
    const count = receiveMany(fd, this.#headers, SLOTS, MSG_DONTWAIT);
    if (count < 0) return count === -EAGAIN ? 'nothing' : 'lost';
    return Array.from({ length: count }, (_, slot) => this.#letter(slot));
  }

  #letter(slot: number): Letter {
    const header = slot * HEADER.bytes;
    const start = slot * SLOT_BYTES;
    const isWhole = (this.#headers.readUInt32LE(header + HEADER.flags) & MSG_TRUNC) === 0;
    const datagram = isWhole ? this.#bytes.subarray(start, start + this.#headers.readUInt32LE(header + HEADER.length)) : undefined;
    const netnsId = this.#netnsId(slot);
    this.#headers.writeUInt32LE(CONTROL.bytes, header + HEADER.controlLength);
    return { netnsId, datagram };
  }

  #netnsId(slot: number): number | undefined {
    const control = slot * CONTROL.bytes;
    if (this.#headers.readUInt32LE(slot * HEADER.bytes + HEADER.controlLength) < CONTROL.least) return undefined;
    const isId =
      this.#controls.readInt32LE(control + CONTROL.level) === SOL_NETLINK &&
      this.#controls.readInt32LE(control + CONTROL.type) === LISTEN_ALL_NSID;
    return isId ? this.#controls.readInt32LE(control + CONTROL.value) : undefined;
  }
}
