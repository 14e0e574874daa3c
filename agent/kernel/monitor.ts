import { type FSWatcher, watch } from 'node:fs';
import { parseAddress, RTM_ADDRESS } from './netlink/address.js';
import { type Link, listLinks, parseLink, RTM_LINK } from './netlink/link.js';
import { parseNeighbour, RTM_NEIGHBOUR } from './netlink/neighbour.js';
import { parseRoute, RTM_ROUTE } from './netlink/route.js';
import { NETLINK, type NetlinkMessage, NetlinkSocket } from './netlink/socket.js';
import { netnsIdentity, netnsNames, prepareNetnsDirectory } from './netns.js';
import { HOST_NAMESPACE, isInstanceNamespace, isOurHostDevice, isOurNamespace, NETNS_DIR } from './resources.js';
import type { NamespaceSockets } from './sockets.js';

/** Multicast groups: RTNLGRP_* (linux/rtnetlink.h), NFNLGRP_NFTABLES (linux/netfilter/nfnetlink.h). */
const GROUP = { link: 1, neighbour: 3, address: [5, 9], route: [7, 11], rule: [8, 19], settings: [24, 25], nftables: 7 } as const;

/** Notifications of one cause come in swarms. */
const DEBOUNCE_MS = 50;
/** What comes of an operation of ours (a carrier, an IPv6 address that is no duplicate) the kernel tells within this time. */
const AFTERMATH_MS = 100;
/** After work that takes longer, what the kernel had to say of it is read at once: more of it might not fit the buffer. */
const LONG_WORK_MS = 5;
/** `ip netns add` makes the name first and the namespace a moment later. */
const NAME_CHECKS = 20;

interface Watched {
  readonly identity: string;
  readonly route: NetlinkSocket;
  netfilter?: NetlinkSocket;
  /** What each device was last seen to be, by index. */
  readonly links: Map<number, Seen>;
  /** Operations of ours under way, and until when their aftermath lasts. */
  working: number;
  aftermathUntil: number;
  rulesWorking: number;
}

/** A device as text: what it is set to, and what comes of that. */
interface Seen {
  readonly settings: string;
  readonly running: boolean;
}

/** Notices changes in our namespaces that are not our doing. Does nothing until started. */
export class Monitor {
  readonly #sockets: NamespaceSockets;
  readonly #onFault: (error: unknown, netns?: string) => void;
  readonly #watched = new Map<string, Watched>();
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

  #watch(netns: string, identity: string): void {
    const route = watchRoutes(netns);
    const netfilter = isInstanceNamespace(netns) && !this.#ruled.has(netns) ? undefined : this.#watchRules(netns);
    const links = new Map(listLinks(this.#sockets.route(netns)).map((link) => [link.index, seen(link)] as const));
    const watched: Watched = { identity, route, links, working: 0, aftermathUntil: 0, rulesWorking: 0, ...(netfilter && { netfilter }) };
    this.#watched.set(netns, watched);
    route.listen((messages, lost) => this.#routeNews(netns, watched, messages, lost));
  }

  #watchRules(netns: string): NetlinkSocket | undefined {
    const socket = watchRules(netns);
    socket?.listen((messages, lost) => {
      const watched = this.#watched.get(netns);
      if (watched) this.#ruleNews(netns, watched, messages, lost);
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
    if (watched) this.#ruled.delete(netns);
    watched?.route.close();
    watched?.netfilter?.close();
  }

  /** Does some work of ours in namespaces: what comes of it there is no news. */
  async quietly<T>(namespaces: Iterable<string>, work: () => Promise<T> | T): Promise<T> {
    const affected = [...namespaces].flatMap((netns) => {
      const watched = this.#watched.get(netns);
      return watched ? [{ netns, watched }] : [];
    });
    const begin = performance.now();
    for (const { netns, watched } of affected) {
      // What comes while work is under way is judged alike, whenever it is read.
      if (watched.working === 0) this.#drain(netns, watched);
      watched.working++;
    }
    try {
      return await work();
    } finally {
      const isLong = performance.now() - begin > LONG_WORK_MS;
      for (const { netns, watched } of affected) {
        if (isLong) this.#endWork(netns, watched);
        // Short work leaves little to read, for when there is time; until then it counts as under way.
        else setImmediate(() => this.#endWork(netns, watched));
      }
    }
  }

  /** Reads what the kernel had to say of some work before that counts as done. */
  #endWork(netns: string, watched: Watched): void {
    if (this.#watched.get(netns) === watched && this.#drain(netns, watched) === 'more') {
      setImmediate(() => this.#endWork(netns, watched));
      return;
    }
    watched.working--;
    watched.aftermathUntil = performance.now() + AFTERMATH_MS;
  }

  /** The same for packet filter rules, which a process with a port of its own changes for us. */
  async quietlyInRules<T>(netns: string, work: () => Promise<T>): Promise<T> {
    const watched = this.#watched.get(netns);
    if (watched) {
      this.#drain(netns, watched);
      watched.rulesWorking++;
    }
    try {
      return await work();
    } finally {
      if (watched) {
        if (this.#watched.get(netns) === watched) this.#drain(netns, watched);
        watched.rulesWorking--;
      }
    }
  }

  /** Tells of a change, soon, and once for several. */
  report(netns: string): void {
    this.#later(netns, () => this.#onChange?.(netns));
  }

  #later(key: string, action: () => void): void {
    if (!this.#onChange || this.#timers.has(key)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      action();
    }, DEBOUNCE_MS);
    timer.unref();
    this.#timers.set(key, timer);
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

  /** Reads what has come so far, for it to be judged by what is going on now; whether that was all. */
  #drain(netns: string, watched: Watched): 'all' | 'more' {
    const { messages, lost, more } = watched.route.notifications();
    if (messages.length > 0 || lost) this.#routeNews(netns, watched, messages, lost);
    const rules = watched.netfilter?.notifications();
    if (rules && (rules.messages.length > 0 || rules.lost)) this.#ruleNews(netns, watched, rules.messages, rules.lost);
    return more ? 'more' : 'all';
  }

  #routeNews(netns: string, watched: Watched, messages: readonly NetlinkMessage[], lost: boolean): void {
    let changed = lost;
    // Each is looked at, to keep what is known of the devices.
    for (const message of messages) {
      const isNews = this.#isNews(watched, message);
      changed = (isNews && (netns !== HOST_NAMESPACE || this.#concernsParents(message))) || changed;
    }
    if (changed) this.report(netns);
  }

  #ruleNews(netns: string, { rulesWorking }: Watched, messages: readonly NetlinkMessage[], lost: boolean): void {
    if (rulesWorking === 0 && (lost || messages.some(({ port }) => !this.#sockets.isOurs(port)))) this.report(netns);
  }

  /** Of the host's own devices only these are ours to look after. */
  #concernsParents(message: NetlinkMessage): boolean {
    if (!isLinkMessage(message)) return false;
    const { name } = parseLink(message.body);
    return this.#parents.has(name) || isOurHostDevice(name);
  }

  #isNews(watched: Watched, message: NetlinkMessage): boolean {
    const change = isLinkMessage(message) ? changeOf(watched.links, message) : isLateAddress(message) ? 'outcome' : 'setting';
    if (change === 'none' || this.#sockets.isOurs(message.port)) return false;
    if (message.port !== 0) return true;
    // Port 0: the kernel by itself, somebody by other means than a request, or whoever changes a device.
    if (watched.working > 0 || isAutomatic(message)) return false;
    return change === 'setting' || performance.now() >= watched.aftermathUntil;
  }
}

function watchRoutes(netns: string): NetlinkSocket {
  const socket = new NetlinkSocket(NETLINK.route, { netns });
  socket.join(GROUP.link);
  if (netns === HOST_NAMESPACE) return socket;
  for (const group of [...GROUP.address, ...GROUP.route, ...GROUP.rule, ...GROUP.settings]) socket.join(group);
  // Instances learn neighbours all the time.
  if (!isInstanceNamespace(netns)) socket.join(GROUP.neighbour);
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

const isLinkMessage = ({ type }: NetlinkMessage): boolean => type === RTM_LINK.new || type === RTM_LINK.delete;

const seen = ({ running, ...settings }: Link): Seen => ({ settings: JSON.stringify(settings), running });

/** What somebody sets, or what comes of that a moment later. */
type Change = 'none' | 'setting' | 'outcome';

/** What the message changes of what is known of a device; remembers what it says. */
function changeOf(links: Map<number, Seen>, { type, body }: NetlinkMessage): Change {
  const link = parseLink(body);
  if (type === RTM_LINK.delete) return links.delete(link.index) ? 'setting' : 'none';
  const before = links.get(link.index);
  const now = seen(link);
  links.set(link.index, now);
  if (now.settings !== before?.settings) return 'setting';
  return now.running === before.running ? 'none' : 'outcome';
}

/** Whoever adds an IPv6 address, the kernel tells of it when it has looked for duplicates, and then as of its own doing. */
const isLateAddress = ({ type, body }: NetlinkMessage): boolean => type === RTM_ADDRESS.new && parseAddress(body).address.includes(':');

/** Whether it tells of what the kernel does by itself all the time. */
function isAutomatic({ type, body }: NetlinkMessage): boolean {
  if (type === RTM_ROUTE.new || type === RTM_ROUTE.delete) return parseRoute(body).automatic;
  if (type === RTM_ADDRESS.new || type === RTM_ADDRESS.delete) return parseAddress(body).automatic;
  if (type === RTM_NEIGHBOUR.new || type === RTM_NEIGHBOUR.delete) return !parseNeighbour(body)?.permanent;
  return false;
}
