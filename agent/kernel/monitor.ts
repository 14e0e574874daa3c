import { type FSWatcher, watch } from 'node:fs';
import { Hearing } from './hearing.js';
import { listLinks, parseLink } from './netlink/link.js';
import { NETLINK, type NetlinkMessage, NetlinkSocket } from './netlink/socket.js';
import { isHeldNetns, netnsIdentity, netnsNames, prepareNetnsDirectory } from './netns.js';
import { changeOf, isAutomatic, isLateAddress, isLinkMessage, type Seen, seen } from './news.js';
import { HOST_NAMESPACE, isInstanceNamespace, isOurHostDevice, isOurNamespace, NETNS_DIR } from './resources.js';
import type { NamespaceSockets } from './sockets.js';

/** Multicast groups: RTNLGRP_* (linux/rtnetlink.h), NFNLGRP_NFTABLES (linux/netfilter/nfnetlink.h). */
const GROUP = { link: 1, neighbour: 3, address: [5, 9], route: [7, 11], rule: [8, 19], settings: [24, 25], nftables: 7 } as const;
const COMMON_GROUPS = [GROUP.link, ...GROUP.address, ...GROUP.route, ...GROUP.rule, ...GROUP.settings];

/** Notifications of one cause come in swarms. */
const DEBOUNCE_MS = 50;
/** What comes of an operation of ours (a carrier, an IPv6 address that is no duplicate) the kernel tells within this time. */
const AFTERMATH_MS = 100;
/** After work that takes longer, what the kernel had to say of it is read at once: more of it might not fit the buffer. */
const LONG_WORK_MS = 5;
/** `ip netns add` makes the name first and the namespace a moment later. */
const NAME_CHECKS = 20;
/** Whoever makes notifications faster than they can be read does not make all namespaces be compared all the time. */
const LOSS_PAUSE_MS = 1000;

interface Watched {
  readonly netns: string;
  readonly identity: string;
  /** For what the common listener does not tell. */
  own?: NetlinkSocket | undefined;
  netfilter?: NetlinkSocket | undefined;
  /** What each device was last seen to be, by index. */
  readonly links: Map<number, Seen>;
  /** Operations of ours under way, and until when their aftermath lasts. */
  working: number;
  aftermathUntil: number;
  rulesWorking: number;
}

/** Notices changes in our namespaces that are not our doing. Does nothing until started. */
export class Monitor {
  readonly #sockets: NamespaceSockets;
  readonly #onFault: (error: unknown, netns?: string) => void;
  readonly #watched = new Map<string, Watched>();
  /** Absent where the kernel or a lack of permissions refuses: then each namespace has a listener of its own. */
  #hearing: Hearing<Watched> | undefined;
  #lossAt = Number.NEGATIVE_INFINITY;
  /** Where short work of ours has ended, until what the kernel had to say of it has been read. */
  #ended: Watched[] = [];
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** Devices of the host that carry interfaces: while there are any, the host's own namespace is watched for their sake. */
  readonly #parents = new Set<string>();
  /** Instances that have rules of ours. */
  readonly #ruled = new Set<string>();
  #names: FSWatcher | undefined;
  #onChange: ((netns: string) => void) | undefined;

  /** `onFault`: a namespace, or the coming and going of names, cannot be watched. */
  constructor(sockets: NamespaceSockets, onFault: (error: unknown, netns?: string) => void) {
    this.#sockets = sockets;
    this.#onFault = onFault;
  }

  start(onChange: (netns: string) => void): void {
    this.#onChange = onChange;
    this.#hearing = this.#commonListener();
    prepareNetnsDirectory();
    this.#names = watch(NETNS_DIR, { persistent: false }, (_event, name) => {
      if (name !== null && isOurNamespace(name)) this.#later(`name ${name}`, () => this.#checkName(name, NAME_CHECKS));
    });
    this.#names.on('error', this.#onFault);
    for (const name of netnsNames()) this.track(name);
    if (this.#parents.size > 0) this.track(HOST_NAMESPACE);
  }

  stop(): void {
    this.#onChange = undefined;
    this.#names?.close();
    this.#names = undefined;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    for (const netns of [...this.#watched.keys()]) this.untrack(netns);
    this.#hearing?.close();
    this.#hearing = undefined;
  }

  /** Starts watching a namespace of ours, if it exists. A namespace that we make is tracked before its name is noticed. */
  track(netns: string): void {
    if (!this.#onChange || !(isOurNamespace(netns) || netns === HOST_NAMESPACE)) return;
    const identity = netnsIdentity(netns);
    if (identity === undefined || this.#watched.get(netns)?.identity === identity) return;
    this.untrack(netns);
    try {
      this.#watch(netns, identity);
    } catch (error) {
      // It went away meanwhile, which its name tells, or there are no more descriptors.
      if (netnsIdentity(netns) !== undefined) this.#onFault(error, netns);
    }
  }

  /**
   * What is somebody else's must be given up at once when it is no longer ours, and whoever works in there must not be able to fill
   * the buffer of all the others: it is heard by itself, and so is the host.
   */
  #watch(netns: string, identity: string): void {
    const watched: Watched = { netns, identity, links: new Map(), working: 0, aftermathUntil: 0, rulesWorking: 0 };
    const isHeard = netns !== HOST_NAMESPACE && !isHeldNetns(netns) && (this.#hearing?.add(watched) ?? false);
    this.#watched.set(netns, watched);
    try {
      watched.own = listenIn(netns, groupsOf(netns, isHeard));
      if (!isInstanceNamespace(netns) || this.#ruled.has(netns)) watched.netfilter = this.#watchRules(netns);
      for (const link of listLinks(this.#sockets.route(netns))) watched.links.set(link.index, seen(link));
    } catch (error) {
      this.untrack(netns);
      throw error;
    }
    watched.own?.listen((messages, lost) => this.#routeNews(watched, messages, lost));
  }

  #commonListener(): Hearing<Watched> | undefined {
    try {
      return new Hearing<Watched>(COMMON_GROUPS, {
        onNews: (watched, messages, lost) => this.#routeNews(watched, messages, lost),
        onLoss: () => this.#loss(),
      });
    } catch {
      return undefined;
    }
  }

  #watchRules(netns: string): NetlinkSocket | undefined {
    const socket = watchRules(netns);
    socket?.listen((messages, lost) => {
      const watched = this.#watched.get(netns);
      if (watched) this.#ruleNews(watched, messages, lost);
    });
    return socket;
  }

  /** Watches the rules of an instance too: it has some of ours. */
  watchRulesOf(netns: string): void {
    if (!isInstanceNamespace(netns) || this.#ruled.has(netns)) return;
    this.#ruled.add(netns);
    const watched = this.#watched.get(netns);
    const socket = watched && !watched.netfilter ? this.#watchRules(netns) : undefined;
    if (watched && socket) watched.netfilter = socket;
  }

  /** Watches a device of the host, and what guards it. */
  watchParent(device: string): void {
    this.#parents.add(device);
    this.track(HOST_NAMESPACE);
  }

  unwatchParent(device: string): void {
    this.#parents.delete(device);
    if (this.#parents.size === 0) this.untrack(HOST_NAMESPACE);
  }

  /** Stops watching, so that the namespace can end. */
  untrack(netns: string): void {
    const watched = this.#watched.get(netns);
    this.#watched.delete(netns);
    if (!watched) return;
    this.#ruled.delete(netns);
    this.#hearing?.remove(watched);
    watched.own?.close();
    watched.netfilter?.close();
  }

  /** Does some work of ours in namespaces: what comes of it there is no news. */
  async quietly<T>(namespaces: Iterable<string>, work: () => Promise<T> | T): Promise<T> {
    const affected = [...namespaces].flatMap((netns) => this.#watched.get(netns) ?? []);
    const begin = performance.now();
    this.#hearing?.forgetRemoved();
    // What comes while work is under way is judged alike, whenever it is read.
    this.#drain(affected.filter(({ working }) => working === 0));
    for (const watched of affected) watched.working++;
    try {
      return await work();
    } finally {
      if (performance.now() - begin > LONG_WORK_MS) this.#endWork(affected);
      // Short work leaves little to read, for when there is time; until then it counts as under way.
      else this.#endSoon(affected);
    }
  }

  #endSoon(affected: readonly Watched[]): void {
    if (affected.length === 0) return;
    if (this.#ended.length === 0) setImmediate(() => this.#endWork(this.#ended.splice(0)));
    this.#ended.push(...affected);
  }

  /** Reads what the kernel had to say of some work before that counts as done. */
  #endWork(affected: readonly Watched[]): void {
    if (this.#drain(affected) === 'more') {
      setImmediate(() => this.#endWork(affected));
      return;
    }
    const aftermathUntil = performance.now() + AFTERMATH_MS;
    for (const watched of affected) {
      watched.working--;
      watched.aftermathUntil = aftermathUntil;
    }
  }

  /** The same for packet filter rules, which a process with a port of its own changes for us. */
  async quietlyInRules<T>(netns: string, work: () => Promise<T>): Promise<T> {
    const watched = this.#watched.get(netns);
    if (watched) {
      this.#drainRules(watched);
      watched.rulesWorking++;
    }
    try {
      return await work();
    } finally {
      if (watched) {
        this.#drainRules(watched);
        watched.rulesWorking--;
      }
    }
  }

  /** Tells of a change, soon, and once for several. */
  report(netns: string): void {
    this.#later(netns, () => this.#onChange?.(netns));
  }

  #later(key: string, action: () => void, pauseMs = DEBOUNCE_MS): void {
    if (!this.#onChange || this.#timers.has(key)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      action();
    }, pauseMs);
    timer.unref();
    this.#timers.set(key, timer);
  }

  /** Nobody knows in which of the namespaces what has changed. */
  #loss(): void {
    const pause = Math.max(DEBOUNCE_MS, this.#lossAt + LOSS_PAUSE_MS - performance.now());
    const compareAll = () => {
      this.#lossAt = performance.now();
      for (const { netns } of this.#hearing?.all() ?? []) this.#onChange?.(netns);
    };
    this.#later('loss', compareAll, pause);
  }

  #checkName(netns: string, checks: number): void {
    const before = this.#watched.get(netns)?.identity;
    const now = netnsIdentity(netns);
    if (now === undefined && checks > 0 && netnsNames().includes(netns)) {
      this.#later(`name ${netns}`, () => this.#checkName(netns, checks - 1));
    }
    if (now === before) return;
    this.untrack(netns);
    this.#sockets.forget(netns);
    this.track(netns);
    this.#onChange?.(netns);
  }

  /** Reads what has come so far in the namespaces, for it to be judged by what is going on now; whether that was all. */
  #drain(namespaces: readonly Watched[]): 'all' | 'more' {
    const hearing = namespaces.some((watched) => this.#hearing?.has(watched)) ? this.#hearing : undefined;
    let isMore = hearing?.read() === 'more';
    for (const watched of namespaces) {
      if (this.#watched.get(watched.netns) !== watched) continue;
      const news = watched.own?.notifications();
      if (news && (news.messages.length > 0 || news.lost)) this.#routeNews(watched, news.messages, news.lost);
      isMore = isMore || (news?.more ?? false);
    }
    return isMore ? 'more' : 'all';
  }

  #drainRules(watched: Watched): void {
    if (this.#watched.get(watched.netns) !== watched) return;
    const rules = watched.netfilter?.notifications();
    if (rules && (rules.messages.length > 0 || rules.lost)) this.#ruleNews(watched, rules.messages, rules.lost);
  }

  #routeNews(watched: Watched, messages: Iterable<NetlinkMessage>, lost: boolean): void {
    const { netns } = watched;
    let changed = lost;
    // Each is looked at, to keep what is known of the devices.
    for (const message of messages) {
      const isNews = this.#isNews(watched, message);
      changed = (isNews && (netns !== HOST_NAMESPACE || this.#concernsParents(message))) || changed;
    }
    if (changed) this.report(netns);
  }

  #ruleNews({ netns, rulesWorking }: Watched, messages: readonly NetlinkMessage[], lost: boolean): void {
    if (rulesWorking === 0 && (lost || messages.some(({ port }) => !this.#sockets.isOurs(port)))) this.report(netns);
  }

  /** Of the host's own devices only these are ours to look after. */
  #concernsParents(message: NetlinkMessage): boolean {
    if (!isLinkMessage(message)) return false;
    const { name } = parseLink(message.body);
    return this.#parents.has(name) || isOurHostDevice(name);
  }

  #isNews(watched: Watched, message: NetlinkMessage): boolean {
    const link = isLinkMessage(message) ? changeOf(watched.links, message) : undefined;
    if (link === 'none' || this.#sockets.isOurs(message.port)) return false;
    if (message.port !== 0) return true;
    // Port 0: the kernel by itself, somebody by other means than a request, or whoever changes a device.
    if (watched.working > 0 || isAutomatic(message)) return false;
    const change = link ?? (isLateAddress(message) ? 'outcome' : 'setting');
    return change === 'setting' || performance.now() >= watched.aftermathUntil;
  }
}

/** Instances learn neighbours all the time, so the common listener leaves neighbours out. */
function groupsOf(netns: string, isHeard: boolean): number[] {
  if (netns === HOST_NAMESPACE) return [GROUP.link];
  return [...(isHeard ? [] : COMMON_GROUPS), ...(isInstanceNamespace(netns) ? [] : [GROUP.neighbour])];
}

function listenIn(netns: string, groups: readonly number[]): NetlinkSocket | undefined {
  if (groups.length === 0) return undefined;
  const socket = new NetlinkSocket(NETLINK.route, { netns });
  for (const group of groups) socket.join(group);
  return socket;
}

/** Rules and sets of nft, and rules of iptables's nf_tables flavour; the legacy one tells nobody. */
function watchRules(netns: string): NetlinkSocket | undefined {
  const socket = new NetlinkSocket(NETLINK.netfilter, { netns });
  try {
    socket.join(GROUP.nftables);
    return socket;
  } catch {
    socket.close();
    return undefined;
  }
}
