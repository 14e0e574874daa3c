import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { KernelError } from './errors.js';

/** The C library through koffi: the only binding file. Thin and typed; every call throws KernelError on failure. */

type AsyncCall = (...args: unknown[]) => void;

function bind() {
  const lib = koffi.load('libc.so.6');
  return {
    setns: lib.func('int setns(int fd, int nstype)'),
    unshare: lib.func('int unshare(int flags)'),
    mount: lib.func('int mount(const char *source, const char *target, const char *type, ulong flags, const char *data)'),
    umount2: lib.func('int umount2(const char *target, int flags)'),
    socket: lib.func('int socket(int domain, int type, int protocol)'),
    bind: lib.func('int bind(int fd, const void *address, uint32_t length)'),
    getsockname: lib.func('int getsockname(int fd, void *address, void *length)'),
    setsockopt: lib.func('int setsockopt(int fd, int level, int option, const void *value, uint32_t length)'),
    send: lib.func('long send(int fd, const void *data, size_t length, int flags)'),
    recv: lib.func('long recv(int fd, void *data, size_t length, int flags)'),
    recvmmsg: lib.func('int recvmmsg(int fd, void *messages, uint32_t count, int flags, void *timeout)'),
    close: lib.func('int close(int fd)'),
    close_range: lib.func('int close_range(uint first, uint last, int flags)'),
    strerror: lib.func('const char *strerror(int errnum)'),
  };
}

let bound: ReturnType<typeof bind> | undefined;
/** Bound at first use, so that importing this module does nothing. */
function libc(): ReturnType<typeof bind> {
  bound ??= bind();
  return bound;
}

/** Errno name of a positive number; the number itself when the system knows no name for it. */
export function errnoName(errno: number): string {
  try {
    return getSystemErrorName(-errno);
  } catch {
    return `errno ${errno}`;
  }
}

/** `EEXIST: File exists`, with what the kernel adds to it in words. */
export function errnoError(errno: number, detail?: string): KernelError {
  const name = errnoName(errno);
  return new KernelError(`${name}: ${libc().strerror(errno)}${detail ? `: ${detail}` : ''}`, { errno: name });
}

function check(result: number, call: string): number {
  if (result >= 0) return result;
  throw errnoError(koffi.errno()).during(call);
}

function callAsync(call: AsyncCall, name: string, ...args: unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    call(...args, (error: unknown, result: number) => {
      if (error) reject(error);
      else if (result >= 0) resolve(result);
      else reject(errnoError(koffi.errno()).during(name));
    });
  });
}

export const CLONE_NEWNET = 0x40000000;
export const MOUNT = { bind: 0x1000, recursive: 0x4000, shared: 0x100000 } as const;
export const MNT_DETACH = 2;

export const setns = (fd: number, type: number): number => check(libc().setns(fd, type), 'setns');
export const unshare = (flags: number): number => check(libc().unshare(flags), 'unshare');
export const mount = (source: string, target: string, flags: number): number =>
  check(libc().mount(source, target, 'none', flags, null), `mount ${target}`);
/** On the thread pool: taking a mount away waits for an RCU grace period. */
export const unmount = (target: string, flags: number): Promise<number> =>
  callAsync(libc().umount2.async, `unmount ${target}`, target, flags);

export const socket = (domain: number, type: number, protocol: number): number => check(libc().socket(domain, type, protocol), 'socket');
export const bindSocket = (fd: number, address: Buffer): number => check(libc().bind(fd, address, address.length), 'bind');
export const socketName = (fd: number, address: Buffer): number => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(address.length);
  return check(libc().getsockname(fd, address, length), 'getsockname');
};
/** Sets an integer option. */
export const setSocketOption = (fd: number, level: number, option: number, value: number): number => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return check(libc().setsockopt(fd, level, option, bytes, bytes.length), `setsockopt ${option}`);
};
export const send = (fd: number, data: Buffer): number => check(libc().send(fd, data, data.length, 0), 'send');
/** On the thread pool. The caller leaves `data` alone until it ends. */
export const sendAsync = (fd: number, data: Buffer): Promise<number> => callAsync(libc().send.async, 'send', fd, data, data.length, 0);
/**
 * Bytes received; with MSG_TRUNC in `flags` the length of the datagram, though it be longer than `data`. A negative errno when there
 * is nothing (EAGAIN) or something was lost (ENOBUFS): that is ordinary, and an exception would cost more than all the rest.
 */
export const receive = (fd: number, data: Buffer, flags: number): number => received(libc().recv(fd, data, data.length, flags), 'recv');
/**
 * Datagrams received into what `headers` (an array of `struct mmsghdr`) points to; a negative errno as in `receive`, which comes when
 * everything before the loss has been received.
 */
export const receiveMany = (fd: number, headers: Buffer, count: number, flags: number): number =>
  received(libc().recvmmsg(fd, headers, count, flags, null), 'recvmmsg');

function received(result: number, call: string): number {
  if (result >= 0) return result;
  const errno = koffi.errno();
  return errno === EAGAIN || errno === ENOBUFS ? -errno : check(result, call);
}

/** Where the bytes are in memory, for a structure that points to them. Only of buffers of their own memory, as long as they are held. */
export const addressOf = (buffer: Buffer): bigint => koffi.address(buffer);
export const EAGAIN = 11;
export const ENOBUFS = 105;
export const closeDescriptor = (fd: number): number => check(libc().close(fd), 'close');

export interface Poll {
  stop(): void;
}

/** Calls back on the event loop whenever the descriptor has something to read or to complain of; does not keep the process alive. */
export function pollReadable(fd: number, onReadable: () => void): Poll {
  let isOpen = true;
  const onPoll = (status: unknown) => {
    onReadable();
    // libuv stops polling a descriptor with an error, and that of a netlink socket, notifications lost, is over when it has been read.
    if (isOpen && status !== 0) handle.start({ readable: true }, onPoll);
  };
  const handle = koffi.node.poll(fd, { readable: true }, onPoll);
  handle.unref();
  return {
    stop() {
      isOpen = false;
      handle.stop();
      handle.close();
    },
  };
}

const CLOSE_RANGE_CLOEXEC = 4;
/** Descriptors that the caller of this process left open stay here: no program started from now on inherits them. */
export function keepDescriptorsFromChildren(): void {
  check(libc().close_range(3, 0x7fffffff, CLOSE_RANGE_CLOEXEC), 'close_range');
}
