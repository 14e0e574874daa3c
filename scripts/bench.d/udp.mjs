// UDP sockets by the system's own calls: a meter made of Node's events would tell its own delays, half a millisecond of them.
import { ADDRESS_BYTES, bound, closeCall, libc, name, SOCK } from './sockets.mjs';

const sendto = libc.func(
  'long sendto(int fd, const uint8_t *data, size_t length, int flags, const uint8_t *address, uint32_t addressLength)',
);
const recvfrom = libc.func('long recvfrom(int fd, uint8_t *data, size_t length, int flags, uint8_t *address, uint8_t *addressLength)');
const ppoll = libc.func('int ppoll(uint8_t *descriptors, ulong count, const uint8_t *timeout, const void *mask)');
const POLLIN = 1;

/** Sends to the address until something comes back or it is too late. When that was, CLOCK_MONOTONIC nanoseconds. Blocks. */
export function firstAnswer({ address, port, everyUs, withinMs }) {
  const fd = bound(SOCK.datagram, 0);
  const to = name(address, port);
  const data = Buffer.from('?');
  const descriptors = Buffer.alloc(8);
  descriptors.writeInt32LE(fd, 0);
  descriptors.writeInt16LE(POLLIN, 4);
  const timeout = Buffer.alloc(16);
  timeout.writeBigInt64LE(BigInt(everyUs) * 1000n, 8);
  const end = process.hrtime.bigint() + BigInt(withinMs) * 1_000_000n;
  let at = null;
  let sent = 0;
  while (at === null && process.hrtime.bigint() < end) {
    sendto(fd, data, data.length, 0, to, ADDRESS_BYTES);
    sent += 1;
    if (ppoll(descriptors, 1, timeout, null) > 0) at = process.hrtime.bigint();
  }
  closeCall(fd);
  return { at, sent };
}

/** A socket that sends back what comes to it, by the returned function, which blocks and never ends. */
export function echoAt(port) {
  const fd = bound(SOCK.datagram, port);
  const data = Buffer.alloc(2048);
  const from = Buffer.alloc(ADDRESS_BYTES);
  const length = Buffer.alloc(4);
  return () => {
    for (;;) {
      length.writeUInt32LE(ADDRESS_BYTES);
      const received = recvfrom(fd, data, data.length, 0, from, length);
      if (received >= 0) sendto(fd, data, received, 0, from, ADDRESS_BYTES);
    }
  };
}
