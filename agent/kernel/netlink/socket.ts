import { KernelError } from '../errors.js';
import type { Poll } from '../libc.js';
import {
  bindSocket,
  closeDescriptor,
  EAGAIN,
  ENOBUFS,
  errnoError,
  pollReadable,
  receive,
  send,
  sendAsync,
  setSocketOption,
  socket,
  socketName,
} from '../libc.js';
import { insideNetns } from '../netns.js';
import { errorOf, MESSAGE, message, messagesIn, type NetlinkMessage } from './message.js';

export { FLAG, message, type NetlinkMessage } from './message.js';

export const NETLINK = { route: 0, netfilter: 12 } as const;

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 0x80003;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const OPTION = { addMembership: 1, capAck: 10, extAck: 11, strictCheck: 12 } as const;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;

const ACK = 0x4;
const DUMP = 0x300;
const DUMP_INTERRUPTED = 0x10;

/** One send holds at most this much, so that its acknowledgements fit the receive buffer. */
const BATCH_BYTES = 64 * 1024;
const BATCH_MESSAGES = 256;
const RECEIVE_BUFFER = 4 * 1024 * 1024;
const DUMP_ATTEMPTS = 8;
/** More stay in the socket until the next call, so that a flood of them does not hold the event loop up. */
const NOTIFICATIONS_AT_ONCE = 1024;

/** Where datagrams arrive before they are taken apart; one for all sockets, as all of that happens on the main thread. */
const arrival = Buffer.allocUnsafeSlow(256 * 1024);

/** A netlink socket in a namespace. Requests run in order, one acknowledgement each; the kernel handles them within the send. */
export class NetlinkSocket {
  /** Our address in notifications that our requests cause. */
  readonly port: number;
  /** -1: closed. What still holds the socket must not reach who gets the descriptor's number next. */
  #fd: number;
  #sequence = 1;
  #busy = false;
  #poll: Poll | undefined;

  /** Opened in the named namespace, or in the caller's; with the wanted port if nobody has it there. */
  constructor(protocol: number, options: { netns?: string; port?: number } = {}) {
    const open = () => socket(AF_NETLINK, SOCK_RAW_CLOEXEC, protocol);
    this.#fd = options.netns === undefined ? open() : insideNetns(options.netns, open);
    try {
      this.port = bindTo(this.#fd, options.port ?? 0);
      setSocketOption(this.#fd, SOL_NETLINK, OPTION.extAck, 1);
      setSocketOption(this.#fd, SOL_NETLINK, OPTION.capAck, 1);
      setSocketOption(this.#fd, SOL_NETLINK, OPTION.strictCheck, 1);
      setSocketOption(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
    } catch (error) {
      closeDescriptor(this.#fd);
      throw error;
    }
  }

  /**
   * Sends the messages together; per message `null` or what the kernel answered. A failure does not keep later ones from running.
   * What it sends back before its acknowledgements goes to `replies`.
   */
  batch(messages: readonly Buffer[], replies?: NetlinkMessage[]): (KernelError | null)[] {
    this.#assertIdle();
    return chunks(messages).flatMap((chunk) => {
      const first = this.#number(chunk);
      send(this.#fd, chunk.length === 1 && chunk[0] ? chunk[0] : Buffer.concat(chunk));
      return this.#acknowledgements(first, chunk.length, { replies });
    });
  }

  /** The same with the sending, in which the kernel works, on the thread pool. The socket is not to be used meanwhile. */
  async batchAsync(messages: readonly Buffer[]): Promise<(KernelError | null)[]> {
    this.#assertIdle();
    const results: (KernelError | null)[] = [];
    this.#busy = true;
    try {
      for (const chunk of chunks(messages)) {
        const first = this.#number(chunk);
        await sendAsync(this.#fd, Buffer.concat(chunk));
        results.push(...this.#acknowledgements(first, chunk.length));
      }
    } finally {
      this.#busy = false;
    }
    return results;
  }

  /**
   * Sends the messages as one transaction, between a beginning and an end: afterwards all of them hold, or none.
   * @throws {KernelError} what the kernel answered.
   */
  transaction(begin: Buffer, messages: readonly Buffer[], end: Buffer): void {
    this.#assertIdle();
    const first = this.#number([begin, ...messages]);
    // Kernels before 6.10 acknowledge only what is between the two, and none needs to: but if all is right and the whole is refused, that is told of the beginning.
    begin.writeUInt16LE(begin.readUInt16LE(6) & ~ACK, 6);
    send(this.#fd, Buffer.concat([begin, ...messages, end]));
    // Which comes before the others, so that there is no need to wait for it.
    const refused = this.#acknowledgements(first, messages.length + 1, { unawaited: 1 }).find((error) => error);
    if (refused) throw refused;
  }

  /** One message; what the kernel sends back before its acknowledgement. @throws {KernelError} what it answered. */
  request(request: Buffer): NetlinkMessage[] {
    this.#assertIdle();
    const first = this.#number([request]);
    send(this.#fd, request);
    const replies: NetlinkMessage[] = [];
    const [error] = this.#acknowledgements(first, 1, { replies });
    if (error) throw error;
    return replies;
  }

  /**
   * Everything that the kernel lists for the request, of one moment: starts over when the table changed meanwhile.
   * @throws {KernelError} busy when it never holds still, or what the kernel answered.
   */
  dump(type: number, body: Buffer): NetlinkMessage[] {
    this.#assertIdle();
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const found = this.#dumpOnce(type, body);
      if (found) return found;
    }
    throw new KernelError(`dump ${type}: the table kept changing`, { kind: 'busy' });
  }

  /** Joins a multicast group, by number. */
  join(group: number): void {
    setSocketOption(this.#fd, SOL_NETLINK, OPTION.addMembership, group);
  }

  /**
   * Calls back with notifications as they come. `lost`: more came than the buffer holds, so anything may have changed.
   * Does not keep the process alive.
   */
  listen(onMessages: (messages: readonly NetlinkMessage[], lost: boolean) => void): void {
    this.#poll ??= pollReadable(this.#fd, () => {
      const { messages, lost } = this.notifications();
      if (messages.length > 0 || lost) onMessages(messages, lost);
    });
  }

  /** Notifications that have come so far and have not been read; whether there may be more. */
  notifications(): { readonly messages: readonly NetlinkMessage[]; readonly lost: boolean; readonly more: boolean } {
    const messages: NetlinkMessage[] = [];
    let lost = false;
    for (let datagrams = 0; datagrams < NOTIFICATIONS_AT_ONCE; datagrams++) {
      const received = this.#receive();
      if (received === 'nothing') return { messages, lost, more: false };
      if (received === 'lost') lost = true;
      else messages.push(...received);
    }
    return { messages, lost, more: true };
  }

  close(): void {
    this.#poll?.stop();
    this.#poll = undefined;
    if (this.#fd >= 0) closeDescriptor(this.#fd);
    this.#fd = -1;
  }

  #assertIdle(): void {
    if (this.#busy) throw new KernelError('netlink socket in use by a batch on the thread pool', { kind: 'busy' });
  }

  /** Gives the messages sequence numbers and asks for acknowledgements; returns the first number. */
  #number(messages: readonly Buffer[]): number {
    if (this.#sequence + messages.length > 0x7fffffff) this.#sequence = 1;
    const first = this.#sequence;
    for (const bytes of messages) {
      bytes.writeUInt16LE(bytes.readUInt16LE(6) | ACK, 6);
      bytes.writeUInt32LE(this.#sequence++, 8);
    }
    return first;
  }

  /** Answers to messages with numbers from `first` on; those to the first `unawaited` of them only if they come before the rest. */
  #acknowledgements(
    first: number,
    count: number,
    { replies, unawaited = 0 }: { readonly replies?: NetlinkMessage[] | undefined; readonly unawaited?: number } = {},
  ): (KernelError | null)[] {
    const results = new Array<KernelError | null | undefined>(count).fill(null, 0, unawaited);
    let missing = count - unawaited;
    while (missing > 0) {
      const received = this.#receive();
      if (received === 'nothing') break;
      if (received === 'lost') continue;
      for (const reply of received) {
        const index = reply.sequence - first;
        if (index < 0 || index >= count) continue;
        if (reply.type !== MESSAGE.error) replies?.push(reply);
        else if (!results[index]) {
          if (results[index] === undefined) missing--;
          results[index] = errorOf(reply);
        }
      }
    }
    return results.map((result) => (result === undefined ? errnoError(ENOBUFS, 'the acknowledgement was lost') : result));
  }

  /** `undefined`: the table changed while it was being listed, or part of it was lost. */
  #dumpOnce(type: number, body: Buffer): NetlinkMessage[] | undefined {
    const request = message(type, DUMP, body);
    const sequence = this.#sequence++;
    request.writeUInt32LE(sequence, 8);
    send(this.#fd, request);
    const found: NetlinkMessage[] = [];
    let intact = true;
    for (;;) {
      const received = this.#receive();
      if (received === 'nothing') return undefined;
      if (received === 'lost') {
        intact = false;
        continue;
      }
      for (const reply of received) {
        if (reply.sequence !== sequence) continue;
        if (reply.flags & DUMP_INTERRUPTED) intact = false;
        if (reply.type === MESSAGE.error) throw errorOf(reply) ?? errnoError(71, 'a dump was acknowledged');
        if (reply.type === MESSAGE.done) {
          const errno = reply.body.length >= 4 ? -reply.body.readInt32LE(0) : 0;
          if (errno > 0) throw errnoError(errno);
          return intact ? found : undefined;
        }
        found.push(reply);
      }
    }
  }

  /** The messages of one datagram. */
  #receive(): NetlinkMessage[] | 'nothing' | 'lost' {
    const length = receive(this.#fd, arrival, MSG_DONTWAIT | MSG_TRUNC);
    if (length === -EAGAIN) return 'nothing';
    if (length < 0) return 'lost';
    if (length > arrival.length) return 'lost';
    const datagram = Buffer.allocUnsafe(length);
    arrival.copy(datagram, 0, 0, length);
    return messagesIn(datagram);
  }
}

/** Binds to a port, or to one that the kernel picks if that is taken or 0; returns which. */
function bindTo(fd: number, port: number): number {
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(port, 4);
  try {
    bindSocket(fd, address);
  } catch (error) {
    if (port === 0 || !(error instanceof KernelError) || error.errno !== 'EADDRINUSE') throw error;
    return bindTo(fd, 0);
  }
  socketName(fd, address);
  return address.readUInt32LE(4);
}

function chunks(messages: readonly Buffer[]): Buffer[][] {
  const result: Buffer[][] = [];
  let current: Buffer[] = [];
  let bytes = 0;
  for (const next of messages) {
    if (current.length > 0 && (bytes + next.length > BATCH_BYTES || current.length === BATCH_MESSAGES)) {
      result.push(current);
      current = [];
      bytes = 0;
    }
    current.push(next);
    bytes += next.length;
  }
  if (current.length > 0) result.push(current);
  return result;
}
