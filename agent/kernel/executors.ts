import type { DeviceIndexes, NamedDevices } from './device-indexes.js';
import { type KernelError, throwFirst, toKernelError, unlessGone } from './errors.js';
import { ensureMacvlan, requireParent } from './macvlan.js';
import type { Monitor } from './monitor.js';
import { deleteAddress, newAddress } from './netlink/address.js';
import { changeLink } from './netlink/link.js';
import { deleteNeighbour, newNeighbour } from './netlink/neighbour.js';
import { addMembers, deleteMembers, destroySets, ensureSets } from './netlink/nft-sets.js';
import { deleteRoute, newRoute } from './netlink/route.js';
import { deleteRule, newRule } from './netlink/rule.js';
import { createNetns, deleteNetns, holdNetns } from './netns.js';
import { ensureGuard, ensureNft, removeGuard, removeNft } from './nft.js';
import { loadRuleset, removeRuleset } from './nft-ruleset.js';
import type { Observer } from './observe.js';
import { Pace } from './pace.js';
import { type KernelObject, type KernelOp, keyOf, type ObjectKey, type ObjectKind } from './port.js';
import { HOST_NAMESPACE } from './resources.js';
import type { NamespaceSockets } from './sockets.js';
import { resetForwarding, writeSysctls } from './sysctl.js';
import { deleteTuns, ensureTun, isServed } from './tun.js';
import { deleteLinks, ensureVeth } from './veth.js';
import { endWireguard, ensureWireguard } from './wireguard.js';

export interface Workshop {
  readonly sockets: NamespaceSockets;
  readonly monitor: Monitor;
  readonly observer: Observer;
}

/** A workshop for the time of some operations. */
export interface Bench extends Workshop {
  readonly devices: DeviceIndexes;
}

type Outcome = KernelError | null;
type Verb = KernelOp['verb'];

/** Requests of an object for a NETLINK_ROUTE socket in its namespace. They share a send with those before and after. */
interface Requests<K extends ObjectKind> {
  readonly by: 'requests';
  /** None: there is nothing to do. */
  readonly build: (object: KernelObject<K>, devices: NamedDevices, workshop: Bench) => Buffer[];
  /** Answers that mean it is as it shall be. */
  readonly settled: readonly string[];
  readonly after?: (key: ObjectKey, workshop: Bench) => void;
}

/** Work on several objects in one go. Only objects with the same `lane` come together. */
interface Work<K extends ObjectKind> {
  readonly by: 'work';
  readonly lane: (object: KernelObject<K>) => string;
  /** `from`: what each is an update of. */
  readonly run: (
    objects: readonly KernelObject<K>[],
    workshop: Bench,
    from: readonly (KernelObject<K> | undefined)[],
  ) => Promise<Outcome[]>;
}

export type Executor<K extends ObjectKind> = Requests<K> | Work<K>;

const perNetns = ({ netns }: { readonly netns: string }): string => netns;
const anywhere = (): string => '';

/** Each by itself: what fails does not touch the others. */
async function each<T>(objects: readonly T[], act: (object: T, place: number) => Promise<unknown> | unknown): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const pace = new Pace();
  for (const [place, object] of objects.entries()) {
    outcomes.push(await attempt(() => act(object, place)));
    await pace.breathe();
  }
  return outcomes;
}

async function attempt(act: () => Promise<unknown> | unknown): Promise<Outcome> {
  try {
    await act();
    return null;
  } catch (error) {
    return toKernelError(error);
  }
}

/** All of one namespace. Removing something from a namespace that is gone is done. */
async function inNetns<T extends { readonly netns: string }>(
  objects: readonly T[],
  act: (netns: string, objects: readonly T[]) => Outcome[],
  verb?: 'delete',
): Promise<Outcome[]> {
  const netns = objects[0]?.netns ?? '';
  try {
    return act(netns, objects);
  } catch (error) {
    const fault = toKernelError(error);
    return objects.map(() => (verb === 'delete' && fault.kind === 'not-found' ? null : fault));
  }
}

const makeNetns: Work<'netns'> = {
  by: 'work',
  lane: anywhere,
  run: (objects, { sockets, monitor }) =>
    each(objects, async ({ netns, holder }) => {
      if (holder) {
        monitor.untrack(netns);
        sockets.forget(netns);
        await holdNetns(netns, holder);
      } else {
        createNetns(netns);
        throwFirst(sockets.route(netns).batch([changeLink('lo', { up: true })]));
      }
      monitor.track(netns);
    }),
};

const makeSysctl: Work<'sysctl'> = { by: 'work', lane: perNetns, run: (objects) => inNetns(objects, writeSysctls) };

/** Devices of one namespace go together. */
const removal = (remove: typeof deleteLinks): Work<'veth' | 'macvlan' | 'tun'> => ({
  by: 'work',
  lane: perNetns,
  run: (objects, { sockets }) =>
    remove(
      sockets,
      objects[0]?.netns ?? '',
      objects.map(({ name }) => name),
    ),
});

const makeSet: Work<'set'> = {
  by: 'work',
  lane: perNetns,
  run: (objects, { sockets, monitor }) =>
    inNetns(objects, (netns, sets) => {
      const { outcomes, disturbed } = ensureSets(sockets.netfilter(netns), sets);
      if (disturbed) monitor.report(netns);
      return outcomes;
    }),
};

const addMember: Work<'member'> = {
  by: 'work',
  lane: perNetns,
  run: (objects, { sockets }) => inNetns(objects, (netns, members) => addMembers(sockets.netfilter(netns), members)),
};

/** Two at a time, one per tool: on another's heels they only wait for each other. */
const makeRuleset: Work<'ruleset'> = {
  by: 'work',
  lane: perNetns,
  run: (objects, { monitor, sockets }) =>
    Promise.all(
      objects.map(({ netns, family, text }) =>
        attempt(() => monitor.quietlyInRules(netns, () => loadRuleset(netns, family, text, () => sockets.netfilter(netns)))),
      ),
    ),
};

const makeNft: Work<'nft'> = {
  by: 'work',
  lane: perNetns,
  run: (objects, { monitor, sockets, observer }, from) =>
    Promise.all(
      objects.map((spec, place) =>
        attempt(() => {
          observer.noteRules(spec.netns);
          monitor.watchRulesOf(spec.netns);
          return monitor.quietlyInRules(spec.netns, () => ensureNft(spec, from[place], () => sockets.netfilter(spec.netns)));
        }),
      ),
    ),
};

const makeVeth: Work<'veth'> = {
  by: 'work',
  lane: anywhere,
  run: (objects, { sockets, monitor, devices }) =>
    each(objects, async (spec) => {
      const { disturbed, index, peerIndex } = await ensureVeth(sockets, spec);
      devices.learn(spec.netns, spec.name, index);
      devices.learn(spec.peer.netns, spec.peer.name, peerIndex);
      // Nobody may have planned to make again what was lost.
      if (disturbed) for (const netns of [spec.netns, spec.peer.netns]) monitor.report(netns);
    }),
};

const makeMacvlan: Work<'macvlan'> = {
  by: 'work',
  lane: perNetns,
  run: (objects, { sockets, monitor }) =>
    each(objects, async (spec) => {
      const { disturbed } = await ensureMacvlan(sockets, spec);
      if (disturbed) monitor.report(spec.netns);
    }),
};

const makeParent: Work<'parent'> = {
  by: 'work',
  lane: anywhere,
  run: (objects, { sockets, monitor }, from) =>
    each(objects, (spec, place) => {
      monitor.watchParent(spec.device);
      const { index } = requireParent(sockets, spec.device);
      return monitor.quietlyInRules(spec.netns, () => ensureGuard(spec, from[place], index, () => sockets.netfilter(spec.netns)));
    }),
};

const makeTun: Work<'tun'> = {
  by: 'work',
  lane: anywhere,
  run: (objects, { sockets }) => each(objects, (tun) => ensureTun(sockets, tun)),
};

const makeWireguard: Work<'wireguard'> = {
  by: 'work',
  lane: anywhere,
  run: (objects, { sockets }) => each(objects, (spec) => ensureWireguard(spec, () => isServed(sockets, spec))),
};

const addAddress: Requests<'address'> = {
  by: 'requests',
  build: ({ device, address }, devices) => [
    ...(device === 'lo' ? [changeLink('lo', { up: true })] : []),
    newAddress(devices.index(device), address),
  ],
  settled: [],
  after: (key, { observer }) => observer.noteAdded(key),
};

const setNeighbour: Requests<'neighbour'> = {
  by: 'requests',
  build: ({ device, address, mac }, devices) => [newNeighbour(devices.index(device), address, mac)],
  settled: [],
};

const setRoute: Requests<'route'> = {
  by: 'requests',
  build: (route, devices) => [newRoute(route, route.device === undefined ? undefined : devices.index(route.device))],
  settled: [],
};

const addRule: Requests<'rule'> = { by: 'requests', build: (rule) => [newRule(rule)], settled: ['EEXIST'] };

/** What carries out each operation: a new kind of object or verb does not compile without. */
export const EXECUTORS: { readonly [K in ObjectKind]: { readonly [V in Verb]: Executor<K> } } = {
  netns: {
    create: makeNetns,
    update: makeNetns,
    delete: {
      by: 'work',
      lane: anywhere,
      run: (objects, { sockets }) =>
        Promise.all(
          objects.map(({ netns }) =>
            attempt(() => {
              sockets.forget(netns);
              return deleteNetns(netns);
            }),
          ),
        ),
    },
  },
  sysctl: {
    create: makeSysctl,
    update: makeSysctl,
    // A setting has no absence: it goes with its namespace. In the host's own, which stays, those of ours are devices' forwarding.
    delete: {
      by: 'work',
      lane: perNetns,
      run: async (objects) =>
        objects[0]?.netns === HOST_NAMESPACE ? inNetns(objects, resetForwarding, 'delete') : objects.map(() => null),
    },
  },
  set: {
    create: makeSet,
    update: makeSet,
    delete: {
      by: 'work',
      lane: perNetns,
      run: (objects, { sockets }) => inNetns(objects, (netns, sets) => destroySets(sockets.netfilter(netns), sets), 'delete'),
    },
  },
  member: {
    create: addMember,
    update: addMember,
    delete: {
      by: 'work',
      lane: perNetns,
      run: (objects, { sockets }) => inNetns(objects, (netns, members) => deleteMembers(sockets.netfilter(netns), members), 'delete'),
    },
  },
  ruleset: {
    create: makeRuleset,
    update: makeRuleset,
    delete: {
      by: 'work',
      lane: perNetns,
      run: (objects, { sockets }) => each(objects, ({ netns, family }) => removeRuleset(family, sockets.netfilter(netns))).then(unlessGone),
    },
  },
  nft: {
    create: makeNft,
    update: makeNft,
    delete: {
      by: 'work',
      lane: perNetns,
      run: async (objects, { monitor }) => {
        const outcomes = await Promise.all(
          objects.map(({ netns }) => attempt(() => monitor.quietlyInRules(netns, () => removeNft(netns)))),
        );
        return unlessGone(outcomes);
      },
    },
  },
  veth: {
    create: makeVeth,
    update: makeVeth,
    delete: removal(deleteLinks),
  },
  macvlan: {
    create: makeMacvlan,
    update: makeMacvlan,
    delete: removal(deleteLinks),
  },
  parent: {
    create: makeParent,
    update: makeParent,
    delete: {
      by: 'work',
      lane: anywhere,
      run: (objects, { monitor }) =>
        each(objects, (spec) => {
          monitor.unwatchParent(spec.device);
          return monitor.quietlyInRules(spec.netns, () => removeGuard(spec));
        }),
    },
  },
  tun: {
    create: makeTun,
    update: makeTun,
    delete: removal(deleteTuns),
  },
  wireguard: {
    create: makeWireguard,
    update: makeWireguard,
    delete: { by: 'work', lane: anywhere, run: (objects) => each(objects, ({ device }) => endWireguard(device)) },
  },
  address: {
    create: addAddress,
    update: addAddress,
    delete: {
      by: 'requests',
      build: ({ device, address }, devices) => {
        const index = devices.find(device);
        return index === undefined ? [] : [deleteAddress(index, address)];
      },
      settled: ['EADDRNOTAVAIL', 'ENODEV'],
    },
  },
  neighbour: {
    create: setNeighbour,
    update: setNeighbour,
    delete: {
      by: 'requests',
      build: ({ device, address }, devices) => {
        const index = devices.find(device);
        return index === undefined ? [] : [deleteNeighbour(index, address)];
      },
      settled: ['ENOENT', 'ENODEV'],
    },
  },
  route: {
    create: setRoute,
    update: setRoute,
    delete: {
      by: 'requests',
      build: (route, _devices, { observer }) => [observer.deletionOf(keyOf(route)) ?? deleteRoute(route)],
      settled: ['ESRCH', 'ENOENT'],
    },
  },
  rule: {
    create: addRule,
    update: addRule,
    delete: {
      by: 'requests',
      build: (rule, _devices, { observer }) => [observer.deletionOf(keyOf(rule)) ?? deleteRule(rule)],
      settled: ['ENOENT'],
    },
  },
};
