import type { Logger } from 'pino';
import { applyOps } from './apply.js';
import { readCounters, readMacvlanCounters } from './counters.js';
import { probeFeatures } from './features.js';
import { hostDevice } from './macvlan.js';
import { Monitor } from './monitor.js';
import { Observer } from './observe.js';
import type { Kernel } from './port.js';
import { NamespaceSockets } from './sockets.js';

export interface LinuxKernelOptions {
  readonly log: Pick<Logger, 'warn'>;
}

/**
 * The machine's kernel. For the main thread of a process whose mount namespace has the names of namespaces (`/run/netns`);
 * needs CAP_NET_ADMIN and CAP_SYS_ADMIN. Opens nothing before it is used.
 */
export function createLinuxKernel({ log }: LinuxKernelOptions): Kernel {
  const sockets = new NamespaceSockets();
  const monitor = new Monitor(sockets, (error, netns) => log.warn({ err: error, netns }, 'cannot watch, relying on the periodic pass'));
  const observer = new Observer(sockets);
  return {
    observe: async (namespaces) => {
      const observed = await observer.observe(namespaces);
      for (const object of observed.values()) {
        if (object.kind === 'parent') monitor.watchParent(object.device);
        if (object.kind === 'nft') monitor.watchRulesOf(object.netns);
      }
      return observed;
    },
    apply: (ops) => applyOps(ops, { sockets, monitor, observer }),
    watch: (onChange) => monitor.start(onChange),
    counters: async (router, hostEnds) => readCounters(sockets, router, hostEnds),
    macvlanCounters: (queries) => readMacvlanCounters(sockets, queries),
    hostDevice: (name) => hostDevice(sockets, name),
    probe: () => probeFeatures(),
    close() {
      monitor.stop();
      sockets.close();
    },
  };
}
