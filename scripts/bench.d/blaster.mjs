// A source or sink of traffic in namespaces, driven by lines of JSON as the prober is. Data leaves and arrives by system calls, out of
// and into the same memory, so that what is measured is the path and not Node: its sockets take new memory for each read, which in a process
// that has done other things before costs a third of the throughput. One source and one sink serve all paths that are compared: how fast a
// process is depends on where its memory happens to be.
//   {"do":"sink","in":[…],"port":P}               → {"bound":true}: in each namespace takes UDP without reading it and TCP as fast as it comes
//   {"do":"received","from":N,"device":D}         → {"packets":n}: by the device's counter
// and from a namespace N to an address and port:
//   {"do":"udp","from":N,"address":A,"port":P,"ms":M}      → {"sent":n,"ms":x}: one flow, 64 bytes of payload
//   {"do":"flows","from":N,"address":A,"port":P,"count":C,"sources":[…]} → {"sent":n,"ms":x}: each packet opens a flow of its own, from each source in turn
//   {"do":"tcp","from":N,"address":A,"port":P,"ms":M}      → {"bytes":n,"ms":x}
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import koffi from 'koffi';
import { bound, closeCall, connected, inside, inThread, libc, SOCK } from './sockets.mjs';

const listenCall = libc.func('int listen(int fd, int backlog)');
const acceptCall = libc.func('int accept(int fd, void *address, void *length)');
const pollCall = libc.func('int poll(uint8_t *descriptors, ulong count, int timeout)');
const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const int *value, uint32_t length)');
const sendCall = libc.func('long send(int fd, const uint8_t *data, size_t length, int flags)');
const recvCall = libc.func('long recv(int fd, uint8_t *data, size_t length, int flags)');
const sendmmsg = libc.func('int sendmmsg(int fd, void *messages, uint32_t count, int flags)');
koffi.struct('iovec', { base: 'void *', length: 'size_t' });
const MSGHDR = koffi.struct('msghdr', {
  name: 'void *',
  nameLength: 'uint32_t',
  iov: 'iovec *',
  iovLength: 'size_t',
  control: 'void *',
  controlLength: 'size_t',
  flags: 'int',
});
const MMSGHDR = koffi.struct('mmsghdr', { header: MSGHDR, length: 'uint32_t' });
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const MSG_NOSIGNAL = 0x4000;
const IPPROTO_RAW = 255;
const CHUNK = 1 << 18;
const BATCH = 64;
const PAYLOAD = 64;
const HEADERS = 28;
/** struct pollfd. */
const POLLFD = { bytes: 8, events: 4, returned: 6, in: 1 };

const now = () => process.hrtime.bigint();
const msSince = (start) => Number(now() - start) / 1e6;

/** Message headers for sendmmsg, one per packet, in memory that does not move. */
function messages(packets) {
  const vector = koffi.alloc(MMSGHDR, packets.length);
  const kept = packets.map((packet) => koffi.as(packet, 'void *'));
  koffi.encode(
    vector,
    koffi.array(MMSGHDR, packets.length),
    packets.map((packet, i) => ({
      header: { name: null, nameLength: 0, iov: iovec(kept[i], packet.length), iovLength: 1, control: null, controlLength: 0, flags: 0 },
      length: 0,
    })),
  );
  return vector;
}

function iovec(base, length) {
  const vector = koffi.alloc('iovec', 1);
  koffi.encode(vector, 'iovec', { base, length });
  return vector;
}

function udp({ from, address, port, ms }) {
  const fd = inside(from, () => connected(SOCK.datagram, 0, address, port));
  const vector = messages(Array.from({ length: BATCH }, () => Buffer.alloc(PAYLOAD)));
  const start = now();
  let sent = 0;
  while (msSince(start) < ms) sent += Math.max(sendmmsg(fd, vector, BATCH, 0), 0);
  closeCall(fd);
  return { sent, ms: msSince(start) };
}

let nextFlow = 0;

/** No pair of source and port comes twice before all have come. No `sources`: the kernel fills in its own. */
function flows({ from, address, port, count, sources = ['0.0.0.0'] }) {
  const fd = inside(from, () => connected(SOCK.raw, IPPROTO_RAW, address, 0));
  const bytes = sources.map((source) => source.split('.').map(Number));
  const packets = Array.from({ length: BATCH }, () => rawUdp(address, port));
  const vector = messages(packets);
  const start = now();
  let sent = 0;
  while (sent < count) {
    // The checksum is left out (0), which UDP over IPv4 allows.
    for (const packet of packets) {
      packet.set(bytes[nextFlow % bytes.length], 12);
      packet.writeUInt16BE(1024 + (Math.floor(nextFlow++ / bytes.length) % 64000), 20);
    }
    sent += Math.max(sendmmsg(fd, vector, BATCH, 0), 0);
  }
  closeCall(fd);
  return { sent, ms: msSince(start) };
}

function rawUdp(address, port) {
  const packet = Buffer.alloc(HEADERS + PAYLOAD);
  packet.writeUInt8(0x45, 0);
  packet.writeUInt16BE(packet.length, 2);
  packet.writeUInt8(64, 8);
  packet.writeUInt8(17, 9);
  packet.set(address.split('.').map(Number), 16);
  packet.writeUInt16BE(port, 22);
  packet.writeUInt16BE(8 + PAYLOAD, 24);
  return packet;
}

function tcp({ from, address, port, ms }) {
  const fd = inside(from, () => connected(SOCK.stream, 0, address, port));
  const chunk = Buffer.alloc(CHUNK);
  const start = now();
  let bytes = 0;
  while (msSince(start) < ms) {
    const sent = Number(sendCall(fd, chunk, CHUNK, MSG_NOSIGNAL));
    if (sent < 0) throw new Error('the connection broke');
    bytes += sent;
  }
  const result = { bytes, ms: msSince(start) };
  closeCall(fd);
  return result;
}

/** UDP fills its buffer and is dropped from then on: it has come all the way by then. TCP has a thread, as reading waits. */
function sink({ in: namespaces, port }) {
  for (const netns of namespaces)
    setsockopt(
      inside(netns, () => bound(SOCK.datagram, port)),
      SOL_SOCKET,
      SO_RCVBUF,
      [4096],
      4,
    );
  return inThread(import.meta.url, { namespaces, port });
}

if (!isMainThread) {
  const listeners = workerData.namespaces.map((netns) => inside(netns, () => bound(SOCK.stream, workerData.port)));
  const descriptors = Buffer.alloc(POLLFD.bytes * listeners.length);
  for (const [i, listener] of listeners.entries()) {
    listenCall(listener, 1);
    descriptors.writeInt32LE(listener, POLLFD.bytes * i);
    descriptors.writeInt16LE(POLLFD.in, POLLFD.bytes * i + POLLFD.events);
  }
  parentPort.postMessage({ bound: true });
  const chunk = Buffer.alloc(CHUNK);
  for (;;) {
    pollCall(descriptors, listeners.length, -1);
    for (const [i, listener] of listeners.entries()) {
      if (descriptors.readInt16LE(POLLFD.bytes * i + POLLFD.returned) === 0) continue;
      const fd = acceptCall(listener, null, null);
      while (recvCall(fd, chunk, CHUNK, 0) > 0);
      closeCall(fd);
    }
  }
}

function received({ from, device }) {
  const line = inside(from, () => readFileSync('/proc/thread-self/net/dev', 'utf8'))
    .split('\n')
    .find((each) => each.trim().startsWith(`${device}:`));
  return { packets: Number(line?.split(/[:\s]+/).filter(Boolean)[2]) };
}

const verbs = { udp, flows, tcp, sink, received };
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  console.log(JSON.stringify({ done: await verbs[order.do](order) }));
}
