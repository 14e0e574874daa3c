import { throwFirst } from '../errors.js';
import { bindSocket, closeDescriptor, type Poll, pollReadable, setSocketOption, socket } from '../libc.js';
import { insideNewNetns } from '../netns.js';
import { withNetnsDescriptor } from '../sockets.js';
import { netnsIdOf, newNetnsId } from './link.js';
import { Mailbox, SLOTS } from './mailbox.js';
import { messagesIn, type NetlinkMessage } from './message.js';
import { NETLINK, NetlinkSocket } from './socket.js';

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 0x80003;
const SOCKET_LEVEL = { level: 1, receiveBufferForce: 33 } as const;
const NETLINK_LEVEL = { level: 270, addMembership: 1, listenAllNetnsIds: 8 } as const;

/** For all namespaces together; the kernel takes it only as notifications come that are not read. */
const RECEIVE_BUFFER = 16 * 1024 * 1024;
/** More stay in the socket until the next call, so that a flood of them does not hold the event loop up. */
const FETCHES_AT_ONCE = 64;
/** The numbers in use are gone through in order, two times for each notification: who causes many has a small one, and who came last comes next. */
const NUMBERS = { frequent: 1, seldom: 0x3fff_ffff } as const;

export interface News {
  /** `messages` are valid only during the call; `lost`: there was more to it than could be read. */
  readonly onNews: (netnsId: number, messages: Iterable<NetlinkMessage>, lost: boolean) => void;
  /** More came than the buffer holds: anything may have changed in any of the namespaces. */
  readonly onLoss: () => void;
}

/**
 * One NETLINK_ROUTE socket that is told what happens in all namespaces introduced to it (`NETLINK_LISTEN_ALL_NSID`, netlink(7)). The kernel offers
 * every notification to every listener of any namespace in turn, so many listeners make all work of everybody slower.
 * It is in a namespace of its own, where nobody else gives numbers to namespaces: a number of ours never stands for another.
 * A namespace cannot be taken back: it is heard until it ends, or this listener does.
 */
export class NamespaceListener {
  readonly #mailbox = new Mailbox();
  readonly #requests: NetlinkSocket;
  #fd: number;
  #poll: Poll | undefined;
  #frequent: number = NUMBERS.frequent;
  #seldom: number = NUMBERS.seldom;

  /** @throws {KernelError} denied without CAP_NET_BROADCAST. */
  constructor(groups: readonly number[]) {
    const { requests, fd } = insideNewNetns(() => ({
      requests: new NetlinkSocket(NETLINK.route),
      fd: socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK.route),
    }));
    this.#requests = requests;
    this.#fd = fd;
    try {
      const address = Buffer.alloc(12);
      address.writeUInt16LE(AF_NETLINK, 0);
      bindSocket(fd, address);
      setSocketOption(fd, NETLINK_LEVEL.level, NETLINK_LEVEL.listenAllNetnsIds, 1);
      setSocketOption(fd, SOCKET_LEVEL.level, SOCKET_LEVEL.receiveBufferForce, RECEIVE_BUFFER);
      for (const group of groups) setSocketOption(fd, NETLINK_LEVEL.level, NETLINK_LEVEL.addMembership, group);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** From now on the namespace is heard; the number by which. @throws {KernelError} not-found when there is none of that name. */
  introduce(netns: string, rate: keyof typeof NUMBERS): number {
    return withNetnsDescriptor(netns, (fd) => {
      const id = rate === 'frequent' ? this.#frequent++ : this.#seldom--;
      const [refused] = this.#requests.batch([newNetnsId(fd, id)]);
      const known = refused?.errno === 'EEXIST' ? netnsIdOf(this.#requests, fd) : undefined;
      if (known !== undefined) return known;
      throwFirst([refused ?? null]);
      return id;
    });
  }

  /** Calls back as notifications come. Does not keep the process alive. */
  listen(news: News): void {
    this.#poll ??= pollReadable(this.#fd, () => this.read(news));
  }

  /** Tells what has come so far and has not been read; whether there may be more. */
  read({ onNews, onLoss }: News): 'all' | 'more' {
    for (let fetches = 0; fetches < FETCHES_AT_ONCE && this.#fd >= 0; fetches++) {
      const letters = this.#mailbox.fetch(this.#fd);
      if (letters === 'nothing') return 'all';
      if (letters === 'lost') {
        onLoss();
        continue;
      }
      for (const { netnsId, datagram } of letters)
        if (netnsId !== undefined) onNews(netnsId, datagram ? messagesIn(datagram) : [], datagram === undefined);
      if (letters.length < SLOTS) return 'all';
    }
    return this.#fd >= 0 ? 'more' : 'all';
  }

  close(): void {
    this.#poll?.stop();
    this.#poll = undefined;
    this.#requests.close();
    if (this.#fd >= 0) closeDescriptor(this.#fd);
    this.#fd = -1;
  }
}
