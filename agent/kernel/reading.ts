import { type Link, listLinks } from './netlink/link.js';
import { Pace } from './pace.js';
import type { NamespaceSockets } from './sockets.js';

/** What one observation shares between the namespaces that it looks at. */
export class Reading extends Pace {
  readonly #sockets: NamespaceSockets;
  readonly #links = new Map<string, readonly Link[]>();

  constructor(sockets: NamespaceSockets) {
    super();
    this.#sockets = sockets;
  }

  /** Devices of a namespace, listed once: a pair is looked at from both its ends. @throws {KernelError} not-found without the namespace. */
  links(netns: string): readonly Link[] {
    const known = this.#links.get(netns);
    if (known) return known;
    const links = listLinks(this.#sockets.route(netns));
    this.#links.set(netns, links);
    return links;
  }
}
