// Sockets by the system's own calls, for meters that shall not tell Node's delays.
import { closeSync, openSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import koffi from 'koffi';

export const libc = koffi.load('libc.so.6');
const socketCall = libc.func('int socket(int domain, int type, int protocol)');
const bindCall = libc.func('int bind(int fd, const uint8_t *address, uint32_t length)');
const connectCall = libc.func('int connect(int fd, const uint8_t *address, uint32_t length)');
const setnsCall = libc.func('int setns(int fd, int type)');
export const closeCall = libc.func('int close(int fd)');
export const SOCK = { stream: 1, datagram: 2, raw: 3 };
export const ADDRESS_BYTES = 16;
const AF_INET = 2;

/** A sockaddr_in. */
export function name(address, port) {
  const bytes = Buffer.alloc(ADDRESS_BYTES);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(address.split('.').map(Number), 4);
  return bytes;
}

/** The new socket, after `call` (connect or bind) with the address. */
function socketAt(call, type, protocol, address, port) {
  const fd = socketCall(AF_INET, type, protocol);
  if (fd < 0 || call(fd, name(address, port), ADDRESS_BYTES) < 0) throw new Error(`no socket for ${address}, port ${port}`);
  return fd;
}

export const connected = (type, protocol, address, port) => socketAt(connectCall, type, protocol, address, port);
export const bound = (type, port) => socketAt(bindCall, type, 0, '0.0.0.0', port);

/** Does some work, all of it before it returns, with the calling thread in a network namespace. Sockets that it makes stay there. */
export function inside(netns, work) {
  const [home, there] = ['/proc/thread-self/ns/net', `/run/netns/${netns}`].map((file) => openSync(file));
  try {
    if (setnsCall(there, 0) < 0) throw new Error(`cannot go to ${netns}`);
    try {
      return work();
    } finally {
      setnsCall(home, 0);
    }
  } finally {
    for (const fd of [home, there]) closeSync(fd);
  }
}

/** Runs a module in a thread of its own, as it waits within the system's calls; resolves to its first message. */
export function inThread(url, workerData) {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL(url), { workerData });
    thread.once('message', resolve);
    thread.once('error', reject);
  });
}
