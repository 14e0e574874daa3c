import { toKernelError } from './errors.js';
import { NamespaceListener } from './netlink/listener.js';
import type { NetlinkMessage } from './netlink/message.js';
import { isInstanceNamespace } from './resources.js';

/** So many namespaces more than those still wanted are heard in vain before the listener is replaced by one that does not know them. */
const IN_VAIN = 16;

const LAST_READS = 64;

interface Named {
  readonly netns: string;
}

export interface Ears<T> {
  /** `messages` are valid only during the call; `lost`: there was more to it than could be read. */
  readonly onNews: (place: T, messages: Iterable<NetlinkMessage>, lost: boolean) => void;
  /** More came than the buffer holds: anything may have changed in any of the namespaces. */
  readonly onLoss: () => void;
}

/** Namespaces that are heard through one common listener. */
export class Hearing<T extends Named> {
  #listener: NamespaceListener;
  #ids = new Map<T, number>();
  #byId = new Map<number, T>();
  #inVain = 0;

  /** @throws {KernelError} where the kernel or a lack of permissions refuses. */
  constructor(
    private readonly groups: readonly number[],
    private readonly ears: Ears<T>,
  ) {
    this.#listener = this.#open(this.#byId);
  }

  /** Hears the namespace from now on. Returns whether it does. @throws {KernelError} not-found */
  add(place: T): boolean {
    return introduce(place, this.#listener, this.#ids, this.#byId);
  }

  remove(place: T): void {
    const id = this.#ids.get(place);
    if (id === undefined) return;
    this.#ids.delete(place);
    this.#byId.delete(id);
    this.#inVain++;
  }

  has(place: T): boolean {
    return this.#ids.has(place);
  }

  all(): Iterable<T> {
    return this.#ids.keys();
  }

  /** Tells what has come so far; whether that was all. */
  read(): 'all' | 'more' {
    return this.#listener.read(this.#newsOf(this.#byId));
  }

  /** The kernel offers what happens in a namespace as long as the listener knows it: if those are many, another one takes over. */
  forgetRemoved(): void {
    if (this.#inVain <= IN_VAIN + this.#ids.size) return;
    this.#inVain = 0;
    const ids = new Map<T, number>();
    const byId = new Map<number, T>();
    let next: NamespaceListener;
    try {
      next = this.#open(byId);
    } catch {
      // No more descriptors: the old one still does.
      return;
    }
    const missed: T[] = [];
    for (const place of this.#ids.keys()) if (!tries(() => introduce(place, next, ids, byId))) missed.push(place);
    // Whoever makes more of them than can be read does not keep this from ending.
    for (let reads = 0; reads < LAST_READS && this.read() === 'more'; reads++);
    this.#listener.close();
    [this.#listener, this.#ids, this.#byId] = [next, ids, byId];
    for (const place of missed) this.ears.onNews(place, [], true);
  }

  close(): void {
    this.#listener.close();
  }

  #open(byId: ReadonlyMap<number, T>): NamespaceListener {
    const listener = new NamespaceListener(this.groups);
    listener.listen(this.#newsOf(byId));
    return listener;
  }

  #newsOf(byId: ReadonlyMap<number, T>) {
    const { onNews, onLoss } = this.ears;
    return {
      onNews: (id: number, messages: Iterable<NetlinkMessage>, lost: boolean) => {
        const place = byId.get(id);
        if (place) onNews(place, messages, lost);
      },
      onLoss,
    };
  }
}

function introduce<T extends Named>(place: T, listener: NamespaceListener, ids: Map<T, number>, byId: Map<number, T>): boolean {
  try {
    const id = listener.introduce(place.netns, isInstanceNamespace(place.netns) ? 'seldom' : 'frequent');
    ids.set(place, id);
    byId.set(id, place);
    return true;
  } catch (error) {
    if (toKernelError(error).kind === 'not-found') throw error;
    return false;
  }
}

function tries(action: () => boolean): boolean {
  try {
    return action();
  } catch {
    return false;
  }
}
