import { KernelError } from './errors.js';
import { findLink } from './netlink/link.js';
import type { NamespaceSockets } from './sockets.js';

/** Indexes of the devices of one namespace. */
export interface NamedDevices {
  /** @throws {KernelError} not-found */
  index(device: string): number;
  find(device: string): number | undefined;
}

/** What is known of devices' indexes while operations follow each other that make or remove no device. */
export class DeviceIndexes {
  readonly #known = new Map<string, Map<string, number | undefined>>();

  constructor(private readonly sockets: NamespaceSockets) {}

  learn(netns: string, device: string, index: number): void {
    this.#of(netns).set(device, index);
  }

  forget(): void {
    this.#known.clear();
  }

  in(netns: string): NamedDevices {
    const known = this.#of(netns);
    const find = (device: string): number | undefined => {
      if (!known.has(device)) known.set(device, findLink(this.sockets.route(netns), { name: device })?.index);
      return known.get(device);
    };
    return {
      find,
      index(device) {
        const index = find(device);
        if (index === undefined) throw new KernelError(`no device ${device} in ${netns}`, { kind: 'not-found', errno: 'ENODEV' });
        return index;
      },
    };
  }

  #of(netns: string): Map<string, number | undefined> {
    const known = this.#known.get(netns) ?? new Map<string, number | undefined>();
    this.#known.set(netns, known);
    return known;
  }
}
